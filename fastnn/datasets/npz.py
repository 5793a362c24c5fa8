"""Arrays of an ``.npz`` file, with every header checked against the file before memory is asked for."""

from __future__ import annotations

import os
import zipfile
import zlib
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

PathLike = str | os.PathLike[str]


def load_npz(path: PathLike) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz`` file by name. Nothing in it is executed: arrays of objects are refused.

    Raises
    ------
    ValueError
        For a file that is no archive, a corrupt one, and members that are no arrays, hold objects or are not
        as long as their header says; the message names file and member.
    OSError
        Where the file cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "set.npz")
    >>> np.savez(path, x=np.zeros((4, 2)), y=np.arange(4))
    >>> {name: array.shape for name, array in load_npz(path).items()}
    {'x': (4, 2), 'y': (4,)}
    """
    arrays = {}
    member = "archive"
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                member = info.filename
                with archive.open(info) as file:
                    arrays[member.removesuffix(".npy")] = _read(file, info.file_size)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"load_npz: {os.fspath(path)}: {member}: {error}") from None
    return arrays


def _read(file: IO[bytes], size: int) -> NDArray[Any]:
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the npy format is not known")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("holds Python objects")
    n_bytes = dtype.itemsize
    for n in shape:
        n_bytes *= n
    if min(shape, default=0) < 0 or file.tell() + n_bytes != size:
        raise ValueError(f"shape {shape} of {dtype} needs {n_bytes} bytes, {size - file.tell()} follow")
    data = file.read(n_bytes)
    if len(data) != n_bytes:
        raise ValueError(f"the data ends after {len(data)} of {n_bytes} bytes")
    array = np.frombuffer(bytearray(data), dtype=dtype)
    return array.reshape(shape, order="F" if fortran else "C")
