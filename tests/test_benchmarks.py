"""The benchmarks measure what they say: shapes of real networks, wrong peers refused, absent ones named."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest

try:
    benchmarks = importlib.import_module("fastnn.benchmarks")
except ImportError:
    benchmarks = importlib.import_module("benchmarks")


def part(name: str):
    return importlib.import_module(f"{benchmarks.__name__}.{name}")


cases, reference, timing = part("cases"), part("reference"), part("timing")
report, peers, main = part("report"), part("peers"), part("__main__").main

SMALL = cases.ConvCase("small", c=6, oc=4, h=7, w=9, kh=3, kw=2, sh=2, sw=1, ph=1, pw=0, groups=2, batch=3)
NUMPY = next(peer for peer in peers.PEERS if peer.name == "numpy")


def convolution(case) -> np.ndarray:
    x, w, b = case.arrays()
    x = np.pad(x, ((0, 0), (0, 0), (case.ph, case.ph), (case.pw, case.pw)))
    seen = part("peers.numpy_").windows(x, case.kh, case.kw, case.sh, case.sw)
    seen = seen.reshape(case.batch, case.groups, -1, *seen.shape[2:])
    filters = w.reshape(case.groups, case.oc // case.groups, *w.shape[1:])
    y = np.einsum("goctu,ngctuij->ngoij", filters, seen, optimize=True)
    return (y.reshape(case.batch, case.oc, case.oh, case.ow) + b[:, None, None]).astype(np.float32)


# Published figures of the three networks, convolutions only, in 1e9 multiply-adds.
@pytest.mark.parametrize(
    ("net", "layers", "distinct", "gmacs"),
    [("vgg16", 13, 9, 15.35), ("resnet50", 53, 23, 4.09), ("mobilenet_v2", 52, 30, 0.30)],
)
def test_shapes_are_those_of_the_network(net, layers, distinct, gmacs):
    found = cases.load(net)
    assert sum(case.count for case in found) == layers
    assert len(found) == distinct == len({case.name for case in found})
    assert sum(case.count * case.macs for case in found) / 1e9 == pytest.approx(gmacs, abs=0.005)
    shapes = {(c.c, c.oc, c.h, c.w, c.kh, c.kw, c.sh, c.sw, c.ph, c.pw, c.groups) for c in found}
    assert len(shapes) == distinct
    assert all(case.c % case.groups == case.oc % case.groups == 0 for case in found)


def test_every_shape_file_loads():
    assert {"vgg16", "resnet50", "mobilenet_v2"} <= set(cases.networks())
    for net in cases.networks():
        assert all(case.batch == 8 for case in cases.load(net, batch=8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name c oc\n", r"net\.txt:1: columns are"),
        ("name c oc h w kh kw sh sw ph pw groups count\na 1 2\n", r"net\.txt:2: 3 values for 13 columns"),
    ],
)
def test_malformed_shape_file_is_refused(tmp_path, monkeypatch, text, message):
    (tmp_path / "net.txt").write_text(text)
    monkeypatch.setattr(cases, "SHAPES", tmp_path)
    with pytest.raises(ValueError, match=message):
        cases.load("net")


def test_layers_are_selected_by_name_and_kind():
    names = [case.name for case in cases.select(cases.load("vgg16"), "conv1_*,conv5_1")]
    assert names == ["conv1_1", "conv1_2", "conv5_1"]
    assert {case.kind for case in cases.select(cases.load("mobilenet_v2"), "dw*")} == {"dw3x3s1", "dw3x3s2"}
    assert [case.kind for case in cases.select(cases.load("resnet50"), "first*")] == ["first7x7s2"]


def test_reference_accepts_the_right_result():
    assert reference.conv_error(SMALL, convolution(SMALL)) < 1e-6


def spoil_one_value(y):
    y[2, 3, 1, 4] += 0.05


def swap_channels(y):
    y[:, [0, 1]] = y[:, [1, 0]]


def shift_rows(y):
    y[:, :, 1:] = y[:, :, :-1].copy()


def put_nan(y):
    y[0, 0, 0, 0] = np.nan


@pytest.mark.parametrize("spoil", [spoil_one_value, swap_channels, shift_rows, put_nan])
def test_reference_refuses_a_wrong_result(spoil):
    y = convolution(SMALL)
    spoil(y)
    assert reference.conv_error(SMALL, y) > reference.TOLERANCE
    assert reference.conv_error(SMALL, y[:, :, :-1]) == float("inf")


def test_reference_refuses_half_precision(monkeypatch):
    case = cases.ConvCase("deep", c=64, oc=32, h=12, w=12, kh=3, kw=3, sh=1, sw=1, ph=1, pw=1)
    x, w, b = case.arrays()
    monkeypatch.setattr(cases.ConvCase, "arrays", lambda self: (x.astype(np.float16), w.astype(np.float16), b))
    y = convolution(case)
    monkeypatch.undo()
    assert reference.conv_error(case, y) > reference.TOLERANCE


def test_training_reference_has_the_right_gradients():
    case = cases.TrainCase(batch=3, size=9, conv=(3, 4), hidden=5, classes=3, lr=1e-3, momentum=0.0)
    net_class = part("peers.numpy_").LeNet
    start = [p.astype(np.float64) for p in case.parameters()]
    direction = [np.random.default_rng(1).standard_normal(p.shape) for p in start]

    def loss_at(distance: float) -> tuple[float, list[np.ndarray]]:
        net = net_class(case, np.float64)
        net.params = [p + distance * d for p, d in zip(start, direction, strict=True)]
        return net.step(), net.params

    _, after = loss_at(0.0)
    slope = sum(((p - q) / case.lr * d).sum() for p, q, d in zip(start, after, direction, strict=True))
    assert slope == pytest.approx((loss_at(1e-6)[0] - loss_at(-1e-6)[0]) / 2e-6, rel=1e-6)


def test_training_case_is_the_network_of_the_demo():
    pytest.importorskip("fastnn")
    case = cases.TrainCase()
    demo = importlib.import_module("fastnn._demo").network(1, case.size, case.size, case.classes)
    assert [p.shape for p in demo.parameters()] == [p.shape for p in case.parameters()]


def test_training_check_refuses_wrong_losses():
    case = cases.TrainCase(batch=3, size=9, conv=(3, 4), hidden=5, classes=3)
    net = part("peers.numpy_").LeNet(case, np.float32)
    losses = [net.step() for _ in range(reference.STEPS)]
    assert reference.loss_error(case, losses) < reference.LOSS_TOLERANCE
    assert reference.loss_error(case, [losses[0]] * len(losses)) > reference.LOSS_TOLERANCE


PEER = """
import os
import time
from {package}.peers import Job
from {package}.peers.numpy_ import Library as Right

