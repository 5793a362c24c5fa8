"""What the convolutions of every rank share: checked geometry, and the bodies behind the public functions.

A function of `fastnn.ops` names itself and its rank (1 sequences, 2 images, 3 volumes); the kernels take all of them.
A transposed convolution is the input gradient of the convolution that it transposes, and its gradients are that
convolution and that convolution's weight gradient.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import (
    BLOCKED,
    NCHW,
    NHWC,
    blocked,
    channels_last,
    image_argument,
)
from fastnn.ops._checks import (
    activation_spec,
    as_array,
    hashable,
    integer,
    plain,
    same_dtype,
    shaped,
    sizes,
)
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import (
    AXES,
    check_weight,
    conv_shape,
    conv_transpose_shape,
    pad_shape,
    resolve_padding,
)
from fastnn.ops.precision import get_precision


def _before(pads: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    return tuple(before for before, _ in pads)


@lru_cache(maxsize=512)
def _conv_params(op, rank, x_shape, weight_shape, stride, padding, dilation, groups, padding_mode):
    """The checked geometry of one call, for arguments that passed through `hashable`."""
    groups = integer(op, "groups", plain(groups), 1)
    if len(weight_shape) != rank + 2:
        check_weight(op, weight_shape, groups, rank)
    strides = sizes(op, "stride", plain(stride), 1, rank)
    dilations = sizes(op, "dilation", plain(dilation), 1, rank)
    pads = resolve_padding(op, plain(padding), weight_shape[2:], strides, dilations)
    y_shape = conv_shape(op, x_shape, weight_shape, strides, pads, dilations, groups)
    if padding_mode != "zeros":
        pad_shape(op, x_shape, ((0, 0), (0, 0), *pads), padding_mode)
    rest = strides, _before(pads), dilations, groups, False, PADDING_MODES[padding_mode]
    return _kernels.ConvParams(x_shape, weight_shape, y_shape, *rest)


def conv_params(
    op: str,
    rank: int,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    *,
    padding_mode: str = "zeros",
) -> _kernels.ConvParams:
    """The geometry of a convolution as the kernels take it; `.y_shape` is the output's shape."""
    geometry = hashable(stride), hashable(padding), hashable(dilation), hashable(groups)
    return _conv_params(op, rank, x_shape, weight_shape, *geometry, padding_mode)


