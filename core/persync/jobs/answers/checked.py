"""What a close look finds: the answers of `persync doctor`, `persync verify` and `persync privacy audit`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from persync.report.render.estimates import document

if TYPE_CHECKING:
    from persync.jobs.examine import Finding
    from persync.privacy.audit import Answer
    from persync.store.checks import Found


def findings_json(findings: Iterable[Finding]) -> str:
    """Return what `examine` found as the one JSON object of `persync doctor`."""
    results = (
        {
            "where": one.where,
            "what": one.what,
            "ok": one.state != "fail",
            "state": one.state,
            "found": one.found,
            "fix": one.fix or None,
        }
        for one in findings
    )
    return document("checks", results)


def verified_json(found: Sequence[Found]) -> str:
    """Return what `verify_project` found as the one JSON object of `persync verify`."""
    results = (
        {"check": one.check, "where": one.where, "what": one.what, "fix": one.fix, "is_note": one.is_note} for one in found
    )
    return document("verify", results, is_whole=all(one.is_note for one in found))


def audited_json(found: Sequence[Answer]) -> str:
    """Return what `audit` found as the one JSON object of `persync privacy audit`."""
    from persync.privacy.audit import NO_ADVICE, score

    results = (
        {
            "regime": one.regime,
            "item": one.item,
            "text": one.text,
            "result": one.result,
            "evidence": one.evidence,
            "manual": one.is_manual,
            "owner": one.owner or None,
        }
        for one in found
    )
    return document("audit", results, score=score(found), note=NO_ADVICE)
