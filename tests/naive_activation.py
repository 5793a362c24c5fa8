"""The oracle of activations, dropout and losses: naive.py's rules, in float64 with nothing but NumPy and math.

Gradients are written from the derivative of the definition, not from the way in which the kernels compute it.
"""

import math

import numpy as np
from naive import f64


def each_value(function, x):
    """`function` of every element, one by one."""
    x = f64(x)
    return np.array([function(float(value)) for value in x.ravel()], np.float64).reshape(x.shape)


def exp(value):
    """math.exp without its error for what is too large."""
    return math.exp(value) if value < 709 else math.inf


def logistic(value):
    return 1 / (1 + exp(-value)) if value == value else value


def logistic_slope(value):
    return logistic(value) * logistic(-value)


def normal_cdf(value):
    return 0.5 * math.erfc(-value / math.sqrt(2))


def normal_density(value):
    return exp(-value * value / 2) / math.sqrt(2 * math.pi)


def product(x, factor):
    """x times what goes to 0 at -infinity: 0 there, as the limit is."""
    return 0.0 if factor == 0 else x * factor


SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def log1p_exp(value):
    return max(value, 0.0) + math.log1p(exp(-abs(value)))


def gelu_tanh_argument(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)


def gelu_tanh_slope(x):
    """Of twice the argument."""
    return math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * x * x)


def mish_factor(x):
    return math.tanh(log1p_exp(x))


# name -> (f, its derivative), of numbers other than NaN.
FUNCTIONS = {
    "relu6": (lambda x: min(max(x, 0.0), 6.0), lambda x: float(0 < x < 6)),
    "leaky_relu": (lambda x, a=0.01: x if x > 0 else a * x, lambda x, a=0.01: 1.0 if x > 0 else a),
    "hardsigmoid": (lambda x: min(max(x + 3, 0.0), 6.0) / 6, lambda x: 1 / 6 if -3 < x < 3 else 0.0),
    "hardswish": (
        lambda x: product(x, min(max(x + 3, 0.0), 6.0) / 6),
        lambda x: 0.0 if x <= -3 else x / 3 + 0.5 if x < 3 else 1.0,
    ),
    "sigmoid": (logistic, lambda x: logistic_slope(x)),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "silu": (
        lambda x: product(x, logistic(x)),
        lambda x: logistic(x) + product(x, logistic_slope(x)),
    ),
    "mish": (
        lambda x: product(x, mish_factor(x)),
        lambda x: mish_factor(x) + product(x, (1 - mish_factor(x) ** 2) * logistic(x)),
    ),
    "softplus": (
        lambda x, beta=1.0, threshold=20.0: x if beta * x > threshold else log1p_exp(beta * x) / beta,
        lambda x, beta=1.0, threshold=20.0: 1.0 if beta * x > threshold else logistic(beta * x),
    ),
    "elu": (
        lambda x, alpha=1.0: x if x > 0 else alpha * math.expm1(x),
        lambda x, alpha=1.0: 1.0 if x > 0 else alpha * exp(x),
    ),
    "selu": (
        lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * math.expm1(x)),
        lambda x: SELU_SCALE * (1.0 if x > 0 else SELU_ALPHA * exp(x)),
    ),
    "gelu": (
        lambda x: product(x, normal_cdf(x)),
        lambda x: normal_cdf(x) + product(x, normal_density(x)),
    ),
    # (1 + tanh(u)) / 2 = logistic(2 u), which does not cancel
    "gelu_tanh": (
        lambda x: product(x, logistic(2 * gelu_tanh_argument(x))),
        lambda x: (
            logistic(2 * gelu_tanh_argument(x))
            + product(x * gelu_tanh_slope(x), logistic_slope(2 * gelu_tanh_argument(x)))
        ),
    ),
}


def activation(x, name, *parameters):
    """f(x); NaN stays NaN."""
    f = FUNCTIONS[name][0]
    return each_value(lambda value: f(value, *parameters) if value == value else value, x)


def activation_grad_input(gy, x, name, *parameters):
    """gy f'(x) for x without NaN."""
    derivative = FUNCTIONS[name][1]
    return f64(gy) * each_value(lambda value: derivative(value, *parameters), x)


def reduced(losses, reduction):
    with np.errstate(invalid="ignore"):
        return losses if reduction == "none" else losses.sum() / (losses.size if reduction == "mean" else 1)


def share(gy, losses, reduction):
    """The gradient of each loss."""
    return f64(gy) * np.ones(losses.shape) / (max(losses.size, 1) if reduction == "mean" else 1)


def mse_loss(x, target, reduction="mean"):
    return reduced((f64(x) - f64(target)) ** 2, reduction)


def mse_loss_grad_input(gy, x, target, reduction="mean"):
    d = f64(x) - f64(target)
    return share(gy, d, reduction) * 2 * d


def smooth_l1_loss(x, target, reduction="mean", beta=1.0):
    def loss(d):
        return 0.5 * d * d / beta if abs(d) < beta else abs(d) - 0.5 * beta

    return reduced(each_value(loss, f64(x) - f64(target)), reduction)


def smooth_l1_loss_grad_input(gy, x, target, reduction="mean", beta=1.0):
    d = f64(x) - f64(target)
    return share(gy, d, reduction) * each_value(lambda v: v / beta if abs(v) < beta else np.sign(v), d)


def binary_cross_entropy_with_logits(x, target, weight=None, reduction="mean", pos_weight=None):
    x, target = f64(x), f64(target)
    weight, pos_weight = (1 if w is None else f64(w) for w in (weight, pos_weight))
    positive, negative = each_value(lambda v: log1p_exp(-v), x), each_value(log1p_exp, x)
    return reduced(weight * (pos_weight * target * positive + (1 - target) * negative), reduction)


def binary_cross_entropy_with_logits_grad_input(gy, x, target, weight=None, reduction="mean", pos_weight=None):
    x, target = f64(x), f64(target)
    weight, pos_weight = (1 if w is None else f64(w) for w in (weight, pos_weight))
    p = each_value(logistic, x)
    return share(gy, x, reduction) * weight * (-pos_weight * target * (1 - p) + (1 - target) * p)


def nll_terms(target, classes, weight, ignore_index):
    target = np.asarray(target)
    counts = target != ignore_index
    weights = np.ones(classes) if weight is None else f64(weight)
    chosen = np.where(counts, target, 0)
    return counts, chosen, weights[chosen] * counts


def nll_loss(x, target, weight=None, ignore_index=-100, reduction="mean"):
    """x is [n, c, ...] and target [n, ...]; the mean divides by the weights of the targets not ignored."""
    x = np.moveaxis(f64(x), 1, -1)
    counts, chosen, weights = nll_terms(target, x.shape[-1], weight, ignore_index)
    losses = np.zeros(counts.shape)
    for at in np.ndindex(counts.shape):
        losses[at] = -weights[at] * x[at][chosen[at]] if counts[at] else 0
    with np.errstate(invalid="ignore"):
        return losses if reduction == "none" else losses.sum() / (weights.sum() if reduction == "mean" else 1)


def nll_loss_grad_input(gy, x, target, weight=None, ignore_index=-100, reduction="mean"):
    gx = np.moveaxis(np.zeros(np.shape(x)), 1, -1)
    counts, chosen, weights = nll_terms(target, gx.shape[-1], weight, ignore_index)
    g = f64(gy) * np.ones(counts.shape) / (weights.sum() if reduction == "mean" and counts.any() else 1)
    for at in np.ndindex(counts.shape):
        gx[at][chosen[at]] = -weights[at] * g[at] if counts[at] else 0
    return np.moveaxis(gx, -1, 1)
