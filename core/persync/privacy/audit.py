"""The privacy audit: a checklist by regime, answered from the store where it can be and by its owner where it cannot.

It helps to see gaps; it is no legal advice. What nobody answered is `unknown`, never `no` and never `yes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from persync.errors import ConfigError, nearest
from persync.privacy.evidence import CHECKS, Result, Scene, erasure_works
from persync.privacy.known import KNOWN, Known
from persync.settings.connections import FILE
from persync.settings.tables import AnswerTable
from persync.store.store import Store

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.settings import Project

NO_ADVICE: Final = "A checklist to find gaps with. It is no legal advice, and no proof that a law is kept."

ITEMS: Final[Mapping[str, str]] = {
    "retention_set": "It is set how long people are kept",
    "retention_kept": "Nothing is kept for longer",
    "consent_recorded": "Whoever was mailed has a consent on record",
    "attributes_have_a_basis": "Each attribute says on what basis it is held",
    "attributes_are_coarse": "No attribute is stored finer than it is used",
    "no_special_category": "No attribute is of a special category",
    "pseudonymous": "No address is stored",
    "key_fits": "The key is there, without which nobody known by an address can be erased",
    "erasure_works": "Erasures came to their end",
    "copies_follow_erasures": "No copy beside the store holds somebody who was erased",
    "files_are_private": "Store, key and secrets are for their owner alone",
    "log_is_whole": "The log of what was done is whole",
    "pulled_lately": "Withdrawals at the platforms can have arrived",
    "privacy_notice": "The privacy notice names personalised mail, its data and its purposes",
    "lawful_basis": "The lawful basis of each use is written down",
    "processor_agreements": "There is an agreement with every processor (mail, shop, CRM)",
    "records_of_processing": "The record of processing names this analysis",
    "impact_assessment": "It was assessed whether an impact assessment is needed",
    "requests_in_time": "Requests of people are answered in time",
    "breach_plan": "It is written down who does what after a breach",
    "opt_out_link": "There is a link to opt out of sale and sharing, and of the use of sensitive data",
    "opt_out_signal": "Browsers' opt-out signals (GPC) are honoured",
    "notice_at_collection": "The notice at collection lists the categories and how long they are kept",
    "no_health_data": "No message, segment or attribute tells of somebody's health",
    "associate_agreements": "There is a business associate agreement with every system that holds health data",
    "access_reviewed": "Who may open the store was reviewed within a year",
    "consent_expires": "Implied consent is let lapse: 2 years after a purchase, 6 months after an inquiry",
    "sender_named": "Each message names the sender with a postal address",
    "unsubscribe_in_time": "Unsubscribing works, and is honoured within 10 business days",
    "soft_opt_in": "Customers mailed without consent were told at the sale and may refuse in every message",
    "backups": "Store and key are backed up apart, and erasures are repeated in the backups",
    "disk_encrypted": "The disks that the store, its key and their backups lie on are encrypted",
    "tracking_consent": "Pixels and links that track are used with consent, or not at all",
}  # fmt: skip
"""every item by its id: those that the store answers, then those that the user does"""

_ALL: Final = (
    "retention_set", "retention_kept", "pseudonymous", "key_fits", "erasure_works", "copies_follow_erasures",
    "files_are_private", "log_is_whole", "backups", "disk_encrypted",
)  # fmt: skip
REGIMES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "gdpr": (
        "GDPR (EU, UK)",
        (
            *_ALL, "consent_recorded", "attributes_have_a_basis", "attributes_are_coarse", "no_special_category",
            "pulled_lately", "privacy_notice", "lawful_basis", "processor_agreements", "records_of_processing",
            "impact_assessment", "requests_in_time", "breach_plan",
        ),
    ),
    "ccpa": (
        "CCPA/CPRA (California)",
        (
            *_ALL, "attributes_are_coarse", "no_special_category", "notice_at_collection", "opt_out_link", "opt_out_signal",
            "requests_in_time",
        ),
    ),
    "hipaa": (
        "HIPAA (USA, health)",
        (
            *_ALL, "attributes_are_coarse", "no_special_category", "no_health_data", "associate_agreements", "access_reviewed",
            "breach_plan",
        ),
    ),
    "casl": (
        "CASL (Canada)",
        ("consent_recorded", "pulled_lately", "log_is_whole", "consent_expires", "sender_named", "unsubscribe_in_time"),
    ),
    "pecr": (
        "PECR/ePrivacy (UK, EU)",
        ("consent_recorded", "pulled_lately", "soft_opt_in", "tracking_consent", "sender_named", "unsubscribe_in_time"),
    ),
}  # fmt: skip
"""{regime: (name, its items)}"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One item of one regime: what was found, on what it rests, and who looks after it."""

    regime: str
    item: str
    text: str
    result: Result
    evidence: str
    is_manual: bool
    owner: str = ""


