"""Choosing the instruction set: listing, forcing, refusing; and every kernel exists for each of them."""

import platform
import re
from pathlib import Path

import child
import naive
import numpy as np
import pytest
import tolerance
from contract import isas, rejects

import fastnn
from fastnn import _kernels, ops

CSRC = Path(__file__).parents[1] / "csrc"
ALL = {"scalar", "avx2", "avx512", "neon"}
PRINT_ACTIVE = "import fastnn; print(fastnn.cpu.active())"


def test_available_lists_what_can_be_used():
    names = list(fastnn.cpu.available())
    assert "scalar" in names and set(names) <= ALL and len(set(names)) == len(names)
    assert fastnn.cpu.active() in names
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    assert not {"neon"} & set(names) if x86 else not {"avx2", "avx512"} & set(names)


def test_use_switches_and_switches_back():
    before = fastnn.cpu.active()
    try:
        for name in fastnn.cpu.available():
            fastnn.cpu.use(name)
            assert fastnn.cpu.active() == name
    finally:
        fastnn.cpu.use(before)


@pytest.mark.parametrize("name", ["avx1024", "", "AVX2 ", None, 2, "scalar_f64"])
def test_use_refuses_unknown_names(name):
    before = fastnn.cpu.active()
    with rejects("cpu.use", name):
        fastnn.cpu.use(name)
    assert fastnn.cpu.active() == before


def test_use_refuses_what_the_machine_lacks():
    before = fastnn.cpu.active()
    for name in ALL - set(fastnn.cpu.available()):
        with rejects("cpu.use", name, "scalar"):  # says what there is
            fastnn.cpu.use(name)
    assert fastnn.cpu.active() == before


@pytest.mark.parametrize("name", isas())
def test_environment_forces(name):
    assert child.output_of(PRINT_ACTIVE, FASTNN_ISA=name) == name


def test_without_environment_the_best_is_active():
    best = child.output_of(PRINT_ACTIVE, FASTNN_ISA=None)
    order = ["scalar", "neon", "avx2", "avx512"]
    assert best == max(fastnn.cpu.available(), key=order.index)


@pytest.mark.parametrize("name", ["avx1024", "scalar_f64", "AVX-2"])
def test_environment_with_an_unknown_name_is_an_error(name):
    status, out, err = child.python(PRINT_ACTIVE, FASTNN_ISA=name)
    assert status != 0 and out == ""
    assert "FASTNN_ISA" in err and name in err and "scalar" in err


def test_environment_with_an_instruction_set_that_is_not_here_is_an_error():
    for name in ALL - set(fastnn.cpu.available()):
        status, out, err = child.python(PRINT_ACTIVE, FASTNN_ISA=name)
        assert status != 0 and out == ""
        assert "FASTNN_ISA" in err and name in err


def test_packed_weights_serve_every_instruction_set():
    rng = np.random.default_rng(0)
    x, weight = (rng.standard_normal(s).astype(np.float32) for s in [(1, 17, 5, 15), (33, 17, 3, 2)])
    before, expected = fastnn.cpu.active(), naive.conv2d(x, weight)
    try:
        for packer in isas():
            fastnn.cpu.use(packer)
            packed = ops.pack_conv2d(weight)
            for runner in isas():
                fastnn.cpu.use(runner)
                tolerance.assert_close(packed(x), expected, "conv", weight[0].size)
    finally:
        fastnn.cpu.use(before)


@pytest.mark.parametrize("isa", isas(), indirect=True)
def test_measured_limits_are_positive(isa):
    assert _kernels.fma_peak(1) > 0 and _kernels.copy_bandwidth(1) > 0


def declared_kernels():
    text = (CSRC / "kernels.def").read_text()
    return re.findall(r"^FNN_KERNEL\((\w+),", text, re.MULTILINE)


@pytest.mark.skipif(not CSRC.is_dir(), reason="csrc is not beside the tests")
def test_every_kernel_of_the_list_is_in_the_tables():
    names = declared_kernels()
    assert names and list(_kernels.kernel_names()) == names


@pytest.mark.skipif(not CSRC.is_dir(), reason="csrc is not beside the tests")
def test_every_kernel_of_the_list_has_one_body():
    bodies = "\n".join(path.read_text() for path in (CSRC / "kernels").glob("*.h"))
    for name in declared_kernels():
        assert len(re.findall(rf"^void FNN_NAME\({name}\)", bodies, re.MULTILINE)) == 1, f"bodies of {name}"
        assert f"fnn_{name}__avx2" in bodies, f"the comment above {name} lacks its expanded names"
