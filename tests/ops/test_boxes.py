"""box_iou, nms and batched_nms: the contract, then hand-worked overlaps, ties, NaN and bad input."""

import contract
import naive_roi
import numpy as np
import pytest
import tolerance
from contract import rejects
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn import ops


def boxes_of(rng, k):
    first = rng.uniform(0, 20, (k, 2))
    return np.hstack([first, first + rng.uniform(0.5, 12, (k, 2))])


CASES = {"word_minus_1": (3, 15), "word": (1, 16), "word_plus_1": (4, 17), "one": (1, 1), "tall": (20, 2)}
BULK = [(700, 333)]


class TestBoxIou(contract.Out):
    op, family = "box_iou", "roi_align"
    cases, bulk = CASES, BULK
    batch = ("a",)
    ranks = (("a", 2), ("b", 2))

    def inputs(self, case, rng):
        return {"a": boxes_of(rng, case[0]), "b": boxes_of(rng, case[1])}

    def call(self, case, a, **extra):
        return ops.box_iou(a["a"], a["b"], **extra)

    def expected(self, case, a):
        return naive_roi.box_iou(a["a"], a["b"])

    def length(self, case):
        return 64  # differences of corners cancel


def test_overlaps_by_hand():
    a = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0], [2.0, 0.0, 0.0, 2.0]])
    b = np.array([[1.0, 0.0, 3.0, 2.0], [2.0, 2.0, 3.0, 3.0], [0.0, 0.0, 2.0, np.nan]])
    found = ops.box_iou(a, b)
    np.testing.assert_allclose(found[0], [2 / 6, 0, np.nan])
    np.testing.assert_allclose(found[1], [0, 0, np.nan])
    assert np.isnan(ops.box_iou(a[1:2], a[1:2])).all()  # 0 / 0


@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
def test_nms_is_that_of_its_definition(isa, dtype):
    rng = np.random.default_rng(3)
    for k in (0, 1, 2, 33, 150):
        boxes, scores = boxes_of(rng, k).astype(dtype), rng.integers(0, 7, k).astype(dtype)
        idxs = rng.integers(-2, 3, k)
        for threshold in (0, 0.3, 0.7, 1):
            tolerance.assert_same(ops.nms(boxes, scores, threshold), naive_roi.nms(boxes, scores, threshold))
            kept = ops.batched_nms(boxes, scores, idxs, threshold)
            tolerance.assert_same(kept, naive_roi.nms(boxes, scores, threshold, idxs))


number = st.one_of(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 3e38, 2.0]), st.floats(-5, 20, width=32))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(number, number, number, number, number), max_size=20))
def test_any_numbers_keep_some_boxes_once(rows):
    array = np.array(rows, np.float32).reshape(-1, 5)
    for kept in (
        ops.nms(array[:, :4], array[:, 4], 0.5),
        ops.batched_nms(array[:, :4], array[:, 4], np.arange(len(array)) % 3, 0.5),
    ):
        assert len(set(kept.tolist())) == len(kept) and (len(kept) > 0) == (len(rows) > 0)
        scores = array[kept, 4]
        ranked = np.where(np.isnan(scores), np.inf, scores)
        assert (ranked[:-1] >= ranked[1:]).all()
        nan = np.flatnonzero(np.isnan(array[:, :4]).any(axis=1))
        assert set(nan.tolist()) <= set(kept.tolist())


def test_equal_scores_stay_in_their_order_and_nan_comes_first():
    apart = np.array([[i, 0, i + 0.5, 1] for i in range(5)])
    assert ops.nms(apart, np.array([1.0, 2, 1, np.nan, 2]), 0.5).tolist() == [3, 1, 4, 0, 2]


def test_a_class_suppresses_only_itself():
    same = np.tile([[0.0, 0.0, 4.0, 4.0]], (4, 1))
    assert ops.batched_nms(same, np.array([1.0, 2, 3, 4]), np.array([7, 7, -1, 7]), 0.5).tolist() == [3, 2]


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"boxes": np.ones((2, 5))}, ["boxes", "(2, 5)"]),
        ({"boxes": np.ones((2, 4), np.int32)}, ["boxes", "int32"]),
        ({"scores": np.ones(3)}, ["scores", "(3,)", "(2,)"]),
        ({"scores": np.ones(2, np.float32)}, ["scores", "float32", "float64"]),
        ({"iou_threshold": np.nan}, ["iou_threshold", "nan"]),
        ({"iou_threshold": "half"}, ["iou_threshold", "half"]),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(bad, words):
    good = {"boxes": np.ones((2, 4)), "scores": np.ones(2), "iou_threshold": 0.5}
    with rejects("nms", *words):
        ops.nms(**(good | bad))
    with rejects("batched_nms", *words):
        ops.batched_nms(**(good | {"idxs": np.zeros(2, int)} | bad))


@pytest.mark.parametrize("idxs, word", [(np.zeros(2), "float64"), (np.zeros(3, int), "(3,)")])
def test_wrong_classes_are_refused(idxs, word):
    with rejects("batched_nms", "idxs", word):
        ops.batched_nms(np.ones((2, 4)), np.ones(2), idxs, 0.5)
