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

    A wrong shape, NaN or infinity gives inf. Of a large batch, the first two, the middle and the last image
    are checked.

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
    weights = w.astype(np.float64).reshape(case.groups, case.oc // case.groups, -1, case.kh, case.kw)
    worst = 0.0
    for image in sorted({0, min(1, case.batch - 1), case.batch // 2, case.batch - 1}):
        padded = np.pad(x[image].astype(np.float64), ((0, 0), (case.ph, case.ph), (case.pw, case.pw)))
        padded = padded.reshape(case.groups, -1, *padded.shape[1:])
        for error in (_pixel_error, _combination_error):
            worst = max(worst, error(case, padded, weights, b, y[image]))
    return worst


def _pixel_error(case: ConvCase, padded: np.ndarray, w: np.ndarray, b: np.ndarray, y: np.ndarray) -> float:
    """Compare every channel at the corners and at sampled pixels.

    padded is [groups, c/groups, h, w], w [groups, oc/groups, c/groups, kh, kw], y [oc, oh, ow].
    """
    rng = np.random.default_rng(23)
    rows = np.concatenate([[0, 0, case.oh - 1, case.oh - 1], rng.integers(0, case.oh, SAMPLES)])
    cols = np.concatenate([[0, case.ow - 1, 0, case.ow - 1], rng.integers(0, case.ow, SAMPLES)])
    exact = np.empty((len(rows), case.oc))
    for sample, (i, j) in enumerate(zip(rows, cols, strict=True)):
        top, left = i * case.sh, j * case.sw
        patch = padded[:, :, top : top + case.kh, left : left + case.kw]
        exact[sample] = np.einsum("gocij,gcij->go", w, patch).ravel() + b
    return _over_rms(y[:, rows, cols].T, exact)


def _combination_error(case: ConvCase, padded: np.ndarray, w: np.ndarray, b: np.ndarray, y: np.ndarray) -> float:
    """Compare a random combination of each group's channels at every pixel; arrays as in `_pixel_error`."""
    mix = np.random.default_rng(24).standard_normal(w.shape[:2])
    mix /= np.linalg.norm(mix, axis=1, keepdims=True)
    filters = np.einsum("go,gocij->gcij", mix, w)
    exact = np.empty((case.groups, case.oh, case.ow))
    exact[:] = (mix * b.reshape(mix.shape)).sum(axis=1)[:, None, None]
    for r in range(case.kh):
        for s in range(case.kw):
            rows = slice(r, r + (case.oh - 1) * case.sh + 1, case.sh)
            cols = slice(s, s + (case.ow - 1) * case.sw + 1, case.sw)
            exact += np.einsum("gc,gchw->ghw", filters[:, :, r, s], padded[:, :, rows, cols], optimize=True)
    channels = y.reshape(case.groups, -1, case.oh, case.ow)
    return _over_rms(np.einsum("go,gohw->ghw", mix, channels, optimize=True), exact)


def _over_rms(got: np.ndarray, exact: np.ndarray) -> float:
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
