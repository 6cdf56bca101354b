"""ChannelAttribution from raw touches: paths built with pandas, its heuristic models, its Markov model of order 1.

    python bench/attribution_peer.py FOLDER

prints seconds. Needs ChannelAttribution and pyarrow alone: attribution_peer_bench.py keeps them in an environment of their own.
"""

import sys
import time
from pathlib import Path

import ChannelAttribution
import pandas as pd

DAY = 86_400_000
folder = Path(sys.argv[1])


def table(name: str, columns: list[str]) -> pd.DataFrame:
    """Read a table's files."""
    return pd.concat([pd.read_parquet(path, columns=columns) for path in sorted(folder.glob(f"{name}[-0-9]*.parquet"))])


began = time.perf_counter()
touches = table("touchpoints", ["key_id", "happened_at", "action", "channel", "is_machine"])
touches = touches[touches.action.isin((4, 9)) & (touches.is_machine == 0)].drop(columns=["action", "is_machine"])
orders = table("orders", ["order_key", "key_id", "ordered_at"])
money = table("order_ledger", ["order_key", "part", "amount_minor"])
value = money[money.part == "product"].groupby("order_key").amount_minor.sum()
seen = touches.merge(orders, on="key_id", how="left")
age = seen.ordered_at - seen.happened_at
inside = seen[(age >= 0) & (age <= 30 * DAY)].sort_values(["order_key", "happened_at"])
won = inside.groupby("order_key").channel.agg(lambda word: ">".join(map(str, word))).to_frame("path")
won["value"] = value.reindex(won.index)
won = won.groupby("path").agg(conversions=("value", "size"), value=("value", "sum"))
buyers = inside.key_id.unique()
lost = touches[~touches.key_id.isin(buyers)].sort_values(["key_id", "happened_at"])
lost = lost.groupby("key_id").channel.agg(lambda word: ">".join(map(str, word))).value_counts().to_frame("nulls")
lost.index.name = "path"
paths = won.join(lost, how="outer").fillna(0).reset_index()
ChannelAttribution.heuristic_models(paths, "path", "conversions", var_value="value", flg_pro=False)
ChannelAttribution.markov_model(paths, "path", "conversions", var_value="value", var_null="nulls", verbose=False, flg_pro=False)
print(time.perf_counter() - began)
