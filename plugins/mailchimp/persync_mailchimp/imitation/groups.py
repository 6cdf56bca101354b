"""What the imitated API says of interest groups and of consents beyond the subscription."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.requests import Request

from persync.sandbox.world import SandboxPerson, World
from persync_mailchimp.imitation.query import not_found, page

__all__ = ["Groups"]

_TOPICS = ("News", "Offers")


class Groups:
    """One question of the sign-up form with two answers; lists in Europe have the GDPR fields with one permission."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.category = _identity(world, "Topics")
        self.interests = {_identity(world, topic): topic for topic in _TOPICS}
        self.has_permissions = world.timezone.startswith("Europe/")
        self.permission = _identity(world, "permission")

    def chosen(self, person: SandboxPerson) -> dict[str, bool]:
        """Return a member's answers."""
        return {key: person.number % (2 + i) == 0 for i, key in enumerate(self.interests)}

    def permissions(self, person: SandboxPerson) -> list[dict[str, Any]]:
        """Return a member's further consents."""
        enabled = person.status == "subscribed" and person.confirmed_opt_in
        return [{"marketing_permission_id": self.permission, "text": "Customized online advertising", "enabled": enabled}]

    def categories_page(self, request: Request) -> dict[str, Any]:
        """Answer `GET /lists/{list_id}/interest-categories`."""
        list_id = self._known(request)

        def render(key: str) -> dict[str, Any]:
            return {"list_id": list_id, "id": key, "title": "Topics", "display_order": 0, "type": "checkboxes"}

        return page(request, "categories", [self.category], render, list_id=list_id)

    def interests_page(self, request: Request) -> dict[str, Any]:
        """Answer `GET /lists/{list_id}/interest-categories/{interest_category_id}/interests`; counts are text."""
        list_id = self._known(request)
        if request.path_params["interest_category_id"] != self.category:
            raise not_found()

        def render(numbered: tuple[int, str]) -> dict[str, Any]:
            number, key = numbered
            return {
                "category_id": self.category,
                "list_id": list_id,
                "id": key,
                "name": self.interests[key],
                "subscriber_count": "0",
                "display_order": number,
            }

        return page(
            request,
            "interests",
            list(enumerate(self.interests, 1)),
            render,
            list_id=list_id,
            category_id=self.category,
        )

    def _known(self, request: Request) -> str:
        list_id: str = request.path_params["list_id"]
        if list_id != self.world.list_id:
            raise not_found()
        return list_id


def _identity(world: World, name: str) -> str:
    return hashlib.sha256(f"{world.list_id}:{name}".encode()).hexdigest()[:10]
