"""The audiences of the imitated account: one, and a second one where a test wants people who are in two."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from persync.sandbox.world import World
from persync_mailchimp.imitation.audience import Audience
from persync_mailchimp.imitation.counts import Counts
from persync_mailchimp.imitation.groups import Groups
from persync_mailchimp.imitation.query import not_found, page
from persync_mailchimp.imitation.quirks import Quirks

__all__ = ["Audiences", "second_list_id"]


def second_list_id(world: World) -> str:
    """Return the id of the second audience."""
    return hashlib.sha256(f"{world.list_id}:second".encode()).hexdigest()[:10]


class Audiences:
    """The audiences by their id. The second one has the people of `Quirks.second_list`, and nothing was sent to it."""

    def __init__(self, first: Audience, quirks: Quirks) -> None:
        world = first.world
        found = [first]
        if quirks.second_list:
            people = {n: replace(world.people[n], status=status) for n, status in quirks.second_list.items()}
            other = replace(
                world,
                list_id=second_list_id(world),
                list_name=f"{world.list_name}, second",
                people=people,
                messages=[],
                orders=[],
            )
            found.append(Audience(other, Counts(other, {}), Groups(other), quirks))
        self._by_id = {one.world.list_id: one for one in found}

    def lists(self, request: Request) -> dict[str, Any]:
        """Answer `GET /lists`."""
        constraints = {"may_create": False, "max_instances": len(self._by_id)}
        return page(request, "lists", list(self._by_id), lambda key: self._by_id[key].one_list(key), constraints=constraints)

    def of(self, request: Request) -> Audience:
        """Return the audience that a call names; who names none that is there gets a 404."""
        found = self._by_id.get(request.path_params["list_id"])
        if found is None:
            raise not_found()
        return found
