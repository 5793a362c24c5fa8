"""The benchmarks measure what they say: shapes of real networks, wrong peers refused, absent ones named."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from argparse import Namespace
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from itertools import pairwise

import numpy as np
import pytest

try:
    benchmarks = importlib.import_module("fastnn.benchmarks")
except ImportError:
    benchmarks = importlib.import_module("benchmarks")


def part(name: str):
    return importlib.import_module(f"{benchmarks.__name__}.{name}")


cases, networks, reference, gradients = part("cases"), part("networks"), part("reference"), part("gradients")
timing, processes, layers = part("timing"), part("processes"), part("layers")
report, peers, targets, main = part("report"), part("peers"), part("targets"), part("__main__").main

SMALL = cases.ConvCase("small", 6, 4, (7, 9), (3, 2), (2, 1), ((1, 1), (0, 0)), groups=2, batch=3)
UP = cases.ConvCase("up", 6, 4, (5, 4), (3, 5), (2, 3), (1, 2), 1, 2, transposed=True, output_padding=(1, 0), batch=2)
KINDS = [
    SMALL,
    UP,
    cases.ConvCase("causal", 4, 6, (19,), (3,), 1, ((4, 0),), 2),
    cases.ConvCase("depthwise", 6, 12, (8, 7), (3, 3), 2, 1, groups=6),
    cases.ConvCase("up_far", 3, 2, (3, 2), (7, 6), 4, 1, transposed=True),
    cases.ConvCase("solid", 3, 4, (4, 5, 6), (2, 3, 1), (1, 2, 1), (1, 0, 0)),
    cases.ConvCase("up_line", 4, 2, (7,), (4,), (2,), 1, transposed=True),
]
NUMPY = next(peer for peer in peers.PEERS if peer.name == "numpy")


def convolution(case) -> np.ndarray:
    """The layer from its definition: every input pixel meets every tap."""
    x, w, b = case.arrays()
    y = np.zeros(case.y_shape) + b.reshape(-1, *[1] * case.dims)
    before = [side for side, _ in case.padding]
    w = w.reshape(case.groups, -1, *w.shape[1:])
    w = w.swapaxes(1, 2) if case.transposed else w
    x = x.reshape(case.batch, case.groups, -1, *case.size)
    y = y.reshape(case.batch, case.groups, -1, *case.out)
    near, far = (case.size, case.out) if case.transposed else (case.out, case.size)
    for pixel in np.ndindex(*near):
        for tap in np.ndindex(*case.kernel):
            axes = zip(pixel, tap, case.stride, case.dilation, before, strict=True)
            other = tuple(i * s + k * d - p for i, k, s, d, p in axes)
            if any(not 0 <= i < n for i, n in zip(other, far, strict=True)):
                continue
            source, target = (pixel, other) if case.transposed else (other, pixel)
            y[(..., *target)] += np.einsum("goc,ngc->ngo", w[(..., *tap)], x[(..., *source)].astype(np.float64))
    return y.reshape(case.y_shape).astype(np.float32)


# Published figures of the networks, convolutions only, in 1e9 multiply-adds.
@pytest.mark.parametrize(
    ("net", "count", "distinct", "gmacs"),
    [
        ("vgg16", 13, 9, 15.35),
        ("resnet18", 20, 11, 1.81),
        ("resnet50", 53, 23, 4.09),
        ("resnext50", 53, 24, 4.23),
        ("mobilenet_v2", 52, 30, 0.30),
        ("efficientnet_b0", 49, 32, 0.385),
        ("googlenet", 57, 49, 1.58),
    ],
)
def test_shapes_are_those_of_the_network(net, count, distinct, gmacs):
    found = networks.load(net)
    assert sum(case.count for case in found) == count
    assert len(found) == distinct
    assert sum(case.count * case.macs for case in found) / 1e9 == pytest.approx(gmacs, abs=0.005)


@pytest.mark.parametrize("net", networks.networks())
def test_every_shape_file_loads(net):
    found = networks.load(net, batch=8)
    assert len(found) == len({case.name for case in found}) == len({case.geometry for case in found})
    for case in found:
        assert case.batch == 8
        assert case.c % case.groups == case.oc % case.groups == 0
        assert min(case.out) > 0


def test_chained_networks_fit_together():
    unet = {case.name: case for case in networks.load("unet")}
    assert (unet["down1.conv1"].size, unet["head"].out) == ((572, 572), (388, 388))
    generator = networks.select(networks.load("dcgan"), "generator*")
    assert all(a.out == b.size and a.oc == b.c for a, b in pairwise(generator))
    espcn = networks.load("espcn")
    assert espcn[-1].out == tuple(3 * size for size in espcn[-1].size)
    assert all(case.out == case.size for case in networks.load("wavenet"))
    tasnet = {case.name: case for case in networks.load("conv_tasnet")}
    assert (tasnet["encoder"].out, tasnet["decoder"].out) == ((3999,), tasnet["encoder"].size)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name c oc\n", r"net\.txt:1: columns are"),
        ("name c oc size kernel colour\n", r"net\.txt:1: columns are"),
        ("name c oc size kernel\na 1 2\n", r"net\.txt:2: 3 values for 5 columns"),
        ("name c oc size kernel\na 1 2 4xy 3\n", r"net\.txt:2: invalid literal"),
        ("name c oc size kernel\na 1 2 4x4 3x3x3\n", r"net\.txt:2: benchmarks: a: kernel \(3, 3, 3\) for 2 axes"),
    ],
)
def test_malformed_shape_file_is_refused(tmp_path, monkeypatch, text, message):
    (tmp_path / "net.txt").write_text(text)
    monkeypatch.setattr(networks, "SHAPES", tmp_path)
    with pytest.raises(ValueError, match=message):
        networks.load("net")


def test_layers_are_selected_by_name_and_kind():
    names = [case.name for case in networks.select(networks.load("vgg16"), "conv1_*,conv5_1")]
    assert names == ["conv1_1", "conv1_2", "conv5_1"]
    assert {case.kind for case in networks.select(networks.load("mobilenet_v2"), "dw*")} == {"dw3x3s1", "dw3x3s2"}
    assert [case.kind for case in networks.select(networks.load("resnet50"), "first*")] == ["first7x7s2"]
    assert {case.kind for case in networks.load("conv_tasnet")} >= {"1d-1s1", "1d-dw3s1", "1d-dw3s1d", "1d-t16s8"}


def test_a_case_survives_its_journey_to_another_process():
    for case in KINDS:
        assert cases.from_dict("conv", json.loads(json.dumps(asdict(case)))) == case


@pytest.mark.parametrize("case", KINDS, ids=lambda case: case.name)
def test_reference_and_numpy_peer_agree_with_the_definition(case):
    assert reference.conv_error(case, convolution(case)) < 2e-6
    job = part("peers.numpy_").Library("", 1).conv(case)
    job.run()
    np.testing.assert_allclose(job.fetch(job.run()), convolution(case), rtol=1e-4, atol=1e-5)


def gradients_of(case) -> list[np.ndarray]:
    """(y, gx, gw, gb): the map is linear, so each gradient is a sum over what one unit changes."""
    x, w, _ = (part_.astype(np.float64) for part_ in case.arrays())
    gy = case.gradient().astype(np.float64)
    source, target = reference.padded(case, x), gy.reshape(case.batch, case.groups, -1, *case.out)
    gw, gx = np.zeros((case.groups, case.oc // case.groups, *case.w_shape[1:])), np.zeros(source.shape)
    filters = w.reshape(gw.shape)
    for number, seen in reference.taps(case):
        tap = np.unravel_index(number, case.kernel)
        view = source[(..., *seen)].reshape(case.batch, case.groups, -1, *case.out)
        gw[(..., *tap)] = np.einsum("ngoij,ngcij->goc", target, view)
        part_ = np.einsum("goc,ngoij->ngcij", filters[(..., *tap)], target)
        gx[(..., *seen)] += part_.reshape(case.batch, case.c, *case.out)
    inside = tuple(slice(before, before + size) for (before, _), size in zip(case.padding, case.size, strict=True))
    return [convolution(case), gx[(..., *inside)], gw.reshape(case.w_shape), gy.sum(axis=(0, 2, 3))]


@pytest.mark.parametrize("case", [SMALL, KINDS[3]], ids=lambda case: case.name)
def test_gradient_check_accepts_right_and_refuses_wrong_gradients(case):
    right = [array.astype(np.float32) for array in gradients_of(case)]
    exact = gradients.expected(case)
    assert gradients.error(case, right, exact) < 2e-6
    for number in range(4):
        wrong = [array.copy() for array in right]
        wrong[number].flat[-1] += 0.1 * wrong[number].std()
        assert gradients.error(case, wrong, exact) > reference.TOLERANCE


def spoil_one_value(y):
    y[2, 3, 1, 4] += 0.05


def swap_channels(y):
    y[:, [0, 1]] = y[:, [1, 0]]


def shift_rows(y):
    y[:, :, 1:] = y[:, :, :-1].copy()


def put_nan(y):
    y[0, 0, 0, 0] = np.nan


@pytest.mark.parametrize("case", [SMALL, replace(UP, batch=3)], ids=lambda case: case.name)
@pytest.mark.parametrize("spoil", [spoil_one_value, swap_channels, shift_rows, put_nan])
def test_reference_refuses_a_wrong_result(spoil, case):
    y = convolution(case)
    spoil(y)
    assert reference.conv_error(case, y) > reference.TOLERANCE
    assert reference.conv_error(case, y[:, :, :-1]) == float("inf")


def test_reference_refuses_half_precision(monkeypatch):
    case = cases.ConvCase("deep", c=64, oc=32, size=(6, 6), kernel=(3, 3), padding=1)
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
    "refuses": "raise NotImplementedError('no form of it')",
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


def test_numpy_is_not_held_to_another_processor(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    env = processes.environment(3, isa="scalar")
    assert "OPENBLAS_CORETYPE" not in env
    assert (env["OPENBLAS_NUM_THREADS"], env["OMP_NUM_THREADS"], env["FASTNN_ISA"]) == ("3", "3", "scalar")
    pytest.importorskip("threadpoolctl")
    with processes.started([NUMPY], threads=1) as runners:
        assert "Prescott" not in (runners.blas or "")


def test_wrong_and_broken_peers_are_refused_and_the_others_timed(peer):
    field = [peer("wrong"), peer("raises"), peer("dies"), peer("refuses"), NUMPY]
    with processes.started(field, threads=1) as runners:
        row = timing.measure(runners, SMALL, rounds=2)
        again = timing.measure(runners, UP, rounds=1, only=["dies", "numpy"])
    assert again.peers["dies"].problem == row.peers["dies"].problem
    assert list(again.peers) == ["dies", "numpy"]
    problems = {name: result.problem for name, result in row.peers.items()}
    assert problems["wrong"].startswith("wrong: error")
    assert problems["raises"] == "failed: RuntimeError: no such layer"
    assert problems["dies"].startswith("failed: process ended with status 3")
    assert problems["refuses"] == "cannot: no form of it"
    assert problems["numpy"] is None
    assert len(row.peers["numpy"].samples) == 2
    assert not any(row.peers[name].samples for name in ("wrong", "raises", "dies", "refuses"))


def test_a_peer_that_hangs_is_ended(peer, monkeypatch):
    with processes.started([peer("hangs")], threads=1) as runners:
        monkeypatch.setattr(processes, "TIMEOUT", 0.5)
        row = timing.measure(runners, SMALL, rounds=1)
    assert row.peers["hangs"].problem == "failed: no answer within 0 s"


def test_absent_peers_are_named():
    absent = peers.Peer("absent", "no.such.module", requires=("no_such_module",))
    broken = peers.Peer("broken", "no_such_module")
    with processes.started([absent, broken], threads=1) as runners:
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
    """A result of two layers with one and two threads, with one peer absent, one wrong, one inexact."""
    fields = [processes.Field(threads, absent={"ort": "missing (no module onnxruntime)"}) for threads in (1, 2)]
    entries = []
    for threads in (1, 2):
        for case in networks.load("vgg16")[:2]:
            made = {"fastnn": timing.Measured([1e-3], note="direct"), "torch": timing.Measured([3e-3])}
            made["mnn"] = timing.Measured(problem="wrong: error 1.0e+00, limit 3e-04")
            made["ncnn"] = timing.Measured([2e-3 / threads], error=1e-3)
            made["torch:compile"] = timing.Measured(problem="cannot: do it")
            row = timing.Row(case, made, peaks=[400.0 * threads])
            entries.append(report.entry(case.name, row, threads, copy_gbs=10.0, net="vgg16"))
    options = Namespace(rounds=1, algorithm="direct")
    about = report.about("conv", fields, options, net="vgg16", batch=[1])
    about["versions"] = dict.fromkeys(entries[0]["peers"], "1")
    result = report.table(about, entries)
    return {**result, "targets": targets.reached(entries), "limit": True}


def test_table_shows_ratios_and_names_what_is_not_there():
    result = synthetic()
    macs = networks.load("vgg16")[0].macs
    assert result["rows"][0]["gflops"] == pytest.approx(2e-9 * macs / 1e-3)
    assert result["rows"][0]["best_of_three"] == pytest.approx(3.0)
    assert result["rows"][0]["best_of_five"] == pytest.approx(2.0)
    assert result["means"][1]["against"]["best of five"]["fastnn"]["geomean"] == pytest.approx(1.0)
    lines = part("render").render(result).splitlines()
    assert "ort: missing (no module onnxruntime)" in lines
    assert "conv1_1, conv1_2: mnn wrong: error 1.0e+00, limit 3e-04" in lines
    assert "conv1_1, conv1_2: torch:compile cannot: do it" in lines
    layer = next(line for line in lines if line.startswith("conv1_1 ")).split()
    assert layer[-7:] == ["wrong", "~2.000", "-", "173.4", "43%", "3.00", "2.00"]
    assert "~ ncnn: inexact, error up to 1.0e-03 of the rms" in lines
    assert "held to direct" in lines[0]


def test_limit_is_the_larger_of_operations_and_bytes():
    first, second = synthetic()["rows"][:2]
    case = networks.load("vgg16")[0]
    assert first["binds"] == "memory"  # 3 channels: few operations on large arrays
    floats = (case.c + case.oc) * 224 * 224 + case.oc * case.c * 9
    assert first["limit_ms"] == pytest.approx(4 * floats / 10e9 * 1e3)
    assert second["binds"] == "FMA"
    assert second["limit_ms"] == pytest.approx(2e-6 * second["macs"] / 400.0)
    lines = part("render").render(synthetic()).splitlines()
    assert next(line for line in lines if line.startswith("conv1_2  ") and "FMA" in line).split()[-1] == "direct"


def test_targets_say_what_is_reached():
    one, two = (row for row in synthetic()["targets"] if row["key"] == "vgg")
    assert (one["threads"], one["layers"], one["batches"]) == (1, 1, [1])  # conv1_1 is a first layer
    assert (one["three"], one["five"], one["worst"]) == pytest.approx((3.0, 2.0, 2.0))
    assert one["reached"]
    assert (two["five"], two["worst"], two["worst_layer"]) == (pytest.approx(1.0), pytest.approx(1.0), "conv1_2")
    assert not two["reached"]
    text = part("render").render(synthetic())
    line = next(line for line in text.splitlines() if line.startswith("VGG16 3x3")).split()
    assert line[-9:] == ["1", "3.00", "2.70", "2.00", "1.50", "2.00", "1.20", "ok", "conv1_2"]


def options(**given) -> Namespace:
    return part("__main__").parser().parse_args(["conv", *(word for pair in given.items() for word in pair)])


@pytest.mark.parametrize("target", targets.TARGETS, ids=lambda target: target.key)
def test_every_row_of_the_table_has_layers(target):
    found = layers.wanted(options(**{"--table": target.key}))
    assert {layer.net for layer in found} <= set(target.nets)
    assert {layer.case.batch for layer in found} == set(target.batches)
    assert {layer.job for layer in found} == {target.job}
    assert all(set(layer.own) == {"fastnn", target.own} for layer in found)
    kinds = {layer.case.kind for layer in found}
    assert all(any(fnmatchcase(kind, pattern) for kind in kinds) for pattern in target.kinds)


def test_the_table_measures_each_shape_once():
    found = layers.wanted(options(**{"--table": "all"}))
    assert len(found) == len({(layer.job, layer.case.geometry) for layer in found})
    blocked = {layer.case.name for layer in found if "fastnn:blocked" in layer.own and layer.job == "conv"}
    assert blocked == {case.name for case in networks.load("vgg16")[1:]}


def test_lists_of_batches_give_every_combination():
    found = layers.wanted(options(**{"--net": "vgg16,dcgan", "--layers": "conv5_1,generator.2", "--batch": "1,8,32"}))
    assert [(layer.net, layer.case.batch) for layer in found] == [
        (net, batch) for batch in (1, 8, 32) for net in ("vgg16", "dcgan")
    ]


def test_a_layer_that_memory_does_not_hold_is_left_out(monkeypatch):
    monkeypatch.setattr(layers, "available_bytes", lambda: 1000)
    runners = processes.Field(1, workers={"numpy": None})
    asked = Namespace(rounds=1, algorithm="auto")
    row = layers._measured(runners, layers.Layer("net", SMALL), asked)
    assert row.peers["numpy"].problem.startswith("left out: 1 processes need")


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_chart_is_drawn(tmp_path, ending):
    pytest.importorskip("matplotlib")
    target = tmp_path / f"chart.{ending}"
    part("plot").bar_chart(synthetic(), str(target))
    assert target.stat().st_size > 1000


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