def audit(
    store: Store,
    project: Project,
    *,
    now: int,
    regimes: Sequence[str] = (),
    engine: Callable[[], AbstractContextManager[Engine]] | None = None,
) -> list[Answer]:
    """Answer the items of `regimes`, else of those in the settings, else of all but hipaa.

    Asked of the user is only what the store cannot know; what it knows of such an item is told with the question, and what it
    finds against an item stands whatever was answered. `engine` opens one over the store; without it nothing is known of single
    messages. Raise ConfigError for a regime, or an answer in the settings, that there is not.
    """
    where = str(project.folder / FILE)
    for name in (*regimes, *project.privacy.regimes):
        if name not in REGIMES:
            raise ConfigError(f"there is no regime '{name}'.", hint=nearest(name, list(REGIMES)))
    manual = [item for item in ITEMS if item not in CHECKS]
    for item in project.privacy.answers:
        if item not in manual:
            hint = "The store answers it itself." if item in CHECKS else nearest(item, manual)
            raise ConfigError(f"'{item}' is nothing that the audit asks for.", where=f"{where}, [privacy.answers]", hint=hint)
    wanted = regimes or project.privacy.regimes or [name for name in REGIMES if name != "hipaa"]
    asked = {item for name in wanted for item in REGIMES[name][1]}
    scene = Scene(store, project, now)
    with ExitStack() as stack:
        # Whoever opens an engine brings an erasure to its end first, and an audit changes nothing.
        if engine is not None and erasure_works(scene)[0] == "yes":
            scene = replace(scene, engine=cache(lambda: stack.enter_context(engine())))
        found = {item: check(scene) for item, check in CHECKS.items() if item in asked}
        known = {item: look(scene) for item, look in KNOWN.items() if item in asked}
    return [
        Answer(name, item, ITEMS[item], *found[item], is_manual=False)
        if item in found
        else _manual(name, item, project, known.get(item, ""))
        for name in REGIMES
        if name in wanted
        for item in REGIMES[name][1]
    ]


def _manual(regime: str, item: str, project: Project, known: Known) -> Answer:
    given, text = project.privacy.answers.get(item), ITEMS[item]
    if isinstance(known, tuple) and (given is None or known[0] == "no"):
        return Answer(regime, item, text, *known, is_manual=False)
    beside = known[1] if isinstance(known, tuple) else known
    if given is None:
        asked = f"answer it: [privacy.answers] {item} = true or false"
        return Answer(regime, item, text, "unknown", "; ".join(filter(None, (asked, beside))), is_manual=True)
    whole = AnswerTable(answer=given) if isinstance(given, bool) else given
    parts = ("the user's answer", f"of {whole.on}" if whole.on else "", whole.note, beside)
    result: Result = "yes" if whole.answer else "no"
    return Answer(regime, item, text, result, "; ".join(filter(None, parts)), is_manual=True, owner=whole.owner)


def score(answers: Sequence[Answer]) -> dict[str, int]:
    """Return how many items are yes, no and unknown."""
    return {result: sum(one.result == result for one in answers) for result in ("yes", "no", "unknown")}
