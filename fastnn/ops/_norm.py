"""A checked normalisation: its result and, from the same statistics, its gradients."""

from math import prod
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import BLOCK, BLOCKED, NCHW, Blocked, blocked, image_argument, image_result
from fastnn.ops._checks import F64, new_array, number, same_dtype, shaped
from fastnn.ops._images import ImageOut

Gradients = tuple[Any, np.ndarray | None, np.ndarray | None]


def positive_eps(op: str, eps: Any) -> float:
    value = number(op, "eps", eps)
    if value < 0:
        raise ValueError(f"{op}: eps must not be negative, got {eps!r}")
    return value


def affine(op: str, name: str, value: Any, shape: tuple[int, ...], x: np.ndarray) -> np.ndarray | None:
    """weight or bias, or None."""
    return None if value is None else shaped(op, name, value, shape, x, "x")


def in_layout(x: Any, data: np.ndarray, layout: int, wanted: int) -> np.ndarray:
    """An image argument's data, converted where a kernel wants another layout."""
    if layout == wanted:
        return data
    return x.numpy() if wanted == NCHW else blocked(data).data


class Running:
    """Running statistics, checked: arrays [C] that training updates in place, or None."""

    __slots__ = ("mean", "op", "var")

    def __init__(self, op: str, mean: Any, var: Any, channels: int, x: np.ndarray, written: bool) -> None:
        self.op = op
        if (mean is None) != (var is None):
            raise ValueError(f"{op}: running_mean and running_var must both be given, or neither")
        for name, value in (("running_mean", mean), ("running_var", var)):
            if value is None:
                continue
            checked = shaped(op, name, value, (channels,), x, "x")
            if written and not (isinstance(value, np.ndarray) and value.flags.writeable):
                raise TypeError(f"{op}: {name} must be a NumPy array that can be written: training updates it")
            if not written and name == "running_mean":
                mean = checked
            elif not written:
                var = checked
        self.mean, self.var = mean, var

    def update(self, mean: np.ndarray, var: np.ndarray, momentum: Any, count: int) -> None:
        """Move towards a batch's statistics; var is the biased one of `count` elements."""
        share = number(self.op, "momentum", momentum)
        if self.mean is None or not mean.size:
            return
        self.mean[...] = (1 - share) * self.mean + share * mean
        self.var[...] = (1 - share) * self.var + share * (var * (count / (count - 1)))


