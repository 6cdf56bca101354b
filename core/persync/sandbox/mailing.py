"""Sending the demo shop's campaigns: who gets them, who opens and clicks (people and machines), who leaves, who buys.

The experiment's truth lives here: for each of its members both outcomes are drawn, with and without the personalised
campaigns, before anyone is put into an arm; only one of them is then let happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from persync.sandbox.messages import CONTROL, TREATED, Plan, admits
from persync.sandbox.orders import Calendar, make_order
from persync.sandbox.people import DAY, HOUR, Habits
from persync.sandbox.world import Click, Open, SandboxOrder, SandboxPerson, Send

__all__ = ["TREATED_SHARE", "Mailing", "Outcomes", "Purchase"]

TREATED_SHARE = 0.5
"""Half are left out: of all shares the one with the smallest standard error, here about a fifth of the lift."""
_MINUTE = 60_000
_IN_INBOX = 21 * DAY
"""how long a message is at hand for somebody on the way to the shop: the space of about two letters"""
_BY_AGE = {"18-29": 0.8, "30-44": 2.3, "45-59": 0.8, "60+": 0.0}
_BY_COUNTRY = {"DE": 1.0, "AT": 1.3, "NL": 0.8, "FR": 0.8, "CH": 0.6}
_ANNOYED = 0.35
"""chance that a personalised mail costs a purchase of somebody over 60"""


@dataclass(slots=True)
class Purchase:
    """An order and why it was made: `cause` is the (message id, send time) without which there would be none."""

    order: SandboxOrder
    cause: tuple[str, int] | None = None
    visits: list[tuple[str, Click]] = field(default_factory=list)
    """clicks in messages (by id) that led to the shop before it"""


@dataclass(slots=True)
class Outcomes:
    """What a member of the experiment would buy: without the personalised campaigns, and with them."""

    without: list[Purchase]
    with_mail: list[Purchase]
    leaves: tuple[str, int] | None
    """the (message id, send time) after which they unsubscribe when treated"""
    settled: int
    """the last send that the treated outcome hangs on; nobody treated leaves by chance before it"""


class Mailing:
    """The run of all campaigns over the people. `purchases` is what really happened, by person."""

    def __init__(
        self,
        rng: Random,
        calendar: Calendar,
        people: dict[int, SandboxPerson],
        habits: dict[int, Habits],
        plans: list[Plan],
        purchases: dict[int, list[Purchase]],
    ) -> None:
        self.rng, self.calendar = rng, calendar
        self.people, self.habits, self.plans, self.purchases = people, habits, plans, purchases
        self.outcomes: dict[int, Outcomes] = {}
        self._left: dict[int, int] = {}
        self._settled: dict[int, int] = {}

    def run(self) -> None:
        """Send everything up to the experiment, enrol its members, then send the rest."""
        events = list(self._events())
        begins = self.calendar.begins
        for at, plan, person in events:
            if at < begins:
                self._send(plan, person, at)
        later = [event for event in events if event[0] >= begins]
        self._enrol(later)
        for at, plan, person in later:
            self._send(plan, person, at)

    def _events(self) -> Iterator[tuple[int, Plan, SandboxPerson]]:
        """Yield every possible send in time order; consent and segment are judged when its time comes."""
        found: list[tuple[int, int, int]] = []
        for index, plan in enumerate(self.plans):
            message = plan.message
            if message.sent_at is None:
                continue
            for person in self.people.values():
                if (person.mailchimp_id if message.platform == "mailchimp" else person.hubspot_id) is None:
                    continue
                found.extend((at, index, person.number) for at in self._moments(plan, person, message.sent_at))
        found.sort()
        return ((at, self.plans[index], self.people[number]) for at, index, number in found)

    def _moments(self, plan: Plan, person: SandboxPerson, first: int) -> list[int]:
        rng, now = self.rng, self.calendar.now
        if plan.message.workflow is not None:
            at = person.created_at + HOUR
            return [at] if first <= at < now - DAY else []
        if rng.random() >= plan.share:
            return []
        if not plan.monthly:
            # a large send takes a few minutes to leave
            return [first + rng.randrange(6 * _MINUTE) // 1000 * 1000] if person.created_at < first else []
        moments = []
        at = max(first, person.created_at) + int(rng.expovariate(plan.monthly / 30) * DAY)
        while at < now - 5 * DAY:
            moments.append(at // 1000 * 1000)
            at += 7 * DAY + int(rng.expovariate(plan.monthly / 30) * DAY)
        return moments

    # -- the experiment ------------------------------------------------------------------------------------------------

    def _enrol(self, events: list[tuple[int, Plan, SandboxPerson]]) -> None:
        rng, begins = self.rng, self.calendar.begins
        planned: dict[int, list[tuple[int, Plan]]] = {}
        for at, plan, person in events:
            if plan.message.platform == "mailchimp" and _is_trial(plan):
                planned.setdefault(person.number, []).append((at, plan))
        for person in self.people.values():
            if person.mailchimp_id is None or person.status != "subscribed" or person.created_at >= begins:
                continue
            self.outcomes[person.number] = self._potential(person, planned.get(person.number, []))
        for number, outcomes in self.outcomes.items():
            person = self.people[number]
            treated = rng.random() < TREATED_SHARE
            person.tags = (*person.tags, TREATED if treated else CONTROL)
            person.updated_at = max(person.updated_at, begins)
            before = [purchase for purchase in self.purchases.get(number, []) if purchase.order.created_at < begins]
            self.purchases[number] = before + (outcomes.with_mail if treated else outcomes.without)
            if treated:
                self._settled[number] = outcomes.settled

    def _potential(self, person: SandboxPerson, planned: list[tuple[int, Plan]]) -> Outcomes:
        rng, begins = self.rng, self.calendar.begins
        habits = self.habits[person.number]
        without = [purchase for purchase in self.purchases.get(person.number, []) if purchase.order.created_at >= begins]
        kept, extra, leaves, settled = list(without), [], None, -1
        for at, plan in planned:
            if not admits(plan.message.segment, person, (*person.tags, TREATED)):
                continue
            cause = (plan.message.id, at)
            if habits.age_band == "60+":
                staying = [purchase for purchase in kept if purchase.order.created_at < at or rng.random() >= _ANNOYED]
                kept, settled = staying, at if len(staying) < len(kept) else settled
            elif rng.random() < plan.pull * _BY_AGE[habits.age_band] * _BY_COUNTRY[person.country]:
                extra.append(self._caused(person, cause))
                settled = at
            if rng.random() < (0.012 if habits.age_band == "60+" else 0.003):
                leaves, settled = cause, at
                break
        return Outcomes(without, kept + extra, leaves, settled)

    def _caused(self, person: SandboxPerson, cause: tuple[str, int]) -> Purchase:
        at = self.calendar.after(self.rng, cause[1])
        order = make_order(self.rng, self.calendar, person.number, person.country, at)
        order.source_name = "web"
        return Purchase(order, cause)

    # -- one send ------------------------------------------------------------------------------------------------------

    def _send(self, plan: Plan, person: SandboxPerson, at: int) -> None:
        rng, begins, message = self.rng, self.calendar.begins, plan.message
        gone = self._left.get(person.number, self.calendar.now) <= at
        tags = person.tags
        if message.platform == "mailchimp":
            if gone or person.status in ("pending", "archived") or not admits(message.segment, person, tags):
                return
            if at >= begins and _is_trial(plan) and TREATED not in tags:
                return
        send = Send(person.number, at, variant=rng.choice(plan.variants) if len(plan.variants) > 1 else plan.variants[0])
        message.sends.append(send)
        if gone:
            send.status = "dropped"
            return
        settled = self._settled.get(person.number, -1) >= at
        chance = rng.random()
        if chance < 0.006 and not settled:
            send.status = "hard" if chance < 0.0015 else "soft"
            if send.status == "hard":
                self._leave(person, "cleaned", at + _MINUTE)
            return
        self._engage(plan, send, person)
        outcomes = self.outcomes.get(person.number)
        if outcomes is not None and outcomes.leaves == (message.id, at):
            self._unsubscribe(send, person)
        elif not settled and chance > 0.9975 and not (at >= begins and _is_trial(plan)):
            self._unsubscribe(send, person)
            if chance > 0.9997:
                send.complained_at = send.unsubscribed_at

    def _engage(self, plan: Plan, send: Send, person: SandboxPerson) -> None:
        rng, now, habits = self.rng, self.calendar.now, self.habits[person.number]
        if person.reads_by_proxy:
            send.opens.append(Open(send.at + _MINUTE + rng.randrange(20 * _MINUTE), True))
        if habits.scanned:
            send.clicks.extend(Click(send.at + rng.randrange(2000), link, True) for link in plan.links)
        read = send.at + int(rng.expovariate(1 / 9) * HOUR) + 30_000
        if rng.random() < habits.reads and read < now:
            send.opens.append(Open(read, False))
            if rng.random() < habits.clicks:
                self._click(plan, send, read + rng.randrange(5_000, 5 * _MINUTE))
            if rng.random() < 0.2 and (again := read + int(rng.expovariate(1 / 30) * HOUR)) < now:
                send.opens.append(Open(again, False))
        self._lead_to_purchases(plan, send, person)
        send.opens.sort(key=lambda opened: opened.at)
        send.clicks.sort(key=lambda clicked: clicked.at)

    def _lead_to_purchases(self, plan: Plan, send: Send, person: SandboxPerson) -> None:
        """Let those who buy click first: all whom this message made buy, and many who would have bought anyway."""
        rng, begins = self.rng, self.calendar.begins
        own = (plan.message.id, send.at)
        mine = self.purchases.setdefault(person.number, [])
        if send.at < begins and plan.pull and rng.random() < plan.pull * 2 * self.habits[person.number].reads:
            purchase = self._caused(person, own)
            if purchase.order.created_at < begins:
                mine.append(purchase)
        for purchase in mine:
            order = purchase.order
            ahead = order.created_at - send.at
            if order.source_name != "web" or ahead < 3 * _MINUTE:
                continue
            if purchase.cause == own:
                at = order.created_at - rng.randrange(_MINUTE, min(40 * _MINUTE, ahead - _MINUTE))
            elif purchase.cause is None and ahead < _IN_INBOX and rng.random() < self.habits[person.number].detour:
                at = send.at + 2 * _MINUTE + int(rng.random() * (ahead - 2 * _MINUTE))
            else:
                continue
            at -= at % 1000
            send.opens.append(Open(max(at - rng.randrange(4_000, 50_000), send.at + 1000), False))
            purchase.visits.append((plan.message.id, self._click(plan, send, at)))

    def _click(self, plan: Plan, send: Send, at: int) -> Click:
        click = Click(min(at, self.calendar.now - 1000), self.rng.choice(plan.links))
        send.clicks.append(click)
        return click

    def _unsubscribe(self, send: Send, person: SandboxPerson) -> None:
        at = min(send.at + int(self.rng.expovariate(1 / 6) * HOUR) + 2 * _MINUTE, self.calendar.now - HOUR)
        send.unsubscribed_at = at - at % 1000
        if not send.opens:
            send.opens.append(Open(send.unsubscribed_at - 20_000, False))
        self._leave(person, "unsubscribed", send.unsubscribed_at)

    def _leave(self, person: SandboxPerson, status: str, at: int) -> None:
        self._left[person.number] = at
        person.status, person.status_changed_at = status, at
        person.updated_at = max(person.updated_at, at)


def _is_trial(plan: Plan) -> bool:
    """Automations run all year; while the experiment lasts they too go to the treated alone."""
    return plan.trial or bool(plan.monthly)
