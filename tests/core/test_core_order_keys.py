"""Which keys are one order, told without holding all of them at once."""

from __future__ import annotations

import random

import pytest

from persync.store import orders
from persync.store.orders import OrderKey, all_orders, one_order_each


def some_keys(seed: int) -> list[OrderKey]:
    """A shop, a mailer and a CRM that know some of each other's orders, by id or by printed name; some know no shop."""
    chance = random.Random(seed)
    keys = []
    for number in range(1, 121):
        name, connector, shop = chance.choice(
            (("s", "shopify", "one.myshopify.com"), ("m", "mailchimp", ""), ("c", "hubspot", ""))
        )
        order = chance.randint(1000, 1060)
        keys.append(
            OrderKey(
                number,
                name,
                connector,
                shop,
                f"{name}{number}",
                chance.choice(("", "one", "alias.example.com")),
                chance.choice(("", str(order))),
                chance.choice(("", f"#{order}", f"Order {order}")),
                chance.randint(0, 1),
            )
        )
    return keys


@pytest.mark.parametrize("bits", [8, 64, 1 << 26])
@pytest.mark.parametrize("seed", range(5))
def test_holding_only_keys_that_share_a_name_gives_the_same_orders(
    seed: int, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many other keys the map of names takes for shared, too."""
    monkeypatch.setattr(orders, "_BITS", bits)
    keys, aliases = some_keys(seed), {"alias.example.com": "one.myshopify.com"}

    assert sorted(all_orders(lambda: keys, aliases)) == sorted(one_order_each(keys, aliases))


def test_keys_that_share_nothing_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [OrderKey(n, "s", "shopify", "one.myshopify.com", str(n), "", str(n), f"#{n}", 1) for n in range(1, 2001)]
    held: list[int] = []
    real = one_order_each

    def counted(known: list[OrderKey], aliases: dict[str, str]) -> list[tuple[int, int, int]]:
        held.append(len(known))
        return real(known, aliases)

    monkeypatch.setattr(orders, "one_order_each", counted)

    assert sorted(all_orders(lambda: keys, {})) == [(n, n, 1) for n in range(1, 2001)]
    assert held[0] < 20
