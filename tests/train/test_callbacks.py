"""Callbacks, histories and what `fit` does besides the plain loop: other data, schedules, groups of batches."""

import json
import math

import numpy as np
import pytest

from fastnn import nn, train


def small():
    nn.init.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def points(n=60):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    return (rng.standard_normal((n, 4)) + 3 * np.eye(4)[y]).astype(np.float32), y


def quiet(model, x, y=None, **options):
    return train.fit(model, x, y, report=None, progress=False, **options)


def batches(n=60, size=20):
    x, y = points(n)
    return [(x[i : i + size], y[i : i + size]) for i in range(0, n, size)]


# ---- events --------------------------------------------------------------------------------------------
def test_events_come_in_order():
    events = []

    class Spy(train.Callback):
        pass

    def listener(name):
        return lambda self, run: events.append((name.removeprefix("on_"), run.epoch, run.batch, run.step))

    for name in [n for n in vars(train.Callback) if n.startswith("on_")]:
        setattr(Spy, name, listener(name))
    quiet(small(), *points(6), epochs=2, batch_size=3, callbacks=[Spy(), lambda run: events.append("function")])
    assert events[:8] == [
        ("train_begin", 0, 0, 0), ("epoch_begin", 1, 0, 0), ("gradients", 1, 0, 0), ("batch_end", 1, 1, 1),
        ("gradients", 1, 1, 1), ("batch_end", 1, 2, 2), ("epoch_end", 1, 0, 2), "function",
    ]  # fmt: skip
    assert events[-1] == ("train_end", 2, 0, 4) and len(events) == 16


def test_early_stopping_restores_the_best_weights():
    model, seen = small(), []
    figures = iter([0.5, 0.8, 0.8, 0.79, 0.805, 0.9])

    def record(run):
        run.record("accuracy", next(figures))
        seen.append(model.state_dict())

    stopping = train.EarlyStopping("accuracy", patience=3, min_delta=0.01)
    history = quiet(model, *points(), epochs=9, callbacks=[record, stopping])
    assert history.epochs == 5 and history.stopped == "accuracy has not improved for 3 epochs"
    assert all((seen[1][name] == value).all() for name, value in model.state_dict().items())
    with pytest.raises(ValueError, match="no figure 'f1' to monitor"):
        quiet(model, *points(), callbacks=[train.EarlyStopping("f1")])


def test_figures_go_to_a_writer():
    written = []

    class Writer:
        def add_scalar(self, name, value, step):
            written.append((name, float(value), step))

    history = quiet(small(), *points(), epochs=2, batch_size=20, callbacks=[train.TensorBoard(Writer(), every=3)])
    assert ("loss", history["loss"][1], 2) in written
    assert [w[::2] for w in written if w[0] == "batch/lr"] == [("batch/lr", 3), ("batch/lr", 6)]
    with pytest.raises(TypeError, match="has no add_scalar"):
        train.TensorBoard(3)


