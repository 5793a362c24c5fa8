"""Checkpoints in the safetensors format: header length (8 bytes, little-endian), JSON header, raw arrays.

The header maps each name to ``{"dtype", "shape", "data_offsets"}`` and ``__metadata__`` to strings. Nothing
in a file is executed, and nothing in it is believed before it is checked: lengths against the size of the
file, ranges against each other (they must cover the data without gap or overlap), sizes against shape and
dtype.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd.tensor import Tensor
from fastnn.nn.module import Module

PathLike = str | os.PathLike[str]

_MAX_HEADER = 100_000_000  # bytes; the limit of the format's own library
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "C64": "<c8",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items() if name != "BF16"}


class Checkpoint(dict[str, NDArray[Any]]):
    """Arrays by name, with the file's `metadata`, a dict of strings."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
        super().__init__(arrays)
        self.metadata = dict(metadata)


def save_checkpoint(
    path: PathLike, state: Module | Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays to a safetensors file; whatever happens, the file is the old one or the complete new one.

    The data goes to a new file in the same folder, is flushed to the disk, and then takes the name.

    Parameters
    ----------
    path : the file; one that exists is replaced.
    state : a module, or name -> array or tensor.
    metadata : strings to keep with it.

    Raises
    ------
    TypeError
        For names or metadata that are no strings, and dtypes that the format does not know.
    OSError
        Where the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastnn import nn, train
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> train.save_checkpoint(path, nn.Linear(2, 1), {"epoch": "3"})
    >>> checkpoint = train.load_checkpoint(path)
    >>> sorted(checkpoint), checkpoint.metadata
    (['bias', 'weight'], {'epoch': '3'})
    """
    header, arrays = _plan(state, metadata)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _MAX_HEADER:
        raise ValueError(f"save_checkpoint: the header would have {len(text)} bytes, more than {_MAX_HEADER}")
    target = os.path.realpath(path)
    with _atomic(target) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays:
            file.write(array.reshape(-1).view(np.uint8))


def _plan(
    state: Module | Mapping[str, Any], metadata: Mapping[str, str] | None
) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """The header and the arrays in the order of the file: wide dtypes first, so that all are aligned."""
    header: dict[str, Any] = {}
    if metadata:
        if not all(isinstance(text, str) for item in metadata.items() for text in item):
            raise TypeError("save_checkpoint: metadata must map strings to strings")
        header["__metadata__"] = dict(metadata)
    arrays = {}
    for name, value in (state._state() if isinstance(state, Module) else state).items():
        if not isinstance(name, str) or name == "__metadata__":
            raise TypeError(f"save_checkpoint: {name!r} cannot be the name of an array")
        array = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
        if array.dtype.newbyteorder("<") not in _NAMES:
            raise TypeError(
                f"save_checkpoint: {name} has dtype {array.dtype}, which the format does not know"
            )
        arrays[name] = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
    end = 0
    ordered = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    for name in ordered:
        array = arrays[name]
        offsets = [end, end + array.nbytes]
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": offsets}
        end += array.nbytes
    return header, [arrays[name] for name in ordered]


@contextlib.contextmanager
def _atomic(target: str) -> Any:
    """A new file that takes the name and permissions of `target` once it is complete and on the disk."""
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:40]}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o777)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if hasattr(os, "O_DIRECTORY"):  # elsewhere folders cannot be flushed
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def load_checkpoint(path: PathLike) -> Checkpoint:
    """Read a safetensors file.

    Returns
    -------
    Checkpoint, a dict of arrays with `metadata`. BF16, which NumPy lacks, becomes float32.

    Raises
    ------
    ValueError
        For a truncated, corrupt or hostile file; the message names the file and the field.
    OSError
        Where the file cannot be read.
    """
    with open(path, "rb") as file:
        try:
            return _read(file, os.fstat(file.fileno()).st_size)
        except ValueError as error:
            raise ValueError(f"load_checkpoint: {os.fspath(path)}: {error}") from None


def _read(file: BinaryIO, file_size: int) -> Checkpoint:
    if file_size < 8:
        raise ValueError(f"header length: the file has {file_size} bytes, 8 are needed")
    length = int.from_bytes(file.read(8), "little")
    if length > _MAX_HEADER:
        raise ValueError(f"header length: {length} is more than {_MAX_HEADER}")
    if length > file_size - 8:
        raise ValueError(f"header length: {length}, but only {file_size - 8} bytes follow")
    header = _parse(file.read(length))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("__metadata__: must map strings to strings")
    data_size = file_size - 8 - length
    entries = [(name, *_check_entry(name, entry, data_size)) for name, entry in header.items()]
    found: dict[str, NDArray[Any]] = {}
    end = 0
    for name, dtype, shape, begin, stop in sorted(entries, key=lambda e: (e[3], e[4])):
        if begin != end:
            what = "overlaps the array before it" if begin < end else f"leaves a gap of {begin - end} bytes"
            raise ValueError(f"{name}: data_offsets: [{begin}, {stop}] {what}")
        found[name] = _read_array(file, name, dtype, shape, stop - begin)
        end = stop
    if end != data_size:
        raise ValueError(f"data: the arrays end at {end}, the file's data at {data_size}")
    return Checkpoint({name: found[name] for name in header}, metadata)


def _parse(text: bytes) -> dict[str, Any]:
    """The header as a dict; a name that comes twice is an error."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, value in pairs:
            if name in result:
                raise ValueError(f"header: {name[:80]!r} comes twice")
            result[name] = value
        return result

    def bounded(digits: str) -> int:  # int() refuses thousands of digits with an error that names no field
        return int(digits) if len(digits) < 21 else -1

    try:
        header = json.loads(text.decode(), object_pairs_hook=unique, parse_int=bounded)
    except UnicodeDecodeError as error:
        raise ValueError(f"header: no UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"header: no JSON: {error}") from None
    except RecursionError:
        raise ValueError("header: nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("header: must be a JSON object")
    return header


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _check_entry(name: str, entry: Any, data_size: int) -> tuple[str, tuple[int, ...], int, int]:
    """dtype, shape and range of one array, which fit each other and the file."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name}: must have dtype, shape and data_offsets, nothing else")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"{name}: dtype: {str(dtype)[:40]!r} is not known")
    if not isinstance(shape, list) or len(shape) > 32 or not all(_is_size(n) for n in shape):
        raise ValueError(f"{name}: shape: must be a list of at most 32 sizes")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(_is_size(n) for n in offsets):
        raise ValueError(f"{name}: data_offsets: must be two sizes")
    begin, stop = offsets
    if begin > stop or stop > data_size:
        raise ValueError(f"{name}: data_offsets: [{begin}, {stop}] is no range within {data_size} bytes")
    size = np.dtype(_DTYPES[dtype]).itemsize
    for n in shape:
        size *= n
    if size != stop - begin:
        raise ValueError(f"{name}: data_offsets: {stop - begin} bytes, shape and dtype need {size}")
    return dtype, tuple(shape), begin, stop


def _read_array(file: BinaryIO, name: str, dtype: str, shape: tuple[int, ...], n_bytes: int) -> NDArray[Any]:
    flat = np.empty(n_bytes, dtype=np.uint8)
    if file.readinto(flat.data) != n_bytes:  # type: ignore[attr-defined]
        raise ValueError(f"{name}: the file ended while it was read")
    if dtype == "BOOL" and n_bytes and flat.max() > 1:
        raise ValueError(f"{name}: BOOL holds a byte that is neither 0 nor 1")
    array = flat.view(_DTYPES[dtype])
    if dtype == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")
    try:
        return array.astype(array.dtype.newbyteorder("="), copy=False).reshape(shape)
    except ValueError:
        raise ValueError(f"{name}: shape: {shape} is more than NumPy can hold") from None
