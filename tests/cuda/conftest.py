"""Without a GPU these tests run in Numba's simulator, which must be asked for before Numba is imported: in a pytest
process of their own (`make test-cuda`), since the rest of the suite may import Numba as it is."""

import importlib.util
import os

import pytest

# "sim": the simulator; "gpu": a real device; "compile": PTX without a device (test_compile.py).
MODE = os.environ.get("FASTNN_TEST_CUDA", "")
if MODE == "sim":
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"


def pytest_ignore_collect(collection_path, config):
    compiles = collection_path.name == "test_compile.py"
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    return True if MODE not in ("sim", "gpu", "compile") or compiles != (MODE == "compile") else None


def pytest_collection_modifyitems(items):
    if MODE == "gpu":
        for item in items:
            item.add_marker(pytest.mark.gpu)


@pytest.fixture(scope="session", autouse=True)
def numba_is_there():
    if importlib.util.find_spec("numba") is None:
        pytest.skip("Numba is not installed")
