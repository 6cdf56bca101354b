"""Who is put on a list: an arm of an experiment, a segment, or those who do not want to be mailed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from persync.errors import ConfigError, DataError, UnknownNameError, nearest
from persync.export.lists import Chosen
from persync.redact import anonymous
from persync.rows import Action
from persync.store.store import Store

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask

SUPPRESSED: Final = "do not mail"
_REFUSED: Final = (
    "WITH last AS (SELECT c.key_id, c.state, row_number() OVER (PARTITION BY c.connection, c.key_id, c.channel"
    " ORDER BY c.number DESC) AS newest FROM consents c"
    " WHERE c.channel IN ('email', 'email/all') OR c.channel LIKE 'email/list:%')"
    " SELECT coalesce(p.person, l.key_id) FROM last l LEFT JOIN person_of p ON p.key_id = l.key_id"
    " WHERE l.newest = 1 AND l.state = 'unsubscribed'"
    " UNION SELECT coalesce(p.person, t.key_id) FROM touchpoints t LEFT JOIN person_of p ON p.key_id = t.key_id"
    " WHERE t.action = ?"
)
HARD: Final = {Action.BOUNCE: ("hard", "UNKNOWN_USER"), Action.DROP: ("PREVIOUSLY_BOUNCED", "INVALID_TO_ADDRESS")}
"""words, as platforms tell why mail came back or was never handed over, that mean: this address takes none. A full or slow
mailbox is another matter"""
CLEANED: Final = "cleaned"
"""what Mailchimp makes of a member after a hard bounce or too many soft ones. Shopify tells of no bounce, and its state
INVALID is said of the marketing state, not of the address"""
_REACHED: Final = f"{Action.DELIVER:d}, {Action.OPEN:d}, {Action.CLICK:d}"
_GONE: Final = " OR ".join(f"(t.action = {action:d} AND w.text IN {words})" for action, words in HARD.items())
_BOUNCED: Final = (
    "SELECT coalesce(p.person, t.key_id) AS person,"
    f" max(CASE WHEN {_GONE} THEN t.happened_at END) AS bounced,"
    f" max(CASE WHEN t.action IN ({_REACHED}) THEN t.happened_at END) AS reached"
    " FROM touchpoints t LEFT JOIN person_of p ON p.key_id = t.key_id LEFT JOIN words w ON w.word = t.source"
    f" WHERE t.action IN ({_REACHED}, {', '.join(f'{action:d}' for action in HARD)})"
    " GROUP BY 1 HAVING bounced IS NOT NULL AND (reached IS NULL OR reached < bounced)"
    " UNION SELECT coalesce(p.person, c.key_id), NULL, NULL FROM contacts c LEFT JOIN person_of p ON p.key_id = c.key_id"
    f" WHERE c.status = '{CLEANED}'"
)


def drawn(store: Store) -> list[str]:
    """Return the experiments that anybody is drawn for."""
    return [str(name) for (name,) in store.db.execute("SELECT DISTINCT experiment FROM assignments ORDER BY 1")]


def arm_of(store: Store, experiment: str, arm: str) -> Chosen:
    """Return an arm of an experiment. People of the other arms are known by theirs. Raise ConfigError with the nearest arm,
    DataError where nobody is drawn."""
    rows = store.db.execute(
        "SELECT coalesce(p.person, a.key_id), a.arm FROM assignments a LEFT JOIN person_of p ON p.key_id = a.key_id"
        " WHERE a.experiment = ?",
        (experiment,),
    )
    people = {int(person): str(word) for person, word in rows}
    if not people:
        raise DataError(f"nobody is drawn for '{experiment}'.", hint=f"Run `persync experiment assign {experiment}` first.")
    arms = sorted(set(people.values()))
    if arm not in arms:
        raise ConfigError(f"there is no arm of '{experiment}' '{arm}'.", hint=nearest(arm, arms))
    return Chosen(experiment, arm, f"{experiment}:{arm}", people)


def refusals(store: Store) -> set[int]:
    """Return everybody who said no to e-mail at any platform, or complained of it.

    The last word for e-mail as a whole or for a list counts, each platform's for itself: the most restrictive one wins. Who
    never said yes, or left a single kind of mail, has not said no.
    """
    return {int(person) for (person,) in store.db.execute(_REFUSED, (int(Action.COMPLAINT),))}


def unreachable(store: Store) -> set[int]:
    """Return everybody whose address takes no mail: the last hard bounce came after whatever reached them, at any platform, or
    a platform has taken them off its list for bounces."""
    return {int(person) for person, *_ in store.db.execute(_BOUNCED)}


def suppressed(store: Store) -> Chosen:
    """Return those who are not to be mailed by any platform, whichever they told or bounced at. Raise DataError where there is
    nobody."""
    people = dict.fromkeys(sorted(refusals(store) | unreachable(store)), SUPPRESSED)
    if not people:
        raise DataError(
            "nobody said no to e-mail, complained or bounced for good.",
            hint="See `persync status` for how far consents are read.",
        )
    return Chosen("suppression", SUPPRESSED, f"persync:{SUPPRESSED}", people, is_refusal=True)


def segment_of(engine: Engine, store: Store, name: str, ask: Ask) -> tuple[Chosen, int]:
    """Return who is in a segment now, without those who said no to e-mail, and how many these are. Raises as `members_of` does,
    and DataError where there is nobody left."""
    people = members_of(engine, store, name, ask)
    no = refusals(store) & people
    chosen = dict.fromkeys(sorted(people - no), name)
    if not chosen:
        raise DataError(f"nobody who may be mailed is in the segment '{name}'.")
    return Chosen("segment", name, name, chosen), len(no)


def members_of(engine: Engine, store: Store, name: str, ask: Ask) -> set[int]:
    """Return who is in a segment now.

    A segment is a rule of [segments.NAME], one that persync makes (`rfm: champions`), or a list, tag or segment of a platform;
    `CONNECTION:NAME` is a platform's where several have one. Raises ConfigError with the nearest for one that there is not.
    """
    own = _of_engine(engine, ask)
    ours = own.get(name)
    return _of_platform(store, name, sorted({*own, *ask.segments.rules})) if ours is None else ours


def _of_engine(engine: Engine, ask: Ask) -> dict[str, set[int]]:
    """Return the people of every segment that settings or persync define, as of now."""
    from persync.measure import membership

    membership.build(engine, ask, [ask.now])
    found: dict[str, set[int]] = {name: set() for name in (*membership.made(), *ask.segments.rules)}
    for row in engine.rows("SELECT m.segment AS segment, m.person AS person FROM segment_members AS m"):
        found.setdefault(str(row["segment"]), set()).add(int(row["person"]))
    return found


def _of_platform(store: Store, name: str, also: list[str]) -> set[int]:
    platform, _, rest = name.partition(":")
    rows = store.db.execute(
        "SELECT s.segment_id, n.name, s.name, s.kind FROM segments s JOIN connections n ON n.connection = s.connection"
        " WHERE s.name IS NOT NULL"
    ).fetchall()
    found = [row for row in rows if row[2] == name] or [row for row in rows if (row[1], row[2]) == (platform, rest)]
    if not found:
        hint = nearest(name, [*also, *sorted({anonymous(str(row[2])) for row in rows})])
        raise UnknownNameError(f"there is no segment '{name}'.", name=name, hint=hint)
    if len(found) > 1:
        several = ", ".join(f"{connection}:{title} ({kind})" for _, connection, title, kind in found)
        raise ConfigError(f"there are several segments '{name}': {several}.", hint="Name its connection: CONNECTION:NAME.")
    members = store.db.execute(
        "SELECT DISTINCT coalesce(p.person, m.key_id) FROM memberships m LEFT JOIN person_of p ON p.key_id = m.key_id"
        " WHERE m.segment_id = ? AND m.left_at IS NULL",
        (found[0][0],),
    )
    return {int(person) for (person,) in members}
