"""Cross-entropy from logarithms of probabilities."""

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES, SIMULATED
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import loss as kernels

_THREADS = 4 if SIMULATED else 256


def cross_entropy(log_p: GPUArray, labels: GPUArray, ignored: int, mean: bool, y: GPUArray, divisor: GPUArray) -> None:
    rows, classes = log_p.shape
    kernel = build(kernels.cross_entropy, NAMES[log_p.dtype], NAMES[labels.dtype], _THREADS, mean)
    arrays = log_p.pointer, labels.pointer, y.pointer, divisor.pointer
    kernel(1, _THREADS, log_p.place, *arrays, rows, classes, ignored)


def cross_entropy_grad(
    gy: GPUArray, log_p: GPUArray, labels: GPUArray, divisor: GPUArray, ignored: int, gx: GPUArray
) -> None:
    kernel = build(kernels.cross_entropy_grad, NAMES[log_p.dtype], NAMES[labels.dtype])
    arrays = gy.pointer, log_p.pointer, labels.pointer, divisor.pointer, gx.pointer
    run(kernel, gx.size, gx, *arrays, log_p.shape[1], ignored, gx.size)
