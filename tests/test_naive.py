"""The oracle against examples worked by hand, its own finite differences, and PyTorch if installed."""

import cases
import cases_nd
import gradcheck
import naive
import numpy as np
import pytest
import tolerance

LOG3 = np.log(3.0)
GRID = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)  # 1 2 3 / 4 5 6 / 7 8 9
TAPS = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)  # 1 2 / 3 4


def image(rows):
    return np.array(rows, dtype=float)[None, None]


@pytest.mark.parametrize(
    "args, expected",
    [
        ({}, [[37, 47], [67, 77]]),
        ({"stride": 2, "padding": 1}, [[4, 18], [36, 77]]),
        ({"dilation": 2}, [[64]]),
        ({"padding": ((1, 0), (0, 0)), "stride": (1, 2)}, [[11], [37], [67]]),
        ({"padding": "same"}, [[37, 47, 21], [67, 77, 33], [23, 26, 9]]),
        ({"padding": "valid"}, [[37, 47], [67, 77]]),
    ],
)
def test_conv2d_by_hand(args, expected):
    np.testing.assert_array_equal(naive.conv2d(GRID, TAPS, **args), image(expected))


def test_conv2d_groups_and_bias_by_hand():
    x = np.array([1.0, 10.0, 100.0, 1000.0]).reshape(1, 4, 1, 1)
    weight = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 2, 1, 1)
    y = naive.conv2d(x, weight, bias=[0.5, 0.25], groups=2)
    np.testing.assert_array_equal(y.ravel(), [21.5, 4300.25])


def test_conv2d_gradients_by_hand():
    gy = np.ones((1, 1, 2, 2))
    gx = naive.conv2d_grad_input(gy, TAPS, GRID.shape)
    np.testing.assert_array_equal(gx, image([[1, 3, 2], [4, 10, 6], [3, 7, 4]]))
    gw = naive.conv2d_grad_weight(gy, GRID, TAPS.shape)
    np.testing.assert_array_equal(gw, image([[12, 16], [24, 28]]))
    assert naive.conv2d_grad_bias(gy) == 4


def test_convolution_of_other_ranks_by_hand():
    row, taps = np.arange(1.0, 6.0).reshape(1, 1, 5), np.array([[[1.0, 10.0]]])
    np.testing.assert_array_equal(naive.conv(row, taps, padding=((2, 0),), dilation=2).ravel(), [10, 20, 31, 42, 53])
    cube, pillar = np.arange(8.0).reshape(1, 1, 2, 2, 2), np.array([1.0, 10.0]).reshape(1, 1, 2, 1, 1)
    np.testing.assert_array_equal(naive.conv(cube, pillar).ravel(), [40, 51, 62, 73])


@pytest.mark.parametrize(
    "args, expected",
    [
        ({}, [[1, 4, 4], [6, 20, 16], [9, 24, 16]]),
        ({"padding": 1}, [[20]]),
        ({"padding": ((1, 0), (0, 2))}, [[6], [9]]),
        ({"stride": 2}, [[1, 2, 2, 4], [3, 4, 6, 8], [3, 6, 4, 8], [9, 12, 12, 16]]),
        ({"dilation": (1, 2)}, [[1, 2, 2, 4], [6, 10, 10, 16], [9, 12, 12, 16]]),
        ({"output_padding": (0, 1), "stride": (1, 2), "padding": (1, 0)}, [[6, 10, 10, 16, 0]]),
    ],
)
def test_transposed_convolution_by_hand(args, expected):
    x = image([[1, 2], [3, 4]])
    np.testing.assert_array_equal(naive.conv_transpose(x, TAPS, **args), image(expected))


def test_linear_by_hand():
    x, weight = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    np.testing.assert_array_equal(naive.linear(x, weight, [0.5, 0, 0]), [[11.5, 17, 23]])
    gy = np.array([[1.0, 10.0, 100.0]])
    np.testing.assert_array_equal(naive.linear_grad_input(gy, weight), [[753, 864]])
    np.testing.assert_array_equal(naive.linear_grad_weight(gy, x), [[1, 2], [10, 20], [100, 200]])
    np.testing.assert_array_equal(naive.linear_grad_bias(np.vstack([gy, gy])), [2, 20, 200])
    np.testing.assert_array_equal(naive.matmul(x, weight.T), [[11, 17, 23]])


