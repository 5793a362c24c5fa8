"""Benchmarks of single operators: one file per family, each a group on the command line.

A family's file has a docstring whose first line describes the group, and

* ``CASES``: name -> `Op`, what is measured;
* ``GOALS``: tuple of `Goal`, what fastnn should reach.

An `Op` says which arrays go in, what comes out by NumPy, and how each library is called. A library that has no such
op is left out by raising NotImplementedError, and named in the result. The file imports NumPy only; libraries are
imported inside the methods, since each runs in the process of its own peer.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, ...]
PASSES = {"forward": "op", "backward": "op_backward"}  # the command line's word -> the job of a peer
TOLERANCE = 3e-4


class Op:
    """One operator with its options; a family derives from it and overrides what its libraries have.

    Arrays are float32 in and out unless the family says otherwise. Results are one array or several; a backward pass
    returns the first result and the gradients of the inputs numbered in `differentiable`.
    """

    batches: tuple[int, ...] = (1,)
    passes: tuple[str, ...] = ("forward",)
    differentiable: tuple[int, ...] = (0,)
    constant: tuple[int, ...] = ()  # inputs that are weights: constants of the ONNX model
    independent = True  # the first axis of inputs and results counts independent items: four of them are checked
    takes_out = True  # fastnn's function has out=
    whole_numbers: tuple[int, ...] = ()  # results of the ONNX model that are int64
    tolerance = TOLERANCE  # over the root mean square of each result

    def shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        """Shapes of the inputs."""
        raise NotImplementedError

    def inputs(self, batch: int) -> Arrays:
        """The inputs, the same in every process."""
        rng = np.random.default_rng(30)
        return tuple(rng.standard_normal(shape, dtype=np.float32) for shape in self.shapes(batch))

    def result_shapes(self, batch: int) -> tuple[tuple[int | None, ...], ...]:
        """Shapes of the results of the forward pass, None for a size that depends on the data."""
        raise NotImplementedError

    def gradient(self, batch: int) -> np.ndarray:
        """What a loss sends back to the first result."""
        return np.random.default_rng(31).standard_normal(self.result_shapes(batch)[0], dtype=np.float32)

    def moved(self, batch: int) -> int:
        """Bytes of a forward pass: every input and the first result, once. A backward pass moves as much again."""
        return 4 * sum(math.prod(shape) for shape in (*self.shapes(batch), self.result_shapes(batch)[0]))

    def flops(self, batch: int) -> int:
        """Operations of a forward pass, 0 where bytes are all that counts. A backward pass does twice as many."""
        return 0

    # What is exact, in the dtype of the inputs; also the peer "numpy".
    def numpy(self, *inputs: np.ndarray) -> Any:
        """The result by NumPy."""
        raise NotImplementedError("no reference in NumPy")

    def numpy_backward(self, gradient: np.ndarray, *inputs: np.ndarray) -> Arrays:
        """(result, gradients of the differentiable inputs) by NumPy."""
        raise NotImplementedError("no reference of the gradient in NumPy")

    # How the libraries are called: each method prepares what a user prepares once and returns the call.
    def fastnn(self, *inputs: np.ndarray) -> Callable[..., Any]:
        """The forward call; takes out= if `takes_out`."""
        raise NotImplementedError("fastnn has no such op")

    def fastnn_blocked(self, *inputs: np.ndarray) -> Callable[..., Any]:
        """As `fastnn`, on Blocked images."""
        raise NotImplementedError("no blocked images in it")

    def fastnn_backward(self, gradient: np.ndarray, *inputs: np.ndarray) -> Callable[[], Arrays]:
        """Forward and backward: the call that returns (result, gradients of the differentiable inputs)."""
        raise NotImplementedError("fastnn has no such gradient")

    def torch(self, *inputs: Any) -> Callable[[], Any]:
        """The forward call on tensors; gradients come from autograd."""
        raise NotImplementedError("PyTorch has no such op")

    def onnx(self) -> tuple[list[Any], int]:
        """(nodes, opset): inputs are named x0, x1, ..., results y0, y1, ...; see ``onnx.helper.make_node``."""
        raise NotImplementedError("ONNX has no such op")

    def ncnn(self) -> str:
        """The line of a .param file without names: "Pooling 0=0 1=2 2=2"; one input, one result, no weights."""
        raise NotImplementedError("not written for ncnn")


@dataclass(frozen=True)
class OpCase:
    """An operator of a family at one batch size; small enough to travel to another process as JSON."""

    group: str
    name: str
    batch: int

    @property
    def op(self) -> Op:
        return family(self.group).CASES[self.name]

    @property
    def checked(self) -> list[int] | slice:
        """What of the first axis is checked: the first two, the middle and the last, or all."""
        n = self.batch
        return sorted({0, min(1, n - 1), n // 2, n - 1}) if self.op.independent else slice(None)


@dataclass(frozen=True)
class Goal:
    """A row of the table of aims: the cases that fit, and the ratio (the best opponent's time over fastnn's) to reach.

    ``fits`` are patterns of case names; ``against`` names peers (``torch:compile``) or whole libraries. Without
    opponents the figure is the share of the copy bandwidth, of cases that move at least ``least_bytes``.
    """

    label: str
    fits: tuple[str, ...]
    against: tuple[str, ...]
    geomean: float
    worst: float
    passes: str = "forward"
    own: str = "fastnn"
    batches: tuple[int, ...] = ()
    least_bytes: int = 0

    def covers(self, name: str, batch: int, passes: str) -> bool:
        """Tell whether a case belongs to this row."""
        fitting = any(fnmatchcase(name, pattern) for pattern in self.fits)
        return fitting and passes == self.passes and (not self.batches or batch in self.batches)


# NCHW in and out: torch in channels_last is measured and shown, and counts for none of these.
BEST_OF_THREE = ("torch", "torch:compile", "ort", "openvino")
BEYOND_CACHES = 100_000_000  # bytes: thrice the largest L3 slice at hand (32 MiB, AMD Zen 5, 2026-11)


def families() -> list[str]:
    """Names of the groups: one per file here."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def family(group: str) -> ModuleType:
    """The family's module."""
    return importlib.import_module(f"{__name__}.{group}")


