"""Activations made of straight pieces. Kernels: csrc/kernels/activation_rows.h."""

from typing import Any

from fastnn.ops._activation import apply, gradient, parameter

__all__ = [
    "hardsigmoid",
    "hardsigmoid_grad_input",
    "hardswish",
    "hardswish_grad_input",
    "leaky_relu",
    "leaky_relu_grad_input",
    "relu",
    "relu6",
    "relu6_grad_input",
    "relu_grad_input",
]


def relu(x: Any, *, out: Any = None) -> Any:
    """``max(x, 0)``; NaN stays NaN.

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
    >>> ops.relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return apply("relu", x, out, "relu")


def relu_grad_input(gy: Any, y: Any) -> Any:
    """Gradient of `relu` from its result: gy where y > 0, else 0; gy too where y is NaN, as in PyTorch.

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
    >>> ops.relu_grad_input(np.array([5.0, 6.0]), np.array([0.0, 2.0]))
    array([0., 6.])
    """
    return gradient("relu_grad_input", gy, y, "relu", name="y")


def relu6(x: Any, *, out: Any = None) -> Any:
    """``min(max(x, 0), 6)``.

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
    >>> ops.relu6(np.array([-1.0, 2.0, 9.0]))
    array([0., 2., 6.])
    """
    return apply("relu6", x, out, "clip", 0.0, 6.0)


def relu6_grad_input(gy: Any, x: Any) -> Any:
    """Gradient of `relu6`: gy where 0 < x < 6, else 0, also for NaN.

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
    >>> ops.relu6_grad_input(np.array([5.0, 6.0]), np.array([2.0, 9.0]))
    array([5., 0.])
    """
    return gradient("relu6_grad_input", gy, x, "clip", 0.0, 6.0)


def leaky_relu(x: Any, negative_slope: float = 0.01, *, out: Any = None) -> Any:
    """``x`` where it is positive, else ``negative_slope x``.

    Parameters
    ----------
    x : array of any shape, or Blocked; float32 or float64
    negative_slope : a number
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
    >>> ops.leaky_relu(np.array([-1.0, 2.0]), 0.5)
    array([-0.5,  2. ])
    """
    slope = parameter("leaky_relu", "negative_slope", negative_slope)
    return apply("leaky_relu", x, out, "leaky_relu", slope)


def leaky_relu_grad_input(gy: Any, x: Any, negative_slope: float = 0.01) -> Any:
    """Gradient of `leaky_relu`: gy where x > 0, else ``negative_slope gy``.

    Parameters
    ----------
    gy, x : arrays of one shape, or both Blocked
    negative_slope : a number

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
    >>> ops.leaky_relu_grad_input(np.array([5.0, 6.0]), np.array([-1.0, 2.0]), 0.5)
    array([2.5, 6. ])
    """
    slope = parameter("leaky_relu_grad_input", "negative_slope", negative_slope)
    return gradient("leaky_relu_grad_input", gy, x, "leaky_relu", slope)


def hardsigmoid(x: Any, *, out: Any = None) -> Any:
    """``min(max(x + 3, 0), 6) / 6``.

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
    >>> ops.hardsigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return apply("hardsigmoid", x, out, "hardsigmoid")


def hardsigmoid_grad_input(gy: Any, x: Any) -> Any:
    """Gradient of `hardsigmoid`: ``gy / 6`` where -3 < x < 3, else 0, also for NaN.

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
    >>> ops.hardsigmoid_grad_input(np.array([3.0, 6.0]), np.array([0.0, 4.0]))
    array([0.5, 0. ])
    """
    return gradient("hardsigmoid_grad_input", gy, x, "hardsigmoid")


def hardswish(x: Any, *, out: Any = None) -> Any:
    """``x hardsigmoid(x)`` (Howard et al., arXiv:1905.02244); 0 at -infinity, where PyTorch gives NaN.

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
    >>> ops.hardswish(np.array([-4.0, 0.0, 3.0]))
    array([-0.,  0.,  3.])
    """
    return apply("hardswish", x, out, "hardswish")


def hardswish_grad_input(gy: Any, x: Any) -> Any:
    """Gradient of `hardswish`: ``gy (x / 3 + 1 / 2)`` where -3 < x < 3, 0 below and gy above; NaN for NaN.

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
    >>> ops.hardswish_grad_input(np.array([3.0, 6.0]), np.array([0.0, 4.0]))
    array([1.5, 6. ])
    """
    return gradient("hardswish_grad_input", gy, x, "hardswish")
