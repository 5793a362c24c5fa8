"""2-D convolution and its gradients. Kernels: csrc/ops/conv*.c."""

from functools import lru_cache
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import BLOCKED, blocked, image_argument, image_result
from fastnn.ops._checks import (
    activation_spec,
    as_array,
    hashable,
    integer,
    new_array,
    pair,
    plain,
    same_dtype,
    shaped,
)
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import check_weight, conv2d_shape, image_shape, resolve_padding
from fastnn.ops.precision import get_precision

__all__ = ["conv2d", "conv2d_grad_bias", "conv2d_grad_input", "conv2d_grad_weight"]


@lru_cache(maxsize=512)
def _params(op, x_shape, weight_shape, stride, padding, dilation, groups):
    """The checked geometry of one call, for arguments that passed through `hashable`."""
    groups = integer(op, "groups", plain(groups), 1)
    if len(weight_shape) != 4:
        check_weight(op, weight_shape, groups)
    stride_pair = pair(op, "stride", plain(stride), 1)
    dilation_pair = pair(op, "dilation", plain(dilation), 1)
    pads = resolve_padding(op, plain(padding), weight_shape[2:], stride_pair, dilation_pair)
    y_shape = conv2d_shape(op, x_shape, weight_shape, stride_pair, pads, dilation_pair, groups)
    before = (pads[0][0], pads[1][0])
    return _kernels.ConvParams(x_shape, weight_shape, y_shape, stride_pair, before, dilation_pair, groups)


