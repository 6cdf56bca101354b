"""One measure held between groups, in fairlearn's words: `overall`, `by_group`, `difference` and `ratio`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from persync.estimate import Estimate
from persync.measure import rules


@dataclass(frozen=True, slots=True)
class Frame:
    """What every parity returns, whatever it is about.

    `difference` is the largest gap between two groups, `ratio` the worst of the ratios; both over the known groups that are
    large enough, and null with the reason where fewer than two are. `against` holds for each group its difference and ratio to
    the best group, the four-fifths verdict and the smallest gap that could have been seen; `test` asks whether all groups are
    alike.
    """

    overall: Estimate
    by_group: Mapping[str, Estimate]
    difference: Estimate
    ratio: Estimate | None = None
    against: tuple[Estimate, ...] = ()
    test: Estimate | None = None
    more: tuple[Estimate, ...] = field(default=())

    def estimates(self) -> list[Estimate]:
        """Return everything in the order in which it is shown."""
        last = [one for one in (self.difference, self.ratio, self.test) if one is not None]
        return [self.overall, *self.by_group.values(), *self.against, *last, *self.more]

    def noted(self, note: str) -> Frame:
        """Return the frame with a sentence added to every note in it; as it is for ""."""
        if not note:
            return self
        return replace(
            self,
            overall=rules.with_note(self.overall, note),
            by_group={name: rules.with_note(one, note) for name, one in self.by_group.items()},
            difference=rules.with_note(self.difference, note),
            ratio=self.ratio and rules.with_note(self.ratio, note),
            test=self.test and rules.with_note(self.test, note),
            against=tuple(rules.with_note(one, note) for one in self.against),
            more=tuple(rules.with_note(one, note) for one in self.more),
        )
