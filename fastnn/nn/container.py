"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastnn.nn.activation import ReLU
from fastnn.nn.module import Module


class ModuleList(Module):
    """Modules in a list, named "0", "1", ... so that their parameters are found. It does not compute.

    Examples
    --------
    >>> from fastnn import nn
    >>> layers = nn.ModuleList([nn.ReLU(), nn.Flatten()])
    >>> len(layers), layers[1]
    (2, Flatten(start_dim=1, end_dim=-1))
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end; returns the list."""
        self._set(str(len(self)), module)
        return self

    def _set(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: {module!r} is no Module")
        setattr(self, name, module)

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int | slice) -> Any:
        """A module, or for a slice a list of the same class with the same modules."""
        chosen = list(self.children())[index]
        if isinstance(chosen, Module):
            return chosen
        part = type(self)()
        for module in chosen:
            part.append(module)
        return part


class Sequential(ModuleList):
    """Modules one after another, each given what the one before returned.

    Parameters
    ----------
    args : modules, named "0", "1", ..., or one mapping name -> module.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> model(np.ones((1, 3), dtype=np.float32)).shape
    (1, 2)
    >>> sorted(model.state_dict())
    ['0.bias', '0.weight', '2.bias', '2.weight']
    """

    def __init__(self, *args: Module | Mapping[str, Module]) -> None:
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self._set(name, module)
        else:
            super().__init__(args)  # type: ignore[arg-type]

    def forward(self, x: Any) -> Any:
        """What the last module returns; x itself where there is none."""
        for module, options in _calls(list(self.children())):
            x = module(x, **options)
        return x


def _calls(modules: list[Module]) -> Iterator[tuple[Module, dict[str, Any]]]:
    """The calls that a chain comes to: a ReLU behind a layer that can compute it becomes part of that layer.

    Modules with hooks are called as they stand, so that hooks see what they would see anyway.
    """
    i = 0
    while i < len(modules):
        kinds = [None if module.has_hooks else type(module) for module in modules[i : i + 2]]
        if kinds[1:] == [ReLU] and _fuses_relu(kinds[0]):
            yield modules[i], {"activation": "relu"}
            i += 2
        else:
            yield modules[i], {}
            i += 1


def _fuses_relu(kind: type | None) -> bool:
    """Whether the class says so itself: a subclass may have another `forward`."""
    return kind is not None and vars(kind).get("fuses_relu", False)
