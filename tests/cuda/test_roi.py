"""Regions of interest and boxes on the device against the same on the CPU, in float32, since bins are rounded."""

import contract
import numpy as np
import pytest
import tolerance
from device import get, moved, put

from fastnn import ops

pytestmark = pytest.mark.filterwarnings("ignore:overflow")  # the simulator's, of hostile boxes
rng = np.random.default_rng(1)
X = rng.standard_normal((2, 3, 4, 6)).astype(np.float32)
BOXES = np.array(
    [[0, 0.5, 1, 4.2, 3.9], [1, -1, -2, 8, 7], [1, 2, 2, 2, 2], [0, 3.4, 0.2, 5.9, 4.8], [0, 4, 3, 1, 1]], np.float32
)
HOSTILE = np.array(
    [[0, np.nan, 1, 4, 3], [1, 0, 0, np.inf, 4], [1, 9, 9, 12, 12], [0, -1e4, -1e4, 1e4, 1e4], [1, 1e30, 0, 3e38, 4],
     [0, -1e30, -1e30, 1e30, 1e30], [0, -3e38, 0, 3e38, 2]], np.float32
)  # fmt: skip


def same(name, *args, family="exact", length=1, **kwargs):
    """As the CPU's; returns its result."""
    found, expected = (getattr(ops, name)(*(convert(a) for a in args), **kwargs) for convert in (moved, lambda a: a))
    for got, right in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, expected)), strict=True):
        assert get(got).dtype == right.dtype
        if family == "exact":
            tolerance.assert_same(get(got), right)
        else:
            tolerance.assert_close(get(got), right, family, length, scale=1)
    return expected


@pytest.mark.parametrize("boxes", [BOXES, HOSTILE], ids=["usual", "hostile"])
@pytest.mark.parametrize("size, scale", [(2, 0.75), ((1, 3), 1.0)])
def test_roi_pool(boxes, size, scale):
    x = X.copy()
    x[0, 1, 2, 3] = np.nan
    y, _ = same("roi_pool", x, boxes, size, scale, True)
    gy = rng.standard_normal(y.shape).astype(np.float32)
    same("roi_pool_grad_input", gy, x, y, boxes, scale, family="sum", length=8)


@pytest.mark.parametrize("boxes", [BOXES, HOSTILE], ids=["usual", "hostile"])
@pytest.mark.parametrize("sampling, aligned", [(2, False), (-1, True), (-1, False)])
def test_roi_align(boxes, sampling, aligned):
    if boxes is HOSTILE and sampling < 0:
        boxes = boxes[[0, 1, 2, 4, 5, 6]]  # 1e4 samples a bin are many for a simulator
    args = (0.75, sampling, aligned)
    y = same("roi_align", X, boxes, (2, 1), *args, family="roi_align", length=64)
    gy = rng.standard_normal(y.shape).astype(np.float32)
    same("roi_align_grad_input", gy, boxes, X.shape, *args, family="roi_align", length=256)


def test_infinite_pixels_beside_a_sample_do_not_count():
    x = np.full((1, 1, 3, 3), np.inf, np.float32)
    x[0, 0, 1, 1] = 2
    same("roi_align", x, np.array([[0, 0.5, 0.5, 1.5, 1.5]], np.float32), 1, 1.0, 1)


def test_boxes_in_a_list_are_numbered():
    parts = [BOXES[:2, 1:], BOXES[:0, 1:]]
    found = ops.roi_pool(put(X), [put(part) for part in parts], 2)
    np.testing.assert_array_equal(get(found), ops.roi_pool(X, parts, 2))


@pytest.mark.parametrize("index", [-1, 2, 0.5, np.nan])
def test_a_wrong_batch_index_is_named_by_its_row(index):
    boxes = BOXES.copy()
    boxes[3, 0] = index
    with contract.rejects("roi_align", "row 3", f"{index:g}"):
        ops.roi_align(put(X), put(boxes), 2)


def random_boxes(k):
    corners = rng.uniform(0, 6, (k, 2))
    return np.hstack([corners, corners + rng.uniform(0.5, 6, (k, 2))]).astype(np.float32)


def test_box_iou():
    a, b = random_boxes(3), np.vstack([random_boxes(4), [[3, 3, 1, 1], [np.nan, 0, 1, 1], [0, 0, np.inf, 1]]])
    with np.errstate(invalid="ignore"):
        same("box_iou", a, b.astype(np.float32))


def test_nms():
    boxes, scores = random_boxes(36), rng.integers(0, 9, 36).astype(np.float32)
    boxes[5, 0], scores[7], scores[20] = np.nan, np.nan, np.nan
    assert 0 < len(same("nms", boxes, scores, 0.4)) < 36
    same("batched_nms", boxes, scores, rng.integers(0, 3, 36), 0.2)
    assert get(ops.nms(put(boxes[:0]), put(scores[:0]), 0.5)).shape == (0,)
