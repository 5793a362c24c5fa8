"""Search: what is proposed, stopped, resumed and reported."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from fastnn import train

SPACE = {
    "lr": train.Uniform(1e-4, 1.0, log=True),
    "width": train.Integer(1, 64, log=True),
    "act": ["relu", "tanh", "elu"],
}


def bowl(params):
    return (np.log10(params["lr"]) + 2) ** 2 + abs(params["width"] - 9) / 9 + (params["act"] == "elu")


def run(objective=bowl, space=SPACE, **options):
    return train.search(objective, space, **{"report": None, **options})


def values(result):
    return [(t["params"], t["value"], t["state"]) for t in result.trials]


@pytest.mark.parametrize(
    "given",
    [train.Uniform(-2, 5), train.Uniform(1e-5, 3, log=True), train.Integer(-1, 7), train.Integer(1, 99, log=True)],
)
def test_ranges_are_covered_and_inverted(given):
    shares = np.linspace(0, 1, 2001)
    drawn = [given.at(u) for u in shares]
    assert min(drawn) == given.low and max(drawn) == given.high and drawn == sorted(drawn)
    for value in drawn[::100]:
        assert given.at(given.share(value)) == pytest.approx(value, rel=1e-4, abs=1e-4)
    if isinstance(given, train.Integer) and not given.log:
        assert set(drawn) == set(range(given.low, given.high + 1))


def test_a_seed_proposes_the_same_trials_and_rounds_come_closer():
    one, two = run(trials=40, rounds=4), run(trials=40, rounds=4)
    assert values(one) == values(two) != values(run(trials=40, rounds=4, seed=1))
    spread = [np.std([np.log(t["params"]["lr"]) for t in one.trials if t["round"] == r]) for r in range(4)]
    assert spread[3] < spread[0] / 3
    assert one.best["value"] < min(t["value"] for t in one.trials if t["round"] == 0)
    assert run(lambda p: -bowl(p), trials=40, rounds=4, mode="max").best_params == one.best_params


def learning(params):
    for step in range(20):
        yield params["x"] + 1 / (step + 1)


def learning_with_a_report(params, report):
    for value in learning(params):
        report(value)
    return value


@pytest.mark.filterwarnings("ignore:search. the best x")
@pytest.mark.parametrize("objective", [learning, learning_with_a_report])
def test_hopeless_trials_are_stopped(objective):
    space = {"x": train.Uniform(0, 1)}
    result = run(objective, space, trials=30)
    stopped = [t for t in result.trials if t["state"] == "stopped"]
    assert 5 < len(stopped) < 20 and all(len(t["curve"]) == 2 for t in stopped)
    assert result.best["params"]["x"] == min(result.column("x"))
    assert all(t["state"] == "done" for t in run(objective, space, trials=30, early_stop=False).trials)


def test_failures_and_nan_are_recorded():
    def sometimes(params):
        if params["x"] < 0.3:
            raise FloatingPointError("the loss is nan")
        return float("nan") if params["x"] > 0.8 else params["x"]

    with pytest.warns(UserWarning, match="x, 0.3.*low end 0.29"):
        result = run(sometimes, {"x": train.Uniform(0.29, 1)}, trials=40)
    assert {t["state"] for t in result.trials} == {"done", "failed", "stopped"}
    assert "FloatingPointError: the loss is nan" in [t["error"] for t in result.trials]
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run(lambda p: 1 / 0, {"x": [1]}, trials=2)


def test_an_edge_is_warned_of():
    with pytest.warns(UserWarning, match="best n, 8, lies at the high end 8"):
        result = run(lambda p: -p["n"], {"n": train.Integer(1, 8)}, trials=40)
    assert len(result.warnings) == 1


def test_tables(tmp_path):
    result = run(trials=12)
    lines = result.table(5).splitlines()
    assert len(lines) == 6 and len({len(line) for line in lines}) == 1 and "width" in lines[0]
    result.to_csv(tmp_path / "trials.csv")
    with open(tmp_path / "trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 and float(rows[0]["value"]) == result.best["value"]


def test_parallel_trials_are_the_same(tmp_path):
    pytest.importorskip("joblib", reason="needs joblib")
    import joblib
    from joblib._parallel_backends import ThreadingBackend

    class NoGenerator(ThreadingBackend):
        """A backend that gives results only when all are there."""

        supports_return_generator = False

    one = run(trials=8, rounds=2)
    with joblib.parallel_config(backend="threading"):
        assert values(run(trials=8, rounds=2, jobs=2)) == values(one)
    joblib.register_parallel_backend("no_generator", NoGenerator)
    with joblib.parallel_config(backend="no_generator"):
        assert values(run(trials=8, rounds=2, jobs=2)) == values(one)
    task_and_result = subprocess.run(
        [sys.executable, "-c", "import test_search as t; print(t.values(t.run(trials=4, jobs=2)))"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert task_and_result.stdout.strip() == str(values(run(trials=4))), task_and_result.stderr


CHILD = """
import time
from fastnn import train
def slow(params):
    time.sleep(0.05)
    return params["x"]
