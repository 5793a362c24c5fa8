"""Convolution weights packed once, and the rules that a `PackedConv` of any kind asks off its fast path."""

import sys
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn._kernels import PackedConv
from fastnn.ops._blocked import channels_first
from fastnn.ops._checks import activation_spec, as_array, integer, new_array, shaped, sizes
from fastnn.ops._conv import (
    LAYOUTS,
    check_modes,
    conv_method,
    conv_params,
    conv_transpose_params,
    image_of,
    residual_data,
)
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import check_weight, resolve_padding, shape_of

__all__ = ["PackedConv", "pack_conv1d", "pack_conv2d", "pack_conv3d"]


def pack_conv2d(
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
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """Bring convolution weights into the kernel's order once, for many calls.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, padding_mode, layout, activation, algorithm : as in `conv2d`
    input_shape : (N, C, H, W), in the order of `layout`, optional
        Checked against the weights, and weights packed for the method it asks for, now instead of at the first call.

    Returns
    -------
    PackedConv
        ``y = packed(x, residual=None, out=None)``. It holds its own copy of weights and bias, can be pickled and
        shared between threads.

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x, w = np.random.rand(1, 8, 5, 5), np.random.rand(4, 8, 3, 3)
    >>> packed = ops.pack_conv2d(w, padding=1, activation="relu")
    >>> bool(np.allclose(packed(x), ops.conv2d(x, w, padding=1, activation="relu")))
    True
    """
    geometry = stride, padding, dilation, groups
    modes = padding_mode, layout, algorithm
    return _pack("pack_conv2d", 2, weight, bias, geometry, modes, activation, input_shape)


def pack_conv1d(
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
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """`pack_conv2d` for sequences.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, padding_mode, layout, activation, algorithm : as in `conv1d`
    input_shape : (N, C, L), optional

    Returns
    -------
    PackedConv

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `conv1d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.pack_conv1d(np.ones((1, 1, 2)), padding=((1, 0),))(np.arange(3.0).reshape(1, 1, 3))
    array([[[0., 1., 3.]]])
    """
    geometry = stride, padding, dilation, groups
    modes = padding_mode, layout, algorithm
    return _pack("pack_conv1d", 1, weight, bias, geometry, modes, activation, input_shape)


def pack_conv3d(
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
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """`pack_conv2d` for volumes.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, padding_mode, layout, activation, algorithm : as in `conv3d`
    input_shape : (N, C, D, H, W), optional

    Returns
    -------
    PackedConv

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `conv3d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.pack_conv3d(np.ones((1, 1, 2, 1, 1)))(np.arange(3.0).reshape(1, 1, 3, 1, 1)).ravel()
    array([1., 3.])
    """
    geometry = stride, padding, dilation, groups
    modes = padding_mode, layout, algorithm
    return _pack("pack_conv3d", 3, weight, bias, geometry, modes, activation, input_shape)


def _pack(
    op: str,
    rank: int,
    weight: Any,
    bias: Any,
    geometry: tuple[Any, ...],
    modes: tuple[str, str, str],
    activation: Any,
    input_shape: Any,
) -> PackedConv:
    check_modes(op, *modes[:2])
    stride, padding, dilation, groups = geometry
    kernel = as_array(op, "weight", weight)
    groups = integer(op, "groups", groups, 1)
    check_weight(op, kernel.shape, groups, rank)
    strides, dilations = sizes(op, "stride", stride, 1, rank), sizes(op, "dilation", dilation, 1, rank)
    pads = resolve_padding(op, padding, kernel.shape[2:], strides, dilations)
    own_bias = None
    if bias is not None:
        own_bias = shaped(op, "bias", bias, (kernel.shape[0],), kernel, "weight").copy()
    extents = [d * (k - 1) + 1 + sum(p) for d, k, p in zip(dilations, kernel.shape[2:], pads, strict=True)]
    smallest = (0, kernel.shape[1] * groups, *extents)  # also for the padding of a mirror
    geometry = strides, pads, dilations, groups
    params = conv_params(op, rank, smallest, kernel.shape, *geometry, padding_mode=modes[0])
    conv_method(op, modes[2], params, LAYOUTS[modes[1]])
    fields = kernel.shape, strides, pads, dilations, groups, activation_spec(op, activation), str(modes[2])
    packed = PackedConv(sys.modules[__name__], PackedConv.pack(params, kernel), own_bias, *fields, None, *modes[:2])
    if input_shape is not None:
        packed.plan(packed_shape(op, packed, input_shape))
    return packed


def packed_shape(op: str, packed: PackedConv, input_shape: Any) -> tuple[int, ...]:
    """`input_shape`, given in the order of the layout, as (N, C, ...)."""
    shape = shape_of(op, "input_shape", input_shape, len(packed.stride) + 2)
    return channels_first(shape) if packed.layout == "NHWC" else shape


def packed_name(packed: PackedConv) -> str:
    return f"conv{'_transpose' if packed.transposed else ''}{len(packed.stride)}d"


def packed_params(packed: PackedConv, x_shape: tuple[int, ...]) -> Any:
    """The geometry of a packed call; an error names the shapes that do not fit."""
    op, rank, p = f"packed {packed_name(packed)}", len(packed.stride), packed
    if p.transposed:
        rest = p.stride, p.padding, p.output_padding, p.groups, p.dilation
        return conv_transpose_params(op, rank, x_shape, p.weight_shape, *rest)[0]
    geometry = p.stride, p.padding, p.dilation, p.groups
    return conv_params(op, rank, x_shape, p.weight_shape, *geometry, padding_mode=p.padding_mode)


def packed_method(packed: PackedConv) -> int:
    """The kernels' code of the algorithm that was asked for."""
    if packed.algorithm == "auto":
        return _kernels.METHODS["auto"]
    first, second, *kernel = packed.weight_shape
    channels = first if packed.transposed else second * packed.groups
    extents = (d * (k - 1) + 1 + sum(p) for d, k, p in zip(packed.dilation, kernel, packed.padding, strict=True))
    params = packed_params(packed, (0, channels, *extents))
    return conv_method(f"packed {packed_name(packed)}", packed.algorithm, params, LAYOUTS[packed.layout])


def packed_arguments(packed: PackedConv, x: Any, residual: Any, out: Any) -> tuple[Any, ...]:
    """(plan, x, its layout, residual, y, its layout, ImageOut) of a call that is not the plain fast path."""
    op = f"packed {packed_name(packed)}"
    data, x_layout, x_shape = image_of(op, "x", x, len(packed.stride), LAYOUTS[packed.layout])
    if data.dtype != packed.dtype:
        raise TypeError(f"{op}: x is {data.dtype} but the weights were packed as {packed.dtype}")
    plan = packed.plan(x_shape)
    y = ImageOut(op, out, x_layout, plan.y_shape, data.dtype, data)
    if residual is not None:
        residual = residual_data(op, residual, y.layout, plan.y_shape, data.dtype, y.data)
    return plan, data, x_layout, residual, y.data, y.layout, y


def restore(packed: np.ndarray, bias: Any, *fields: Any) -> PackedConv:
    """A PackedConv from its pickled fields."""
    aligned = new_array(packed.shape, packed.dtype)
    aligned[...] = packed
    return PackedConv(sys.modules[__name__], aligned, bias, *fields)


def describe(packed: PackedConv) -> str:
    """The repr of a packed convolution."""
    modes = f"output_padding={packed.output_padding}, " if packed.transposed else ""
    modes += "" if packed.padding_mode == "zeros" else f"padding_mode={packed.padding_mode!r}, "
    modes += "" if packed.layout == "NCHW" else f"layout={packed.layout!r}, "
    return (
        f"PackedConv({packed_name(packed)}, weight_shape={packed.weight_shape}, stride={packed.stride}, "
        f"padding={packed.padding}, {modes}"
        f"dilation={packed.dilation}, groups={packed.groups}, dtype={packed.dtype}, nbytes={packed.nbytes}, "
        f"algorithm={packed.algorithm!r})"
    )
