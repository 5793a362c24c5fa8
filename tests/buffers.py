"""Arrays in awkward places: odd strides, canaries on both sides, an unreadable page next door."""

import ctypes
import mmap
import sys

import numpy as np
import pytest

from fastnn.ops import Blocked

CANARY = 0xA5
LANES = 16  # channels in one block of a Blocked
ALIGNMENT = 64  # bytes, of arrays from LARGE bytes on; smaller ones come from NumPy's own allocator
LARGE = 16384


class Opaque(np.ndarray):
    """A subclass on which no NumPy function works: only one that was unwrapped first can be computed with."""

    __array_ufunc__ = None

    def __array_function__(self, *args):
        return NotImplemented


def strided(array):
    """Every second element of a larger array along each axis; NaN (or the largest integer) between."""
    rest = np.nan if array.dtype.kind == "f" else np.iinfo(array.dtype).max
    host = np.full([2 * size for size in array.shape], rest, dtype=array.dtype)
    view = host[(..., *(slice(None, None, 2) for _ in array.shape))]
    view[...] = array
    return view


def backwards(array):
    """Negative strides along each axis."""
    flip = (..., *(slice(None, None, -1) for _ in array.shape))
    return array[flip].copy()[flip]


def unaligned(array):
    """Data that starts one byte after a multiple of the element size."""
    copy = np.ndarray(array.shape, array.dtype, buffer=bytearray(array.nbytes + 1), offset=1)
    copy[...] = array
    return copy


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


# What may be handed in where an array is expected.  Those in CLEAR_ERROR may be refused instead.
VARIANTS = {
    "strided": strided,
    "backwards": backwards,
    "fortran": lambda array: np.array(array, order="F"),
    "read_only": read_only,
    "subclass": lambda array: array.view(Opaque),
    "unaligned": unaligned,
    "big_endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
}
CLEAR_ERROR = {"unaligned", "big_endian"}


def between_canaries(shape, dtype, shift=0):
    """(host, inner): a dense array between two margins of canary bytes, `shift` elements off alignment."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    margin = 256
    start = margin + shift * dtype.itemsize
    host = np.full(size + 2 * margin + start, CANARY, dtype=np.uint8)
    return host, np.ndarray(shape, dtype, buffer=host.data, offset=start)


def assert_canaries(host, inner):
    start = inner.__array_interface__["data"][0] - host.__array_interface__["data"][0]
    assert (host[:start] == CANARY).all(), "written before the start of the array"
    assert (host[start + inner.nbytes :] == CANARY).all(), "written after the end of the array"


def overlapping(array, shape, dtype):
    """(copy of array, array of `shape`) that share the last element of the one and the first of the other."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    host = np.zeros(array.nbytes + size, dtype=np.uint8)
    copy = np.ndarray(array.shape, array.dtype, buffer=host.data)
    copy[...] = array
    return copy, np.ndarray(shape, dtype, buffer=host.data, offset=array.nbytes - array.dtype.itemsize)


def next_to_guard(array, side):
    """A copy that ends where an unreadable page begins (side "end"), or begins where one ends ("start")."""
    if sys.platform == "win32":
        pytest.skip("mprotect is not available on Windows")
    page = mmap.PAGESIZE
    span = -(-max(array.nbytes, 1) // page) * page
    region = mmap.mmap(-1, span + page)
    first = np.frombuffer(region, dtype=np.uint8).ctypes.data
    guard, offset = (span, span - array.nbytes) if side == "end" else (0, page)
    copy = np.ndarray(array.shape, array.dtype, buffer=region, offset=offset)
    copy[...] = array
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    no_access = 0  # PROT_NONE
    if protect(ctypes.c_void_p(first + guard), ctypes.c_size_t(page), ctypes.c_int(no_access)) != 0:
        pytest.skip(f"mprotect refused: errno {ctypes.get_errno()}")
    return copy


def assert_blocked(array, shape, dtype):
    """`array` is a well-formed Blocked: aligned, of the right size, zero in lanes without a channel."""
    assert isinstance(array, Blocked), f"a {type(array).__name__}, not a Blocked"
    n, c, h, w = shape
    assert array.shape == (n, c, h, w) and array.dtype == dtype and array.ndim == 4
    assert array.size == n * c * h * w
    blocks = -(-c // LANES)
    assert array.data.shape == (n, blocks, h, w, LANES)
    assert array.data.nbytes < LARGE or array.data.ctypes.data % ALIGNMENT == 0
    lanes = np.moveaxis(array.data, -1, 2).reshape(n, blocks * LANES, h, w)
    np.testing.assert_array_equal(lanes[:, c:], 0)
    np.testing.assert_array_equal(lanes[:, :c], array.numpy())
