"""Output sizes of pooling, unpooling, boxes and resampling; see `_shapes`."""

from typing import Any

from fastnn.ops._checks import check_size, integer, number, pair, sizes
from fastnn.ops._shapes import AXES, check_image


def pool_output_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """As a convolution's, or rounded up; a window that would start in the padding behind the input is left out.

    >>> pool_output_size(112, 3, 2, 1, 1, False), pool_output_size(112, 3, 2, 0, 1, True)
    (56, 56)
    """
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return span // stride + 1
    out = -(-span // stride) + 1
    return out - 1 if (out - 1) * stride >= size + padding else out


def check_pooled(op: str, x_shape: tuple[int, ...], rank: int) -> None:
    """Raise unless an image [N, C, ...] of so many axes has something to pool."""
    check_image(op, x_shape, rank)
    if 0 in x_shape[1:]:
        raise ValueError(f"{op}: x has no elements in its channels or image, shape {x_shape}")


def pool_shape(
    op: str,
    x_shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    ceil_mode: bool,
    overhang: bool = True,
) -> tuple[int, ...]:
    """The output shape [N, C, ...] of a pooling of len(kernel) axes, or an error that says what does not fit.

    `overhang`: with `ceil_mode` a window may be larger than the padded input.
    """
    check_pooled(op, x_shape, len(kernel))
    for k, p in zip(kernel, padding, strict=True):
        if 2 * p > k:
            raise ValueError(f"{op}: padding {padding} is more than half of kernel_size {kernel}")
    axes = list(zip(x_shape[2:], kernel, stride, padding, dilation, strict=True))
    out = tuple(pool_output_size(i, k, s, p, d, ceil_mode) for i, k, s, p, d in axes)
    padded = tuple(i + 2 * p for i, _, _, p, _ in axes)
    extent = tuple(d * (k - 1) + 1 for _, k, _, _, d in axes)
    if min(out) < 1 or (not overhang and any(e > i for e, i in zip(extent, padded, strict=True))):
        raise ValueError(f"{op}: window of extent {extent} is larger than the padded input {padded}")
    check_size(op, "output", (*x_shape[:2], *out))
    return *x_shape[:2], *out


def adaptive_pool_shape(op: str, x_shape: tuple[int, ...], rank: int, output_size: Any) -> tuple[int, ...]:
    """[N, C, ...] with the sizes asked for; None keeps an axis as it is."""
    check_pooled(op, x_shape, rank)
    if not isinstance(output_size, (tuple, list)):
        output_size = (output_size,) * rank
    if len(output_size) != rank:
        raise ValueError(f"{op}: output_size must be one size or {rank}, got {output_size!r}")
    asked = zip(output_size, x_shape[2:], strict=True)
    out = tuple(size if o is None else integer(op, "output_size", o, 1) for o, size in asked)
    check_size(op, "output", (*x_shape[:2], *out))
    return *x_shape[:2], *out


def output_size_of(op: str, gy_shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The image's part of a gradient's shape."""
    if len(gy_shape) != rank + 2:
        raise ValueError(f"{op}: gy must have {rank + 2} dimensions [N, C, {AXES[rank]}], got shape {gy_shape}")
    return tuple(gy_shape[2:])


def unpool_shape(
    op: str,
    x_shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    output_size: Any,
) -> tuple[int, ...]:
    """(size - 1) stride - 2 padding + kernel for each axis, or `output_size` where it is less than a stride away."""
    rank = len(kernel)
    check_image(op, x_shape, rank)
    axes = zip(x_shape[2:], kernel, stride, padding, strict=True)
    usual = tuple((i - 1) * s - 2 * p + k for i, k, s, p in axes)
    out = usual
    if output_size is not None:
        asked = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,)
        asked = asked[2:] if len(asked) == rank + 2 else asked
        out = sizes(op, "output_size", asked, 1, rank)
        for o, u, s in zip(out, usual, stride, strict=True):
            if not u - s < o < u + s:
                raise ValueError(f"{op}: output_size {out} must be less than stride {stride} away from {usual}")
    if min(out) < 1:
        raise ValueError(f"{op}: padding {padding} leaves an output of size {out}")
    check_size(op, "output", (*x_shape[:2], *out))
    return *x_shape[:2], *out


def roi_shape(
    op: str, x_shape: tuple[int, ...], k: int, output_size: Any, gy_shape: tuple[int, ...] | None = None
) -> tuple[int, int, int, int]:
    """[K, C, OH, OW] of k boxes on images [N, C, H, W], or an error that says what does not fit."""
    if gy_shape is not None and len(gy_shape) != 4:
        raise ValueError(f"{op}: gy must have 4 dimensions [K, C, OH, OW], got shape {gy_shape}")
    if 0 in x_shape[2:] or max(x_shape[2:]) >= 1 << 30:
        raise ValueError(f"{op}: x must have 1 to 2**30 - 1 rows and columns, got shape {x_shape}")
    oh, ow = pair(op, "output_size", output_size, 1)
    shape = k, x_shape[1], oh, ow
    if gy_shape is not None and gy_shape != shape:
        raise ValueError(f"{op}: gy has shape {gy_shape}, expected {shape} for {k} boxes")
    check_size(op, "output", shape)
    return shape


def _scaled_size(op: str, size: int, factor: Any) -> tuple[int, float]:
    """floor(size * factor), and the input's pixels for one of the output."""
    scale = number(op, "scale_factor", factor)
    if scale <= 0:
        raise ValueError(f"{op}: scale_factor must be positive, got {factor!r}")
    if size * scale >= 1 << 30:
        raise ValueError(f"{op}: scale_factor {factor!r} makes {size} too large")
    return int(size * scale), 1 / scale


def interpolate_shape(
    op: str, x_shape: tuple[int, ...], size: Any, scale_factor: Any
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The output shape [N, C, ...], and for each axis the pixels of the input for one of the output."""
    rank = len(x_shape) - 2
    if rank not in AXES:
        raise ValueError(f"{op}: x must have 3 to 5 dimensions [N, C, ...], got shape {x_shape}")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{op}: one of size and scale_factor is needed, got {size!r} and {scale_factor!r}")
    if 0 in x_shape[2:]:
        raise ValueError(f"{op}: x has an empty image, shape {x_shape}")
    if size is not None:
        new = sizes(op, "size", size, 1, rank)
        steps = tuple(i / o for i, o in zip(x_shape[2:], new, strict=True))
    else:
        sequence = isinstance(scale_factor, (tuple, list))
        factors = tuple(scale_factor) if sequence else (scale_factor,) * rank
        if len(factors) != rank:
            raise ValueError(f"{op}: scale_factor must be one number or {rank}, got {scale_factor!r}")
        pairs = [_scaled_size(op, i, f) for i, f in zip(x_shape[2:], factors, strict=True)]
        new, steps = tuple(n for n, _ in pairs), tuple(step for _, step in pairs)
        if 0 in new:
            raise ValueError(f"{op}: scale_factor {scale_factor!r} leaves nothing of {x_shape[2:]}")
    if max(x_shape[2:]) >= 1 << 30 or max(new) >= 1 << 30:
        raise ValueError(f"{op}: sizes must be below 2**30, got {x_shape[2:]} and {new}")
    shape = (*x_shape[:2], *new)
    check_size(op, "output", shape)
    return shape, steps
