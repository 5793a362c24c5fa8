"""Reader of PyTorch's weight files, of which nothing is executed.

Both forms hold a pickle, a program that may name any function of Python. Here it is read through first, for
instructions that do harm by themselves; then it can reach the names in `_ALLOWED` and no others. What it makes is a
description; tensors become arrays only after their bounds were checked against the bytes that are there.

zip (since 1.6)  ``NAME/data.pkl`` and ``NAME/data/KEY``, the tensors' bytes, all stored uncompressed
serial (before)  pickles of magic number, version, machine, object, keys; for each key its size and bytes
"""

from __future__ import annotations

import io
import math
import os
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
_MAX_PICKLE = 64 << 20  # bytes; that of a network of a thousand layers has about 100 KB
_STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BFloat16Storage": "<u2",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "|i1", "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}  # fmt: skip


# What a pickle gets hold of is immutable: it may try to set attributes.
class _Kind(NamedTuple):
    """A class of storages."""

    name: str


class _Storage(NamedTuple):
    kind: _Kind
    key: str
    elements: int


class _Tensor(NamedTuple):
    storage: Any
    offset: Any
    size: Any
    stride: Any


class _Call(NamedTuple):
    """A function that a pickle may call."""

    function: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> _Tensor:
    return _Tensor(storage, offset, size, stride)


