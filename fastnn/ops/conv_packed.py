"""Convolution weights packed once: `pack_conv2d`, and the rules that a `PackedConv2d` asks off its fast path."""

import sys
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn._kernels import PackedConv2d
from fastnn.ops._blocked import image_argument
from fastnn.ops._checks import activation_spec, as_array, integer, new_array, pair, shaped
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import check_weight, image_shape, resolve_padding
from fastnn.ops.conv import conv_method, conv_params, residual_data
from fastnn.ops.precision import get_precision

__all__ = ["PackedConv2d", "explain", "pack_conv2d"]

_OP = "packed conv2d"


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
) -> PackedConv2d:
    """Bring convolution weights into the kernel's order once, for many calls.

    Parameters
    ----------
    weight, bias, stride, padding, dilation, groups, activation, algorithm : as in `conv2d`
    input_shape : (N, C, H, W), optional
        Checked against the weights, and weights packed for the method it asks for, now instead of at the first call.

    Returns
    -------
    PackedConv2d
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
    op = "pack_conv2d"
    kernel = as_array(op, "weight", weight)
    groups = integer(op, "groups", groups, 1)
    check_weight(op, kernel.shape, groups)
    strides, dilations = pair(op, "stride", stride, 1), pair(op, "dilation", dilation, 1)
    pads = resolve_padding(op, padding, kernel.shape[2:], strides, dilations)
    own_bias = None
    if bias is not None:
        own_bias = shaped(op, "bias", bias, (kernel.shape[0],), kernel, "weight").copy()
    _, cg, kh, kw = kernel.shape
    smallest = (0, cg * groups, dilations[0] * (kh - 1) + 1, dilations[1] * (kw - 1) + 1)
    params = conv_params(op, smallest, kernel.shape, strides, pads, dilations, groups)
    conv_method(op, algorithm, params)
    packed = PackedConv2d(
        sys.modules[__name__],
        PackedConv2d.pack(params, kernel),
        own_bias,
        kernel.shape,
        strides,
        pads,
        dilations,
        groups,
        activation_spec(op, activation),
        str(algorithm),
    )
    if input_shape is not None:
        packed.plan(image_shape(op, "input_shape", input_shape))
    return packed


def packed_params(packed: PackedConv2d, x_shape: tuple[int, ...]) -> Any:
    """The geometry of a packed call; an error names the shapes that do not fit."""
    return conv_params(
        _OP, x_shape, packed.weight_shape, packed.stride, packed.padding, packed.dilation, packed.groups
    )


def packed_method(packed: PackedConv2d) -> int:
    """The kernels' code of the algorithm that was asked for."""
    if packed.algorithm == "auto":
        return _kernels.METHODS["auto"]
    _, cg, kh, kw = packed.weight_shape
    smallest = (0, cg * packed.groups, packed.dilation[0] * (kh - 1) + 1, packed.dilation[1] * (kw - 1) + 1)
    return conv_method(_OP, packed.algorithm, packed_params(packed, smallest))


def packed_arguments(packed: PackedConv2d, x: Any, residual: Any, out: Any) -> tuple[Any, ...]:
    """(plan, x, its layout, residual, y, its layout, ImageOut) of a call that is not the plain fast path."""
    data, x_layout, x_shape = image_argument(_OP, "x", x)
    if data.dtype != packed.dtype:
        raise TypeError(f"{_OP}: x is {data.dtype} but the weights were packed as {packed.dtype}")
    plan = packed.plan(x_shape)
    y = ImageOut(_OP, out, x_layout, plan.y_shape, data.dtype, data)
    if residual is not None:
        residual = residual_data(_OP, residual, y.layout, plan.y_shape, data.dtype, y.data)
    return plan, data, x_layout, residual, y.data, y.layout, y


def restore(packed: np.ndarray, bias: Any, *fields: Any) -> PackedConv2d:
    """A PackedConv2d from its pickled fields."""
    aligned = new_array(packed.shape, packed.dtype)
    aligned[...] = packed
    return PackedConv2d(sys.modules[__name__], aligned, bias, *fields)


def describe(packed: PackedConv2d) -> str:
    """The repr of a packed convolution."""
    return (
        f"PackedConv2d(weight_shape={packed.weight_shape}, stride={packed.stride}, padding={packed.padding}, "
        f"dilation={packed.dilation}, groups={packed.groups}, dtype={packed.dtype}, nbytes={packed.nbytes}, "
        f"algorithm={packed.algorithm!r})"
    )


def _reason(packed: PackedConv2d, plan: Any) -> str:
    """Why a plan has its method."""
    _, cg, _, _ = packed.weight_shape
    if packed.algorithm != "auto":
        return f"as algorithm={packed.algorithm!r} asks"
    if plan.method >= _kernels.METHODS["winograd2"]:
        return "the least cost by the model of csrc/ops/conv_winograd.c"
    refusal = _kernels.conv_refusal(plan.params, _kernels.METHODS["winograd4"])
    if refusal is None and get_precision() == "strict":
        return "since set_precision('strict') allows direct sums only"
    if refusal is None and packed.dtype == np.float64:
        return "since float64 asks for direct sums"
    if refusal is None:
        return "the least cost by the model of csrc/ops/conv_winograd.c"
    return f"with {cg} input channel{'s' if cg != 1 else ''} a group; Winograd's methods cannot serve: {refusal}"


def explain(packed: PackedConv2d, input_shape: Any) -> str:
    """Which algorithm a packed convolution uses for an input, and why, as text.

    Parameters
    ----------
    packed : PackedConv2d
    input_shape : (N, C, H, W)

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
    if not isinstance(packed, PackedConv2d):
        raise TypeError(f"explain: packed must come from pack_conv2d, got {type(packed).__name__}")
    shape = image_shape("explain", "input_shape", input_shape)
    plan = packed.plan(shape)
    _, cg, kh, kw = packed.weight_shape
    steps = int(np.prod(plan.y_shape)) * cg * kh * kw
    algorithm = _kernels.conv_algorithm(plan.params, plan.method)
    return (
        f"conv2d {list(shape)} -> {list(plan.y_shape)}, {packed.dtype}, {steps / 1e6:.1f} million multiply-adds\n"
        f"algorithm: {algorithm}, {_reason(packed, plan)}"
    )
