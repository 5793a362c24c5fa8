"""The training loop."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fastnn.autograd.tensor import Tensor
from fastnn.nn.loss import CrossEntropyLoss
from fastnn.nn.module import Module
from fastnn.train._arrays import ArrayBatches
from fastnn.train.callbacks import Callback, EveryEpoch
from fastnn.train.evaluate import Loss, Tally, check_labels, check_set, evaluate
from fastnn.train.history import History
from fastnn.train.optim import SGD
from fastnn.train.progress import Bar, Quiet, new_bar
from fastnn.train.resume import Checkpointing, resume_run
from fastnn.train.run import Interrupts, Run, Updates, step_scheduler

PathLike = str | os.PathLike[str]


def fit(
    model: Module,
    x: Any,
    y: Any = None,
    *,
    epochs: int = 1,
    batch_size: int = 64,
    optimizer: Any = None,
    loss: Loss | None = None,
    validation: Any = None,
    scheduler: Any = None,
    schedule_by: str = "epoch",
    clip_norm: float | None = None,
    accumulate: int = 1,
    callbacks: Iterable[Callback | Callable[[Run], Any]] = (),
    checkpoint: PathLike | Checkpointing | None = None,
    resume: bool | PathLike = False,
    shuffle: bool = True,
    seed: int = 0,
    report: Callable[[str], Any] | None = print,
    progress: bool = True,
    on_epoch: Callable[[int, History], Any] | None = None,
) -> History:
    """Train a model.

    Parameters
    ----------
    model : takes a batch of `x`, gives logits [n, classes] (or what `loss` takes).
    x, y : inputs [n, ...] and targets [n, ...] of the same length. A batch larger than n is one batch of n.
        Or x an iterable of (inputs, targets), such as a data loader, and y None; one pass is an epoch.
    epochs : how many in all; a resumed run trains those that are left.
    batch_size : the last batch of an epoch may be smaller. Of no account where x is an iterable.
    optimizer : has zero_grad() and step(); ``SGD(model.parameters(), lr=0.05, momentum=0.9)`` where None.
    loss : loss(output, targets) -> tensor without dimensions; ``CrossEntropyLoss()`` where None.
        Cross-entropy also gives accuracies.
    validation : (x, y) or an iterable of batches to evaluate after every epoch.
    scheduler : has step(), called after every epoch (with val_loss, or loss, where it needs a figure), or with
        ``schedule_by="step"`` after every step of the optimiser.
    clip_norm : largest norm of all gradients together; they are scaled down to it.
    accumulate : batches whose gradients make one step: the step of a batch of all their rows.
    callbacks : `Callback` objects, or functions that are called with the `Run` after every epoch.
    checkpoint : a file to which everything is saved after every epoch and at Ctrl-C, or a `Checkpointing`.
    resume : True to go on from the file of `checkpoint` where there is one, or a file to go on from. The run
        then ends with the same bits as one that was never interrupted.
    shuffle, seed : whether each epoch has an order of its own, drawn from a generator with this seed.
    report : called with one line of text per epoch; None for silence.
    progress : a bar on stderr while an epoch runs, where that is a terminal.
    on_epoch : called with (epochs done, history) after every epoch, for instance to change ``group["lr"]``.

    Returns
    -------
    History. After Ctrl-C it holds the finished epochs and `interrupted` is True; the model keeps what it has
    learnt. The first Ctrl-C waits for the end of the batch (or of the validation), the second one does not,
    and then nothing is saved.

    Raises
    ------
    ValueError, TypeError
        For empty or unequal sets, NaN in them, labels that are no classes of the model, and a file that does
        not fit or is damaged (the message names file and field); before any weight changes.
    FloatingPointError
        Where the loss or a weight becomes infinite or NaN. The last good checkpoint is kept.

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
    if epochs < 0 or batch_size < 1:
        raise ValueError(f"fit: epochs must not be negative and batch_size be positive, are {epochs} and {batch_size}")
    if accumulate < 1:
        raise ValueError(f"fit: accumulate must be positive, is {accumulate}")
    if schedule_by not in ("epoch", "step"):
        raise ValueError(f"fit: schedule_by must be 'epoch' or 'step', is {schedule_by!r}")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"fit: clip_norm must be positive, is {clip_norm}")
    criterion = CrossEntropyLoss() if loss is None else loss
    generator = np.random.default_rng(seed) if shuffle else None
    data, validation = _check_data(model, x, y, validation, criterion, batch_size, generator)
    if optimizer is None:
        optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    run = Run(model, optimizer, criterion, scheduler, data, epochs)
    saving = Checkpointing(checkpoint) if isinstance(checkpoint, (str, os.PathLike)) else checkpoint
    watching = [c if isinstance(c, Callback) else EveryEpoch(c) for c in callbacks]
    if on_epoch is not None:
        watching.append(EveryEpoch(lambda run: on_epoch(run.epoch, run.history)))
    say = report or (lambda line: None)
    run.listen(watching if saving is None else [*watching, saving])  # it saves what the others have done
    resume_run(run, resume, saving, say)
    if iter(data) is data and epochs - run.epoch > 1:
        raise ValueError("fit: x can be walked only once, which is one epoch; give an iterable that starts anew")
    by_step = scheduler is not None and schedule_by == "step"
    updates = Updates(run, accumulate, clip_norm, by_step)
    was_training = model.training
    try:
        with Interrupts() as interrupts:
            _train(run, updates, interrupts, validation, batch_size, not by_step, say, progress)
    except KeyboardInterrupt:
        run.history.interrupted = True
    finally:
        model.train(was_training)
    return run.history


