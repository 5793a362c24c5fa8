"""The training loop: it learns, reports, stops cleanly, and refuses what cannot work."""

import io
import sys
from itertools import chain

import numpy as np
import pytest

from fastnn import nn, train
from fastnn.datasets import load_digits
from fastnn.train import progress


def small():
    nn.init.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def points(n=60, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return (rng.standard_normal((n, 4)) + 3 * np.eye(4)[y]).astype(np.float32), y


def quiet(model, x, y, **options):
    return train.fit(model, x, y, report=None, progress=False, **options)


# ---- it learns -----------------------------------------------------------------------------------------
def test_digits_are_learnt_in_a_few_epochs():
    nn.init.manual_seed(1)
    digits = load_digits()
    x_train, x_test = ((x[:, None] / np.float32(8) - 1).astype(np.float32) for x in (digits.x_train, digits.x_test))
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10))
    optimizer = train.SGD(model.parameters(), lr=0.1, momentum=0.9)
    history = quiet(
        model, x_train, digits.y_train, epochs=4, batch_size=32, optimizer=optimizer, validation=(x_test, digits.y_test)
    )
    assert history["val_accuracy"][-1] > 0.95 and history["loss"][-1] < history["loss"][0] / 4
    assert {len(values) for values in history.values()} == {4}


def test_the_same_seed_gives_the_same_bits():
    states = []
    for seed in (1, 1, 2):
        model = small()
        quiet(model, *points(), epochs=2, batch_size=7, seed=seed)
        states.append(model.state_dict())
    assert all((states[0][name] == states[1][name]).all() for name in states[0])
    assert any((states[0][name] != states[2][name]).any() for name in states[0])


def test_every_example_is_seen_once_an_epoch_and_the_order_changes():
    seen = []

    class Spy(nn.Linear):
        def forward(self, x, activation=None):
            if self.training:
                seen.append(x.numpy()[:, 0].astype(int).tolist())
            return super().forward(x, activation)

    x = np.arange(10, dtype=np.float32)[:, None]
    quiet(Spy(1, 2), x, np.zeros(10, int), epochs=2, batch_size=4, loss=nn.CrossEntropyLoss())
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    first, second = list(chain(*seen[:3])), list(chain(*seen[3:]))
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    seen.clear()
    quiet(Spy(1, 2), x, np.zeros(10, int), shuffle=False, batch_size=4)
    assert list(chain(*seen)) == list(range(10))


def test_a_batch_larger_than_the_set_is_the_set():
    history = quiet(small(), *points(5), batch_size=1000)
    assert len(history["loss"]) == 1


def test_figures_are_means_over_examples():
    model, (x, y) = small(), points(10)
    expected = train.evaluate(model, x, y)
    optimizer = train.SGD(model.parameters(), lr=0.0)
    history = quiet(model, x, y, batch_size=4, optimizer=optimizer, validation=(x, y))
    np.testing.assert_allclose(history["loss"][0], expected["loss"], rtol=1e-5)
    assert history["accuracy"][0] == expected["accuracy"] == history["val_accuracy"][0]


def test_other_losses_give_no_accuracy():
    x, y = points(12)
    target = np.eye(3, dtype=np.float32)[y]
    history = quiet(
        small(), x, target, loss=lambda out, t: ((out - t) * (out - t)).mean(), epochs=30, validation=(x, target)
    )
    assert set(history) == {"loss", "seconds", "val_loss"} and history["loss"][-1] < history["loss"][0]


def test_labels_of_pixels():
    x = np.random.default_rng(0).standard_normal((8, 1, 4, 4)).astype(np.float32)
    history = quiet(nn.Conv2d(1, 2, 1), x, (x[:, 0] > 0).astype(int), epochs=40, batch_size=4)
    assert history["accuracy"][-1] > 0.95


def test_probabilities_as_targets():
    x, y = points(12)
    history = quiet(small(), x, np.eye(3, dtype=np.float32)[y], epochs=40)
    assert "accuracy" not in history and history["loss"][-1] < 0.2


def test_ignored_labels_do_not_count():
    x, y = points(12)
    y[::2] = -100
    history = quiet(small(), x, y, epochs=60, optimizer=None)
    assert history["accuracy"][-1] == 1


def test_evaluation_mode_is_used_and_the_mode_is_restored():
    model = small().eval()
    quiet(model, *points())
    assert not model.training
    train.predict(model.train(), points()[0])
    assert model.training


def test_on_epoch_can_change_the_rate():
    model, rates = small(), []
    optimizer = train.SGD(model.parameters(), lr=1.0)

    def halve(done, history):
        rates.append((done, len(history["loss"]), optimizer.param_groups[0]["lr"]))
        optimizer.param_groups[0]["lr"] /= 2

    quiet(model, *points(), epochs=3, optimizer=optimizer, on_epoch=halve)
    assert rates == [(1, 1, 1.0), (2, 2, 0.5), (3, 3, 0.25)]


