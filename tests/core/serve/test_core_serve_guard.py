"""The door of the live page."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from core.serve.asking import Asking
from persync.serve.app import _refuse
from persync.serve.guard import POLICY, Guard

TOKEN = "the-token"
PORT = 8642
HERE = f"127.0.0.1:{PORT}"


@pytest.fixture
def door() -> Asking:
    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("inside")(scope, receive, send)

    app = Guard(inside, token=TOKEN, port=PORT, refuse=_refuse)
    return Asking(app, f"http://{HERE}")


BEARER = {"Authorization": f"Bearer {TOKEN}"}


def test_who_has_no_token_or_a_wrong_one_gets_a_page_that_says_so(door: Asking) -> None:
    answers = [
        door.get("/"),
        door.get("/?token=wrong"),
        door.get("/?token="),
        door.get("/", headers={"Authorization": "Bearer wrong"}),
        door.get("/", headers={"Cookie": f"persync_{PORT}=wrong"}),
        door.get(f"/?token={TOKEN}&token=wrong"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert all("The token is missing or wrong." in answer.text for answer in answers)
    assert not any("set-cookie" in answer.headers for answer in answers)


def test_the_api_refuses_in_json(door: Asking) -> None:
    answer = door.get("/api/v1/metrics")

    assert answer.status_code == 403
    assert answer.json()["error"]["what"] == "The token is missing or wrong."


def test_the_token_of_an_address_becomes_a_cookie_that_no_script_and_no_other_site_can_use(door: Asking) -> None:
    answer = door.get(f"/part/pays?period=2026&token={TOKEN}")

    assert (answer.status_code, answer.headers["location"]) == (303, "/part/pays?period=2026")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"persync_{PORT}={TOKEN};")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} >= {"httponly", "samesite=strict", "path=/"}
    kept = {"Cookie": f"theme=dark; {cookie.split(';')[0]}"}
    assert door.get("/part/pays", headers=kept).text == "inside", "the cookie lets in"


def test_a_token_leads_to_no_other_host(door: Asking) -> None:
    answer = door.get(f"http://{HERE}//elsewhere.example/?token={TOKEN}")

    assert answer.headers["location"].startswith("/elsewhere.example")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": f"rebound.example:{PORT}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://{HERE}"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_another_host_or_another_page_is_refused_though_it_has_the_token(door: Asking, headers: dict[str, str]) -> None:
    answer = door.get("/", headers={**BEARER, **headers})

    assert answer.status_code == 403
    assert "inside" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": f"localhost:{PORT}"},
        {"Origin": f"http://{HERE}"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_its_own_pages_and_programs_are_let_in(door: Asking, headers: dict[str, str]) -> None:
    assert door.get("/", headers={**BEARER, **headers}).text == "inside"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(door: Asking, method: str) -> None:
    assert door.request(method, "/", headers=BEARER).status_code == 405


def test_every_answer_forbids_scripts_and_frames_of_others(door: Asking) -> None:
    for answer in (door.get("/", headers=BEARER), door.get("/")):
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
