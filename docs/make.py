"""Fills in the generated parts of README.md and docs/*.md from the code, so that neither can drift from the other.

    python docs/make.py            # write what is out of date
    python docs/make.py --check    # write nothing; exit with 1 and name what is out of date

A generated part stands between the lines `<!-- docs/make.py: NAME -->` and `<!-- end -->`; the rest is written by hand.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

ROOT: Final = Path(__file__).resolve().parents[1]
BUNDLED: Final = ("mailchimp", "shopify", "hubspot", "files")
_BLOCK = re.compile(r"(<!-- docs/make\.py: (?P<name>\S+) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)

SHORT: Final = 130
"""a weight of more signs is not shown: its summary says it better"""

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "People": {
        "person_keys": "Every key somebody is known by. Kinds email, member, mc_eid and opaque are stored as keyed hashes; "
        "email and mc_eid have connection 0, so that one address is one key everywhere.",
        "links": "Two keys that are one person, and why: same_record, vendor_merge.",
        "person_of": "The person of each key: the connected keys, named after the one that sorts first.",
        "contacts": "A person as one platform knows them, without who they are.",
        "consents": "The consent of a person for a channel; one more numbered row whenever something changed.",
        "consent_changes": "What a platform's own log says of consent: each change when it happened.",
        "attributes": "Opted-in attributes, coarsened, each with its basis.",
        "stages": "When a person entered a life-cycle stage.",
        "fields": "The fields that a list has.",
        "segments": "Lists, tags, segments, interests.",
        "memberships": "Who is in a segment; `left_at` is when a pull first missed them.",
        "companies": "Companies that people belong to, without their names.",
        "tickets": "Requests for help, without their text.",
        "feedback": "Answers to surveys, without their text; `value` counts only beside `kind`.",
        "wallets": "What a person says to spend on a category, here and elsewhere.",
    },
    "Campaigns and messages": {
        "campaign_keys": "Every key a campaign is known by. Kinds mc_cid, hsmi and utm have connection 0.",
        "campaign_aliases": "Other keys of a campaign.",
        "campaign_of": "The campaign that each key means.",
        "campaigns": "A message that was or will be sent.",
        "campaign_evidence": "What was found in a campaign that makes it personal.",
        "campaign_levels": "The level from 0 to 4 (null = unknown) and why.",
        "variants": "The variants of an A/B test.",
        "campaign_counters": "The platform's own totals; one more numbered row whenever one changed.",
        "campaign_links": "URLs without query and fragment.",
        "link_counters": "The platform's totals for one link of a campaign; one more numbered row whenever one changed.",
        "touchpoints": "What was sent to, opened, clicked or visited by whom and when.",
        "sessions": "Visits to the shop's site as a web analytics tool counted them.",
        "social_posts": "Posts on social networks and what came back.",
    },
    "Orders and money": {
        "order_keys": "An order as one system names it, and which shop's order it is a copy of.",
        "order_of": "Which keys are one order, and the one whose money counts.",
        "orders": "The head of an order or deal.",
        "order_people": "Further people on an order or deal.",
        "order_lines": "What was bought.",
        "order_ledger": "Every movement of an order's money, signed, by part, when it happened. Revenue is its sum.",
        "order_discounts": "What was taken off an order, by code, title or hand.",
        "order_payments": "Money that moved for an order as the payment provider saw it, with its fee. Never joined to lines.",
        "carts": "Carts and checkouts, also those that never became an order, and what became of the reminder.",
        "products": "What a platform sells.",
        "unit_costs": "What a piece costs the shop; one more numbered row whenever it changed. Null: the shop entered none.",
        "promo_codes": "The codes of promotions and what they take off.",
        "claims": "What a platform says it earned; one more numbered row whenever it changed. Never added to revenue.",
        "costs": "Money spent on the programme.",
        "ad_spend": "What advertising cost, by channel and day. No part of the programme's own costs.",
        "work_times": "Hours that tasks took before a tool and with it.",
    },
    "Experiments and decisions": {
        "assignments": "Who was drawn into which arm.",
        "outcomes": "Numbers an experiment can be read on.",
        "decisions": "Who was selected for something, and who was not.",
    },
    "Names and bookkeeping": {
        "connections": "Each connection and what its account says of itself.",
        "words": "Texts of `touchpoints.channel` and `.source` by number.",
        "actions": "Names of `touchpoints.action` by number.",
        "meta": "What the store remembers about itself.",
        "checkpoints": "Where each part of each stream goes on.",
        "coverage": "From when to when each part of each stream is complete, or why not.",
        "deletions": "What a platform deleted, or no longer names in a complete listing. Facts about it stay.",
        "present": "What a complete listing under way has named so far.",
        "parked": "Records of a bulk result that wait for the others they belong to.",
        "rejects": "Records that did not fit: where, which field, why, and their shape without words.",
        "versions": "Which version of a record was written last.",
        "dirty": "What the mirror must write again.",
        "touch_months": "Which campaigns were ever touched in which month: where the mirror looks for a month's touches.",
        "runs": "Every run with its exit code.",
        "log": "What happened, each entry chained to the one before.",
        "tombstones": "Keyed hashes of erased people, who are not stored again.",
        "erased_counts": "How many touches of erased people a campaign had, by action. No key, no time.",
        "erased_outcomes": "How many erased people an arm had (outcome empty), and the sums of their outcomes.",
        "imported_files": "Which file was read, and its digest.",
    },
}
"""Every table with one sentence, in the order of the page; a table that is missing here stops the making."""


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield every command with its full name, subcommands in place of their group."""
    from persync.cli import COMMANDS, root

    top = click.Context(root, info_name="persync", **root.context_settings)
    for name in COMMANDS:
        command = root.get_command(top, name)
        assert command is not None
        here = click.Context(command, info_name=name, parent=top)
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield name, command, here
            for sub, inner in sorted(command.commands.items()):
                yield f"{name} {sub}", inner, click.Context(inner, info_name=sub, parent=here)
        else:
            yield name, command, here


