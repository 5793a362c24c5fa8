"""Gradients of the transposed convolutions of conv_transpose.py with respect to input, weight and bias."""

from typing import Any

import numpy as np

from fastnn.ops._conv_grad import conv_grad_bias, conv_transpose_grad_input, conv_transpose_grad_weight

__all__ = [
    "conv_transpose1d_grad_bias", "conv_transpose1d_grad_input", "conv_transpose1d_grad_weight",
    "conv_transpose2d_grad_bias", "conv_transpose2d_grad_input", "conv_transpose2d_grad_weight",
    "conv_transpose3d_grad_bias", "conv_transpose3d_grad_input", "conv_transpose3d_grad_weight",
]  # fmt: skip


def conv_transpose1d_grad_input(
    gy: Any, weight: Any, input_shape: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:
    """Gradient of `conv_transpose1d` with respect to its input: the convolution of `gy`.

    Parameters
    ----------
    gy : array [N, OC, OL]
    weight : array [C, OC / groups, K]
    input_shape : (N, C, L)
    stride, padding, output_padding, groups, dilation : as in `conv_transpose1d`

    Returns
    -------
    array [N, C, L], of gy's dtype

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose1d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> gy, w = np.ones((1, 1, 3)), np.ones((1, 1, 2))
    >>> ops.conv_transpose1d_grad_input(gy, w, (1, 1, 2)).ravel()
    array([2., 2.])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv_transpose_grad_input("conv_transpose1d_grad_input", 1, gy, weight, input_shape, geometry)


def conv_transpose1d_grad_weight(
    gy: Any, x: Any, weight_shape: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> np.ndarray:
    """Gradient of `conv_transpose1d` with respect to its weight.

    Parameters
    ----------
    gy : array [N, OC, OL]
    x : array [N, C, L]
    weight_shape : (C, OC / groups, K)
    stride, padding, output_padding, groups, dilation : as in `conv_transpose1d`

    Returns
    -------
    array [C, OC / groups, K]

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose1d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> gy, x = np.arange(3.0).reshape(1, 1, 3), np.ones((1, 1, 2))
    >>> ops.conv_transpose1d_grad_weight(gy, x, (1, 1, 2)).ravel()
    array([1., 3.])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv_transpose_grad_weight("conv_transpose1d_grad_weight", 1, gy, x, weight_shape, geometry)


def conv_transpose1d_grad_bias(gy: Any) -> np.ndarray:
    """Gradient of `conv_transpose1d` with respect to its bias: `conv1d_grad_bias`.

    Parameters
    ----------
    gy : array [N, OC, OL]

    Returns
    -------
    array [OC]

    Raises
    ------
    ValueError, TypeError
        If `gy` has another rank or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv_transpose1d_grad_bias(np.ones((2, 3, 4)))
    array([8., 8., 8.])
    """
    return conv_grad_bias("conv_transpose1d_grad_bias", 1, gy)


def conv_transpose2d_grad_input(
    gy: Any, weight: Any, input_shape: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1, *, layout: str = "NCHW",
) -> Any:
    """Gradient of `conv_transpose2d` with respect to its input: the convolution of `gy`.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]
    weight : array [C, OC / groups, KH, KW]
    input_shape : (N, C, H, W), in the order of `layout`
    stride, padding, output_padding, groups, dilation, layout : as in `conv_transpose2d`

    Returns
    -------
    array or Blocked [N, C, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> gy, w = np.ones((1, 1, 1, 3)), np.ones((1, 1, 1, 2))
    >>> ops.conv_transpose2d_grad_input(gy, w, (1, 1, 1, 2)).ravel()
    array([2., 2.])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv_transpose_grad_input("conv_transpose2d_grad_input", 2, gy, weight, input_shape, geometry, layout)


def conv_transpose2d_grad_weight(
    gy: Any, x: Any, weight_shape: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1, *, layout: str = "NCHW",
) -> np.ndarray:
    """Gradient of `conv_transpose2d` with respect to its weight.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]
    x : array or Blocked [N, C, H, W]
    weight_shape : (C, OC / groups, KH, KW)
    stride, padding, output_padding, groups, dilation, layout : as in `conv_transpose2d`

    Returns
    -------
    array [C, OC / groups, KH, KW]

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> gy, x = np.arange(3.0).reshape(1, 1, 1, 3), np.ones((1, 1, 1, 2))
    >>> ops.conv_transpose2d_grad_weight(gy, x, (1, 1, 1, 2)).ravel()
    array([1., 3.])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv_transpose_grad_weight("conv_transpose2d_grad_weight", 2, gy, x, weight_shape, geometry, layout)


def conv_transpose2d_grad_bias(gy: Any, *, layout: str = "NCHW") -> np.ndarray:
    """Gradient of `conv_transpose2d` with respect to its bias: `conv2d_grad_bias`.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]
    layout : as in `conv_transpose2d`

    Returns
    -------
    array [OC]

    Raises
    ------
    ValueError, TypeError
        If `gy` has another rank or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv_transpose2d_grad_bias(np.ones((2, 3, 1, 4)))
    array([8., 8., 8.])
    """
    return conv_grad_bias("conv_transpose2d_grad_bias", 2, gy, layout)


def conv_transpose3d_grad_input(
    gy: Any, weight: Any, input_shape: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:
    """Gradient of `conv_transpose3d` with respect to its input: the convolution of `gy`.

    Parameters
    ----------
    gy : array [N, OC, OD, OH, OW]
    weight : array [C, OC / groups, KD, KH, KW]
    input_shape : (N, C, D, H, W)
    stride, padding, output_padding, groups, dilation : as in `conv_transpose3d`

    Returns
    -------
    array [N, C, D, H, W], of gy's dtype

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose3d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> gy, w = np.ones((1, 1, 1, 1, 3)), np.ones((1, 1, 1, 1, 2))
    >>> ops.conv_transpose3d_grad_input(gy, w, (1, 1, 1, 1, 2)).ravel()
    array([2., 2.])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv_transpose_grad_input("conv_transpose3d_grad_input", 3, gy, weight, input_shape, geometry)


def conv_transpose3d_grad_weight(
    gy: Any, x: Any, weight_shape: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> np.ndarray:
    """Gradient of `conv_transpose3d` with respect to its weight.

    Parameters
    ----------
    gy : array [N, OC, OD, OH, OW]
    x : array [N, C, D, H, W]
    weight_shape : (C, OC / groups, KD, KH, KW)
    stride, padding, output_padding, groups, dilation : as in `conv_transpose3d`

    Returns
    -------
    array [C, OC / groups, KD, KH, KW]

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose3d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> gy, x = np.arange(3.0).reshape(1, 1, 1, 1, 3), np.ones((1, 1, 1, 1, 2))
    >>> ops.conv_transpose3d_grad_weight(gy, x, (1, 1, 1, 1, 2)).ravel()
    array([1., 3.])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv_transpose_grad_weight("conv_transpose3d_grad_weight", 3, gy, x, weight_shape, geometry)


def conv_transpose3d_grad_bias(gy: Any) -> np.ndarray:
    """Gradient of `conv_transpose3d` with respect to its bias: `conv3d_grad_bias`.

    Parameters
    ----------
    gy : array [N, OC, OD, OH, OW]

    Returns
    -------
    array [OC]

    Raises
    ------
    ValueError, TypeError
        If `gy` has another rank or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv_transpose3d_grad_bias(np.ones((2, 3, 1, 1, 4)))
    array([8., 8., 8.])
    """
    return conv_grad_bias("conv_transpose3d_grad_bias", 3, gy)
