"""What a notebook gets: rows and estimates that show themselves as tables, become data frames and draw themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Final

from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.export.metric import sheet_of_estimates
from persync.notebook.table import html_table, text_table
from persync.report import words

SHOWN: Final = 50
"""rows that a table shows of itself"""


class Rows(Sequence[tuple[Any, ...]]):
    """Rows under columns. Shows the first of them as a table; `to_pandas()` and `to_polars()` give all."""

    def __init__(self, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        self.columns = tuple(columns)
        self._rows = list(rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return text_table(self.columns, self._cells(), self._more())

    def _repr_html_(self) -> str:
        return html_table(self.columns, self._cells(), more=self._more())

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame. Raise ConfigError when pandas is not installed."""
        return _needed("pandas").DataFrame(self._rows, columns=list(self.columns))

    def to_polars(self) -> Any:
        """Return a polars DataFrame. Raise ConfigError when polars is not installed."""
        polars = _needed("polars")
        return polars.DataFrame(self._rows, schema=list(self.columns), orient="row", infer_schema_length=None)

    def _cells(self) -> list[list[str]]:
        return [["" if cell is None else str(cell) for cell in row] for row in self._rows[:SHOWN]]

    def _more(self) -> str:
        left = len(self) - SHOWN
        return f"{left:,} more rows" if left > 0 else ""


class Estimates(Sequence[Estimate]):
    """A metric's estimates, each with its interval, n, standing and, where it is missing, the reason."""

    def __init__(self, id: str, title: str, estimates: Sequence[Estimate]) -> None:
        self.id = id
        self.title = title
        self._estimates = tuple(estimates)

    def __getitem__(self, index: Any) -> Any:
        return self._estimates[index]

    def __len__(self) -> int:
        return len(self._estimates)

    def __repr__(self) -> str:
        return text_table(*self._shown(), "")

    def _repr_html_(self) -> str:
        return html_table(*self._shown(), title=self.title, right=("value", "95 %", "n"))

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame: id, a column for each dimension, value, low, high, p, n, unit, label, reason, note."""
        return self._rows().to_pandas()

    def to_polars(self) -> Any:
        """Return a polars DataFrame of the same columns."""
        return self._rows().to_polars()

    def plot(self, id: str | None = None) -> Any:
        """Return an altair chart, in the look of the report: values with their intervals, or bars where they have none.

        `id` chooses among several measures of one answer (the value of each arm, the difference between them); default: the
        metric itself. Raises DataError where no value is known.
        """
        from persync.notebook.plot import chart

        ids = list(dict.fromkeys(estimate.id for estimate in self))
        wanted = id or (self.id if self.id in ids else next(iter(ids), self.id))
        drawn = [estimate for estimate in self if estimate.id == wanted]
        if not any(estimate.value is not None for estimate in drawn):
            why = words.reason(drawn[0].reason) if drawn else f"there is {' or '.join(ids) or 'nothing'}"
            raise DataError(f"there is no value of {wanted} to draw: {why}.")
        return chart(self.title, drawn)

    def _rows(self) -> Rows:
        sheet = sheet_of_estimates(self.id, self)
        return Rows([field.name for field in sheet.fields], [row for batch in sheet.batches for row in batch])

    def _shown(self) -> tuple[list[str], list[list[str]]]:
        dimensions = list(dict.fromkeys(name for estimate in self for name in estimate.by))
        cells = [
            [
                estimate.id,
                *(estimate.by.get(name, "") for name in dimensions),
                words.value(estimate),
                words.interval(estimate),
                "" if estimate.n is None else words.number(estimate.n),
                words.label(estimate),
                estimate.note,
            ]
            for estimate in self
        ]
        return ["measure", *dimensions, "value", "95 %", "n", "standing", "note"], cells


def _needed(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError:
        raise ConfigError(f"{package} is not installed.", hint=f"Run `pip install {package}`.") from None
