"""An answer of HubSpot that holds errors alone is no empty list."""

from __future__ import annotations

import orjson
import pytest

from persync.errors import TransientError
from persync_hubspot.connector import _nothing_read


@pytest.mark.parametrize(
    ("category", "results", "fails"),
    [("INTERNAL_ERROR", [], True), ("INTERNAL_ERROR", [{"id": "1"}], False), ("OBJECT_NOT_FOUND", [], False)],
)
def test_an_answer_without_results_is_tried_again_only_where_hubspot_failed(
    category: str, results: list[object], fails: bool
) -> None:
    told = orjson.loads(orjson.dumps({"results": results, "numErrors": 1, "errors": [{"category": category}]}))

    assert isinstance(_nothing_read(told), TransientError) is fails
