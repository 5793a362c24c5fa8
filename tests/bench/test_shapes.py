"""The shape files hold what the networks hold, and only well-formed ones are read."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise

import pytest
from bench_parts import KINDS, cases, part

networks = part("networks")

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
