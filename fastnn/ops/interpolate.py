"""Interpolation to another size, and its gradient. Kernels: csrc/ops/interpolate.c."""

from typing import Any

from fastnn import _kernels
from fastnn.ops._blocked import BLOCKED, NCHW, blocked, image_argument, image_result
from fastnn.ops._checks import new_array
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import array_shape
from fastnn.ops._window_shapes import interpolate_shape

__all__ = ["interpolate", "interpolate_grad_input"]

# Mode -> (what the kernel does along each axis, numbers of axes).
_MODES = {
    "nearest": ("nearest", (1, 2, 3)),
    "nearest-exact": ("nearest-exact", (1, 2, 3)),
    "linear": ("linear", (1,)),
    "bilinear": ("linear", (2,)),
    "bicubic": ("cubic", (2,)),
    "trilinear": ("linear", (3,)),
}
Pass = tuple[tuple[int, int, int, int], tuple[int, int], tuple[float, float]]


def _mode(op: str, mode: Any, align_corners: Any, rank: int) -> tuple[int, bool]:
    if not isinstance(mode, str) or mode not in _MODES:
        raise ValueError(f"{op}: unknown mode {mode!r}; known are {', '.join(_MODES)}")
    kernel, ranks = _MODES[mode]
    if rank not in ranks:
        dims = " or ".join(str(r + 2) for r in ranks)
        raise ValueError(f"{op}: mode={mode!r} needs x of {dims} dimensions, got {rank + 2}")
    if kernel.startswith("nearest") and align_corners is not None:
        raise ValueError(f"{op}: mode={mode!r} has no align_corners, got {align_corners!r}")
    return _kernels.RESAMPLE_MODES[kernel], bool(align_corners)


def _passes(x_shape: tuple[int, ...], size: tuple[int, ...], steps: tuple[float, ...]) -> list[Pass]:
    """Calls of the two-dimensional kernel: one, or for volumes rows and columns, then depth."""
    n, c, *image = x_shape
    if len(image) == 1:
        return [((n, c, 1, image[0]), (1, size[0]), (1.0, steps[0]))]
    if len(image) == 2:
        return [((n, c, image[0], image[1]), (size[0], size[1]), (steps[0], steps[1]))]
    depth, height, width = image
    plane = size[1] * size[2]
    return [
        ((n, c * depth, height, width), (size[1], size[2]), (steps[1], steps[2])),
        ((n, c, depth, plane), (size[0], plane), (steps[0], 1.0)),
    ]


def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    *,
    out: Any = None,
) -> Any:
    """Images of another size, as `torch.nn.functional.interpolate`.

    Result i of an axis lies at ``(i + 1/2) * step - 1/2`` of the input with ``step = size_in / size_out``, or
    ``1 / scale_factor`` where that is given; with `align_corners` at ``i * (size_in - 1) / (size_out - 1)``.
    "nearest" takes pixel ``floor(i * step)``, "nearest-exact" pixel ``floor((i + 1/2) * step)``. As in PyTorch,
    "nearest" and the linear modes leave an axis alone whose size stays, and "nearest" repeats each pixel of an axis
    that doubles, whatever `scale_factor` was rounded to that size. Bicubic weights are those of the cubic convolution
    kernel with a = -0.75 (Keys, IEEE Trans. ASSP 29, 1981); pixels outside repeat the edge. Nothing is smoothed
    beforehand (no antialiasing).

    Parameters
    ----------
    x : array [N, C, L], [N, C, H, W] or [N, C, D, H, W], or Blocked; float32 or float64
    size : int or one for each axis of the image
    scale_factor : number or one for each axis, instead of `size`: the size is ``floor(size_in * scale_factor)``
    mode : "nearest", "nearest-exact", "linear" (one axis), "bilinear", "bicubic" (two), "trilinear" (three)
    align_corners : the corners of both images are the centres of their corner pixels; not for "nearest"
    out : array or Blocked of the result's shape, optional

    Returns
    -------
    array or Blocked, of the input's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Both or neither of `size` and `scale_factor`, an unknown mode, shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x = np.array([[[1.0, 3.0]]])
    >>> ops.interpolate(x, 4)
    array([[[1., 1., 3., 3.]]])
    >>> ops.interpolate(x, scale_factor=2, mode="linear")
    array([[[1. , 1.5, 2.5, 3. ]]])
    """
    op = "interpolate"
    data, layout, shape = image_argument(op, "x", x)
    y_shape, steps = interpolate_shape(op, shape, size, scale_factor)
    kernel, corners = _mode(op, mode, align_corners, len(shape) - 2)
    y = ImageOut(op, out, layout, y_shape, data.dtype, data)
    if y.layout != layout:
        data = x.numpy() if y.layout == NCHW else blocked(x).data
    passes = _passes(shape, y_shape[2:], steps)
    for image, new_size, step in passes:
        last = image is passes[-1][0]
        to = y.data if last else new_array((*image[:2], *new_size), data.dtype)
        _kernels.interpolate(image, new_size, kernel, corners, step, y.layout, data, to)
        data = to
    return y.finish()


def interpolate_grad_input(
    gy: Any,
    input_shape: Any,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:
    """Gradient of `interpolate`: each gy is shared among the pixels that its result was made of, by their weights.

    Parameters
    ----------
    gy : array of the result's shape, or Blocked
    input_shape : sequence of int
        (N, C, ...), the shape of x.
    scale_factor, mode, align_corners : as in `interpolate`; `scale_factor` only where it was given there

    Returns
    -------
    array or Blocked of `input_shape`, of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.interpolate_grad_input(np.ones((1, 1, 4)), (1, 1, 2), mode="linear", align_corners=True)
    array([[[2., 2.]]])
    """
    op = "interpolate_grad_input"
    g, layout, g_shape = image_argument(op, "gy", gy)
    x_shape = array_shape(op, "input_shape", input_shape)
    size = g_shape[2:] if scale_factor is None else None
    y_shape, steps = interpolate_shape(op, x_shape, size, scale_factor)
    if g_shape != y_shape:
        raise ValueError(f"{op}: gy has shape {g_shape}, expected {y_shape}")
    kernel, corners = _mode(op, mode, align_corners, len(x_shape) - 2)
    if layout == BLOCKED and len(x_shape) != 4:
        raise ValueError(f"{op}: gy is Blocked, input_shape must have four sizes, got {x_shape}")
    gx, gx_data = image_result(layout, x_shape, g.dtype)
    passes = _passes(x_shape, y_shape[2:], steps)
    for image, new_size, step in reversed(passes):
        to = gx_data if image is passes[0][0] else new_array(image, g.dtype)
        _kernels.interpolate_grad_input(image, new_size, kernel, corners, step, layout, g, to)
        g = to
    return gx
