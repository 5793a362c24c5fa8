"""Layers: what they compute, what they accept, and gradients through networks made of them."""

import numpy as np
import pytest
from gradcheck import assert_gradients
from tape import normal, spread

from fastnn import nn, ops
from fastnn.autograd import Tensor, no_grad


def double(layer_class, *arguments, **options):
    return layer_class(*arguments, dtype=np.float64, **options)


NETWORKS = {
    "lenet": lambda: [
        double(nn.Conv2d, 2, 5, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        double(nn.Conv2d, 5, 17, (3, 2)),
        nn.ReLU(inplace=True),
        nn.AvgPool2d((2, 1)),
        nn.Flatten(),
        double(nn.Linear, 17 * 1 * 3, 6),
        nn.ReLU(),
        double(nn.Linear, 6, 4),
    ],
    "generator": lambda: [
        double(nn.ConvTranspose2d, 2, 6, 4, stride=2, padding=1, groups=2),
        double(nn.ConvTranspose2d, 6, 1, 3, output_padding=1, dilation=2, bias=False),
        nn.Flatten(),
        double(nn.Linear, 21 * 21, 4),
    ],
    "strided": lambda: [
        double(nn.Conv2d, 2, 4, 3, stride=2, padding=1, groups=2, bias=False),
        double(nn.Conv2d, 4, 4, 3, dilation=2, padding=2, groups=4),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.Flatten(),
        double(nn.Linear, 4 * 3 * 3, 4, bias=False),
    ],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_every_parameter_and_the_input(name):
    nn.init.manual_seed(3)
    model, loss = nn.Sequential(*NETWORKS[name]()), nn.CrossEntropyLoss()
    target = np.array([1, 0, 3])
    shape = (3, 2, 8, 8)

    def put(values):
        x = Tensor(values["x"], requires_grad=True)
        model.load_state_dict({key: value for key, value in values.items() if key != "x"})
        return x

    def forward(values):
        with no_grad():
            return loss(model(put(values)), target).numpy()

    def backward(values, gy, y):
        x = put(values)
        model.zero_grad()
        loss(model(x), target).backward(gy)
        return {"x": x.grad.numpy()} | {key: p.grad.numpy() for key, p in model.named_parameters()}

    assert_gradients(forward, {"x": spread(*shape), **model.state_dict()}, backward)


# ---- packed weights ------------------------------------------------------------------------------------
LAYERS = {
    "conv": (lambda: nn.Conv2d(3, 5, 3, padding=1, stride=(2, 1)), normal(2, 3, 6, 6).astype(np.float32)),
    "conv1d": (lambda: nn.Conv1d(3, 5, 3, padding=2, dilation=2), normal(2, 3, 11).astype(np.float32)),
    "conv3d": (lambda: nn.Conv3d(2, 5, (1, 2, 3), padding=1), normal(1, 2, 3, 4, 5).astype(np.float32)),
    "transposed1d": (lambda: nn.ConvTranspose1d(4, 3, 4, 2, 1), normal(2, 4, 7).astype(np.float32)),
    "transposed2d": (lambda: nn.ConvTranspose2d(4, 3, 3, 2, 1, 1), normal(2, 4, 5, 6).astype(np.float32)),
    "transposed3d": (lambda: nn.ConvTranspose3d(3, 2, 2, 2, groups=1), normal(1, 3, 2, 3, 2).astype(np.float32)),
    "linear": (lambda: nn.Linear(4, 3), normal(5, 4).astype(np.float32)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_packed_layers_compute_the_same(name):
    make, x = LAYERS[name]
    layer = make()
    trained = layer(x).numpy()
    layer.eval()
    with no_grad():
        np.testing.assert_allclose(layer(x).numpy(), trained, rtol=1e-5, atol=1e-6)
        assert layer._packed is not None


CHANGES = {
    "in place": lambda layer: layer.weight.mul_(2),
    "bias": lambda layer: layer.bias.add_(1),
    "data": lambda layer: setattr(layer.weight, "data", layer.weight.numpy() * 3),
    "new parameter": lambda layer: setattr(layer, "weight", nn.Parameter(layer.weight.numpy() * 3)),
    "no bias": lambda layer: setattr(layer, "bias", None),
    "load": lambda layer: layer.load_state_dict({k: v + 1 for k, v in layer.state_dict().items()}),
    "reset": lambda layer: layer.reset_parameters(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", LAYERS)
def test_weights_are_packed_again_when_they_change_and_only_then(name, change):
    make, x = LAYERS[name]
    layer = make().eval()
    with no_grad():
        before = layer(x).numpy()
        first = layer._packed
        layer(x)
        assert layer._packed is first
        change(layer)
        after = layer(x).numpy()
    expected = layer.train()(x).numpy()
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(after - before).max() > 1e-3


def test_options_that_change_are_packed_anew():
    layer, x = nn.Conv2d(3, 5, 3).eval(), normal(1, 3, 8, 8).astype(np.float32)
    with no_grad():
        assert layer(x).shape == (1, 5, 6, 6)
        layer.padding = (2, 2)
        assert layer(x).shape == (1, 5, 10, 10)


def test_weights_that_are_plain_tensors_are_never_packed():
    layer, x = nn.Linear(4, 3, bias=False).eval(), normal(5, 4).astype(np.float32)
    weight = np.ones((3, 4), np.float32)
    layer.weight = Tensor(weight)
    with no_grad():
        layer(x)
        weight[...] = 0  # nobody could notice this
        assert not layer(x).numpy().any()


@pytest.mark.parametrize("recording, training", [(True, True), (True, False), (False, True)])
def test_layers_are_packed_for_evaluation_alone(recording, training):
    layer, x = nn.Linear(4, 3).train(training), normal(5, 4).astype(np.float32)
    if recording:
        assert layer(x).requires_grad
    else:
        with no_grad():
            layer(x)
    assert layer._packed is None


def test_fused_relu_and_the_layer_alone_have_their_own_packed_form():
    conv = nn.Conv2d(3, 5, 3).eval()
    model, x = nn.Sequential(conv, nn.ReLU()).eval(), normal(1, 3, 8, 8).astype(np.float32)
    with no_grad():
        alone = conv(x).numpy()
        np.testing.assert_allclose(model(x).numpy(), np.maximum(alone, 0), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(conv(x).numpy(), alone)


def test_images_stay_blocked_in_evaluation():
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2)).eval()
    with no_grad():
        assert type(model(normal(1, 3, 8, 8).astype(np.float32)).data) is ops.Blocked


def test_fused_relu_behind_every_convolution():
    for name, (make, x) in LAYERS.items():
        layer = make()
        model = nn.Sequential(layer, nn.ReLU())
        expected = np.maximum(layer(x).numpy(), 0)
        np.testing.assert_allclose(model(x).numpy(), expected, rtol=1e-5, atol=1e-6, err_msg=name)
        with no_grad():
            np.testing.assert_allclose(model.eval()(x).numpy(), expected, rtol=1e-5, atol=1e-6, err_msg=name)


# ---- transposed convolution ----------------------------------------------------------------------------
def test_output_size_chooses_among_those_that_fit():
    layer, x = nn.ConvTranspose2d(3, 5, 3, stride=(2, 3), padding=1), normal(1, 3, 4, 5).astype(np.float32)
    assert layer(x).shape == (1, 5, 7, 13)
    for size in [(8, 13), (7, 15), (1, 5, 8, 14)]:
        expected = ops.conv_transpose2d(
            x, layer.weight.numpy(), layer.bias.numpy(), (2, 3), 1, (size[-2] - 7, size[-1] - 13)
        )
        np.testing.assert_allclose(layer(x, size).numpy(), expected, rtol=1e-5, atol=1e-6)
        with no_grad():
            np.testing.assert_allclose(layer.eval()(x, output_size=size).numpy(), expected, rtol=1e-5, atol=1e-6)
    for size in [(6, 13), (7, 16)]:
        with pytest.raises(ValueError, match=r"ConvTranspose2d: output_size .* between \(7, 13\) and \(8, 15\)"):
            layer(x, output_size=size)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
def test_convolutions_have_pytorchs_parameters(kind, rank):
    torch = pytest.importorskip("torch")
    arguments = (4, 6, 3, 2, 1, 1, 2)  # the last two: output_padding and groups, or dilation and groups
    ours, theirs = (getattr(module, f"{kind}{rank}d")(*arguments) for module in (nn, torch.nn))
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x = normal(2, 4, *(5, 6, 7)[:rank]).astype(np.float32)
    expected = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours(x).numpy(), expected, rtol=1e-4, atol=1e-5)
    assert repr(ours) == repr(theirs)


# ---- the other layers ----------------------------------------------------------------------------------
def test_inplace_relu_is_seen_through_the_input():
    x = Tensor(normal(3), requires_grad=True)
    h = x * 2
    y = nn.ReLU(inplace=True)(h)
    assert y is h and (h.numpy() >= 0).all()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2.0 * (x.numpy() > 0))
    with pytest.raises(RuntimeError, match="relu_: a leaf"):
        nn.ReLU(inplace=True)(x)


def test_pooling_layers_take_what_pytorchs_take():
    x = normal(1, 2, 7, 6)
    y, indices = nn.MaxPool2d(3, stride=2, padding=1, return_indices=True)(x)
    np.testing.assert_array_equal(y.numpy(), ops.max_pool2d(x, 3, 2, 1))
    assert indices.shape == y.shape
    y = nn.AvgPool2d((2, 3), 1, (1, 0), True, False, 4)(x)
    np.testing.assert_array_equal(y.numpy(), ops.avg_pool2d(x, (2, 3), 1, (1, 0), True, False, 4))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pooling_layers_of_every_rank(rank):
    x = normal(1, 2, *(7, 6, 8)[:rank])

    def layer(name, *arguments):
        return getattr(nn, f"{name}{rank}d")(*arguments)(x).numpy()

    def op(name, *arguments):
        return getattr(ops, f"{name}{rank}d")(x, *arguments)

    np.testing.assert_array_equal(layer("MaxPool", 3, 2, 1), op("max_pool", 3, 2, 1))
    np.testing.assert_array_equal(layer("AvgPool", 3, 2, 1, True, False), op("avg_pool", 3, 2, 1, True, False))
    np.testing.assert_array_equal(layer("LPPool", 2, 3, 2, True), op("lp_pool", 2, 3, 2, True))
    np.testing.assert_array_equal(layer("AdaptiveAvgPool", 3), op("adaptive_avg_pool", 3))
    np.testing.assert_array_equal(layer("AdaptiveMaxPool", 3), op("adaptive_max_pool", 3))
    y, indices = getattr(nn, f"MaxPool{rank}d")(2, return_indices=True)(x)
    expected = getattr(ops, f"max_unpool{rank}d")(y.numpy(), indices.numpy(), 2, output_size=x.shape)
    np.testing.assert_array_equal(getattr(nn, f"MaxUnpool{rank}d")(2)(y, indices, x.shape).numpy(), expected)
    assert repr(getattr(nn, f"MaxUnpool{rank}d")(2)) == f"MaxUnpool{rank}d(kernel_size=2, stride=2, padding=0)"
    assert "norm_type=2" in repr(getattr(nn, f"LPPool{rank}d")(2, 3))
    assert repr(getattr(nn, f"AdaptiveMaxPool{rank}d")(3)) == f"AdaptiveMaxPool{rank}d(output_size=3)"


def test_the_loss_has_pytorchs_options():
    x, target = normal(4, 3), np.array([0, 1, 2, 1])
    weight = np.array([1.0, 2.0, 3.0])
    loss = nn.CrossEntropyLoss(weight, ignore_index=2, reduction="none", label_smoothing=0.1)
    expected = ops.cross_entropy(x, target, weight, 2, "none", 0.1)
    np.testing.assert_array_equal(loss(x, target).numpy(), expected)


# ---- containers ----------------------------------------------------------------------------------------
def test_sequential_as_a_list():
    layers = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]
    model = nn.Sequential(*layers)
    assert len(model) == 3 and list(model) == layers and model[-1] is layers[2]
    part = model[:2]
    assert type(part) is nn.Sequential and list(part) == layers[:2]
    assert model.append(nn.Flatten()) is model and len(model) == 4


def test_sequential_with_names():
    model = nn.Sequential({"first": nn.Linear(2, 3), "act": nn.ReLU()})
    assert list(model.state_dict()) == ["first.weight", "first.bias"] and model.first is model[0]


def test_an_empty_sequential_returns_its_input():
    x = Tensor([1.0])
    assert nn.Sequential()(x) is x


@pytest.mark.parametrize("arguments", [(nn.ReLU(), 3), ({"a": "b"},)])
def test_only_modules_go_into_sequential(arguments):
    with pytest.raises(TypeError, match=r"Sequential: .* is no Module"):
        nn.Sequential(*arguments)


# ---- refusals ------------------------------------------------------------------------------------------
REFUSED = {
    "ConvTranspose2d device": (lambda: nn.ConvTranspose2d(1, 1, 1, device="cuda"), "device='cuda'"),
    "Conv2d device": (lambda: nn.Conv2d(1, 1, 1, device="cuda"), "device='cuda'"),
    "Conv2d dtype": (lambda: nn.Conv2d(1, 1, 1, dtype=np.float16), "dtype=float16"),
    "Linear device": (lambda: nn.Linear(1, 1, device="meta"), "device='meta'"),
    "Linear dtype": (lambda: nn.Linear(1, 1, dtype=np.int32), "dtype=int32"),
    "CrossEntropyLoss average": (lambda: nn.CrossEntropyLoss(size_average=True), "size_average=True"),
    "CrossEntropyLoss reduce": (lambda: nn.CrossEntropyLoss(reduce=False), "reduce=False"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_options_name_themselves(name):
    make, message = REFUSED[name]
    with pytest.raises(NotImplementedError, match=f"{name.split()[0]}: {message}"):
        make()


WRONG = {
    "no channels": (lambda: nn.Conv2d(0, 1, 1), ValueError, "Conv2d: in_channels must be positive, is 0"),
    "fraction": (lambda: nn.Conv2d(1, 1.5, 1), TypeError, "Conv2d: out_channels must be an int, is 1.5"),
    "three sizes": (lambda: nn.Conv2d(1, 1, (1, 2, 3)), TypeError, "kernel_size must be an int or two"),
    "stride": (lambda: nn.Conv2d(1, 1, 1, stride=0), ValueError, "Conv2d: stride must be at least 1, is 0"),
    "padding": (lambda: nn.Conv2d(1, 1, 1, padding=-1), ValueError, "padding must be at least 0, is -1"),
    "padding word": (lambda: nn.Conv2d(1, 1, 1, padding="full"), ValueError, "'full'"),
    "same and stride": (lambda: nn.Conv2d(1, 1, 3, 2, "same"), ValueError, "padding='same' needs stride 1"),
    "groups": (lambda: nn.Conv2d(4, 6, 1, groups=4), ValueError, r"out_channels \(6\) .* groups \(4\)"),
    "mode": (lambda: nn.Conv2d(1, 1, 1, padding_mode="mirror"), ValueError, "padding_mode='mirror'"),
    "two sizes": (lambda: nn.Conv1d(1, 1, (1, 2)), TypeError, "Conv1d: kernel_size must be an int, is"),
    "two strides": (lambda: nn.Conv3d(1, 1, 1, (1, 2)), TypeError, "Conv3d: stride must be an int or three"),
    "transposed same": (lambda: nn.ConvTranspose2d(1, 1, 1, padding="same"), TypeError, "ConvTranspose2d: padding"),
    "output_padding": (lambda: nn.ConvTranspose1d(1, 1, 1, output_padding=-1), ValueError, "output_padding must be"),
    "linear": (lambda: nn.Linear(3, -1), ValueError, "Linear: out_features must be positive, is -1"),
    "truth value": (lambda: nn.Linear(True, 1), TypeError, "Linear: in_features must be an int, is True"),
    "pool padding": (lambda: nn.MaxPool2d(2, padding=2), ValueError, "more than half of kernel_size 2"),
    "pool stride": (lambda: nn.AvgPool2d(2, 0), ValueError, "AvgPool2d: stride must be at least 1"),
    "divisor": (lambda: nn.AvgPool2d(2, divisor_override=0), ValueError, "divisor_override"),
    "reduction": (lambda: nn.CrossEntropyLoss(reduction="max"), ValueError, "'max'"),
    "smoothing": (lambda: nn.CrossEntropyLoss(label_smoothing=2), ValueError, "label_smoothing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_arguments_that_make_no_sense_are_named(name):
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        make()
