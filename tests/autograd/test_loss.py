"""Cross-entropy on the tape."""

import numpy as np
import pytest
from tape import check_gradients, normal

import fastnn.autograd as F
from fastnn.autograd import Tensor

TARGET = np.array([2, 0, 3, 3, 1])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"reduction": "sum"},
        {"reduction": "none"},
        {"label_smoothing": 0.3},
        {"ignore_index": 3},
        {"weight": np.array([1.0, 0.5, 2.0, 3.0])},
        {"weight": np.array([1.0, 0.5, 2.0, 3.0]), "label_smoothing": 0.1, "ignore_index": 0},
    ],
    ids=lambda options: "-".join(options) or "default",
)
def test_gradients(options):
    check_gradients(lambda x: F.cross_entropy(x, TARGET, **options), x=normal(5, 4))


def test_targets_may_be_lists_arrays_or_tensors():
    x = Tensor(normal(5, 4))
    losses = {F.cross_entropy(x, t).item() for t in (TARGET, TARGET.tolist(), Tensor(TARGET), TARGET.astype("u1"))}
    assert len(losses) == 1


def test_a_target_that_is_no_class_is_named():
    with pytest.raises(ValueError, match="cross_entropy: target 4 at position 1"):
        F.cross_entropy(normal(2, 4), [0, 4])