def faults() -> str:
    """Return the table of the faults a sandbox can serve."""
    from persync.sandbox.fault_words import WORDS

    rows = [f"| `{kind}` | {does} | {made} |" for kind, (does, made) in sorted(WORDS.items())]
    return "\n".join(["| kind | what it does | what persync makes of it |", "| --- | --- | --- |", *rows])


def command_list() -> str:
    """The line of each command that `persync --help` shows."""
    from persync.cli import COMMANDS

    return _table(("command", ""), ((f"`persync {name}`", line) for name, (_, line) in COMMANDS.items()))


def command_reference() -> str:
    """Each command with its usage, its help and its options."""
    from persync.cli.examples import examples_of

    parts = []
    for name, command, context in commands():
        usage = " ".join(["persync", name, *command.collect_usage_pieces(context)])
        options = "\n".join(_options(command, context))
        examples = "\n".join(examples_of(name))
        parts.append(f"## {name}\n\n    {usage}\n\n{_prose(command.help or '')}\n" + (f"\n{options}\n" if options else ""))
        parts[-1] += f"\n```sh\n{examples}\n```\n" if examples else ""
    return "\n".join(parts)


def shared_options() -> str:
    """The options that every command takes."""
    from persync.cli import root

    context = click.Context(root, info_name="persync", **root.context_settings)
    return "\n".join([*_options(root, context), "- `-h, --help` Show this message and exit."])


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        # By what it is, not by its name: a command remembers the names of the first context that asked for it.
        hidden = getattr(parameter, "hidden", False) or parameter is command.get_help_option(context)
        record = None if hidden else parameter.get_help_record(context)
        if record is not None:
            yield f"- `{record[0]}` {record[1]}".rstrip()


def importers() -> str:
    """Each kind of file with its columns."""
    from persync.imports.files import IMPORTERS
    from persync.measure.costs import CATEGORIES

    parts = []
    for importer in IMPORTERS:
        rows = []
        for column in importer.columns:
            words = [column.help] if column.help else []
            words += [f"one of {', '.join(column.choices)}"] if column.choices else []
            words += ["the cell may be empty"] if column.may_be_empty and "empty" not in column.help else []
            rows.append((f"`{column.name}`" + ("" if column.required else " ?"), column.kind, "; ".join(words)))
        once = f"\nOnce in a file: {', '.join(f'`{name}`' for name in importer.once)} together.\n" if importer.once else ""
        parts.append(f"## {importer.kind}\n\n{importer.summary}\n\n{_table(('column', 'kind', ''), rows)}{once}")
        if importer.kind == "attributes":
            parts.append(
                "What tells who somebody is (age, gender, place, language, family, income, a special category) needs a basis:"
                " in its line, or under `[connections.NAME.attributes]` of a `files` connection for all lines. Of an age its"
                " band is kept, of a postal code its region, of a date its year; a date of birth, a name and an address are"
                " refused.\n"
            )
        if importer.kind == "costs":
            parts.append(
                f"Any category may stand there; the report names those of {', '.join(CATEGORIES)} that have no entry. A scope"
                " that is the name of an experiment makes the cost that experiment's.\n"
            )
    return "\n".join(parts)


