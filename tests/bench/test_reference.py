"""The float64 checks accept what is right and refuse what is not."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
from bench_parts import KINDS, SMALL, UP, cases, convolution, part

reference, gradients = part("reference"), part("gradients")

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
