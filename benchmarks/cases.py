"""What is measured: convolution layers read from ``shapes/*.txt``, and the training step of a LeNet."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

SHAPES = Path(__file__).parent / "shapes"


@dataclass(frozen=True)
class ConvCase:
    """A convolution layer: ``c`` x ``h`` x ``w`` in, ``oc`` channels out, ``count`` times in its network."""

    name: str
    c: int
    oc: int
    h: int
    w: int
    kh: int
    kw: int
    sh: int
    sw: int
    ph: int
    pw: int
    groups: int = 1
    count: int = 1
    batch: int = 1

    # Worked out here, and not taken from fastnn.ops: the peers also run where fastnn is not built.
    @property
    def oh(self) -> int:
        return (self.h + 2 * self.ph - self.kh) // self.sh + 1

    @property
    def ow(self) -> int:
        return (self.w + 2 * self.pw - self.kw) // self.sw + 1

    @property
    def macs(self) -> int:
        """Multiply-adds of one call by the direct algorithm, whichever algorithm is timed."""
        return self.batch * self.oc * self.oh * self.ow * (self.c // self.groups) * self.kh * self.kw

    @property
    def kind(self) -> str:
        """Family of the layer, such as ``3x3s1``, ``1x1s2``, ``dw3x3s1``, ``first7x7s2``, ``g3x3s1``."""
        if self.groups > 1:
            prefix = "dw" if self.groups == self.c else "g"
        else:
            prefix = "first" if self.c <= 4 else ""
        return f"{prefix}{self.kh}x{self.kw}s{self.sh}"

    @property
    def shape(self) -> str:
        """The layer in words, for the table: ``64-128 3x3 s2 @56``."""
        groups = f" g{self.groups}" if self.groups > 1 else ""
        size = str(self.h) if self.h == self.w else f"{self.h}x{self.w}"
        return f"{self.c}-{self.oc} {self.kh}x{self.kw} s{self.sh}{groups} @{size}"

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return float32 x [batch, c, h, w], w [oc, c/groups, kh, kw], b [oc], the same in every process."""
        rng = np.random.default_rng(20)
        depth = self.c // self.groups * self.kh * self.kw
        x = rng.standard_normal((self.batch, self.c, self.h, self.w), dtype=np.float32)
        w = rng.standard_normal((self.oc, self.c // self.groups, self.kh, self.kw), dtype=np.float32)
        b = rng.standard_normal(self.oc, dtype=np.float32)
        return x, w / np.float32(depth**0.5), b


def load(net: str, batch: int = 1) -> list[ConvCase]:
    """Read ``shapes/<net>.txt``: comments, a header line that names the columns, then one layer per line.

    Raises
    ------
    ValueError
        If there is no such file, or a line does not fit its header (the message names file and line).
    """
    path = SHAPES / f"{net}.txt"
    if not path.exists():
        raise ValueError(f"benchmarks: no network {net!r}; known: {', '.join(networks())}")
    known = {f.name for f in fields(ConvCase)} - {"batch"}
    header: list[str] = []
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if not header:
            header = words
            if set(header) != known:
                raise ValueError(f"{path.name}:{number}: columns are {sorted(header)}, expected {sorted(known)}")
            continue
        if len(words) != len(header):
            raise ValueError(f"{path.name}:{number}: {len(words)} values for {len(header)} columns")
        row = dict(zip(header, words, strict=True))
        name = row.pop("name")
        cases.append(ConvCase(name=name, batch=batch, **{key: int(value) for key, value in row.items()}))
    return cases


def networks() -> list[str]:
    """Names of the networks that have a shape file."""
    return sorted(path.stem for path in SHAPES.glob("*.txt"))


def select(cases: list[ConvCase], patterns: str | None) -> list[ConvCase]:
    """Keep the cases whose name or kind fits one of the comma-separated shell patterns."""
    if not patterns:
        return cases
    wanted = patterns.split(",")
    return [case for case in cases if any(fnmatchcase(case.name, p) or fnmatchcase(case.kind, p) for p in wanted)]


# The smallest convolution anybody calls: all of its time is the way from Python to the kernel and back.
TINY = ConvCase("tiny", c=8, oc=8, h=4, w=4, kh=3, kw=3, sh=1, sw=1, ph=1, pw=1)


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


def from_dict(kind: str, values: dict) -> ConvCase | TrainCase:
    """Rebuild a case from its JSON form; ``kind`` is "conv" or "train"."""
    if kind == "conv":
        return ConvCase(**values)
    return replace(TrainCase(**values), conv=tuple(values["conv"]))
