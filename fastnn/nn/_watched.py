"""A module's call with its backward hooks: both ends of it are put on the tape as places where gradients meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.autograd._data import like
from fastnn.autograd._passage import passage
from fastnn.autograd.tensor import Tensor, wrap

if TYPE_CHECKING:
    from fastnn.nn.module import Module


def run_watched(module: Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``module.forward(*inputs, **options)``, recorded so that the module's backward hooks run on the way back."""
    watched = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    grad_output: tuple[Any, ...] = ()

    def leave(gradients: list[Any]) -> list[Any]:
        """On the way back, before the module."""
        nonlocal grad_output
        found: list[Any] = [None] * len(outputs)
        for i, g in zip(differentiable, gradients, strict=True):
            found[i] = None if g is None else wrap(g)
        grad_output = tuple(found)
        if not watched:
            _run_hooks(module, [None] * len(inputs), grad_output)
        return gradients

    def enter(gradients: list[Any]) -> list[Any]:
        """On the way back, behind the module."""
        nonlocal grad_output
        all_gradients: list[Any] = [None] * len(inputs)
        for i, g in zip(watched, gradients, strict=True):
            all_gradients[i] = g
        found, grad_output = _run_hooks(module, all_gradients, grad_output), ()
        return [found[i] for i in watched]

    given = list(inputs)
    ports = passage([inputs[i] for i in watched], enter) if watched else []
    nodes = [port._node for port in ports]
    for i, port in zip(watched, ports, strict=True):
        given[i] = port
    y = module.forward(*given, **options)
    changed = {
        id(port): inputs[i]
        for i, port, node in zip(watched, ports, nodes, strict=True)
        if port._node is not node
    }
    for port in ports:
        if id(port) in changed:
            _take_over(changed[id(port)], port)
    outputs = list(y) if isinstance(y, tuple) else [y]
    differentiable = [i for i, o in enumerate(outputs) if isinstance(o, Tensor) and o.requires_grad]
    if not differentiable:
        return y
    for i, port in zip(differentiable, passage([outputs[i] for i in differentiable], leave), strict=True):
        same = changed.get(id(outputs[i]))  # a module that works in place returns its input
        outputs[i] = port if same is None else _take_over(same, port)
    return tuple(outputs) if isinstance(y, tuple) else outputs[0]


def _take_over(x: Tensor, new: Tensor) -> Tensor:
    """x, which the module has changed in place, with the values and the place on the tape of `new`."""
    if x._node is None:
        raise RuntimeError(
            "backward hook: a leaf that requires grad cannot be changed in place; do it under no_grad()"
        )
    x.data, x._node, x._version = new.data, new._node, new._version
    return x


def _run_hooks(module: Module, gradients: list[Any], grad_output: tuple[Any, ...]) -> list[Any]:
    """The raw gradients of the inputs after all hooks; what one returns goes to the next."""
    for hook in list((module._backward_hooks or {}).values()):
        given = tuple(None if g is None else wrap(g) for g in gradients)
        replaced = hook(module, given, grad_output)
        if replaced is None:
            continue
        replaced = replaced if isinstance(replaced, tuple) else (replaced,)
        name = f"backward hook of {type(module).__name__}"
        if len(replaced) != len(gradients):
            raise ValueError(f"{name}: returned {len(replaced)} gradients for {len(gradients)} inputs")
        gradients = [_raw(name, new, old) for new, old in zip(replaced, gradients, strict=True)]
    return gradients


def _raw(name: str, new: Any, old: Any) -> Any:
    if new is None or old is None:
        return None
    return like(new.data if isinstance(new, Tensor) else np.asarray(new), old, name)
