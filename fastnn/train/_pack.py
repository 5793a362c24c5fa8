"""Nested state as a safetensors file can hold it: arrays by dotted names, everything else as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd.tensor import Tensor

Arrays = dict[str, NDArray[Any]]


def pack(state: Any) -> tuple[Arrays, str]:
    """Arrays by name, and JSON that refers to them.

    Dicts become {"dict": [[key, value], ...]}, since JSON's keys are texts; tuples {"tuple": [...]}; arrays
    {"array": name}. Numbers keep their bits.
    """
    arrays: Arrays = {}
    return arrays, json.dumps(_encode(state, "", arrays), ensure_ascii=False, separators=(",", ":"))


def _encode(value: Any, name: str, arrays: Arrays) -> Any:
    if isinstance(value, (np.ndarray, Tensor)):
        arrays[name] = value.numpy() if isinstance(value, Tensor) else value
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        pairs = value.items()
        return {"dict": [[k, _encode(v, f"{name}.{k}" if name else f"{k}", arrays)] for k, v in pairs]}
    if isinstance(value, (list, tuple)):
        items = [_encode(v, f"{name}.{i}", arrays) for i, v in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    raise TypeError(f"save: {name} is a {type(value).__name__}, which a checkpoint cannot hold")


def unpack(arrays: Mapping[str, NDArray[Any]], text: str) -> Any:
    """What was packed.

    Raises
    ------
    ValueError
        Where the text is not what `pack` writes, or an array is missing.
    """
    try:
        return _decode(json.loads(text), arrays)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _decode(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, list):
        return [_decode(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"array": str(name)} if len(value) == 1:
            if name not in arrays:
                raise ValueError(f"array {name!r} is missing")
            return arrays[name]
        case {"tuple": list(items)} if len(value) == 1:
            return tuple(_decode(v, arrays) for v in items)
        case {"dict": list(pairs)} if len(value) == 1:
            if all(isinstance(pair, list) and len(pair) == 2 and _is_key(pair[0]) for pair in pairs):
                return {key: _decode(v, arrays) for key, v in pairs}
    raise ValueError(f"{str(value)[:40]!r} is no packed value")


def _is_key(key: Any) -> bool:
    return isinstance(key, (str, int))
