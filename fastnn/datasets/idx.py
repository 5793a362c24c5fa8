"""The idx format of MNIST: two zero bytes, a dtype code, the number of dimensions, the dimensions, the data."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastnn.datasets.digits import Split

PathLike = str | os.PathLike[str]

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PIECE = 1 << 20  # bytes read at a time: a header's claim costs no memory before the data is there
_MNIST = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def read_idx(path: PathLike) -> NDArray[Any]:
    """The array of an idx file, plain or compressed by gzip.

    Parameters
    ----------
    path : the file; compression is told by its first bytes, not by its name.

    Returns
    -------
    Array of the file's shape and dtype, in the machine's byte order.

    Raises
    ------
    ValueError
        For a truncated, overlong or corrupt file; the message names the file and what is wrong.
    OSError
        Where the file cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "labels-idx1-ubyte")
    >>> with open(path, "wb") as file:
    ...     _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path).tolist()
    [7, 2, 1]
    """
    with open(path, "rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            if not compressed:
                return _read(raw)
            with gzip.GzipFile(fileobj=raw) as file:
                return _read(file)
        except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"read_idx: {os.fspath(path)}: {error}") from None


def _read(file: BinaryIO | gzip.GzipFile) -> NDArray[Any]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _DTYPES:
        raise ValueError(f"no idx file, it begins with {head.hex() or 'nothing'}")
    ndim = head[3]
    sizes = file.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise ValueError(f"the header ends within its {ndim} dimensions")
    shape = tuple(int(n) for n in np.frombuffer(sizes, dtype=">u4"))
    dtype = np.dtype(_DTYPES[head[2]])
    n_bytes = math.prod(shape) * dtype.itemsize
    data = bytearray()
    while len(data) <= n_bytes:
        piece = file.read(min(_PIECE, n_bytes + 1 - len(data)))
        if not piece:
            break
        data += piece
    if len(data) != n_bytes:
        found = "more follow" if len(data) > n_bytes else f"{len(data)} follow"
        raise ValueError(f"shape {shape} of {dtype.name} needs {n_bytes} bytes, {found}")
    if ndim > 32:
        raise ValueError(f"{ndim} dimensions are more than 32")
    return np.frombuffer(data, dtype=dtype).astype(dtype.newbyteorder("=")).reshape(shape)


def load_mnist(folder: PathLike) -> Split:
    """MNIST, or a set in its form, from its four files: ``train-images-idx3-ubyte`` and so on, or with ``.gz``.

    Returns
    -------
    Split. Images [n, 28, 28] are uint8, labels [n] int64.

    Raises
    ------
    FileNotFoundError
        Naming the file that is not there.
    ValueError
        For corrupt files, and images and labels of unequal number.
    """
    arrays = {}
    for name, stem in _MNIST.items():
        path = os.path.join(folder, stem)
        arrays[name] = read_idx(path if os.path.exists(path) or not os.path.exists(path + ".gz") else path + ".gz")
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.ndim != 3 or y.ndim != 1 or len(x) != len(y):
            raise ValueError(
                f"load_mnist: {part}: images of shape {x.shape} and labels of shape {y.shape} do not belong together"
            )
        arrays[f"y_{part}"] = y.astype(np.int64)
    return Split(**arrays)
