"""What a search found, as a table."""

from __future__ import annotations

import csv
import os
from typing import Any

PathLike = str | os.PathLike[str]


class SearchResult:
    """The trials of a search.

    Attributes
    ----------
    trials : one dict per trial, in their order: "trial", "round", "params" (dict), "state" ("done", "stopped" as
        hopeless, or "failed"), "value" (None where failed), "curve" (the values it reported), "seconds", "error".
    best : the finished trial with the best value.
    warnings : best values that lie at the edge of their range, as text.
    """

    def __init__(self, trials: list[dict[str, Any]], mode: str, warnings: list[str]) -> None:
        self.trials, self.mode, self.warnings = trials, mode, warnings

    @property
    def ranked(self) -> list[dict[str, Any]]:
        """Finished trials from best to worst."""
        sign = 1 if self.mode == "min" else -1
        return sorted((t for t in self.trials if t["state"] == "done"), key=lambda t: (sign * t["value"], t["trial"]))

    @property
    def best(self) -> dict[str, Any]:
        return self.ranked[0]

    @property
    def best_params(self) -> dict[str, Any]:
        """The values of the best trial."""
        return dict(self.best["params"])

    def rows(self) -> list[dict[str, Any]]:
        """One flat dict per trial: best first, then those that were stopped, then those that failed."""
        order = {"done": 0, "stopped": 1, "failed": 2}
        ranks = {t["trial"]: rank for rank, t in enumerate(self.ranked)}
        trials = sorted(self.trials, key=lambda t: (order[t["state"]], ranks.get(t["trial"], t["trial"])))
        names = ("trial", "round", "state", "value", "seconds")
        return [{**{name: t[name] for name in names}, **t["params"]} for t in trials]

    def table(self, limit: int | None = None) -> str:
        """The rows as aligned text, `limit` of them."""
        rows = self.rows()
        cells = [list(rows[0])] + [[_text(value) for value in row.values()] for row in rows[:limit]]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join("  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells)

    def column(self, name: str) -> list[Any]:
        """One entry per trial in their order, for `viz.trials`: of a hyper-parameter, or "value" (NaN for none)."""
        if name == "value":
            return [float("nan") if t["value"] is None else t["value"] for t in self.trials]
        return [t["params"][name] for t in self.trials]

    def to_csv(self, path: PathLike) -> None:
        """Write the rows to a file, with a line of names first."""
        rows = self.rows()
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def __repr__(self) -> str:
        return f"SearchResult({len(self.trials)} trials, best {self.best['value']:g} at {self.best_params})"


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)
