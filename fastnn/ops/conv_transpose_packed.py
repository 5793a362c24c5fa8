"""Weights of transposed convolutions packed once; the packed object and its rules are those of conv_packed.py."""

from typing import Any

from fastnn._kernels import PackedConv
from fastnn.ops import conv_packed
from fastnn.ops._checks import activation_spec, as_array, integer, shaped, sizes
from fastnn.ops._conv import conv_method, conv_transpose_params, transpose_padding
from fastnn.ops._shapes import check_weight, shape_of

__all__ = ["pack_conv_transpose1d", "pack_conv_transpose2d", "pack_conv_transpose3d"]


def pack_conv_transpose1d(
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    activation: Any = None,
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """Bring the weights of a transposed convolution into the kernel's order once, for many calls.

    Parameters
    ----------
    weight, bias, stride, padding, output_padding, groups, dilation, activation, algorithm : as in `conv_transpose1d`
    input_shape : (N, C, L), optional
        Checked against the weights now instead of at the first call.

    Returns
    -------
    PackedConv
        As from `pack_conv2d`.

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.pack_conv_transpose1d(np.ones((1, 1, 3)), stride=2)(np.array([[[1.0, 2.0]]]))
    array([[[1., 1., 3., 2., 2.]]])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return _pack("pack_conv_transpose1d", 1, weight, bias, geometry, activation, algorithm, input_shape)


def pack_conv_transpose2d(
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    activation: Any = None,
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """Bring the weights of a transposed convolution into the kernel's order once, for many calls.

    Parameters
    ----------
    weight, bias, stride, padding, output_padding, groups, dilation, activation, algorithm : as in `conv_transpose2d`
    input_shape : (N, C, H, W), optional
        Checked against the weights now instead of at the first call.

    Returns
    -------
    PackedConv
        As from `pack_conv2d`.

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x, w = np.random.rand(1, 8, 5, 5), np.random.rand(8, 3, 4, 4)
    >>> packed = ops.pack_conv_transpose2d(w, stride=2, padding=1, activation="tanh")
    >>> bool(np.allclose(packed(x), ops.conv_transpose2d(x, w, stride=2, padding=1, activation="tanh")))
    True
    """
    geometry = stride, padding, output_padding, groups, dilation
    return _pack("pack_conv_transpose2d", 2, weight, bias, geometry, activation, algorithm, input_shape)


def pack_conv_transpose3d(
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    activation: Any = None,
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """Bring the weights of a transposed convolution into the kernel's order once, for many calls.

    Parameters
    ----------
    weight, bias, stride, padding, output_padding, groups, dilation, activation, algorithm : as in `conv_transpose3d`
    input_shape : (N, C, D, H, W), optional
        Checked against the weights now instead of at the first call.

    Returns
    -------
    PackedConv
        As from `pack_conv2d`.

    Raises
    ------
    ValueError, TypeError
        As `conv_transpose3d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.pack_conv_transpose3d(np.ones((1, 1, 2, 1, 2)))(np.ones((1, 1, 2, 1, 1))).shape
    (1, 1, 3, 1, 2)
    """
    geometry = stride, padding, output_padding, groups, dilation
    return _pack("pack_conv_transpose3d", 3, weight, bias, geometry, activation, algorithm, input_shape)


def _pack(
    op: str,
    rank: int,
    weight: Any,
    bias: Any,
    geometry: tuple[Any, ...],
    activation: Any,
    algorithm: str,
    input_shape: Any,
) -> PackedConv:
    stride, padding, output_padding, groups, dilation = geometry
    kernel = as_array(op, "weight", weight)
    groups = integer(op, "groups", groups, 1)
    check_weight(op, kernel.shape, groups, rank, transposed=True)
    strides, dilations = sizes(op, "stride", stride, 1, rank), sizes(op, "dilation", dilation, 1, rank)
    extra = sizes(op, "output_padding", output_padding, 0, rank)
    pads = transpose_padding(op, padding, rank)
    own_bias = None
    if bias is not None:
        own_bias = shaped(op, "bias", bias, (kernel.shape[1] * groups,), kernel, "weight").copy()
    # The smallest input that padding leaves something of.
    least = (0, kernel.shape[0], *(sum(pad) // s + 2 for pad, s in zip(pads, strides, strict=True)))
    params, _ = conv_transpose_params(op, rank, least, kernel.shape, strides, pads, extra, groups, dilations)
    conv_method(op, algorithm, params)
    fields = kernel.shape, strides, pads, dilations, groups, activation_spec(op, activation), str(algorithm), extra
    packed = PackedConv(conv_packed, PackedConv.pack(params, kernel), own_bias, *fields)
    if input_shape is not None:
        packed.plan(shape_of(op, "input_shape", input_shape, rank + 2))
    return packed
