"""Checks of what a peer computed, in float64, cheap enough to run before every measurement.

A convolution is checked twice, and both look at the whole output:

* at sampled pixels (corners, borders, random ones) every output channel is computed from the definition;
* at every pixel, a random combination of the output channels is compared with the convolution by the same
  combination of the filters, which costs one output channel per group instead of ``oc`` (Freivalds' check).

The error is given over the root mean square of the output. `TOLERANCE` lies between what direct and Winograd
kernels reach in float32 (below 1e-4) and what half precision does (at the worst pixel above 1e-3 with fp16
operands, above 5e-3 with bf16), so a peer that silently computes in a narrower type is refused.

What is exact does not depend on the peer: it is computed once per case (`expected`), as a dictionary of arrays
that one process may write to a file for the others.  Gradients: see `gradients`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from .cases import ConvCase, TrainCase

TOLERANCE = 3e-4
LOSS_TOLERANCE = 1e-4
SAMPLES = 24
STEPS = 3

Exact = dict[str, np.ndarray]


def images(case: ConvCase) -> list[int]:
    """Of a large batch, the first two, the middle and the last image are checked."""
    return sorted({0, min(1, case.batch - 1), case.batch // 2, case.batch - 1})


def expected(case: ConvCase, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Exact:
    """Return what `conv_error` compares with: per checked image the samples and the combination, in float64.

    x, w, b have the shapes of ``case.x_shape``, ``case.w_shape`` and [oc].
    """
    w, b = w.astype(np.float64), b.astype(np.float64)
    mix = _mix(case)
    filters = _by_group(case, w)
    mixed = np.einsum("go,gock->gck", mix, filters, optimize=True)
    shift = (mix * b.reshape(mix.shape)).sum(axis=1)
    sampled, combined = (_transposed_samples, _transposed_whole) if case.transposed else (_samples, _whole)
    exact: Exact = {}
    for image in images(case):
        data = x[image].astype(np.float64)
        exact[f"samples{image}"] = sampled(case, data, filters) + b
        whole = combined(case, data.reshape(case.groups, -1, *case.size), mixed)
        exact[f"whole{image}"] = whole + shift.reshape(-1, *[1] * case.dims)
    return exact


def conv_error(case: ConvCase, y: np.ndarray, exact: Exact | None = None) -> float:
    """Return the largest error of ``y`` [batch, oc, out] over the output's root mean square.

    A wrong shape, NaN or infinity gives inf.

    Parameters
    ----------
    case : ConvCase
        The layer; its inputs come from ``case.arrays()``.
    y : numpy.ndarray
        What a peer computed.
    exact : dict, optional
        What `expected` returned for this case; computed here if not given.
    """
    y = np.asarray(y)
    if y.shape != case.y_shape or not np.isfinite(y).all():
        return float("inf")
    exact = expected(case, *case.arrays()) if exact is None else exact
    mix, pixels = _mix(case), tuple(sample_pixels(case).T)
    worst = 0.0
    for image in images(case):
        worst = max(worst, over_rms(y[image][(slice(None), *pixels)].T, exact[f"samples{image}"]))
        channels = y[image].reshape(case.groups, -1, math.prod(case.out))
        got = np.matmul(mix[:, None], channels).reshape(case.groups, *case.out)
        worst = max(worst, over_rms(got, exact[f"whole{image}"]))
    return worst


def over_rms(got: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest error over the root mean square of what is exact."""
    scale = float(np.sqrt(np.mean(exact**2)))
    worst = float(np.abs(got - exact).max())
    return worst / scale if scale else (0.0 if worst == 0.0 else float("inf"))


def sample_pixels(case: ConvCase) -> np.ndarray:
    """Return [samples, dims]: the corners of the output and random pixels."""
    corners = np.array(list(itertools.product(*[(0, size - 1) for size in case.out])))
    rng = np.random.default_rng(23)
    return np.concatenate([corners, np.stack([rng.integers(0, size, SAMPLES) for size in case.out], axis=1)])


