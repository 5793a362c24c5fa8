"""What the convolution layers of every rank share, plain and transposed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from fastnn.autograd import _conv
from fastnn.autograd._tape import mode
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, wrap
from fastnn.nn import init
from fastnn.nn._arguments import count, float_dtype, sizes
from fastnn.nn._packed import Entry, packed
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.ops._shapes import conv_transpose_output_size


class Filters(Module):
    """What `Conv` and `ConvTranspose` have in common; the layers name op and rank and have PyTorch's constructors."""

    op: ClassVar[str]
    rank: ClassVar[int]
    pack: ClassVar[Callable[..., Any]]
    padding_modes: ClassVar[tuple[str, ...]] = ("zeros",)
    padding: Any
    _packed: Entry | None = None

    def _set_up(
        self,
        channels: tuple[int, int],
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: DTypeLike | None,
    ) -> None:
        name = type(self).__name__
        if padding_mode not in self.padding_modes:
            raise ValueError(
                f"{name}: unknown padding_mode={padding_mode!r}; known are {', '.join(self.padding_modes)}"
            )
        self.padding_mode = padding_mode
        self.in_channels = count(name, "in_channels", channels[0])
        self.out_channels = count(name, "out_channels", channels[1])
        self.kernel_size = sizes(name, "kernel_size", kernel_size, 1, self.rank)
        self.stride = sizes(name, "stride", stride, 1, self.rank)
        self.dilation = sizes(name, "dilation", dilation, 1, self.rank)
        self.groups = count(name, "groups", groups)
        self.padding = self._check_padding(name, padding)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError(
                f"{name}: in_channels ({channels[0]}) and out_channels ({channels[1]}) must be multiples of "
                f"groups ({groups})"
            )
        wanted = float_dtype(name, device, dtype)
        self.weight = Parameter(np.empty(self._weight_shape(), dtype=wanted))
        self.bias: Any = Parameter(np.empty(self.out_channels, dtype=wanted)) if bias else None
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _check_padding(self, name: str, padding: Any) -> tuple[int, ...] | str:
        return sizes(name, "padding", padding, 0, self.rank)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, as PyTorch does."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound)

    def _modes(self) -> dict[str, str]:
        """What the op takes besides its geometry."""
        return {}

    def _pack(self, weight: Any, bias: Any, geometry: Any, modes: Any, *, activation: str | None) -> Any:
        return type(self).pack(weight, bias, *geometry, activation=activation, **dict(modes))

    def _run(self, x: Tensor, geometry: tuple[Any, ...], activation: str | None) -> Tensor:
        modes = self._modes()
        if self.rank != 2:
            x = to_plain(x)
        if not self.training and not mode.enabled:
            filters = packed(self, (geometry, tuple(modes.items())), activation, self._pack)
            if filters is not None:
                out = _conv.result_memory(self.op, x.data, self.weight.data, geometry)
                return wrap(filters(x.data, out=out))
        return _conv.conv(self.op, x, self.weight, self.bias, geometry, activation, **modes)

    def _extra(self) -> list[tuple[str, Any, Any]]:
        """(name, value, default) of what is only shown where it is not the default."""
        return [("padding", self.padding, (0,) * self.rank), ("dilation", self.dilation, (1,) * self.rank),
                ("groups", self.groups, 1), ("bias", self.bias is not None, True),
                ("padding_mode", self.padding_mode, "zeros")]  # fmt: skip

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        return text + "".join(f", {name}={value}" for name, value, usual in self._extra() if value != usual)


class Conv(Filters):
    """Weights [out_channels, in_channels / groups, ...]."""

    padding_modes = ("zeros", "reflect", "replicate", "circular")

    def _modes(self) -> dict[str, str]:
        return {"padding_mode": self.padding_mode}

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def _check_padding(self, name: str, padding: Any) -> tuple[int, ...] | str:
        if not isinstance(padding, str):
            return super()._check_padding(name, padding)
        if padding not in ("same", "valid"):
            raise ValueError(f"{name}: padding must be sizes, 'same' or 'valid', is {padding!r}")
        if padding == "same" and any(n != 1 for n in self.stride):
            raise ValueError(f"{name}: padding='same' needs stride 1, stride is {self.stride}")
        return padding

    def forward(self, x: Tensor, activation: str | None = None) -> Tensor:
        """Result is [n, out_channels, ...], of images Blocked; `activation` ("relu") costs no pass of its own."""
        return self._run(x, (self.stride, self.padding, self.dilation, self.groups), activation)


class ConvTranspose(Filters):
    """Weights [in_channels, out_channels / groups, ...], and an output whose size has some play."""

    output_padding: tuple[int, ...]

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, x: Tensor, output_size: Any = None, activation: str | None = None) -> Tensor:
        """Result is [n, out_channels, ...], of images Blocked; `output_size` chooses among the sizes that fit, instead
        of `output_padding`; `activation` ("relu") costs no pass of its own."""
        extra = self.output_padding if output_size is None else self._choose(x, output_size)
        return self._run(x, (self.stride, self.padding, extra, self.groups, self.dilation), activation)

    def _choose(self, x: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives this size."""
        name = type(self).__name__
        wanted = sizes(name, "output_size", tuple(output_size)[-self.rank :], 1, self.rank)
        axes = zip(x.shape[2:], self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        least = tuple(conv_transpose_output_size(i, k, s, p, p, d, 0) for i, k, s, p, d in axes)
        extra = tuple(size - n for size, n in zip(wanted, least, strict=True))
        if any(e < 0 or e >= s for e, s in zip(extra, self.stride, strict=True)):
            most = tuple(n + s - 1 for n, s in zip(least, self.stride, strict=True))
            raise ValueError(f"{name}: output_size {wanted} must lie between {least} and {most}")
        return extra

    def _extra(self) -> list[tuple[str, Any, Any]]:
        sizes_first = super()._extra()
        sizes_first.insert(2, ("output_padding", self.output_padding, (0,) * self.rank))
        return sizes_first
