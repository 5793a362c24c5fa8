"""Convolution weights packed once, and the rules that a `PackedConv` of any kind asks off its fast path."""

import math
import sys
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn._kernels import PackedConv
from fastnn.ops._blocked import image_argument
from fastnn.ops._checks import activation_spec, as_array, integer, new_array, shaped, sizes
from fastnn.ops._conv import conv_method, conv_params, conv_transpose_params, residual_data
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import check_weight, resolve_padding, shape_of
from fastnn.ops.precision import get_precision

__all__ = ["PackedConv", "explain", "pack_conv1d", "pack_conv2d", "pack_conv3d"]


def pack_conv2d(
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    activation: Any = None,
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """Bring convolution weights into the kernel's order once, for many calls.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, activation, algorithm : as in `conv2d`
    input_shape : (N, C, H, W), optional
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
    return _pack("pack_conv2d", 2, weight, bias, geometry, activation, algorithm, input_shape)


def pack_conv1d(
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    activation: Any = None,
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """`pack_conv2d` for sequences.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, activation, algorithm : as in `conv1d`
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
    return _pack("pack_conv1d", 1, weight, bias, geometry, activation, algorithm, input_shape)


def pack_conv3d(
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    activation: Any = None,
    algorithm: str = "auto",
    input_shape: Any = None,
) -> PackedConv:
    """`pack_conv2d` for volumes.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, activation, algorithm : as in `conv3d`
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
    return _pack("pack_conv3d", 3, weight, bias, geometry, activation, algorithm, input_shape)


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
    stride, padding, dilation, groups = geometry
    kernel = as_array(op, "weight", weight)
    groups = integer(op, "groups", groups, 1)
    check_weight(op, kernel.shape, groups, rank)
    strides, dilations = sizes(op, "stride", stride, 1, rank), sizes(op, "dilation", dilation, 1, rank)
    pads = resolve_padding(op, padding, kernel.shape[2:], strides, dilations)
    own_bias = None
    if bias is not None:
        own_bias = shaped(op, "bias", bias, (kernel.shape[0],), kernel, "weight").copy()
    extents = [d * (k - 1) + 1 for d, k in zip(dilations, kernel.shape[2:], strict=True)]
    smallest = (0, kernel.shape[1] * groups, *extents)
    params = conv_params(op, rank, smallest, kernel.shape, strides, pads, dilations, groups)
    conv_method(op, algorithm, params)
    fields = kernel.shape, strides, pads, dilations, groups, activation_spec(op, activation), str(algorithm)
    packed = PackedConv(sys.modules[__name__], PackedConv.pack(params, kernel), own_bias, *fields)
    if input_shape is not None:
        packed.plan(shape_of(op, "input_shape", input_shape, rank + 2))
    return packed


def _name(packed: PackedConv) -> str:
    return f"conv{'_transpose' if packed.transposed else ''}{len(packed.stride)}d"


def packed_params(packed: PackedConv, x_shape: tuple[int, ...]) -> Any:
    """The geometry of a packed call; an error names the shapes that do not fit."""
    op, rank, p = f"packed {_name(packed)}", len(packed.stride), packed
    if p.transposed:
        rest = p.stride, p.padding, p.output_padding, p.groups, p.dilation
        return conv_transpose_params(op, rank, x_shape, p.weight_shape, *rest)[0]
    return conv_params(op, rank, x_shape, p.weight_shape, p.stride, p.padding, p.dilation, p.groups)


def packed_method(packed: PackedConv) -> int:
    """The kernels' code of the algorithm that was asked for."""
    if packed.algorithm == "auto":
        return _kernels.METHODS["auto"]
    first, second, *kernel = packed.weight_shape
    channels = first if packed.transposed else second * packed.groups
    extents = (d * (k - 1) + 1 + sum(p) for d, k, p in zip(packed.dilation, kernel, packed.padding, strict=True))
    params = packed_params(packed, (0, channels, *extents))
    return conv_method(f"packed {_name(packed)}", packed.algorithm, params)


def packed_arguments(packed: PackedConv, x: Any, residual: Any, out: Any) -> tuple[Any, ...]:
    """(plan, x, its layout, residual, y, its layout, ImageOut) of a call that is not the plain fast path."""
    op = f"packed {_name(packed)}"
    data, x_layout, x_shape = image_argument(op, "x", x)
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
    extra = f"output_padding={packed.output_padding}, " if packed.transposed else ""
    return (
        f"PackedConv({_name(packed)}, weight_shape={packed.weight_shape}, stride={packed.stride}, "
        f"padding={packed.padding}, {extra}dilation={packed.dilation}, groups={packed.groups}, dtype={packed.dtype}, "
        f"nbytes={packed.nbytes}, algorithm={packed.algorithm!r})"
    )


def _reason(packed: PackedConv, plan: Any, algorithm: str) -> str:
    """Why a plan has its method."""
    first, second, *_ = packed.weight_shape
    inputs = first // packed.groups if packed.transposed else second
    if packed.algorithm != "auto":
        return f"as algorithm={packed.algorithm!r} asks"
    if algorithm == "sub-pixel":
        return f"since {second} output channels a group and stride {packed.stride} fill the lanes only together"
    if plan.method >= _kernels.METHODS["winograd2"]:
        return "the least cost by the model of csrc/ops/conv_winograd.c"
    refusal = _kernels.conv_refusal(plan.params, _kernels.METHODS["winograd4"])
    if refusal is None and get_precision() == "strict":
        return "since set_precision('strict') allows direct sums only"
    if refusal is None and packed.dtype == np.float64:
        return "since float64 asks for direct sums"
    if refusal is None:
        return "the least cost by the model of csrc/ops/conv_winograd.c"
    channels = f"{inputs} input channel{'s' if inputs != 1 else ''}"
    return f"with {channels} a group; Winograd's methods cannot serve: {refusal}"


def explain(packed: PackedConv, input_shape: Any) -> str:
    """Which algorithm a packed convolution uses for an input, and why, as text.

    Parameters
    ----------
    packed : PackedConv
    input_shape : (N, C, ...)

    Returns
    -------
    str

    Raises
    ------
    ValueError, TypeError
        If the shape does not fit the weights, or `packed` is no packed convolution.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import explain, ops
    >>> print(explain(ops.pack_conv2d(np.zeros((32, 16, 3, 3), np.float32)), (1, 16, 64, 64)))
    conv2d [1, 16, 64, 64] -> [1, 32, 62, 62], float32, 17.7 million multiply-adds
    algorithm: Winograd F(4x4, 3x3), the least cost by the model of csrc/ops/conv_winograd.c
    """
    if not isinstance(packed, PackedConv):
        raise TypeError(f"explain: packed must come from pack_conv2d or a sibling, got {type(packed).__name__}")
    shape = shape_of("explain", "input_shape", input_shape, len(packed.stride) + 2)
    plan = packed.plan(shape)
    _, channels, *kernel = packed.weight_shape
    steps = math.prod(shape if packed.transposed else plan.y_shape) * channels * math.prod(kernel)
    algorithm = _kernels.conv_algorithm(plan.params, plan.method)
    shapes = f"{list(shape)} -> {list(plan.y_shape)}"
    return (
        f"{_name(packed)} {shapes}, {packed.dtype}, {steps / 1e6:.1f} million multiply-adds\n"
        f"algorithm: {algorithm}, {_reason(packed, plan, algorithm)}"
    )
