"""The files that tell what no platform does: visits, posts, hours, advertising, surveys, wallets, who is who."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from persync.errors import ImportFileError
from persync.imports.csvfile import read_batch
from persync.imports.files import IMPORTERS
from persync.rows import AdSpend, ConsentChange, Contact, Feedback, Person, Row, Session, SocialPost, Wallet, WorkTime
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import write_batch

KINDS = {importer.kind: importer for importer in IMPORTERS}
MARCH_1, APRIL_1 = 1_740_787_200_000, 1_743_465_600_000
Read = Callable[[str, str], list[Row]]

FILES = {
    "sessions": "session,at,person,source,medium,campaign,device,pages,seconds,bounced,experience,converted\n"
    "s1,2025-03-01,ann@example.com,newsletter,email,spring,mobile,3,41.5,0,personalised,1\n"
    "s2,2025-03-01,,,,,,1,,yes,,\n",
    "social": "network,post,at,campaign,reach,followers,likes,shares,comments\n"
    "photos,p1,2025-03-01,spring,1000,,40,5,2\n"
    "photos,p2,2025-03-01,,,900,,,\n",
    "time": "task,from,to,hours_before,hours_after,hourly_rate,currency,on_cost,output\n"
    "newsletter,2025-03-01,2025-04-01,20,4,20,USD,0.2,4\n"
    "tickets,2025-03-01,2025-04-01,,30,,,,120\n",
    "ads": "date,channel,amount,currency,campaign,purpose\n"
    "2025-03-01,paid_search,12.50,EUR,,\n"
    "2025-03-01,paid_search,12.50,EUR,,\n"
    "2025-03-01,paid_social,7,EUR,spring,list\n",
    "surveys": "answer,at,kind,value,person,survey,channel\na1,2025-03-01,nps,9,ann@example.com,after purchase,email\n",
    "wallet": "person,category,from,to,amount,currency\nann@example.com,shoes,2025-03-01,2025-04-01,200,EUR\n",
    "consents": "person,channel,state,at\nann@example.com,personalisation,unsubscribed,2025-03-01\n",
    "audit": "item,answer,at,scope,value\nnotice,yes,2025-03-01,,\nstaff_trained,yes,2025-03-01,,0.5\n",
    "people": "person,same_as\nann@example.com,card-7\n",
}
ANN = Person(("email", "ann@example.com"))


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def rows(kind: str, text: str) -> list[Row]:
        path = tmp_path / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        return list(read_batch(path, KINDS[kind], name=path.name).rows)

    return rows


def test_every_line_becomes_one_row_and_what_was_not_told_is_none(read: Read) -> None:
    assert {kind: read(kind, text) for kind, text in FILES.items()} == {
        "sessions": [
            Session("s1", ANN, MARCH_1, "newsletter", "email", "spring", "mobile", 3, 41.5, False, "personalised", True),
            Session("s2", None, MARCH_1, None, None, None, None, 1, None, True, None, None),
        ],
        "social": [
            SocialPost("photos", "p1", MARCH_1, "spring", 1000, None, 40, 5, 2),
            SocialPost("photos", "p2", MARCH_1, None, None, 900, None, None, None),
        ],
        "time": [
            WorkTime(f"{MARCH_1}|{APRIL_1}|newsletter", "newsletter", MARCH_1, APRIL_1, 20, 4, 2000, "USD", 0.2, 4),
            WorkTime(f"{MARCH_1}|{APRIL_1}|tickets", "tickets", MARCH_1, APRIL_1, None, 30, None, None, None, 120),
        ],
        "ads": [
            AdSpend(f"{MARCH_1}|paid_search|||EUR|1250/0", MARCH_1, "paid_search", None, None, 1250, "EUR"),
            AdSpend(f"{MARCH_1}|paid_search|||EUR|1250/1", MARCH_1, "paid_search", None, None, 1250, "EUR"),
            AdSpend(f"{MARCH_1}|paid_social|spring|list|EUR|700/0", MARCH_1, "paid_social", "spring", "list", 700, "EUR"),
        ],
        "surveys": [Feedback("a1", ANN, "NPS", "after purchase", "email", 9, None, MARCH_1)],
        "wallet": [Wallet(ANN, "shoes", MARCH_1, APRIL_1, 20000, "EUR")],
        "consents": [ConsentChange(ANN, "personalisation", "unsubscribed", MARCH_1)],
        "audit": [
            Feedback(f"audit|notice||{MARCH_1}", None, "AUDIT", "notice", None, None, "yes", MARCH_1),
            Feedback(f"audit|staff_trained||{MARCH_1}", None, "AUDIT", "staff_trained", None, 0.5, "yes", MARCH_1),
        ],
        "people": [Contact(Person(("email", "ann@example.com"), ("opaque", "card-7")))],
    }


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("sessions", "session,at,pages\ns1,2025-03-01,-1\n", "sessions.csv, line 2: 'pages' is below zero."),
        ("sessions", "session,at\ns1,2025-03-01\ns1,2025-03-02\n", "line 3"),
        ("sessions", "session,at\nann@example.com,2025-03-01\n", "column 'session': this looks like an e-mail address"),
        ("time", "task,from,to\nmail,2025-03-02,2025-03-01\n", "time.csv, line 2: the period ends before it begins."),
        ("time", "task,from,to,hourly_rate\nmail,2025-03-01,2025-03-02,20\n", "'hourly_rate': an amount needs a currency"),
        ("time", "task,from,to,on_cost\nmail,2025-03-01,2025-03-02,-0.2\n", "'on_cost' is below zero."),
        ("ads", "date,channel,amount,currency\n2025-03-01,x,1,ZZZ\n", "'ZZZ' is not a currency that ISO 4217 knows"),
        ("ads", "date,channel,amount,currency,purpose\n2025-03-01,x,1,EUR,aquisition\n", "acquisition"),
        ("wallet", "person,category,from,to,amount,currency\na,shoes,2025-03-01,2025-04-01,-1,EUR\n", "'amount' is"),
        ("consents", "person,channel,state,at\na,email,maybe,2025-03-01\n", "subscribed"),
        ("audit", "item,answer,at\nnotise,yes,2025-03-01\n", "notice"),
        ("people", "person,same_as\nann@example.com,\n", "column 'same_as': the cell is empty."),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_is_refused_with_its_place(read: Read, kind: str, text: str, said: str) -> None:
    with pytest.raises(ImportFileError) as caught:
        read(kind, text)

    assert said in str(caught.value)


def test_they_are_kept_once_and_shown_in_views(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        changed = []
        for turn in (1, 2):
            for kind, text in FILES.items():
                path = tmp_path / f"{kind}.csv"
                path.write_text(text, encoding="utf-8")
                batch = read_batch(path, KINDS[kind], name=f"{turn} {kind}.csv")
                changed.append(write_batch(store, "files", "files", batch, now=turn))
        derive(store, aliases={})
        views = ("v_sessions", "v_social_posts", "v_work_times", "v_ad_spend", "v_wallets", "v_feedback")
        shown = {view: store.db.execute(f"SELECT count(*) FROM {view}").fetchone()[0] for view in views}
        hours = store.db.execute("SELECT task, hours_before, rate, on_cost FROM v_work_times ORDER BY 1").fetchall()
        people = store.db.execute("SELECT count(DISTINCT person) FROM person_of").fetchone()[0]

    assert all(changed[: len(FILES)])
    assert not any(changed[len(FILES) :])
    assert shown == {"v_sessions": 2, "v_social_posts": 2, "v_work_times": 2, "v_ad_spend": 3, "v_wallets": 1, "v_feedback": 3}
    assert hours == [("newsletter", 20.0, "20.00", 0.2), ("tickets", None, None, None)]
    assert people == 1
