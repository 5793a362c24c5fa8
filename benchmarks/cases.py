"""What is measured: one convolution layer, and the training step of a LeNet."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .ops import OpCase
from .train_networks import StepCase

PER_AXIS = ("size", "kernel", "stride", "dilation", "output_padding")


@dataclass(frozen=True)
class ConvCase:
    """A convolution layer: ``c`` channels of ``size`` in, ``oc`` channels out, ``count`` times in its network.

    ``size`` has one number per axis, and thereby says whether the layer is 1-D, 2-D or 3-D. The other fields per axis
    take one number for all axes; ``padding`` also takes pairs (before, after), as a causal layer needs.
    """

    name: str
    c: int
    oc: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = (1,)
    padding: tuple[tuple[int, int], ...] = ((0, 0),)
    dilation: tuple[int, ...] = (1,)
    groups: int = 1
    transposed: bool = False
    output_padding: tuple[int, ...] = (0,)
    count: int = 1
    batch: int = 1

    def __post_init__(self) -> None:
        dims = len(self.size)
        for name in (*PER_AXIS, "padding"):
            value = getattr(self, name)
            value = (value,) if isinstance(value, int) else tuple(value)
            if name == "padding":
                value = tuple((side, side) if isinstance(side, int) else tuple(side) for side in value)
            value = value * dims if len(value) == 1 else value
            if len(value) != dims:
                raise ValueError(f"benchmarks: {self.name}: {name} {value} for {dims} axes")
            object.__setattr__(self, name, value)

    # Worked out here, and not taken from fastnn.ops: the peers also run where fastnn is not built.
    @property
    def dims(self) -> int:
        return len(self.size)

    @property
    def extent(self) -> tuple[int, ...]:
        """Size of the dilated kernel."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))

    @property
    def out(self) -> tuple[int, ...]:
        """Size of the output."""
        pads = [before + after for before, after in self.padding]
        axes = zip(self.size, self.extent, self.stride, pads, self.output_padding, strict=True)
        if self.transposed:
            return tuple((i - 1) * s + e - p + o for i, e, s, p, o in axes)
        return tuple((i + p - e) // s + 1 for i, e, s, p, _ in axes)

    @property
    def x_shape(self) -> tuple[int, ...]:
        return (self.batch, self.c, *self.size)

    @property
    def w_shape(self) -> tuple[int, ...]:
        """[oc, c / groups, kernel]; of a transposed convolution [c, oc / groups, kernel], as in PyTorch."""
        pair = (self.c, self.oc // self.groups) if self.transposed else (self.oc, self.c // self.groups)
        return (*pair, *self.kernel)

    @property
    def y_shape(self) -> tuple[int, ...]:
        return (self.batch, self.oc, *self.out)

    @property
    def macs(self) -> int:
        """Multiply-adds of one call by the direct algorithm, whichever algorithm is timed."""
        pixels = self.size if self.transposed else self.out
        return self.batch * math.prod(pixels) * math.prod(self.w_shape)

    @property
    def sides(self) -> tuple[int, ...] | None:
        """Padding per axis where both sides are equal; None where they are not."""
        return tuple(p for p, _ in self.padding) if all(p == q for p, q in self.padding) else None

    @property
    def kind(self) -> str:
        """Family of the layer, such as ``3x3s1``, ``dw3x3s2``, ``first7x7s2``, ``g3x3s1``, ``t4x4s2``, ``1d-3s1d``.

        ``first`` has at most four input channels, ``dw`` is depthwise, ``g`` grouped, ``t`` transposed; a ``d`` at the
        end is a dilated layer.
        """
        if self.transposed:
            role = "t"
        elif self.groups > 1:
            role = "dw" if self.groups == self.c else "g"
        else:
            role = "first" if self.c <= 4 else ""
        dims = "" if self.dims == 2 else f"{self.dims}d-"
        dilated = "d" if max(self.dilation) > 1 else ""
        return f"{dims}{role}{_by(self.kernel)}s{self.stride[0]}{dilated}"

    @property
    def shape(self) -> str:
        """The layer in words, for the table: ``64-128 3x3 s2 @56``."""
        words = [f"{self.c}-{self.oc}", "T" * self.transposed, _by(self.kernel), f"s{_short(self.stride)}"]
        words.append(f"d{_short(self.dilation)}" if max(self.dilation) > 1 else "")
        words.append(f"g{self.groups}" if self.groups > 1 else "")
        return " ".join(filter(None, [*words, f"@{_short(self.size)}"]))

    @property
    def geometry(self) -> ConvCase:
        """The layer without name and count: equal for layers that are the same work."""
        return replace(self, name="", count=1)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return float32 x of ``x_shape``, w of ``w_shape``, b [oc], the same in every process."""
        rng = np.random.default_rng(20)
        x = rng.standard_normal(self.x_shape, dtype=np.float32)
        w = rng.standard_normal(self.w_shape, dtype=np.float32)
        b = rng.standard_normal(self.oc, dtype=np.float32)
        terms = self.c // self.groups * math.prod(self.kernel)
        if self.transposed:  # that many of the kernel's taps reach an output
            terms = max(1, terms // math.prod(self.stride))
        return x, w / np.float32(terms**0.5), b

    def gradient(self) -> np.ndarray:
        """Return float32 gy of ``y_shape``, what a loss sends back to this layer."""
        return np.random.default_rng(25).standard_normal(self.y_shape, dtype=np.float32)


def _by(values: tuple[int, ...]) -> str:
    return "x".join(map(str, values))


def _short(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else _by(values)


# The smallest convolution anybody calls: all of its time is the way from Python to the kernel and back.
TINY = ConvCase("tiny", c=8, oc=8, size=(4, 4), kernel=(3, 3), padding=1)


@dataclass(frozen=True)
class TrainCase:
    """A step of SGD with momentum on the demo's LeNet: forward, cross-entropy, backward, update."""

    name: str = "lenet"
    batch: int = 64
    size: int = 28
    conv: tuple[int, int] = (16, 32)
    hidden: int = 64
    classes: int = 10
    lr: float = 0.05
    momentum: float = 0.9

    @property
    def features(self) -> int:
        """Inputs of the first linear layer: two 2x2 poolings, odd rows dropped."""
        return self.conv[1] * (self.size // 2 // 2) ** 2

    @property
    def shape(self) -> str:
        a, b = self.conv
        return f"N={self.batch} 1x{self.size}x{self.size} conv {a}, {b} linear {self.hidden}"

    @property
    def macs(self) -> int:
        """Multiply-adds of a step: forward, and twice that backward less the first layer's input gradient."""
        half = self.size // 2
        first = self.conv[0] * 9 * self.size**2
        rest = self.conv[1] * self.conv[0] * 9 * half**2 + self.features * self.hidden + self.hidden * self.classes
        return self.batch * (2 * first + 3 * rest)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return x [batch, 1, size, size] float32 and labels [batch] int64."""
        rng = np.random.default_rng(21)
        x = rng.standard_normal((self.batch, 1, self.size, self.size), dtype=np.float32)
        return x, rng.integers(0, self.classes, self.batch)

    def parameters(self) -> list[np.ndarray]:
        """Return weights and biases of conv, conv, linear, linear, uniform in +-1/sqrt(fan in)."""
        rng = np.random.default_rng(22)
        a, b = self.conv
        shapes = [(a, 1, 3, 3), (b, a, 3, 3), (self.hidden, self.features), (self.classes, self.hidden)]
        made = []
        for shape in shapes:
            bound = float(np.prod(shape[1:])) ** -0.5
            made.append(rng.uniform(-bound, bound, shape).astype(np.float32))
            made.append(rng.uniform(-bound, bound, shape[0]).astype(np.float32))
        return made


def from_dict(kind: str, values: dict) -> ConvCase | TrainCase | StepCase | OpCase:
    """Rebuild a case from its JSON form; ``kind`` is the job: "conv", "backward", "train", "step", "op" or
    "op_backward"."""
    if kind.startswith("op"):
        return OpCase(**values)
    if kind == "step":
        return StepCase(**values)
    if kind == "train":
        return replace(TrainCase(**values), conv=tuple(values["conv"]))
    return ConvCase(**values)
