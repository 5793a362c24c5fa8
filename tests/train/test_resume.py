"""Checkpoints of a training: it goes on to the same bits, whatever ended it, and bad files are refused by field."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from trainings import run

from fastnn import nn, train
from fastnn.train._pack import pack, unpack

TESTS = Path(__file__).parents[1]
SETUP = "import sys; sys.path.insert(0, sys.argv[1]); from trainings import run, train\n"


def child(code, *arguments):
    return [sys.executable, "-c", SETUP + code, str(TESTS), *map(str, arguments)]


def assert_same(a, b):
    """The same arrays and the same state, but for the seconds."""
    a, b = train.load_checkpoint(a), train.load_checkpoint(b)
    assert set(a) == set(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    states = [unpack(c, c.metadata["fastnn.fit"]) for c in (a, b)]
    for state in states:
        del state["history"]["seconds"]
    assert repr(states[0]) == repr(states[1])


class Press(train.Callback):
    """Ctrl-C after some batches."""

    def __init__(self, *steps):
        self.steps = steps

    def on_batch_end(self, run):
        if run.step in self.steps:
            signal.raise_signal(signal.SIGINT)


def test_two_and_two_epochs_in_two_processes_are_four(tmp_path):
    run(4, tmp_path / "whole")
    run(2, tmp_path / "parts")
    code = "run(4, sys.argv[2], resume=True, seed=99)"
    subprocess.run(child(code, tmp_path / "parts"), check=True, timeout=60)
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_an_interrupt_within_an_epoch_is_gone_on_from(tmp_path):
    run(3, tmp_path / "whole")
    _, history = run(3, tmp_path / "parts", callbacks=[train.EarlyStopping(patience=20), Press(11)])
    assert history.interrupted and history.epochs == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    _, history = run(3, tmp_path / "parts", resume=True, seed=99)
    assert history.epochs == 3 and not history.interrupted
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_a_loader_with_random_transforms_is_gone_on_with(tmp_path):
    def training(path, press=0, seed=0):
        nn.init.manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Dropout(0.2))
        x, y = np.random.default_rng(1).standard_normal((30, 1, 8, 8)).astype(np.float32), np.arange(30) % 3
        loader = train.DataLoader(
            x, y, batch_size=8, shuffle=True, seed=seed, transform=train.RandomHorizontalFlip(), prefetch=2
        )
        next(iter(loader))  # a pass that was left early must not matter
        return train.fit(model, loader, epochs=3, checkpoint=path, resume=True, callbacks=[Press(press)], report=None)

    training(tmp_path / "whole")
    assert training(tmp_path / "parts", press=6).interrupted
    training(tmp_path / "parts", seed=7)
    one, two = (train.load_checkpoint(tmp_path / name) for name in ("whole", "parts"))
    assert all((one[name] == two[name]).all() for name in one)


def test_an_interrupt_waits_for_the_group_of_batches(tmp_path):
    run(2, tmp_path / "whole", accumulate=3)
    for _ in range(3):
        run(2, tmp_path / "parts", resume=True, accumulate=3, callbacks=[train.EarlyStopping(patience=20), Press(2, 9)])
    one, two = (train.load_checkpoint(tmp_path / name) for name in ("whole", "parts"))
    assert all((one[name] == two[name]).all() for name in one)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_a_real_interrupt_saves_and_leaves_cleanly(tmp_path):
    code = """
class Tell(train.Callback):
    def on_epoch_end(self, run):
        print(run.epoch, flush=True)
model, history = run(10**6, sys.argv[2], callbacks=[Tell()])
print("left", history.interrupted, history.epochs, flush=True)
"""
    with subprocess.Popen(child(code, tmp_path / "file"), stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        last = process.stdout.read().splitlines()[-1].split()
    assert process.returncode == 0 and last[:2] == ["left", "True"]
    run(int(last[2]) + 1, tmp_path / "whole")
    run(int(last[2]) + 1, tmp_path / "file", resume=True, seed=3)
    one, two = (train.load_checkpoint(tmp_path / name) for name in ("whole", "file"))
    assert all((one[name] == two[name]).all() for name in one if name.startswith(("model", "optimizer")))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_training_that_is_killed_goes_on_to_the_same_bits(tmp_path):
    code = """
class Tell(train.Callback):
    def on_epoch_end(self, run):
        print(run.epoch, flush=True)
