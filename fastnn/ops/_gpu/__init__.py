"""The ops on GPU arrays: the public names and arguments of `fastnn.ops`, checked and shaped here, computed by the
twins in `fastnn.cuda`. One module per family; a function that is in none has no twin yet."""

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

FAMILIES = (
    "activation", "boxes", "conv", "dropout", "im2col", "instance_norm", "linear", "loss", "norm", "pool", "rnn", "roi",
    "softmax", "update",
)  # fmt: skip


@cache
def twin(name: str) -> Callable[..., Any]:
    """The function of this name for GPU arrays.

    Raises
    ------
    NotImplementedError
        Where it has none; the message names it.
    """
    for family in FAMILIES:
        module = importlib.import_module(f"fastnn.ops._gpu.{family}")
        if name in module.TWINS:
            return module.TWINS[name]
    raise NotImplementedError(f"{name}: has no GPU kernel yet; copy its arguments to the host")