@pytest.mark.parametrize(
    "row, args, values, indices",
    [
        ([1, 3, 2, 4], {"kernel_size": (1, 2)}, [3, 4], [1, 3]),
        ([1, 3, 2], {"kernel_size": (1, 2)}, [3], [1]),
        ([1, 3, 2], {"kernel_size": (1, 2), "ceil_mode": True}, [3, 2], [1, 2]),
        ([5, 5, 5], {"kernel_size": (1, 2), "stride": 1}, [5, 5], [0, 1]),  # the first of equal values
        ([1, 9, 2, 8], {"kernel_size": (1, 2), "stride": 1, "dilation": (1, 2)}, [2, 9], [2, 1]),
        ([-1, -2], {"kernel_size": (1, 2), "padding": (0, 1)}, [-1, -2], [0, 1]),  # padding is -inf, not 0
        ([1, np.nan, 2, 3], {"kernel_size": (1, 2)}, [np.nan, 3], [1, 3]),
        ([np.nan, np.nan], {"kernel_size": (1, 2)}, [np.nan], [1]),
        ([-np.inf, -np.inf], {"kernel_size": (1, 2)}, [-np.inf], [0]),
        (
            [7, 8],
            {"kernel_size": 1, "stride": (1, 2), "ceil_mode": True},
            [7],
            [0],
        ),  # no window starts past the end
    ],
)
def test_max_pool2d_by_hand(row, args, values, indices):
    y, found = naive.max_pool2d(image([row]), **args)
    np.testing.assert_array_equal(y, image([values]))
    np.testing.assert_array_equal(found, image([indices]))


def test_max_pool2d_gradient_by_hand():
    x = image([[1, 5, 2], [5, 0, 3]])
    gx = naive.max_pool2d_grad_input(image([[10, 100]]), x, kernel_size=2, stride=1)
    np.testing.assert_array_equal(gx, image([[0, 110, 0], [0, 0, 0]]))


@pytest.mark.parametrize(
    "args, expected",
    [
        ({"kernel_size": (1, 2)}, [1.5]),
        ({"kernel_size": (1, 2), "ceil_mode": True}, [1.5, 3]),  # the overhang is never counted
        ({"kernel_size": (1, 2), "padding": (0, 1)}, [0.5, 2.5]),
        ({"kernel_size": (1, 2), "padding": (0, 1), "count_include_pad": False}, [1, 2.5]),
        ({"kernel_size": (1, 2), "divisor_override": 3}, [1]),
    ],
)
def test_avg_pool2d_by_hand(args, expected):
    np.testing.assert_array_equal(naive.avg_pool2d(image([[1, 2, 3]]), **args), image([expected]))


def test_avg_pool2d_gradient_by_hand():
    gx = naive.avg_pool2d_grad_input(image([[6, 60]]), (1, 1, 1, 3), (1, 2), stride=1)
    np.testing.assert_array_equal(gx, image([[3, 33, 30]]))


