"""Exponential and Gaussian error linear units. Kernels: csrc/kernels/activation_rows.h."""

from typing import Any

from fastnn.ops._activation import apply, gradient, parameter

__all__ = [
    "elu",
    "elu_grad_input",
    "gelu",
    "gelu_grad_input",
    "selu",
    "selu_grad_input",
]

_GELUS = {"none": "gelu", "tanh": "gelu_tanh"}


def _gelu(op: str, approximate: Any) -> str:
    if not isinstance(approximate, str) or approximate not in _GELUS:
        raise ValueError(f"{op}: approximate must be 'none' or 'tanh', got {approximate!r}")
    return _GELUS[approximate]


def elu(x: Any, alpha: float = 1.0, *, out: Any = None) -> Any:
    """``x`` where it is positive, else ``alpha (e^x - 1)`` (Clevert et al., arXiv:1511.07289).

    Parameters
    ----------
    x : array of any shape, or Blocked; float32 or float64
    alpha : a number
    out : array or Blocked like `x`, optional

    Returns
    -------
    array or Blocked like `x`

    Raises
    ------
    ValueError, TypeError
        If `x` has another dtype, a parameter makes no sense, or `out` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.elu(np.array([-1000.0, 2.0]))
    array([-1.,  2.])
    """
    scale = parameter("elu", "alpha", alpha)
    return apply("elu", x, out, "elu", scale)


def elu_grad_input(gy: Any, x: Any, alpha: float = 1.0) -> Any:
    """Gradient of `elu`: gy where x > 0, else ``gy alpha e^x``.

    Parameters
    ----------
    gy, x : arrays of one shape, or both Blocked
    alpha : a number

    Returns
    -------
    array or Blocked like `gy`

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that differ, or a parameter that makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.elu_grad_input(np.array([4.0]), np.array([0.0]))
    array([4.])
    """
    scale = parameter("elu_grad_input", "alpha", alpha)
    return gradient("elu_grad_input", gy, x, "elu", scale)


def selu(x: Any, *, out: Any = None) -> Any:
    """``1.0507 elu(x, 1.67326)`` (Klambauer et al., arXiv:1706.02515, with all digits of the constants).

    Parameters
    ----------
    x : array of any shape, or Blocked; float32 or float64
    out : array or Blocked like `x`, optional

    Returns
    -------
    array or Blocked like `x`

    Raises
    ------
    ValueError, TypeError
        If `x` has another dtype, or `out` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.selu(np.array([0.0, 1.0]))
    array([0.        , 1.05070099])
    """
    return apply("selu", x, out, "selu")


def selu_grad_input(gy: Any, x: Any) -> Any:
    """Gradient of `selu`: as of `elu`, scaled.

    Parameters
    ----------
    gy, x : arrays of one shape, or both Blocked

    Returns
    -------
    array or Blocked like `gy`

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that differ.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.selu_grad_input(np.array([1.0]), np.array([2.0]))
    array([1.05070099])
    """
    return gradient("selu_grad_input", gy, x, "selu")


def gelu(x: Any, approximate: str = "none", *, out: Any = None) -> Any:
    """``x P(X <= x)`` for a standard normal X (Hendrycks and Gimpel, arXiv:1606.08415); 0 at -infinity.

    Parameters
    ----------
    x : array of any shape, or Blocked; float32 or float64
    approximate : "none", or "tanh" for ``x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2``
    out : array or Blocked like `x`, optional

    Returns
    -------
    array or Blocked like `x`

    Raises
    ------
    ValueError, TypeError
        If `x` has another dtype, a parameter makes no sense, or `out` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.gelu(np.array([0.0, 1000.0]))
    array([   0., 1000.])
    """
    return apply("gelu", x, out, _gelu("gelu", approximate))


def gelu_grad_input(gy: Any, x: Any, approximate: str = "none") -> Any:
    """Gradient of `gelu`: ``gy (P(X <= x) + x p(x))`` with p the normal density, or the slope of the approximation.

    Parameters
    ----------
    gy, x : arrays of one shape, or both Blocked
    approximate : "none", or "tanh" for ``x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2``

    Returns
    -------
    array or Blocked like `gy`

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that differ, or a parameter that makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.gelu_grad_input(np.array([4.0]), np.array([0.0]))
    array([2.])
    """
    return gradient("gelu_grad_input", gy, x, _gelu("gelu_grad_input", approximate))
