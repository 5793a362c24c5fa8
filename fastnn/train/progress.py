"""How `fit` shows that it is at work: a bar on a terminal, one line per epoch elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any, Protocol, TextIO


class Bar(Protocol):
    """What `fit` needs of a progress bar, and what tqdm's has."""

    def update(self, n: int) -> Any:
        """n more steps are done."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> Any:
        """Text behind the bar."""

    def close(self) -> Any:
        """Remove the bar."""


class TerminalBar:
    """A bar of one line that redraws itself at most ten times a second and vanishes when closed."""

    def __init__(self, total: int, desc: str, file: TextIO) -> None:
        self._total, self._desc, self._file = total, desc, file
        self._done, self._text = 0, ""
        self._drawn = 0.0
        self._started = time.perf_counter()

    def update(self, n: int) -> None:
        self._done += n
        if time.perf_counter() - self._drawn >= 0.1 or self._done >= self._total:
            self._draw()

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        self._text = s
        if refresh:
            self._draw()

    def close(self) -> None:
        self._file.write("\r\x1b[K")
        self._file.flush()

    def _draw(self) -> None:
        self._drawn = time.perf_counter()
        share = min(1.0, self._done / self._total) if self._total else 1.0
        left = (self._drawn - self._started) * (1 / share - 1) if share else 0.0
        head, tail = f"{self._desc} ", f" {share:4.0%} {left:5.1f} s left  {self._text}"
        width = max(4, min(40, shutil.get_terminal_size().columns - len(head) - len(tail) - 1))
        full = round(width * share)
        self._file.write(f"\r{head}{'#' * full}{'.' * (width - full)}{tail}\x1b[K")
        self._file.flush()


class Quiet:
    """A bar that shows nothing."""

    def update(self, n: int) -> None:
        pass

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        pass

    def close(self) -> None:
        pass


def new_bar(total: int, description: str, file: TextIO | None = None) -> Bar:
    """A bar on `file` (stderr): none where that is no terminal, tqdm's where installed, else our own."""
    file = sys.stderr if file is None else file
    if not file.isatty():
        return Quiet()
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        return TerminalBar(total, description, file)
    return tqdm(total=total, desc=description, file=file, leave=False, dynamic_ncols=True)
