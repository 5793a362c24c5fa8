"""Oracles of the optimisers: one element at a time, float64, from the published formulas."""

import math

import numpy as np


def _gradient(p, g, o):
    g = -g if o.get("maximize") else g
    sign = (p > 0) - (p < 0)
    return g + o.get("l1", 0.0) * sign + (0.0 if o.get("decoupled") else o.get("weight_decay", 0.0) * p)


def sgd(p, gradients, lr, **o):
    momentum, v = o.get("momentum", 0.0), None
    for g in gradients:
        d = _gradient(p, g, o)
        if momentum:
            v = d if v is None else momentum * v + (1 - o.get("dampening", 0.0)) * d
            d = d + momentum * v if o.get("nesterov") else v
        p = p - lr * d
    return p


def adagrad(p, gradients, lr, **o):
    total = o.get("initial_accumulator_value", 0.0)
    for step, g in enumerate(gradients, 1):
        d = _gradient(p, g, o)
        total += d * d
        p = p - lr / (1 + (step - 1) * o.get("lr_decay", 0.0)) * d / (math.sqrt(total) + o.get("eps", 1e-10))
    return p


def rmsprop(p, gradients, lr, **o):
    alpha, square, mean, v = o.get("alpha", 0.99), 0.0, 0.0, 0.0
    for g in gradients:
        d = _gradient(p, g, o)
        square = alpha * square + (1 - alpha) * d * d
        mean = alpha * mean + (1 - alpha) * d
        variance = square - mean * mean if o.get("centered") else square
        v = o.get("momentum", 0.0) * v + d / (math.sqrt(max(variance, 0.0)) + o.get("eps", 1e-8))
        p = p - lr * v
    return p


def adam(p, gradients, lr, **o):
    (beta1, beta2), m, v, most = o.get("betas", (0.9, 0.999)), 0.0, 0.0, 0.0
    for step, g in enumerate(gradients, 1):
        d = _gradient(p, g, o)
        if o.get("decoupled"):
            p = p - lr * o.get("weight_decay", 0.01) * p
        m = beta1 * m + (1 - beta1) * d
        v = beta2 * v + (1 - beta2) * d * d
        most = max(most, v) if o.get("amsgrad") else v
        p = p - lr * (m / (1 - beta1**step)) / (math.sqrt(most / (1 - beta2**step)) + o.get("eps", 1e-8))
    return p


def adamw(p, gradients, lr, **o):
    return adam(p, gradients, lr, decoupled=True, **o)


def trained(rule, p, gradients, lr, **options):
    """The array p [...] after one step for each of gradients [steps, ...]."""
    p, gradients = p.astype(np.float64), gradients.astype(np.float64)
    y = np.empty(p.shape)
    for at in np.ndindex(p.shape):
        y[at] = rule(float(p[at]), [float(g[at]) for g in gradients], lr, **options)
    return y
