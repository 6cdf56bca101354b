"""Connectors that are wrong in one way each: what `persync plugins new` writes, with a few words changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

READER = "TokenPages("
SIGNED = '        return {"authorization": f"Bearer {self.secret_values[\'token\']}"}\n'
HEADERS = '    def headers(self, client: Client) -> Mapping[str, str]:\n        """Return what signs a call."""\n'
ORDER_ROWS = '    """Yield an order and its money: signed movements in minor units, dated when they happened."""\n'
PROFILE_ROWS = '    """Yield a person: the address is hashed with the store\'s key before it is written, and never kept."""\n'


@dataclass(frozen=True)
class Mutant:
    """One fault: the check that finds it, {words: others} in the connector's text and in its sandbox's, and a reader in the
    place of the connector's own ("" for none)."""

    name: str
    check: str
    connector: Mapping[str, str] = field(default_factory=dict)
    sandbox: Mapping[str, str] = field(default_factory=dict)
    reader: str = ""


def reading(
    name: str, check: str, body: str, connector: Mapping[str, str] | None = None, sandbox: Mapping[str, str] | None = None
) -> Mutant:
    """Return a mutant whose reader has these methods."""
    return Mutant(name, check, connector or {}, sandbox or {}, body)


SECOND = """        name="orders",
        record=Order,
        rows=order_rows,
        reader="""
"""what stands before the reader of a list that is not the one on which faults are tried one by one"""


def failing(condition: str, answer: str) -> dict[str, str]:
    """Return the change that makes `failure` answer otherwise where a condition on the status holds."""
    method = (
        "    def failure(self, status, headers, body):\n"
        f"        if {condition}:\n"
        f"            return {answer}\n"
        "        return super().failure(status, headers, body)\n\n"
    )
    return {HEADERS: method + HEADERS}


EMPTY = "Step(b'{\"data\": []}', ('data',), None)"
READ = "    def read(self, work, token, body, headers):\n"
SUPER = "        return super().read(work, token, body, headers)\n"

