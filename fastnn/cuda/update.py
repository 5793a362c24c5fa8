"""What changes or adds whole arrays: the optimiser's step, sums of gradients, copies."""

from typing import Any

from fastnn._device_array import DeviceArray
from fastnn.cuda._arrays import view
from fastnn.cuda._cuda import NAMES
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import update as kernels


def add(a: DeviceArray, b: DeviceArray) -> DeviceArray:
    """a + b, of one shape and dtype, in fresh memory."""
    first, second = view(a), view(b)
    total = first.new(first.shape)
    run(build(kernels.add, NAMES[a.dtype]), first.size, first, first.pointer, second.pointer, total.pointer, first.size)
    return total.array


def copy(a: DeviceArray) -> DeviceArray:
    """The same values in fresh memory."""
    source = view(a)
    fresh = source.new(source.shape)
    run(build(kernels.copy, NAMES[a.dtype]), source.size, source, source.pointer, fresh.pointer, source.size)
    return fresh.array


def sgd(p: Any, g: Any, velocity: Any, lr: float, momentum: float, share: float, decay: float, l1: float,
        sign: float, nesterov: bool) -> None:  # fmt: skip
    """One parameter's step; `share` of the gradient goes into the velocity, which is p itself where there is none."""
    kernel = build(kernels.sgd, NAMES[p.dtype], momentum != 0, nesterov)
    numbers = lr, momentum, share, decay, l1, sign
    run(kernel, p.size, p, p.pointer, g.pointer, velocity.pointer, *numbers, p.size)
