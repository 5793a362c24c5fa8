"""Every kernel configuration compiled for sm_90, which needs Numba's CUDA target but no device: types that fit, no
float64 in kernels of float32, and where ptxas is installed no spilled registers."""

import importlib.util
import re
import shutil
import subprocess
import types
from pathlib import Path

import pytest

CAPABILITY = (9, 0)
REGISTERS = 255


def ptxas():
    """The assembler: that of the nvidia-cuda-nvcc wheel, or one on the path."""
    found = importlib.util.find_spec("nvidia")
    for folder in found.submodule_search_locations if found else ():
        for path in sorted(Path(folder).glob("*/bin/ptxas")):
            return str(path)
    return shutil.which("ptxas")


def configurations():
    if importlib.util.find_spec("numba_cuda") is None or importlib.util.find_spec("nvidia") is None:
        reason = "numba-cuda[cu13] is not installed"
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=reason))]
    from fastnn.cuda import _launch

    return [
        pytest.param(factory, constants, id=f"{factory.__name__}-{'-'.join(map(str, constants))}".replace(" ", ""))
        for factory, constants in _launch.configurations()
    ]


@pytest.fixture(autouse=True)
def pretended_device(monkeypatch):
    """Functions that kernels call are compiled for the current device, which is not there."""
    device = types.SimpleNamespace(compute_capability=CAPABILITY)
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: device)


@pytest.mark.parametrize("factory, constants", configurations())
def test_compiles_without_float64_and_without_spills(factory, constants, tmp_path):
    from fastnn.cuda import _launch
    from fastnn.cuda._cuda import cuda

    kernel = _launch.build(factory, *constants)
    options = {k: v for k, v in kernel.options.items() if k in ("fastmath", "launch_bounds")}
    ptx, _ = cuda.compile(
        kernel.function, kernel.signature, cc=CAPABILITY, device=False, abi="numba", output="ptx", **options
    )
    if isinstance(ptx, bytes):
        ptx = ptx.decode()
    if not any(name.startswith("f64") for name in kernel.types):
        assert not re.search(r"\.f64", ptx), "float64 arithmetic: a Python float in the kernel?"
    if ptxas():
        source = tmp_path / "kernel.ptx"
        source.write_text(ptx)
        command = [ptxas(), "-v", "-arch=sm_90", source, "-o", tmp_path / "kernel.cubin"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert re.search(r"0 bytes spill stores, 0 bytes spill loads", done.stderr), done.stderr
        assert int(re.search(r"Used (\d+) registers", done.stderr).group(1)) <= REGISTERS