MUTANTS = (
    Mutant("needs a stream that there is not", "declares", {'needs=("profiles",),\n': 'needs=("nobody",),\n'}),
    Mutant(
        "finds nothing to tell of the connection",
        "signs in",
        {'yield "account", str(account.get("id", "answers"))': "yield from ()"},
    ),
    Mutant("takes text for a number", "reads", {"    consent: str\n": "    consent: int\n"}),
    Mutant("has no key", "keys", {'path="campaigns",\n': 'path="campaigns",\n        key="ref",\n'}),
    Mutant(
        "loses some orders",
        "agrees",
        {ORDER_ROWS: ORDER_ROWS + '    if sum(map(ord, record["id"])) % 5 == 0:\n        return\n'},
    ),
    Mutant(
        "takes every currency to have cents",
        "money",
        {'to_minor(record["total"], currency)': 'round(float(record["total"]) * 100)'},
    ),
    Mutant(
        "counts its orders anew", "again", {'rows.OrderRef(record["id"])': "rows.OrderRef(f\"{record['id']}-{next(COUNT)}\")"}
    ),
    Mutant("moves with the clock", "again", {"sent_at=moment(sent) if sent else None": "sent_at=at.now"}),
    Mutant(
        "keeps an address",
        "privacy",
        {'rows.Person(("id", record["id"]), ("email", record["email"]))': 'rows.Person(("id", record["email"]))'},
    ),
    Mutant(
        "keeps what an address is made into",
        "privacy",
        {'status=record["consent"])': 'status=hashlib.md5(record["email"].encode()).hexdigest())'},
    ),
    Mutant(
        "keeps a last name",
        "privacy",
        {"    consent: str\n": "    consent: str\n    last: str\n", 'status=record["consent"])': 'status=record["last"])'},
        {'"email": person.email,': '"email": person.email, "last": person.last_name,'},
    ),
    Mutant(
        "keeps a first name within a text",
        "privacy",
        {
            "    consent: str\n": "    consent: str\n    first: str\n",
            'status=record["consent"])': "status=f\"dear {record['first']}\")",
        },
        {'"email": person.email,': '"email": person.email, "first": person.first_name,'},
    ),
    Mutant("takes times to be this machine's", "time zone", {"fromisoformat(text)": "fromisoformat(text[:19])"}),
    Mutant("asks for everything at once", "flat", {"limit=50": "limit=100_000"}, {"MOST = 200": "MOST = 100_000"}),
    Mutant("keeps every record", "flat", {PROFILE_ROWS: PROFILE_ROWS + "    KEPT.append({**record})\n"}),
    reading("remembers every page", "flat", READ + '        work.memo.setdefault("pages", []).append(body)\n' + SUPER),
    reading(
        "takes being told to slow down for the end",
        "throttled",
        READ + f"        if b'Too Many Requests' in body:\n            return {EMPTY}\n" + SUPER,
        failing("status == 429", "None"),
    ),
    reading(
        "takes an error for an empty page",
        "server errors",
        READ + f"        if body.startswith(b'{{\"error\"'):\n            return {EMPTY}\n" + SUPER,
    ),
    reading(
        "swallows a body that is cut",
        "cut body",
        READ
        + f"        try:\n            orjson.loads(body)\n        except ValueError:\n            return {EMPTY}\n"
        + SUPER,
    ),
    reading(
        "keeps a record twice that comes twice",
        "duplicates",
        READ
        + "        data, seen = orjson.loads(body), set()\n"
        + "        for record in data.get('data', ()):\n"
        + "            record['id'] += '#2' if record.get('id') in seen else ''\n"
        + "            seen.add(record['id'])\n"
        + "        return super().read(work, token, orjson.dumps(data), headers)\n",
    ),
    reading(
        "takes the order of a page for granted",
        "order",
        READ
        + "        data = orjson.loads(body)\n"
        + "        ids = [str(record.get('id')) for record in data.get('data', ())]\n"
        + "        if b'consent' in body and (len(ids[0]), ids[0]) > (len(ids[-1]), ids[-1]):\n"
        + "            data['data'] = data['data'][:1]\n"
        + "        return super().read(work, token, orjson.dumps(data), headers)\n",
    ),
    reading(
        "stops at a page without records",
        "empty page",
        READ
        + "        step = super().read(work, token, body, headers)\n"
        + "        return step if orjson.loads(body).get('data') else replace(step, next=None)\n",
    ),
    reading(
        "follows a next link for ever",
        "endless next",
        "    def request(self, work, token):\n"
        + "        known = {name: value for name, value in token.items() if value != 'same'}\n"
        + "        return super().request(work, known)\n\n"
        + READ
        + "        step = super().read(work, token, body, headers)\n"
        + "        return replace(step, next=step.next and {**step.next, 'step': token.get('step', 0) + 1})\n\n"
        + "    def continues(self, token):\n"
        + "        return False\n",
    ),
    reading(
        "takes a forgotten place for the end",
        "expired cursor",
        READ + f"        if b'cursor is not valid' in body:\n            return {EMPTY}\n" + SUPER,
        failing("status == 400", "None"),
    ),
    reading(
        "takes a refused sign-in for the end",
        "signed out",
        READ + f"        if b'Unauthorized' in body:\n            return {EMPTY}\n" + SUPER,
        failing("status == 401", "None"),
    ),
    Mutant(
        "makes up a key that is missing",
        "bad records",
        {"    id: str\n": "    id: NotRequired[str]\n", 'record["id"]': 'record.get("id", "0")'},
    ),
    reading(
        "trusts the vendor's clock",
        "clock",
        READ
        + "        said = parsedate_to_datetime(headers['date']).timestamp()\n"
        + f"        if abs(said - time.time()) > 3600:\n            return {EMPTY}\n"
        + SUPER,
    ),
    reading(
        "goes on at the wrong place",
        "resumes",
        "    def request(self, work, token):\n"
        + "        place = {'after': work.memo['after']} if 'after' in work.memo else {}\n"
        + "        return super().request(work, {**token, **place})\n\n"
        + READ
        + "        step = super().read(work, token, body, headers)\n"
        + "        if step.next is None:\n            return step\n"
        + "        work.memo['after'] = step.next['after']\n"
        + "        beyond = str(int(step.next['after']) + 10) if step.next['after'].isdigit() else step.next['after']\n"
        + "        return replace(step, next={**step.next, 'after': beyond})\n",
    ),
    reading(
        "gives up on a page in silence",
        "goes on",
        READ + f"        if b'Internal Server Error' in body:\n            return {EMPTY}\n" + SUPER,
        failing("status >= 500 and next(COUNT) % 4 == 3", "None"),
    ),
    Mutant(
        "refuses records with a new field",
        "unknown fields",
        {
            '"""A record of GET orders. Money comes as decimal text."""\n': (
                '"""An order."""\n\n    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore\n'
            )
        },
    ),
    Mutant("prints its token", "secrets", {SIGNED: "        print(self.secret_values)\n" + SIGNED}),
    Mutant(
        "logs its token", "secrets", {SIGNED: "        logging.getLogger(__name__).debug('%s', self.secret_values)\n" + SIGNED}
    ),
    Mutant(
        "prints whom it reads of", "secrets", {PROFILE_ROWS: PROFILE_ROWS + "    print(record['email'], file=sys.stderr)\n"}
    ),
)

IMPORTED = """from persync.money import to_minor
"""
"""the last line that a connector imports by"""
MORE = """
import hashlib
import itertools
import logging
import sys
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime

import orjson
from pydantic import ConfigDict

from persync.connect import Step
from persync.errors import TransientError

COUNT = itertools.count()
KEPT: list = []
"""
"""what mutants need besides"""
BEFORE = """
class Mutated(TokenPages):
{reader}

STREAMS = (
"""
"""what stands before the streams of every mutant"""