def connections() -> str:
    """What each connector that comes with persync can be told, and where its secrets are looked for."""
    from persync.connect import ConnectionSettings
    from persync.plugins import load_plugins

    host = load_plugins()
    rows = []
    for name in BUNDLED:
        connector = host.connectors[name]
        own = [
            f"`{key}`" + (" (required)" if info.is_required() else "")
            for key, info in connector.settings_type.model_fields.items()
            if key not in ConnectionSettings.model_fields and key != "folder"
        ]
        secrets = ", ".join(f"`{secret}`: `{env}`" for secret, env in connector.secrets.items())
        rows.append((f"`{name}`", ", ".join(own), secrets, connector.help))
    return _table(("connector", "its own keys", "secrets: variable", "where they come from"), rows)


def hooks() -> str:
    """Each hook with its signature, what it says, and the type it yields."""
    from persync import hookspecs
    from persync.plugins import _KINDS, _resolve

    parts = []
    for kind in _KINDS.values():
        hook = getattr(hookspecs, kind.hook)
        offered = _resolve(kind.type)
        module, _, name = kind.type.partition(":")
        shape = f"    def {kind.hook}{inspect.signature(hook)}".replace("'", "")
        text = f"## {kind.hook}\n\n{shape}\n\n{_prose(inspect.getdoc(hook) or '')}\n\n"
        text += f"`{_public(module, name)}.{name}`: {_prose(inspect.getdoc(offered) or '')}\n"
        if dataclasses.is_dataclass(offered):
            fields = [(f"`{field.name}`", f"`{field.type}`") for field in dataclasses.fields(offered)]
            text += "\n" + _table(("field", "type"), fields)
        parts.append(text)
    return "\n".join(parts)


def _public(module: str, name: str) -> str:
    """Return the shortest module that a type can be imported from."""
    package = module.rpartition(".")[0]
    return package if name in getattr(__import__(package, fromlist=["x"]), "__all__", ()) else module


