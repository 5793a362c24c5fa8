"""A place on the tape where the gradients of several tensors come by together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn.autograd._data import copy
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, record


def passage(tensors: Sequence[Tensor], visit: Callable[[list[Any]], Sequence[Any]]) -> list[Tensor]:
    """The same values as tensors whose gradients go through `visit` together, once all of them are complete.

    Each result hands its gradient to one node, which is older than all results and so is reached last. `visit` takes
    and returns one raw gradient per tensor, None where no gradient came; all tensors require grad.
    """
    kept: list[Any] = [None] * len(tensors)
    to_leaf = [tensor._node is None for tensor in tensors]
    token = np.zeros(())

    def meet(_: Any) -> Gradients:
        arrived, kept[:] = list(kept), [None] * len(kept)
        found = visit(arrived)
        # The walk cannot see with whom these share memory, so a leaf is given its own.
        return tuple(
            copy(g) if leaf and g is not None else g for g, leaf in zip(found, to_leaf, strict=True)
        )

    together = record(token, tuple(tensors), meet)

    def port(i: int, tensor: Tensor) -> Tensor:
        def arrive(gy: Any) -> Gradients:
            kept[i] = gy
            return (token,)

        return record(tensor.data, (together,), arrive, version=tensor._version)

    return [port(i, tensor) for i, tensor in enumerate(tensors)]