def version():
    return "1"

class Library(Right):
    def conv(self, case):
        job = super().conv(case)
        {body}
"""
BODIES = {
    "wrong": "return Job(lambda: job.run() * 1.01, job.fetch)",
    "raises": "raise RuntimeError('no such layer')",
    "dies": "os._exit(3)",
    "hangs": "time.sleep(60)",
}


@pytest.fixture
def peer(tmp_path, monkeypatch):
    """Make a peer out of a body of `Library.conv`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(name: str):
        text = PEER.format(package=benchmarks.__name__, body=BODIES[name])
        (tmp_path / f"peer_{name}.py").write_text(text)
        return peers.Peer(name, f"peer_{name}")

    return make


def test_wrong_and_broken_peers_are_refused_and_the_others_timed(peer):
    field = [peer("wrong"), peer("raises"), peer("dies"), NUMPY]
    with timing.started(field, threads=1) as runners:
        row = timing.measure(runners, SMALL, rounds=2)
    problems = {name: result.problem for name, result in row.peers.items()}
    assert problems["wrong"].startswith("wrong: error")
    assert problems["raises"] == "failed: RuntimeError: no such layer"
    assert problems["dies"].startswith("failed: process ended with status 3")
    assert problems["numpy"] is None
    assert len(row.peers["numpy"].samples) == 2
    assert not any(row.peers[name].samples for name in ("wrong", "raises", "dies"))


def test_a_peer_that_hangs_is_ended(peer, monkeypatch):
    with timing.started([peer("hangs")], threads=1) as runners:
        monkeypatch.setattr(timing, "TIMEOUT", 0.5)
        row = timing.measure(runners, SMALL, rounds=1)
    assert row.peers["hangs"].problem == "failed: no answer within 0 s"