def test_predictions_come_in_order_whatever_the_batch():
    model, (x, _) = small(), points()
    np.testing.assert_allclose(
        train.predict(model, x, batch_size=7), train.predict(model, x, batch_size=60), rtol=1e-5, atol=1e-6
    )


# ---- it stops ------------------------------------------------------------------------------------------
def test_an_interrupt_ends_the_training_cleanly():
    calls = []

    class Interrupting(nn.Linear):
        def forward(self, x, activation=None):
            calls.append(1)
            if len(calls) == 10:
                raise KeyboardInterrupt
            return super().forward(x, activation)

    model = Interrupting(4, 3).eval()
    history = quiet(model, *points(), epochs=50, batch_size=20)
    assert history.interrupted and len(history["loss"]) == 2 and not model.training
    assert all(np.isfinite(value).all() for value in model.state_dict().values())
    assert not quiet(model, *points()).interrupted


def test_a_loss_that_explodes_stops_the_training():
    optimizer_of = lambda model: train.SGD(model.parameters(), lr=1e30)  # noqa: E731
    model = small()
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"fit: the loss is .* at batch"):
        quiet(model, *points(), epochs=10, batch_size=10, optimizer=optimizer_of(model))


# ---- it reports ----------------------------------------------------------------------------------------
def test_one_line_an_epoch(capsys):
    x, y = points()
    train.fit(small(), x, y, epochs=2, validation=(x, y))
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 2 and err == ""
    assert lines[0].startswith("epoch 1/2  loss ") and "val_accuracy" in lines[1] and lines[1].endswith(" s")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("installed", [True, False], ids=["tqdm", "our own"])
def test_a_bar_on_a_terminal(monkeypatch, installed):
    if not installed:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    else:
        pytest.importorskip("tqdm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    train.fit(small(), *points(), epochs=1, batch_size=10, report=None)
    text = terminal.getvalue()
    assert "epoch 1/1" in text and "\r" in text


def test_our_bar_fits_into_a_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    bar = progress.TerminalBar(3, "epoch 1/9", terminal)
    for _ in range(3):
        bar.set_postfix_str("loss 0.1", refresh=True)
        bar.update(1)
    bar.close()
    for line in terminal.getvalue().split("\r"):
        assert len(line.replace("\x1b[K", "")) < 60


# ---- it refuses ----------------------------------------------------------------------------------------
X, Y = points(6)
WRONG = {
    "empty": (lambda m: quiet(m, X[:0], Y[:0]), ValueError, "fit: the set is empty"),
    "lengths": (lambda m: quiet(m, X, Y[:5]), ValueError, r"\(6, 4\) and targets of shape \(5,\) do not belong"),
    "label too high": (lambda m: quiet(m, X, Y + 1), ValueError, r"labels lie in 0\.\.3, .* 0\.\.2"),
    "label negative": (lambda m: quiet(m, X, Y - 1), ValueError, r"labels lie in -1\.\.1"),
    "label float": (lambda m: quiet(m, X, Y * 1.0), ValueError, "cross_entropy: target of probabilities"),
    "label truth": (lambda m: quiet(m, X, Y > 0), TypeError, "labels must be integers, are bool"),
    "label matrix": (lambda m: quiet(m, X, np.eye(6, dtype=int)), ValueError, r"labels have shape \(6, 6\)"),
    "validation label": (lambda m: quiet(m, X, Y, validation=(X, Y + 9)), ValueError, "labels lie in"),
    "validation empty": (lambda m: quiet(m, X, Y, validation=(X[:0], Y[:0])), ValueError, "validation: the set is"),
    "batch": (lambda m: quiet(m, X, Y, batch_size=0), ValueError, "batch_size be positive, are 1 and 0"),
    "epochs": (lambda m: quiet(m, X, Y, epochs=-1), ValueError, "epochs must not be negative"),
    "dtype": (lambda m: quiet(m, X.astype(float), Y), TypeError, "linear: .*float64"),
    "width": (lambda m: quiet(m, X[:, :3], Y), ValueError, "linear: "),
    "no scores": (lambda m: quiet(nn.Flatten(0), X, Y), ValueError, r"gives shape \(4,\)"),
    "predict nothing": (lambda m: train.predict(m, X[:0]), ValueError, "predict: x is empty"),
    "evaluate nothing": (lambda m: train.evaluate(m, X[:0], Y[:0]), ValueError, "evaluate: the set is empty"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_work_is_refused_before_any_weight_changes(name):
    call, error, message = WRONG[name]
    model = small()
    before = model.state_dict()
    with pytest.raises(error, match=message):
        call(model)
    assert all((before[key] == value).all() for key, value in model.state_dict().items())


def test_accuracy():
    scores = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]])
    assert train.accuracy(scores, [1, 0, 0]) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="accuracy: logits of shape"):
        train.accuracy(scores, [1, 0])
    with pytest.raises(ValueError, match="accuracy: no rows"):
        train.accuracy(scores[:0], [])
