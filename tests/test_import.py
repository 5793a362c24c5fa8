"""Importing fastnn is cheap: no heavy module, no thread, little time."""

import sys

import child
import pytest

HEAVY = {
    "numba",
    "matplotlib",
    "onnx",
    "torch",
    "scipy",
    "PIL",
    "threadpoolctl",
    "multiprocessing",
    "unittest",
}


def loaded_by(statement):
    return set(child.output_of(f"{statement}\nimport sys\nprint(*sys.modules)").split())


def test_no_heavy_module_comes_along():
    fresh = loaded_by("import fastnn") - loaded_by("import numpy")
    assert not {name.split(".")[0] for name in fresh} & HEAVY


def test_training_parts_are_loaded_when_asked_for():
    modules = loaded_by("import fastnn")
    assert not {"fastnn.autograd", "fastnn.nn", "fastnn.train", "fastnn.datasets"} & modules
    assert {"fastnn.autograd", "fastnn.nn"} <= loaded_by("import fastnn; fastnn.nn, fastnn.autograd")


@pytest.mark.parametrize("name", ["ops", "autograd", "nn", "train", "cpu"])
def test_submodules_are_attributes(name):
    assert child.output_of(f"import fastnn; print(fastnn.{name}.__name__)") == f"fastnn.{name}"


def test_an_attribute_that_is_not_there_is_an_attribute_error():
    assert "AttributeError" in child.python("import fastnn; fastnn.no_such_thing")[2]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
def test_no_thread_starts_at_import():
    count = "import os; print(len(os.listdir('/proc/self/task')))"
    # BLAS of NumPy may have threads of its own.
    assert child.output_of(f"import numpy, fastnn, fastnn.nn, fastnn.train; {count}") == child.output_of(
        f"import numpy; {count}"
    )


def test_import_prints_and_warns_nothing():
    status, out, err = child.python("import fastnn, fastnn.nn, fastnn.train", PYTHONWARNINGS="default")
    assert (status, out, err) == (0, "", "")


def test_import_works_without_docstrings_and_asserts():
    code = "import fastnn, fastnn.nn, fastnn.train, numpy; print(fastnn.ops.relu(numpy.ones(2, 'f4')).sum())"
    assert child.output_of(code, PYTHONOPTIMIZE="2") == "2.0"


def test_import_time_beside_that_of_numpy(record_property):
    """Recorded, not judged: times on a shared machine say little."""
    code = """if True:
        import time
        start = time.perf_counter(); import numpy
        middle = time.perf_counter(); import fastnn
        print(middle - start, time.perf_counter() - middle)"""
    runs = [tuple(map(float, child.output_of(code).split())) for _ in range(3)]
    numpy, fastnn = map(min, zip(*runs, strict=True))
    record_property("import fastnn / import numpy", fastnn / numpy)
    assert fastnn > 0
