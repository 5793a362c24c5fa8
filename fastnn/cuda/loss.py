"""Cross-entropy on `GPUArray`s: scores [n, classes, inner] and labels [n, inner]."""

from typing import Any, NamedTuple

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES, SIMULATED
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import loss as kernels

_THREADS = 4 if SIMULATED else 128


class Scores(NamedTuple):
    """What a call compares; `ignored`: the label without a loss."""

    x: GPUArray
    labels: GPUArray
    weight: GPUArray | None
    rows: int
    classes: int
    inner: int
    ignored: int
    smoothing: float


def _wide(x: GPUArray) -> str:
    return "float64" if x.dtype == "float64" else "float32"


def _losses(s: Scores) -> GPUArray:
    losses = s.x.new((2, s.rows), _wide(s.x))
    kernel = build(kernels.cross_entropy, NAMES[s.x.dtype], NAMES[s.labels.dtype], _THREADS, s.weight is not None)
    pointers = s.x.pointer, s.labels.pointer, (s.weight or s.x).pointer, losses.pointer
    kernel(s.rows, _THREADS, s.x.place, *pointers, s.rows, s.classes, s.inner, s.ignored, s.smoothing)
    return losses


def cross_entropy(s: Scores, reduction: str, y: GPUArray) -> None:
    losses = _losses(s)
    if reduction == "none":
        run(build(kernels.narrowed, NAMES[s.x.dtype]), s.rows, s.x, losses.pointer, y.pointer, s.rows)
    else:
        _total(s, losses, y, reduction == "mean")


def _total(s: Scores, losses: GPUArray, y: GPUArray, mean: bool) -> GPUArray:
    sums = s.x.new((2,), _wide(s.x))
    kernel = build(kernels.total_loss, NAMES[s.x.dtype], _THREADS)
    kernel(1, _THREADS, s.x.place, losses.pointer, sums.pointer, y.pointer, s.rows, int(mean))
    return sums


def cross_entropy_grad(s: Scores, reduction: str, gy: Any, gx: GPUArray) -> None:
    """`gy`: a number, or an array of the shape of the loss."""
    mean = reduction == "mean"
    sums = _total(s, _losses(s), s.x.new((1,)), True) if mean else s.x
    given = isinstance(gy, GPUArray)
    kernel = build(kernels.cross_entropy_grad, NAMES[s.x.dtype], NAMES[s.labels.dtype], _THREADS, s.weight is not None)
    incoming = gy.pointer if given else s.x.pointer
    pointers = s.x.pointer, s.labels.pointer, (s.weight or s.x).pointer, incoming, sums.pointer, gx.pointer
    numbers = s.classes, s.inner, s.ignored, s.smoothing, 0.0 if given else float(gy)
    kernel(s.rows, _THREADS, s.x.place, *pointers, *numbers, int(given), int(reduction == "none"), int(mean))
