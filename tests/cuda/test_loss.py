"""Cross-entropy on the device against the CPU's in float64."""

import contract
import numpy as np
import pytest
from device import agrees, put

from fastnn import ops

HOW = {"family": "loss", "length": 64}


@pytest.mark.parametrize(
    "shape, reduction, smoothing",
    [((3, 5), "mean", 0.0), ((2, 3, 2, 1), "mean", 0.25), ((2, 3, 2), "none", 0.25), ((3, 2), "sum", 0.0)],
)
def test_cross_entropy_and_its_gradient(shape, reduction, smoothing):
    rng = np.random.default_rng(1)
    classes, losses = shape[1], shape[:1] + shape[2:]
    x, target, weight = rng.standard_normal(shape), rng.integers(0, classes, losses), rng.uniform(0.5, 2, classes)
    target.flat[1] = -100
    args = (weight if smoothing else None, -100, reduction, smoothing)
    agrees("cross_entropy", x, target, *args, **HOW)
    gy = rng.standard_normal(losses) if reduction == "none" else 0.75
    agrees("cross_entropy_grad_input", gy, x, target, *args, **HOW)


def test_labels_out_of_range_and_what_is_not_there():
    x = put(np.zeros((2, 3), np.float32))
    with contract.rejects("cross_entropy", 3, "position 1"):
        ops.cross_entropy(x, put(np.array([0, 3])))
    with pytest.raises(NotImplementedError, match="probabilities"):
        ops.cross_entropy(x, x)
