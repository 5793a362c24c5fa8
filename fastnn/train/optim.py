"""Optimisers. They change parameters in place and move their versions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn.autograd.tensor import Tensor
from fastnn.autograd.update import sgd_


class SGD:
    """Stochastic gradient descent with momentum, as PyTorch computes it.

    For each parameter p with gradient g: ``d = g + weight_decay * p``; with momentum
    ``v = momentum * v + (1 - dampening) * d`` (at first ``v = d``), then ``d = v``, or ``d + momentum * v``
    for Nesterov; at last ``p -= lr * d``.

    Parameters
    ----------
    params : tensors that require grad, or dicts with "params" and options of their own.
    lr : step size.
    momentum, dampening, weight_decay, nesterov : as above.

    Attributes
    ----------
    param_groups : list of dicts, one per group; changing ``group["lr"]`` takes effect at the next step.

    Raises
    ------
    ValueError
        For negative options, for Nesterov without momentum or with dampening, and where there are no
        parameters.
    TypeError
        For things among `params` that are no tensors.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> p = nn.Parameter([1.0])
    >>> optimizer = train.SGD([p], lr=0.1)
    >>> (p * 3).backward()
    >>> optimizer.step()
    >>> round(p.item(), 4)
    0.7
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening}
        defaults |= {"weight_decay": weight_decay, "nesterov": nesterov}
        given: list[Any] = [params] if isinstance(params, Tensor) else list(params)
        groups = given if given and isinstance(given[0], dict) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = []
        self._velocity: dict[Tensor, Any] = {}
        seen: set[int] = set()
        for group in groups:
            options = {**defaults, **group}
            options["params"] = (
                [options["params"]] if isinstance(options["params"], Tensor) else list(options["params"])
            )
            _check(options, seen)
            self.param_groups.append(options)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            names = ("lr", "momentum", "dampening", "weight_decay", "nesterov")
            options = [group[name] for name in names]
            for p in group["params"]:
                if p.grad is not None:
                    self._velocity[p] = sgd_(p, self._velocity.get(p), *options)

    def state_dict(self) -> dict[str, Any]:
        """Velocities and options in PyTorch's form: parameters are numbered through all groups."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        number = {p: i for i, p in enumerate(parameters)}
        velocities = {i: self._velocity.get(p) for p, i in number.items()}
        groups = [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups]
        state = {i: {"momentum_buffer": np.array(v)} for i, v in velocities.items() if v is not None}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; ValueError where it does not fit the parameters."""
        groups = state["param_groups"]
        if [len(g["params"]) for g in groups] != [len(g["params"]) for g in self.param_groups]:
            raise ValueError("SGD: load_state_dict: the groups of parameters are others")
        parameters = [p for group in self.param_groups for p in group["params"]]
        buffers = {parameters[i]: np.array(s["momentum_buffer"]) for i, s in state["state"].items()}
        for p, buffer in buffers.items():
            if buffer.shape != p.shape:
                raise ValueError(f"SGD: load_state_dict: momentum_buffer {buffer.shape}, parameter {p.shape}")
        self._velocity = buffers
        for own, group in zip(self.param_groups, groups, strict=True):
            own.update({name: value for name, value in group.items() if name != "params"})


def _check(group: dict[str, Any], seen: set[int]) -> None:
    """Raise for options or parameters that make no sense; `seen` collects the ids of all parameters."""
    for name in ("lr", "momentum", "weight_decay"):
        if not group[name] >= 0:
            raise ValueError(f"SGD: {name} must not be negative, is {group[name]}")
    if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
        raise ValueError("SGD: nesterov needs momentum and no dampening")
    if not group["params"]:
        raise ValueError("SGD: no parameters")
    for p in group["params"]:
        if not isinstance(p, Tensor):
            raise TypeError(f"SGD: {type(p).__name__} is no Tensor")
        if p._node is not None:
            raise ValueError("SGD: only leaves can be optimised")
        if id(p) in seen:
            raise ValueError("SGD: a parameter is listed twice")
        seen.add(id(p))
