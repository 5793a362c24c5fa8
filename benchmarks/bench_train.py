"""The training step of the demo's network as a pytest-benchmark test of fastnn alone.

``pytest benchmarks/bench_train.py --benchmark-autosave``; the losses are checked before the step is timed.
"""

from __future__ import annotations

import pytest

fastnn = pytest.importorskip("fastnn")
pytest.importorskip("pytest_benchmark")

from . import reference  # noqa: E402
from .cases import TrainCase  # noqa: E402
from .peers.fastnn_ import Library  # noqa: E402


@pytest.mark.parametrize("batch", [8, 64])
def test_train(benchmark, batch: int) -> None:
    case = TrainCase(batch=batch)
    job = Library("packed", fastnn.get_num_threads()).train(case)
    losses = [float(job.fetch(job.run())) for _ in range(reference.STEPS)]
    assert reference.loss_error(case, losses) <= reference.LOSS_TOLERANCE
    benchmark.extra_info.update(gflop=2e-9 * case.macs, threads=fastnn.get_num_threads(), isa=fastnn.cpu.active())
    benchmark(job.run)