train.search(slow, {"x": train.Uniform(0, 1)}, trials=400, seed=7, journal="journal.jsonl", report=None)
"""


@pytest.mark.filterwarnings("ignore:search. the best x")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_nothing_is_lost_by_kill_minus_nine(tmp_path):
    path = tmp_path / "journal.jsonl"
    process = subprocess.Popen([sys.executable, "-c", CHILD], cwd=tmp_path)
    try:
        deadline = time.monotonic() + 60
        while not path.exists() or path.read_bytes().count(b"\n") < 5:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = path.read_bytes().count(b"\n") - 1
    with open(path, "ab") as file:
        file.write(b'{"trial": 99, "par')  # what a torn write would leave
    ran = []

    def objective(params):
        ran.append(params)
        return params["x"]

    space = {"x": train.Uniform(0, 1)}
    result = run(objective, space, trials=kept + 3, seed=7, journal=path)
    assert len(ran) == 3 and len(result.trials) == kept + 3
    assert values(result) == values(run(objective, space, trials=kept + 3, seed=7))
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(r["trial"] for r in records[1:]) == list(range(kept + 3))


def test_a_resumed_search_of_rounds_is_the_same_search(tmp_path):
    path = tmp_path / "journal.jsonl"
    wanted = run(trials=12, rounds=3, journal=path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:8]) + lines[8][:-9])
    assert values(run(trials=12, rounds=3, journal=path)) == values(wanted)


def test_journals_that_do_not_fit(tmp_path):
    path = tmp_path / "journal.jsonl"
    run(trials=3, journal=path)
    with pytest.raises(ValueError, match="another search: seed differ"):
        run(trials=3, journal=path, seed=2)
    with pytest.raises(ValueError, match="space differ"):
        run(trials=3, space={"lr": [1]}, journal=path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"garbage\n" + lines[2])
    with pytest.raises(ValueError, match="line 2 is no record"):
        run(trials=3, journal=path)


@pytest.mark.parametrize(
    "options, error",
    [
        ({"space": {}}, ValueError),
        ({"space": {"x": 3}}, TypeError),
        ({"trials": 0}, ValueError),
        ({"rounds": 30}, ValueError),
        ({"mode": "low"}, ValueError),
        ({"seed": -1}, ValueError),
    ],
)
def test_bad_input(options, error):
    with pytest.raises(error):
        run(**options)


@pytest.mark.parametrize("low, high, log", [(1, 1, False), (2, 1, False), (0, 1, True), (float("nan"), 1, False)])
def test_bad_ranges(low, high, log):
    for kind in (train.Uniform, train.Integer):
        with pytest.raises(ValueError, match="no range"):
            kind(low, high, log=log)