def taps(case: ConvCase) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Yield (number of the tap, the padded pixels it meets); of a transposed layer those of the whole output."""
    pixels = case.size if case.transposed else case.out
    for number, tap in enumerate(np.ndindex(*case.kernel)):
        axes = zip(tap, case.dilation, case.stride, pixels, strict=True)
        yield number, tuple(slice(k * d, k * d + (n - 1) * s + 1, s) for k, d, s, n in axes)


def padded(case: ConvCase, data: np.ndarray) -> np.ndarray:
    """Return ``data`` [..., size] with the layer's padding around its last axes."""
    return np.pad(data, [(0, 0)] * (data.ndim - case.dims) + list(case.padding))


def _mix(case: ConvCase) -> np.ndarray:
    """Random weights [groups, oc / groups] of norm 1 per group."""
    mix = np.random.default_rng(24).standard_normal((case.groups, case.oc // case.groups))
    return mix / np.linalg.norm(mix, axis=1, keepdims=True)


def _by_group(case: ConvCase, w: np.ndarray) -> np.ndarray:
    """Filters as [groups, oc / groups, c / groups, taps], transposed or not."""
    grouped = w.reshape(case.groups, w.shape[0] // case.groups, w.shape[1], -1)
    return grouped.swapaxes(1, 2) if case.transposed else grouped


def _samples(case: ConvCase, data: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Every channel at the sampled pixels, [samples, oc]; data [c, size], filters as `_by_group` returns them."""
    source = padded(case, data)
    patches = []
    for pixel in sample_pixels(case):
        axes = zip(pixel, case.stride, case.extent, case.dilation, strict=True)
        seen = source[(slice(None), *(slice(i * s, i * s + e, d) for i, s, e, d in axes))]
        patches.append(seen.reshape(case.groups, -1))
    columns = np.stack(patches, axis=-1)  # [groups, c / groups * taps, samples]
    rows = np.matmul(filters.reshape(*filters.shape[:2], -1), columns)
    return rows.reshape(case.oc, -1).T


def _whole(case: ConvCase, data: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """One channel per group at every pixel, [groups, out]; data [groups, c / groups, size], mixed [g, c/g, taps]."""
    source = padded(case, data)
    exact = np.zeros((case.groups, *case.out))
    for number, seen in taps(case):
        view = source[(slice(None), slice(None), *seen)]
        exact += np.einsum("gc,gc...->g...", mixed[:, :, number], view, optimize=True)
    return exact


def _transposed_samples(case: ConvCase, data: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """As `_samples`: a pixel p gathers the inputs i and taps k for which i s + k d = p + padding."""
    w = filters.reshape(*filters.shape[:3], *case.kernel)
    source = data.reshape(case.groups, -1, *case.size)
    exact = np.zeros((len(sample_pixels(case)), case.oc))
    for sample, pixel in enumerate(sample_pixels(case)):
        pairs = []
        for axis, p in enumerate(pixel):
            at = p + case.padding[axis][0] - np.arange(case.kernel[axis]) * case.dilation[axis]
            k = np.flatnonzero((at % case.stride[axis] == 0) & (at >= 0) & (at // case.stride[axis] < case.size[axis]))
            pairs.append((k, at[k] // case.stride[axis]))
        seen = w[(slice(None), slice(None), slice(None), *np.ix_(*(k for k, _ in pairs)))]
        inputs = source[(slice(None), slice(None), *np.ix_(*(i for _, i in pairs)))]
        columns = inputs.reshape(case.groups, -1, 1)
        exact[sample] = np.matmul(seen.reshape(*seen.shape[:2], -1), columns).ravel()
    return exact


def _transposed_whole(case: ConvCase, data: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """As `_whole`: every input pixel sends the kernel, weighted, into the output before its padding is cut."""
    flat = data.reshape(case.groups, data.shape[1], -1)
    sent = np.matmul(mixed.swapaxes(1, 2), flat).reshape(case.groups, -1, *case.size)
    axes = zip(case.out, case.padding, case.extent, case.stride, case.size, strict=True)
    full = np.zeros((case.groups, *(max(o + b, (n - 1) * s + e) for o, (b, _), e, s, n in axes)))
    for number, seen in taps(case):
        full[(slice(None), *seen)] += sent[:, number]
    cut = tuple(slice(before, before + out) for (before, _), out in zip(case.padding, case.out, strict=True))
    return full[(slice(None), *cut)]


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