def _rebuild_parameter(data: Any, *rest: Any) -> Any:
    return data


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _Call(OrderedDict),
    ("torch._utils", "_rebuild_tensor_v2"): _Call(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _Call(_rebuild_parameter),
    **{("torch", name): _Kind(name) for name in _STORAGES},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _ALLOWED.get((module, name))
        if found is None:
            raise ValueError(f"refers to {module}.{name}, which is not allowed")
        return found

    def persistent_load(self, pid: Any) -> _Storage:
        if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage":
            raise ValueError("refers to something that is no storage")
        _, kind, key, _, count, *view = pid
        if type(kind) is not _Kind or type(key) is not str or not _is_size(count) or view not in ([], [None]):
            raise ValueError("describes a storage by something else than kind, key and size")
        return _Storage(kind, key, count)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _unpickle(file: BinaryIO) -> Any:
    """The next pickle of a stream, within the limits above."""
    start = file.tell()
    for code, value, _ in pickletools.genops(file):
        if file.tell() - start > _MAX_PICKLE:
            raise ValueError(f"its description is longer than {_MAX_PICKLE} bytes")
        if code.name in ("EXT1", "EXT2", "EXT4", "PERSID", "NEXT_BUFFER", "READONLY_BUFFER"):
            raise ValueError(f"its description has the instruction {code.name}")
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(value or 0) > _MAX_PICKLE // 64:
            raise ValueError(f"its description remembers {value} things")
    end = file.tell()
    file.seek(start)
    return _Unpickler(io.BytesIO(file.read(end - start)), encoding="utf-8").load()


# ---- descriptions become arrays ----
class _Resolver:
    """Containers and arrays from what a pickle made; `bytes_of` gives the bytes of a storage."""

    def __init__(self, bytes_of: Callable[[_Storage, int], bytes]) -> None:
        self.bytes_of = bytes_of
        self.storages: dict[str, tuple[_Storage, NDArray[Any]]] = {}
        self.done: dict[int, Any] = {}  # by identity: shared parts stay shared

    def plain(self, value: Any) -> Any:
        if value is None or type(value) in (str, bytes, int, float, bool):
            return value
        if id(value) not in self.done:
            self.done[id(value)] = self._convert(value)
        return self.done[id(value)]

    def _convert(self, value: Any) -> Any:
        if type(value) is _Tensor:
            return self._array(value)
        if type(value) in (dict, OrderedDict):
            return {self._key(key): self.plain(item) for key, item in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self.plain(item) for item in value)
        raise ValueError(f"holds a {type(value).__name__}, which is no container, number, text or tensor")

    def _key(self, key: Any) -> Any:
        if type(key) not in (str, bytes, int, float, bool):
            raise ValueError(f"has a {type(key).__name__} as the key of a dict")
        return key

    def _array(self, tensor: _Tensor) -> NDArray[Any]:
        storage, offset, size, stride = tensor
        if type(storage) is not _Storage:
            raise ValueError("a tensor is built from something that is no storage")
        if type(size) is not tuple or type(stride) is not tuple or len(size) != len(stride) or len(size) > 32:
            raise ValueError("a tensor's size and stride must be tuples of the same length, at most 32")
        if not all(_is_size(n) for n in (offset, *size, *stride)):
            raise ValueError(f"a tensor has offset {offset!r}, size {size!r}, stride {stride!r}")
        flat, wanted = self._flat(storage), math.prod(size)
        if wanted > flat.size:  # repeated elements could make a small file fill the memory
            raise ValueError(f"a tensor of size {size} is larger than its storage of {flat.size} elements")
        if not wanted:
            return np.zeros(size, flat.dtype)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if last >= flat.size:
            raise ValueError(
                f"a tensor of offset {offset}, size {size}, stride {stride} reaches beyond the {flat.size} elements "
                "of its storage"
            )
        steps = tuple(step * flat.itemsize if n > 1 else 0 for n, step in zip(size, stride, strict=True))
        return np.lib.stride_tricks.as_strided(flat[offset:], size, steps, writeable=False)

    def _flat(self, storage: _Storage) -> NDArray[Any]:
        if storage.key not in self.storages:
            dtype = np.dtype(_STORAGES[storage.kind.name])
            wanted = storage.elements * dtype.itemsize
            data = self.bytes_of(storage, wanted)
            if len(data) != wanted:
                raise ValueError(f"storage {storage.key}: {len(data)} bytes, {storage.elements} elements need {wanted}")
            self.storages[storage.key] = storage, _native(np.frombuffer(data, dtype), storage.kind.name)
        known, flat = self.storages[storage.key]
        if known != storage:
            raise ValueError(f"storage {storage.key}: is described in two ways")
        return flat


def _native(array: NDArray[Any], kind: str) -> NDArray[Any]:
    """In this machine's byte order; formats of 16 bits as float32."""
    if kind == "BoolStorage":
        return array.view(np.uint8) != 0
    if kind == "BFloat16Storage":
        array = (array.astype("<u4") << 16).view("<f4")
    elif kind == "HalfStorage":
        array = array.astype("<f4")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


# ---- the two forms of a file ----
def read(file: BinaryIO) -> Any:
    """What a file of `torch.save` holds: plain containers and arrays.

    Raises ValueError for everything else and for damaged files; nothing is executed, and the memory taken stays within
    a small multiple of the file's size.
    """
    try:
        is_zip = file.read(2) == b"PK"
        file.seek(0)
        return _read_zip(file) if is_zip else _read_serial(file)
    except ValueError:
        raise
    except Exception as error:  # a damaged pickle raises almost anything
        raise ValueError(f"is damaged: {type(error).__name__}: {error}") from None


def _read_zip(file: BinaryIO) -> Any:
    left = file.seek(0, os.SEEK_END)
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        entries: dict[str, zipfile.ZipInfo] = {}
        for entry in archive.infolist():
            if entries.setdefault(entry.filename, entry) is not entry:
                raise ValueError(f"has two parts {entry.filename}")

        def part(name: str, most: int) -> bytes:
            nonlocal left
            entry = entries.get(name)
            if entry is None:
                raise ValueError(f"has no part {name}")
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise ValueError(f"{name}: is compressed, which PyTorch's files are not")
            left -= entry.file_size  # parts that overlap could be read many times
            if entry.file_size > most or left < 0:
                raise ValueError(f"{name}: {entry.file_size} bytes are more than there can be")
            return archive.read(entry)

        names = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(names) != 1:
            raise ValueError("is no file of torch.save: there must be one data.pkl")
        prefix = names[0].removesuffix("data.pkl")
        if f"{prefix}byteorder" in entries and part(f"{prefix}byteorder", 16) != b"little":
            raise ValueError("is not little-endian")
        made = _unpickle(io.BytesIO(part(names[0], _MAX_PICKLE)))
        return _Resolver(lambda storage, wanted: part(f"{prefix}data/{storage.key}", wanted)).plain(made)


def _read_serial(file: BinaryIO) -> Any:
    if _unpickle(file) != MAGIC:
        raise ValueError("is no file of torch.save: the magic number is missing")
    version, machine, made, keys = (_unpickle(file) for _ in range(4))
    if version != 1001 or type(machine) is not dict or machine.get("little_endian") is not True:
        raise ValueError("is of another version of the format, or not little-endian")
    if type(keys) is not list or not all(type(key) is str for key in keys) or len(set(keys)) != len(keys):
        raise ValueError("its list of storages is no list of different names")
    places: dict[str, tuple[int, int]] = {}
    start = file.tell()
    end = file.seek(0, os.SEEK_END)

    def bytes_of(storage: _Storage, wanted: int) -> bytes:
        if storage.key not in places:
            raise ValueError(f"has no storage {storage.key}")
        at, size = places[storage.key]
        if size != storage.elements or at + wanted > end:
            raise ValueError(f"storage {storage.key}: {size} elements, {storage.elements} expected, or the file ends")
        file.seek(at)
        return file.read(wanted)

    sizes = _storages_of(made)
    for key in keys:  # one after another, each of the size that the description says
        if key not in sizes:
            raise ValueError(f"storage {key}: is not described")
        file.seek(start)
        places[key] = start + 8, int.from_bytes(file.read(8), "little")
        start += 8 + sizes[key].elements * np.dtype(_STORAGES[sizes[key].kind.name]).itemsize
    return _Resolver(bytes_of).plain(made)


def _storages_of(made: Any) -> dict[str, _Storage]:
    """All storages that a description refers to."""
    found: dict[str, _Storage] = {}
    seen: set[int] = set()
    left = [made]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if type(value) is _Storage:
            found[value.key] = value
        elif isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, (list, tuple)):
            left.extend(value)
    return found
