"""Every output-size formula of fastnn, once: convolutions, padding and recurrent layers.

Pooled windows, boxes and resampled images: `_window_shapes`.
"""

from typing import Any

from fastnn.ops._checks import check_size, integer, pair, sizes

Padding = tuple[tuple[int, int], ...]  # (before, after) of each axis
AXES = {1: "L", 2: "H, W", 3: "D, H, W"}  # of images by the number of their axes
_KERNEL_AXES = {1: "K", 2: "KH, KW", 3: "KD, KH, KW"}


def conv_output_size(
    size: int, kernel: int, stride: int, pad_before: int, pad_after: int, dilation: int
) -> int:
    """floor((size + pads - dilation (kernel - 1) - 1) / stride) + 1 (Dumoulin and Visin, arXiv:1603.07285, eq. 15).

    Not positive where the kernel is larger than the padded input.

    >>> conv_output_size(224, 7, 2, 3, 3, 1)
    112
    """
    return (size + pad_before + pad_after - dilation * (kernel - 1) - 1) // stride + 1


def conv_transpose_output_size(
    size: int, kernel: int, stride: int, pad_before: int, pad_after: int, dilation: int, output_padding: int
) -> int:
    """(size - 1) stride - pads + dilation (kernel - 1) + output_padding + 1 (the same paper, relationship 14).

    Not positive where the padding crops everything.

    >>> conv_transpose_output_size(16, 64, 32, 0, 0, 1, 0)
    544
    """
    return (size - 1) * stride - pad_before - pad_after + dilation * (kernel - 1) + output_padding + 1


def resolve_padding(
    op: str, padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Padding:
    """Padding as (before, after) of each axis from an int, one per axis, pairs, "same" or "valid"."""
    rank = len(stride)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * rank
        if padding != "same":
            raise ValueError(f"{op}: padding must be integers, 'same' or 'valid', got {padding!r}")
        if any(s != 1 for s in stride):
            raise ValueError(f"{op}: padding='same' needs stride 1, got stride {stride}")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, (tuple, list)) and any(isinstance(side, (tuple, list)) for side in padding):
        if len(padding) != rank:
            raise ValueError(f"{op}: padding must give (before, after) for each of {AXES[rank]}, got {padding!r}")
        return tuple(pair(op, "padding", sides, 0) for sides in padding)
    return tuple((pad, pad) for pad in sizes(op, "padding", padding, 0, rank))


def check_image(op: str, x_shape: tuple[int, ...], rank: int) -> None:
    if len(x_shape) != rank + 2:
        raise ValueError(f"{op}: x must have {rank + 2} dimensions [N, C, {AXES[rank]}], got shape {x_shape}")


def conv_shape(
    op: str,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Padding,
    dilation: tuple[int, ...],
    groups: int,
) -> tuple[int, ...]:
    """The output shape [N, OC, ...] of a convolution of len(stride) axes, or an error that says what does not fit."""
    rank = len(stride)
    check_image(op, x_shape, rank)
    check_weight(op, weight_shape, groups, rank)
    oc, cg, *kernel = weight_shape
    n, c, *size = x_shape
    if c != cg * groups:
        raise ValueError(f"{op}: weight has {cg} input channels, input has {c} (groups={groups})")
    if 0 in size:
        raise ValueError(f"{op}: x has an empty image, shape {x_shape}")
    axes = list(zip(size, kernel, stride, padding, dilation, strict=True))
    out = tuple(conv_output_size(i, k, s, *p, d) for i, k, s, p, d in axes)
    padded = tuple(i + sum(p) for i, _, _, p, _ in axes)
    if min(out) < 1:
        extent = tuple(d * (k - 1) + 1 for _, k, _, _, d in axes)
        raise ValueError(f"{op}: kernel of extent {extent} is larger than the padded input {padded}")
    check_size(op, "padded input", (n, c, *padded))
    check_size(op, "output", (n, oc, *out))
    return n, oc if c else 0, *out  # as PyTorch: without input channels there are no output channels


