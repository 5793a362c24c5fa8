"""Ranges of hyper-parameters: each maps a number in [0, 1) to a value and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class Uniform:
    """A real number in low..high, evenly spread or, with ``log=True``, evenly in its logarithm.

    Examples
    --------
    >>> from fastnn import train
    >>> train.Uniform(1e-4, 1e-2, log=True).at(0.5)
    0.001
    """

    def __init__(self, low: float, high: float, *, log: bool = False) -> None:
        if not (math.isfinite(low) and math.isfinite(high) and low < high) or (log and low <= 0):
            raise ValueError(f"Uniform: {low}..{high}{' (log)' if log else ''} is no range")
        self.low, self.high, self.log = float(low), float(high), log

    def at(self, u: float) -> float:
        """The value at the share u of the range."""
        if self.log:
            value = math.exp((1 - u) * math.log(self.low) + u * math.log(self.high))
        else:
            value = self.low + u * (self.high - self.low)
        return float(f"{min(max(value, self.low), self.high):.6g}")  # digits that a person can copy

    def share(self, value: float) -> float:
        """Where in the range a value lies, the inverse of `at`."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def edge(self, value: float) -> str | None:
        """The end of the range that a value is close to, as text."""
        share = self.share(value)
        return f"low end {self.low:g}" if share < 0.05 else f"high end {self.high:g}" if share > 0.95 else None

    def __repr__(self) -> str:
        return f"Uniform({self.low!r}, {self.high!r}, log={self.log})"


class Integer:
    """A whole number in low..high, both included, evenly spread or, with ``log=True``, in its logarithm.

    Examples
    --------
    >>> from fastnn import train
    >>> [train.Integer(1, 3).at(u) for u in (0.0, 0.5, 0.99)]
    [1, 2, 3]
    """

    def __init__(self, low: int, high: int, *, log: bool = False) -> None:
        if not (isinstance(low, int) and isinstance(high, int) and low < high) or (log and low <= 0):
            raise ValueError(f"Integer: {low}..{high}{' (log)' if log else ''} is no range of whole numbers")
        self.low, self.high, self.log = low, high, log

    def at(self, u: float) -> int:
        """The value at the share u of the range."""
        if self.log:
            value = math.exp((1 - u) * math.log(self.low) + u * math.log(self.high + 1))
        else:
            value = self.low + u * (self.high + 1 - self.low)
        return min(max(math.floor(value), self.low), self.high)

    def share(self, value: int) -> float:
        """Where in the range a value lies, the inverse of `at`."""
        if self.log:
            return math.log((value + 0.5) / self.low) / math.log((self.high + 1) / self.low)
        return (value + 0.5 - self.low) / (self.high + 1 - self.low)

    def edge(self, value: int) -> str | None:
        """The end of the range that a value is, as text; none where there are two values only."""
        if self.high - self.low < 2 or self.low < value < self.high:
            return None
        return f"low end {self.low}" if value == self.low else f"high end {self.high}"

    def __repr__(self) -> str:
        return f"Integer({self.low!r}, {self.high!r}, log={self.log})"


class Choice:
    """One of a few values, each as likely; a list in a space means the same.

    Examples
    --------
    >>> from fastnn import train
    >>> train.Choice(["relu", "tanh"]).at(0.7)
    'tanh'
    """

    def __init__(self, options: Sequence[Any]) -> None:
        self.options = list(options)
        if not self.options:
            raise ValueError("Choice: no options")

    def at(self, u: float) -> Any:
        """The option at the share u."""
        return self.options[min(int(u * len(self.options)), len(self.options) - 1)]

    def edge(self, value: Any) -> str | None:
        """None: options have no order."""
        return None

    def __repr__(self) -> str:
        return f"Choice({self.options!r})"


Range = Uniform | Integer | Choice


def checked_space(space: Mapping[str, Any]) -> dict[str, Range]:
    """The space with lists made choices; raises for anything that is no range."""
    if not space:
        raise ValueError("search: the space is empty")
    ranges: dict[str, Range] = {}
    for name, given in space.items():
        given = Choice(given) if isinstance(given, (list, tuple)) else given
        if not isinstance(given, (Uniform, Integer, Choice)):
            raise TypeError(f"search: {name} is a {type(given).__name__}, not Uniform, Integer, Choice or a list")
        ranges[name] = given
    return ranges


def propose(
    space: Mapping[str, Range], seed: int, trial: int, good: Sequence[Mapping[str, Any]], width: float
) -> dict[str, Any]:
    """The values of a trial, which depend on these arguments alone.

    Without `good` all of every range; else, around the first of `good`, a window of `width` times the range
    that is moved to lie inside it, and of options those that `good` has.
    """
    values = {}
    shares = np.random.default_rng((seed, trial)).random(len(space)).tolist()
    for (name, given), share in zip(space.items(), shares, strict=True):
        if good and isinstance(given, Choice):
            used = [g[name] for g in good]
            given = Choice([option for option in given.options if option in used])
        elif good and not isinstance(given, Choice):
            start = min(max(given.share(good[0][name]) - width / 2, 0.0), 1.0 - width)
            share = start + share * width
        values[name] = given.at(share)
    return values
