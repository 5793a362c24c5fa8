"""Every output-size formula of fastnn, once."""

from typing import Any

from fastnn.ops._checks import check_size, integer, pair

Padding = tuple[tuple[int, int], tuple[int, int]]


def conv_output_size(
    size: int, kernel: int, stride: int, pad_before: int, pad_after: int, dilation: int
) -> int:
    """floor((size + pads - dilation (kernel - 1) - 1) / stride) + 1 (Dumoulin and Visin, arXiv:1603.07285, eq. 15).

    Not positive where the kernel is larger than the padded input.

    >>> conv_output_size(224, 7, 2, 3, 3, 1)
    112
    """
    return (size + pad_before + pad_after - dilation * (kernel - 1) - 1) // stride + 1


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


def resolve_padding(
    op: str, padding: Any, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> Padding:
    """Padding as ((top, bottom), (left, right)) from an int, a pair, per-side pairs, "same" or "valid"."""
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding != "same":
            raise ValueError(f"{op}: padding must be integers, 'same' or 'valid', got {padding!r}")
        if stride != (1, 1):
            raise ValueError(f"{op}: padding='same' needs stride 1, got stride {stride}")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return (totals[0] // 2, totals[0] - totals[0] // 2), (totals[1] // 2, totals[1] - totals[1] // 2)
    if isinstance(padding, (tuple, list)) and any(isinstance(side, (tuple, list)) for side in padding):
        if len(padding) != 2:
            raise ValueError(f"{op}: padding must give (top, bottom) and (left, right), got {padding!r}")
        return pair(op, "padding", padding[0], 0), pair(op, "padding", padding[1], 0)
    height, width = pair(op, "padding", padding, 0)
    return (height, height), (width, width)


def conv2d_shape(
    op: str,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, int],
    padding: Padding,
    dilation: tuple[int, int],
    groups: int,
) -> tuple[int, int, int, int]:
    """The output shape [N, OC, OH, OW], or an error that says what does not fit."""
    if len(x_shape) != 4:
        raise ValueError(f"{op}: x must have 4 dimensions [N, C, H, W], got shape {x_shape}")
    check_weight(op, weight_shape, groups)
    oc, cg, kh, kw = weight_shape
    n, c, h, w = x_shape
    if c != cg * groups:
        raise ValueError(f"{op}: weight has {cg} input channels, input has {c} (groups={groups})")
    if h == 0 or w == 0:
        raise ValueError(f"{op}: x has an empty image, shape {x_shape}")
    oh = conv_output_size(h, kh, stride[0], *padding[0], dilation[0])
    ow = conv_output_size(w, kw, stride[1], *padding[1], dilation[1])
    if oh < 1 or ow < 1:
        padded = (h + sum(padding[0]), w + sum(padding[1]))
        extent = (dilation[0] * (kh - 1) + 1, dilation[1] * (kw - 1) + 1)
        raise ValueError(f"{op}: kernel of extent {extent} is larger than the padded input {padded}")
    check_size(op, "padded input", (n, c, h + sum(padding[0]), w + sum(padding[1])))
    check_size(op, "output", (n, oc, oh, ow))
    return n, oc if c else 0, oh, ow  # as PyTorch: without input channels there are no output channels


def check_weight(op: str, weight_shape: tuple[int, ...], groups: int) -> None:
    """Raise unless a weight [OC, C / groups, KH, KW] can be convolved with in `groups` groups."""
    if len(weight_shape) != 4:
        raise ValueError(f"{op}: weight must have 4 dimensions [OC, C/groups, KH, KW], got shape {weight_shape}")
    oc, _, kh, kw = weight_shape
    if oc == 0 or kh == 0 or kw == 0:
        raise ValueError(f"{op}: weight has no output channels or an empty kernel, shape {weight_shape}")
    if oc % groups:
        raise ValueError(f"{op}: groups={groups} does not divide the {oc} output channels")


def im2col_windows(
    op: str,
    image: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Padding,
    dilation: tuple[int, int],
) -> tuple[int, int]:
    """How many windows an image [H, W] has in each direction, or an error where it has none."""
    oh, ow = (
        conv_output_size(size, k, s, *p, d)
        for size, k, s, p, d in zip(image, kernel, stride, padding, dilation, strict=True)
    )
    if oh < 1 or ow < 1:
        padded = tuple(size + sum(p) for size, p in zip(image, padding, strict=True))
        extent = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
        raise ValueError(f"{op}: window of extent {extent} is larger than the padded input {padded}")
    return oh, ow


def pad_shape(
    op: str, x_shape: tuple[int, ...], pads: tuple[tuple[int, int], ...], mode: str
) -> tuple[int, ...]:
    """Each size plus its padding (before, after), or an error where the mode cannot pad so far."""
    for dim, (size, sides) in enumerate(zip(x_shape, pads, strict=True)):
        if sides == (0, 0):
            continue
        if mode == "reflect" and max(sides) >= size:
            raise ValueError(f"{op}: reflect padding {sides} must be less than the size {size} of dimension {dim}")
        if mode == "circular" and max(sides) > size:
            raise ValueError(f"{op}: circular padding {sides} must be at most the size {size} of dimension {dim}")
        if mode == "circular" and min(sides) < 0:
            raise ValueError(f"{op}: circular padding {sides} of dimension {dim} must not be negative")
        if mode == "replicate" and max(sides) > 0 and size == 0:
            raise ValueError(f"{op}: dimension {dim} of size 0 has no element to replicate")
        if size + sum(sides) < 0:
            raise ValueError(f"{op}: padding {sides} crops more than the size {size} of dimension {dim}")
    shape = tuple(size + sum(sides) for size, sides in zip(x_shape, pads, strict=True))
    check_size(op, "output", shape)
    return shape


def pool2d_shape(
    op: str,
    x_shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    ceil_mode: bool,
) -> tuple[int, int, int, int]:
    """The output shape [N, C, OH, OW], or an error that says what does not fit."""
    if len(x_shape) != 4:
        raise ValueError(f"{op}: x must have 4 dimensions [N, C, H, W], got shape {x_shape}")
    for k, p in zip(kernel, padding, strict=True):
        if 2 * p > k:
            raise ValueError(f"{op}: padding {padding} is more than half of kernel_size {kernel}")
    n, c, h, w = x_shape
    if h == 0 or w == 0 or c == 0:
        raise ValueError(f"{op}: x has no elements in its channels or image, shape {x_shape}")
    oh = pool_output_size(h, kernel[0], stride[0], padding[0], dilation[0], ceil_mode)
    ow = pool_output_size(w, kernel[1], stride[1], padding[1], dilation[1], ceil_mode)
    if oh < 1 or ow < 1:
        padded = (h + 2 * padding[0], w + 2 * padding[1])
        extent = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)
        raise ValueError(f"{op}: window of extent {extent} is larger than the padded input {padded}")
    check_size(op, "output", (n, c, oh, ow))
    return n, c, oh, ow


