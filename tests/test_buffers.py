"""The traps themselves: a stray read or write must spring them, and honest use must not."""

import ctypes
import faulthandler
import os

import buffers
import child
import numpy as np
import pytest

X = np.arange(1.0, 22.0, dtype=np.float32).reshape(3, 7)


@pytest.mark.parametrize("side", ["start", "end"])
def test_the_guard_page_kills_whoever_reads_past_the_array(side):
    guarded = buffers.next_to_guard(X, side)
    stray = guarded.ctypes.data + (guarded.nbytes if side == "end" else -1)
    child.forked(lambda _: np.testing.assert_array_equal(guarded, X))

    def read(_):
        faulthandler.disable()  # this crash is meant, nobody needs its traceback
        ctypes.string_at(stray, 1)

    with pytest.raises(pytest.fail.Exception, match=r"SIGSEGV|SIGBUS"):
        child.forked(read)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_failing_child_fails_here():
    with pytest.raises(AssertionError, match="wrong result in the child"):
        child.forked(lambda _: np.testing.assert_array_equal(X, 0))


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("offset", [-1, 21])
def test_canaries_tell_of_writes_outside(shift, offset):
    host, inner = buffers.between_canaries(X.shape, X.dtype, shift)
    inner[...] = X
    buffers.assert_canaries(host, inner)
    ctypes.c_float.from_address(inner.ctypes.data + offset * 4).value = 0
    with pytest.raises(AssertionError, match="written"):
        buffers.assert_canaries(host, inner)


@pytest.mark.parametrize("variant", buffers.VARIANTS)
@pytest.mark.parametrize("array", [X, X.astype(np.float64), np.arange(5), np.array(3.5)], ids=str)
def test_variants_hold_the_same_values(variant, array):
    found = buffers.VARIANTS[variant](array)
    assert found.shape == array.shape
    np.testing.assert_array_equal(found.view(np.ndarray), array)


def test_variants_are_what_they_say():
    assert not buffers.strided(X).flags.c_contiguous and min(buffers.backwards(X).strides) < 0
    assert not buffers.unaligned(X).flags.aligned and not buffers.read_only(X).flags.writeable
    with pytest.raises(TypeError):
        X.view(buffers.Opaque) + 1


def test_overlapping_arrays_overlap():
    copy, out = buffers.overlapping(X, (2, 5), X.dtype)
    np.testing.assert_array_equal(copy, X)
    assert np.shares_memory(copy, out) and copy[-1, -1] == out[0, 0]
