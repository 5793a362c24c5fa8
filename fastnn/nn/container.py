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


def fusible(module: Any, following: Any) -> bool:
    """Whether `following` is a ReLU that `module` can compute itself, and nobody looks at what lies between."""
    return (
        type(following) is ReLU
        and module.fuses_relu
        and not following.inplace
        and not module._forward_hooks
        and not following._forward_hooks
    )


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
        modules = [*self.children(), None]
        done = None
        for module, following in zip(modules, modules[1:], strict=False):
            if module is done:
                continue
            if fusible(module, following):
                x = module(x, activation="relu")
                done = following
            else:
                x = module(x)
        return x
