"""What training leaves behind: figures by name, one per epoch, and files of them."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

PathLike = str | os.PathLike[str]


class History(dict[str, list[float]]):
    """Figures by name, one per finished epoch; NaN where an epoch has no such figure.

    The names are loss, accuracy, seconds, where there is a validation set val_loss and val_accuracy, and
    what callbacks add.

    Attributes
    ----------
    interrupted : whether Ctrl-C ended the training.
    stopped : why the training ended early, in words; empty where it did not.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn import train
    >>> history = train.History()
    >>> history.add({"loss": 0.7})
    >>> history.add({"loss": 0.1, "accuracy": 0.9})
    >>> history
    {'loss': [0.7, 0.1], 'accuracy': [nan, 0.9]}
    >>> path = os.path.join(tempfile.mkdtemp(), "history.csv")
    >>> history.to_csv(path)
    >>> train.History.read_csv(path)["loss"]
    [0.7, 0.1]
    """

    interrupted: bool = False
    stopped: str = ""

    def add(self, figures: Mapping[str, float]) -> None:
        """Append the figures of one epoch."""
        done = self.epochs
        for name in figures:
            self.setdefault(name, [float("nan")] * done)
        for name, values in self.items():
            values.append(figures.get(name, float("nan")))

    @property
    def epochs(self) -> int:
        """How many epochs it holds."""
        return max(map(len, self.values()), default=0)

    def rows(self) -> list[dict[str, float]]:
        """One dict for each epoch."""
        return [{name: values[i] for name, values in self.items()} for i in range(self.epochs)]

    def to_csv(self, path: PathLike) -> None:
        """Write a table: a line of names, then one line for each epoch. Numbers read back to the same bits."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["epoch", *self])
            for epoch, row in enumerate(self.rows(), 1):
                table.writerow([epoch, *map(repr, row.values())])

    def to_jsonl(self, path: PathLike) -> None:
        """Write one JSON object for each epoch; a figure that is missing or no finite number is null."""
        with open(path, "w", encoding="utf-8") as file:
            for epoch, row in enumerate(self.rows(), 1):
                known = {name: value if abs(value) < float("inf") else None for name, value in row.items()}
                file.write(json.dumps({"epoch": epoch, **known}, ensure_ascii=False, allow_nan=False) + "\n")

    @classmethod
    def read_csv(cls, path: PathLike) -> History:
        """Read what `to_csv` has written.

        Raises
        ------
        ValueError
            Naming the file and the line, where something is no number or a line has another length.
        """
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
        names = lines[0] if lines else []
        faulty = next((i for i, line in enumerate(lines, 1) if len(line) != len(names)), 0 if names else 1)
        if faulty:
            raise ValueError(f"History.read_csv: {os.fspath(path)}: line {faulty}: {len(names)} fields expected")
        return cls._collect("read_csv", path, (dict(zip(names, line, strict=True)) for line in lines[1:]), 2)

    @classmethod
    def read_jsonl(cls, path: PathLike) -> History:
        """Read what `to_jsonl` has written; null becomes NaN. Raises as `read_csv` does."""
        with open(path, encoding="utf-8") as file:
            return cls._collect("read_jsonl", path, map(_json_object, file), 1)

    @classmethod
    def _collect(cls, function: str, path: PathLike, rows: Iterable[dict[str, Any]], first: int) -> History:
        history = cls()
        try:
            for row in rows:
                row.pop("epoch", None)
                history.add({name: float("nan") if v is None else float(v) for name, v in row.items()})
        except (TypeError, ValueError) as error:
            line = first + history.epochs
            raise ValueError(f"History.{function}: {os.fspath(path)}: line {line}: {error}") from None
        return history


def _json_object(line: str) -> dict[str, Any]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("must be a JSON object")
    return row
