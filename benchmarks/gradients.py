"""Checks of a convolution's gradients in float64, as cheap as those of `reference` and on the same grounds.

The gradient with respect to the input is a transposed convolution of gy and is checked as one. That with respect
to the weight is compared, whole, in a random combination of each group's filters, and one by one at random
entries; that with respect to the bias is computed in full.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from . import reference
from .cases import ConvCase
from .reference import Exact

ENTRIES = 24


def adjoint(case: ConvCase) -> ConvCase:
    """Return the transposed convolution that maps gy to the gradient of ``case``'s input."""
    axes = zip(case.size, case.out, case.stride, case.extent, case.padding, strict=True)
    rest = tuple(n - ((o - 1) * s + e - sum(p)) for n, o, s, e, p in axes)
    return replace(case, c=case.oc, oc=case.c, size=case.out, transposed=True, output_padding=rest)


def expected(case: ConvCase) -> Exact:
    """Return what `error` compares with."""
    x, w, b = case.arrays()
    gy = case.gradient()
    exact = {f"y_{key}": value for key, value in reference.expected(case, x, w, b).items()}
    dual = adjoint(case)
    sent = reference.expected(dual, gy, w, np.zeros(dual.oc, np.float32))
    exact.update({f"gx_{key}": value for key, value in sent.items()})
    exact["gb"] = gy.sum(axis=(0, *range(2, gy.ndim)), dtype=np.float64)
    exact["gw_mixed"], exact["gw_entries"] = _weight(case, x, gy)
    return exact


def error(case: ConvCase, result: tuple[np.ndarray, ...], exact: Exact | None = None) -> float:
    """Return the largest error of ``result`` = (y, gx, gw, gb), each over its own root mean square."""
    exact = expected(case) if exact is None else exact
    y, gx, gw, gb = (np.asarray(part) for part in result)
    if gw.shape != case.w_shape or gb.shape != (case.oc,) or not all(np.isfinite(g).all() for g in (gw, gb)):
        return float("inf")
    mixed = np.einsum("go,go...->g...", _mix(case), gw.reshape(case.groups, -1, *gw.shape[1:]))
    return max(
        reference.conv_error(case, y, _part(exact, "y_")),
        reference.conv_error(adjoint(case), gx, _part(exact, "gx_")),
        reference.over_rms(mixed.reshape(exact["gw_mixed"].shape), exact["gw_mixed"]),
        reference.over_rms(gw.reshape(case.oc, -1, math.prod(case.kernel))[_entries(case)], exact["gw_entries"]),
        reference.over_rms(gb, exact["gb"]),
    )


def _part(exact: Exact, prefix: str) -> Exact:
    return {key.removeprefix(prefix): value for key, value in exact.items() if key.startswith(prefix)}


def _mix(case: ConvCase) -> np.ndarray:
    mix = np.random.default_rng(26).standard_normal((case.groups, case.oc // case.groups))
    return mix / np.linalg.norm(mix, axis=1, keepdims=True)


def _entries(case: ConvCase) -> tuple[np.ndarray, ...]:
    """Numbers of random weights: (output channel, input channel of its group, tap)."""
    rng = np.random.default_rng(27)
    return tuple(rng.integers(0, high, ENTRIES) for high in (case.oc, case.w_shape[1], math.prod(case.kernel)))


def _weight(case: ConvCase, x: np.ndarray, gy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weight gradient mixed over each group's filters [groups, c / groups, taps], and some of its entries."""
    mixed = np.zeros((case.groups, case.w_shape[1], math.prod(case.kernel)))
    entries = np.zeros(ENTRIES)
    oc, c, wanted = _entries(case)
    c = c + oc // (case.oc // case.groups) * case.w_shape[1]  # counted over all groups
    for image, gradient in zip(x, gy, strict=True):
        source = reference.padded(case, image.astype(np.float64))
        flat = gradient.reshape(case.groups, -1, math.prod(case.out)).astype(np.float64)
        target = np.matmul(_mix(case)[:, None], flat)  # [groups, 1, pixels]
        for tap, seen in reference.taps(case):
            view = source[(slice(None), *seen)].reshape(case.groups, case.w_shape[1], -1)
            mixed[:, :, tap] += np.matmul(view, target.swapaxes(1, 2))[:, :, 0]
            for entry in np.flatnonzero(wanted == tap):
                pixels = view.reshape(case.c, -1)[c[entry]]
                entries[entry] += pixels @ flat.reshape(case.oc, -1)[oc[entry]]
    return mixed, entries
