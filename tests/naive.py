"""The oracle: every operation written out from its definition, in float64, with nothing but NumPy.

The loops run over output positions and window taps; what stays inside is one product over batch and channels.
Gradients are written as scatters: each (output, tap, input) triple of the forward sum adds its share to the
gradient of the factor it multiplied.  Nothing here is fast, clever or checked for bad arguments.

Dimension letters are those of the C core: n batch, c in-channels, oc out-channels, h w oh ow, kh kw.
"""

import numpy as np


def f64(array):
    return np.asarray(array, dtype=np.float64)


def pair(value):
    """(height, width) of an argument given as one number or as two."""
    return (value, value) if np.ndim(value) == 0 else tuple(value)


def sides(padding, kernel=(1, 1), dilation=1):
    """((top, bottom), (left, right)) of a number, a pair, a pair per side, "same" or "valid"."""
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        missing = [d * (k - 1) for k, d in zip(kernel, pair(dilation), strict=True)]
        return tuple((m // 2, m - m // 2) for m in missing)  # "same": the odd one goes after, as in PyTorch
    return tuple(pair(p) for p in pair(padding))


def conv_size(size, kernel, stride, before, after, dilation):
    """How many windows fit, counted: the last one still ends inside the padded input."""
    count = 0
    while count * stride + dilation * (kernel - 1) < before + size + after:
        count += 1
    return count


def pool_size(size, kernel, stride, padding, dilation, ceil_mode):
    """As conv_size; with ceil_mode a last window may hang over the end, if it starts before the end."""
    count = conv_size(size, kernel, stride, padding, padding, dilation)
    covered = (count - 1) * stride + dilation * (kernel - 1) + 1
    hangs_over = count * stride - padding < size  # where the next window would start
    if ceil_mode and covered < size + 2 * padding and hangs_over:
        count += 1
    return count


def touched(out, kernel, stride, before, dilation, size):
    """(output, tap, input) triples along one axis whose input position exists."""
    for o in range(out):
        for k in range(kernel):
            i = o * stride - before + k * dilation
            if 0 <= i < size:
                yield o, k, i


def conv_triples(input_hw, kernel, stride, padding, dilation):
    """Output size, and (oh, ow, kh, kw, h, w) of every product of a convolution."""
    steps, dil, pads = pair(stride), pair(dilation), sides(padding, kernel, dilation)
    axes = list(zip(input_hw, kernel, steps, pads, dil, strict=True))
    oh, ow = (conv_size(i, k, s, p[0], p[1], d) for i, k, s, p, d in axes)
    rows, cols = (list(touched(o, k, s, p[0], d, i)) for o, (i, k, s, p, d) in zip((oh, ow), axes, strict=True))
    return (oh, ow), [(y, x, ky, kx, h, w) for y, ky, h in rows for x, kx, w in cols]


def conv_groups(channels, out_channels, groups):
    """The slices of in-channels and out-channels that belong together."""
    c, oc = channels // groups, out_channels // groups
    return [(slice(g * c, (g + 1) * c), slice(g * oc, (g + 1) * oc)) for g in range(groups)]


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n,oc,oh,ow] = bias[oc] + sum of x[n, c, oh*sh - top + kh*dh, ...] * weight[oc,c,kh,kw]."""
    x, weight = f64(x), f64(weight)
    (oh, ow), triples = conv_triples(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    y = np.zeros((x.shape[0], weight.shape[0], oh, ow))
    for cs, ocs in conv_groups(x.shape[1], weight.shape[0], groups):
        for i, j, ky, kx, h, w in triples:
            y[:, ocs, i, j] += x[:, cs, h, w] @ weight[ocs, :, ky, kx].T
    return y if bias is None else y + f64(bias)[:, None, None]


def conv2d_grad_input(gy, weight, input_shape, stride=1, padding=0, dilation=1, groups=1):
    gy, weight = f64(gy), f64(weight)
    _, triples = conv_triples(input_shape[2:], weight.shape[2:], stride, padding, dilation)
    gx = np.zeros(input_shape)
    for cs, ocs in conv_groups(input_shape[1], weight.shape[0], groups):
        for i, j, ky, kx, h, w in triples:
            gx[:, cs, h, w] += gy[:, ocs, i, j] @ weight[ocs, :, ky, kx]
    return gx


def conv2d_grad_weight(gy, x, weight_shape, stride=1, padding=0, dilation=1, groups=1):
    gy, x = f64(gy), f64(x)
    _, triples = conv_triples(x.shape[2:], weight_shape[2:], stride, padding, dilation)
    gw = np.zeros(weight_shape)
    for cs, ocs in conv_groups(x.shape[1], weight_shape[0], groups):
        for i, j, ky, kx, h, w in triples:
            gw[ocs, :, ky, kx] += gy[:, ocs, i, j].T @ x[:, cs, h, w]
    return gw


def conv2d_grad_bias(gy):
    return f64(gy).sum(axis=(0, 2, 3))


def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    """cols[n, c kh kw, oh ow]: every product of a convolution reads its x from there."""
    x, kernel = f64(x), pair(kernel_size)
    (oh, ow), triples = conv_triples(x.shape[2:], kernel, stride, padding, dilation)
    cols = np.zeros((*x.shape[:2], *kernel, oh, ow))
    for i, j, ky, kx, h, w in triples:
        cols[:, :, ky, kx, i, j] = x[:, :, h, w]
    return cols.reshape(x.shape[0], x.shape[1] * kernel[0] * kernel[1], oh * ow)


def col2im(cols, output_size, kernel_size, stride=1, padding=0, dilation=1):
    cols, kernel, image = f64(cols), pair(kernel_size), pair(output_size)
    (oh, ow), triples = conv_triples(image, kernel, stride, padding, dilation)
    cols = cols.reshape(cols.shape[0], cols.shape[1] // (kernel[0] * kernel[1]), *kernel, oh, ow)
    x = np.zeros((*cols.shape[:2], *image))
    for i, j, ky, kx, h, w in triples:
        x[:, :, h, w] += cols[:, :, ky, kx, i, j]
    return x


def pad_source(i, size, mode):
    """The position in [0, size) that position i of the endless array shows; None where there is a constant."""
    if 0 <= i < size:
        return i
    if mode == "constant":
        return None
    if mode == "replicate":
        return 0 if i < 0 else size - 1
    if mode == "circular":
        return i % size
    return -i if i < 0 else 2 * size - 2 - i  # reflect: the edge element itself is not repeated


def pad_sources(shape, pad, mode):
    """Per dimension, what each position of the result shows; `pad` starts with the last dimension."""
    sides = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    sides = [(0, 0)] * (len(shape) - len(sides)) + sides
    spans = (range(-before, size + after) for size, (before, after) in zip(shape, sides, strict=True))
    return [[pad_source(i, size, mode) for i in span] for size, span in zip(shape, spans, strict=True)]


def pad(x, pad, mode="constant", value=0):
    x = f64(x)
    sources = pad_sources(x.shape, pad, mode)
    y = np.full([len(s) for s in sources], value, dtype=np.float64)
    for at in np.ndindex(y.shape):
        source = tuple(s[i] for s, i in zip(sources, at, strict=True))
        if None not in source:
            y[at] = x[source]
    return y


def pad_grad_input(gy, input_shape, pad, mode="constant"):
    gy, gx = f64(gy), np.zeros(input_shape)
    sources = pad_sources(input_shape, pad, mode)
    for at in np.ndindex(gy.shape):
        source = tuple(s[i] for s, i in zip(sources, at, strict=True))
        if None not in source:
            gx[source] += gy[at]
    return gx


def linear(x, weight, bias=None):
    """y[..., o] = bias[o] + sum over i of x[..., i] * weight[o, i]."""
    x, weight = f64(x), f64(weight)
    y = np.zeros((*x.shape[:-1], weight.shape[0]))
    for o in range(weight.shape[0]):
        y[..., o] = (x * weight[o]).sum(axis=-1)
    return y if bias is None else y + f64(bias)


def linear_grad_input(gy, weight):
    gy, weight = f64(gy), f64(weight)
    gx = np.zeros((*gy.shape[:-1], weight.shape[1]))
    for o in range(weight.shape[0]):
        gx += gy[..., o, None] * weight[o]
    return gx


def linear_grad_weight(gy, x):
    gy, x = f64(gy), f64(x)
    gw = np.zeros((gy.shape[-1], x.shape[-1]))
    for row in np.ndindex(x.shape[:-1]):
        gw += np.outer(gy[row], x[row])
    return gw


def linear_grad_bias(gy):
    gy = f64(gy)
    return gy.sum(axis=tuple(range(gy.ndim - 1)))


def matmul(a, b):
    """y[i, j] = sum over k of a[i, k] * b[k, j]."""
    a, b = f64(a), f64(b)
    return np.array([[(row * b[:, j]).sum() for j in range(b.shape[1])] for row in a]).reshape(len(a), b.shape[1])


def pool_axes(x, kernel_size, stride, padding, dilation, ceil_mode):
    """(size, kernel, stride, padding, dilation, output size) of the two axes of a pooling."""
    kernel = pair(kernel_size)
    steps = kernel if stride is None else pair(stride)
    axes = zip(x.shape[2:], kernel, steps, pair(padding), pair(dilation), strict=True)
    return [(i, k, s, p, d, pool_size(i, k, s, p, d, ceil_mode)) for i, k, s, p, d in axes]


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest value of each window and the flat index h*W + w of the first such value.

    A NaN counts as larger than anything, another NaN included: the last one wins, as in PyTorch.  A window
    whose taps all miss the input has -inf and the index -1.
    """
    x = f64(x)
    (h, kh, sh, ph, dh, oh), (w, kw, sw, pw, dw, ow) = pool_axes(x, kernel_size, stride, padding, dilation, ceil_mode)
    y = np.full((*x.shape[:2], oh, ow), -np.inf)
    indices = np.full(y.shape, -1, dtype=np.int64)
    for i, _, row in touched(oh, kh, sh, ph, dh, h):
        for j, _, col in touched(ow, kw, sw, pw, dw, w):
            value, best = x[:, :, row, col], y[:, :, i, j]
            wins = (value > best) | np.isnan(value) | (indices[:, :, i, j] < 0)
            y[:, :, i, j] = np.where(wins, value, best)
            indices[:, :, i, j] = np.where(wins, row * w + col, indices[:, :, i, j])
    return y, indices


def max_pool2d_grad_input(gy, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Each output hands its gradient to the input it was copied from."""
    gy, x = f64(gy), f64(x)
    _, indices = max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode)
    gx = np.zeros((*x.shape[:2], x.shape[2] * x.shape[3]))
    for n, c, i, j in np.ndindex(gy.shape):
        if indices[n, c, i, j] >= 0:
            gx[n, c, indices[n, c, i, j]] += gy[n, c, i, j]
    return gx.reshape(x.shape)


def avg_windows(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """Output size, and (oh, ow, rows, columns, divisor) of every window that holds an input position."""
    axes = pool_axes(x, kernel_size, stride, padding, 1, ceil_mode)
    spans = []
    for size, kernel, step, pad, _, out in axes:
        starts = [o * step - pad for o in range(out)]
        inside = [slice(max(s, 0), min(s + kernel, size)) for s in starts]
        with_pad = [min(s + kernel, size + pad) - s for s in starts]  # PyTorch counts padding, but no overhang
        spans.append(list(zip(range(out), inside, with_pad, strict=True)))
    windows = []
    for i, rows, tall in spans[0]:
        for j, cols, wide in spans[1]:
            real = (rows.stop - rows.start) * (cols.stop - cols.start)
            divisor = divisor_override or (tall * wide if count_include_pad else real)
            if rows.start < rows.stop and cols.start < cols.stop:
                windows.append((i, j, rows, cols, divisor))
    return (axes[0][-1], axes[1][-1]), windows


def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The sum of each window over the number of its positions; a window that holds none gives 0."""
    x = f64(x)
    size, windows = avg_windows(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    y = np.zeros((*x.shape[:2], *size))
    for i, j, rows, cols, divisor in windows:
        y[:, :, i, j] = x[:, :, rows, cols].sum(axis=(2, 3)) / divisor
    return y


def avg_pool2d_grad_input(
    gy,
    input_shape,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    gy, gx = f64(gy), np.zeros(input_shape)
    _, windows = avg_windows(gx, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    for i, j, rows, cols, divisor in windows:
        gx[:, :, rows, cols] += gy[:, :, i, j, None, None] / divisor
    return gx


def relu(x):
    """max(x, 0); NaN stays NaN."""
    x = f64(x)
    return np.where(x < 0, 0.0, x)


def relu_grad_input(gy, y):
    return np.where(f64(y) > 0, f64(gy), 0.0)


def activation(y, kind):
    """The functions that conv2d and linear can fuse."""
    name, *args = (kind,) if kind is None or isinstance(kind, str) else kind
    y = f64(y)
    gate = 1 / (1 + np.exp(-np.clip(y, -700, 700)))  # beyond 700 the float64 exponential overflows
    table = {
        None: lambda: y,
        "relu": lambda: relu(y),
        "relu6": lambda: np.clip(y, 0, 6),
        "clip": lambda: np.clip(y, *args),
        "leaky_relu": lambda: np.where(y < 0, args[0] * y, y),
        "silu": lambda: y * gate,
        "hardswish": lambda: y * np.clip(y + 3, 0, 6) / 6,
        "sigmoid": lambda: gate,
        "tanh": lambda: np.tanh(y),
    }
    return table[name]()


def softmax(x, dim=-1):
    """exp(x) / sum of exp(x) along dim; the maximum is taken off first, which changes neither side."""
    e = np.exp(f64(x) - f64(x).max(axis=dim, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=dim, keepdims=True)


def softmax_grad_input(gy, y, dim=-1):
    gy, y = f64(gy), f64(y)
    return y * (gy - (gy * y).sum(axis=dim, keepdims=True))


def log_softmax(x, dim=-1):
    shifted = f64(x) - f64(x).max(axis=dim, keepdims=True, initial=-np.inf)
    with np.errstate(divide="ignore"):  # of an axis without elements
        return shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True))


def log_softmax_grad_input(gy, y, dim=-1):
    gy, y = f64(gy), f64(y)
    return gy - np.exp(y) * gy.sum(axis=dim, keepdims=True)


def loss_terms(target, classes, weight, ignore_index):
    """Per sample whether it counts, its class (0 if ignored), the weight of that class; then all weights."""
    target = np.asarray(target)
    weights = np.ones(classes) if weight is None else f64(weight)
    counts = target != ignore_index
    chosen = np.where(counts, target, 0)
    return counts, chosen, weights[chosen] * counts, weights


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-sum of q[c] * weight[c] * log_softmax(x)[c], q = (1 - smoothing) * onehot(target) + smoothing / C.

    x is [n, c, ...] and target [n, ...].  The mean divides by the weights of the targets not ignored.
    """
    classes = np.shape(x)[1]
    logp = np.moveaxis(log_softmax(x, dim=1), 1, -1)
    counts, chosen, target_weight, weights = loss_terms(target, classes, weight, ignore_index)
    loss = np.zeros(counts.shape)
    for at in np.ndindex(counts.shape):
        if counts[at]:
            smooth = -(weights * logp[at]).sum() / classes
            loss[at] = -(1 - label_smoothing) * target_weight[at] * logp[at][chosen[at]] + label_smoothing * smooth
    if reduction == "none":
        return loss
    with np.errstate(invalid="ignore"):  # nothing counted: 0 / 0 is NaN, as in PyTorch
        return loss.sum() / (target_weight.sum() if reduction == "mean" else 1)


def cross_entropy_grad_input(gy, x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    classes = np.shape(x)[1]
    p = np.moveaxis(softmax(x, dim=1), 1, -1)
    counts, chosen, target_weight, weights = loss_terms(target, classes, weight, ignore_index)
    share = np.broadcast_to(f64(gy), counts.shape)
    if reduction == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            share = share / target_weight.sum()
    gx = np.zeros(p.shape)
    for at in np.ndindex(counts.shape):
        if counts[at]:
            onehot = np.arange(classes) == chosen[at]
            hard = target_weight[at] * (p[at] - onehot)
            smooth = (weights.sum() * p[at] - weights) / classes
            gx[at] = share[at] * ((1 - label_smoothing) * hard + label_smoothing * smooth)
    return np.moveaxis(gx, -1, 1)


def soft_cross_entropy(x, target, weight=None, reduction="mean", label_smoothing=0.0):
    """cross_entropy with a probability for each class as target [n, c]; its mean divides by n."""
    x, target = f64(x), f64(target)
    q = (1 - label_smoothing) * target + label_smoothing / x.shape[1]
    weights = np.ones(x.shape[1]) if weight is None else f64(weight)
    loss = -(q * weights * log_softmax(x, dim=1)).sum(axis=1)
    return loss if reduction == "none" else loss.sum() / (len(x) if reduction == "mean" else 1)