def test_relu_by_hand():
    x = np.array([-1.0, 0.0, 2.0, np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(naive.relu(x), [0, 0, 2, np.nan, np.inf, 0])
    np.testing.assert_array_equal(naive.relu_grad_input(np.full(3, 7.0), x[:3]), [0, 0, 7])


@pytest.mark.parametrize(
    "kind, expected",
    [
        (None, [-4, 0, 8]),
        ("relu", [0, 0, 8]),
        ("relu6", [0, 0, 6]),
        (("clip", -1, 2), [-1, 0, 2]),
        (("leaky_relu", 0.25), [-1, 0, 8]),
        ("hardswish", [0, 0, 8]),
    ],
)
def test_activation_by_hand(kind, expected):
    np.testing.assert_array_equal(naive.activation([-4, 0, 8], kind), expected)


def test_smooth_activations_by_hand():
    x = [-LOG3, 0, LOG3]  # sigmoid: 1/4, 1/2, 3/4
    np.testing.assert_allclose(naive.activation(x, "sigmoid"), [0.25, 0.5, 0.75])
    np.testing.assert_allclose(naive.activation(x, "silu"), [-LOG3 / 4, 0, 0.75 * LOG3])
    np.testing.assert_allclose(naive.activation(x, "tanh"), [-0.8, 0, 0.8])


def test_softmax_by_hand():
    x = np.array([[0, LOG3], [1e4, 1e4]])
    np.testing.assert_allclose(naive.softmax(x), [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(naive.log_softmax(x), np.log([[0.25, 0.75], [0.5, 0.5]]))
    np.testing.assert_allclose(naive.softmax(x.T, dim=0), [[0.25, 0.5], [0.75, 0.5]])


@pytest.mark.parametrize(
    "target, args, expected",
    [
        ([0, 1], {"reduction": "none"}, [np.log(4), np.log(4 / 3)]),
        ([0, 1], {}, np.log(16 / 3) / 2),
        ([0, 1], {"reduction": "sum"}, np.log(16 / 3)),
        ([0, 1], {"weight": [1, 3]}, (np.log(4) + 3 * np.log(4 / 3)) / 4),
        ([0, -100], {}, np.log(4)),
        ([0, 1], {"ignore_index": 1}, np.log(4)),
        ([0, 0], {"label_smoothing": 0.5}, 0.75 * np.log(4) + 0.25 * np.log(4 / 3)),
        ([-100, -100], {}, np.nan),
    ],
)
def test_cross_entropy_by_hand(target, args, expected):
    x = np.array([[0, LOG3], [0, LOG3]])
    np.testing.assert_allclose(naive.cross_entropy(x, target, **args), expected)


def test_cross_entropy_gradient_by_hand():
    gx = naive.cross_entropy_grad_input(1.0, np.array([[0, LOG3], [5, 5]]), [0, -100])
    np.testing.assert_allclose(gx, [[-0.75, 0.75], [0, 0]])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(
    "name", ["prime_everything", "asymmetric_padding", "groups", "dilated_strided", "same_padding"]
)
def test_conv2d_gradients_by_finite_differences(name):
    case = cases.CONV[name]
    arrays = {"x": normal(*case.x), "weight": normal(*case.weight), "bias": normal(case.weight[0])}

    def gradients(arrays, gy, y):
        x, weight = arrays["x"], arrays["weight"]
        return {
            "x": naive.conv2d_grad_input(gy, weight, x.shape, **case.args),
            "weight": naive.conv2d_grad_weight(gy, x, weight.shape, **case.args),
            "bias": naive.conv2d_grad_bias(gy),
        }

    gradcheck.assert_gradients(lambda a: naive.conv2d(**a, **case.args), arrays, gradients)


@pytest.mark.parametrize("name", ["everything", "everything_sum", "everything_none", "weighted"])
def test_cross_entropy_gradient_by_finite_differences(name):
    case = cases.LOSS[name]
    target = np.arange(case.x[0]) % case.x[1]
    target[: case.ignored] = case.args.get("ignore_index", -100)
    weight = np.linspace(0.5, 2, case.x[1]) if case.weighted else None
    gradcheck.assert_gradients(
        lambda a: naive.cross_entropy(a["x"], target, weight, **case.args),
        {"x": normal(*case.x)},
        lambda a, gy, y: {"x": naive.cross_entropy_grad_input(gy, a["x"], target, weight, **case.args)},
    )


@pytest.mark.parametrize("forward, backward", [
    (naive.softmax, naive.softmax_grad_input), (naive.log_softmax, naive.log_softmax_grad_input),
])  # fmt: skip
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_gradients_by_finite_differences(forward, backward, dim):
    gradcheck.assert_gradients(
        lambda a: forward(a["x"], dim), {"x": normal(3, 5, 4)}, lambda a, gy, y: {"x": backward(gy, y, dim)}
    )


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed; the oracle has only its hand-worked examples")


def close(ours, theirs, length=0):
    tolerance.assert_close(ours, theirs.detach().numpy(), "conv", 1 + max(length, theirs.numel()))


EVERY_CONV = {**cases.CONV, **cases_nd.CONV1D, **{f"volume_{k}": v for k, v in cases_nd.CONV3D.items()}}


@pytest.mark.parametrize("case", EVERY_CONV.values(), ids=EVERY_CONV)
def test_convolution_against_torch(torch, case):
    x, weight, bias = (normal(*shape, seed=i) for i, shape in enumerate([case.x, case.weight, case.weight[:1]]))
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, weight, bias)]
    args = dict(case.args)
    pads = naive.sides(args.pop("padding", 0), case.weight[2:], args.get("dilation", 1))
    padded = torch.nn.functional.pad(leaves[0], [p for sides in reversed(pads) for p in sides])
    y = getattr(torch.nn.functional, f"conv{len(pads)}d")(padded, *leaves[1:], **args)
    close(naive.conv(x, weight, bias, **case.args), y)
    assert tuple(y.shape) == case.y
    gy = normal(*y.shape, seed=3)
    y.backward(torch.tensor(gy))
    close(naive.conv2d_grad_input(gy, weight, x.shape, **case.args), leaves[0].grad)
    close(naive.conv2d_grad_weight(gy, x, weight.shape, **case.args), leaves[1].grad, gy.size)
    close(naive.conv2d_grad_bias(gy), leaves[2].grad, gy.size)


TRANSPOSED = [("1d", cases_nd.TRANSPOSED1D), ("2d", cases_nd.TRANSPOSED2D), ("3d", cases_nd.TRANSPOSED3D)]
TRANSPOSED = {f"{k}_{name}": case for k, table in TRANSPOSED for name, case in table.items()}


@pytest.mark.parametrize("case", TRANSPOSED.values(), ids=TRANSPOSED)
def test_transposed_convolution_against_torch(torch, case):
    """PyTorch crops both sides alike: what differs is sliced off its result."""
    x, weight, bias = (normal(*shape, seed=i) for i, shape in enumerate([case.x, case.weight, (case.oc,)]))
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, weight, bias)]
    args, rank = dict(case.args), len(case.x) - 2
    crop = naive.sides(args.pop("padding", 0), (1,) * rank)
    y = getattr(torch.nn.functional, f"conv_transpose{rank}d")(*leaves, **args)
    y = y[(..., *(slice(a, y.shape[i + 2] - b) for i, (a, b) in enumerate(crop)))]
    close(naive.conv_transpose(x, weight, bias, **case.args), y)
    assert tuple(y.shape) == case.y
    gy = normal(*y.shape, seed=3)
    y.backward(torch.tensor(gy))
    close(naive.conv_transpose_grad_input(gy, weight, x.shape, **case.args), leaves[0].grad)
    close(naive.conv_transpose_grad_weight(gy, x, weight.shape, **case.args), leaves[1].grad)
    close(naive.conv_grad_bias(gy), leaves[2].grad)