def described(group: str) -> str:
    """The first line of the family's docstring, without its full stop."""
    return (family(group).__doc__ or group).splitlines()[0].rstrip(".")


def select(group: str, patterns: str | None, passes: str) -> list[str]:
    """Names of the cases that have this pass and fit one of the comma-separated patterns.

    Raises
    ------
    ValueError
        If nothing is left.
    """
    cases = family(group).CASES
    wanted = (patterns or "*").split(",")
    found = [name for name, op in cases.items() if passes in op.passes and any(fnmatchcase(name, p) for p in wanted)]
    if not found:
        raise ValueError(f"benchmarks: no case of {group} has a {passes} pass and fits {patterns!r}")
    return found


def as_results(value: Any) -> Arrays:
    """One result or several as a tuple of arrays."""
    return tuple(np.asarray(v) for v in value) if isinstance(value, (tuple, list)) else (np.asarray(value),)


def expected(case: OpCase, job: str) -> dict[str, np.ndarray]:
    """What `error` compares with, computed in float64."""
    op, checked = case.op, case.checked
    inputs = [a.astype(np.float64) if a.dtype == np.float32 else a for a in _checked_inputs(op, case.batch, checked)]
    if job == "op":
        found = op.numpy(*inputs)
    else:
        gradient = op.gradient(case.batch)
        found = op.numpy_backward(gradient[checked].astype(np.float64), *inputs)
    return {f"y{i}": array for i, array in enumerate(as_results(found))}


def _checked_inputs(op: Op, batch: int, checked: list[int] | slice) -> list[np.ndarray]:
    inputs = op.inputs(batch)
    return [a if i in op.constant or not op.independent else a[checked] for i, a in enumerate(inputs)]


def error(case: OpCase, result: Any, exact: dict[str, np.ndarray]) -> float:
    """Return the largest error of the results, each over its own root mean square; inf where a shape differs.

    Infinite and NaN elements must be where they are expected.
    """
    found = as_results(result)
    if len(found) < len(exact):
        return float("inf")
    return max(_one_error(case, found[i], exact[f"y{i}"]) for i in range(len(exact)))


def _one_error(case: OpCase, got: np.ndarray, right: np.ndarray) -> float:
    if case.op.independent and got.shape[:1] == (case.batch,):
        got = got[case.checked]
    if got.shape != right.shape or not np.array_equal(np.isfinite(got), np.isfinite(right)):
        return float("inf")
    finite = np.isfinite(right)
    if not finite.any():
        return 0.0
    scale = float(np.sqrt(np.mean(right[finite] ** 2))) or 1.0
    return float(np.abs(got[finite] - right[finite]).max()) / scale