# ---- data, schedules, groups ---------------------------------------------------------------------------
def test_an_iterable_of_batches():
    one, two = small(), small()
    quiet(one, *points(), epochs=3, batch_size=20, shuffle=False, validation=points())
    history = quiet(two, batches(), epochs=3, validation=batches())
    assert history.epochs == 3 and history["val_accuracy"][-1] > 0.5
    assert all((a == b).all() for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert quiet(small(), iter(batches())).epochs == 1


@pytest.mark.parametrize(
    "data, error, message",
    [
        (list, ValueError, "the data gave no batch in epoch 1"),
        (lambda: iter(batches()), ValueError, "can be walked only once"),
        (lambda: points()[0], TypeError, "y is missing"),
        (lambda: 3, TypeError, "y is missing"),
        (lambda: [(points()[0], points()[1] + 1)], ValueError, "cross_entropy: "),
        (lambda: [(points()[0] * np.float32(np.nan), points()[1])], FloatingPointError, "its inputs hold NaN"),
    ],
)
def test_iterables_that_cannot_work(data, error, message):
    model = small()
    before = model.state_dict()
    with pytest.raises(error, match=message):
        quiet(model, data(), epochs=2)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_in_the_data_is_refused_with_its_row(value):
    x, y = points()
    x[17, 2] = value
    with pytest.raises(ValueError, match="fit: inputs hold NaN or infinity, first in row 17"):
        quiet(small(), x, y)
    with pytest.raises(ValueError, match="fit: validation: inputs hold NaN"):
        quiet(small(), *points(), validation=(x, y))
    x[17, 2] = 3e38
    x[18, 2] = 3e38  # the sum overflows, no value does
    train.evaluate(small(), x, y, loss=lambda out, t: (out * 0.0).sum())


class Schedule:
    def __init__(self):
        self.calls = []

    def step(self):
        self.calls.append(())


class Plateau(Schedule):
    def step(self, metrics):
        self.calls.append(metrics)


def test_schedules_by_the_epoch_and_by_the_step():
    for options, steps in (({}, 2), ({"schedule_by": "step"}, 6), ({"schedule_by": "step", "accumulate": 2}, 4)):
        schedule = Schedule()
        quiet(small(), *points(), epochs=2, batch_size=20, scheduler=schedule, **options)
        assert len(schedule.calls) == steps
    plateau = Plateau()
    history = quiet(small(), *points(), epochs=2, scheduler=plateau, validation=points())
    assert plateau.calls == history["val_loss"]


def test_a_group_of_batches_makes_the_step_of_one_large_batch():
    one, two = small(), small()
    for model, options in ((one, {"batch_size": 48}), (two, {"batch_size": 16, "accumulate": 3})):
        quiet(model, *points(100), epochs=2, shuffle=False, **options)
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_gradients_are_clipped():
    model = small()
    before = np.concatenate([p.numpy().ravel() for p in model.parameters()])
    optimizer = train.SGD(model.parameters(), lr=1.0)
    quiet(model, *points(), batch_size=60, optimizer=optimizer, clip_norm=1e-3)
    after = np.concatenate([p.numpy().ravel() for p in model.parameters()])
    assert np.linalg.norm(after - before) == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"accumulate": 0}, "accumulate must be positive"),
        ({"clip_norm": 0.0}, "clip_norm must be positive"),
        ({"schedule_by": "year"}, "schedule_by must be"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=f"fit: {message}"):
        quiet(small(), *points(), **options)


# ---- histories -----------------------------------------------------------------------------------------
def test_a_history_is_written_and_read_back(tmp_path):
    history = train.History()
    history.add({"loss": 0.1 + 0.2})
    history.add({"loss": math.inf, "größe": 1e-300})
    history.to_csv(tmp_path / "h.csv")
    history.to_jsonl(tmp_path / "h.jsonl")
    assert repr(train.History.read_csv(tmp_path / "h.csv")) == repr(history)
    lines = (tmp_path / "h.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    found = train.History.read_jsonl(tmp_path / "h.jsonl")
    assert found["loss"][0] == history["loss"][0] and math.isnan(found["loss"][1])


@pytest.mark.parametrize(
    "text, message",
    [
        ("epoch,loss\n1,0.5\n2,x\n", "line 3: could not convert"),
        ("epoch,loss\n1\n", "line 2: 2 fields"),
        ("", "line 1"),
    ],
)
def test_a_damaged_table_is_refused_by_line(tmp_path, text, message):
    (tmp_path / "h.csv").write_text(text)
    with pytest.raises(ValueError, match=f"h.csv: {message}"):
        train.History.read_csv(tmp_path / "h.csv")


def test_damaged_lines_of_json_are_refused(tmp_path):
    (tmp_path / "h.jsonl").write_text('{"epoch": 1, "loss": 0.5}\n[1]\n')
    with pytest.raises(ValueError, match="h.jsonl: line 2: must be a JSON object"):
        train.History.read_jsonl(tmp_path / "h.jsonl")
