"""Fixtures of the whole suite, and the default that keeps it quick."""

import signal

import hypothesis
import numpy as np
import pytest

for helper in ("contract", "tolerance", "gradcheck", "buffers", "child", "recurrent"):
    pytest.register_assert_rewrite(helper)

hypothesis.settings.register_profile("fastnn", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.load_profile("fastnn")

# A shell starts what it puts into the background with Ctrl-C ignored, which children inherit; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def isa(request):
    """Run the test on the instruction set it is parametrised with, and go back afterwards."""
    import fastnn

    before = fastnn.cpu.active()
    fastnn.cpu.use(request.param)
    yield request.param
    fastnn.cpu.use(before)


@pytest.fixture
def precision():
    """`fastnn.set_precision`, undone afterwards."""
    from fastnn import ops

    before = ops.get_precision()
    yield ops.set_precision
    ops.set_precision(before)


def pytest_collection_modifyitems(config, items):
    """float64 runs on the same kernels under every instruction set: once is enough. What is run under each
    instruction set is marked, so that a run that forces one can leave it to the plain run."""
    import contract

    first = contract.isas()[0]

    def is_repeated(item):
        given = getattr(getattr(item, "callspec", None), "params", {})
        return given.get("isa", first) != first and str(np.dtype(given.get("dtype", np.float32))) == "float64"

    repeated = [item for item in items if is_repeated(item)]
    config.hook.pytest_deselected(items=repeated)
    items[:] = [item for item in items if not is_repeated(item)]
    for item in items:
        if "isa" in getattr(item, "fixturenames", ()):
            item.add_marker("every_isa")
