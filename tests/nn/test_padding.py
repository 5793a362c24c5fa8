"""Padding layers, Unfold and Fold."""

import pickle

import naive
import numpy as np
import pytest

import fastnn
from fastnn import nn, ops

MODES = {"Zero": "constant", "Reflection": "reflect", "Replication": "replicate", "Circular": "circular"}
SHAPES = {1: (2, 3, 7), 2: (2, 3, 5, 7), 3: (2, 3, 4, 5, 7)}
SIDES = (2, 1, 0, 3, 1, 2)


@pytest.mark.parametrize("dims", SHAPES)
@pytest.mark.parametrize("name", MODES)
def test_layers_pad_in_their_mode(name, dims):
    layer = getattr(nn, f"{name}Pad{dims}d")
    x = np.random.default_rng(0).standard_normal(SHAPES[dims])
    for padding in (2, SIDES[: 2 * dims], list(SIDES[: 2 * dims])):
        sides = (padding,) * (2 * dims) if isinstance(padding, int) else padding
        expected = naive.pad(x, sides, MODES[name])
        for made in (layer(padding), pickle.loads(pickle.dumps(layer(padding)))):
            np.testing.assert_array_equal(made(x).numpy(), expected)
        np.testing.assert_array_equal(layer(padding)(x[0]).numpy(), expected[0])  # without a batch
    assert str(SIDES[: 2 * dims]) in repr(layer(SIDES[: 2 * dims]))


@pytest.mark.parametrize("dims", SHAPES)
def test_constant_padding_keeps_its_value(dims):
    x = np.ones(SHAPES[dims])
    layer = getattr(nn, f"ConstantPad{dims}d")(1, -2.5)
    np.testing.assert_array_equal(layer(x).numpy(), naive.pad(x, (1,) * (2 * dims), value=-2.5))
    assert "-2.5" in repr(layer)


def test_a_blocked_image_stays_blocked():
    x = fastnn.blocked(np.ones((1, 17, 4, 4), np.float32))
    assert type(nn.ReflectionPad2d(1)(x).data) is ops.Blocked
    assert nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(17, 5, 3))(x).shape == (1, 5, 4, 4)


@pytest.mark.parametrize(
    "padding, error", [((1, 2), ValueError), (1.5, TypeError), ((1, 2, 3, True), TypeError), ("1", TypeError)]
)
def test_bad_sizes_are_refused(padding, error):
    with pytest.raises(error, match=r"ZeroPad2d: padding"):
        nn.ZeroPad2d(padding)


def test_the_wrong_rank_is_refused():
    with pytest.raises(ValueError, match=r"ReflectionPad1d: x must have 2 or 3 dimensions, got shape \(1, 2, 3, 4\)"):
        nn.ReflectionPad1d(1)(np.ones((1, 2, 3, 4)))


def test_unfold_and_fold():
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 9))
    unfold = nn.Unfold((3, 2), dilation=(1, 2), padding=1, stride=(2, 1))
    cols = unfold(x).numpy()
    np.testing.assert_array_equal(cols, naive.im2col(x, (3, 2), (2, 1), 1, (1, 2)))
    fold = nn.Fold((7, 9), (3, 2), dilation=(1, 2), padding=1, stride=(2, 1))
    np.testing.assert_allclose(fold(cols).numpy(), naive.col2im(cols, (7, 9), (3, 2), (2, 1), 1, (1, 2)))
    for layer in (unfold, fold):
        assert "dilation=(1, 2), padding=(1, 1), stride=(2, 1)" in repr(layer)
    with pytest.raises(ValueError, match="Unfold: kernel_size"):
        nn.Unfold(0)
    with pytest.raises(TypeError, match="Fold: output_size"):
        nn.Fold(2.5, 3)
