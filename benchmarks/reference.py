"""Checks of what a peer computed, in float64, cheap enough to run before every measurement.

A convolution is checked twice, and both look at the whole output:

* at sampled pixels (corners, borders, random ones) every output channel is computed from the definition;
* at every pixel, a random combination of the output channels is compared with the convolution by the same
  combination of the filters, which costs one output channel per group instead of ``oc`` (Freivalds' check).

The error is given over the root mean square of the output. `TOLERANCE` lies between what direct and Winograd
kernels reach in float32 (below 1e-4) and what half precision does (at the worst pixel above 1e-3 with fp16
operands, above 5e-3 with bf16), so a peer that silently computes in a narrower type is refused.
"""

from __future__ import annotations

import numpy as np

from .cases import ConvCase, TrainCase

TOLERANCE = 3e-4
LOSS_TOLERANCE = 1e-4
SAMPLES = 24
STEPS = 3


def conv_error(case: ConvCase, y: np.ndarray) -> float:
    """Return the largest error of ``y`` [batch, oc, oh, ow] over the output's root mean square.

    A wrong shape, NaN or infinity gives inf. In large batches the first, second, middle and last image are checked.

    Parameters
    ----------
    case : ConvCase
        The layer; its inputs come from ``case.arrays()``.
    y : numpy.ndarray
        What a peer computed.
    """
    y = np.asarray(y)
    if y.shape != (case.batch, case.oc, case.oh, case.ow) or not np.isfinite(y).all():
        return float("inf")
    x, w, b = case.arrays()
    pad = np.zeros((case.batch, case.c, case.h + 2 * case.ph, case.w + 2 * case.pw))
    pad[:, :, case.ph : case.ph + case.h, case.pw : case.pw + case.w] = x
    weights = w.astype(np.float64).reshape(case.groups, case.oc // case.groups, -1, case.kh, case.kw)
    return max(_pixel_error(case, pad, weights, b, y), _combination_error(case, pad, weights, b, y))


def _pixel_error(case: ConvCase, pad: np.ndarray, w: np.ndarray, b: np.ndarray, y: np.ndarray) -> float:
    rng = np.random.default_rng(23)
    rows = np.concatenate([[0, 0, case.oh - 1, case.oh - 1], rng.integers(0, case.oh, SAMPLES)])
    cols = np.concatenate([[0, case.ow - 1, 0, case.ow - 1], rng.integers(0, case.ow, SAMPLES)])
    errors, exacts = [], []
    for image in {0, case.batch - 1}:
        for i, j in zip(rows, cols, strict=True):
            top, left = i * case.sh, j * case.sw
            patch = pad[image, :, top : top + case.kh, left : left + case.kw]
            patch = patch.reshape(case.groups, -1, case.kh, case.kw)
            exacts.append(np.einsum("gocij,gcij->go", w, patch).ravel() + b)
            errors.append(np.abs(y[image, :, i, j] - exacts[-1]).max())
    return float(max(errors) / np.sqrt(np.mean(np.square(exacts))))


def _combination_error(case: ConvCase, pad: np.ndarray, w: np.ndarray, b: np.ndarray, y: np.ndarray) -> float:
    mix = np.random.default_rng(24).standard_normal(w.shape[:2])
    mix /= np.linalg.norm(mix, axis=1, keepdims=True)
    filters = np.einsum("go,gocij->gcij", mix, w)
    exact = np.empty((case.batch, case.groups, case.oh, case.ow))
    exact[:] = (mix * b.reshape(mix.shape)).sum(axis=1)[:, None, None]
    images = pad.reshape(case.batch, case.groups, -1, *pad.shape[2:])
    for r in range(case.kh):
        for s in range(case.kw):
            rows = slice(r, r + (case.oh - 1) * case.sh + 1, case.sh)
            cols = slice(s, s + (case.ow - 1) * case.sw + 1, case.sw)
            exact += np.einsum("gc,ngchw->nghw", filters[:, :, r, s], images[..., rows, cols], optimize=True)
    got = np.einsum(
        "go,ngohw->nghw", mix, y.reshape(case.batch, case.groups, -1, case.oh, case.ow), optimize=True
    )
    return float(np.abs(got - exact).max() / np.sqrt(np.mean(exact**2)))


def loss_error(case: TrainCase, losses: list[float]) -> float:
    """Return the largest relative error of the losses of the first `STEPS` steps; inf if they are unusable.

    The losses after the first depend on every gradient and on the optimiser, so they check the whole step.
    """
    from .peers.numpy_ import LeNet

    if len(losses) != STEPS or not np.isfinite(losses).all():
        return float("inf")
    net = LeNet(case, np.float64)
    exact = np.array([net.step() for _ in range(STEPS)])
    return float(np.max(np.abs(np.array(losses) - exact) / exact))
