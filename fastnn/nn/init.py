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


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Inputs that feed one output, and outputs that one input feeds."""
    if tensor.ndim < 2:
        raise ValueError(
            f"init: fan-in and fan-out need at least 2 dimensions, tensor has shape {tensor.shape}"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: mode must be 'fan_in' or 'fan_out', is {mode!r}")
    fan = _fans(tensor)[0 if mode == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Uniform with deviation gain / sqrt(fan); `a` is the negative slope of leaky_relu."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Normal with deviation gain / sqrt(fan); `a` is the negative slope of leaky_relu."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2.0 / sum(_fans(tensor)))


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Uniform with deviation gain * sqrt(2 / (fan_in + fan_out))."""
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Normal with deviation gain * sqrt(2 / (fan_in + fan_out))."""
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


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


@no_grad()
def forget_bias_(layer: Any, value: float = 1.0) -> Any:
    """Set what an LSTM or LSTMCell adds to its forget gates, so that it remembers from the start; returns the layer.

    Half goes to each of both biases, whose sum counts.

    References
    ----------
    Jozefowicz, Zaremba and Sutskever, "An Empirical Exploration of Recurrent Network Architectures", 2015.

    Examples
    --------
    >>> from fastnn import nn
    >>> lstm = nn.init.forget_bias_(nn.LSTM(2, 3), 2.0)
    >>> lstm.bias_ih_l0.numpy()[3:6]
    array([1., 1., 1.], dtype=float32)
    """
    if getattr(layer, "cell", None) != "lstm" or not layer.bias:
        raise ValueError(f"forget_bias_: needs an LSTM or LSTMCell with biases, got {layer}")
    hidden = layer.hidden_size
    for name, bias in layer.named_parameters():
        if name.startswith("bias_"):
            bias[hidden : 2 * hidden] = value / 2
    return layer
