"""Transposed convolution of sequences, images and volumes; gradients: conv_transpose_grad.py.

Kernels: csrc/ops/conv_bands.c (phase by phase) and conv_subpixel.c (all phases at once).
"""

from typing import Any

from fastnn.ops._conv import conv_transpose

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    activation: Any = None,
    residual: Any = None,
    algorithm: str = "auto",
    out: Any = None,
) -> Any:
    """Transposed convolution of sequences with fused bias, residual and activation.

    ``y[n, o, j S - P + s D] += x[n, c, j] weight[c, o, s]``, then bias, residual and activation;
    as `torch.nn.functional.conv_transpose1d`.

    Parameters
    ----------
    x : array [N, C, L], float32 or float64
    weight : array [C, OC / groups, K]
    bias : array [OC], optional
    stride, dilation : int, at least 1
    padding : int or one pair of sides ((before, after),)
    output_padding : int, less than stride or dilation
    groups : int that divides C
    activation : as in `conv2d`
    residual : array like the result, optional
    algorithm : as in `conv2d`
    out : array [N, OC, OL], optional
        Receives the result and is returned.

    Returns
    -------
    array [N, OC, OL], of the input's dtype

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv_transpose1d(np.array([[[1.0, 2.0]]]), np.ones((1, 1, 3)), stride=2)
    array([[[1., 1., 3., 2., 2.]]])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv_transpose("conv_transpose1d", 1, x, weight, bias, geometry, activation, residual, algorithm, out)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    layout: str = "NCHW",
    activation: Any = None,
    residual: Any = None,
    algorithm: str = "auto",
    out: Any = None,
) -> Any:
    """Transposed convolution of images with fused bias, residual and activation.

    Each input pixel adds its multiple of the kernel to the output, `stride` pixels apart:
    ``y[n, o, i S - P + r D, j S - P + s D] += x[n, c, i, j] weight[c, o, r, s]``, then bias, residual and
    activation; as `torch.nn.functional.conv_transpose2d`. It is the gradient of `conv2d` with respect to its input.
    No zeros are inserted: every stride phase is a small dense convolution, or all are channels of one.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    weight : array [C, OC / groups, KH, KW]
    bias : array [OC], optional
    stride, dilation : int or pair (height, width), at least 1
    padding : int, pair, or per-side pairs ((top, bottom), (left, right))
        Rows and columns cut off the output.
    output_padding : int or pair
        Rows and columns added to the output below and to the right; less than stride or dilation.
    groups : int that divides C
    layout : "NCHW" or "NHWC"
        NHWC: x, residual, out and the result are plain arrays [N, H, W, C].
    activation : as in `conv2d`
    residual : array or Blocked like the result, optional
        Added before the activation.
    algorithm : as in `conv2d`
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

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv_transpose2d(np.array([[[[1.0, 2.0]]]]), np.ones((1, 1, 2, 2)), stride=2)[0, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]])
    """
    geometry = stride, padding, output_padding, groups, dilation
    rest = activation, residual, algorithm, out, layout
    return conv_transpose("conv_transpose2d", 2, x, weight, bias, geometry, *rest)


def conv_transpose3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    activation: Any = None,
    residual: Any = None,
    algorithm: str = "auto",
    out: Any = None,
) -> Any:
    """Transposed convolution of volumes with fused bias, residual and activation.

    ``y[n, o, e S - P + t D, ...] += x[n, c, e, ...] weight[c, o, t, ...]``, then bias, residual and activation;
    as `torch.nn.functional.conv_transpose3d`.

    Parameters
    ----------
    x : array [N, C, D, H, W], float32 or float64
    weight : array [C, OC / groups, KD, KH, KW]
    bias : array [OC], optional
    stride, dilation : int or three (depth, height, width), at least 1
    padding : int, three, or pairs of sides ((front, back), (top, bottom), (left, right))
    output_padding : int or three, less than stride or dilation
    groups : int that divides C
    activation : as in `conv2d`
    residual : array like the result, optional
    algorithm : as in `conv2d`
    out : array [N, OC, OD, OH, OW], optional
        Receives the result and is returned.

    Returns
    -------
    array [N, OC, OD, OH, OW], of the input's dtype

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.conv_transpose3d(np.ones((1, 1, 2, 1, 1)), np.ones((1, 1, 2, 1, 2))).shape
    (1, 1, 3, 1, 2)
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv_transpose("conv_transpose3d", 3, x, weight, bias, geometry, activation, residual, algorithm, out)
