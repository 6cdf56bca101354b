"""What the business sends, and what comes back."""

from __future__ import annotations

from converge.moments import HOUR, MINUTE
from converge.shop import SHOP, lose_record
from converge.vendors import Business
from persync.sandbox.world import Click, Message, Open, Send

GUID = "6b1f0c52-8a7e-4d0a-9a56-0c5f7b1d2e31"


def _sends(business: Business, platform: str, b: int) -> list[Send]:
    now = business.world.now
    found = []
    for index, (number, person) in enumerate(sorted(business.world.people.items())):
        known = person.mailchimp_id if platform == "mailchimp" else person.hubspot_id
        if known is None or person.status not in ("subscribed", "pending"):
            continue
        status = "soft" if (index + b) % 5 == 4 else "sent"
        found.append(Send(number, now, status))
        person.updated_at = now
    return found


def send_mailchimp(business: Business, b: int) -> bool:
    world = business.world
    business.letters += 1
    number = business.letters
    kind = ("regular", "regular", "absplit")[b % 3]
    message = Message(
        "mailchimp",
        f"{number:010x}",
        f"Letter {number}",
        "News, *|FNAME|*",
        f"<p>Hello *|FNAME|*, number {number}</p>",
        kind,
        world.now,
        world.now,
        1,
        sends=_sends(business, "mailchimp", b),
    )
    if kind == "absplit":
        for index, send in enumerate(message.sends):
            send.variant = "ab"[index % 2]
    world.messages.append(message)
    return True


def send_hubspot(business: Business, b: int) -> bool:
    world = business.world
    number = sum(message.platform == "hubspot" for message in world.messages) + 1
    kind = ("BATCH_EMAIL", "AUTOMATED_EMAIL")[b % 2]
    message = Message(
        "hubspot",
        str(90_000 + number),
        f"Mail {number}",
        "News",
        "<p>Hello {{ contact.firstname }}</p>",
        kind,
        world.now,
        world.now,
        1,
        email_campaign_ids=(str(70_000 + number),),
        campaign_guid=GUID if b % 3 == 0 else None,
        sends=_sends(business, "hubspot", b),
    )
    world.messages.append(message)
    return True


def react(business: Business, a: int, b: int) -> bool:
    """Somebody opens, clicks, leaves or complains; the platform may tell of it only hours after it happened."""
    alive = [message for message in business.world.messages if message.deleted_at is None and message.sends]
    if not alive:
        return False
    message = alive[a % len(alive)]
    reached = [send for send in message.sends if send.status == "sent"]
    if not reached:
        return False
    send = reached[b % len(reached)]
    at = max(send.at + MINUTE, business.world.now - (b % 4) * 5 * HOUR)
    if at > business.world.now:
        return False
    kind = (a // 7 + b) % 6
    if kind in (0, 1):
        send.opens.append(Open(at, kind == 1))
    elif kind in (2, 3):
        send.clicks.append(Click(at, f"{SHOP}/p/{b % 2}"))
    elif kind == 4 and send.unsubscribed_at is None:
        send.unsubscribed_at = at
        person = business.world.people[send.person]
        # Told late: what they have said since stands, and its date does not go back.
        if person.status_changed_at is None or person.status_changed_at <= at:
            person.status, person.status_changed_at, person.updated_at = "unsubscribed", at, business.world.now
    elif kind == 5 and send.complained_at is None:
        send.complained_at = at
    else:
        return False
    message.claimed_orders += 1
    message.claimed_minor += 700
    return True


def withdraw(business: Business, a: int, b: int) -> bool:
    """A campaign is deleted."""
    alive = [message for message in business.world.messages if message.deleted_at is None]
    if len(alive) < 2:
        return False
    message = alive[a % len(alive)]
    if message.platform == "hubspot":
        message.deleted_at = business.world.now
        lose_record(business, "hubspot", "campaign", message.id)
    else:
        lose_record(business, "mailchimp", "campaign", message.id)
        business.world.messages.remove(message)
    return True
