"""HubSpot's faults that are its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from persync.errors import ResponseError
from persync_hubspot.association_readers import refuse_partial


@pytest.mark.parametrize("category", ["INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "RATE_LIMITS", "TIMEOUT"])
def test_a_batch_that_hubspot_read_in_part_is_refused(category: str) -> None:
    told = {"results": [], "numErrors": 1, "errors": [{"status": "error", "category": category}]}

    with pytest.raises(ResponseError, match=category):
        refuse_partial(json.dumps(told).encode())


@pytest.mark.parametrize("errors", [None, [], ["odd"], [{"category": "OBJECT_NOT_FOUND"}], [{"category": None}]])
def test_what_is_gone_is_missing_for_good(errors: Any) -> None:
    refuse_partial(json.dumps({"results": [], "errors": errors}).encode())
