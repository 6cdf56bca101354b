"""What the store can say to an item that its owner must answer in the end: all of it, its half, or what the answer is about.

A finding answers the item in the owner's place. A text is what they should know when they answer: the question stays theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from persync.coarse import SPECIAL
from persync.measure.ethics import consent
from persync.measure.metric import Ask
from persync.measure.texts import join
from persync.privacy.evidence import DAY_MS, Finding, Scene, copies_beside

Known = Finding | str
LATE_DAYS: Final = 14
"""ten business days"""
MONTH_DAYS: Final = 30
VIOLATIONS: Final = "persync metric consent_violations"


def _date(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


def _listed(scene: Scene, sql: str) -> str:
    return ", ".join(str(name) for (name,) in scene.store.db.execute(sql))


def unsubscribe_in_time(scene: Scene) -> Known:
    """Look for messages that were sent more than ten business days after a withdrawal."""
    row = _messages(scene, f"m.state = 'withdrawn' AND m.last_sent_at - m.withdrawn_at > {LATE_DAYS * DAY_MS}")
    if row is None:
        return "no system tells of withdrawals"
    late, _ = row
    if late:
        return (
            "no",
            f"{late:,} people were sent mail more than {LATE_DAYS} days after they withdrew: persync metric consent_violations",
        )
    gone = scene.number("SELECT count(DISTINCT key_id) FROM consent_changes WHERE state = 'unsubscribed'")
    gone += scene.number("SELECT count(DISTINCT key_id) FROM consents WHERE state = 'unsubscribed'")
    if not gone:
        return "nobody on record has withdrawn yet"
    return f"nobody who withdrew was sent mail more than {LATE_DAYS} days later; whether each can unsubscribe is not known"


def consent_expires(scene: Scene) -> Known:
    """Look for messages that were sent after an implied consent had run out (CASL: of people in Canada)."""
    row = _messages(scene, "m.state = 'expired'")
    if row is None:
        return "no system tells of consents"
    late, implied = row
    if late:
        return (
            "no",
            f"{late:,} people were sent mail after their implied consent had run out: persync metric consent_violations",
        )
    if implied:
        return "yes", f"{implied:,} people were sent mail on an implied consent, none after it had run out"
    return "nobody known to be in Canada was sent mail on an implied consent"


def _messages(scene: Scene, which: str) -> tuple[int, int] | None:
    """Return how many people were sent such messages, and how many on an implied consent; None when no system tells."""
    if scene.engine is None:
        return None
    engine = scene.engine()
    if not consent.build(engine, Ask(now=scene.now)):
        return None
    people = "COUNT(DISTINCT CASE WHEN {} THEN m.person END) AS {}"
    columns = ", ".join((people.format(which, "late"), people.format("m.state = 'implied'", "implied")))
    (row,) = engine.rows(f"SELECT {columns} FROM message_consents AS m")  # noqa: S608 - all of it stands here
    return int(row["late"]), int(row["implied"])


def no_health_data(scene: Scene) -> Known:
    """Look for words of health in the names of attributes, segments and messages."""
    names = scene.store.db.execute(
        "SELECT 'attribute', name FROM attributes UNION SELECT 'segment', name FROM segments WHERE name IS NOT NULL"
        " UNION SELECT 'message', title FROM campaigns WHERE title IS NOT NULL ORDER BY 1, 2"
    ).fetchall()
    found = [f"{kind} {name}" for kind, name in names if (word := SPECIAL.search(name)) and word[0].lower() in _OF_HEALTH]
    if found:
        return "no", f"by their names: {', '.join(found[:10])}"
    return f"none of {len(names):,} names of attributes, segments and messages says so; what a message says is not stored"


_OF_HEALTH: Final = frozenset({"health", "illness", "disease", "disab", "genetic", "biometric"})


def requests_in_time(scene: Scene) -> Known:
    """Look at the newest imported answer of how many days a request took, and at the erasures done here."""
    days = scene.store.db.execute(
        "SELECT value, submitted_at FROM feedback WHERE kind = 'AUDIT' AND survey = 'data_request_days' AND value IS NOT NULL"
        " ORDER BY submitted_at DESC LIMIT 1"
    ).fetchone()
    done = scene.number("SELECT CAST(max(value) AS INTEGER) FROM meta WHERE name = 'erasures'")
    told = f"{done:,} erasures were done here; when they were asked for is not known"
    if days is None:
        return told
    text = f"they took {days[0]:g} days, as imported on {_date(days[1])} (persync import audit); {told}"
    return ("yes" if days[0] <= MONTH_DAYS else "no"), text


def lawful_basis(scene: Scene) -> Known:
    """Tell which bases the platforms have on record, and of how many people."""
    rows = scene.store.db.execute(
        "SELECT coalesce(level, 'no basis told'), count(DISTINCT key_id) FROM consents WHERE state = 'subscribed'"
        " GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return "on record: " + ", ".join(f"{level} ({n:,})" for level, n in rows) if rows else "no consent is on record"


def soft_opt_in(scene: Scene) -> Known:
    """Count who was mailed without a consent on record, and who of them never bought: of a sale they cannot have been told."""
    if scene.engine is None:
        return ""
    engine = scene.engine()
    consent.build(engine, Ask(now=scene.now))
    # Whoever withdrew is no customer who may be written to: unsubscribe_in_time looks at them.
    without = ", ".join(f"'{state}'" for state in consent.VIOLATIONS if state != "withdrawn")
    counts = (
        f"SELECT COUNT(*) AS mailed, SUM(CASE WHEN l.state IN ({without}) THEN 1 ELSE 0 END) AS people,"  # noqa: S608 - the states stand in the code
        f" SUM(CASE WHEN l.state IN ({without}) AND b.person IS NULL THEN 1 ELSE 0 END) AS strangers FROM last_state AS l"
        " LEFT JOIN (SELECT DISTINCT o.person AS person FROM owned_orders AS o JOIN money_orders AS m"
        " ON m.order_id = o.order_id) AS b ON b.person = l.person"
    )
    (row,) = engine.rows(join(consent.last_states(), counts))
    people, strangers = int(row["people"] or 0), int(row["strangers"] or 0)
    if strangers:
        return "no", f"{strangers:,} of {people:,} people who were mailed without a consent on record never bought anything"
    if people:
        return (
            f"all {people:,} people who were mailed without a consent on record have bought; nobody noted what they were told"
        )
    return "whoever was mailed has a consent on record" if row["mailed"] else ""


def tracking(scene: Scene) -> Known:
    """Tell how many opens and clicks of people the store holds: each was tracked."""
    n = scene.number("SELECT count(*) FROM touchpoints WHERE action IN (3, 4)")
    return f"{n:,} opens and clicks of people are stored"


def assessment(scene: Scene) -> Known:
    """Name what speaks for an assessment: attributes of people, and messages chosen by them."""
    names = _listed(scene, "SELECT DISTINCT name FROM attributes ORDER BY name")
    chosen = scene.number("SELECT count(DISTINCT campaign_key) FROM campaign_evidence WHERE kind = 'demographic'")
    told = [
        f"held are the attributes {names}" if names else "",
        f"{chosen:,} messages chose people by who they are" if chosen else "",
    ]
    return "; ".join(filter(None, told))


def processors(scene: Scene) -> Known:
    """Name the systems that persync reads: each is a processor, or a controller beside you."""
    names = _listed(scene, "SELECT DISTINCT connector FROM connections WHERE connector <> 'files' ORDER BY connector")
    return f"read are {names}" if names else "no system is read"


def records(scene: Scene) -> Known:
    """Name the kinds of facts about people that the store holds."""
    kinds = ("consents", "touchpoints", "orders", "carts", "tickets", "feedback", "sessions", "assignments", "decisions")
    held = [kind for kind in kinds if scene.number(f"SELECT EXISTS (SELECT 1 FROM {kind})")]  # noqa: S608 - listed above
    held += [
        f"attribute {name} ({basis or 'no basis'})"
        for name, basis in scene.store.db.execute("SELECT name, max(basis) FROM attributes GROUP BY name ORDER BY name")
    ]
    return f"held are {', '.join(held)}" if held else "nothing about people is held"


def access(scene: Scene) -> Known:
    """Tell since when the files are closed to others, where the log knows it."""
    row = scene.store.db.execute(
        "SELECT happened_at, detail FROM log WHERE event = 'files narrowed' ORDER BY entry DESC LIMIT 1"
    ).fetchone()
    return f"others could read the store until {_date(row[0])} ({row[1]})" if row else ""


def backups(scene: Scene) -> Known:
    """Name the copies beside the store; what lies elsewhere is not known."""
    found = copies_beside(scene.store.path)
    told = ", ".join(f"{path.name} of {_date(at)}" for path, at in found)
    return f"beside the store lie {told}; other copies are not known" if found else "persync keeps none and knows of none"


def disk(scene: Scene) -> Known:
    """Say what the store's own hashes do, and do not do."""
    return "the store's file is not encrypted: addresses in it are keyed hashes, all else can be read"


KNOWN: Final[Mapping[str, Callable[[Scene], Known]]] = {
    "unsubscribe_in_time": unsubscribe_in_time,
    "consent_expires": consent_expires,
    "no_health_data": no_health_data,
    "requests_in_time": requests_in_time,
    "lawful_basis": lawful_basis,
    "processor_agreements": processors,
    "associate_agreements": processors,
    "records_of_processing": records,
    "privacy_notice": records,
    "notice_at_collection": records,
    "access_reviewed": access,
    "impact_assessment": assessment,
    "soft_opt_in": soft_opt_in,
    "tracking_consent": tracking,
    "backups": backups,
    "disk_encrypted": disk,
}
"""what the store knows of items that it cannot answer alone"""
