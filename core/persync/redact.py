"""What must not be shown: secrets by their value, and addresses, phone numbers and IPs by their form.

Every error, every log record and every word of a vendor's that persync repeats goes through `redacted`. A secret is made known
by `register` where it is read or granted; from then on no form of it gets out: as it is, percent-encoded, or in base64.
"""

from __future__ import annotations

import re
from typing import Final

SHORTEST: Final = 8
"""characters of the shortest secret that is looked for: shorter ones would blank ordinary words"""
HEAD: Final = 12
"""so many of a long secret's first characters give it away: a message may be cut in the middle of one"""
BLANK: Final = "(secret)"
JOINERS: Final = "\u200c\u200d\u00ad"
"""what is seen in no text, and what words and pictures of some languages need all the same; the last is the soft hyphen"""

_secrets: dict[str, re.Pattern[str]] = {}

_AT: Final = r"(?:@|%40|%2540|&#64;|\\u0040|\uff20)"
_END: Final = r"""\s@<>"(),;:\[\]{}=?&/\\|\uff20"""
_ADDRESS: Final = re.compile(
    rf"""(?:"[^"\n]{{1,64}}"|(?<![^{_END}])'*[^'{_END}][^{_END}]*){_AT}(?:[\w-]+(?:\.[\w-]+)*|\[[\w.:]+\])""", re.IGNORECASE
)
"""Before the sign at least one character that is no apostrophe: quotation marks stand before many a word. Looked for from where
a word begins alone: from each of its letters, a long word would take the square of its length."""
_PHONE: Final = re.compile(
    r"(?<![\w.+-])(?:\+\d[\d ()./-]{6,18}\d|\(\d{3}\) ?\d{3}[-. ]\d{4}|\d{3}([-. ])\d{3}\1\d{4})(?![\w-])"
)
_IP: Final = re.compile(r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4})(?![\w:])", re.IGNORECASE)
_HINT: Final = re.compile(r"[@\uff20+(]|%(?:25)?40|&#64;|u0040|\d{3}[-. ]\d{3}")
"""what a text with an address or a phone number must have: quick to rule out"""
_SIGN_IN: Final = re.compile(r"://[^/\s@?#]+@")
_WORD: Final = re.compile(r"""[^\s"'<>]+""")
_SIGNED: Final = re.compile(r"\b(bearer|basic)\s+(?=\S*\d)[\w.~+/=%-]{8,}", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def register(*values: str) -> None:
    """Make secrets known, so that none of them is ever shown. Values below `SHORTEST` characters are not."""
    for value in values:
        if len(value) >= SHORTEST and value not in _secrets:
            _secrets[value] = _pattern(value)


def register_header(value: str) -> None:
    """Make the secret of a signed header known: `Bearer TOKEN`, `Basic BASE64`, or the token alone."""
    scheme, _, rest = value.partition(" ")
    register(rest.strip() if rest and scheme.isalpha() else value)


def redacted(text: str) -> str:
    """Return a text without secrets, queries of URLs, addresses, phone numbers and IPs; what was there is said in brackets."""
    for pattern in list(_secrets.values()):
        text = pattern.sub(BLANK, text)
    if _secrets:
        text = _BASE64.sub(_unless_secret, text)
    text = _SIGNED.sub(rf"\1 {BLANK}", text)
    if "://" in text:
        text = _SIGN_IN.sub("://", text)
    if "?" in text or "#" in text:
        text = _WORD.sub(_without_query, text)
    text = _ADDRESS.sub("(address)", text)
    return _IP.sub(_unless_loopback, _PHONE.sub("(number)", text))


def _without_query(word: re.Match[str]) -> str:
    """Return an address of the web without its query. By hand, for a pattern would go back over a long one again and again."""
    text = word[0]
    slash = text.find("/")
    marks = [place for mark in "?#" if slash >= 0 and (place := text.find(mark, slash)) >= 0]
    return f"{text[: min(marks)]}?(query)" if marks and "=" in text[min(marks) :] else text


def inert(text: str, *, keep: str = "") -> str:
    """Return a text in which what moves a terminal's cursor, or turns the direction of writing, is a blank.

    `keep` are characters that may stay all the same: the line ends of a message that was set in lines.
    """
    if text.isprintable():
        return text
    kept = keep + JOINERS
    return "".join(one if one.isprintable() or one in kept else " " for one in text)


def inert_json(text: str) -> str:
    r"""Return JSON with the same values, in which what a terminal would obey, or UTF-8 cannot hold, is an escape (\u202e)."""
    if text.replace("\n", "").isprintable():
        return text
    import json

    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def anonymous(text: str) -> str:
    """Return a title, a label or another text of a vendor's without the addresses and phone numbers it holds."""
    return _PHONE.sub("(number)", _ADDRESS.sub("(address)", text)) if _HINT.search(text) else text


def names_somebody(text: str) -> bool:
    """Tell whether a text holds an address, a phone number or an IP."""
    return bool(_ADDRESS.search(text) or _PHONE.search(text) or any(_unless_loopback(ip) != ip[0] for ip in _IP.finditer(text)))


def _pattern(value: str) -> re.Pattern[str]:
    # Any character may be percent-encoded, whatever a library thinks it must.
    spelt = [_spelt(character) for character in value]
    cut = [rf"{''.join(spelt[:HEAD])}[\w.~+/=%-]*"] if len(value) > HEAD else []
    return re.compile("|".join(["".join(spelt), *cut]))


def _spelt(character: str) -> str:
    encoded = "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
    return f"(?:{re.escape(character)}|(?i:{encoded}))"


def _unless_secret(match: re.Match[str]) -> str:
    """Blank a run of base64 that holds a secret, wherever in it the encoded text begins."""
    import base64

    run = match[0].rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        part = run[start:]
        part = part[: len(part) - 1] if len(part) % 4 == 1 else part
        decoded = base64.b64decode(part + "=" * (-len(part) % 4)).decode("latin-1")
        if any(pattern.search(decoded) for pattern in list(_secrets.values())):
            return BLANK
    return match[0]


def _unless_loopback(match: re.Match[str]) -> str:
    import ipaddress

    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return match[0]
    return match[0] if address.is_loopback or address.is_unspecified else "(IP)"
