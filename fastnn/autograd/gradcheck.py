"""The check of gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd._tape import no_grad
from fastnn.autograd.gradient import Tensors, grad, listed
from fastnn.autograd.tensor import Tensor


class GradcheckError(RuntimeError):
    """What `gradcheck` raises where a gradient is wrong."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensors,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Whether the gradients of `func` agree with central differences: ``(f(x + eps) - f(x - eps)) / (2 eps)``.

    Every element of every input that requires grad is moved, and every element of every float output looked at:
    ``|backward - differences| <= atol + rtol |differences|``. Inputs are changed in place meanwhile and hold their
    old values afterwards, so `func` may reach them by other ways as well (the parameters of a model, for one). It
    must return the same values for the same inputs: dropout with a fixed seed, no running statistics in use.

    Parameters
    ----------
    func : called as ``func(*inputs)``; returns a tensor or a tuple or list of tensors.
    inputs : float64 tensors where they require grad; others are passed on. Kinks and ties within `eps` of a value
        (ReLU at 0) make the differences wrong, not the gradient.
    raise_exception : False returns False where a gradient is wrong.
    fast_mode : one random direction per input and one random weight for all outputs: two calls per input instead of
        two per element. An error in any element shows, though not where. Allowed is `atol` plus `rtol` times the
        norm of the gradient.

    Raises
    ------
    GradcheckError
        With output, input, index and the two numbers, for the element that is worst.
    TypeError
        Where an input that requires grad is not float64: the differences of float32 have about three digits.
    ValueError
        Where no input or no output requires grad.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, gradcheck
    >>> x = Tensor(np.array([0.5, 2.0]), requires_grad=True)
    >>> gradcheck(lambda x: (x * x).exp(), x)
    True
    """
    tensors = listed(inputs)
    moved = [i for i, t in enumerate(tensors) if isinstance(t, Tensor) and t.requires_grad]
    if not moved:
        raise ValueError("gradcheck: no input requires grad")
    for i in moved:
        if tensors[i].dtype != np.float64:
            raise TypeError(
                f"gradcheck: input {i} is {tensors[i].dtype}; finite differences say little below float64"
            )
    outputs = _outputs(func, tensors)
    if not any(output.requires_grad for output in outputs):
        raise ValueError("gradcheck: no output requires grad")
    compare = _compare_direction if fast_mode else _compare_elements
    fault = next(compare(func, tensors, moved, outputs, eps, (atol, rtol)), None)
    if fault is not None and raise_exception:
        raise GradcheckError(f"gradcheck: {fault}")
    return fault is None


def _outputs(func: Callable[..., Any], tensors: list[Tensor]) -> list[Tensor]:
    """The float results of a call."""
    y = func(*tensors)
    return [t for t in (y if isinstance(y, (tuple, list)) else [y]) if t.dtype.kind == "f"]


def _differences(func: Callable[..., Any], tensors: list[Tensor], i: int, step: NDArray[Any]) -> list[Any]:
    """f(x + step) - f(x - step) of every output; `step` is added to input i."""
    x, before = tensors[i], tensors[i].numpy().copy()
    with no_grad():
        try:
            x.copy_(before + step)
            ahead = [np.array(y.numpy()) for y in _outputs(func, tensors)]
            x.copy_(before - step)
            behind = [np.array(y.numpy()) for y in _outputs(func, tensors)]
        finally:
            x.copy_(before)
    return [a - b for a, b in zip(ahead, behind, strict=True)]


def _backward(outputs: list[Tensor], weights: list[Any], wanted: list[Tensor]) -> list[NDArray[Any]]:
    """Gradients of the weighted sum of the outputs, zero where nothing arrives."""
    used = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad and w is not None]
    if not used:
        return [np.zeros(x.shape) for x in wanted]
    ys, ws = zip(*used, strict=True)
    found = grad(ys, wanted, ws, retain_graph=True, allow_unused=True)
    return [np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(found, wanted, strict=True)]


def _compare_elements(
    func: Any, tensors: list[Tensor], moved: list[int], outputs: list[Tensor], eps: float, allowed: Any
) -> Iterator[str]:
    """The faults of whole Jacobians, one matrix [inputs, outputs] for each input and output."""
    atol, rtol = allowed
    wanted = [tensors[i] for i in moved]
    rows: list[list[Any]] = [[] for _ in outputs]  # of each output: for each element the gradients of the inputs
    for o, y in enumerate(outputs):
        for j in range(y.size):
            one = np.zeros(y.size)
            one[j] = 1
            weights: list[Any] = [None] * len(outputs)
            weights[o] = one.reshape(y.shape).astype(y.dtype)
            rows[o].append(_backward(outputs, weights, wanted))
    for n, i in enumerate(moved):
        size, shape = tensors[i].size, tensors[i].shape
        steps = np.eye(size).reshape(size, *shape) * eps
        columns = [_differences(func, tensors, i, step) for step in steps]
        for o, y in enumerate(outputs):
            numeric = np.array([c[o].ravel() for c in columns]).reshape(size, y.size) / (2 * eps)
            exact = np.array([r[n].ravel() for r in rows[o]]).reshape(y.size, size).T
            wrong = ~(np.abs(exact - numeric) <= atol + rtol * np.abs(numeric))
            if wrong.any():
                errors = np.where(wrong, np.nan_to_num(np.abs(exact - numeric), nan=np.inf), -1)
                at = np.unravel_index(np.argmax(errors), errors.shape)
                here, there = (
                    [int(n) for n in np.unravel_index(p, s)] for p, s in zip(at, (shape, y.shape), strict=True)
                )
                yield (
                    f"output {o} at {there} with respect to input {i} at {here}: backward gives "
                    f"{exact[at]:.10g}, finite differences give {numeric[at]:.10g} "
                    f"({int(wrong.sum())} of {wrong.size} are off)"
                )


def _compare_direction(
    func: Any, tensors: list[Tensor], moved: list[int], outputs: list[Tensor], eps: float, allowed: Any
) -> Iterator[str]:
    """The faults along one random direction of length 1 per input."""
    atol, rtol = allowed
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(y.shape).astype(y.dtype) for y in outputs]
    gradients = _backward(outputs, weights, [tensors[i] for i in moved])
    for i, gradient in zip(moved, gradients, strict=True):
        direction = rng.standard_normal(gradient.shape)
        direction /= np.linalg.norm(direction) or 1.0
        changes = _differences(func, tensors, i, eps * direction)
        numeric = sum(float(np.vdot(w, c)) for w, c in zip(weights, changes, strict=True)) / (2 * eps)
        exact = float(np.vdot(gradient, direction))
        if not abs(exact - numeric) <= atol + rtol * float(np.linalg.norm(gradient)):
            yield (
                f"input {i} along a random direction: backward gives {exact:.10g}, finite differences give "
                f"{numeric:.10g}"
            )
