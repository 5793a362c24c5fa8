"""Steps of optimisers: the only ops that change an argument. Kernel: csrc/kernels/update.h.

Each takes all parameters of a group as lists: ``p`` and ``g`` (parameters and their gradients), and of every kind
of state a list as long, all arrays of one dtype. One call of the kernel makes one pass over everything.
``weight_decay`` and ``l1`` add ``weight_decay p + l1 sign(p)`` to the gradient, after ``maximize`` turned its sign.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._checks import F32, F64, as_array, shaped

Arrays = Sequence[np.ndarray]

_OPTIONS: dict[str, Any] = {"rule": 0, "maximize": False, "l1": 0.0, "weight_decay": 0.0, "shrink": 1.0}
_OPTIONS |= {"momentum": 0.0, "dampening": 0.0, "nesterov": False, "beta1": 0.0, "beta2": 0.0, "eps": 0.0}


def sgd_step(
    p: Arrays,
    g: Arrays,
    velocity: Arrays | None,
    first: Sequence[bool] | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    l1: float = 0.0,
) -> None:
    """One step of stochastic gradient descent.

    ``v = momentum v + (1 - dampening) d`` (at first ``v = d``); ``d = v`` (Nesterov: ``d + momentum v``);
    ``p -= lr d``

    Parameters
    ----------
    p, g : arrays of float32 or float64; p is changed in place
    velocity : arrays like p, changed in place; None without momentum
    first : which velocities hold nothing yet and become d

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.ops.update import sgd_step
    >>> p, v = np.array([1.0, 2.0]), np.zeros(2)
    >>> sgd_step([p], [np.array([1.0, 1.0])], [v], lr=0.5, momentum=0.9)
    >>> p
    array([0.5, 1.5])
    """
    options = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
    options |= {"maximize": maximize, "l1": l1}
    _run("sgd", options, p, g, {"velocity": velocity}, [lr] * len(p), None, first)


def adagrad_step(
    p: Arrays,
    g: Arrays,
    sums: Arrays,
    steps: Sequence[float],
    *,
    lr: float,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    eps: float = 1e-10,
    maximize: bool = False,
    l1: float = 0.0,
) -> None:
    """One step of Adagrad: ``sum += d^2; p -= lr / (1 + (step - 1) lr_decay) d / (sqrt(sum) + eps)``.

    `steps` counts each parameter's steps, this one included; `sums` is changed in place.
    """
    rates = [lr / (1 + (step - 1) * lr_decay) for step in steps]
    options = {"weight_decay": weight_decay, "eps": eps, "maximize": maximize, "l1": l1}
    _run("adagrad", options, p, g, {"sum": sums}, rates)


def rmsprop_step(
    p: Arrays,
    g: Arrays,
    square_avg: Arrays,
    momentum_buffer: Arrays | None = None,
    grad_avg: Arrays | None = None,
    *,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    maximize: bool = False,
    l1: float = 0.0,
) -> None:
    """One step of RMSprop: ``s = alpha s + (1 - alpha) d^2; d /= sqrt(s) + eps; p -= lr d``.

    With `grad_avg` (centered) the mean gradient's square is taken off s first; with `momentum_buffer`,
    ``v = momentum v + d`` takes the place of d. States are changed in place.
    """
    options = {"momentum": momentum, "weight_decay": weight_decay, "eps": eps, "beta1": alpha, "beta2": alpha}
    options |= {"maximize": maximize, "l1": l1}
    states = {"square_avg": square_avg, "momentum_buffer": momentum_buffer, "grad_avg": grad_avg}
    _run("rmsprop", options, p, g, states, [lr] * len(p))


def adam_step(
    p: Arrays,
    g: Arrays,
    exp_avg: Arrays,
    exp_avg_sq: Arrays,
    max_exp_avg_sq: Arrays | None,
    steps: Sequence[float],
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    maximize: bool = False,
    l1: float = 0.0,
) -> None:
    """One step of Adam, of AdamW where the decay is `decoupled`, of AMSGrad with `max_exp_avg_sq`.

    ``m = beta1 m + (1 - beta1) d; v = beta2 v + (1 - beta2) d^2;``
    ``p -= lr m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps)``; decoupled: ``p *= 1 - lr weight_decay``
    comes first and d is without decay. `steps` counts each parameter's steps, this one included; states are
    changed in place.
    """
    rates = [lr / (1 - beta1**step) for step in steps]
    scales = [1 / math.sqrt(1 - beta2**step) for step in steps]
    options = {"eps": eps, "beta1": beta1, "beta2": beta2, "maximize": maximize, "l1": l1}
    options["weight_decay"], options["shrink"] = (0.0, 1 - lr * weight_decay) if decoupled else (weight_decay, 1.0)
    states = {"exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq, "max_exp_avg_sq": max_exp_avg_sq}
    _run("adam", options, p, g, states, rates, scales)


def _run(
    rule: str,
    options: dict[str, Any],
    p: Arrays,
    g: Arrays,
    states: dict[str, Arrays | None],
    rates: list[float],
    scales: list[float] | None = None,
    first: Sequence[bool] | None = None,
) -> None:
    """Check, call the kernel, write back parameters that had to be copied."""
    op = f"{rule}_step"
    values, gradients, copied = list(p), list(g), []
    if len(gradients) != len(values):
        raise ValueError(f"{op}: {len(values)} parameters but {len(gradients)} gradients")
    for i, x in enumerate(values):
        if type(x) is not np.ndarray or not x.flags.carray or (x.dtype is not F32 and x.dtype is not F64):
            values[i] = _contiguous(op, x)
            copied.append(i)
        gradient = gradients[i]
        if not (type(gradient) is np.ndarray and gradient.dtype is x.dtype and gradient.shape == x.shape
                and gradient.flags.carray):  # fmt: skip
            gradients[i] = shaped(op, "g", gradient, values[i].shape, values[i], "p")
    for name, arrays in states.items():
        if arrays is not None:
            _check_states(op, name, arrays, values)
    given = [None if arrays is None else list(arrays) for arrays in states.values()]
    flags = None if first is None else list(first)
    _kernels.update_step(_kernels.UPDATES[rule], _OPTIONS | options, values, gradients, given, rates, scales, flags)
    for i in copied:
        p[i][...] = values[i]


def _contiguous(op: str, p: Any) -> np.ndarray:
    """A copy of a parameter that the kernel cannot change where it is."""
    if not isinstance(p, np.ndarray):
        raise TypeError(f"{op}: p must be NumPy arrays, got {type(p).__name__}")
    if not p.flags.writeable:
        raise ValueError(f"{op}: p is read-only")
    return as_array(op, "p", p)


def _check_states(op: str, name: str, arrays: Arrays, values: list[np.ndarray]) -> None:
    if len(arrays) != len(values):
        raise ValueError(f"{op}: {len(values)} parameters but {len(arrays)} arrays of {name}")
    for state, value in zip(arrays, values, strict=True):
        if state.shape != value.shape:
            raise ValueError(f"{op}: {name} has shape {state.shape}, expected {value.shape}")
        if state.dtype is not value.dtype or not state.flags.carray:
            raise TypeError(f"{op}: {name} must be a contiguous, writeable array of {value.dtype}")
