"""Initial values for parameters: PyTorch's functions, names and formulas.

Each fills a tensor in place, also one that requires grad, and returns it. Random ones draw from `generator`,
or from one generator of this module, which starts from a fixed seed; `manual_seed` sets another.

References
----------
Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010 (xavier).
He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015 (kaiming).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastnn.autograd import no_grad
from fastnn.autograd.tensor import Tensor
from fastnn.nn._init_layers import forget_bias_, relu_bias_

__all__ = [
    "calculate_fans", "calculate_gain", "constant_", "dirac_", "draw_seed", "eye_", "forget_bias_", "kaiming_normal_",
    "kaiming_uniform_", "manual_seed", "normal_", "ones_", "orthogonal_", "relu_bias_", "sparse_", "trunc_normal_",
    "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

_shared = np.random.default_rng(0)

_GAINS = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "sigmoid": 1.0}
_GAINS |= {"tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75}


def manual_seed(seed: int) -> None:
    """Restart the shared generator.

    Examples
    --------
    >>> from fastnn import nn
    >>> nn.init.manual_seed(1)
    >>> first = nn.Linear(2, 2).weight.numpy()
    >>> nn.init.manual_seed(1)
    >>> bool((nn.Linear(2, 2).weight.numpy() == first).all())
    True
    """
    global _shared
    _shared = np.random.default_rng(seed)


def get_state() -> dict[str, Any]:
    """State of the shared generator, which weights and dropout are drawn from: plain numbers and texts.

    Examples
    --------
    >>> from fastnn import nn
    >>> state = nn.init.get_state()
    >>> first = nn.Linear(2, 2).weight.numpy()
    >>> nn.init.set_state(state)
    >>> bool((nn.Linear(2, 2).weight.numpy() == first).all())
    True
    """
    return dict(_shared.bit_generator.state)


def set_state(state: dict[str, Any]) -> None:
    """Take over what `get_state` gave."""
    _shared.bit_generator.state = state


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Factor by which weights grow to make up for what a nonlinearity takes away.

    Parameters
    ----------
    nonlinearity : "linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu" or "selu".
    param : the negative slope of leaky_relu, 0.01 where None.

    Examples
    --------
    >>> round(calculate_gain("relu"), 4)
    1.4142
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"calculate_gain: unknown nonlinearity {nonlinearity!r}")
    return _GAINS[nonlinearity]


@no_grad()
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Uniform in [a, b)."""
    values = (generator or _shared).random(tensor.shape, dtype=tensor.dtype.type)
    values *= b - a
    values += a
    return tensor.copy_(values)


@no_grad()
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Normal with this mean and standard deviation."""
    values = (generator or _shared).standard_normal(tensor.shape, dtype=tensor.dtype.type)
    values *= std
    values += mean
    return tensor.copy_(values)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same value everywhere."""
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Zero everywhere."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """One everywhere."""
    return constant_(tensor, 1.0)


def calculate_fans(tensor: Tensor, transposed: bool = False) -> tuple[int, int]:
    """Inputs that feed one output, and outputs that one input feeds, each times the size of the kernel.

    Weights are [out, in, ...]; with `transposed` [in, out, ...], as those of transposed convolutions. PyTorch takes
    these for [out, in, ...] too, so the default gives its values. Strides and groups of the other side do not count.

    Examples
    --------
    >>> from fastnn import nn
    >>> calculate_fans(nn.Conv2d(2, 8, 3).weight)
    (18, 72)
    >>> calculate_fans(nn.ConvTranspose2d(2, 8, 3).weight, transposed=True)
    (18, 72)
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"init: fan-in and fan-out need at least 2 dimensions, tensor has shape {tensor.shape}"
        )
    field = math.prod(tensor.shape[2:])
    fans = tensor.shape[1] * field, tensor.shape[0] * field
    return fans[::-1] if transposed else fans


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str, transposed: bool) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: mode must be 'fan_in' or 'fan_out', is {mode!r}")
    fan = calculate_fans(tensor, transposed)[0 if mode == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
    *,
    transposed: bool = False,
) -> Tensor:
    """Uniform with deviation gain / sqrt(fan); `a` is the negative slope of leaky_relu; `transposed` as in
    `calculate_fans`."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity, transposed)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
    *,
    transposed: bool = False,
) -> Tensor:
    """Normal with deviation gain / sqrt(fan); `a` is the negative slope of leaky_relu; `transposed` as in
    `calculate_fans`."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity, transposed), generator)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2.0 / sum(calculate_fans(tensor)))


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Uniform with deviation gain * sqrt(2 / (fan_in + fan_out)), the same for transposed weights."""
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Normal with deviation gain * sqrt(2 / (fan_in + fan_out)), the same for transposed weights."""
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


@no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Normal with this mean and deviation, drawn again wherever it falls outside [a, b]."""
    draw, values = generator or _shared, np.full(tensor.shape, np.nan)
    if not a < b or std <= 0 or b < mean - 4 * std or a > mean + 4 * std:
        raise ValueError(f"trunc_normal_: hardly any value lies in [{a}, {b}] with mean {mean} and std {std}")
    while (outside := ~((values >= a) & (values <= b))).any():
        values[outside] = draw.normal(mean, std, int(outside.sum()))
    return tensor.copy_(values)


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """A random matrix [shape[0], all else] with orthonormal rows, or columns where those are fewer, times gain.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> w = orthogonal_(nn.Linear(5, 3).weight).numpy()
    >>> bool(np.allclose(w @ w.T, np.eye(3), atol=1e-6))
    True
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: needs at least 2 dimensions, tensor has shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr((generator or _shared).standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # without this not every rotation is equally likely
    return tensor.copy_(gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def eye_(tensor: Tensor) -> Tensor:
    """The identity, as far as it goes: a linear layer that hands its input on."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: needs 2 dimensions, tensor has shape {tensor.shape}")
    with no_grad():
        return tensor.copy_(np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution that hands its channels on, as far as there are any: 1 in the middle of the kernel."""
    if tensor.ndim not in (3, 4, 5) or tensor.shape[0] % groups:
        raise ValueError(
            f"dirac_: needs 3 to 5 dimensions, the first a multiple of groups={groups}, shape is {tensor.shape}"
        )
    values, each = np.zeros(tensor.shape), tensor.shape[0] // groups
    middle = [n // 2 for n in tensor.shape[2:]]
    for channel in range(min(each, tensor.shape[1])):
        index: Any = (slice(channel, None, each), channel, *middle)
        values[index] = 1
    with no_grad():
        return tensor.copy_(values)


@no_grad()
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: np.random.Generator | None = None
) -> Tensor:
    """A matrix [out, in] of which each column has this share of zeros, at random places, else normal values."""
    if tensor.ndim != 2 or not 0 <= sparsity <= 1:
        raise ValueError(
            f"sparse_: needs 2 dimensions and sparsity in [0, 1], has shape {tensor.shape} and {sparsity}"
        )
    draw, (rows, columns) = generator or _shared, tensor.shape
    values, zeros = draw.normal(0.0, std, (rows, columns)), math.ceil(sparsity * rows)
    for column in range(columns):
        values[draw.permutation(rows)[:zeros], column] = 0
    return tensor.copy_(values)


def draw_seed() -> int:
    """A seed from the shared generator, for what draws random numbers of its own (`Dropout`).

    Examples
    --------
    >>> from fastnn import nn
    >>> nn.init.manual_seed(1)
    >>> 0 <= nn.init.draw_seed() < 2**63
    True
    """
    return int(_shared.integers(1 << 63))