def conv_transpose_shape(
    op: str,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Padding,
    output_padding: tuple[int, ...],
    groups: int,
    dilation: tuple[int, ...],
) -> tuple[int, ...]:
    """The output shape [N, OC, ...] of a transposed convolution, or an error that says what does not fit."""
    rank = len(stride)
    check_image(op, x_shape, rank)
    check_weight(op, weight_shape, groups, rank, transposed=True)
    c, ocg, *kernel = weight_shape
    n, channels, *size = x_shape
    if channels != c:
        raise ValueError(f"{op}: weight has {c} input channels, input has {channels}")
    if 0 in size:
        raise ValueError(f"{op}: x has an empty image, shape {x_shape}")
    for o, s, d in zip(output_padding, stride, dilation, strict=True):
        if o >= s and o >= d:
            raise ValueError(
                f"{op}: output_padding {output_padding} must be smaller than stride {stride} or dilation {dilation}"
            )
    axes = zip(size, kernel, stride, padding, dilation, output_padding, strict=True)
    out = tuple(conv_transpose_output_size(i, k, s, p[0], p[1], d, o) for i, k, s, p, d, o in axes)
    if min(out) < 1:
        raise ValueError(f"{op}: padding {padding} leaves an output of size {out}")
    check_size(op, "output", (n, ocg * groups, *(o + sum(p) for o, p in zip(out, padding, strict=True))))
    return n, ocg * groups, *out


def check_weight(op: str, weight_shape: tuple[int, ...], groups: int, rank: int, transposed: bool = False) -> None:
    """Raise unless a weight [OC, C / groups, ...] (transposed [C, OC / groups, ...]) can serve in `groups` groups."""
    if len(weight_shape) != rank + 2:
        channels = "C, OC/groups" if transposed else "OC, C/groups"
        raise ValueError(
            f"{op}: weight must have {rank + 2} dimensions [{channels}, {_KERNEL_AXES[rank]}], got shape {weight_shape}"
        )
    first, second, *kernel = weight_shape
    if first == 0 or 0 in kernel or (transposed and second == 0):
        raise ValueError(f"{op}: weight has no {'' if transposed else 'output '}channels or an empty kernel, "
                         f"shape {weight_shape}")  # fmt: skip
    if first % groups:
        kind = "input" if transposed else "output"
        raise ValueError(f"{op}: groups={groups} does not divide the {first} {kind} channels")


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


_INTS = {int}
_NUMBERS = {3: "three", 4: "four", 5: "five"}


def shape_of(op: str, name: str, shape: Any, length: int) -> tuple[int, ...]:
    """`shape` as `length` sizes, none negative."""
    if type(shape) is tuple and len(shape) == length and set(map(type, shape)) == _INTS and min(shape) >= 0:
        check_size(op, name, shape)  # the usual case, in a third of the time
        return shape
    try:
        found = tuple(integer(op, name, size, 0) for size in shape)
    except TypeError as error:
        raise TypeError(f"{op}: {name} must be {_NUMBERS[length]} integers, got {shape!r}") from error
    if len(found) != length:
        raise ValueError(f"{op}: {name} must be {_NUMBERS[length]} integers, got {shape!r}")
    check_size(op, name, found)
    return found


def image_shape(op: str, name: str, shape: Any) -> tuple[int, int, int, int]:
    """`shape` as four sizes (N, C, H, W), none negative."""
    if type(shape) is tuple and len(shape) == 4:  # the usual case, in a fifth of the time
        n, c, h, w = shape
        plain = type(n) is type(c) is type(h) is type(w) is int
        if plain and n >= 0 and c >= 0 and h >= 0 and w >= 0 and n * c * h * w < 1 << 40:
            return shape
    n, c, h, w = shape_of(op, name, shape, 4)
    return n, c, h, w


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


def rnn_state_shape(layers: int, directions: int, batch: int, hidden: int) -> tuple[int, int, int]:
    """The shape of a recurrent stack's state: layers and their directions come first."""
    return layers * directions, batch, hidden


def rnn_output_shape(x_shape: tuple[int, ...], directions: int, hidden: int) -> tuple[int, ...]:
    """The shape of a recurrent layer's result: the directions' hidden states side by side."""
    return (*x_shape[:-1], directions * hidden)
