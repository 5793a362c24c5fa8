"""What can watch and steer a training: `Callback`, and the callbacks that most trainings want."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.train.run import Run


class Callback:
    """Base of callbacks: `fit` calls these methods with its `Run`; define those that matter.

    A plain function in ``callbacks=`` is called as `on_epoch_end`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> class Print(train.Callback):
    ...     def on_epoch_end(self, run):
    ...         print(run.epoch, sorted(run.figures))
    >>> x, y = np.eye(2, dtype=np.float32), np.arange(2)
    >>> _ = train.fit(nn.Linear(2, 2), x, y, callbacks=[Print()], report=None)
    1 ['accuracy', 'loss', 'seconds']
    """

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch; after a resumed state was loaded."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the batches of an epoch."""

    def on_gradients(self, run: Run) -> None:
        """Gradients are complete (accumulated, not yet clipped); the optimiser's step comes next."""

    def on_batch_end(self, run: Run) -> None:
        """After a batch; with ``accumulate`` the weights have changed only where it was the last of its group."""

    def on_epoch_end(self, run: Run) -> None:
        """After validation, with the figures of the epoch; ``run.record(name, value)`` adds one."""

    def on_interrupt(self, run: Run) -> None:
        """Ctrl-C was pressed, and the run stands between two steps of the optimiser. `on_train_end` follows."""

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, or after a stop or an interrupt."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: numbers, texts, arrays, lists and dicts of them."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""


class EveryEpoch(Callback):
    """Calls a function after every epoch."""

    def __init__(self, function: Callable[[Run], Any]) -> None:
        self._function = function

    def on_epoch_end(self, run: Run) -> None:
        self._function(run)


class Best:
    """The best value of a figure so far.

    Parameters
    ----------
    monitor : name of the figure; None for val_loss where there is a validation set, else loss.
    mode : "min", "max", or "auto": max for names that end in accuracy.
    min_delta : how much better a value must be to count.
    """

    def __init__(self, monitor: str | None, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', is {mode!r}")
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.value: float | None = None

    def improves(self, figures: dict[str, float]) -> bool:
        """Whether this epoch is the best so far, which is then kept."""
        name, value = monitored(figures, self.monitor)
        upwards = self.mode == "max" or (self.mode == "auto" and name.endswith("accuracy"))
        sign = -1.0 if upwards else 1.0
        if math.isnan(value) or (self.value is not None and not sign * value < sign * self.value - self.min_delta):
            return False
        self.value = value
        return True


def monitored(figures: dict[str, float], name: str | None) -> tuple[str, float]:
    """The figure to watch: `name`, or val_loss where there is one, else loss."""
    name = ("val_loss" if "val_loss" in figures else "loss") if name is None else name
    if name not in figures:
        raise ValueError(f"fit: there is no figure {name!r} to monitor, only {sorted(figures)}")
    return name, figures[name]


class EarlyStopping(Callback):
    """Stop when a figure has not become better for some epochs.

    Parameters
    ----------
    monitor, mode, min_delta : which figure, whether "min" or "max" is better ("auto": max for accuracies),
        and by how much it must improve; None is val_loss where there is one, else loss.
    patience : epochs without improvement after which the run stops.
    restore_best : whether the model gets back the weights of its best epoch at the end.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> x, y = np.zeros((4, 2), dtype=np.float32), np.array([0, 1, 0, 1])  # nothing to be learnt
    >>> stopping = train.EarlyStopping(patience=2, min_delta=0.01)
    >>> history = train.fit(nn.Linear(2, 2), x, y, epochs=50, callbacks=[stopping], report=None)
    >>> history.epochs < 10, history.stopped
    (True, 'loss has not improved for 2 epochs')
    """

    def __init__(
        self,
        monitor: str | None = None,
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = True,
    ) -> None:
        if patience < 1 or min_delta < 0:
            raise ValueError(
                f"EarlyStopping: patience must be positive and min_delta not negative, are {patience} and {min_delta}"
            )
        self._best, self._patience, self._restores = Best(monitor, mode, min_delta), patience, restore_best
        self.waited = 0
        self._weights: dict[str, Any] | None = None

    def on_epoch_end(self, run: Run) -> None:
        if self._best.improves(run.figures):
            self.waited = 0
            self._weights = run.model.state_dict() if self._restores else None
            return
        self.waited += 1
        if self.waited >= self._patience:
            name, _ = monitored(run.figures, self._best.monitor)
            run.stop(f"{name} has not improved for {self.waited} epochs")

    def on_train_end(self, run: Run) -> None:
        if self._weights is not None and not run.interrupted:
            run.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best.value, "waited": self.waited, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.value, self.waited, self._weights = state["best"], state["waited"], state["weights"]


class TensorBoard(Callback):
    """Hand all figures to an object with ``add_scalar(name, value, step)``, such as TensorBoard's SummaryWriter.

    Parameters
    ----------
    writer : that object. It is neither flushed nor closed.
    every : also the loss and the step size of every so many batches, as "batch/loss" and "batch/lr"; 0: none.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> class Writer:
    ...     def add_scalar(self, name, value, step):
    ...         print(name, step)
    >>> x, y = np.eye(2, dtype=np.float32), np.arange(2)
    >>> _ = train.fit(nn.Linear(2, 2), x, y, callbacks=[train.TensorBoard(Writer())], report=None)
    loss 1
    accuracy 1
    seconds 1
    """

    def __init__(self, writer: Any, every: int = 0) -> None:
        if not callable(getattr(writer, "add_scalar", None)):
            raise TypeError(f"TensorBoard: {type(writer).__name__} has no add_scalar")
        self._writer, self._every = writer, every

    def on_batch_end(self, run: Run) -> None:
        if self._every and run.step % self._every == 0:
            self._writer.add_scalar("batch/loss", run.loss, run.step)
            self._writer.add_scalar("batch/lr", run.optimizer.param_groups[0]["lr"], run.step)

    def on_epoch_end(self, run: Run) -> None:
        for name, value in run.figures.items():
            self._writer.add_scalar(name, value, run.epoch)
