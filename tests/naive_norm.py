"""The oracle of normalisation: naive.py's rules, in float64 with nothing but NumPy.

Gradients are those of the definition, found with the chain rule through mean and variance one step at a time.
"""

import numpy as np
from naive import f64


def standardised(x, axes, eps):
    """(x - mean) / sqrt(var + eps) over the axes, and what was divided by."""
    x = f64(x)
    mean = x.mean(axis=axes, keepdims=True)
    deviation = x - mean
    root = np.sqrt((deviation * deviation).mean(axis=axes, keepdims=True) + eps)
    return deviation / root, root


def standardised_grad(gh, x, axes, eps):
    """Gradient of `standardised`'s first result."""
    gh, x = f64(gh), f64(x)
    n = np.prod([x.shape[axis] for axis in axes])
    deviation = x - x.mean(axis=axes, keepdims=True)
    var = (deviation * deviation).mean(axis=axes, keepdims=True) + eps
    gvar = (gh * deviation).sum(axis=axes, keepdims=True) * -0.5 * var**-1.5
    gdeviation = gh * var**-0.5 + gvar * 2 * deviation / n
    return gdeviation - gdeviation.sum(axis=axes, keepdims=True) / n


def per_channel(values, x, default):
    """[C] against [N, C, ...]."""
    values = np.full(x.shape[1], default) if values is None else f64(values)
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def batch_axes(x):
    return (0, *range(2, x.ndim))


def batch_norm(x, running_mean=None, running_var=None, weight=None, bias=None, training=False, eps=1e-5):
    x = f64(x)
    if training:
        h, _ = standardised(x, batch_axes(x), eps)
    else:
        h = (x - per_channel(running_mean, x, 0)) / np.sqrt(per_channel(running_var, x, 1) + eps)
    return h * per_channel(weight, x, 1) + per_channel(bias, x, 0)


def running_statistics(x, running_mean, running_var, momentum):
    """What training makes of the running statistics: the variance there is the unbiased one."""
    x = f64(x)
    mean, var = x.mean(axis=batch_axes(x)), x.var(axis=batch_axes(x), ddof=1)
    return (1 - momentum) * f64(running_mean) + momentum * mean, (1 - momentum) * f64(running_var) + momentum * var


def batch_norm_grads(gy, x, running_mean=None, running_var=None, weight=None, training=False, eps=1e-5):
    """Gradients of x, weight and bias."""
    gy, x = f64(gy), f64(x)
    h = batch_norm(x, running_mean, running_var, None, None, training, eps)
    gh = gy * per_channel(weight, x, 1)
    if training:
        gx = standardised_grad(gh, x, batch_axes(x), eps)
    else:
        gx = gh / np.sqrt(per_channel(running_var, x, 1) + eps)
    return gx, (gy * h).sum(axis=batch_axes(x)), gy.sum(axis=batch_axes(x))


def instance_norm(x, weight=None, bias=None, eps=1e-5):
    x = f64(x)
    h, _ = standardised(x, tuple(range(2, x.ndim)), eps)
    return h * per_channel(weight, x, 1) + per_channel(bias, x, 0)


def instance_norm_grads(gy, x, weight=None, eps=1e-5):
    gy, x = f64(gy), f64(x)
    axes = tuple(range(2, x.ndim))
    gx = standardised_grad(gy * per_channel(weight, x, 1), x, axes, eps)
    return gx, (gy * standardised(x, axes, eps)[0]).sum(axis=batch_axes(x)), gy.sum(axis=batch_axes(x))


def last_axes(x, normalized_shape):
    return tuple(range(x.ndim - np.size(normalized_shape), x.ndim))


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    x = f64(x)
    h, _ = standardised(x, last_axes(x, normalized_shape), eps)
    return h * (1 if weight is None else f64(weight)) + (0 if bias is None else f64(bias))


def layer_norm_grads(gy, x, normalized_shape, weight=None, eps=1e-5):
    gy, x = f64(gy), f64(x)
    axes = last_axes(x, normalized_shape)
    rows = tuple(range(x.ndim - len(axes)))
    gx = standardised_grad(gy * (1 if weight is None else f64(weight)), x, axes, eps)
    return gx, (gy * standardised(x, axes, eps)[0]).sum(axis=rows), gy.sum(axis=rows)


def grouped(x, groups):
    return x.reshape(x.shape[0], groups, int(np.prod(x.shape[1:])) // groups)


def group_norm(x, num_groups, weight=None, bias=None, eps=1e-5):
    x = f64(x)
    h = standardised(grouped(x, num_groups), (2,), eps)[0].reshape(x.shape)
    return h * per_channel(weight, x, 1) + per_channel(bias, x, 0)


def group_norm_grads(gy, x, num_groups, weight=None, eps=1e-5):
    gy, x = f64(gy), f64(x)
    h = standardised(grouped(x, num_groups), (2,), eps)[0].reshape(x.shape)
    gh = grouped(gy * per_channel(weight, x, 1), num_groups)
    gx = standardised_grad(gh, grouped(x, num_groups), (2,), eps).reshape(x.shape)
    return gx, (gy * h).sum(axis=batch_axes(x)), gy.sum(axis=batch_axes(x))


def response_windows(c, size):
    """(channel, the channels that its sum of squares takes)."""
    return [(i, range(max(i - size // 2, 0), min(i - size // 2 + size, c))) for i in range(c)]


def response_base(x, size, alpha, k):
    base = np.full(x.shape, float(k))
    for channel, window in response_windows(x.shape[1], size):
        for other in window:
            base[:, channel] += alpha / size * x[:, other] ** 2
    return base


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    x = f64(x)
    return x / response_base(x, size, alpha, k) ** beta


def local_response_norm_grad_input(gy, x, size, alpha=1e-4, beta=0.75, k=1.0):
    gy, x = f64(gy), f64(x)
    base = response_base(x, size, alpha, k)
    gbase = gy * x * -beta * base ** (-beta - 1)
    gx = gy * base**-beta
    for channel, window in response_windows(x.shape[1], size):
        for other in window:
            gx[:, other] += gbase[:, channel] * alpha / size * 2 * x[:, other]
    return gx
