"""Gradients of the convolutions of conv.py with respect to input, weight and bias."""

from typing import Any

import numpy as np

from fastnn.ops._conv_grad import conv_grad_bias, conv_grad_input, conv_grad_weight

__all__ = [
    "conv1d_grad_bias", "conv1d_grad_input", "conv1d_grad_weight", "conv2d_grad_bias", "conv2d_grad_input",
    "conv2d_grad_weight", "conv3d_grad_bias", "conv3d_grad_input", "conv3d_grad_weight",
]  # fmt: skip


def conv1d_grad_input(
    gy: Any, weight: Any, input_shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    *, padding_mode: str = "zeros", layout: str = "NCHW",
) -> Any:
    """Gradient of `conv1d` with respect to its input: the transposed convolution of `gy`.

    Computed by phases: each of the stride's offsets is a small dense convolution, no zeros are inserted.

    Parameters
    ----------
    gy : array [N, OC, OL]
    weight : array [OC, C / groups, K]
    input_shape : (N, C, L), in the order of `layout`
    stride, padding, dilation, groups, padding_mode, layout : as in `conv1d`

    Returns
    -------
    array [N, C, L], of gy's dtype

    Raises
    ------
    ValueError, TypeError
        As `conv1d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv1d_grad_input(np.ones((1, 1, 2)), np.ones((1, 1, 2)), (1, 1, 3))
    array([[[1., 2., 1.]]])
    """
    geometry = stride, padding, dilation, groups
    return conv_grad_input("conv1d_grad_input", 1, gy, weight, input_shape, geometry, padding_mode, layout)


def conv1d_grad_weight(
    gy: Any, x: Any, weight_shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    *, padding_mode: str = "zeros", layout: str = "NCHW",
) -> np.ndarray:
    """Gradient of `conv1d` with respect to its weight, the same bits for any number of threads.

    Parameters
    ----------
    gy : array [N, OC, OL]
    x : array [N, C, L]
    weight_shape : (OC, C / groups, K)
    stride, padding, dilation, groups, padding_mode, layout : as in `conv1d`

    Returns
    -------
    array [OC, C / groups, K]

    Raises
    ------
    ValueError, TypeError
        As `conv1d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv1d_grad_weight(np.ones((1, 1, 2)), np.arange(3.0).reshape(1, 1, 3), (1, 1, 2))
    array([[[1., 3.]]])
    """
    geometry = stride, padding, dilation, groups
    return conv_grad_weight("conv1d_grad_weight", 1, gy, x, weight_shape, geometry, padding_mode, layout)


def conv1d_grad_bias(gy: Any, *, layout: str = "NCHW") -> np.ndarray:
    """Gradient of `conv1d` with respect to its bias: the sum of `gy` over sequences and positions.

    Parameters
    ----------
    gy : array [N, OC, OL]
    layout : "NCHW", or "NHWC" where channels come last

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
    >>> ops.conv1d_grad_bias(np.ones((2, 3, 4)))
    array([8., 8., 8.])
    """
    return conv_grad_bias("conv1d_grad_bias", 1, gy, layout)