def image_shape(op: str, name: str, shape: Any) -> tuple[int, int, int, int]:
    """`shape` as four sizes (N, C, H, W), none negative."""
    if type(shape) is tuple and len(shape) == 4:
        n, c, h, w = shape
        plain = type(n) is type(c) is type(h) is type(w) is int
        if plain and n >= 0 and c >= 0 and h >= 0 and w >= 0 and n * c * h * w < 1 << 40:
            return shape
    try:
        sizes = tuple(integer(op, name, size, 0) for size in shape)
    except TypeError as error:
        raise TypeError(f"{op}: {name} must be four integers, got {shape!r}") from error
    if len(sizes) != 4:
        raise ValueError(f"{op}: {name} must be four integers, got {shape!r}")
    check_size(op, name, sizes)
    return sizes


def array_shape(op: str, name: str, shape: Any) -> tuple[int, ...]:
    """`shape` as any number of sizes, none negative."""
    try:
        sizes = tuple(integer(op, name, size, 0) for size in shape)
    except TypeError as error:
        raise TypeError(f"{op}: {name} must be integers, got {shape!r}") from error
    check_size(op, name, sizes)
    return sizes


def normalize_dim(op: str, name: str, dim: Any, ndim: int) -> int:
    """A dimension in -ndim .. ndim-1 as a non-negative one; a scalar counts as one dimension."""
    number = integer(op, name, dim, -(1 << 62))
    most = max(ndim, 1)
    if not -most <= number < most:
        raise ValueError(f"{op}: {name}={number} is out of range for {ndim} dimensions")
    return number % most
