"""A whole answer is known again when the vendor sends it in place of what it promised."""

from __future__ import annotations

from persync_mailchimp.readers import WholeAnswer


def test_what_follows_a_whole_answer_is_known_to_go_on_so_that_the_same_answer_again_ends_it() -> None:
    reader = WholeAnswer(at="reports")

    assert [reader.continues({"offset": offset}) for offset in (0, 3)] == [False, True]
