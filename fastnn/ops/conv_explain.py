"""What a packed convolution does, as text."""

import math
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn._kernels import PackedConv
from fastnn.ops.conv_packed import packed_name, packed_shape
from fastnn.ops.precision import get_precision

__all__ = ["explain"]


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
    input_shape : (N, C, ...), in the order of its layout

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
    shape = packed_shape("explain", packed, input_shape)
    plan = packed.plan(shape)
    _, channels, *kernel = packed.weight_shape
    steps = math.prod(shape if packed.transposed else plan.y_shape) * channels * math.prod(kernel)
    algorithm = _kernels.conv_algorithm(plan.params, plan.method)
    shapes = f"{list(shape)} -> {list(plan.y_shape)}"
    return (
        f"{packed_name(packed)} {shapes}, {packed.dtype}, {steps / 1e6:.1f} million multiply-adds\n"
        f"algorithm: {algorithm}, {_reason(packed, plan, algorithm)}"
    )
