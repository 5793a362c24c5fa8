"""The convolution cases as pytest-benchmark tests of fastnn alone, to follow its speed over versions.

``pytest benchmarks/bench_conv.py --benchmark-autosave``; each result is checked before it is timed. A kind that the
installed fastnn lacks (1-D, transposed) fails and is not skipped: it is promised.
"""

from __future__ import annotations

import pytest

fastnn = pytest.importorskip("fastnn")
pytest.importorskip("pytest_benchmark")

from . import gradients, reference  # noqa: E402
from .cases import TINY, ConvCase  # noqa: E402
from .networks import load, networks  # noqa: E402
from .peers.fastnn_ import Library  # noqa: E402

CASES = [pytest.param(case, id=f"{net}-{case.name}") for net in networks() for case in load(net)]
TRAINED = [pytest.param(case, id=f"{net}-{case.name}") for net in ("vgg16", "resnet18") for case in load(net, batch=8)]


def record(benchmark, macs: int, note: str) -> None:
    benchmark.extra_info.update(gflop=2e-9 * macs, threads=fastnn.get_num_threads(), isa=fastnn.cpu.active())
    benchmark.extra_info.update(algorithm=note)


@pytest.mark.parametrize("variant", ["packed", "blocked", "ops"])
@pytest.mark.parametrize("case", [*CASES, pytest.param(TINY, id="call")])
def test_conv(benchmark, case: ConvCase, variant: str) -> None:
    try:
        job = Library(variant, fastnn.get_num_threads()).conv(case)
    except NotImplementedError as error:
        pytest.skip(str(error))
    assert reference.conv_error(case, job.fetch(job.run())) <= reference.TOLERANCE
    record(benchmark, case.macs, job.note)
    benchmark(job.run)


@pytest.mark.parametrize("variant", ["packed", "blocked"])
@pytest.mark.parametrize("case", TRAINED)
def test_backward(benchmark, case: ConvCase, variant: str) -> None:
    job = Library(variant, fastnn.get_num_threads()).backward(case)
    assert gradients.error(case, job.fetch(job.run())) <= reference.TOLERANCE
    record(benchmark, 3 * case.macs, job.note)
    benchmark(job.run)
