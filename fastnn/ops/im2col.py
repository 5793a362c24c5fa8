"""Images as matrices of their windows, and back. Kernels: csrc/ops/im2col.c."""

from functools import lru_cache
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import NCHW, image_argument
from fastnn.ops._checks import as_array, check_out, check_size, finish_out, hashable, new_array, pair, plain
from fastnn.ops._shapes import im2col_windows, resolve_padding

__all__ = ["col2im", "im2col"]


@lru_cache(maxsize=512)
def _params(op, n, c, image, kernel_size, stride, padding, dilation):
    """The checked geometry of one call, for arguments that passed through `hashable`."""
    kernel = pair(op, "kernel_size", plain(kernel_size), 1)
    strides, dilations = pair(op, "stride", plain(stride), 1), pair(op, "dilation", plain(dilation), 1)
    pads = resolve_padding(op, plain(padding), kernel, strides, dilations)
    windows = im2col_windows(op, image, kernel, strides, pads, dilations)
    check_size(op, "padded input", (n, c, image[0] + sum(pads[0]), image[1] + sum(pads[1])))
    check_size(op, "output", (n, c, *kernel, *windows))
    # What no second window or tap makes use of may be any number, and must not overflow below.
    strides = (strides[0] if windows[0] > 1 else 1, strides[1] if windows[1] > 1 else 1)
    dilations = (dilations[0] if kernel[0] > 1 else 1, dilations[1] if kernel[1] > 1 else 1)
    before = (pads[0][0], pads[1][0])
    return _kernels.Im2colParams((n, c, *image), windows, kernel, strides, before, dilations)


def im2col(
    x: Any,
    kernel_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    *,
    out: Any = None,
) -> np.ndarray:
    """The windows of images as columns of matrices, as `torch.nn.functional.unfold`.

    ``cols[n, (c KH + r) KW + s, i OW + j] = x[n, c, i S - P + r D, j S - P + s D]``, 0 outside x, so that a convolution
    is ``weight.reshape(OC, -1) @ cols``. The gradient with respect to x is `col2im`.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    kernel_size : int or pair (height, width)
    stride, dilation : int or pair, at least 1
    padding : zeros around the images: int, pair, per-side pairs ((top, bottom), (left, right)), "same" or "valid"
    out : array [N, C * KH * KW, OH * OW], optional

    Returns
    -------
    array [N, C * KH * KW, OH * OW], of x's dtype; OH and OW are the sizes of `conv2d`'s result

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.im2col(np.arange(9.0).reshape(1, 1, 3, 3), 2)[0]
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    op = "im2col"
    data, layout, shape = image_argument(op, "x", x)
    if len(shape) != 4:
        raise ValueError(f"{op}: x must have 4 dimensions [N, C, H, W], got shape {shape}")
    n, c, h, w = shape
    if h == 0 or w == 0:
        raise ValueError(f"{op}: x has an empty image, shape {shape}")
    key = hashable(kernel_size), hashable(stride), hashable(padding), hashable(dilation)
    params = _params(op, n, c, (h, w), *key)
    if out is None:
        written = new_array(params.cols_shape, data.dtype)
    else:
        written = check_out(op, out, params.cols_shape, data.dtype, data)
    _kernels.im2col(params, data if layout == NCHW else x.numpy(), written)
    return finish_out(out, written)


def col2im(
    cols: Any,
    output_size: Any,
    kernel_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    *,
    out: Any = None,
) -> np.ndarray:
    """Images as sums of windows, as `torch.nn.functional.fold`: the gradient of `im2col`, and it of this.

    ``x[n, c, i S - P + r D, j S - P + s D] += cols[n, (c KH + r) KW + s, i OW + j]``; what falls outside x is dropped.
    Sums are taken in the order of (r, s), the same bits for any number of threads.

    Parameters
    ----------
    cols : array [N, C * KH * KW, OH * OW], float32 or float64
    output_size : int or pair (H, W)
    kernel_size, stride, padding, dilation : as in `im2col`
    out : array [N, C, H, W], optional

    Returns
    -------
    array [N, C, H, W], of cols' dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    How many windows each pixel lies in:

    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.col2im(np.ones((1, 4, 4)), 3, 2)[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    op = "col2im"
    data = as_array(op, "cols", cols)
    if data.ndim != 3:
        raise ValueError(f"{op}: cols must have 3 dimensions [N, C * KH * KW, OH * OW], got shape {data.shape}")
    image = pair(op, "output_size", output_size, 1)
    kh, kw = pair(op, "kernel_size", kernel_size, 1)
    n, rows, _ = data.shape
    if rows % (kh * kw):
        raise ValueError(f"{op}: cols has {rows} rows, which is no multiple of the {kh * kw} taps of the kernel")
    key = hashable(kernel_size), hashable(stride), hashable(padding), hashable(dilation)
    params = _params(op, n, rows // (kh * kw), image, *key)
    if data.shape != params.cols_shape:
        raise ValueError(f"{op}: cols has shape {data.shape}, expected {params.cols_shape}")
    if out is None:
        written = new_array(params.x_shape, data.dtype)
    else:
        written = check_out(op, out, params.x_shape, data.dtype, data)
    _kernels.col2im(params, data, written)
    return finish_out(out, written)
