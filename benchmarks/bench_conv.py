"""The convolution cases as pytest-benchmark tests of fastnn alone, to follow its speed over versions.

``pytest benchmarks/bench_conv.py --benchmark-autosave``; each result is checked before it is timed.
"""

from __future__ import annotations

import pytest

fastnn = pytest.importorskip("fastnn")
pytest.importorskip("pytest_benchmark")

from . import reference  # noqa: E402
from .cases import TINY, ConvCase, load, networks  # noqa: E402
from .peers.fastnn_ import Library  # noqa: E402

CASES = [pytest.param(case, id=f"{net}-{case.name}") for net in networks() for case in load(net)]


@pytest.mark.parametrize("variant", ["packed", "blocked", "ops"])
@pytest.mark.parametrize("case", [*CASES, pytest.param(TINY, id="call")])
def test_conv(benchmark, case: ConvCase, variant: str) -> None:
    job = Library(variant, fastnn.get_num_threads()).conv(case)
    assert reference.conv_error(case, job.fetch(job.run())) <= reference.TOLERANCE
    benchmark.extra_info.update(gflop=2e-9 * case.macs, threads=fastnn.get_num_threads(), isa=fastnn.cpu.active())
    benchmark(job.run)
