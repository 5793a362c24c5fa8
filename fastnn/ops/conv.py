"""Convolution of sequences, images and volumes. Kernels: csrc/ops/conv*.c; gradients: conv_grad.py."""

from typing import Any

from fastnn.ops._conv import conv

__all__ = ["conv1d", "conv2d", "conv3d"]


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    layout: str = "NCHW",
    activation: Any = None,
    residual: Any = None,
    algorithm: str = "auto",
    out: Any = None,
) -> Any:
    """Convolution of sequences (cross-correlation) with fused bias, residual and activation.

    ``y[n, o, j] = act(bias[o] + residual[n, o, j] + sum_{q, s} x[n, g C/G + q, j S - P + s D] weight[o, q, s])``,
    as `torch.nn.functional.conv1d`. Causal: ``padding=((D (K - 1), 0),)``.

    Parameters
    ----------
    x : array [N, C, L], float32 or float64
    weight : array [OC, C / groups, K]
    bias : array [OC], optional
    stride, dilation : int, at least 1
    padding : int, one pair of sides ((before, after),), "same" or "valid"
    groups : int that divides C and OC
    padding_mode, layout, activation, algorithm : as in `conv2d`
    residual : array like the result, optional
        Added before the activation.
    out : array [N, OC, OL], optional
        Receives the result and is returned.

    Returns
    -------
    array [N, OC, OL], of the input's dtype

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv1d(np.arange(5.0).reshape(1, 1, 5), np.ones((1, 1, 2)), padding=((2, 0),), dilation=2)
    array([[[0., 1., 2., 4., 6.]]])
    """
    geometry = stride, padding, dilation, groups
    return conv("conv1d", 1, x, weight, bias, geometry, (padding_mode, layout, algorithm), activation, residual, out)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    layout: str = "NCHW",
    activation: Any = None,
    residual: Any = None,
    algorithm: str = "auto",
    out: Any = None,
) -> Any:
    """2-D convolution (cross-correlation) with fused bias, residual and activation.

    ``y[n, o, i, j] = act(bias[o] + residual[n, o, i, j]
    + sum_{q, r, s} x[n, g C/G + q, i S - P + r D, j S - P + s D] weight[o, q, r, s])``,
    as `torch.nn.functional.conv2d`.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    weight : array [OC, C / groups, KH, KW]
    bias : array [OC], optional
    stride, dilation : int or pair (height, width), at least 1
    padding : int, pair, per-side pairs ((top, bottom), (left, right)), "same" or "valid"
    groups : int that divides C and OC
    padding_mode : "zeros", "reflect", "replicate" or "circular"
        What lies around x, see `pad`. Reflected padding must be less than the image, circular at most its size.
    layout : "NCHW" or "NHWC"
        NHWC: x, residual, out and the result are plain arrays [N, H, W, C]; the weight stays as it is.
    activation : None, "relu", "relu6", "silu", "hardswish", "sigmoid", "tanh", ("clip", low, high) or
        ("leaky_relu", slope)
    residual : array or Blocked like the result, optional
        Added before the activation.
    algorithm : "auto", "direct", "im2col", "winograd2", "winograd4" or "depthwise"
        "auto" takes the fastest for the shape (for float32 often Winograd's, see `set_precision`); another one that
        cannot serve the call raises. Largest error over the rms of the result, 64 to 512 channels: direct 3e-6,
        winograd2 5e-6, winograd4 2e-5. With Winograd's methods a NaN or infinity reaches the whole tile of 2 x 2 or
        4 x 4 results around it. "im2col" multiplies with a matrix of all windows: it serves to compare with, and images
        [N, C, H, W] and sequences padded with zeros only.
    out : array or Blocked [N, OC, OH, OW], optional
        Receives the result and is returned. Its kind, plain or Blocked, is free.

    Returns
    -------
    array or Blocked [N, OC, OH, OW], of the input's kind and dtype

    Raises
    ------
    ValueError
        Shapes or numbers that do not fit, with op, argument and values.
    TypeError
        Dtypes other than float32 and float64, or mixed ones; arguments of the wrong type.
    NotImplementedError
        Modes that this version lacks.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x = np.ones((1, 1, 3, 3), np.float32)
    >>> ops.conv2d(x, np.ones((1, 1, 2, 2), np.float32), padding=((0, 1), (0, 0)))[0, 0]
    array([[4., 4.],
           [4., 4.],
           [2., 2.]], dtype=float32)
    """
    geometry = stride, padding, dilation, groups
    return conv("conv2d", 2, x, weight, bias, geometry, (padding_mode, layout, algorithm), activation, residual, out)


def conv3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    layout: str = "NCHW",
    activation: Any = None,
    residual: Any = None,
    algorithm: str = "auto",
    out: Any = None,
) -> Any:
    """Convolution of volumes (cross-correlation) with fused bias, residual and activation.

    ``y[n, o, e, i, j] = act(bias[o] + residual[n, o, e, i, j] + sum_{q, t, r, s}
    x[n, g C/G + q, e S - P + t D, i S - P + r D, j S - P + s D] weight[o, q, t, r, s])``,
    as `torch.nn.functional.conv3d`.

    Parameters
    ----------
    x : array [N, C, D, H, W], float32 or float64
    weight : array [OC, C / groups, KD, KH, KW]
    bias : array [OC], optional
    stride, dilation : int or three (depth, height, width), at least 1
    padding : int, three, pairs of sides ((front, back), (top, bottom), (left, right)), "same" or "valid"
    groups : int that divides C and OC
    padding_mode, layout, activation, algorithm : as in `conv2d`
    residual : array like the result, optional
        Added before the activation.
    out : array [N, OC, OD, OH, OW], optional
        Receives the result and is returned.

    Returns
    -------
    array [N, OC, OD, OH, OW], of the input's dtype

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv3d(np.ones((1, 1, 3, 2, 2)), np.ones((1, 1, 2, 2, 2)), padding=((1, 0), (0, 0), (0, 0)))[0, 0, :, 0, 0]
    array([4., 8., 8.])
    """
    geometry = stride, padding, dilation, groups
    return conv("conv3d", 3, x, weight, bias, geometry, (padding_mode, layout, algorithm), activation, residual, out)
