"""Sigmoid and tanh, and what is made of them. Kernels and their largest errors: csrc/kernels/activation_rows.h."""

from typing import Any

from fastnn.ops._activation import apply, gradient, parameter, positive

__all__ = [
    "mish",
    "mish_grad_input",
    "sigmoid",
    "sigmoid_grad_input",
    "silu",
    "silu_grad_input",
    "softplus",
    "softplus_grad_input",
    "tanh",
    "tanh_grad_input",
]


def sigmoid(x: Any, *, out: Any = None) -> Any:
    """``1 / (1 + e^-x)``.

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
    >>> ops.sigmoid(np.array([0.0, 1000.0]))
    array([0.5, 1. ])
    """
    return apply("sigmoid", x, out, "sigmoid")


def sigmoid_grad_input(gy: Any, y: Any) -> Any:
    """Gradient of `sigmoid` from its result: ``gy y (1 - y)``.

    Parameters
    ----------
    gy, y : arrays of one shape, or both Blocked

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
    >>> ops.sigmoid_grad_input(np.array([4.0]), np.array([0.5]))
    array([1.])
    """
    return gradient("sigmoid_grad_input", gy, y, "sigmoid", name="y")


def tanh(x: Any, *, out: Any = None) -> Any:
    """Hyperbolic tangent ``(e^x - e^-x) / (e^x + e^-x)``.

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
    >>> ops.tanh(np.array([0.0, 1000.0]))
    array([0., 1.])
    """
    return apply("tanh", x, out, "tanh")


def tanh_grad_input(gy: Any, y: Any) -> Any:
    """Gradient of `tanh` from its result: ``gy (1 - y^2)``.

    Parameters
    ----------
    gy, y : arrays of one shape, or both Blocked

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
    >>> ops.tanh_grad_input(np.array([4.0]), np.array([0.5]))
    array([3.])
    """
    return gradient("tanh_grad_input", gy, y, "tanh", name="y")


def silu(x: Any, *, out: Any = None) -> Any:
    """``x sigmoid(x)``; 0 at -infinity, where PyTorch gives NaN.

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
    >>> ops.silu(np.array([0.0, 1000.0]))
    array([   0., 1000.])
    """
    return apply("silu", x, out, "silu")


def silu_grad_input(gy: Any, x: Any) -> Any:
    """Gradient of `silu`: ``gy s (1 + x (1 - s))`` with ``s = sigmoid(x)``; its limits 0 and gy at the infinities.

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
    >>> ops.silu_grad_input(np.array([4.0]), np.array([0.0]))
    array([2.])
    """
    return gradient("silu_grad_input", gy, x, "silu")


def mish(x: Any, *, out: Any = None) -> Any:
    """``x tanh(softplus(x))`` (Misra, arXiv:1908.08681); 0 at -infinity, where PyTorch gives NaN.

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
    >>> ops.mish(np.array([0.0, 1000.0]))
    array([   0., 1000.])
    """
    return apply("mish", x, out, "mish")


def mish_grad_input(gy: Any, x: Any) -> Any:
    """Gradient of `mish`: ``gy (t + x (1 - t^2) sigmoid(x))`` with ``t = tanh(softplus(x))``; its limits 0 and gy at
    the infinities.

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
    >>> ops.mish_grad_input(np.array([5.0]), np.array([0.0]))
    array([3.])
    """
    return gradient("mish_grad_input", gy, x, "mish")


def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0, *, out: Any = None) -> Any:
    """``ln(1 + e^(beta x)) / beta``, and x itself where ``beta x > threshold``.

    Parameters
    ----------
    x : array of any shape, or Blocked; float32 or float64
    beta : a positive number
    threshold : a number
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
    >>> ops.softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    numbers = positive("softplus", "beta", beta), parameter("softplus", "threshold", threshold)
    return apply("softplus", x, out, "softplus", *numbers)


def softplus_grad_input(gy: Any, x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Gradient of `softplus`: ``gy sigmoid(beta x)``, and gy where ``beta x > threshold``.

    Parameters
    ----------
    gy, x : arrays of one shape, or both Blocked
    beta : a positive number
    threshold : a number

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
    >>> ops.softplus_grad_input(np.array([4.0]), np.array([0.0]))
    array([2.])
    """
    numbers = positive("softplus_grad_input", "beta", beta), parameter("softplus_grad_input", "threshold", threshold)
    return gradient("softplus_grad_input", gy, x, "softplus", *numbers)
