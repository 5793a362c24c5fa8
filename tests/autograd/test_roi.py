"""Regions of interest, interpolation and embedding on the tape, and their layers."""

import numpy as np
import pytest
from tape import check_gradients, normal, spread

import fastnn.autograd as F
from fastnn import nn, ops
from fastnn.autograd import Tensor

BOXES = np.array([[0, 1.0, 0.5, 6.2, 5.0], [1, 0.0, 2.0, 4.0, 7.5], [0, 2.0, 1.0, 3.0, 9.0], [1, -3, -3, 2, 2]])


@pytest.mark.parametrize("sampling, aligned", [(2, False), (-1, True)])
def test_gradients_of_roi_align(sampling, aligned):
    check_gradients(lambda x: F.roi_align(x, BOXES, (2, 3), 0.9, sampling, aligned), x=normal(2, 5, 7, 6))


def test_gradients_of_roi_pool():
    check_gradients(lambda x: F.roi_pool(x, Tensor(BOXES), (2, 3), 0.9), x=spread(2, 5, 7, 6))


@pytest.mark.parametrize("pool", [F.roi_pool, F.roi_align])
def test_kinds_are_kept(pool):
    plain, found = spread(2, 18, 7, 6), []
    for data in (plain, ops.blocked(plain)):
        x = Tensor(data, requires_grad=True)
        y = pool(x, [BOXES[:1, 1:], Tensor(BOXES[1:2, 1:])], 3)
        y.backward(np.ones(y.shape))
        assert type(y.data) is type(x.grad.data) is type(x.data)
        found.append((y.numpy(), x.grad.numpy()))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "args", [{"size": (9, 4)}, {"scale_factor": 1.6, "mode": "bilinear"}, {"size": 5, "mode": "bicubic"}]
)
def test_gradients_of_interpolate(args):
    check_gradients(lambda x: F.interpolate(x, **args), x=normal(2, 3, 5, 6))


def test_gradients_of_embedding():
    index = np.array([[3, 0], [3, 4], [1, 3]])
    check_gradients(lambda w: F.embedding(index, w), w=normal(5, 3))
    w = Tensor(normal(5, 3), requires_grad=True)
    F.embedding(Tensor(index), w, 3).sum().backward()
    assert w.grad.numpy()[:, 0].tolist() == [1, 1, 0, 0, 1]


def test_nothing_is_recorded_where_nothing_is_wanted():
    x = Tensor(normal(2, 3, 5, 6))
    assert not F.roi_align(x, BOXES, 2).requires_grad and not F.roi_pool(x, BOXES, 2).requires_grad
    assert not F.interpolate(x, 3).requires_grad and not F.embedding([0], normal(2, 2)).requires_grad


# ---- layers --------------------------------------------------------------------------------------------
def test_layers_are_their_functions():
    x = normal(2, 3, 7, 6).astype(np.float32)
    boxes = BOXES.astype(np.float32)
    np.testing.assert_array_equal(nn.RoIPool((2, 3), 0.5)(x, boxes).numpy(), ops.roi_pool(x, boxes, (2, 3), 0.5))
    layer = nn.RoIAlign(3, 0.5, 2, aligned=True)
    np.testing.assert_array_equal(layer(x, Tensor(boxes)).numpy(), ops.roi_align(x, boxes, 3, 0.5, 2, True))
    layer = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    np.testing.assert_array_equal(layer(x).numpy(), ops.interpolate(x, None, 2, "bilinear", True))
    for text in (repr(layer), repr(nn.RoIAlign(3, 0.5, 2)), repr(nn.RoIPool(3, 0.5)), repr(nn.Embedding(4, 2, 1))):
        assert "3" in text or "2" in text


def test_an_embedding_trains_all_rows_but_the_padding():
    layer = nn.Embedding(6, 4, padding_idx=-1)
    assert layer.padding_idx == 5 and not layer.weight.numpy()[5].any() and layer.weight.numpy()[:5].all()
    assert list(layer.state_dict()) == ["weight"]
    layer(np.array([[0, 5, 0]])).sum().backward()
    assert layer.weight.grad.numpy()[:, 0].tolist() == [2, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.RoIPool(0, 1.0),
        lambda: nn.RoIAlign(2, 0.0, 2),
        lambda: nn.RoIAlign(2, float("nan"), 2),
        lambda: nn.Upsample(),
        lambda: nn.Upsample(2, 2),
        lambda: nn.Embedding(3, 2, 3),
        lambda: nn.Embedding(0, 2),
    ],
)
def test_layers_refuse_what_does_not_fit(make):
    with pytest.raises((ValueError, TypeError), match=r"^(RoIPool|RoIAlign|Upsample|Embedding): "):
        make()
