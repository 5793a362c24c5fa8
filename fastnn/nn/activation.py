"""Activation layers."""

from __future__ import annotations

from fastnn.autograd import activation as F
from fastnn.autograd.activation import relu
from fastnn.autograd.inplace import replace
from fastnn.autograd.tensor import Tensor
from fastnn.nn.module import Module


class ReLU(Module):
    """max(x, 0).

    Parameters
    ----------
    inplace : the input tensor takes over the result as well, as in PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ReLU()(np.array([-1.0, 2.0])).numpy()
    array([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        return replace("relu_", x, relu(x)) if self.inplace else relu(x)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Activation(Module):
    """What the activations have in common: `_function` is the function, `_parameters` its parameters as text."""

    def _function(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _parameters(self) -> str:
        return ""

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        return self._function(x)

    def extra_repr(self) -> str:
        return self._parameters()


class InPlace(Activation):
    """An activation that can let the input tensor take over the result."""

    inplace = False

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        y = self._function(x)
        return replace(f"{type(self).__name__.lower()}_", x, y) if self.inplace else y

    def extra_repr(self) -> str:
        words = [self._parameters(), "inplace=True" if self.inplace else ""]
        return ", ".join(word for word in words if word)


class ReLU6(InPlace):
    """min(max(x, 0), 6).

    Parameters
    ----------
    inplace : the input tensor takes over the result as well.
    """

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def _function(self, x: Tensor) -> Tensor:
        return F.relu6(x)


class LeakyReLU(InPlace):
    """x where it is positive, else `negative_slope` x.

    Parameters
    ----------
    negative_slope : a number.
    inplace : the input tensor takes over the result as well.
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope
        self.inplace = inplace

    def _function(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.negative_slope)

    def _parameters(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(InPlace):
    """x where it is positive, else alpha (exp(x) - 1).

    Parameters
    ----------
    alpha : a number.
    inplace : the input tensor takes over the result as well.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha
        self.inplace = inplace

    def _function(self, x: Tensor) -> Tensor:
        return F.elu(x, self.alpha)

    def _parameters(self) -> str:
        return f"alpha={self.alpha}"


class SELU(InPlace):
    """`ELU` with the scales that keep mean 0 and variance 1 from layer to layer.

    Parameters
    ----------
    inplace : the input tensor takes over the result as well.
    """

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def _function(self, x: Tensor) -> Tensor:
        return F.selu(x)


class GELU(Activation):
    """x times the probability that a standard normal value is below x.

    Parameters
    ----------
    approximate : "none" or "tanh".
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def _function(self, x: Tensor) -> Tensor:
        return F.gelu(x, self.approximate)

    def _parameters(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(InPlace):
    """x sigmoid(x).

    Parameters
    ----------
    inplace : the input tensor takes over the result as well.
    """

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def _function(self, x: Tensor) -> Tensor:
        return F.silu(x)


class Hardswish(InPlace):
    """x min(max(x + 3, 0), 6) / 6.

    Parameters
    ----------
    inplace : the input tensor takes over the result as well.
    """

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def _function(self, x: Tensor) -> Tensor:
        return F.hardswish(x)


class Hardsigmoid(InPlace):
    """min(max(x + 3, 0), 6) / 6.

    Parameters
    ----------
    inplace : the input tensor takes over the result as well.
    """

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def _function(self, x: Tensor) -> Tensor:
        return F.hardsigmoid(x)


class Mish(InPlace):
    """x tanh(ln(1 + exp(x))).

    Parameters
    ----------
    inplace : the input tensor takes over the result as well.
    """

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def _function(self, x: Tensor) -> Tensor:
        return F.mish(x)


class Softplus(Activation):
    """ln(1 + exp(beta x)) / beta, and x where beta x is above `threshold`.

    Parameters
    ----------
    beta : a positive number.
    threshold : a number.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold

    def _function(self, x: Tensor) -> Tensor:
        return F.softplus(x, self.beta, self.threshold)

    def _parameters(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Sigmoid(Activation):
    """1 / (1 + exp(-x)).
    """

    def _function(self, x: Tensor) -> Tensor:
        return F.sigmoid(x)


class Tanh(Activation):
    """Hyperbolic tangent.
    """

    def _function(self, x: Tensor) -> Tensor:
        return F.tanh(x)


class Softmax(Activation):
    """exp(x) / sum(exp(x)) along `dim`.

    Parameters
    ----------
    dim : the dimension that sums to 1.
    """

    _op = staticmethod(F.softmax)

    def __init__(self, dim: int | None = None) -> None:
        if dim is None:
            raise NotImplementedError(f"{type(self).__name__}: dim=None; name the dimension")
        self.dim = dim

    def _function(self, x: Tensor) -> Tensor:
        return self._op(x, self.dim)

    def _parameters(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """log(softmax(x)) along `dim`.

    Parameters
    ----------
    dim : the dimension whose exponentials sum to 1.
    """

    _op = staticmethod(F.log_softmax)
