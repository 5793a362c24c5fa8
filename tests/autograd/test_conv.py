"""Convolution on the tape: gradients, kinds, and networks that stay Blocked."""

import numpy as np
import pytest
from tape import check_gradients, normal, spread

import fastnn.autograd as F
from fastnn import nn, ops
from fastnn.autograd import Tensor

CASES = {
    "plain": ((2, 3, 6, 5), (4, 3, 3, 3), {}),
    "padded": ((2, 3, 6, 5), (4, 3, 3, 2), {"padding": (1, 0)}),
    "strided": ((1, 2, 7, 8), (3, 2, 3, 3), {"stride": (2, 3), "padding": 1}),
    "dilated": ((1, 2, 9, 8), (3, 2, 3, 2), {"dilation": (2, 3)}),
    "groups": ((2, 6, 4, 5), (4, 3, 2, 2), {"groups": 2}),
    "depthwise": ((1, 17, 4, 4), (17, 1, 3, 3), {"groups": 17, "padding": 1}),
    "same": ((1, 2, 5, 5), (3, 2, 3, 3), {"padding": "same"}),
    "pointwise_17": ((2, 17, 3, 3), (18, 17, 1, 1), {}),
    "fused_relu": ((2, 3, 6, 5), (4, 3, 3, 3), {"activation": "relu"}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_gradients(case):
    x_shape, w_shape, options = case
    x, w, b = normal(*x_shape), normal(*w_shape), normal(w_shape[0])
    check_gradients(lambda x, w, b: F.conv2d(x, w, b, **options), x=x, w=w, b=b)
    check_gradients(lambda x, w: F.conv2d(F.conv2d(x, np.eye(x.shape[1])[..., None, None]), w, **options), x=x, w=w)


OTHERS = {
    "conv1d": ((2, 3, 9), (4, 3, 3), {"padding": ((4, 0),), "dilation": 2}, 4),
    "conv1d_groups": ((1, 6, 8), (4, 3, 2), {"groups": 2, "stride": 3, "activation": "relu"}, 4),
    "conv3d": ((1, 2, 4, 3, 5), (3, 2, 2, 3, 2), {"padding": (1, 0, 2), "stride": (1, 2, 1)}, 3),
    "conv_transpose1d": ((2, 3, 6), (3, 4, 4), {"stride": 2, "padding": 1}, 4),
    "conv_transpose2d": ((2, 6, 3, 4), (6, 3, 3, 2), {"stride": (2, 3), "output_padding": (1, 2), "groups": 2}, 6),
    "conv_transpose2d_few": ((1, 17, 3, 4), (17, 2, 4, 4), {"stride": 2, "padding": 1, "activation": "relu"}, 2),
    "conv_transpose3d": ((1, 2, 3, 2, 2), (2, 3, 2, 2, 3), {"stride": (1, 2, 3), "dilation": (2, 1, 1)}, 3),
}


@pytest.mark.parametrize("name", OTHERS)
def test_gradients_of_other_ranks_and_transposed(name):
    x_shape, w_shape, options, channels = OTHERS[name]
    function = getattr(F, "_".join(part for part in name.split("_") if part not in ("groups", "few")))
    x, w, b = normal(*x_shape), normal(*w_shape), normal(channels)
    check_gradients(lambda x, w, b: function(x, w, b, **options), x=x, w=w, b=b)
    check_gradients(lambda x, w: function(x * 2.0, w, **options), x=x, w=w)


def test_transposed_images_are_blocked_and_sequences_are_not():
    w = Tensor(normal(3, 4, 2, 2), requires_grad=True)
    for kind in (np.asarray, ops.blocked):
        x = Tensor(kind(normal(2, 3, 4, 5)), requires_grad=True)
        y = F.conv_transpose2d(x, w, stride=2)
        assert type(y.data) is ops.Blocked
        y.sum().backward()
        assert type(x.grad.data) is type(x.data) and type(w.grad.data) is np.ndarray
    assert type(F.conv1d(normal(1, 3, 5), normal(4, 3, 2)).data) is np.ndarray


def test_gradients_through_an_encoder_and_decoder():
    """Down and up again, with the skipped connection of a U-Net."""

    def network(x, down, up, last):
        h = F.conv2d(x, down, stride=2, padding=1, activation="relu")
        return F.conv2d(F.conv_transpose2d(h, up, stride=2) + x, last, padding=1)

    shapes = {"down": (5, 3, 4, 4), "up": (5, 3, 2, 2), "last": (2, 3, 3, 3)}
    check_gradients(network, x=spread(2, 3, 6, 8), **{name: normal(*shape) for name, shape in shapes.items()})


@pytest.mark.parametrize("kind", [np.asarray, ops.blocked], ids=["plain", "blocked"])
def test_results_are_blocked_and_gradients_are_of_the_inputs_kind(kind):
    x = Tensor(kind(normal(2, 3, 6, 6)), requires_grad=True)
    w = Tensor(normal(4, 3, 3, 3), requires_grad=True)
    y = F.conv2d(x, w)
    assert type(y.data) is ops.Blocked
    y.backward(np.ones(y.shape))
    assert type(x.grad.data) is type(x.data) and type(w.grad.data) is np.ndarray
    np.testing.assert_allclose(y.numpy(), ops.conv2d(x.numpy(), w.numpy()), rtol=1e-12, atol=1e-12)


def test_unknown_activations_are_refused():
    with pytest.raises((ValueError, NotImplementedError), match=r"conv2d: .*'tanh'"):
        F.conv2d(normal(1, 1, 3, 3), normal(1, 1, 3, 3), activation="tanh")


def network(x, w1, b1, w2, b2, w3, b3):
    """Convolution, ReLU, pooling, a residual, another pooling, then a linear layer and the loss."""
    h = F.max_pool2d(F.conv2d(x, w1, b1, padding=1).relu(), 2)
    h = F.avg_pool2d(F.conv2d(h, w2, b2, padding=1, activation="relu") + h * 0.5, 2)
    return F.cross_entropy(F.linear(h.flatten(1), w3, b3), np.array([0, 3, 1]))


def weights():
    parts = {"w1": (5, 2, 3, 3), "b1": (5,), "w2": (5, 5, 3, 3), "b2": (5,), "w3": (4, 20), "b3": (4,)}
    return {name: normal(*shape) for name, shape in parts.items()}


def test_gradients_through_a_whole_network():
    check_gradients(network, x=spread(3, 2, 8, 8), **weights())


def test_a_network_converts_no_image_on_the_way_nor_on_the_way_back(monkeypatch):
    """Images go to NCHW once, where they are flattened, and come back from there once."""
    into, back = [], []
    numpy, blocked = ops.Blocked.numpy, ops.blocked
    monkeypatch.setattr(ops.Blocked, "numpy", lambda self: into.append(self.shape) or numpy(self))
    monkeypatch.setattr(ops, "blocked", lambda x: back.append(x.shape) or blocked(x))
    tensors = {name: Tensor(value, requires_grad=True) for name, value in weights().items()}
    network(Tensor(spread(3, 2, 8, 8)), **tensors).backward()
    assert into == [(3, 5, 2, 2)] and back == [(3, 5, 2, 2)]
    assert all(t.grad is not None for t in tensors.values())


def test_layers_convert_no_image_either(monkeypatch):
    into, back = [], []
    numpy, blocked = ops.Blocked.numpy, ops.blocked
    layers = [nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 20, 3), nn.AvgPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(20, 3))
    monkeypatch.setattr(ops.Blocked, "numpy", lambda self: into.append(self.shape) or numpy(self))
    monkeypatch.setattr(ops, "blocked", lambda x: back.append(x.shape) or blocked(x))
    x = normal(3, 2, 8, 8).astype(np.float32)
    model(x).sum().backward()
    assert into == back == [(3, 20, 1, 1)]
    model.eval()
    into.clear()
    with F.no_grad():
        model(x)
    assert into == [(3, 20, 1, 1)]
