"""Layers in evaluation keep packed weights: made once, made again whenever the weights change, by whatever route."""

import copy
import functools
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tolerance

import fastnn
from fastnn import nn, ops, train
from fastnn.autograd import no_grad

SHAPE = (1, 32, 14, 13)
X = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
LAYERS = {
    "winograd": lambda: nn.Conv2d(32, 40, 3, padding=1),
    "strided": lambda: nn.Conv2d(32, 40, 3, stride=2, bias=False),
    "depthwise": lambda: nn.Conv2d(32, 32, 3, groups=32),
}


def made(name):
    """A layer in evaluation mode with weights of its own, the same ones for each call."""
    layer, rng = LAYERS[name](), np.random.default_rng(1)
    layer.load_state_dict({k: rng.standard_normal(v.shape).astype(np.float32) for k, v in layer.state_dict().items()})
    return layer.eval()


def evaluated(layer, x=X):
    with no_grad():
        return layer(x).numpy()


def fresh(layer, x=X):
    """What weights packed for this call alone give."""
    bias = None if layer.bias is None else layer.bias.numpy()
    return ops.pack_conv2d(layer.weight.numpy(), bias, layer.stride, layer.padding, layer.dilation, layer.groups)(x)


def optimiser_step(optimiser):
    def step(layer):
        layer.train()
        layer(X).sum().backward()
        optimiser(layer.parameters(), lr=0.5).step()
        layer.eval()

    return step


def without_recording(change):
    def changed(layer):
        with no_grad():
            change(layer)

    return changed


def through_checkpoint(tmp_path):
    def load(layer):
        path = tmp_path / "weights.safetensors"
        train.save_checkpoint(path, {k: v * 2 for k, v in layer.state_dict().items()})
        layer.load_state_dict(train.load_checkpoint(path))

    return load


def by_name(layer):
    del layer.weight
    layer.weight = nn.Parameter(np.ones((layer.out_channels, 32 // layer.groups, 3, 3), np.float32))


CHANGES = {
    "sgd": optimiser_step(train.SGD),
    "sgd with momentum": optimiser_step(functools.partial(train.SGD, momentum=0.9)),
    "multiplied": without_recording(lambda layer: layer.weight.mul_(2)),
    "subtracted": without_recording(lambda layer: layer.weight.__isub__(1)),
    "copied into": without_recording(lambda layer: layer.weight.copy_(np.full(layer.weight.shape, 2, np.float32))),
    "filled": without_recording(lambda layer: layer.weight.fill_(2)),
    "item": without_recording(lambda layer: layer.weight.__setitem__((3, 0, 1, 2), 100)),
    "data": lambda layer: setattr(layer.weight, "data", layer.weight.numpy() * 2),
    "new parameter": lambda layer: setattr(layer, "weight", nn.Parameter(layer.weight.numpy() * 2)),
    "deleted and set": by_name,
    "state dict": lambda layer: layer.load_state_dict({k: v * 2 for k, v in layer.state_dict().items()}),
    "initialised": lambda layer: nn.init.normal_(layer.weight),
    "reset": lambda layer: layer.reset_parameters(),
    "checkpoint": through_checkpoint,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", LAYERS)
def test_every_route_to_the_weights_is_noticed(name, change, tmp_path):
    layer = made(name)
    before, packed = evaluated(layer), layer._packed[-1]
    assert "Winograd" in fastnn.explain(packed, SHAPE) or name != "winograd"
    tolerance.assert_same(before, fresh(layer))
    evaluated(layer)
    assert layer._packed[-1] is packed  # once, as long as nothing changes
    change = change(tmp_path) if change is through_checkpoint else change
    change(layer)
    after = evaluated(layer)
    tolerance.assert_same(after, fresh(layer))
    assert (after != before).any() and layer._packed[-1] is not packed


@pytest.mark.parametrize("name", LAYERS)
def test_the_arrays_that_a_parameter_shows_cannot_be_written(name):
    layer = made(name)
    before = evaluated(layer)
    for array in (layer.weight.data, layer.weight.numpy(), np.asarray(layer.weight)):
        if array.flags.writeable:
            assert not np.shares_memory(array, layer.weight.data)
        else:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    with no_grad(), pytest.raises(ValueError, match="read-only"):
        layer.weight.detach().mul_(2)
    for key, array in layer.state_dict().items():
        array = np.asarray(array)
        assert not array.flags.writeable or not np.shares_memory(array, getattr(layer, key).data)
    tolerance.assert_same(evaluated(layer), before)


def test_an_image_size_that_asks_for_another_method_keeps_the_packed_object():
    layer = made("winograd")
    evaluated(layer)
    packed, size = layer._packed[-1], layer._packed[-1].nbytes
    small = X[:, :, :5, :6].copy()
    tolerance.assert_same(evaluated(layer, small), fresh(layer, small))
    assert layer._packed[-1] is packed and packed.nbytes > size


def test_strict_precision_reaches_layers(precision):
    layer = made("winograd")
    fast, packed = evaluated(layer), layer._packed[-1]
    precision("strict")
    exact = evaluated(layer)
    direct = ops.pack_conv2d(layer.weight.numpy(), layer.bias.numpy(), padding=1, algorithm="direct")(X)
    tolerance.assert_same(exact, direct)
    precision("default")
    tolerance.assert_same(evaluated(layer), fast)
    assert (fast != exact).any() and layer._packed[-1] is packed


@pytest.mark.parametrize("through", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_of_a_layer_go_their_own_ways(through):
    layer = made("winograd")
    before = evaluated(layer)
    other = through(layer)
    assert len(pickle.dumps(layer)) < 2 * layer.weight.numpy().nbytes  # without packed weights
    tolerance.assert_same(evaluated(other), before)
    with no_grad():
        other.weight.mul_(2)
    tolerance.assert_same(evaluated(layer), before)
    tolerance.assert_same(evaluated(other), fresh(other))


def test_a_weight_that_two_layers_share():
    one, two = made("winograd"), made("winograd")
    two.weight = one.weight
    evaluated(one), evaluated(two)
    with no_grad():
        one.weight.add_(1)
    for layer in (one, two):
        tolerance.assert_same(evaluated(layer), fresh(layer))


def test_a_layer_shared_by_eight_threads_while_it_packs():
    expected = evaluated(made("winograd"))
    for _ in range(5):
        layer, start = made("winograd"), threading.Barrier(8)

        def work(_, layer=layer, start=start):
            start.wait()
            return (evaluated(layer) == expected).all()

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(8)))
