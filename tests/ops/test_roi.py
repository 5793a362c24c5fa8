"""roi_align and roi_pool with their gradients: the contract, then hostile boxes, rounding, NaN and bad input."""

from dataclasses import dataclass, field

import contract
import naive_roi
import numpy as np
import pytest
import tolerance
from contract import rejects
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import ops

oracle_roi_pool = contract.remembered(naive_roi.roi_pool)


@dataclass(frozen=True)
class Roi:
    """x [n, c, h, w], k boxes, and what the op is called with."""

    x: tuple
    k: int
    size: object
    args: dict = field(default_factory=dict)


POOL = {
    "lanes_minus_1": Roi((2, 15, 9, 11), 6, (3, 4), {"spatial_scale": 0.25}),
    "lanes": Roi((1, 16, 13, 10), 5, 7, {"spatial_scale": 0.25}),
    "lanes_plus_1": Roi((2, 17, 10, 12), 4, (2, 5)),
    "one_bin": Roi((3, 3, 7, 8), 7, 1, {"spatial_scale": 0.5}),
    "bins_gt_pixels": Roi((1, 5, 4, 3), 3, (9, 14)),
    "one_pixel": Roi((1, 2, 1, 1), 2, (2, 3)),
    "few_boxes_of_a_large_image": Roi((1, 20, 60, 70), 2, (7, 6), {"spatial_scale": 0.125}),
    "images_without_boxes": Roi((9, 18, 6, 5), 2, 2),
}
ALIGN = {
    "lanes_minus_1": Roi((2, 15, 9, 11), 6, (3, 4), {"spatial_scale": 0.25}),
    "lanes": Roi((1, 16, 13, 10), 5, 7, {"spatial_scale": 0.25, "sampling_ratio": 2}),
    "aligned": Roi((2, 17, 10, 12), 4, (2, 5), {"aligned": True, "sampling_ratio": 3}),
    "aligned_adaptive": Roi((2, 3, 10, 12), 4, (3, 2), {"aligned": True}),
    "one_bin": Roi((3, 3, 7, 8), 7, 1, {"spatial_scale": 0.5, "sampling_ratio": 1}),
    "bins_gt_pixels": Roi((1, 5, 4, 3), 3, (9, 14), {"sampling_ratio": 2}),
    "one_pixel": Roi((1, 2, 1, 1), 2, (2, 3)),
    "sparse_samples": Roi((1, 20, 60, 70), 3, (2, 3), {"spatial_scale": 0.25, "sampling_ratio": 2}),
    "many_samples": Roi((1, 4, 30, 33), 3, (2, 1), {"spatial_scale": 0.5}),
    "few_boxes_of_a_large_image": Roi((1, 20, 60, 70), 2, (7, 6), {"spatial_scale": 0.125}),
    "images_without_boxes": Roi((9, 18, 6, 5), 2, 2),
}
BULK = [
    Roi((2, 70, 40, 50), 60, 7, {"spatial_scale": 0.0625}),
    Roi((1, 16, 40, 50), 200, (7, 5), {"spatial_scale": 0.0625}),
]


def random_boxes(case, rng):
    """From well inside the image to well outside, in float32's own numbers."""
    n, _, h, w = case.x
    limit = np.array([w, h, w, h]) / case.args.get("spatial_scale", 1)
    corners = rng.uniform(-0.2, 1.1, (case.k, 4)) * limit
    corners = np.hstack([np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])])
    return np.hstack([rng.integers(0, n, (case.k, 1)), corners]).astype(np.float32).astype(np.float64)


def shuffled(rng, shape):
    return rng.permutation(np.linspace(-2, 2, int(np.prod(shape)))).reshape(shape)


class Regions(contract.Image):
    bulk, batch = BULK, ("boxes",)
    images = ("x",)
    ranks = (("x", 4), ("boxes", 2))


class TestRoiPool(contract.ImageOut, Regions):
    op, cases = "roi_pool", POOL

    def inputs(self, case, rng):
        return {"x": shuffled(rng, case.x), "boxes": random_boxes(case, rng)}

    def call(self, case, a, **extra):
        return ops.roi_pool(a["x"], a["boxes"], case.size, **case.args, **extra)

    def expected(self, case, a):
        return oracle_roi_pool(a["x"], a["boxes"], case.size, **case.args)[0]


