"""`social`: posts on social networks and what came back, one line a post."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.checks import each_line, not_negative
from persync.imports.importer import Column, Importer
from persync.rows import Row, SocialPost


def social_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One post a line; a later file with newer counts replaces them."""
    yield SocialPost(
        network=line["network"],
        post=line["post"],
        posted_at=line["at"],
        campaign=line["campaign"],
        reach=line["reach"],
        followers=line["followers"],
        likes=line["likes"],
        shares=line["shares"],
        comments=line["comments"],
    )


SOCIAL = Importer(
    kind="social",
    summary="Posts on social networks and what came back.",
    columns=(
        Column("network", "text"),
        Column("post", "text", help="the network's own number of the post"),
        Column("at", "time"),
        Column("campaign", "text", required=False),
        Column("reach", "integer", required=False, help="how many people saw it"),
        Column("followers", "integer", required=False, help="on that day; stands in where reach is missing"),
        Column("likes", "integer", required=False),
        Column("shares", "integer", required=False),
        Column("comments", "integer", required=False),
    ),
    rows=social_rows,
    once=("network", "post"),
    check=each_line(not_negative("reach", "followers", "likes", "shares", "comments")),
)
