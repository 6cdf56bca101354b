"""A store in which every word wants to be something else: what a job sends of it is inert in mails and chats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from fuzz import inert
from fuzz.hostile import HARM
from fuzz.shop import NOW, PLACES, make_shop
from persync.jobs.run import run_job
from persync.plugins import load_plugins
from persync.settings import load_project
from sinks import MAIL, Calls, Post, http_sink, parts, smtp_sink

LINK = "https://reports.example.com/shop?a=1&b=2"
JOB = """
[jobs.nightly]
pull = []
checks = [
  { metric = "ctr", max = -1, by = ["msg"] },
  { metric = "conversion_rate", max = -1, by = ["arm"], unknown = "pass" },
  { metric = "revenue_per_recipient", max = -1, by = ["ATTRIBUTE"] },
]
numbers = ["aov", "conversion_rate", "revenue_per_recipient"]
link = "LINK"
notify = [CHANNELS]
"""
CHATS = ("slack", "teams", "discord", "webhook")


@pytest.fixture(scope="module")
def words() -> dict[str, str]:
    found = {place: f"{place} {HARM[number % len(HARM)]}" for number, place in enumerate(PLACES)}
    return {**found, "shop alias": "alias.example"}


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory, words: dict[str, str]) -> Iterator[tuple[Post, Calls]]:
    folder = tmp_path_factory.mktemp("shop")
    make_shop(folder, words)
    with smtp_sink() as post, http_sink() as calls, pytest.MonkeyPatch.context() as patch:
        text = (JOB + MAIL).replace("PORT", str(post.port)).replace("LINK", LINK)
        text = text.replace('"ATTRIBUTE"', json.dumps(words["attribute"]))
        text = text.replace("CHANNELS", ", ".join(f'{{ to = "{name}", on = ["always"] }}' for name in ("owner", *CHATS)))
        for name in CHATS:
            text += f'[notify.{name}]\nvia = "{name}"\nurl_env = "URL"\n'
        with (folder / "persync.toml").open("a", encoding="utf-8") as file:
            file.write(text)
        patch.setenv("URL", f"{calls.url}/hook")
        host = load_plugins()
        project = load_project(folder, host)
        code = run_job(host, project, "nightly", project.jobs["nightly"], now=NOW, wait=0, say=lambda line: None)
        assert code == 6
        yield post, calls


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


class Page(HTMLParser):
    """Reads a mail: it may have these elements, with a style and a link to the report, and nothing that runs or loads."""

    MAY = frozenset("html head meta title body div h1 h2 p table tbody tr th td br span strong ul li a".split())  # noqa: SIM905

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words = ""
        self.links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.MAY, tag
        assert {name for name, _ in attrs} <= {"lang", "charset", "name", "content", "style", "scope", "href"}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def test_names_of_the_store_are_in_what_is_sent(sent: tuple[Post, Calls]) -> None:
    """Else the other tests would hold of nothing."""
    post, calls = sent
    text = parts(post.mails[0])["text"]

    for place in ("shop name", "title", "north", "arm treated"):
        assert f"{place} " in text
    assert len(calls.bodies) == len(CHATS)


def test_a_mail_is_inert_in_both_its_forms(sent: tuple[Post, Calls]) -> None:
    post, _ = sent
    (mail,) = post.mails
    found = parts(mail)
    page = Page()

    page.feed(found["html"])
    page.close()

    inert.terminal(found["text"])
    inert.terminal(found["html"])
    inert.terminal(str(mail["subject"]))
    assert page.links == [LINK]
    assert mail["bcc"] is None
    assert post.receivers == [["owner@example.com"]]
    assert inert.letters(str(mail["subject"])) in inert.letters(page.words)


def test_a_chat_is_sent_no_mark_that_it_would_obey(sent: tuple[Post, Calls]) -> None:
    _, calls = sent
    slack, teams, discord, hook = calls.bodies

    for one in (*texts(slack), *texts(teams), *texts(discord), *texts(hook)):
        inert.terminal(one)
        assert "zoe@example.com" not in one
    marked = [block["text"]["text"] for block in slack["blocks"] if block.get("text", {}).get("type") == "mrkdwn"]
    assert marked == [f"<{LINK.replace('&', '&amp;')}|Read the report>"]
    assert not re.search(r"<[!@#h]", slack["text"])
    assert discord["allowed_mentions"] == {"parse": []}

    card = teams["attachments"][0]["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}  # it knows no Markdown and no mention
    (embed,) = discord["embeds"]
    cells = [embed["title"], embed["description"], *texts(embed["fields"])]
    reader = MarkdownIt("commonmark")
    for one in cells:
        kinds = {token.type for inline in reader.parse(one) if inline.type == "inline" for token in inline.children or ()}
        assert kinds <= {"text", "text_special", "softbreak"}, one