@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize("name", cases.MAX_POOL)
def test_max_pool2d_against_torch(torch, name, nan):
    case = cases.MAX_POOL[name]
    x = np.round(normal(*case.x) * 4)  # with ties
    if nan:
        x[x == 1] = np.nan
    leaf = torch.tensor(x, requires_grad=True)
    y, indices = torch.nn.functional.max_pool2d(leaf, **case.args, return_indices=True)
    ours = naive.max_pool2d(x, **case.args)
    tolerance.assert_same(ours[0], y.detach().numpy())
    tolerance.assert_same(ours[1], indices.numpy())
    gy = normal(*y.shape, seed=3)
    y.backward(torch.tensor(gy))
    close(naive.max_pool2d_grad_input(gy, x, **case.args), leaf.grad)


@pytest.mark.parametrize("name", cases.AVG_POOL)
def test_avg_pool2d_against_torch(torch, name):
    case = cases.AVG_POOL[name]
    x = normal(*case.x)
    leaf = torch.tensor(x, requires_grad=True)
    y = torch.nn.functional.avg_pool2d(leaf, **case.args)
    close(naive.avg_pool2d(x, **case.args), y)
    gy = normal(*y.shape, seed=3)
    y.backward(torch.tensor(gy))
    close(naive.avg_pool2d_grad_input(gy, x.shape, **case.args), leaf.grad)


@pytest.mark.parametrize("name", cases.LOSS)
def test_cross_entropy_against_torch(torch, name):
    case = cases.LOSS[name]
    x, target = normal(*case.x), np.arange(case.x[0]) % case.x[1]
    target[: case.ignored] = case.args.get("ignore_index", -100)
    weight = np.linspace(0.5, 2, case.x[1]) if case.weighted else None
    leaf = torch.tensor(x, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        leaf, torch.tensor(target), None if weight is None else torch.tensor(weight), **case.args
    )
    close(naive.cross_entropy(x, target, weight, **case.args), loss)
    gy = normal(*loss.shape, seed=3)
    loss.backward(torch.tensor(gy))
    close(naive.cross_entropy_grad_input(gy, x, target, weight, **case.args), leaf.grad)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_soft_cross_entropy_against_torch(torch, reduction):
    x, target, weight = normal(5, 7), naive.softmax(normal(5, 7, seed=1)), np.linspace(0.5, 2, 7)
    args = {"reduction": reduction, "label_smoothing": 0.2}
    theirs = torch.nn.functional.cross_entropy(*map(torch.tensor, (x, target, weight)), **args)
    close(naive.soft_cross_entropy(x, target, weight, **args), theirs)


@pytest.mark.parametrize("kind", ["relu", "relu6", "silu", "hardswish", "sigmoid", "tanh"])
def test_activations_against_torch(torch, kind):
    x = np.linspace(-9, 9, 37)
    close(naive.activation(x, kind), getattr(torch.nn.functional, kind)(torch.tensor(x)))
