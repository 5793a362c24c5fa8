"""The journal of a search: one JSON object per line, on the disk before the next trial is counted."""

from __future__ import annotations

import json
import os
from typing import Any

PathLike = str | os.PathLike[str]


def as_json(value: Any) -> Any:
    """A value as it comes back from a journal: what JSON does not know has become text."""
    return json.loads(json.dumps(value, default=repr))


class Journal:
    """A header line and one line per finished trial, only ever appended to.

    A kill can tear the last line alone: that line is cut off when the journal is opened again, and its trial
    runs again. Without a path nothing is kept.
    """

    def __init__(self, path: PathLike | None, header: dict[str, Any]) -> None:
        self.records: list[dict[str, Any]] = []
        self._file = None
        if path is None:
            return
        lines = self._read(path)
        header = {"journal": "fastnn.train.search", "version": 1, **header}
        if lines and lines[0] != header:
            wrong = sorted(key for key in header if lines[0].get(key) != header[key])
            raise ValueError(f"search: {os.fspath(path)} is the journal of another search: {', '.join(wrong)} differ")
        self.records = lines[1:]
        self._file = open(path, "ab")  # noqa: SIM115 - open as long as the search runs
        if not lines:
            self._write(header)

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record; it is on the disk when this returns."""
        self.records.append(record)
        if self._file is not None:
            self._write(record)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, record: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.write(json.dumps(record, default=repr).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    @staticmethod
    def _read(path: PathLike) -> list[dict[str, Any]]:
        if not os.path.exists(path):
            return []
        with open(path, "rb") as file:
            content = file.read()
        lines, end = [], 0
        for number, line in enumerate(content.splitlines(keepends=True), 1):
            try:
                record = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                record = None
            if not isinstance(record, dict):
                if end + len(line) < len(content):
                    raise ValueError(f"search: {os.fspath(path)}: line {number} is no record")
                os.truncate(path, end)
                break
            lines.append(record)
            end += len(line)
        return lines
