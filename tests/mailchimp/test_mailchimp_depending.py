"""What hangs on an audience's merge fields is right once they are known, whenever that is."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from persync.store.digest import table_digests
from persync.store.key import key_path
from persync.store.store import open_store


def digests(store: Any) -> dict[str, str]:
    with open_store(store.path) as opened:
        return table_digests(opened)


def without_a_type(found: httpx.Response) -> httpx.Response:
    page = orjson.loads(found.content)
    for field in page["merge_fields"]:
        if field["tag"] == "JOINED":
            del field["type"]
    return httpx.Response(200, json=page)


def refused(found: httpx.Response) -> httpx.Response:
    return httpx.Response(400, json={"title": "Bad Request", "status": 400, "detail": "no"})


@pytest.mark.parametrize(
    ("spoilt", "cure"),
    [(without_a_type, {"rejects": True}), (without_a_type, {}), (refused, {})],
    ids=["rejected-and-asked-for", "rejected", "failed"],
)
def test_members_are_read_again_once_their_merge_fields_are_known(
    spoilt: Callable[[httpx.Response], httpx.Response],
    cure: dict[str, Any],
    small: Any,
    imitated: Any,
    pulls: Any,
    tmp_path: Path,
) -> None:
    """Nothing is kept of a field that nobody knows for a postal code; then its region is, as in a store that always knew."""
    world = small()
    world.merge_field_types = {**world.merge_field_types, "JOINED": "zip"}
    for one in world.people.values():
        one.merge_fields = {**one.merge_fields, "JOINED": "10115"}
    account = imitated(world, attributes={"joined": "told when joining"})
    right = pulls(account)
    right.pull()
    late = pulls(account)
    late.path = tmp_path / "late.db"
    shutil.copy(key_path(right.path), key_path(late.path))
    whole = account.transport.handle_request

    def answer(request: httpx.Request) -> httpx.Response:
        found = whole(request)
        return spoilt(found) if request.url.path.endswith("/merge-fields") else found

    account.transport.handle_request = answer
    first = late.pull()
    values = late.ask("SELECT DISTINCT value FROM attributes")
    account.transport.handle_request = whole

    cured = late.pull(**cure)

    assert (first.exit_code, values, cured.exit_code) == (3, [], 0)
    assert digests(late) == digests(right)
    assert right.ask("SELECT DISTINCT value FROM attributes") == [("10",)]
    assert "members" in cured.notes[0]
