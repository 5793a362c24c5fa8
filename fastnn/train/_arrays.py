"""Batches of arrays, in an order of their own in every epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ArrayBatches:
    """Iterable of (inputs, targets); each pass draws a new order where there is a generator."""

    def __init__(
        self, x: NDArray[Any], y: NDArray[Any], batch_size: int, generator: np.random.Generator | None
    ) -> None:
        self.x, self.y, self._size, self._generator = x, y, batch_size, generator

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self._size)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        n = len(self.x)
        order = np.arange(n) if self._generator is None else self._generator.permutation(n)
        for i in range(0, n, self._size):
            rows = order[i : i + self._size]
            yield self.x[rows], self.y[rows]

    def state_dict(self) -> dict[str, Any]:
        """How long the set is, and the state that the next order will be drawn from."""
        state = None if self._generator is None else self._generator.bit_generator.state
        return {"rows": len(self.x), "batch_size": self._size, "generator": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was called."""
        for name, value in (("rows", len(self.x)), ("batch_size", self._size)):
            if state[name] != value:
                raise ValueError(f"{name} was {state[name]}, is {value}")
        if (state["generator"] is None) != (self._generator is None):
            raise ValueError("shuffle was another")
        if self._generator is not None:
            self._generator.bit_generator.state = state["generator"]
