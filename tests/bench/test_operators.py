"""Families of operators: the peers get the same case, wrong results are refused, the tables say what was reached."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict, replace

import numpy as np
import pytest
from bench_parts import NUMPY, part, peers

ops, op_groups, timing, processes = part("ops"), part("op_groups"), part("timing"), part("processes")
cases = part("cases")
SMALL = 20e6  # bytes: the references are not made for speed
CASES = [(group, n) for group in ops.families() for n, op in ops.family(group).CASES.items() if op.moved(2) < SMALL]


def small(group: str, name: str) -> ops.OpCase:
    return ops.OpCase(group, name, 2)


@pytest.fixture
def op(group, name, monkeypatch):
    """The case's operator; of a recurrent one three steps, since the reference takes them singly and all are alike."""
    known = ops.family(group).CASES
    if getattr(known[name], "steps", 0) > 3:
        monkeypatch.setitem(known, name, replace(known[name], steps=3))
    return known[name]


@pytest.mark.parametrize("group", ops.families())
def test_every_goal_has_cases(group):
    family = ops.family(group)
    for goal in family.GOALS:
        op_batches = [(name, n) for name, op in family.CASES.items() if goal.passes in op.passes for n in op.batches]
        assert any(goal.covers(name, n, goal.passes) for name, n in op_batches), goal.label
        assert set(goal.against) <= {peer.name for peer in peers.PEERS}
    assert len(ops.described(group)) > 10


@pytest.mark.parametrize(("group", "name"), CASES)
def test_a_case_says_the_truth_about_its_arrays(group, name, op):
    case = small(group, name)
    assert cases.from_dict("op", json.loads(json.dumps(asdict(case)))) == case
    inputs = op.inputs(2)
    assert tuple(a.shape for a in inputs) == op.shapes(2)
    assert all(np.array_equal(a, b) for a, b in zip(inputs, op.inputs(2), strict=True))
    first = ops.as_results(op.numpy(*inputs))[0]
    assert all(size in (None, got) for size, got in zip(op.result_shapes(2)[0], first.shape, strict=True))
    assert op.moved(2) > 0 <= op.flops(2)


@pytest.mark.parametrize(("group", "name"), CASES)
def test_a_wrong_result_is_refused(group, name, op):
    case = small(group, name)
    exact = ops.expected(case, "op")
    right = [a.astype(np.float32) for a in ops.as_results(op.numpy(*op.inputs(2)))]
    assert ops.error(case, right, exact) <= op.tolerance
    wrong = right[0].copy()
    wrong.flat[-1] += 0.1 * np.abs(wrong).max()
    assert ops.error(case, [wrong, *right[1:]], exact) > op.tolerance
    wrong.flat[-1] = np.nan
    assert ops.error(case, [wrong, *right[1:]], exact) == float("inf")
    assert ops.error(case, [right[0][..., :-1], *right[1:]], exact) == float("inf")


def test_reference_of_the_gradient_is_that_of_the_values():
    op = replace(ops.family("pool").CASES["max.resnet50.stem"], c=2, size=9)
    x = np.random.default_rng(1).permutation(2 * 2 * 81).reshape(2, 2, 9, 9) / 10.0
    gy = np.random.default_rng(2).standard_normal(op.result_shapes(2)[0])
    y, gx = op.numpy_backward(gy, x)
    np.testing.assert_array_equal(y, op.numpy(x))
    step = np.random.default_rng(3).standard_normal(x.shape)
    slope = ((op.numpy(x + 1e-6 * step) - op.numpy(x - 1e-6 * step)) * gy).sum() / 2e-6
    assert (gx * step).sum() == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("job", ["op", "op_backward"])
def test_a_case_is_measured_in_its_own_process(job):
    case = ops.OpCase("pool", "max.vgg16.5", 1)
    with processes.started([NUMPY], threads=1) as runners:
        row = timing.measure(runners, case, rounds=1, job=job)
    assert row.peers["numpy"].problem is None
    assert row.peers["numpy"].error < 1e-6
    assert len(row.peers["numpy"].samples) == 1


def test_the_installed_peers_agree():
    case = ops.OpCase("pool", "avg.squeezenet.3", 2)
    field = [peer for peer in peers.chosen("ort,openvino,torch,ncnn,mnn", "op") if peer.name != "torch:compile"]
    with processes.started(field, threads=1) as runners:
        row = timing.measure(runners, case, rounds=1, job="op")
    assert all(result.problem is None for result in row.peers.values())


def result(**ms: float) -> dict:
    row = timing.Row(None, {n.replace("_", ":"): timing.Measured([t / 1e3]) for n, t in ms.items()}, peaks=[500.0])
    made = op_groups.entry(ops.OpCase("pool", "max.vgg16.1", 1), row, 2, "forward", copy_gbs=20.0)
    entries = op_groups.shares([made])
    return {"about": {"rounds": 1}, "rows": entries, "goals": op_groups.reached(entries, ops.family("pool").GOALS, 2)}


def test_ratios_count_the_named_peers_only():
    found = result(fastnn=1.0, torch=5.0, torch_channels_last=0.5, torch_compile=1.5, ort=2.0)
    row = found["rows"][0]
    assert row["best_of_three"] == pytest.approx(1.5)
    assert op_groups.ratio(row, ("torch",)) == pytest.approx(5.0)
    assert row["gbs"] == pytest.approx(4e-6 * (64 * 224 * 224 + 64 * 112 * 112))
    assert row["copy_share"] == pytest.approx(row["gbs"] / 20.0)
    assert [goal["reached"] for goal in found["goals"]] == [True, False]
    lines = part("op_tables").table(found)
    assert next(line for line in lines if line.startswith("max.vgg16.1")).split()[-2:] == ["1.50", "5.00"]
    assert any(line.startswith("pooling, PyTorch") and "short" in line for line in lines)


def test_patterns_choose_cases():
    options = Namespace(group="pool", cases="max.vgg16.*", passes="backward", batch=[4])
    found = [(case.name, case.batch) for case in op_groups._wanted(options)]
    assert found == [(f"max.vgg16.{i}", 4) for i in range(1, 6)]
    with pytest.raises(ValueError, match="no case of pool has a backward pass and fits 'avg"):
        ops.select("pool", "avg.*", "backward")


def test_a_case_that_memory_does_not_hold_is_left_out(monkeypatch):
    monkeypatch.setattr(op_groups, "available_bytes", lambda: 1000)
    runners, case = processes.Field(1, workers={"numpy": None}), ops.OpCase("pool", "max.vgg16.1", 1)
    row = op_groups._measured(runners, case, 1, "op")
    assert row.peers["numpy"].problem.startswith("left out: 1 processes need")
