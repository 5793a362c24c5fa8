"""`Run`: a training in progress, which is what callbacks see; and how a batch changes the weights."""

from __future__ import annotations

import inspect
import math
import signal
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.autograd.tensor import Tensor
from fastnn.train.callbacks import Callback, monitored
from fastnn.train.clip import clip_grad_norm_
from fastnn.train.evaluate import Tally
from fastnn.train.history import History

EVENTS = [name for name in vars(Callback) if name.startswith("on_")]


class Run:
    """A training in progress.

    Attributes
    ----------
    model, optimizer, criterion, scheduler : what is being trained and with what; scheduler may be None.
    data : the batches, an iterable of (inputs, targets).
    epochs : how many there will be.
    epoch : number of the current epoch, from 1.
    batch : batches of this epoch that are done; 0 once the epoch is complete.
    step : batches that are done in all epochs.
    loss : of the last batch.
    figures : of the epoch that has just ended; becomes a row of the history.
    history : the `History` of the epochs before.
    interrupted, stopped : as in `History`.
    """

    def __init__(self, model: Any, optimizer: Any, criterion: Any, scheduler: Any, data: Any, epochs: int) -> None:
        self.model, self.optimizer, self.criterion = model, optimizer, criterion
        self.scheduler, self.data, self.epochs = scheduler, data, epochs
        self.epoch, self.batch, self.step, self.loss = 0, 0, 0, math.nan
        self.history, self.figures, self.tally = History(), dict[str, float](), Tally(criterion)
        self.data_state: Any = None  # of the data when the epoch began
        self.callbacks: Sequence[Callback] = ()
        self._listeners: dict[str, list[Any]] = {}

    @property
    def interrupted(self) -> bool:
        return self.history.interrupted

    @property
    def stopped(self) -> str:
        return self.history.stopped

    def stop(self, reason: str) -> None:
        """End the training after the current batch or epoch."""
        self.history.stopped = self.history.stopped or reason

    def ended(self) -> bool:
        """Whether it was interrupted or stopped."""
        return self.interrupted or bool(self.stopped)

    def record(self, name: str, value: float) -> None:
        """Add a figure of one's own to the epoch that has just ended; callbacks do so in `on_epoch_end`."""
        self.figures[name] = value
        self.history.setdefault(name, [math.nan] * self.history.epochs)[-1] = value

    def listen(self, callbacks: Sequence[Callback]) -> None:
        """Set the callbacks, of which only the methods that do something are ever called."""
        self.callbacks = callbacks
        for event in EVENTS:
            defined = [c for c in callbacks if getattr(type(c), event) is not getattr(Callback, event)]
            self._listeners[event] = [getattr(callback, event) for callback in defined]

    def emit(self, event: str) -> None:
        """Call the callbacks."""
        for listener in self._listeners[event]:
            listener(self)

    def remember_data(self) -> None:
        """Keep the state of the data as it is at the beginning of an epoch."""
        known = hasattr(self.data, "state_dict")
        self.data_state = self.data.state_dict() if known else None


class Updates:
    """Turns losses into steps of the optimiser: accumulation, clipping, schedules by the step.

    Gradients of a group of batches are weighted by their rows, so that the step is that of one batch that
    holds all their rows.
    """

    def __init__(self, run: Run, accumulate: int, clip_norm: float | None, scheduled: bool) -> None:
        self._run, self._size, self._clip_norm, self._scheduled = run, accumulate, clip_norm, scheduled
        self._parameters = [p for group in run.optimizer.param_groups for p in group["params"]]
        self._rows = 0
        self.pending = 0  # batches whose gradients wait for the rest of their group

    def learn(self, loss: Tensor, rows: int) -> None:
        """Take in the loss of a batch."""
        if not self.pending:
            self._run.optimizer.zero_grad()
        if self._size == 1:
            loss.backward()
            self._step()
            return
        loss.backward(np.asarray(rows, dtype=loss.dtype))
        self._rows += rows
        self.pending += 1
        if self.pending == self._size:
            self.finish()

    def finish(self) -> None:
        """Make the step of a group that is not full."""
        if self.pending:
            for p in self._parameters:
                if p.grad is not None:
                    p.grad = p.grad * (1 / self._rows)
            self.pending = self._rows = 0
            self._step()

    def _step(self) -> None:
        self._run.emit("on_gradients")
        if self._clip_norm is not None:
            clip_grad_norm_(self._parameters, self._clip_norm)
        self._run.optimizer.step()
        if self._scheduled:
            self._run.scheduler.step()


def step_scheduler(run: Run) -> None:
    """The schedule's step after an epoch; one that follows a figure, as ReduceLROnPlateau does, is given it."""
    parameters = list(inspect.signature(run.scheduler.step).parameters.values())
    if parameters and parameters[0].default is inspect.Parameter.empty:
        run.scheduler.step(monitored(run.figures, None)[1])
    else:
        run.scheduler.step()


class Interrupts:
    """While it lasts, the first Ctrl-C only sets `requested`, so that no step is cut in two; the second one raises.

    A program's own handler, and threads other than the main one, are left alone.
    """

    requested = False

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        self._installed = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._installed:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, *_: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
