"""Half an emoji in one subject must not cost a page, nor an id with a character that SQLite stops at be lost."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persync.connect import mended
from persync.connect.readers import refuse_problem
from persync.errors import TransientError


@pytest.mark.parametrize(
    ("text", "mended_text"),
    [
        (rb'"cut \ud83d"', rb'"cut \ufffd"'),
        (rb'"\uDE00 cut"', rb'"\ufffd cut"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"a backslash \\ud83d"', rb'"a backslash \\ud83d"'),
        (rb'"a backslash \\\ud83d"', rb'"a backslash \\\ufffd"'),
        (rb'"a\u0000b\u0000"', rb'"a\ufffdb\ufffd"'),
        (rb'"a backslash \\u0000"', rb'"a backslash \\u0000"'),
        (b'"plain"', b'"plain"'),
        (rb'"\ud7ff \ue000"', rb'"\ud7ff \ue000"'),
    ],
)
def test_half_a_pair_and_the_character_zero_are_marked_and_everything_else_stays(text: bytes, mended_text: bytes) -> None:
    assert mended(text) == mended_text


@given(st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, categories=None) | st.characters(categories=["Cs"])))
def test_what_any_server_writes_can_be_read(text: str) -> None:
    written = json.dumps(text).encode()

    read = json.loads(mended(written))

    read.encode()  # would fail on half a pair
    # Two halves that stand together are one character, however they came.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert read == whole.replace("\0", "\ufffd")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b'{"error":"internal","status":500,"message":"Something went wrong."}', True),
        (b'{"type":"x","title":"Not Found","status":404,"detail":"gone"}', True),
        (b'{"status":"sent","title":"A letter"}', False),
        (b'{"status":200,"title":"A letter"}', False),
        (b'{"status":500,"html":"five hundred"}', False),
    ],
)
def test_a_problem_document_in_the_place_of_a_single_record_is_refused(body: bytes, refused: bool) -> None:
    with pytest.raises(TransientError, match="inside HTTP 200") if refused else nullcontext():
        refuse_problem(body)
