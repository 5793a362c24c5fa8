"""Activations and softmax: the twins of `fastnn._kernels`' activate, softmax and their gradients."""

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES, SIMULATED
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import activation as kernels
from fastnn.cuda.kernels import softmax as rows

_THREADS = 4 if SIMULATED else 64  # each reads the sums of all: more would read longer than they add


def activate(x: GPUArray, y: GPUArray, kind: str, alpha: float, beta: float) -> None:
    run(build(kernels.activate, NAMES[x.dtype], kind), x.size, x, x.pointer, y.pointer, alpha, beta, x.size)


def activate_grad(gy: GPUArray, x: GPUArray, gx: GPUArray, kind: str, alpha: float, beta: float) -> None:
    """`x` is the result for relu, sigmoid and tanh, else the input."""
    kernel = build(kernels.activate_grad, NAMES[x.dtype], kind)
    run(kernel, x.size, x, gy.pointer, x.pointer, gx.pointer, alpha, beta, x.size)


def softmax(x: GPUArray, y: GPUArray, n: int, logarithm: bool) -> None:
    if x.size:
        kernel = build(rows.softmax, NAMES[x.dtype], _THREADS, logarithm)
        kernel(x.size // n, _THREADS, x.place, x.pointer, y.pointer, n)


def softmax_grad(gy: GPUArray, y: GPUArray, gx: GPUArray, n: int, logarithm: bool) -> None:
    if y.size:
        kernel = build(rows.softmax_grad, NAMES[y.dtype], _THREADS, logarithm)
        kernel(y.size // n, _THREADS, y.place, gy.pointer, y.pointer, gx.pointer, n)