def _train(
    run: Run,
    updates: Updates,
    interrupts: Interrupts,
    validation: Any,
    batch_size: int,
    by_epoch: bool,
    say: Callable[[str], Any],
    progress: bool,
) -> None:
    """All epochs that are left."""
    run.emit("on_train_begin")
    while run.epoch < run.epochs and not run.ended():
        started = time.perf_counter()
        run.epoch += 1
        if not run.batch:  # else the run was interrupted within this epoch, and goes on in it
            run.tally = Tally(run.criterion)
            run.emit("on_epoch_begin")
        with contextlib.closing(_bar(run) if progress else Quiet()) as bar:
            _epoch(run, updates, interrupts, bar)
        run.history.interrupted = interrupts.requested
        if run.ended():
            break
        run.figures = {**run.tally.figures(), "seconds": time.perf_counter() - started}
        if validation is not None:
            found = evaluate(run.model, *validation, batch_size=max(batch_size, 256), loss=run.criterion)
            run.figures |= {f"val_{name}": value for name, value in found.items()}
        run.batch = 0
        run.remember_data()
        if run.scheduler is not None and by_epoch:
            step_scheduler(run)
        run.history.add(run.figures)
        run.emit("on_epoch_end")
        say(_line(run.epoch, run.epochs, run.figures))
        run.history.interrupted = interrupts.requested
    if run.interrupted:
        run.emit("on_interrupt")
    elif run.stopped:
        say(f"stopped: {run.stopped}")
    run.emit("on_train_end")


def _epoch(run: Run, updates: Updates, interrupts: Interrupts, bar: Bar) -> None:
    """The batches of an epoch that are left; figures are counted as they were while the model learnt."""
    run.model.train()
    batches = iter(run.data)  # with this a loader decides which epoch it gives, so its state is taken after it
    if not run.batch:
        run.remember_data()
    for x, y in itertools.islice(batches, run.batch, None):
        output = run.model(x)
        batch_loss = run.criterion(output, y)
        run.loss = batch_loss.item()
        if not math.isfinite(run.loss):
            raise FloatingPointError(_why_not_finite(run, x))
        updates.learn(batch_loss, len(y))
        run.tally.add(run.loss, output, y)
        run.batch += 1
        run.step += 1
        bar.set_postfix_str(f"loss {run.loss:.4f}", refresh=False)
        bar.update(1)
        run.emit("on_batch_end")
        if run.stopped or (interrupts.requested and not updates.pending):
            return
    updates.finish()
    if not run.batch:
        raise ValueError(f"fit: the data gave no batch in epoch {run.epoch}")


def _why_not_finite(run: Run, x: Any) -> str:
    """The message about a loss that is no number."""
    values = x.numpy() if isinstance(x, Tensor) else np.asarray(x)
    cause = ""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        cause = "; its inputs hold NaN or infinity"
    else:
        state = run.model.named_parameters()
        name = next((name for name, p in state if not np.isfinite(p.numpy()).all()), None)
        cause = f"; {name} holds NaN or infinity" if name else "; the weights are finite"
    saved = next((f"; {c.path} holds the last good state" for c in run.callbacks
                  if isinstance(c, Checkpointing) and c.saved), "")  # fmt: skip
    where = f"at batch {run.batch + 1} of the epoch (epoch {run.epoch})"
    return f"fit: the loss is {run.loss} {where}{cause}{saved}"


def _bar(run: Run) -> Bar:
    try:
        total = len(run.data)
    except TypeError:
        total = 0
    bar = new_bar(total, f"epoch {run.epoch}/{run.epochs}")
    if run.batch:
        bar.update(run.batch)
    return bar


def _line(epoch: int, epochs: int, figures: dict[str, float]) -> str:
    """The report on one epoch."""
    parts = [f"epoch {epoch:{len(str(epochs))}}/{epochs}"]
    for name, value in figures.items():
        if name != "seconds":
            parts.append(f"{name} {value:.2%}" if name.endswith("accuracy") else f"{name} {value:.4f}")
    return "  ".join([*parts, f"{figures['seconds']:.2f} s"])


def _check_data(
    model: Module, x: Any, y: Any, validation: Any, criterion: Loss, batch_size: int, generator: Any
) -> tuple[Any, Any]:
    """The batches to learn from, and the arguments of `evaluate` for those to validate with."""
    is_pair = isinstance(validation, (tuple, list)) and len(validation) == 2
    if validation is not None:
        validation = check_set("fit: validation", *validation) if is_pair else (validation,)
    if y is not None:
        x, y = check_set("fit", x, y)
    elif isinstance(x, (np.ndarray, Tensor)) or not hasattr(x, "__iter__"):
        raise TypeError("fit: y is missing; x alone must be an iterable of (inputs, targets)")
    if isinstance(criterion, CrossEntropyLoss) and y is not None:
        for labels in (y, *(validation[1:] if is_pair else ())):
            check_labels(model, x, labels, criterion.ignore_index)
    return (x if y is None else ArrayBatches(x, y, batch_size, generator)), validation
