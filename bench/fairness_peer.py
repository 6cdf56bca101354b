"""fairlearn's side of the fairness benchmark: the same measures from the same mirror, without intervals.

    python bench/fairness_peer.py FOLDER

prints wall-clock seconds, CPU seconds and the largest gap in selection by gender. Needs fairlearn and pyarrow alone:
fairness_bench.py keeps them in an environment of their own.
"""

import sys
import time
from itertools import combinations
from pathlib import Path

import pandas as pd
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import precision_score

folder = Path(sys.argv[1])
began, cpu = time.perf_counter(), time.process_time()
tables = {name: pd.read_parquet(next(folder.glob(f"{name}-*.parquet"))) for name in ("attributes", "decisions", "person_of")}
person = tables["person_of"].set_index("key_id").person
facts = tables["attributes"].assign(person=lambda table: person.reindex(table.key_id).to_numpy())
people = tables["decisions"].assign(person=lambda table: person.reindex(table.key_id).to_numpy()).set_index("person")
wide = facts.pivot(index="person", columns="name", values="value").reindex(people.index).fillna("unknown")
metrics = {
    "selection": selection_rate,
    "hits": true_positive_rate,
    "false": false_positive_rate,
    "precision": lambda label, chosen: precision_score(label, chosen, zero_division=0),
}
gaps = {}
for names in [*((name,) for name in wide), *combinations(wide, 2)]:
    frame = MetricFrame(metrics=metrics, y_true=people.qualified, y_pred=people.selected, sensitive_features=wide[list(names)])
    frame.difference()
    frame.ratio()
    known = frame.by_group[[("unknown" not in (key if isinstance(key, tuple) else (key,))) for key in frame.by_group.index]]
    gaps[names] = known.selection.max() - known.selection.min()
print(time.perf_counter() - began, time.process_time() - cpu, gaps["gender",])