def conv_params(
    op: str,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> Any:
    """The geometry of a convolution as the kernels take it; `.y_shape` is the output's shape."""
    return _params(
        op, x_shape, weight_shape, hashable(stride), hashable(padding), hashable(dilation), hashable(groups)
    )


def check_modes(op: str, padding_mode: str, layout: str) -> None:
    """Raise for modes that this version does not have, and for unknown ones."""
    known = {
        "padding_mode": (padding_mode, ("zeros",), ("reflect", "replicate", "circular")),
        "layout": (layout, ("NCHW",), ("NHWC",)),
    }
    for name, (value, supported, planned) in known.items():
        if value in planned:
            raise NotImplementedError(f"{op}: {name}={value!r} is not supported yet; use {supported[-1]!r}")
        if value not in supported:
            raise ValueError(f"{op}: unknown {name} {value!r}; known are {', '.join(supported + planned)}")


def conv_method(op: str, algorithm: str, params: Any) -> int:
    """The kernels' code of an algorithm; an error says why it cannot serve these shapes."""
    if not isinstance(algorithm, str):
        raise TypeError(f"{op}: algorithm must be a string, got {algorithm!r}")
    if algorithm == "auto":
        return _kernels.METHODS["auto"]
    if algorithm == "im2col":
        raise NotImplementedError(f"{op}: algorithm='im2col' is not supported yet; use 'direct'")
    if algorithm == "depthwise":
        if _kernels.conv_algorithm(params, _kernels.METHODS["direct"]) != "depthwise":
            raise ValueError(
                f"{op}: algorithm='depthwise' cannot serve: it needs as many groups as input channels and as output "
                f"channels, and more than one"
            )
        return _kernels.METHODS["direct"]
    if algorithm not in _kernels.METHODS:
        known = ", ".join([*_kernels.METHODS, "depthwise", "im2col"])
        raise ValueError(f"{op}: unknown algorithm {algorithm!r}; known are {known}")
    method = _kernels.METHODS[algorithm]
    reason = _kernels.conv_refusal(params, method)
    if reason is not None:
        raise ValueError(f"{op}: algorithm={algorithm!r} cannot serve: {reason}")
    if algorithm.startswith("winograd") and get_precision() == "strict":
        raise ValueError(f"{op}: algorithm={algorithm!r} cannot serve: set_precision('strict') allows direct sums only")
    return method


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
    padding_mode : "zeros"
    layout : "NCHW"
    activation : None, "relu", "relu6", "silu", "hardswish", "sigmoid", "tanh", ("clip", low, high) or
        ("leaky_relu", slope)
    residual : array or Blocked like the result, optional
        Added before the activation.
    algorithm : "auto", "direct", "winograd2", "winograd4" or "depthwise"
        "auto" takes the fastest for the shape (for float32 often Winograd's, see `set_precision`); another one that
        cannot serve the call raises. Largest error over the rms of the result, 64 to 512 channels: direct 3e-6,
        winograd2 5e-6, winograd4 2e-5. With Winograd's methods a NaN or infinity reaches the whole tile of 2 x 2 or
        4 x 4 results around it.
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
    if padding_mode != "zeros" or layout != "NCHW":
        check_modes("conv2d", padding_mode, layout)
    data, x_layout, x_shape = image_argument("conv2d", "x", x)
    kernel = as_array("conv2d", "weight", weight)
    params = conv_params("conv2d", x_shape, kernel.shape, stride, padding, dilation, groups)
    same_dtype("conv2d", "x", data, "weight", kernel)
    if bias is not None:
        bias = shaped("conv2d", "bias", bias, (kernel.shape[0],), data, "x")
        bias = bias if x_shape[1] else None
    y = ImageOut("conv2d", out, x_layout, params.y_shape, data.dtype, data, kernel, bias)
    if residual is not None:
        residual = residual_data("conv2d", residual, y.layout, params.y_shape, data.dtype, y.data)
    code, alpha, beta = activation_spec("conv2d", activation)
    method = conv_method("conv2d", algorithm, params)
    _kernels.conv(params, method, data, x_layout, kernel, bias, residual, y.data, y.layout, code, alpha, beta)
    return y.finish()


def residual_data(
    op: str, residual: Any, layout: int, shape: tuple[int, ...], dtype: np.dtype, out: np.ndarray
) -> np.ndarray:
    """The residual in the result's layout."""
    data, kind, residual_shape = image_argument(op, "residual", residual)
    if residual_shape != shape:
        raise ValueError(f"{op}: residual has shape {residual_shape}, expected {shape}")
    if data.dtype is not dtype:
        raise TypeError(f"{op}: residual is {data.dtype} but x is {dtype}; convert one of them")
    if np.may_share_memory(out, data):
        raise ValueError(f"{op}: out overlaps residual; give a separate array")
    if kind == layout:
        return data
    return blocked(data).data if layout == BLOCKED else residual.numpy()


def _gradient(op: str, gy: Any, params: Any) -> tuple[np.ndarray, int]:
    data, layout, shape = image_argument(op, "gy", gy)
    if shape != params.y_shape:
        raise ValueError(f"{op}: gy has shape {shape}, expected {params.y_shape}")
    return data, layout


def conv2d_grad_input(
    gy: Any,
    weight: Any,
    input_shape: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Gradient of `conv2d` with respect to its input: the transposed convolution of `gy`.

    Computed by phases: each of the stride's offsets is a small dense convolution, no zeros are inserted.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]
    weight : array [OC, C / groups, KH, KW]
    input_shape : (N, C, H, W)
    stride, padding, dilation, groups : as in `conv2d`

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
    op = "conv2d_grad_input"
    kernel = as_array(op, "weight", weight)
    shape = image_shape(op, "input_shape", input_shape)
    params = conv_params(op, shape, kernel.shape, stride, padding, dilation, groups)
    data, layout = _gradient(op, gy, params)
    same_dtype(op, "gy", data, "weight", kernel)
    gx, gx_data = image_result(layout, shape, data.dtype)
    _kernels.conv_grad_input(params, 0, data, layout, kernel, gx_data, layout)
    return gx


def conv2d_grad_weight(
    gy: Any,
    x: Any,
    weight_shape: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> np.ndarray:
    """Gradient of `conv2d` with respect to its weight, the same bits for any number of threads.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]
    x : array or Blocked [N, C, H, W]
    weight_shape : (OC, C / groups, KH, KW)
    stride, padding, dilation, groups : as in `conv2d`

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
    op = "conv2d_grad_weight"
    shape = image_shape(op, "weight_shape", weight_shape)
    data, x_layout, x_shape = image_argument(op, "x", x)
    params = conv_params(op, x_shape, shape, stride, padding, dilation, groups)
    gradient, gy_layout = _gradient(op, gy, params)
    same_dtype(op, "gy", gradient, "x", data)
    gw = new_array(shape, data.dtype)
    _kernels.conv_grad_weight(params, gradient, gy_layout, data, x_layout, gw)
    return gw


def conv2d_grad_bias(gy: Any) -> np.ndarray:
    """Gradient of `conv2d` with respect to its bias: the sum of `gy` over images and pixels.

    Parameters
    ----------
    gy : array or Blocked [N, OC, OH, OW]

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
    data, layout, shape = image_argument("conv2d_grad_bias", "gy", gy)
    if len(shape) != 4:
        raise ValueError(f"conv2d_grad_bias: gy must have 4 dimensions [N, OC, OH, OW], got shape {shape}")
    n, c, h, w = shape
    gb = new_array((c,), data.dtype)
    _kernels.channel_sum(data, layout, n, c, h * w, gb)
    return gb
