"""What may be kept of a fact about a person: a coarse value, and only with a stated basis where it tells who somebody is.

One rule for the user's own files, merge fields and properties alike, by the name that a fact goes by (see `personal`): an age
is kept as a band, a date of birth as the band of the age it gives, a postal code as its region, any other date as its year, but
for the days of a contract, which churn is counted by; of a name or an address nothing is, nor of a value that looks like one.
Data protection law asks for no more than is needed (GDPR, article 5(1)(c)); groups for fairness need no more than this.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

from persync import personal

__all__ = ["CONTRACT", "SPECIAL", "age_band", "coarse", "identifies", "is_birth", "needs_basis", "region"]

SPECIAL: Final = re.compile(
    r"health|illness|disease|disab|religio|belief|ethnic|race\b|racial|sexual|orientation|politic|union|biometric|genetic|crimin"
    r"|religie|konfession|glaube|geloof|croyance|creencia|ethni|etnia|etnic|etnis|hautfarbe|herkunft",
    re.IGNORECASE,
)
"""words in the name of an attribute that is of a special category (GDPR, articles 9 and 10)"""

CONTRACT: Final = ("contract_start", "contract_end")
"""attributes whose day is kept: a fact of the shop's own books, and who left in a window is not known by the year"""

_BANDS: Final = ((18, "under 18"), (30, "18-29"), (45, "30-44"), (60, "45-59"))
_LAST_BAND: Final = "60+"
_OLDEST: Final = 120
_DATE: Final = re.compile(r"(?P<first>\d{4})-\d{1,2}-\d{1,2}(?:[T ].*)?|\d{1,2}[./]\d{1,2}[./](?P<last>\d{4})")


def identifies(name: str, value: str = "") -> bool:
    """Tell whether an attribute says who a person is, or where they live, by its name or the look of its value: it is never
    stored."""
    return personal.is_identity(name) or personal.looks_identifying(name, value)


def is_birth(name: str) -> bool:
    """Tell whether an attribute of this name is when somebody was born: it is never stored, only the band of their age."""
    return personal.is_birth(name)


def needs_basis(name: str, value: str = "") -> bool:
    """Tell whether an attribute tells who somebody is (age, gender, where they live ...): why it is held must be stated.

    What they did (a tier, how recently they bought) may be a covariate without. A postal code without a digit is a kind of
    place.
    """
    if personal.is_postal(name):
        return any(sign.isdigit() for sign in value)
    by_name = is_birth(name) or personal.is_age(name) or personal.is_demographic(name, value)
    return by_name or bool(SPECIAL.search(personal.plain(name)))


def coarse(name: str, value: str, now: int | None = None) -> str | None:
    """Return an attribute's value as it may be stored, None when nothing of it may.

    `now` (epoch ms) is what an age is reckoned at; without it nothing is kept of a date of birth.
    """
    text = value.strip()
    if identifies(name, text):
        return None
    if is_birth(name):
        if text in (_LAST_BAND, *(band for _, band in _BANDS)):
            return text  # it was a date before it was stored
        return None if now is None else _band_of_birth(text, now)
    if personal.is_age(name):
        return age_band(text)
    if personal.is_postal(name):
        return region(text)
    dated = _DATE.fullmatch(text)
    if dated and dated["first"] and name in CONTRACT:
        return text.partition("T")[0].partition(" ")[0]
    return dated["first"] or dated["last"] if dated else text


def age_band(text: str) -> str | None:
    """Return the band of an age in years; a band in words (25-34, 60+) stays. None for what is neither."""
    if re.fullmatch(r"\d{1,3}(\.\d+)?", text):
        return _band(float(text)) if float(text) <= _OLDEST else None
    return None if re.search(r"\d{4}|\d[./]\d|\d,\d", text) or len(text) > 40 else text or None


def region(text: str) -> str | None:
    """Return the region of a postal code: the letters it begins with (SW1A 1AA: SW), else its first two signs."""
    if not any(sign.isdigit() for sign in text):
        return text or None  # a kind of place, no code
    signs = "".join(sign for sign in text.upper() if sign.isalnum())
    letters = re.match(r"[A-Z]+", signs)
    return letters[0][:2] if letters else signs[:2]


def _band(age: float) -> str:
    return next((band for limit, band in _BANDS if age < limit), _LAST_BAND)


def _band_of_birth(born: str, now: int) -> str | None:
    today = datetime.fromtimestamp(now // 1000, UTC).date()
    try:
        if re.fullmatch(r"(19|20)\d\d", born):
            day = date(int(born), 7, 2)  # the middle of the year
        elif re.fullmatch(r"-?\d+", born):
            day = datetime.fromtimestamp(int(born) // 1000, UTC).date()
        elif parts := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", born):
            day = date(int(parts[3]), int(parts[1]), int(parts[2]))
        else:
            day = date.fromisoformat(born[:10])
    except (ValueError, OverflowError, OSError):
        return None
    age = today.year - day.year - ((today.month, today.day) < (day.month, day.day))
    return _band(age) if 0 <= age <= _OLDEST else None
