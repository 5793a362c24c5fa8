"""Callbacks that watch how the training goes: sizes of the updates, dead units, explosion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd import no_grad
from fastnn.nn.activation import ReLU
from fastnn.nn.module import Module
from fastnn.train.callbacks import Callback

if TYPE_CHECKING:
    from fastnn.train.run import Run


class StopOnExplosion(Callback):
    """Stop when the loss has grown to several times the first one.

    The loss is a running mean over batches, ``mean += 0.1 * (loss - mean)``, so that one odd batch does no harm.

    Parameters
    ----------
    factor : how many times the first loss is too much.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> x, y = np.eye(2, dtype=np.float32), np.arange(2)
    >>> model = nn.Linear(2, 2)
    >>> optimizer = train.SGD(model.parameters(), lr=1e3, momentum=0.9)
    >>> watch = [train.StopOnExplosion()]
    >>> history = train.fit(model, x, 1 - y, epochs=99, batch_size=1, optimizer=optimizer, callbacks=watch, report=None)
    >>> history.stopped.split(" is ")[0]
    'the loss'
    """

    def __init__(self, factor: float = 3.0) -> None:
        if factor <= 1:
            raise ValueError(f"StopOnExplosion: factor must be more than 1, is {factor}")
        self._factor = factor
        self._first: float | None = None
        self._mean = 0.0

    def on_batch_end(self, run: Run) -> None:
        if self._first is None:
            self._first = self._mean = run.loss
        self._mean += 0.1 * (run.loss - self._mean)
        if self._mean > self._factor * self._first > 0:
            run.stop(
                f"the loss is {self._mean:.4g}, more than {self._factor:g} times the first one, {self._first:.4g}; "
                "a smaller step size may help"
            )

    def state_dict(self) -> dict[str, Any]:
        return {"first": self._first, "mean": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._first, self._mean = state["first"], state["mean"]


class UpdateRatio(Callback):
    """Norm of the update over norm of the weights, for each parameter: about 1e-3 is healthy.

    The history gets ``update_ratio``, the median over the parameters of those of at least two dimensions.

    Parameters
    ----------
    every : measured at each such step (it costs a copy of the weights).

    Attributes
    ----------
    ratios : name -> the latest ratio of each parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> watch, x, y = train.UpdateRatio(every=1), np.eye(2, dtype=np.float32), np.arange(2)
    >>> history = train.fit(nn.Linear(2, 2), x, y, callbacks=[watch], report=None)
    >>> sorted(watch.ratios), len(history["update_ratio"])
    (['bias', 'weight'], 1)
    """

    def __init__(self, every: int = 50) -> None:
        if every < 1:
            raise ValueError(f"UpdateRatio: every must be positive, is {every}")
        self._every, self._before, self._steps = every, dict[str, NDArray[Any]](), 0
        self.ratios: dict[str, float] = {}

    def on_gradients(self, run: Run) -> None:
        self._finish(run.model)  # the last step of an epoch may come after its last on_batch_end
        if self._steps % self._every == 0:
            self._before = {name: np.array(p.numpy()) for name, p in run.model.named_parameters()}
        self._steps += 1

    def on_batch_end(self, run: Run) -> None:
        self._finish(run.model)

    def on_epoch_end(self, run: Run) -> None:
        self._finish(run.model)
        ranks = {name: p.ndim for name, p in run.model.named_parameters()}
        matrices = [ratio for name, ratio in self.ratios.items() if ranks[name] > 1]
        if self.ratios:
            run.record("update_ratio", float(np.median(matrices or list(self.ratios.values()))))

    def _finish(self, model: Module) -> None:
        """Compare with what `on_gradients` has kept; weights of norm 0 have no ratio."""
        if self._before:
            now = dict(model.named_parameters())
            for name, before in self._before.items():
                size = float(np.linalg.norm(before.ravel()))
                if size:
                    self.ratios[name] = float(np.linalg.norm((now[name].numpy() - before).ravel())) / size
            self._before = {}

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self._steps, "ratios": self.ratios}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._steps, self.ratios = state["steps"], dict(state["ratios"])


class DeadReLUs(Callback):
    """Share of units behind `nn.ReLU` layers that are 0 for every input of a set: they learn no more.

    A unit is a channel of an image, or a feature. The history gets ``dead_relus``, the share over all layers,
    measured in evaluation mode after each epoch.

    Parameters
    ----------
    x : inputs to look at, such as the whole training set.
    batch_size : how many at a time.

    Attributes
    ----------
    shares : name -> share of dead units of each ReLU, after the last epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> x, y = np.eye(2, dtype=np.float32), np.arange(2)
    >>> model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> model[0].bias.data = np.array([9, 9, 9, -9], dtype=np.float32)
    >>> watch = train.DeadReLUs(x)
    >>> train.fit(model, x, y, callbacks=[watch], report=None)["dead_relus"], watch.shares
    ([0.25], {'1': 0.25})
    """

    def __init__(self, x: Any, *, batch_size: int = 256) -> None:
        self._x, self._size = np.asarray(x), batch_size
        if not self._x.ndim or not len(self._x):
            raise ValueError(f"DeadReLUs: x is empty, shape {self._x.shape}")
        self.shares: dict[str, float] = {}

    def on_epoch_end(self, run: Run) -> None:
        alive = self._alive(run.model)
        self.shares = {name: 1 - float(units.mean()) for name, units in alive.items()}
        if alive:
            run.record("dead_relus", 1 - float(np.concatenate(list(alive.values())).mean()))

    @no_grad()
    def _alive(self, model: Module) -> dict[str, NDArray[Any]]:
        """Which units of each ReLU are positive for some input."""
        alive: dict[str, NDArray[Any]] = {}

        def watch(name: str) -> Any:
            def hook(_: Module, inputs: Any, output: Any) -> None:
                values = output.numpy() > 0
                units = values.any(axis=(0, *range(2, values.ndim))) if values.ndim > 1 else values
                alive[name] = units | alive.get(name, np.zeros_like(units))

            return hook

        layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, ReLU)]
        handles = [layer.register_forward_hook(watch(name)) for name, layer in layers]
        was_training = model.training
        model.eval()
        try:
            for i in range(0, len(self._x), self._size):
                model(self._x[i : i + self._size])
        finally:
            model.train(was_training)
            for handle in handles:
                handle.remove()
        return alive