run(10**6, sys.argv[2], resume=True, callbacks=[Tell()])
"""
    path, rng = tmp_path / "file", np.random.default_rng(0)
    for _ in range(3):
        with subprocess.Popen(child(code, path), stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            process.stdout.readline()
            time.sleep(float(rng.uniform(0, 0.02)))
            process.send_signal(signal.SIGKILL)
        train.load_checkpoint(path)
    _, history = run(1, tmp_path / "file", resume=True)
    run(history.epochs, tmp_path / "whole")
    one, two = (train.load_checkpoint(tmp_path / name) for name in ("whole", "file"))
    assert all((one[name] == two[name]).all() for name in one if name.startswith(("model", "optimizer")))


def test_what_is_kept(tmp_path):
    values = iter([3.0, 1.0, 2.0, 4.0])

    class Figure(train.Callback):
        def on_epoch_end(self, run):
            run.record("figure", next(values))

    saving = train.Checkpointing(tmp_path / "run.st", keep_best=True, keep_last=2, monitor="figure")
    model, history = run(4, saving, callbacks=[Figure()])
    assert sorted(os.listdir(tmp_path)) == ["run.best.st", "run.epoch-3.st", "run.epoch-4.st", "run.st"]
    assert history["figure"] == [3, 1, 2, 4]
    other, _ = run(2, None)
    for name, value in train.load_checkpoint(tmp_path / "run.best.st").items():
        if name.startswith("model."):
            np.testing.assert_array_equal(value, other.state_dict()[name[6:]])
    train.load_weights(other, tmp_path / "run.epoch-4.st")
    assert all((other.state_dict()[name] == value).all() for name, value in model.state_dict().items())


def test_values_of_all_kinds_are_packed_and_come_back():
    state = {"a": [1, (2.5, None)], 3: {"x": np.arange(3), "t": True}, "inf": float("-inf"), "big": 2**100}
    arrays, text = pack(state)
    assert list(arrays) == ["3.x"] and repr(unpack(arrays, text)) == repr(state)
    with pytest.raises(TypeError, match="b.c is a set"):
        pack({"b": {"c": set()}})


# ---- bad files -----------------------------------------------------------------------------------------
def changed(path, field, value):
    """The file with one field of its state replaced."""
    checkpoint = train.load_checkpoint(path)
    state = unpack(checkpoint, checkpoint.metadata["fastnn.fit"])
    if value is None:
        del state[field]
    else:
        state[field] = value
    arrays, text = pack(state)
    train.save_checkpoint(path, arrays, {"fastnn.fit": text})


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("format", 9, "format: 1 expected"),
        ("model", None, "model: 'model' is missing"),
        ("optimizer", {"state": {}, "param_groups": []}, "optimizer: (.|\\n)*0 groups, expected 1"),
        ("optimizer", 3, "optimizer: "),
        ("scheduler", {}, "scheduler: 'steps' is missing"),
        ("history", {"loss": ["x"]}, "history: "),
        ("progress", {"epoch": -1, "batch": 0, "step": 0}, "progress: -1 is no count"),
        ("tally", [1.0], "tally: "),
        ("data", {"rows": 59, "batch_size": 8, "generator": {}}, "data: rows was 59, is 60"),
        ("random", {"bit_generator": "MT19937"}, "random: "),
        ("callbacks", [["EarlyStopping", {}]], "callbacks: 'best' is missing"),
        ("callbacks", 7, "callbacks: "),
    ],
)
def test_a_damaged_state_is_refused_by_file_and_field(tmp_path, field, value, message):
    path = tmp_path / "file"
    model, _ = run(1, path)
    before = model.state_dict()
    changed(path, field, value)
    with pytest.raises(ValueError, match=f"fit: resume: .*file: {message}"):
        run(2, path, resume=True)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_weights_that_do_not_fit_are_all_listed(tmp_path):
    path = tmp_path / "file"
    run(1, path)
    other = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3))
    x, y = np.zeros((2, 4), np.float32), np.zeros(2, int)
    for call in (
        lambda: train.fit(other, x, y, epochs=2, resume=path, report=None),
        lambda: train.load_weights(other, path),
    ):
        with pytest.raises(ValueError) as caught:
            call()
        text = str(caught.value)
        assert str(path) in text and "unexpected: 4.weight" in text and "shape of 0.bias: (16,)" in text
    train.save_checkpoint(path, other)
    with pytest.raises(ValueError, match="not saved by fit"):
        run(1, path, resume=True)
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="cut: .*data_offsets"):
        run(1, tmp_path / "cut", resume=True)
    train.save_checkpoint(path, {}, {"fastnn.fit": json.dumps({"array": "x"})})
    with pytest.raises(ValueError, match="array 'x' is missing"):
        run(1, path, resume=True)


def test_what_cannot_be_resumed_or_written(tmp_path):
    with pytest.raises(ValueError, match="resume=True needs checkpoint"):
        run(1, None, resume=True)
    with pytest.raises(FileNotFoundError):
        run(1, None, resume=tmp_path / "none")
    with pytest.raises(ValueError, match="cannot write"):
        run(1, tmp_path / "none" / "file")


def test_nan_keeps_the_last_good_checkpoint(tmp_path):
    path = tmp_path / "file"

    class Poison(train.Callback):
        def __init__(self, step):
            self.at = step

        def on_batch_end(self, run):
            if run.step == self.at:
                run.model[0].bias.data = np.full(16, np.nan, np.float32)

    run(1, path)
    good = path.read_bytes()
    with pytest.raises(FloatingPointError, match=r"loss is nan .*0\.bias holds NaN.*file holds the last good state"):
        run(3, path, resume=True, callbacks=[Poison(10)])
    with pytest.raises(FloatingPointError, match=r"0\.bias holds NaN.* was not written"):
        run(3, path, resume=True, callbacks=[Poison(16)], shuffle=True)
    assert path.read_bytes() == good