class TestRoiPoolGradInput(Regions):
    op, cases, family = "roi_pool_grad_input", POOL, "avg_pool"
    images, batch = ("gy", "x", "y"), ("gy", "y", "boxes")
    ranks = (("gy", 4), ("x", 4), ("y", 4), ("boxes", 2))

    def inputs(self, case, rng):
        x, boxes = shuffled(rng, case.x).astype(np.float32), random_boxes(case, rng)
        y = oracle_roi_pool(x, boxes, case.size, **case.args)[0]
        return {"gy": rng.standard_normal(y.shape), "x": x, "y": y, "boxes": boxes}

    def call(self, case, a):
        return ops.roi_pool_grad_input(a["gy"], a["x"], a["y"], a["boxes"], **case.args)

    def expected(self, case, a):
        return naive_roi.roi_pool_grad_input(a["gy"], a["x"], a["boxes"], **case.args)

    def length(self, case):
        return case.k * 4


class Align(Regions):
    family, cases = "roi_align", ALIGN

    def length(self, case):
        """Positions of so many pixels are rounded, and weights with them."""
        return 4 * max(4, *case.x[2:]) ** 2


class TestRoiAlign(contract.ImageOut, contract.Differentiable, Align):
    op = "roi_align"

    def inputs(self, case, rng):
        return {"x": rng.standard_normal(case.x), "boxes": random_boxes(case, rng)}

    def call(self, case, a, **extra):
        return ops.roi_align(a["x"], a["boxes"], case.size, **case.args, **extra)

    def expected(self, case, a):
        return naive_roi.roi_align(a["x"], a["boxes"], case.size, **case.args)

    def gradients(self, case, a, gy, y):
        return {"x": ops.roi_align_grad_input(gy, a["boxes"], case.x, **case.args)}


class TestRoiAlignGradInput(Align):
    op, images, batch = "roi_align_grad_input", ("gy",), ("gy", "boxes")
    ranks = (("gy", 4), ("boxes", 2))

    def inputs(self, case, rng):
        boxes = random_boxes(case, rng)
        shape = (case.k, case.x[1], *np.broadcast_to(case.size, 2))
        return {"gy": rng.standard_normal(shape), "boxes": boxes}

    def call(self, case, a):
        return ops.roi_align_grad_input(a["gy"], a["boxes"], case.x, **case.args)

    def expected(self, case, a):
        return naive_roi.roi_align_grad_input(a["gy"], a["boxes"], case.x, **case.args)

    def length(self, case):
        return 16 * super().length(case)  # the rms counts all the pixels that no box reads


# ---- hostile boxes -------------------------------------------------------------------------------------
HOSTILE = [0.0, -1.0, 0.5, 3.0, 8.0, 9.5, -1e4, 1e4, 1e9, -1e30, 3e38, np.nan, np.inf, -np.inf]
corner = st.one_of(st.sampled_from(HOSTILE), st.floats(-40, 60, width=32))


def hostile_boxes(corners):
    return np.array([[i % 2, *box] for i, box in enumerate(corners)], np.float32).reshape(-1, 5)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(corner, corner, corner, corner), max_size=5), st.sampled_from([1, 2, 7]), st.booleans())