def conv2d_grad_input(
    gy: Any, weight: Any, input_shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    *, padding_mode: str = "zeros", layout: str = "NCHW",
) -> Any:
    """Gradient of `conv2d` with respect to its input: the transposed convolution of `gy`.

    Computed by phases: each of the stride's offsets is a small dense convolution, no zeros are inserted.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]
    weight : array [OC, C / groups, KH, KW]
    input_shape : (N, C, H, W), in the order of `layout`
    stride, padding, dilation, groups, padding_mode, layout : as in `conv2d`

    Returns
    -------
    array or Blocked [N, C, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        As `conv2d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv2d_grad_input(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), (1, 1, 3, 3))[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    geometry = stride, padding, dilation, groups
    return conv_grad_input("conv2d_grad_input", 2, gy, weight, input_shape, geometry, padding_mode, layout)


def conv2d_grad_weight(
    gy: Any, x: Any, weight_shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    *, padding_mode: str = "zeros", layout: str = "NCHW",
) -> np.ndarray:
    """Gradient of `conv2d` with respect to its weight, the same bits for any number of threads.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]
    x : array or Blocked [N, C, H, W]
    weight_shape : (OC, C / groups, KH, KW)
    stride, padding, dilation, groups, padding_mode, layout : as in `conv2d`

    Returns
    -------
    array [OC, C / groups, KH, KW]

    Raises
    ------
    ValueError, TypeError
        As `conv2d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv2d_grad_weight(np.ones((1, 1, 2, 2)), np.arange(9.0).reshape(1, 1, 3, 3), (1, 1, 2, 2))[0, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    geometry = stride, padding, dilation, groups
    return conv_grad_weight("conv2d_grad_weight", 2, gy, x, weight_shape, geometry, padding_mode, layout)


def conv2d_grad_bias(gy: Any, *, layout: str = "NCHW") -> np.ndarray:
    """Gradient of `conv2d` with respect to its bias: the sum of `gy` over images and pixels.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]
    layout : "NCHW", or "NHWC" where channels come last

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
    >>> ops.conv2d_grad_bias(np.ones((2, 3, 4, 4)))
    array([32., 32., 32.])
    """
    return conv_grad_bias("conv2d_grad_bias", 2, gy, layout)


def conv3d_grad_input(
    gy: Any, weight: Any, input_shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    *, padding_mode: str = "zeros", layout: str = "NCHW",
) -> Any:
    """Gradient of `conv3d` with respect to its input: the transposed convolution of `gy`.

    Computed by phases: each of the stride's offsets is a small dense convolution, no zeros are inserted.

    Parameters
    ----------
    gy : array [N, OC, OD, OH, OW]
    weight : array [OC, C / groups, KD, KH, KW]
    input_shape : (N, C, D, H, W), in the order of `layout`
    stride, padding, dilation, groups, padding_mode, layout : as in `conv3d`

    Returns
    -------
    array [N, C, D, H, W], of gy's dtype

    Raises
    ------
    ValueError, TypeError
        As `conv3d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv3d_grad_input(np.ones((1, 1, 2, 1, 1)), np.ones((1, 1, 2, 1, 1)), (1, 1, 3, 1, 1)).ravel()
    array([1., 2., 1.])
    """
    geometry = stride, padding, dilation, groups
    return conv_grad_input("conv3d_grad_input", 3, gy, weight, input_shape, geometry, padding_mode, layout)


def conv3d_grad_weight(
    gy: Any, x: Any, weight_shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    *, padding_mode: str = "zeros", layout: str = "NCHW",
) -> np.ndarray:
    """Gradient of `conv3d` with respect to its weight, the same bits for any number of threads.

    Parameters
    ----------
    gy : array [N, OC, OD, OH, OW]
    x : array [N, C, D, H, W]
    weight_shape : (OC, C / groups, KD, KH, KW)
    stride, padding, dilation, groups, padding_mode, layout : as in `conv3d`

    Returns
    -------
    array [OC, C / groups, KD, KH, KW]

    Raises
    ------
    ValueError, TypeError
        As `conv3d`; `gy` must have the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x = np.arange(3.0).reshape(1, 1, 3, 1, 1)
    >>> ops.conv3d_grad_weight(np.ones((1, 1, 2, 1, 1)), x, (1, 1, 2, 1, 1)).ravel()
    array([1., 3.])
    """
    geometry = stride, padding, dilation, groups
    return conv_grad_weight("conv3d_grad_weight", 3, gy, x, weight_shape, geometry, padding_mode, layout)


def conv3d_grad_bias(gy: Any, *, layout: str = "NCHW") -> np.ndarray:
    """Gradient of `conv3d` with respect to its bias: the sum of `gy` over volumes and voxels.

    Parameters
    ----------
    gy : array [N, OC, OD, OH, OW]
    layout : "NCHW", or "NHWC" where channels come last

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
    >>> ops.conv3d_grad_bias(np.ones((2, 3, 4, 1, 1)))
    array([8., 8., 8.])
    """
    return conv_grad_bias("conv3d_grad_bias", 3, gy, layout)