def test_absent_peers_are_named():
    absent = peers.Peer("absent", "no.such.module", requires=("no_such_module",))
    broken = peers.Peer("broken", "no_such_module")
    with timing.started([absent, broken], threads=1) as runners:
        assert not runners.workers
    assert runners.absent["absent"] == "missing (no module no_such_module)"
    assert runners.absent["broken"].startswith("failed to start: ModuleNotFoundError")


def entry(**ms) -> dict:
    return {"name": "layer", "peers": {name.replace("_", ":"): {"ms": value} for name, value in ms.items()}}


def test_ratios_are_of_the_best_opponent():
    row = entry(fastnn=2.0, fastnn_blocked=1.0, torch=9.0, torch_compile=6.0, ort=None, ncnn=3.0)
    assert report.ratio(row, peers.THREE) == 3.0
    assert report.ratio(row, peers.FIVE) == 1.5
    assert report.ratio(row, peers.FIVE, "fastnn:blocked") == 3.0
    assert report.ratio(row, ("ort",)) is None
    assert report.geomean([1.0, 4.0]) == pytest.approx(2.0)


def synthetic() -> dict:
    """A result of two layers, with one peer absent and one wrong."""
    runners = timing.Field(threads=1, absent={"ort": "missing (no module onnxruntime)"})
    layers = cases.load("vgg16")[:2]
    rows = []
    for case in layers:
        made = {"fastnn": timing.Measured([1e-3]), "torch": timing.Measured([2e-3])}
        made["mnn"] = timing.Measured(problem="wrong: error 1.0e+00, limit 3e-04")
        made["ncnn"] = timing.Measured([4e-3], error=1e-3)
        rows.append(timing.Row(case, made, peaks=[400.0]))
    about = report.about("conv", runners, Namespace(threads=1, rounds=1), net="vgg16", batch=1)
    about["versions"] = dict.fromkeys(rows[0].peers, "1")
    return report.table(about, [case.name for case in layers], rows)


def test_table_shows_ratios_and_names_what_is_not_there():
    result = synthetic()
    assert result["rows"][0]["gflops"] == pytest.approx(2e-9 * cases.load("vgg16")[0].macs / 1e-3)
    assert result["rows"][0]["best_of_three"] == pytest.approx(2.0)
    assert result["rows"][0]["best_of_five"] == pytest.approx(2.0)
    assert result["geomean"]["torch"]["fastnn"]["geomean"] == pytest.approx(2.0)
    lines = part("render").render(result).splitlines()
    assert "ort: missing (no module onnxruntime)" in lines
    assert "conv1_1: mnn wrong: error 1.0e+00, limit 3e-04" in lines
    layer = next(line for line in lines if line.startswith("conv1_1 ")).split()
    assert layer[-6:] == ["wrong", "~4.000", "173.4", "43%", "2.00", "2.00"]
    assert "~ ncnn: inexact, error up to 1.0e-03 of the rms" in lines


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_chart_is_drawn(tmp_path, ending):
    pytest.importorskip("matplotlib")
    target = tmp_path / f"chart.{ending}"
    part("plot").bar_chart(synthetic(), str(target))
    assert target.stat().st_size > 1000


def run_module(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", benchmarks.__name__, *words, "--threads", "1"]
    return subprocess.run(command, capture_output=True, text=True, env=timing.environment(1))


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
        assert result["geomean"]["numpy"]["fastnn"]["layers"] == 1


def test_installed_or_not_every_peer_is_accounted_for():
    result = json.loads(run_module("overhead", "--rounds", "1", "--against", "ncnn,mnn", "--json", "-").stdout)
    about = result["about"]
    assert {"ncnn", "mnn"} <= set(about["versions"]) | set(about["absent"])
    assert all("missing" in reason or "failed" in reason for reason in about["absent"].values())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("conv --against nobody", "no peer nobody"),
        ("conv --net lenet5", "no network 'lenet5'"),
        ("conv --layers conv9*", "no layer of vgg16 fits 'conv9*'"),
        ("conv --plot chart.gif", "writes .png or .svg"),
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
