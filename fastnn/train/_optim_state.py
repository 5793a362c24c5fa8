"""State dicts of optimisers, in PyTorch's form: checked as a whole before anything is taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.autograd.tensor import Tensor
from fastnn.autograd.update import from_state, to_state

if TYPE_CHECKING:
    from fastnn.train.optim import Optimizer

_OURS = {"l1"}  # options that PyTorch lacks: where missing they keep their value


def export_state(optimizer: Optimizer) -> dict[str, Any]:
    """What `Optimizer.state_dict` returns."""
    groups, state, number = [], {}, 0
    for group in optimizer.param_groups:
        indices = list(range(number, number + len(group["params"])))
        number += len(indices)
        groups.append({**group, "params": indices})
        for index, p in zip(indices, group["params"], strict=True):
            if p in optimizer.state:
                state[index] = {name: from_state(p, value) for name, value in optimizer.state[p].items()}
    return {"state": state, "param_groups": groups}


def import_state(optimizer: Optimizer, saved: Mapping[str, Any]) -> None:
    """What `Optimizer.load_state_dict` does."""
    missing = [key for key in ("state", "param_groups") if key not in saved]
    if missing:
        raise ValueError(f"load_state_dict: {optimizer._name}: missing: {', '.join(missing)}")
    faults: list[str] = []
    own = optimizer.param_groups
    if len(saved["param_groups"]) != len(own):
        faults.append(f"{len(saved['param_groups'])} groups, expected {len(own)}")
    groups, states = [], {}
    known: dict[Any, tuple[Tensor, dict[str, Any]]] = {}
    for i, (group, entry) in enumerate(zip(own, saved["param_groups"], strict=False)):
        found = _merged(optimizer, f"group {i}", group, entry, faults)
        if len(entry.get("params", ())) == len(group["params"]):
            known |= {key: (p, found) for key, p in zip(entry["params"], group["params"], strict=True)}
        else:
            faults.append(
                f"group {i}: {len(entry.get('params', ()))} parameters, expected {len(group['params'])}"
            )
        groups.append(found)
    entries = {_index(key): entry for key, entry in saved["state"].items()}
    faults += [f"unexpected: state of parameter {key}" for key in entries if key not in known]
    for key, (p, group) in known.items():
        if key in entries:
            states[p] = optimizer._import_entry(f"parameter {key}", group, p, entries[key], faults)
    if faults:
        raise ValueError(
            f"load_state_dict: {optimizer._name} does not fit:\n  " + "\n  ".join(faults)
        )
    optimizer.state = states
    for group, found in zip(own, groups, strict=True):
        group.update(found)


def _index(key: Any) -> Any:
    """Keys that went through JSON are strings."""
    return int(key) if isinstance(key, str) and key.isdigit() else key


def _merged(
    optimizer: Optimizer, where: str, group: dict[str, Any], entry: Mapping[str, Any], faults: list[str]
) -> dict[str, Any]:
    """The options of `entry`, with the parameters of `group`; checked as those of a new group are."""
    missing = sorted(optimizer.defaults.keys() - entry.keys() - _OURS)
    faults += [f"{where}: missing option {name}" for name in missing]
    found = {**group, **entry, "params": group["params"]}
    if isinstance(found.get("betas"), list):  # JSON has no tuples
        found["betas"] = tuple(found["betas"])
    if not missing:
        try:
            optimizer._check_options(found)
        except (TypeError, ValueError) as error:
            faults.append(f"{where}: {error}")
    return found


def import_entry(
    optimizer: Optimizer, where: str, group: dict[str, Any], p: Tensor, entry: Mapping[str, Any], faults: list[str]
) -> dict[str, Any]:
    """The state of one parameter; what is wrong with it is added to `faults`."""
    names = optimizer._arrays(group)
    entry = {name: value for name, value in entry.items() if value is not None}  # PyTorch: a velocity not yet there
    expected = {*names, *(("step",) if optimizer._counts else ())}
    optional = set() if optimizer._counts else expected
    faults += [f"{where}: missing: {name}" for name in sorted(expected - entry.keys() - optional)]
    faults += [f"{where}: unexpected: {name}" for name in sorted(entry.keys() - expected)]
    found: dict[str, Any] = {}
    for name in names:
        if name in entry:
            array = _array(entry[name])
            if array.shape != p.shape:
                faults.append(f"{where}: shape of {name}: {array.shape}, expected {p.shape}")
            else:
                found[name] = to_state(p, array)
    if "step" in expected and "step" in entry:
        step = _array(entry["step"])
        if step.size != 1 or not float(step.reshape(-1)[0]) >= 0:
            faults.append(f"{where}: step must be a number of at least 0, is {entry['step']!r}")
        else:
            found["step"] = int(step.reshape(-1)[0])
    return found


def _array(value: Any) -> np.ndarray:
    return value.numpy() if isinstance(value, Tensor) else np.asarray(value)
