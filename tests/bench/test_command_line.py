"""The command line measures what it is asked for and refuses what it does not know."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from bench_parts import benchmarks, part

main, processes = part("__main__").main, part("processes")


def run_module(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", benchmarks.__name__, *words, "--threads", "1"]
    return subprocess.run(command, capture_output=True, text=True, env=processes.environment(1))


def test_command_line_measures_a_layer():
    done = run_module("conv", "--layers", "conv5_1", "--rounds", "1", "--against", "numpy", "--json", "-")
    result = json.loads(done.stdout)
    assert [row["name"] for row in result["rows"]] == ["conv5_1"]
    numpy = result["rows"][0]["peers"]["numpy"]
    assert numpy["problem"] is None
    assert numpy["ms"] > 0
    assert numpy["error"] < 1e-5
    if "fastnn" in result["about"]["versions"]:
        assert done.returncode == 0, done.stderr
        assert result["means"][0]["against"]["numpy"]["fastnn"]["layers"] == 1


def test_command_line_measures_an_operator():
    words = ("pool", "--cases", "max.vgg16.5", "--batch", "1", "--rounds", "1", "--against", "numpy")
    done = run_module(*words, "--json", "-")
    row = json.loads(done.stdout)["rows"][0]
    assert (row["name"], row["peers"]["numpy"]["problem"]) == ("max.vgg16.5", None)
    if "fastnn" in row["peers"]:
        assert done.returncode == 0, done.stderr
        assert row["gbs"] > 0 < row["copy_share"]
    assert "of copy" in run_module(*words).stdout


def test_installed_or_not_every_peer_is_accounted_for():
    result = json.loads(run_module("overhead", "--rounds", "1", "--against", "ncnn,mnn", "--json", "-").stdout)
    about = result["about"]
    assert {"ncnn", "mnn"} <= set(about["versions"]) | set(about["absent"])
    assert all("missing" in reason or "failed" in reason for reason in about["absent"].values())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("conv --against nobody", "no peer nobody"),
        ("pool --against nobody", "no peer nobody"),
        ("pool --cases lenet5", "no case of pool has a forward pass and fits 'lenet5'"),
        ("conv --net lenet5", "no network 'lenet5'"),
        ("conv --layers conv9*", "no layer of vgg16 fits 'conv9*'"),
        ("conv --plot chart.gif", "writes .png or .svg"),
        ("conv --table everything", "no row everything in the table; known: all, vgg"),
    ],
)
def test_command_line_refuses_what_it_does_not_know(capsys, words, message):
    assert main(words.split()) == 2
    assert message in capsys.readouterr().err


def test_idle_and_import(monkeypatch, tmp_path):
    groups = part("groups")
    monkeypatch.setattr(groups, "IDLE_SECONDS", 0.2)
    target = tmp_path / "result.json"
    main(["idle", "--against", "numpy", "--threads", "1", "--json", str(target)])
    assert json.loads(target.read_text())["peers"]["numpy"]["cpu"] < 0.1
    pytest.importorskip("fastnn")
    monkeypatch.setattr(groups, "IMPORTS", 1)
    assert main(["import", "--json", str(target)]) == 0
    assert json.loads(target.read_text())["numpy_ms"] > 0


@pytest.mark.parametrize(
    ("name", "problem", "status"),
    [
        ("fastnn", None, False),
        ("fastnn", "failed: AttributeError", True),
        ("fastnn", "cannot: do it", True),
        ("fastnn:blocked", "wrong: error 1.0e+00, limit 3e-04", True),
        ("fastnn:blocked", "cannot: do it", False),
        ("fastnn", "left out: 12 processes need 30.0 GB, 20.0 GB are free", False),
        ("torch", "failed: RuntimeError", False),
    ],
)
def test_exit_status_tells_whether_fastnn_failed(name, problem, status):
    result = {"about": {"absent": {}}, "rows": [{"peers": {name: {"problem": problem}}}]}
    assert part("__main__")._fastnn_failed(result) is status