def transpose_padding(op: str, padding: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """Padding of a transposed convolution: numbers only, since its output's size follows from them."""
    if isinstance(padding, str):
        raise ValueError(f"{op}: padding must be integers, got {padding!r}")
    return resolve_padding(op, padding, (), (1,) * rank, ())


@lru_cache(maxsize=512)
def _transpose_params(op, rank, x_shape, weight_shape, stride, padding, output_padding, groups, dilation):
    """(the transposed call, the convolution that it transposes), both as the kernels take them."""
    groups = integer(op, "groups", plain(groups), 1)
    strides = sizes(op, "stride", plain(stride), 1, rank)
    dilations = sizes(op, "dilation", plain(dilation), 1, rank)
    extra = sizes(op, "output_padding", plain(output_padding), 0, rank)
    pads = transpose_padding(op, plain(padding), rank)
    y_shape = conv_transpose_shape(op, x_shape, weight_shape, strides, pads, extra, groups, dilations)
    rest = strides, _before(pads), dilations, groups
    call = _kernels.ConvParams(x_shape, weight_shape, y_shape, *rest, True)
    return call, _kernels.ConvParams(y_shape, weight_shape, x_shape, *rest)


def conv_transpose_params(
    op: str,
    rank: int,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> tuple[_kernels.ConvParams, _kernels.ConvParams]:
    """The geometry of a transposed convolution, and that of the convolution that it transposes."""
    geometry = hashable(stride), hashable(padding), hashable(output_padding), hashable(groups), hashable(dilation)
    return _transpose_params(op, rank, x_shape, weight_shape, *geometry)


PADDING_MODES = {"zeros": 0} | {name: code for name, code in _kernels.PAD_MODES.items() if name != "constant"}
LAYOUTS = {"NCHW": NCHW, "NHWC": NHWC}


def check_modes(op: str, padding_mode: str, layout: str = "NCHW") -> int:
    """The code of the layout; raises for unknown modes."""
    for name, value, known in (("padding_mode", padding_mode, PADDING_MODES), ("layout", layout, LAYOUTS)):
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{op}: unknown {name} {value!r}; known are {', '.join(known)}")
    return LAYOUTS[layout]


def image_of(op: str, name: str, x: Any, rank: int, layout: int) -> tuple[np.ndarray, int, tuple[int, ...]]:
    """`image_argument` whose errors speak of the layout that was given."""
    image = image_argument(op, name, x, layout)
    if layout == NHWC and len(image[2]) != rank + 2:
        raise ValueError(
            f"{op}: {name} must have {rank + 2} dimensions [N, {AXES[rank]}, C], got shape {image[0].shape}"
        )
    return image


def own_order(layout: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape [N, C, ...] as the array in this layout has it."""
    return channels_last(shape) if layout == NHWC else shape


def conv_method(op: str, algorithm: str, params: Any, layout: int = NCHW) -> int:
    """The kernels' code of an algorithm; an error says why it cannot serve these shapes."""
    if not isinstance(algorithm, str):
        raise TypeError(f"{op}: algorithm must be a string, got {algorithm!r}")
    if algorithm == "auto":
        return _kernels.METHODS["auto"]
    if algorithm == "depthwise":
        if _kernels.conv_algorithm(params, _kernels.METHODS["direct"]) != "depthwise":
            raise ValueError(
                f"{op}: algorithm='depthwise' cannot serve: it needs as many groups as input channels and as output "
                f"channels, and more than one"
            )
        return _kernels.METHODS["direct"]
    if algorithm not in _kernels.METHODS:
        known = ", ".join([*_kernels.METHODS, "depthwise"])
        raise ValueError(f"{op}: unknown algorithm {algorithm!r}; known are {known}")
    method = _kernels.METHODS[algorithm]
    reason = _kernels.conv_refusal(params, method, layout)
    if reason is not None:
        raise ValueError(f"{op}: algorithm={algorithm!r} cannot serve: {reason}")
    if algorithm.startswith("winograd") and get_precision() == "strict":
        raise ValueError(f"{op}: algorithm={algorithm!r} cannot serve: set_precision('strict') allows direct sums only")
    return method


def residual_data(
    op: str, residual: Any, layout: int, shape: tuple[int, ...], dtype: np.dtype, out: np.ndarray
) -> np.ndarray:
    """The residual in the result's layout."""
    data, kind, residual_shape = image_argument(op, "residual", residual, NHWC if layout == NHWC else NCHW)
    if residual_shape != shape:
        found, expected = own_order(kind, residual_shape), own_order(kind, shape)
        raise ValueError(f"{op}: residual has shape {found}, expected {expected}")
    if data.dtype is not dtype:
        raise TypeError(f"{op}: residual is {data.dtype} but x is {dtype}; convert one of them")
    if np.may_share_memory(out, data):
        raise ValueError(f"{op}: out overlaps residual; give a separate array")
    if kind == layout:
        return data
    return blocked(data).data if layout == BLOCKED else residual.numpy()


def _run(
    op: str,
    params: Any,
    method: int,
    image: Any,
    kernel: Any,
    bias: Any,
    residual: Any,
    activation: Any,
    out: Any,
) -> Any:
    """One forward call, plain or transposed; `image` is what `image_argument` gave."""
    data, x_layout, _ = image
    same_dtype(op, "x", data, "weight", kernel)
    y = ImageOut(op, out, x_layout, params.y_shape, data.dtype, data, kernel, bias)
    if residual is not None:
        residual = residual_data(op, residual, y.layout, params.y_shape, data.dtype, y.data)
    code, alpha, beta = activation_spec(op, activation)
    _kernels.conv(params, method, data, x_layout, kernel, bias, residual, y.data, y.layout, code, alpha, beta)
    return y.finish()


def conv(
    op: str,
    rank: int,
    x: Any,
    weight: Any,
    bias: Any,
    geometry: tuple[Any, ...],
    modes: tuple[str, str, str],
    activation: Any,
    residual: Any,
    out: Any,
) -> Any:
    """The body of `conv1d`, `conv2d` and `conv3d`; `geometry` is (stride, padding, dilation, groups)."""
    padding_mode, layout, algorithm = modes
    kind = NCHW if padding_mode == "zeros" and layout == "NCHW" else check_modes(op, padding_mode, layout)
    image = image_of(op, "x", x, rank, kind)
    kernel = as_array(op, "weight", weight)
    params = conv_params(op, rank, image[2], kernel.shape, *geometry, padding_mode=padding_mode)
    if bias is not None:
        bias = shaped(op, "bias", bias, (kernel.shape[0],), image[0], "x")
        bias = bias if image[2][1] else None
    method = conv_method(op, algorithm, params, kind)
    return _run(op, params, method, image, kernel, bias, residual, activation, out)


def conv_transpose(
    op: str,
    rank: int,
    x: Any,
    weight: Any,
    bias: Any,
    geometry: tuple[Any, ...],
    activation: Any,
    residual: Any,
    algorithm: str,
    out: Any,
    layout: str = "NCHW",
) -> Any:
    """The body of the transposed convolutions; `geometry` is (stride, padding, output_padding, groups, dilation)."""
    kind = NCHW if layout == "NCHW" else check_modes(op, "zeros", layout)
    image = image_of(op, "x", x, rank, kind)
    kernel = as_array(op, "weight", weight)
    params, _ = conv_transpose_params(op, rank, image[2], kernel.shape, *geometry)
    if bias is not None:
        bias = shaped(op, "bias", bias, (params.y_shape[1],), image[0], "x")
    return _run(op, params, conv_method(op, algorithm, params, kind), image, kernel, bias, residual, activation, out)
