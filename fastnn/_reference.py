"""The NumPy reference that speed is measured against: im2col and BLAS, no compiled code of this package.

It is what a careful programmer writes with NumPy alone: the convolution is one matrix product over gathered
patches, pooling is a running maximum (or sum) over shifted views. The benchmarks and the table of ``fastnn
demo`` check against it, then time it. It is not the oracle of the tests: that is ``tests/naive.py``, nested
loops in float64.

All images are NCHW. Sizes may be an int or a pair (vertical, horizontal).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Size = int | tuple[int, int]


def _pair(value: Size) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _patches(x: Array, kernel: tuple[int, int], stride: Size, padding: Size, dilation: Size) -> Array:
    """View of all patches, [n][c][oh][ow][kh][kw]; only the padding is copied."""
    (sh, sw), (ph, pw), (dh, dw) = _pair(stride), _pair(padding), _pair(dilation)
    if ph or pw:
        x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    reach = ((kernel[0] - 1) * dh + 1, (kernel[1] - 1) * dw + 1)
    return sliding_window_view(x, reach, axis=(2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]


def _columns(
    x: Array, w: Array, stride: Size, padding: Size, dilation: Size, groups: int
) -> tuple[Array, int, int]:
    """im2col: patches gathered to [n][groups][c/groups*kh*kw][oh*ow], with oh and ow."""
    n, c = x.shape[:2]
    patches = _patches(x, (w.shape[2], w.shape[3]), stride, padding, dilation)
    oh, ow = patches.shape[2:4]
    columns = patches.transpose(0, 1, 4, 5, 2, 3).reshape(
        n, groups, c // groups * w.shape[2] * w.shape[3], oh * ow
    )
    return columns, oh, ow


def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlation of x [n,c,h,w] with w [oc,c/groups,kh,kw] plus b [oc]: one matrix product per image
    and group.

    Examples
    --------
    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2))).ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    columns, oh, ow = _columns(x, w, stride, padding, dilation, groups)
    y = np.matmul(w.reshape(groups, w.shape[0] // groups, -1), columns).reshape(
        x.shape[0], w.shape[0], oh, ow
    )
    if b is not None:
        y += b[:, None, None]
    return y


def conv2d_grad_input(
    gy: Array,
    w: Array,
    input_shape: tuple[int, ...],
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Gradient of `conv2d` for x: a matrix product with the transposed filters, then col2im."""
    n, oc, oh, ow = gy.shape
    cg, kh, kw = w.shape[1:]
    (sh, sw), (ph, pw), (dh, dw) = _pair(stride), _pair(padding), _pair(dilation)
    filters = w.reshape(groups, oc // groups, -1).transpose(0, 2, 1)
    columns = np.matmul(filters, gy.reshape(n, groups, oc // groups, oh * ow))
    columns = columns.reshape(n, groups * cg, kh, kw, oh, ow)
    h, wd = input_shape[2:]
    padded = np.zeros((n, groups * cg, h + 2 * ph, wd + 2 * pw), dtype=gy.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
            cols = slice(j * dw, j * dw + (ow - 1) * sw + 1, sw)
            padded[:, :, rows, cols] += columns[:, :, i, j]
    return np.ascontiguousarray(padded[:, :, ph : ph + h, pw : pw + wd])


def conv2d_grad_weight(
    gy: Array,
    x: Array,
    weight_shape: tuple[int, ...],
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Gradient of `conv2d` for w: the output gradient times the transposed columns, summed over the batch."""
    n, oc, oh, ow = gy.shape
    patches = _patches(x, (weight_shape[2], weight_shape[3]), stride, padding, dilation)
    columns = patches.transpose(1, 4, 5, 0, 2, 3).reshape(groups, -1, n * oh * ow)
    rows = gy.transpose(1, 0, 2, 3).reshape(groups, oc // groups, n * oh * ow)
    return np.matmul(rows, columns.transpose(0, 2, 1)).reshape(weight_shape)


def _shifted(x: Array, kernel: tuple[int, int], stride: tuple[int, int]) -> Iterator[Array]:
    """The views of x that one kernel position after another sees, each [n][c][oh][ow]."""
    (kh, kw), (sh, sw) = kernel, stride
    oh, ow = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    for i in range(kh):
        for j in range(kw):
            yield x[:, :, i : i + (oh - 1) * sh + 1 : sh, j : j + (ow - 1) * sw + 1 : sw]


def max_pool2d(x: Array, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Array:
    """Maximum over windows of x [n,c,h,w]; padding counts as minus infinity.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2).ravel().tolist()
    [5.0, 7.0, 13.0, 15.0]
    """
    kernel, (ph, pw) = _pair(kernel_size), _pair(padding)
    if ph or pw:
        x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=-np.inf)
    views = _shifted(x, kernel, kernel if stride is None else _pair(stride))
    y = next(views).copy()
    for view in views:
        np.maximum(y, view, out=y)
    return y


def avg_pool2d(x: Array, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Array:
    """Mean over windows of x [n,c,h,w]; padding counts as zeros, as PyTorch does by default."""
    kernel, (ph, pw) = _pair(kernel_size), _pair(padding)
    if ph or pw:
        x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    views = _shifted(x, kernel, kernel if stride is None else _pair(stride))
    y = next(views).copy()
    for view in views:
        y += view
    y *= y.dtype.type(1.0 / (kernel[0] * kernel[1]))
    return y


def linear(x: Array, w: Array, b: Array | None = None) -> Array:
    """x [..., in] times the transpose of w [out, in], plus b [out]."""
    y = x @ w.T
    if b is not None:
        y += b
    return y


def relu(x: Array) -> Array:
    """max(x, 0), element by element."""
    return np.maximum(x, 0)


def softmax(x: Array, dim: int = -1) -> Array:
    """exp(x) / sum(exp(x)) along one dimension, shifted by the maximum so that nothing overflows."""
    y = np.exp(x - x.max(axis=dim, keepdims=True))
    y /= y.sum(axis=dim, keepdims=True)
    return y
