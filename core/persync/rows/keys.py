"""What says nothing, and the keys by which rows name people, campaigns and orders."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Final, NamedTuple, final


@final
class Keep:
    """The type of `KEEP`: leave what the store already holds in this column."""

    _one: Keep | None = None

    def __new__(cls) -> Keep:
        if cls._one is None:
            cls._one = super().__new__(cls)
        return cls._one

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final = Keep()


_named = itemgetter(1)
_new: Final[Any] = tuple.__new__


class _Ref(tuple[tuple[str, str], ...]):
    """An ordered set of `(kind, key)` pairs that all name one thing; empty keys are left out."""

    __slots__ = ()

    def __new__(cls, *keys: tuple[str, str | None]) -> Any:
        for _, key in keys:
            if not key:
                return _new(cls, filter(_named, keys))
        return _new(cls, keys)


class Person(_Ref):
    """Every key by which one record names a person: `Person(("id", "42"), ("email", "ann@example.com"))`.

    Kinds: `id` (the platform's own id, stored as it is), `email`, `member` (an id the platform made from the address),
    `mc_eid`, `opaque` (an id the user imported). All but `id` are keyed-hashed at the door; `email` and `mc_eid` are the
    same key in every connection. Facts carry the `id` if there is one, else the first key; the others are linked to it.
    """

    __slots__ = ()


class CampaignRef(_Ref):
    """Every key of one campaign, its own first: `CampaignRef(("id", "7847cdaeff"), ("mc_cid", "7847cdaeff"))`.

    Kinds: `id` (the vendor's campaign id), `email_campaign` (HubSpot's numeric send id), and, the same in every
    connection, `mc_cid`, `hsmi`, `utm`. When more than one is given on a `Campaign` row they are stored as aliases.
    """

    __slots__ = ()


class OrderRef(NamedTuple):
    """One order as one system names it. `shop` and what follows say which shop's order it is a copy of."""

    vendor_order_id: str
    shop: str = ""
    shop_order_id: str = ""
    shop_order_name: str = ""
