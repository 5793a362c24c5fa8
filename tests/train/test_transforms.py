"""Statistics against NumPy in float64; crops and flips against slices."""

import numpy as np
import pytest

from fastnn import train
from fastnn.train import transforms

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("axis", [1, -1])
def test_statistics_in_chunks(dtype, axis, monkeypatch):
    monkeypatch.setattr(transforms, "_CHUNK", 100)
    x = (RNG.random((13, 3, 4, 5)) * 255).astype(dtype)
    others = tuple(d for d in range(4) if d != axis % 4)
    mean, std = train.channel_stats(x, axis)
    np.testing.assert_allclose(mean, x.mean(axis=others, dtype=np.float64), rtol=1e-13)
    np.testing.assert_allclose(std, x.std(axis=others, dtype=np.float64), rtol=1e-13)
    np.testing.assert_allclose(train.mean_image(x), x.mean(axis=0, dtype=np.float64), rtol=1e-13)


def test_a_constant_channel_of_bytes_has_no_deviation_at_all():
    assert train.channel_stats(np.full((1000, 1, 30, 30), 253, np.uint8))[1].tolist() == [0.0]


def test_normalised_data_have_mean_zero_and_deviation_one():
    x = RNG.integers(0, 256, (50, 3, 8, 8), dtype=np.uint8)
    y = train.Normalize(*train.channel_stats(x))(x)
    assert y.dtype == np.float32
    mean, std = train.channel_stats(y)
    assert abs(mean).max() < 1e-6 and abs(std - 1).max() < 1e-6
    centred = train.Normalize(train.mean_image(x), dtype=np.float64)(x)
    assert abs(train.mean_image(centred)).max() < 1e-12


def test_crops_are_windows_of_the_padded_image():
    x = RNG.random((40, 2, 6, 7))
    crop = train.RandomCrop((4, 5), padding=2)
    y = crop(x, np.random.default_rng(1))
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
    places = set()
    for image, window in zip(padded, y, strict=True):
        found = [
            (i, j) for i in range(7) for j in range(7) if (image[:, i : i + 4, j : j + 5] == window).all()
        ]
        assert found
        places.add(found[0])
    assert len(places) > 10
    assert (crop(x, np.random.default_rng(1)) == y).all()
    grey = train.RandomCrop(6)(x[:, 0], np.random.default_rng(0))
    assert grey.shape == (40, 6, 6)


def test_flips_mirror_some_and_leave_the_input():
    x = RNG.random((200, 3, 2, 5))
    before = x.copy()
    y = train.RandomHorizontalFlip()(x, np.random.default_rng(2))
    flipped = (y == x[..., ::-1]).all(axis=(1, 2, 3))
    assert 60 < flipped.sum() < 140 and (y[~flipped] == x[~flipped]).all() and (x == before).all()


def test_one_hot():
    labels = RNG.integers(0, 4, (3, 5))
    y = train.one_hot(labels, 4, np.float64)
    assert y.shape == (3, 5, 4) and (y.argmax(-1) == labels).all() and (y.sum(-1) == 1).all()
    assert train.one_hot(np.zeros(0, dtype=int), 3).shape == (0, 3)


NAN = np.ones((4, 2, 3))
NAN[2, 1, 0] = np.nan


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: train.channel_stats(NAN), "item 2 of the set holds NaN"),
        (lambda: train.mean_image(NAN), "item 2 of the set holds NaN"),
        (lambda: train.channel_stats(NAN[:0]), "elements"),
        (lambda: train.channel_stats(NAN, 0), "axis 0"),
        (lambda: train.one_hot([0, 4], 4), r"0\.\.4, the classes are 0\.\.3"),
        (lambda: train.one_hot([-1]), r"-1\.\."),
        (lambda: train.one_hot([]), "no labels"),
        (lambda: train.Normalize(0, [1, 0]), "positive"),
        (lambda: train.RandomCrop(9)(NAN, None), "larger than"),
        (lambda: train.RandomHorizontalFlip(1.5), "0..1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_labels_must_be_integers():
    with pytest.raises(TypeError, match="float64"):
        train.one_hot([0.5])
