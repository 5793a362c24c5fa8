"""How far from the oracle a result may be (eps * sqrt(reduction length) * k(family) * scale); comparators.

Rounding errors of a sum of K terms behave like a random walk: they grow with sqrt(K), not with K (Higham and
Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41, 2019).  k covers
what a family does besides summing, and the largest of many errors being a few times the typical one.
"""

import numpy as np

K = {
    "exact": 0,  # selection and comparison only
    "conv": 4,  # one fused multiply-add per term, plus bias
    "winograd2": 4,  # its transforms only add and halve: measured errors are those of direct sums
    # Products of transformed tiles cancel to results several times smaller, their rounding errors do not: measured
    # five times those of direct sums.
    "winograd4": 16,
    "linear": 4,
    "sum": 4,
    "avg_pool": 4,  # sums, then one division
    "roi_align": 8,  # weights are products of roundings of positions up to the size of the image, then sums
    "interpolate": 4,  # the same with positions worked out in double
    "lp_pool": 8,  # powers, sums, a root
    "softmax": 8,  # the exponential is a polynomial of its own, a few ulp
    "loss": 8,  # softmax, logarithm, weights
    "norm": 4,  # sums; what they lose is divided by the deviation as the values are
    "activation": 8,  # exponential or tanh after the sum
    "rnn": 8,  # sums and activations, step after step
    "update": 16,  # roots and quotients of means, step after step
}

# What the documentation promises of a convolution's algorithms with 64 to 512 channels in float32: the largest error
# and the rms of the errors, over the rms of the result.
PROMISED = {"direct": (3e-6, 1e-6), "winograd2": (5e-6, 1e-6), "winograd4": (2e-5, 2e-6)}

# The largest errors of float32 activations in units of the last place over all float32 values (tests/c/ulp.c): with
# fused multiply-adds, and without them, where the square in GELU's tail loses more.
ULPS = {
    "exp": (2, 2), "sigmoid": (3, 3), "tanh": (4, 4), "elu": (2, 2), "selu": (3, 3), "softplus": (4, 4),
    "silu": (60, 60), "mish": (60, 60),  # 3 until e^x is denormal, beyond -87
    "gelu": (16, 80), "gelu_tanh": (200, 240),  # the argument's rounding shows in the tail
    "relu6": (0, 0), "leaky_relu": (1, 1), "hardswish": (3, 3), "hardsigmoid": (2, 2),
}  # fmt: skip

# The smallest normal number, where flushing denormals to zero begins, times what one flushed term may be multiplied
# with on its way to the result: 1 for direct sums, the largest product of rows of A^T and B^T in two dimensions else.
FLUSHED = {"direct": 1, "depthwise": 1, "winograd2": 2**2, "winograd4": 10**2}

# Central differences with step eps^(1/3) lose eps / step to rounding and step^2 to curvature: eps^(2/3) both.
STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
GRADCHECK_K = 64


def allowed(dtype, family, length=1):
    """The relative error that `length` terms of a family may show."""
    return float(np.finfo(dtype).eps) * max(length, 1) ** 0.5 * K[family]


def ulps(kind, isa):
    """How many units of the last place an activation may be off."""
    return ULPS[kind][isa == "scalar"]


def gradcheck_allowed():
    return float(np.finfo(np.float64).eps) ** (2 / 3) * GRADCHECK_K


def rms(array):
    """Root mean square of the finite elements; 0 if there are none."""
    finite = np.asarray(array, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return float(np.sqrt(np.mean(finite**2))) if finite.size else 0.0


def assert_promised(actual, expected, algorithm):
    """Errors over the rms of the result are below what the documentation promises."""
    error = np.abs(np.asarray(actual, np.float64) - expected) / rms(expected)
    found, most = (float(error.max()), rms(error)), PROMISED[algorithm]
    assert all(f <= m for f, m in zip(found, most, strict=True)), f"{algorithm}: largest, rms {found}, promised {most}"


def flush_allowed(dtype, algorithm, length):
    """The absolute error of a sum of `length` terms that may each be flushed to zero."""
    return float(np.finfo(dtype).tiny) * length * FLUSHED[algorithm]


def assert_same(actual, expected):
    """Same shape, dtype and values without any rounding; any NaN equals any NaN, and -0 equals 0."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.dtype == expected.dtype, f"dtype {actual.dtype}, expected {expected.dtype}"
    np.testing.assert_array_equal(actual, expected, strict=True)


def assert_close(actual, expected, family, length=1, scale=None):
    """`actual` agrees with the float64 `expected` to the rounding of its own dtype.

    `scale` is the size of a typical result; by default the root mean square of `expected`.  NaN and infinity
    must stand at exactly the same places.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    assert actual.dtype in (np.float32, np.float64), f"dtype {actual.dtype}"
    if family == "exact":
        return assert_same(actual, expected.astype(actual.dtype))
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.where(finite, 0, actual), np.where(finite, 0, expected))
    size = (rms(expected) if scale is None else scale) + np.abs(expected)
    # Inf - inf at the places checked above is not an error.
    error = np.abs(np.subtract(actual, expected, dtype=np.float64, where=finite, out=np.zeros(expected.shape)))
    limit = np.where(finite, allowed(actual.dtype, family, length) * size, np.inf)
    bad = ~(error <= limit)
    if bad.any():
        worst = np.unravel_index(np.argmax(np.where(bad, error, -1)), bad.shape)
        at = tuple(int(i) for i in worst)
        raise AssertionError(
            f"{int(bad.sum())} of {bad.size} values are off; worst at {at}: "
            f"{actual[at]!r}, expected {expected[at]!r}, error {error[at]:.3g}, allowed {limit[at]:.3g}"
        )


def relative_error(actual, expected):
    """Of a whole array, in the Euclidean norm."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    return float(np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-30))