def metrics() -> str:
    """Each registered metric."""
    from persync.measure import METRICS

    parts = []
    for metric in sorted(METRICS, key=lambda metric: metric.id):
        lines = [f"- **Formula** {metric.formula}", f"- **Unit** {metric.unit}"]
        lines += [f"- **By** {', '.join(metric.dimensions)}"] if metric.dimensions else []
        refused = "; ".join(f"{name}: {why}" for name, why in metric.refused.items())
        lines += [f"- **Not by** {refused}"] if refused else []
        lines += [f"- **Edge cases** {metric.edge_cases}"] if metric.edge_cases else []
        lines += [f"- **Reads** {', '.join(f'`{table}`' for table in metric.data)}"] if metric.data else []
        parts.append(f"## {metric.id}\n\n{metric.title}. {metric.definition}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def reasons() -> str:
    """Why a value can be missing."""
    from persync.report.words import REASONS

    return _table(("reason", "means"), ((f"`{code}`", text) for code, text in REASONS.items()))


def models() -> str:
    """Each attribution model with its weight, where that is short enough to be read."""
    from persync.attribution.models import MODELS
    from persync.attribution.registry import FITTED

    weights = {model.name: _weight(model.weight, model.params) for model in MODELS}
    written = {name: f"`{weight}`" if len(weight) <= SHORT else "as said" for name, weight in weights.items()}
    rows = [(f"`{model.name}`", model.summary, written[model.name]) for model in MODELS]
    rows += [(f"`{model.name}`", model.summary, f"fitted to `{model.needs}`") for model in FITTED]
    return _table(("model", "", "weight of a touch"), rows)


def _weight(expression: str, params: Mapping[str, float]) -> str:
    for name, value in params.items():
        expression = expression.replace(f":{name}", f"{value:g}")
    return expression


def tables() -> str:
    """Every table of the store: what it holds, and its columns; those of its key are bold."""
    from persync.store.schema import DERIVED, OUTSIDE_DIGEST

    db = _empty_store()
    known = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    described = [name for group in TABLES.values() for name in group]
    if sorted(known) != sorted(described):
        raise SystemExit(f"docs/make.py: the tables differ: {sorted(set(known) ^ set(described))}")
    parts = []
    for title, group in TABLES.items():
        rows = []
        for name, text in group.items():
            mark = " *derived*" if name in DERIVED else " *outside the digest*" if name in OUTSIDE_DIGEST else ""
            columns = db.execute(f"PRAGMA table_info({name})").fetchall()
            rows.append((f"`{name}`{mark}", text, ", ".join(f"**{c[1]}**" if c[5] else str(c[1]) for c in columns)))
        parts.append(f"## {title}\n\n{_table(('table', '', 'columns'), rows)}")
    return "\n".join(parts)


def views() -> str:
    """The version of the views, and every view with what its rows are and its columns; the one that dates them is bold."""
    from persync.store.told import VIEWS_TOLD
    from persync.store.views import VIEWS, VIEWS_VERSION

    db = _empty_store()
    rows = []
    for name in VIEWS:
        told = VIEWS_TOLD[name]
        columns = (c[1] for c in db.execute(f"PRAGMA table_info({name})"))
        rows.append((f"`{name}`", told.what, ", ".join(f"**{c}**" if c == told.at else c for c in columns)))
    return f"Version {VIEWS_VERSION}.\n\n{_table(('view', 'a row', 'columns'), rows)}"


def _empty_store() -> sqlite3.Connection:
    from persync.store.schema import DDL
    from persync.store.views import create_views

    db = sqlite3.connect(":memory:")
    db.executescript(DDL)
    create_views(db)
    return db


def _table(header: tuple[str, ...], rows: Any) -> str:
    """Return a Markdown table; a bar in a cell is escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |\n" for line in lines)


def _prose(text: str) -> str:
    """Return a docstring as paragraphs of one line each."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


VENDORS: Final = ("mailchimp", "shopify", "hubspot")


def streams_of(vendor: str) -> str:
    """Each stream of a connector with how it is read, made from its declaration."""
    from persync.plugins import load_plugins

    connector = load_plugins().connectors[vendor]
    parts = []
    for title, default in (("Read at every pull", True), ("Read when asked for by name (`--stream`)", False)):
        rows = [_stream_row(stream) for stream in connector.streams if stream.default is default]
        header = (
            "stream",
            "where",
            "its records' key",
            "what is read again",
            "under",
            "what is gone",
            "may need",
            "facts it carries",
        )
        parts += [f"### {title}\n\n{_table(header, rows)}"] if rows else []
    return "\n".join(parts)


def _stream_row(stream: Any) -> tuple[str, ...]:
    key = f"`{stream.key}`" if stream.key else "one record"
    key += " (a person: kept as a hash)" if stream.personal_key else ""
    key += f"; skipped while `{stream.version}` stays" if stream.version else ""
    # A GraphQL stream is named by the connection it reads; an empty path is the API's root.
    is_query = not stream.path and hasattr(stream.reader, "query")
    where = f"`{getattr(stream.reader, 'at', '') or 'one query'}`" if is_query else f"`{stream.path or '/'}`"
    return (
        f"`{stream.name}`",
        f"{where}, {_paging(stream.reader)}",
        key,
        window_words(stream.window, is_child=stream.parent is not None),
        f"`{stream.parent}`" if stream.parent else "",
        _sweep_words(stream.sweeps),
        ", ".join(f"`{scope}`" for scope in stream.scopes)
        + (f"; until {stream.supported_until}" if stream.supported_until else ""),
        ", ".join(stream.facts),
    )


def _paging(reader: Any) -> str:
    """Return the reader's name and how many records it asks for at once."""
    for name in ("count", "limit", "size"):
        size = getattr(reader, name, None)
        if isinstance(size, int):
            return f"{type(reader).__name__} of {size:,}"
    return type(reader).__name__


def window_words(window: Any, *, is_child: bool = False) -> str:
    """Say in words what a stream reads again at a later pull; a child's parts are those that its parent's records name."""
    from persync.connect import DAY_MS, HOUR_MS, MINUTE_MS, Every, Incremental, Refresh

    def span(ms: int) -> str:
        for unit, word in ((DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute")):
            if ms >= unit and ms % unit == 0:
                return f"{ms // unit} {word}{'' if ms == unit else 's'}"
        return f"{ms / 1000:g} seconds"

    if isinstance(window, Incremental):
        words = ["what changed since the last pull"]
        words += [f"and {span(window.overlap)} before"] if window.overlap else []
        words += [f"up to {span(window.settle)} ago"] if window.settle else []
        words += [f"once a day the last {window.lookback_days} days"] if window.lookback_days else []
        return ", ".join(words)
    if isinstance(window, Refresh):
        return f"the last {window.days} days"
    if isinstance(window, Every):
        return f"all, every {window.days} days" + (", at the first pull too" if window.first else "")
    return "each part that moved" if is_child else "all"


def _sweep_words(sweep: Any) -> str:
    if sweep is None:
        return ""
    kinds = (
        f" of kind {', '.join(sweep.only)}"
        if sweep.only
        else f" but {', '.join(kind or 'those of no kind' for kind in sweep.without)}"
        if sweep.without
        else ""
    )
    if sweep.thing == "member":
        return f"whom a {' or '.join(sweep.only)} does not name any longer has left it"
    return f"each {sweep.thing}{kinds} that it does not name"


def limits_of(vendor: str) -> str:
    """How fast a connector asks and what it asks again."""
    from persync.connect import client
    from persync.plugins import load_plugins

    kind = load_plugins().connectors[vendor]
    settings = kind.settings_type.model_construct(connector=vendor, **({"shop": "example"} if vendor == "shopify" else {}))
    connector = kind(vendor, settings, {})
    pace = connector.pace()
    version = connector.api_version or "none of its own"
    until = f", supported until {connector.supported_until}" if connector.supported_until else ""
    rows = [
        ("API version", f"{version}{until}"),
        ("calls at once", f"{min(connector.workers, pace.concurrent)}"),
        ("pace", _pace_words(type(pace))),
        (
            "asked again",
            f"what may pass: at most {client.TRIES} tries in {client.PATIENCE_S / 60:g} minutes, longer waits each time, or as "
            f"long as Retry-After says (seconds or a date), at most {client.LONGEST_WAIT_S:g} seconds",
        ),
        ("a host that cannot be reached", f"{client.TRIES_UNREACHABLE} tries"),
        ("a daily quota", "ends the pull with exit code 5; the next one goes on at the page where it stopped"),
        (
            "at the limit",
            "held by `tests/core/test_core_pace_bench.py`: at least 95 % of what is allowed used, under 1 % refused",
        ),
    ]
    return _table(("limit", ""), [(name, text.replace("\n\n", " ")) for name, text in rows])


def _pace_words(kind: type) -> str:
    """Return what the docstrings of a pace and those it builds on say, without the base's and without its arguments."""
    from persync.connect import Pace

    kinds = [one for one in reversed(kind.__mro__) if issubclass(one, Pace) and one is not Pace] or [Pace]
    texts = " ".join(" ".join((one.__doc__ or "").split()) for one in kinds)
    return " ".join(sentence for sentence in re.split(r"(?<=\.)\s+", texts) if not sentence.startswith("`"))


BLOCKS: Final[Mapping[str, Callable[[], str]]] = {
    **{f"streams-{vendor}": partial(streams_of, vendor) for vendor in VENDORS},
    **{f"limits-{vendor}": partial(limits_of, vendor) for vendor in VENDORS},
    "faults": faults,
    "command-list": command_list,
    "command-reference": command_reference,
    "shared-options": shared_options,
    "importers": importers,
    "connections": connections,
    "hooks": hooks,
    "metrics": metrics,
    "reasons": reasons,
    "models": models,
    "tables": tables,
    "views": views,
}


def pages() -> list[Path]:
    """Return every page that may have generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def filled(text: str) -> str:
    """Return a page with its generated parts made anew."""

    def made(match: re.Match[str]) -> str:
        return f"{match[1]}\n{BLOCKS[match['name']]().strip()}\n\n{match[4]}"

    return _BLOCK.sub(made, text)


def used() -> set[str]:
    """Return the names of the generated parts that stand on a page."""
    return {match["name"] for page in pages() for match in _BLOCK.finditer(page.read_text("utf-8"))}


def main(arguments: list[str]) -> int:
    """Write or check every page; return the exit code."""
    old = []
    for page in pages():
        text = page.read_text("utf-8")
        wanted = filled(text)
        if wanted != text:
            old.append(page.relative_to(ROOT))
            if "--check" not in arguments:
                page.write_text(wanted, encoding="utf-8")
    for name in old:
        sys.stdout.write(f"{name} {'is out of date' if '--check' in arguments else 'written'}\n")
    return int(bool(old) and "--check" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
