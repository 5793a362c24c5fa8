"""Callbacks that watch: explosion, sizes of updates, dead units."""

import numpy as np
import pytest

from fastnn import nn, train

RNG = np.random.default_rng(0)
Y = np.arange(60) % 3
X = (RNG.standard_normal((60, 4)) + 3 * np.eye(4)[Y]).astype(np.float32)


def small():
    nn.init.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def quiet(model, **options):
    return train.fit(model, X, Y, report=None, progress=False, **options)


def test_an_explosion_stops_with_a_reason():
    model = small()
    optimizer = train.SGD(model.parameters(), lr=30.0)
    history = quiet(model, epochs=100, batch_size=6, optimizer=optimizer, callbacks=[train.StopOnExplosion()])
    assert history.stopped.startswith("the loss is ") and "more than 3 times the first one" in history.stopped
    assert history.epochs < 100
    assert not quiet(small(), epochs=3, callbacks=[train.StopOnExplosion()]).stopped


@pytest.mark.parametrize("accumulate", [1, 4])
def test_the_ratio_of_update_to_weight(accumulate):
    model, watch = small(), train.UpdateRatio(every=1)
    before = model.state_dict()
    optimizer = train.SGD(model.parameters(), lr=0.01)
    options = {"batch_size": 60} if accumulate == 1 else {"batch_size": 20, "accumulate": accumulate}
    history = quiet(model, optimizer=optimizer, callbacks=[watch], **options)
    for name, value in model.state_dict().items():
        expected = np.linalg.norm(value - before[name]) / np.linalg.norm(before[name])
        assert watch.ratios[name] == pytest.approx(expected, rel=1e-4)
    assert history["update_ratio"] == [pytest.approx(np.median([watch.ratios[f"{i}.weight"] for i in (0, 2)]))]


def test_dead_units_are_counted_over_the_whole_set():
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    model[0].bias.data = np.array([9, -99, 9, 9], np.float32)
    model[3].bias.data = np.array([-999] * 2 + [999] * 6, np.float32)
    images = X.reshape(60, 1, 2, 2)
    watch = train.DeadReLUs(images, batch_size=25)
    optimizer = train.SGD(model.parameters(), lr=0.0)
    history = train.fit(model, images, Y, optimizer=optimizer, callbacks=[watch], report=None)
    assert watch.shares == {"1": 0.25, "4": 0.25} and history["dead_relus"] == [0.25]
    assert not model[1]._forward_hooks
    with pytest.raises(ValueError, match="DeadReLUs: x is empty"):
        train.DeadReLUs(images[:0])


@pytest.mark.parametrize(
    "make", [lambda: train.StopOnExplosion(1.0), lambda: train.UpdateRatio(0), lambda: train.EarlyStopping(patience=0)]
)
def test_options_that_make_no_sense(make):
    with pytest.raises(ValueError, match="must be"):
        make()
