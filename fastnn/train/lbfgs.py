"""L-BFGS: a quasi-Newton method on all parameters at once, for smooth functions without noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd import enable_grad
from fastnn.autograd.tensor import Tensor
from fastnn.train._line_search import Point, strong_wolfe
from fastnn.train.optim import Optimizer

_NUMBERS = ("func_evals", "n_iter", "t", "H_diag", "prev_loss")
_ARRAYS = ("d", "prev_flat_grad", "old_dirs", "old_stps", "ro")


class LBFGS(Optimizer):
    """Limited-memory BFGS, as PyTorch computes it.

    The direction is ``-H g``, where H comes from the last `history_size` changes of gradient y and position s:
    each ``H' = (I - r s y^T) H (I - r y s^T) + r s s^T`` with ``r = 1 / (y^T s)``, from ``y^T s / y^T y`` times the
    identity, by two loops over the history and without a matrix.

    Parameters
    ----------
    params : tensors; one group only.
    lr : step length, the first trial of a line search.
    max_iter : iterations per `step`.
    max_eval : evaluations of the closure per `step`; None for ``max_iter * 5 // 4``.
    tolerance_grad : largest element of the gradient at which it ends.
    tolerance_change : change of loss or of any parameter at which it ends.
    history_size : changes that are kept.
    line_search_fn : None for steps of length `lr`, or "strong_wolfe".

    Raises
    ------
    ValueError, TypeError
        As `SGD`; for more than one group, for another line search, and by `step` without a closure.

    References
    ----------
    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> p = nn.Parameter([4.0])
    >>> optimizer = train.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((p - 1) * (p - 1)).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    9.0
    >>> round(p.item(), 4)
    1.0
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults: dict[str, Any] = {"lr": lr, "max_iter": max_iter}
        defaults["max_eval"] = max_iter * 5 // 4 if max_eval is None else max_eval
        defaults |= {"tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change}
        super().__init__(params, defaults | {"history_size": history_size, "line_search_fn": line_search_fn})
        self._params: list[Tensor] = self.param_groups[0]["params"]

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS: there can be one group only")
        super().add_param_group(param_group)

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("max_iter", "max_eval", "history_size", "tolerance_grad", "tolerance_change"):
            self._check_range(name, group[name])
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(
                f'LBFGS: line_search_fn must be None or "strong_wolfe", is {group["line_search_fn"]!r}'
            )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to `max_iter` iterations.

        Parameters
        ----------
        closure : clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns
        -------
        What the closure returned first.
        """
        if closure is None:
            raise ValueError("LBFGS: step needs a closure")
        group = self.param_groups[0]
        state = self.state.setdefault(self._params[0], {"func_evals": 0, "n_iter": 0})
        loss = self._evaluate(closure)
        value, gradient, evaluations = float(loss), self._gradient(), 1
        iterations = 0
        while iterations < group["max_iter"] and not _largest(gradient) <= group["tolerance_grad"]:
            iterations += 1
            state["n_iter"] += 1
            d = self._direction(state, gradient, group["history_size"])
            first = min(1.0, 1.0 / float(np.abs(gradient).sum())) if state["n_iter"] == 1 else 1.0
            slope = float(np.dot(gradient, d))
            state |= {"d": d, "t": first * group["lr"], "prev_flat_grad": gradient, "prev_loss": value}
            if slope > -group["tolerance_change"]:
                break
            here = Point(0.0, value, gradient, slope)
            point, used = self._move(closure, state, here, iterations == group["max_iter"])
            value, gradient, state["t"] = point.value, point.gradient, point.t
            evaluations += used
            moved = _largest(d) * abs(state["t"])
            change = group["tolerance_change"]
            if evaluations >= group["max_eval"] or moved <= change or abs(value - here.value) < change:
                break
        state["func_evals"] += evaluations
        return loss

    def _direction(self, state: dict[str, Any], gradient: NDArray[Any], size: int) -> NDArray[Any]:
        """Take the last change into the history; the new direction."""
        if state["n_iter"] == 1:
            empty = np.zeros((0, gradient.size), gradient.dtype)
            state |= {"old_dirs": empty, "old_stps": empty.copy(), "ro": np.zeros(0), "H_diag": 1.0}
            return -gradient
        y, s = gradient - state["prev_flat_grad"], state["d"] * gradient.dtype.type(state["t"])
        ys = float(np.dot(y, s))
        if ys > 1e-10:  # else the curvature is not positive enough to learn from
            keep = slice(max(0, len(state["ro"]) + 1 - size), None)
            state["old_dirs"] = np.concatenate([state["old_dirs"][keep], y[None]])
            state["old_stps"] = np.concatenate([state["old_stps"][keep], s[None]])
            state["ro"] = np.append(state["ro"][keep], 1 / ys)
            state["H_diag"] = ys / float(np.dot(y, y))
        return _two_loops(gradient, state["old_dirs"], state["old_stps"], state["ro"], state["H_diag"])

    def _move(
        self, closure: Callable[[], Any], state: dict[str, Any], here: Point, last: bool
    ) -> tuple[Point, int]:
        """Go along the direction; where that led, and how many evaluations it took."""
        group, d = self.param_groups[0], state["d"]
        origin = [p._memory().copy() for p in self._params]

        def at(t: float) -> Point:
            self._place(origin, t, d)
            value = float(self._evaluate(closure))
            gradient = self._gradient()
            return Point(t, value, gradient, float(np.dot(gradient, d)))

        if group["line_search_fn"] is not None:
            point, used = strong_wolfe(at, here, state["t"], _largest(d), group["tolerance_change"])
            self._place(origin, point.t, d)
            return point, used
        if last:  # nobody will look at the gradient there
            self._place(origin, state["t"], d)
            return here._replace(t=state["t"]), 0
        return at(state["t"]), 1

    def _evaluate(self, closure: Callable[[], Any]) -> Any:
        with enable_grad():
            return closure()

    def _gradient(self) -> NDArray[Any]:
        """All gradients end to end; zeros where there are none."""
        parts = [np.zeros(p._memory().size, p.dtype) if p.grad is None else p.grad._memory().reshape(-1)
                 for p in self._params]  # fmt: skip
        return np.concatenate(parts)

    def _place(self, origin: list[NDArray[Any]], t: float, d: NDArray[Any]) -> None:
        """Set the parameters to ``origin + t d``."""
        at = 0
        for p, start in zip(self._params, origin, strict=True):
            part = d[at : at + start.size].reshape(start.shape)
            p._memory()[...] = start + d.dtype.type(t) * part
            p._changed()
            at += start.size

    def _import_entry(
        self, where: str, group: dict[str, Any], p: Tensor, entry: Mapping[str, Any], faults: list[str]
    ) -> dict[str, Any]:
        entry = {name: value for name, value in entry.items() if value is not None and name != "al"}
        if not entry.get("n_iter"):
            return {"func_evals": int(entry.get("func_evals", 0)), "n_iter": 0}
        faults += [f"{where}: missing: {name}" for name in (*_NUMBERS, *_ARRAYS) if name not in entry]
        faults += [f"{where}: unexpected: {name}" for name in entry if name not in (*_NUMBERS, *_ARRAYS)]
        size = sum(q._memory().size for q in self._params)
        dtype = np.result_type(*(q.dtype for q in self._params))
        found: dict[str, Any] = {}
        for name in entry.keys() & _NUMBERS:
            number = float(np.asarray(entry[name]).reshape(()))
            found[name] = int(number) if name in ("func_evals", "n_iter") else number
        history = len(entry.get("ro", ()))
        shapes = {"d": (size,), "prev_flat_grad": (size,), "old_dirs": (history, size), "old_stps": (history, size)}
        for name in sorted(entry.keys() & set(_ARRAYS)):
            shape = shapes.get(name, (history,))
            array = np.array(entry[name], np.float64 if name == "ro" else dtype)
            array = array.reshape(shape) if array.size == math.prod(shape) else array
            if array.shape != shape:
                faults.append(f"{where}: shape of {name}: {array.shape}, expected {shape}")
            found[name] = array
        return found


def _two_loops(
    gradient: NDArray[Any], changes: NDArray[Any], steps: NDArray[Any], inverses: NDArray[Any], diagonal: float
) -> NDArray[Any]:
    """``-H gradient`` (Nocedal and Wright, algorithm 7.4)."""
    number = gradient.dtype.type
    q = -gradient
    weights = [0.0] * len(inverses)
    for i in reversed(range(len(inverses))):
        weights[i] = float(np.dot(steps[i], q)) * inverses[i]
        q -= number(weights[i]) * changes[i]
    q *= number(diagonal)
    for i in range(len(inverses)):
        correction = float(np.dot(changes[i], q)) * inverses[i]
        q += number(weights[i] - correction) * steps[i]
    return q


def _largest(array: NDArray[Any]) -> float:
    return float(np.abs(array).max(initial=0.0))
