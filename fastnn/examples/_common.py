"""What the examples share: arguments, image sets, optimisers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import datasets, nn, train


def parser(description: str, data: str, epochs: int, batch_size: int, lr: float) -> argparse.ArgumentParser:
    """The arguments that every example takes, with its own defaults; `data` says what ``--data`` names."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.add_argument("--data", required=True, metavar="PATH", help=data)
    made.add_argument("--epochs", type=int, default=epochs, help="passes over the training set")
    made.add_argument("--batch-size", type=int, default=batch_size, help="items per step")
    made.add_argument("--lr", type=float, default=lr, help="largest step size")
    made.add_argument("--seed", type=int, default=0, help="of initial weights, order and augmentation")
    made.add_argument("--save", metavar="FILE.safetensors", help="keep the trained weights there")
    made.add_argument("--quiet", action="store_true", help="print nothing")
    return made


def image_set(path: str, limit: int | None) -> tuple[NDArray[Any], ...]:
    """x_train, y_train, x_test, y_test of an ``.npz`` file, images as uint8 [n, c, h, w]; at most `limit` of each."""
    arrays = datasets.load_npz(path)
    missing = [name for name in ("x_train", "y_train", "x_test", "y_test") if name not in arrays]
    if missing:
        raise ValueError(f"{path}: has no {', '.join(missing)}")
    parts = []
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"][:limit], arrays[f"y_{part}"][:limit]
        if x.ndim == 3:
            x = x[:, None]
        elif x.ndim == 4 and x.shape[-1] in (1, 3):
            x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        if x.ndim != 4 or len(x) != len(y):
            raise ValueError(f"{path}: images {x.shape} and labels {y.shape} of the {part} set do not fit")
        parts += [x, y.reshape(-1).astype(np.int64)]
    return tuple(parts)


def fit(
    options: argparse.Namespace,
    model: nn.Module,
    batches: train.DataLoader,
    validation: Any = None,
    *,
    weight_decay: float = 5e-4,
    adam: bool = False,
    **more: Any,
) -> train.History:
    """Train with one cycle of step sizes: SGD with Nesterov's momentum, or AdamW."""
    if adam:
        optimizer: Any = train.AdamW(model.parameters(), lr=options.lr, weight_decay=weight_decay)
    else:
        optimizer = train.SGD(
            model.parameters(), lr=options.lr, momentum=0.9, weight_decay=weight_decay, nesterov=True
        )
    steps = max(1, options.epochs * len(batches))
    history = train.fit(
        model,
        batches,
        epochs=options.epochs,
        optimizer=optimizer,
        scheduler=train.lr_scheduler.OneCycleLR(optimizer, max_lr=options.lr, total_steps=steps),
        schedule_by="step",
        validation=validation,
        report=None if options.quiet else print,
        progress=not options.quiet,
        **more,
    )
    if options.save:
        train.save_checkpoint(options.save, model)
    return history


def say(options: argparse.Namespace, *words: Any) -> None:
    """Print, unless ``--quiet``."""
    if not options.quiet:
        print(*words)


def parsed(made: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, with sizes that make sense; seeds the initial weights."""
    options = made.parse_args(arguments)
    if options.epochs < 1 or options.batch_size < 1:
        made.error("--epochs and --batch-size must be positive")
    nn.init.manual_seed(options.seed)
    return options
