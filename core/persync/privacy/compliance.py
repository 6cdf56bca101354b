"""Files with the three messages that Shopify sends an app about people's data.

Source: Shopify's developer pages on privacy law compliance. `customers/data_request`: tell what is stored; `customers/redact`:
erase a customer; `shop/redact`: erase a shop, 48 hours after it left. A message's authenticity is the header
X-Shopify-Hmac-SHA256: base64 of HMAC-SHA-256 over the raw body with the app's client secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from persync.errors import ImportFileError, nearest
from persync.rows import Person

DATA_REQUEST: Final = "customers/data_request"
REDACT: Final = "customers/redact"
SHOP_REDACT: Final = "shop/redact"
TOPICS: Final = (DATA_REQUEST, REDACT, SHOP_REDACT)
_SPELT: Final = {topic.replace("/", "_").upper(): topic for topic in TOPICS} | {topic: topic for topic in TOPICS}


@dataclass(frozen=True, slots=True)
class Payload:
    """One message. The customer's id and address are held in memory alone; phone numbers are not even read."""

    topic: str
    shop: str
    customer: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    orders: tuple[str, ...] = ()

    def person(self, connection: str) -> Person:
        """Return the customer as the rows of a connection name them."""
        found: Person = Person((f"id@{connection}", self.customer), ("email", self.email))
        return found


def is_authentic(body: bytes, header: str, secret: str) -> bool:
    """Tell, in constant time, whether a message's HMAC is the one that its sender's secret makes."""
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(expected, header.strip().encode())


def read_payloads(body: bytes, where: str, topic: str | None = None) -> list[Payload]:
    """Read one message, a list, JSON lines, or an object that maps topics to messages.

    The topic is the one a message stands under, its own field `topic` (the message itself may then stand under `payload`), or
    the given one. Raises ImportFileError naming the message by its number, never by what it says.
    """
    found = []
    for number, (name, message) in enumerate(_messages(_documents(body, where), topic), 1):
        found.append(_payload(name, message, f"{where}, message {number}"))
    if not found:
        raise ImportFileError("it holds no message.", where=where)
    return found


def _documents(body: bytes, where: str) -> list[Any]:
    try:
        whole = orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    else:
        return whole if isinstance(whole, list) else [whole]
    documents = []
    for number, line in enumerate(body.splitlines(), 1):
        if line.strip():
            try:
                documents.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                # The parser's words may quote the line.
                raise ImportFileError("it is neither JSON nor JSON lines.", where=f"{where}, line {number}") from None
    return documents


def _messages(documents: list[Any], topic: str | None) -> Iterator[tuple[str | None, Any]]:
    for document in documents:
        if isinstance(document, dict) and document and all(name in _SPELT for name in document):
            for name, inner in document.items():
                for message in inner if isinstance(inner, list) else [inner]:
                    yield name, message
        elif isinstance(document, dict) and "topic" in document:
            yield document["topic"], document.get("payload", document)
        else:
            yield topic, document


def _payload(topic: Any, message: Any, where: str) -> Payload:
    if not isinstance(message, dict):
        raise ImportFileError("a message is a JSON object.", where=where)
    if topic is None:
        raise ImportFileError("its topic is not told.", where=where, hint=f"Say --topic: {', '.join(TOPICS)}.")
    if not isinstance(topic, str) or topic not in _SPELT:
        hint = nearest(topic, TOPICS) if isinstance(topic, str) and "@" not in topic else f"Valid: {', '.join(TOPICS)}."
        raise ImportFileError("its topic is none of the three.", where=where, hint=hint)
    topic = _SPELT[topic]
    shop = message.get("shop_domain")
    if not isinstance(shop, str) or not shop.strip():
        raise ImportFileError("shop_domain is missing.", where=where)
    shop = shop.strip().lower()
    if topic == SHOP_REDACT:
        return Payload(topic, shop)
    customer = message.get("customer")
    if not isinstance(customer, dict):
        raise ImportFileError("customer is missing.", where=where)
    number, email = _id(customer.get("id"), "customer.id", where), customer.get("email") or ""
    if not isinstance(email, str) or (email and "@" not in email):
        raise ImportFileError("customer.email is no address.", where=where)
    if not number and not email:
        raise ImportFileError("it names nobody: neither customer.id nor customer.email is there.", where=where)
    name = "orders_to_redact" if topic == REDACT else "orders_requested"
    orders = [] if message.get(name) is None else message[name]
    if not isinstance(orders, list):
        raise ImportFileError(f"{name} is no list.", where=where)
    return Payload(topic, shop, number, email.strip(), tuple(_id(order, name, where) for order in orders))


def _id(value: Any, name: str, where: str) -> str:
    """Return an id as the store keeps it: digits, whether it came as a number, a text or gid://shopify/TYPE/DIGITS."""
    if value is None:
        return ""
    text = str(value).rpartition("/")[2] if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdigit():
        raise ImportFileError(f"{name} is no id.", where=where)
    return text


def connection_of(
    shop: str, stored: Mapping[str, str], settings: Mapping[str, str], aliases: Mapping[str, str]
) -> Collection[str]:
    """Return the connections that read a shop: by the domain it gave at the last pull ({name: domain} in `stored`), else by
    the handle or domain in its settings; other names of a shop count as their own domain."""
    domain = aliases.get(shop, shop)
    found = {name for name, known in stored.items() if known.lower() == domain}
    return sorted(found | {name for name, known in settings.items() if known.lower() in (domain, domain.split(".")[0])})
