"""Ratios, limits and targets say what was measured, in the tables and in the chart."""

from __future__ import annotations

from argparse import Namespace
from fnmatch import fnmatchcase

import pytest
from bench_parts import SMALL, part, peers

networks, timing, processes, layers = part("networks"), part("timing"), part("processes"), part("layers")
report, targets = part("report"), part("targets")


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
