"""The imitated lists ("segments"): a search, members with the time at which they joined, and the old numbering."""

from __future__ import annotations

from typing import Any

from persync.sandbox.world import SandboxPerson, World
from persync_hubspot.sandbox_wire import Query, Refusal, first, iso, listed, page_size

EVERYBODY, GERMAN, COMPANIES = "61", "62", "63"
COUNT_MOST, MEMBERS_MOST = 500, 250
_LANGUAGE = {
    "filterBranchType": "OR",
    "filterBranches": [
        {
            "filterBranchType": "AND",
            "filterBranches": [],
            "filters": [
                {
                    "filterType": "PROPERTY",
                    "property": "hs_language",
                    "operation": {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": ["de"]},
                }
            ],
        }
    ],
    "filters": [],
}
_REQUIRED = ("additionalProperties", "listIds", "offset", "processingTypes")


class Lists:
    """The lists of a world: everybody (filled by hand), who reads German (a filter), and one of companies."""

    def __init__(self, world: World) -> None:
        self._world = world
        people = [person for person in world.people.values() if person.hubspot_id and person.status != "archived"]
        self._members = {
            EVERYBODY: sorted(people, key=_joined),
            GERMAN: sorted((one for one in people if one.language == "de"), key=_joined),
            COMPANIES: [],
        }

    def search(self, body: Any) -> dict[str, Any]:
        """Answer the lists of the account, a page at a time."""
        missing = [name for name in _REQUIRED if name not in body]
        if missing:
            raise Refusal(400, f"Some required fields were not set: [{', '.join(missing)}]", "VALIDATION_ERROR")
        count, offset = body.get("count", 20), body["offset"]
        if not isinstance(count, int) or not 1 <= count <= COUNT_MOST or not isinstance(offset, int) or offset < 0:
            raise Refusal(400, f"count must be between 1 and {COUNT_MOST}", "VALIDATION_ERROR")
        found = [self._list(number) for number in self._members]
        return {
            "lists": found[offset : offset + count],
            "offset": offset + count,
            "hasMore": offset + count < len(found),
            "total": len(found),
        }

    def _list(self, number: str) -> dict[str, Any]:
        members = self._members[number]
        names = {EVERYBODY: "Everybody", GERMAN: "Reads German", COMPANIES: "Shops"}
        further = {"hs_list_size": str(len(members)), "hs_list_reference_count": "1"}
        if members:
            further["hs_last_record_added_at"] = str(_joined(members[-1]))
        return {
            "listId": number,
            "listVersion": 1,
            "name": names[number],
            "objectTypeId": "0-2" if number == COMPANIES else "0-1",
            "processingStatus": "COMPLETE",
            "processingType": "DYNAMIC" if number == GERMAN else "MANUAL",
            "createdAt": iso(self._world.now - 800 * 86_400_000),
            "additionalProperties": further,
        }

    def definitions(self, query: Query) -> dict[str, Any]:
        """Answer the lists asked for by number, with the tree of their filters when that is asked for."""
        found = []
        for number in listed(query, "listIds"):
            if number in self._members:
                told = self._list(number)
                del told["additionalProperties"]
                if first(query, "includeFilters") == "true" and number == GERMAN:
                    told["filterBranch"] = _LANGUAGE
                found.append(told)
        return {"lists": found}

    def members(self, number: str, query: Query) -> dict[str, Any]:
        """Answer who is in a list now and since when, in the order of joining."""
        if number not in self._members:
            raise Refusal(404, f"List does not exist with ID {number[:20]}.", "OBJECT_NOT_FOUND")
        limit = page_size(first(query, "limit"), default=100, most=MEMBERS_MOST)
        after = first(query, "after")
        if after and not after.isdigit():
            raise Refusal(400, "Invalid input: the after cursor is not valid", "VALIDATION_ERROR")
        start, members = int(after or 0), self._members[number]
        page = [
            {"recordId": str(one.hubspot_id), "membershipTimestamp": iso(_joined(one))}
            for one in members[start : start + limit]
        ]
        answer: dict[str, Any] = {"results": page, "total": len(members)}
        if start + limit < len(members):
            answer["paging"] = {"next": {"after": str(start + limit), "link": f"https://api.hubapi.com/?after={start + limit}"}}
        return answer

    def legacy(self, query: Query) -> dict[str, Any]:
        """Answer what a list of the old numbering is called now."""
        given = first(query, "legacyListId")
        if given not in ("9", "10"):
            raise Refusal(404, f"No list has the legacy id {given[:20]}", "OBJECT_NOT_FOUND")
        return {"legacyListId": given, "listId": EVERYBODY if given == "9" else GERMAN}


def _joined(person: SandboxPerson) -> int:
    return person.created_at
