"""The training loop."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd import no_grad
from fastnn.autograd.tensor import Tensor
from fastnn.nn.loss import CrossEntropyLoss
from fastnn.nn.module import Module
from fastnn.train.optim import SGD
from fastnn.train.progress import Bar, Quiet, new_bar

Loss = Callable[[Any, Any], Any]
Pair = tuple[Any, Any]


class History(dict[str, list[float]]):
    """Figures by name, one per finished epoch.

    The names are loss, accuracy, seconds, and where there is a validation set val_loss and val_accuracy.

    Attributes
    ----------
    interrupted : whether Ctrl-C ended the training.
    """

    interrupted: bool = False

    def add(self, figures: dict[str, float]) -> None:
        """Append the figures of one epoch."""
        for name, value in figures.items():
            self.setdefault(name, []).append(value)


def fit(
    model: Module,
    x: Any,
    y: Any,
    *,
    epochs: int = 1,
    batch_size: int = 64,
    optimizer: Any = None,
    loss: Loss | None = None,
    validation: Pair | None = None,
    shuffle: bool = True,
    seed: int = 0,
    report: Callable[[str], Any] | None = print,
    progress: bool = True,
    on_epoch: Callable[[int, History], Any] | None = None,
) -> History:
    """Train a model on arrays.

    Parameters
    ----------
    model : takes a batch of `x`, gives logits [n, classes] (or what `loss` takes).
    x, y : inputs [n, ...] and targets [n, ...] of the same length. A batch larger than n is one batch of n.
    epochs, batch_size : the last batch of an epoch may be smaller.
    optimizer : has zero_grad() and step(); ``SGD(model.parameters(), lr=0.05, momentum=0.9)`` where None.
    loss : loss(output, targets) -> tensor without dimensions; ``CrossEntropyLoss()`` where None.
        Cross-entropy also gives accuracies.
    validation : (x, y) to evaluate after every epoch.
    shuffle, seed : whether each epoch has an order of its own, drawn from a generator with this seed.
    report : called with one line of text per epoch; None for silence.
    progress : a bar on stderr while an epoch runs, where that is a terminal.
    on_epoch : called with (epochs done, history) after every epoch, for instance to change ``group["lr"]``.

    Returns
    -------
    History. After Ctrl-C it holds the finished epochs and `interrupted` is True; the model keeps what it has
    learnt.

    Raises
    ------
    ValueError, TypeError
        For empty or unequal sets, and labels that are no classes of the model; before any weight changes.
    FloatingPointError
        Where the loss becomes infinite or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]] * 8, dtype=np.float32)
    >>> y = np.array([0, 1] * 8)
    >>> history = train.fit(nn.Linear(2, 2), x, y, epochs=40, batch_size=4, report=None)
    >>> history["accuracy"][-1]
    1.0
    """
    x, y = _check_set("fit", x, y)
    if validation is not None:
        validation = _check_set("fit: validation", *validation)
    if epochs < 0 or batch_size < 1:
        raise ValueError(
            f"fit: epochs must not be negative and batch_size be positive, are {epochs} and {batch_size}"
        )
    criterion = CrossEntropyLoss() if loss is None else loss
    if isinstance(criterion, CrossEntropyLoss):
        for labels in (y,) if validation is None else (y, validation[1]):
            _check_labels(model, x, labels, criterion.ignore_index)
    if optimizer is None:
        optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    generator = np.random.default_rng(seed) if shuffle else None
    history, was_training = History(), model.training
    try:
        for epoch in range(1, epochs + 1):
            started = time.perf_counter()
            order = np.arange(len(x)) if generator is None else generator.permutation(len(x))
            bar = new_bar(math.ceil(len(x) / batch_size), f"epoch {epoch}/{epochs}") if progress else Quiet()
            with contextlib.closing(bar):
                batches = (order[i : i + batch_size] for i in range(0, len(x), batch_size))
                figures = _epoch(model, ((x[rows], y[rows]) for rows in batches), optimizer, criterion, bar)
            figures["seconds"] = time.perf_counter() - started
            if validation is not None:
                found = evaluate(model, *validation, batch_size=max(batch_size, 256), loss=criterion)
                figures |= {f"val_{name}": value for name, value in found.items()}
            history.add(figures)
            if report is not None:
                report(_line(epoch, epochs, figures))
            if on_epoch is not None:
                on_epoch(epoch, history)
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        model.train(was_training)
    return history


def _epoch(
    model: Module, batches: Iterable[Pair], optimizer: Any, criterion: Loss, bar: Bar
) -> dict[str, float]:
    """One pass over the set; mean loss and accuracy as they were while the model learnt."""
    model.train()
    tally = _Tally(criterion)
    for number, (x, y) in enumerate(batches, 1):
        output = model(x)
        batch_loss = criterion(output, y)
        value = batch_loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(f"fit: the loss is {value} at batch {number} of the epoch")
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        tally.add(value, output.numpy(), y)
        bar.set_postfix_str(f"loss {value:.4f}", refresh=False)
        bar.update(1)
    return tally.figures()


class _Tally:
    """Running sums behind the mean loss and, for cross-entropy against labels, the share of right answers."""

    def __init__(self, criterion: Loss) -> None:
        self._ignored = criterion.ignore_index if isinstance(criterion, CrossEntropyLoss) else None
        self._loss, self._rows, self._right, self._counted = 0.0, 0, 0, 0

    def add(self, loss: float, output: NDArray[Any], y: NDArray[Any]) -> None:
        self._loss += loss * len(y)
        self._rows += len(y)
        if self._ignored is not None and y.dtype.kind in "iu":
            self._right += int((output.argmax(axis=1) == y).sum())
            self._counted += int((y != self._ignored).sum())

    def figures(self) -> dict[str, float]:
        figures = {"loss": self._loss / self._rows}
        if self._counted:
            figures["accuracy"] = self._right / self._counted
        return figures


def _line(epoch: int, epochs: int, figures: dict[str, float]) -> str:
    """The report on one epoch."""
    parts = [f"epoch {epoch:{len(str(epochs))}}/{epochs}"]
    for name, value in figures.items():
        if name != "seconds":
            parts.append(f"{name} {value:.2%}" if name.endswith("accuracy") else f"{name} {value:.4f}")
    return "  ".join([*parts, f"{figures['seconds']:.2f} s"])


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


def evaluate(
    model: Module, x: Any, y: Any, *, batch_size: int = 256, loss: Loss | None = None
) -> dict[str, float]:
    """Loss, and accuracy where that is cross-entropy (or None), of a model in evaluation mode.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> model = nn.Linear(2, 2)
    >>> sorted(train.evaluate(model, np.zeros((4, 2), dtype=np.float32), np.zeros(4, dtype=np.int64)))
    ['accuracy', 'loss']
    """
    x, y = _check_set("evaluate", x, y)
    output = predict(model, x, batch_size=batch_size)
    criterion = CrossEntropyLoss() if loss is None else loss
    tally = _Tally(criterion)
    with no_grad():
        tally.add(criterion(Tensor(output), y).item(), output, y)
    return tally.figures()


def _check_set(name: str, x: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = (v.numpy() if isinstance(v, Tensor) else np.asarray(v) for v in (x, y))
    if not x.ndim or not y.ndim or len(x) != len(y):
        raise ValueError(
            f"{name}: inputs of shape {x.shape} and targets of shape {y.shape} do not belong together"
        )
    if not len(x):
        raise ValueError(f"{name}: the set is empty")
    return x, y


def _check_labels(model: Module, x: NDArray[Any], labels: NDArray[Any], ignored: int) -> None:
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
