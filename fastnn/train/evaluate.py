"""A model on a set that it does not learn from, and the sums behind mean loss and accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd import no_grad
from fastnn.autograd.tensor import Tensor
from fastnn.nn.loss import CrossEntropyLoss
from fastnn.nn.module import Module

Loss = Callable[[Any, Any], Any]
Pair = tuple[Any, Any]


class Tally:
    """Running sums behind the mean loss and, for cross-entropy against labels, the share of right answers."""

    def __init__(self, criterion: Loss) -> None:
        self._ignored = criterion.ignore_index if isinstance(criterion, CrossEntropyLoss) else None
        self.sums: list[float] = [0.0, 0, 0, 0]  # of loss * weight, weight, right answers, labels

    def add(self, loss: float, output: Any, y: Any) -> None:
        """Count a batch."""
        weight, sums = len(y), self.sums
        if self._ignored is not None and y.dtype.kind in "iu":
            labels = y.numpy() if isinstance(y, Tensor) else y
            weight = int(np.count_nonzero(labels != self._ignored))
            sums[2] += int(np.count_nonzero(output.numpy().argmax(axis=1) == labels))
            sums[3] += weight
        sums[0] += loss * weight
        sums[1] += weight

    def figures(self) -> dict[str, float]:
        """Mean loss, and accuracy where it is known."""
        loss, weight, right, counted = self.sums
        figures = {"loss": loss / weight}
        if counted:
            figures["accuracy"] = right / counted
        return figures


@no_grad()
def predict(model: Module, x: Any, *, batch_size: int = 256) -> NDArray[Any]:
    """What the model gives for all of `x` in evaluation mode, as an array [n, ...].

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> train.predict(nn.Linear(2, 3), np.zeros((5, 2), dtype=np.float32)).shape
    (5, 3)
    """
    x = np.asarray(x)
    if not x.ndim or not len(x):
        raise ValueError(f"predict: x is empty, shape {x.shape}")
    was_training = model.training
    model.eval()
    try:
        parts = [model(x[i : i + batch_size]).numpy() for i in range(0, len(x), batch_size)]
    finally:
        model.train(was_training)
    return np.concatenate(parts)


@no_grad()
def evaluate(
    model: Module, x: Any, y: Any = None, *, batch_size: int = 256, loss: Loss | None = None
) -> dict[str, float]:
    """Loss, and accuracy where that is cross-entropy (or None), of a model in evaluation mode.

    Parameters
    ----------
    model, loss : as for `fit`.
    x, y : inputs and targets; or x an iterable of (inputs, targets), and y None.
    batch_size : how many rows of x at a time.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> model = nn.Linear(2, 2)
    >>> sorted(train.evaluate(model, np.zeros((4, 2), dtype=np.float32), np.zeros(4, dtype=np.int64)))
    ['accuracy', 'loss']
    """
    batches: Iterable[Pair] = x
    if y is not None:
        x, y = check_set("evaluate", x, y)
        batches = ((x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size))
    criterion = CrossEntropyLoss() if loss is None else loss
    tally, was_training = Tally(criterion), model.training
    model.eval()
    try:
        for inputs, targets in batches:
            output = model(inputs)
            tally.add(criterion(output, targets).item(), output, targets)
    finally:
        model.train(was_training)
    if not tally.sums[1]:
        raise ValueError("evaluate: no batch held anything that counts")
    return tally.figures()


def check_set(name: str, x: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs and targets as arrays of the same length, which is not 0."""
    x, y = (v.numpy() if isinstance(v, Tensor) else np.asarray(v) for v in (x, y))
    if not x.ndim or not y.ndim or len(x) != len(y):
        raise ValueError(f"{name}: inputs of shape {x.shape} and targets of shape {y.shape} do not belong together")
    if not len(x):
        raise ValueError(f"{name}: the set is empty")
    for what, values in (("inputs", x), ("targets", y)):
        with np.errstate(over="ignore", invalid="ignore"):
            suspicious = values.dtype.kind == "f" and not np.isfinite(values.sum())
        if suspicious:
            _refuse_nan(name, what, values)
    return x, y


def _refuse_nan(name: str, what: str, values: NDArray[Any]) -> None:
    """Raise where a value is NaN or infinite (a sum may overflow although no value is)."""
    for row, value in enumerate(values):
        if not np.isfinite(value).all():
            raise ValueError(f"{name}: {what} hold NaN or infinity, first in row {row}")


def check_labels(model: Module, x: NDArray[Any], labels: NDArray[Any], ignored: int) -> None:
    """Raise where labels are not classes of the model, of which one input tells the number."""
    if labels.dtype.kind == "f":  # probabilities of the classes, which the loss checks
        return
    if labels.dtype.kind not in "iu":
        raise TypeError(f"fit: labels must be integers, are {labels.dtype}")
    scores = predict(model, x[:1]).shape
    if len(scores) < 2 or scores[2:] != labels.shape[1:]:
        raise ValueError(f"fit: the model gives shape {scores} for one input, labels have shape {labels.shape}")
    counted = labels[labels != ignored]
    low, high = int(counted.min(initial=0)), int(counted.max(initial=0))
    if low < 0 or high >= scores[1]:
        raise ValueError(f"fit: labels lie in {low}..{high}, the classes of the model are 0..{scores[1] - 1}")