class ChannelNorm:
    """Batch norm, or with `instances` instance norm: the same over [1, N * C, pixels].

    Attributes
    ----------
    mean, var : statistics in use, float64 [C] or [N * C]; of a Blocked image's instances with its pad lanes.
    """

    def __init__(
        self,
        op: str,
        x: Any,
        running_mean: Any,
        running_var: Any,
        weight: Any,
        bias: Any,
        training: bool,
        eps: Any,
        instances: bool = False,
        updates: bool = True,
    ) -> None:
        self.op, self.x, self.training, self.instances = op, x, bool(training), instances
        self.data, self.layout, self.shape = image_argument(op, "x", x)
        least = 3 if instances else 2
        if len(self.shape) < least:
            raise ValueError(f"{op}: x must have at least {least} dimensions [N, C, ...], got shape {self.shape}")
        self.n, self.c, *spatial = self.shape
        self.pixels = prod(spatial)
        self.count = self.pixels * (1 if instances else self.n)
        self.eps = positive_eps(op, eps)
        self.weight = affine(op, "weight", weight, (self.c,), self.data)
        self.bias = affine(op, "bias", bias, (self.c,), self.data)
        self.running = Running(op, running_mean, running_var, self.c, self.data, self.training and updates)
        if self.training and self.count == 1 and self.n and self.c:
            raise ValueError(f"{op}: shape {self.shape} has one value per channel; training needs more")
        if not self.training and self.running.mean is None:
            raise ValueError(f"{op}: running_mean and running_var are needed where the input's statistics are not used")
        self.empty = 0 in self.shape
        self.mean: Any = None

    # Instances as channels: what belongs to a channel is repeated, and in a Blocked image filled up to whole blocks.

    def _view(self, layout: int) -> tuple[int, int, int]:
        if not self.instances:
            return self.n, self.c, self.pixels
        channels = -(-self.c // BLOCK) * BLOCK if layout == BLOCKED else self.c
        return 1, self.n * channels, self.pixels

    def _spread(self, values: Any, layout: int) -> Any:
        """[C] as the kernel's channels."""
        if values is None or not self.instances:
            return values
        fill = -self.c % BLOCK if layout == BLOCKED else 0
        return np.tile(np.pad(values, (0, fill)), self.n)

    def _gather(self, values: np.ndarray, layout: int) -> np.ndarray:
        """The kernel's channels as [N, C] (instances) or [C]."""
        return values.reshape(self.n, -1)[:, : self.c] if self.instances else values

    def _weight(self, layout: int) -> Any:
        if self.weight is None and self.instances and layout == BLOCKED and self.c % BLOCK:
            return self._spread(np.ones(self.c, self.data.dtype), layout)  # 0 for the pad lanes
        return self._spread(self.weight, layout)

    def _prepare(self, layout: int) -> tuple[tuple[int, int, int], np.ndarray]:
        view = self._view(layout)
        if self.training:
            self.mean, self.var = np.empty(view[1]), np.empty(view[1])
        else:
            self.mean = self._spread(self.running.mean.astype(F64), layout)
            self.var = self._spread(self.running.var.astype(F64), layout)
        return view, in_layout(self.x, self.data, self.layout, layout)

    def result(self, out: Any = None, momentum: Any = 0.1) -> Any:
        """What the op returns; training moves the running statistics."""
        inputs = (self.data, self.weight, self.bias, self.running.mean, self.running.var)
        y = ImageOut(self.op, out, self.layout, self.shape, self.data.dtype, *inputs)
        if self.empty:
            number(self.op, "momentum", momentum)
            return y.finish()
        view, data = self._prepare(y.layout)
        numbers = (self._weight(y.layout), self._spread(self.bias, y.layout), self.mean, self.var)
        _kernels.batch_norm(view, y.layout, self.training, self.eps, data, *numbers, y.data)
        if self.training:
            mean, var = self._gather(self.mean, y.layout), self._gather(self.var, y.layout)
            if self.instances:
                mean, var = mean.mean(0), var.mean(0)
            self.running.update(mean, var, momentum, self.count)
        else:
            number(self.op, "momentum", momentum)
        self._statistics_of = y.layout
        return y.finish()

    def gradients(self, op: str, gy: Any, of_input: bool = True, of_affine: bool = True) -> Gradients:
        """Gradients of x, weight and bias, those that are wanted; gx has gy's kind."""
        g, layout, shape = image_argument(op, "gy", gy)
        if tuple(shape) != tuple(self.shape):
            raise ValueError(f"{op}: gy has shape {tuple(shape)}, x has {tuple(self.shape)}")
        same_dtype(op, "gy", g, "x", self.data)
        gx, gx_data = image_result(layout, self.shape, self.data.dtype) if of_input else (None, None)
        if self.empty:
            zeros = np.zeros(self.c, self.data.dtype) if of_affine else None
            return gx, zeros, zeros
        if self.mean is None or self._statistics_of != layout:
            self.op, before = op, self.running
            self.running = Running(op, None, None, self.c, self.data, False) if self.training else before
            scratch = image_result(layout, self.shape, self.data.dtype)[0]
            self.result(scratch)
            self.running = before
        view = self._view(layout)
        gw = np.empty(view[1], self.data.dtype) if of_affine else None
        gb = np.empty(view[1], self.data.dtype) if of_affine else None
        data = in_layout(self.x, self.data, self.layout, layout)
        numbers = (self._weight(layout), self.mean, self.var, gx_data, gw, gb)
        _kernels.batch_norm_grad(view, layout, self.training, self.eps, g, data, *numbers)
        if of_affine and self.instances:
            assert gw is not None and gb is not None
            gw = self._gather(gw, layout).sum(0, dtype=F64).astype(self.data.dtype)
            gb = self._gather(gb, layout).sum(0, dtype=F64).astype(self.data.dtype)
        return gx, gw, gb


class GroupNorm:
    """Layer norm (pixels 1, the c elements of a row) and group norm, on x seen as [n, c, pixels].

    Blocked images are converted: their groups do not lie together.
    """

    def __init__(
        self, op: str, x: Any, view: tuple[int, int, int], groups: int, affine_shape: tuple[int, ...],
        weight: Any, bias: Any, eps: Any,
    ) -> None:  # fmt: skip
        self.op, self.view, self.groups, self.affine_shape = op, view, groups, affine_shape
        data, self.layout, self.shape = image_argument(op, "x", x)
        self.eps = positive_eps(op, eps)
        self.weight = affine(op, "weight", weight, affine_shape, data)
        self.bias = affine(op, "bias", bias, affine_shape, data)
        self.given = data
        self.data = in_layout(x, data, self.layout, NCHW)
        self.mean: Any = None

    def result(self, out: Any = None) -> Any:
        y = ImageOut(self.op, out, self.layout, self.shape, self.data.dtype, self.given, self.weight, self.bias)
        n = self.view[0] * self.groups
        self.mean, self.var = np.empty(n), np.empty(n)
        plain = y.data if y.layout == NCHW else new_array(self.shape, self.data.dtype)
        if plain.size:
            numbers = (self.weight, self.bias, self.mean, self.var)
            _kernels.group_norm(self.view, self.groups, self.eps, self.data, *numbers, plain)
        if y.layout == BLOCKED:
            _kernels.block(plain, y.data, *self.shape)
        return y.finish()

    def gradients(self, op: str, gy: Any, of_input: bool = True, of_affine: bool = True) -> Gradients:
        """Gradients of x, weight and bias, those that are wanted; gx has gy's kind."""
        g, layout, shape = image_argument(op, "gy", gy)
        if tuple(shape) != tuple(self.shape):
            raise ValueError(f"{op}: gy has shape {tuple(shape)}, x has {tuple(self.shape)}")
        same_dtype(op, "gy", g, "x", self.data)
        gx = new_array(self.shape, self.data.dtype) if of_input else None
        gw = np.zeros(self.affine_shape, self.data.dtype) if of_affine else None
        gb = np.zeros(self.affine_shape, self.data.dtype) if of_affine else None
        if self.data.size:
            if self.mean is None:
                self.result(new_array(self.shape, self.data.dtype))
            g = in_layout(gy, g, layout, NCHW)
            numbers = (self.weight, self.mean, self.var, gx, gw, gb)
            _kernels.group_norm_grad(self.view, self.groups, self.eps, g, self.data, *numbers)
        return (blocked(gx) if of_input and type(gy) is Blocked else gx), gw, gb


def channel_sums(op: str, gy: Any) -> np.ndarray:
    """Sums over all but the channels, of [N, C, ...]."""
    data, layout, shape = image_argument(op, "gy", gy)
    if len(shape) < 2:
        raise ValueError(f"{op}: gy must have at least 2 dimensions [N, C, ...], got shape {shape}")
    sums = np.zeros(shape[1], data.dtype)
    if data.size:
        _kernels.channel_sum(data, layout, shape[0], shape[1], prod(shape[2:]), sums)
    return sums
