"""Checkpoints of a training from which it goes on to the same bits.

A file holds the arrays ``model.*``, ``optimizer.*`` and so on, and the JSON of `_pack` under the metadata key
``fastnn.fit`` for everything else: schedule, history, counters, states of random generators and of callbacks.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.nn import init
from fastnn.nn.module import Module
from fastnn.train._pack import pack, unpack
from fastnn.train.callbacks import Best, Callback
from fastnn.train.checkpoint import load_checkpoint, save_checkpoint
from fastnn.train.run import Run

PathLike = str | os.PathLike[str]
KEY, FORMAT = "fastnn.fit", 1


class Checkpointing(Callback):
    """Saves a run, so that ``fit(..., resume=...)`` goes on from the file.

    Parameters
    ----------
    path : the file of the latest state, such as "run.safetensors". A save replaces it only when complete.
    every : epochs from one save to the next; the last epoch, a stop and Ctrl-C are always saved.
    keep_best : whether the best epoch is also kept, as "run.best.safetensors".
    keep_last : how many epochs are also kept as files of their own, "run.epoch-3.safetensors".
    monitor, mode : which figure says what is best; None is val_loss where there is one, else loss.

    Raises
    ------
    FloatingPointError
        While saving, where a weight is NaN or infinite; the files keep the last good state.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> folder = tempfile.mkdtemp()
    >>> saving = train.Checkpointing(os.path.join(folder, "run.safetensors"), keep_best=True, keep_last=2)
    >>> x, y, model = np.eye(2, dtype=np.float32), np.arange(2), nn.Linear(2, 2)
    >>> _ = train.fit(model, x, y, epochs=3, checkpoint=saving, report=None)
    >>> sorted(os.listdir(folder))
    ['run.best.safetensors', 'run.epoch-2.safetensors', 'run.epoch-3.safetensors', 'run.safetensors']
    >>> train.load_weights(nn.Linear(2, 2), os.path.join(folder, "run.best.safetensors"))
    >>> train.fit(model, x, y, epochs=5, checkpoint=saving, resume=True, report=None).epochs
    5
    """

    def __init__(
        self,
        path: PathLike,
        *,
        every: int = 1,
        keep_best: bool = False,
        keep_last: int = 0,
        monitor: str | None = None,
        mode: str = "auto",
    ) -> None:
        if every < 1 or keep_last < 0:
            raise ValueError(
                f"Checkpointing: every must be positive and keep_last not negative, are {every} and {keep_last}"
            )
        self.path = os.path.abspath(os.fspath(path))
        self.saved = False
        self._every, self._keep_last = every, keep_last
        self._best = Best(monitor, mode) if keep_best else None
        self._kept: list[int] = []

    def path_of(self, what: str) -> str:
        """The file of "best", or of "epoch-3"."""
        stem, extension = os.path.splitext(self.path)
        return f"{stem}.{what}{extension}"

    def on_train_begin(self, run: Run) -> None:
        folder = os.path.dirname(self.path)
        if os.path.isdir(self.path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
            raise ValueError(f"fit: checkpoint: cannot write {self.path}")  # better now than after an epoch

    def on_epoch_end(self, run: Run) -> None:
        best = self._best is not None and self._best.improves(run.figures)
        dropped: list[int] = []
        if self._keep_last:
            self._kept.append(run.epoch)
            dropped, self._kept = self._kept[: -self._keep_last], self._kept[-self._keep_last :]
        if best:
            self._save(run, self.path_of("best"))
        if self._keep_last:
            self._save(run, self.path_of(f"epoch-{run.epoch}"))
        if run.epoch % self._every == 0 or run.epoch == run.epochs or run.stopped:
            self._save(run, self.path)
            self.saved = True
        for epoch in dropped:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path_of(f"epoch-{epoch}"))

    def on_interrupt(self, run: Run) -> None:
        self._save(run, self.path)
        self.saved = True

    def _save(self, run: Run, path: str) -> None:
        for name, tensor in run.model._state().items():
            if tensor.dtype.kind == "f" and not np.isfinite(tensor.numpy()).all():
                raise FloatingPointError(
                    f"fit: {name} holds NaN or infinity after epoch {run.epoch}; {path} was not written"
                    + (f", {self.path} holds the last good state" if self.saved else "")
                )
        arrays, text = pack(state_of(run))
        save_checkpoint(path, arrays, {KEY: text})

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best.value if self._best else None, "kept": list(self._kept)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self._best:
            self._best.value = state["best"]
        self._kept = [int(epoch) for epoch in state["kept"]]


def state_of(run: Run) -> dict[str, Any]:
    """Everything on which the rest of a run depends."""
    return {
        "format": FORMAT,
        "model": run.model.state_dict(),
        "optimizer": _state_dict(run.optimizer, "optimizer"),
        "scheduler": None if run.scheduler is None else _state_dict(run.scheduler, "scheduler"),
        "history": dict(run.history),
        "progress": {"epoch": run.epoch - bool(run.batch), "batch": run.batch, "step": run.step},
        "tally": list(run.tally.sums),
        "data": run.data_state,
        "random": init.get_state(),
        "callbacks": [[type(c).__name__, c.state_dict()] for c in run.callbacks],
    }


def _state_dict(owner: Any, name: str) -> Any:
    if not hasattr(owner, "state_dict"):
        raise TypeError(f"fit: checkpoint: {name} {type(owner).__name__} has no state_dict, so it cannot be saved")
    return owner.state_dict()


def resume_run(run: Run, resume: bool | PathLike, saving: Checkpointing | None, say: Callable[[str], Any]) -> None:
    """Load the state of a run, if `resume` says so."""
    if isinstance(resume, bool):
        if not resume:
            return
        if saving is None:
            raise ValueError("fit: resume=True needs checkpoint, the file to go on from")
        if not os.path.exists(saving.path):
            return
        resume = saving.path
    path = os.fspath(resume)
    state = _read(path)
    before = run.model.state_dict()
    for field, load in _loaders(run).items():
        try:
            load(state[field])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            run.model.load_state_dict(before)
            what = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ValueError(f"fit: resume: {path}: {field}: {what}") from error
    if saving is not None and os.path.abspath(path) == saving.path:
        saving.saved = True
    at = f" and {run.batch} batches" if run.batch else ""
    say(f"resumed from {path}: {run.epoch} epochs{at} are done")


def _read(path: str) -> dict[str, Any]:
    checkpoint = load_checkpoint(path)
    if KEY not in checkpoint.metadata:
        raise ValueError(f"fit: resume: {path}: {KEY}: missing, it was not saved by fit (load_weights reads it)")
    try:
        state = unpack(checkpoint, checkpoint.metadata[KEY])
    except ValueError as error:
        raise ValueError(f"fit: resume: {path}: {KEY}: {error}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"fit: resume: {path}: format: {FORMAT} expected")
    return state


def _loaders(run: Run) -> dict[str, Callable[[Any], Any]]:
    """What takes over each field; the model comes first, since it fails most often and undoes itself."""

    def scheduler(state: Any) -> None:
        if (state is None) != (run.scheduler is None):
            raise ValueError(f"the saved run had {'none' if state is None else 'one'}, this one has not the same")
        if state is not None:
            run.scheduler.load_state_dict(state)

    def history(state: Any) -> None:
        run.history.clear()
        run.history.update({str(name): [float(v) for v in values] for name, values in state.items()})

    def progress(state: Any) -> None:
        run.epoch, run.batch, run.step = (_count(state[name]) for name in ("epoch", "batch", "step"))

    def tally(state: Any) -> None:
        total, *counts = state
        if len(counts) != 3:
            raise ValueError(f"{len(state)} sums, expected 4")
        run.tally.sums = [float(total), *map(_count, counts)]

    def data(state: Any) -> None:
        run.data_state = state
        if state is not None:
            run.data.load_state_dict(state)

    def callbacks(state: Any) -> None:
        left = list(run.callbacks)
        for name, saved in state:  # a callback that the saved run did not have begins anew
            found = next((c for c in left if type(c).__name__ == name), None)
            if found is not None:
                left.remove(found)
                found.load_state_dict(saved)

    return {
        "model": run.model.load_state_dict, "optimizer": run.optimizer.load_state_dict, "scheduler": scheduler,
        "history": history, "progress": progress, "tally": tally, "data": data, "callbacks": callbacks,
        "random": init.set_state,
    }  # fmt: skip


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def load_weights(model: Module, path: PathLike) -> None:
    """Give a model the weights of a file, be it of `save_checkpoint` or a checkpoint of `fit`.

    Raises
    ------
    ValueError
        Naming the file and every missing, unexpected and misshaped entry; or its damage. Nothing has been
        changed then.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn import nn, train
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> train.save_checkpoint(path, nn.Linear(2, 1))
    >>> train.load_weights(nn.Linear(2, 1), path)
    """
    checkpoint = load_checkpoint(path)
    state: dict[str, Any] = checkpoint
    if KEY in checkpoint.metadata:
        state = {name[6:]: array for name, array in checkpoint.items() if name.startswith("model.")}
    try:
        model.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"load_weights: {os.fspath(path)}: {error}") from None
