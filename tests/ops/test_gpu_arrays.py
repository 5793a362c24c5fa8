"""What ops say to arrays on a GPU where nothing can compute on them; with Numba: tests/cuda."""

import importlib.util

import numpy as np
import pytest

from fastnn import ops
from fastnn.ops import _backend


class OnDevice:
    """All that is known of a foreign GPU array."""

    shape = (1, 1, 4, 4)

    @property
    def __cuda_array_interface__(self):
        return {"shape": self.shape, "typestr": "<f4", "data": (0, False), "version": 3}


class OnHost:
    def __dlpack_device__(self):
        return 1, 0


def test_which_arrays_lie_on_a_gpu():
    assert _backend.on_gpu(OnDevice())
    assert not any(map(_backend.on_gpu, (OnHost(), np.zeros(3), [1.0], 2.0, ops.blocked(np.zeros((1, 1, 2, 2))))))


@pytest.mark.parametrize("call", [lambda x: ops.max_pool2d(x, 2), ops.relu, lambda x: ops.conv2d(x, x)])
def test_without_numba_one_error_says_what_to_install(call, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "numba" in name else find(name))
    with pytest.raises(RuntimeError, match=r"GPU arrays need Numba's CUDA target.*fastnn-kernels\[cuda\]"):
        call(OnDevice())