def test_any_coordinates_give_defined_results(corners, size, planar):
    boxes = hostile_boxes(corners)
    x = np.random.default_rng(4).standard_normal((2, 5, 8, 10)).astype(np.float32)
    image = x if planar else fastnn.blocked(x)
    y, at = ops.roi_pool(image, boxes, size, 0.5, True)
    expected, where = oracle_roi_pool(x, boxes, size, 0.5, np.float32)
    tolerance.assert_same(np.asarray(y), expected.astype(np.float32))
    tolerance.assert_same(at, where)
    gx = np.asarray(ops.roi_pool_grad_input(np.ones_like(expected, np.float32), x, np.asarray(y), boxes, 0.5))
    assert np.isfinite(gx).all() and gx.sum() == (where >= 0).sum()
    for sampling, aligned in ((1, False), (2, True), (-1, True), (-1, False)):
        y = np.asarray(ops.roi_align(image, boxes, size, 0.5, sampling, aligned))
        assert np.isfinite(y).all()
        gx = np.asarray(ops.roi_align_grad_input(y, boxes, x.shape, 0.5, sampling, aligned))
        assert np.isfinite(gx).all()
        if sampling > 0 or all(abs(v) < 1e5 for box in corners for v in box):  # the oracle counts every sample
            expected = naive_roi.roi_align(x, boxes, size, 0.5, sampling, aligned, np.float32)
            tolerance.assert_close(y, expected, "roi_align", 64, scale=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_box_that_is_not_finite_covers_nothing(bad, at):
    boxes = np.array([[0, 1, 1, 5, 5], [0, 1, 1, 5, 5]], np.float32)
    boxes[1, at] = bad
    x = np.ones((1, 3, 6, 7), np.float32)
    for y in (ops.roi_align(x, boxes, 2), ops.roi_align(x, boxes, 2, 1, 2, True), ops.roi_pool(x, boxes, 2)):
        assert (y[0] == 1).all() and (y[1] == 0).all()


def test_boxes_outside_of_the_image():
    x = np.ones((1, 2, 6, 7), np.float32)
    boxes = np.array([[0, 20, 20, 30, 30], [0, -30, -30, -20, -20]], np.float32)
    assert not ops.roi_pool(x, boxes, 3).any() and not ops.roi_align(x, boxes, 3).any()
    assert (ops.roi_pool(x, boxes, 3, return_indices=True)[1] == -1).all()


def test_a_sample_within_a_pixel_of_the_edge_has_its_value():
    """Hand-worked: centres at -1, -0.5 and 6.9 of pixels 0 .. 6; one farther out counts as 0."""
    x = np.arange(1.0, 8.0).reshape(1, 1, 1, 7)
    boxes = [[0, c - 0.5, -0.5, c + 0.5, 0.5] for c in (-1, -0.5, 2.25, 6.9, -1.01, 7.01)]
    y = ops.roi_align(x, np.array(boxes), 1, sampling_ratio=1)
    np.testing.assert_allclose(y.ravel(), [1, 1, 3.25, 7, 0, 0])


def test_a_ramp_is_interpolated_exactly():
    """Bilinear samples of a linear image are its values, so the mean of a bin is the value at its middle."""
    r, s = np.mgrid[:20, :30].astype(float)
    x = (3 * r + 5 * s)[None, None]
    boxes = np.array([[0, 2.3, 1.7, 25.1, 17.9]])
    for sampling in (1, 2, 3, 0):
        y = ops.roi_align(x, boxes, (4, 5), sampling_ratio=sampling)[0, 0]
        middle_r, middle_s = 1.7 + 16.2 / 4 * (np.arange(4) + 0.5), 2.3 + 22.8 / 5 * (np.arange(5) + 0.5)
        np.testing.assert_allclose(y, 3 * middle_r[:, None] + 5 * middle_s, rtol=1e-12)


@pytest.mark.parametrize("dtype", contract.DTYPES)
def test_bins_round_as_their_dtype_does(dtype):
    """57 pixels in 7 bins: in float32, 7 * (57 / 7) is above 57 and the last bin one pixel longer; 29 in float64."""
    x = np.random.default_rng(5).standard_normal((1, 3, 66, 67)).astype(dtype)
    boxes = np.array([[0, 1, 1, length, length + 3] for length in range(1, 62)], dtype)
    for size in (7, 14, 6):
        y = ops.roi_pool(x, boxes, size)
        tolerance.assert_same(y, oracle_roi_pool(x, boxes, size, real=dtype)[0].astype(dtype))


def test_halves_round_away_from_zero():
    x = np.arange(8.0).reshape(1, 1, 1, 8)
    boxes = np.array([[0, 2.5, 0, 4.5, 0], [0, -0.5, 0, 0.5, 0]])  # pixels 3 .. 5 and -1 .. 1
    assert ops.roi_pool(x, boxes, 1).ravel().tolist() == [5, 1]


@pytest.mark.parametrize("kind", [np.asarray, fastnn.blocked])
def test_nan_is_the_result_of_its_bin_and_gets_the_gradient(kind):
    x = np.zeros((1, 17, 4, 4), np.float32)
    x[0, 3, 1, 1] = x[0, 3, 1, 0] = np.nan
    boxes = np.array([[0, 0, 0, 3, 3]], np.float32)
    y = np.asarray(ops.roi_pool(kind(x), boxes, 2))
    assert np.isnan(y[0, 3, 0, 0]) and np.isnan(y).sum() == 1
    gx = np.asarray(ops.roi_pool_grad_input(kind(np.ones_like(y)), kind(x), kind(y), boxes))
    assert gx[0, 3, 1, 1] == 1 and gx[0, 3, 1, 0] == 0 and gx[0, 3].sum() == 4


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
def test_results_larger_than_the_caches_are_the_same(isa):
    """They are stored past the caches; two halves of 20 MB are not."""
    x = np.random.default_rng(7).standard_normal((1, 16, 8, 9)).astype(np.float32)
    boxes = random_boxes(Roi(x.shape, 800, 28), np.random.default_rng(8)).astype(np.float32)
    for op in (ops.roi_pool, ops.roi_align):
        for image in (x, fastnn.blocked(x)):
            halves = [np.asarray(op(image, part, 28)) for part in (boxes[:400], boxes[400:])]
            tolerance.assert_same(np.asarray(op(image, boxes, 28)), np.concatenate(halves))


# ---- forms of boxes and bad input ----------------------------------------------------------------------
def test_a_list_is_the_same_as_one_array():
    x = np.random.default_rng(6).standard_normal((3, 4, 9, 9)).astype(np.float32)
    parts = [np.array([[1, 1, 5, 6], [0, 2, 8, 8]]), np.zeros((0, 4)), np.array([[3, 0, 4, 7]])]
    parts = [part.astype(np.float32) for part in parts]
    whole = np.array([[0, 1, 1, 5, 6], [0, 0, 2, 8, 8], [2, 3, 0, 4, 7]], np.float32)
    for op in (ops.roi_pool, ops.roi_align):
        tolerance.assert_same(op(x, parts, 3), op(x, whole, 3))
        assert op(x, [part[:0] for part in parts], 3).shape == (0, 4, 3, 3)
        assert op(x, whole[:0], 3).shape == op(x[:0], whole[:0], 3).shape == (0, 4, 3, 3)


X, BOX = np.ones((2, 3, 7, 9), np.float32), np.array([[0, 1, 1, 4, 5], [1, 0, 0, 3, 3]], np.float32)


@pytest.mark.parametrize("index", [-1, 2, 0.5, np.nan, np.inf, 1e30])
def test_a_wrong_batch_index_is_named_by_its_row(index):
    boxes = BOX.copy()
    boxes[1, 0] = index
    gy = np.ones((2, 3, 2, 2), np.float32)
    for name, call in {
        "roi_pool": lambda: ops.roi_pool(X, boxes, 2),
        "roi_align": lambda: ops.roi_align(X, boxes, 2),
        "roi_pool_grad_input": lambda: ops.roi_pool_grad_input(gy, X, gy, boxes),
        "roi_align_grad_input": lambda: ops.roi_align_grad_input(gy, boxes, X.shape),
    }.items():
        with rejects(name, "row 1", f"{index:g}"):
            call()


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"output_size": 0}, ["output_size", 0]),
        ({"output_size": 2.5}, ["output_size", 2.5]),
        ({"spatial_scale": 0}, ["spatial_scale", 0]),
        ({"spatial_scale": np.nan}, ["spatial_scale", "nan"]),
        ({"spatial_scale": None}, ["spatial_scale"]),
        ({"boxes": BOX[:, :4]}, ["boxes", "(2, 4)"]),
        ({"boxes": [BOX[:, 1:]]}, ["boxes", 1, 2]),
        ({"boxes": [BOX[:, 1:], BOX]}, ["boxes[1]", "(2, 5)"]),
        ({"boxes": BOX.astype(np.float64)}, ["boxes", "float64", "float32"]),
        ({"boxes": None}, ["boxes"]),
        ({"x": X[:, :, :0]}, ["x", "(2, 3, 0, 9)"]),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(bad, words):
    for op in (ops.roi_pool, ops.roi_align):
        with rejects(op.__name__, *words):
            op(**({"x": X, "boxes": BOX, "output_size": 2} | bad))


def test_too_many_samples_are_refused():
    with rejects("roi_align", "sampling_ratio", 2**40):
        ops.roi_align(X, BOX, 2, sampling_ratio=2**40)


@pytest.mark.parametrize("mode", [(2, False), (0, False), (2, True), (0, True)])
def test_torchvision_agrees(mode):
    torch = pytest.importorskip("torch")
    vision = pytest.importorskip("torchvision.ops")
    x = np.random.default_rng(8).standard_normal((2, 5, 20, 30)).astype(np.float32)
    boxes = random_boxes(Roi(x.shape, 30, 7, {"spatial_scale": 0.25}), np.random.default_rng(9)).astype(np.float32)
    t, b = torch.tensor(x), torch.tensor(boxes)
    tolerance.assert_same(ops.roi_pool(x, boxes, 7, 0.25), vision.roi_pool(t, b, 7, 0.25).numpy())
    expected = vision.roi_align(t, b, (7, 5), 0.25, *mode).numpy()
    tolerance.assert_close(ops.roi_align(x, boxes, (7, 5), 0.25, *mode), expected, "roi_align", 64)
