"""Optimisers: what all share, and stochastic gradient descent. They change parameters in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd import enable_grad
from fastnn.autograd.tensor import Tensor
from fastnn.autograd.update import sgd_step, update_, zeros
from fastnn.train._optim_state import export_state, import_entry, import_state

Closure = Callable[[], Any]


class Optimizer:
    """Base of optimisers, as PyTorch's: parameters in groups with options, and a state for each parameter.

    A subclass gives `defaults` to ``__init__``, checks a group's options in `_check`, names the arrays that a
    group's options need in `_arrays`, and makes one step on parameters of one dtype in `_update`.

    Parameters
    ----------
    params : tensors, or dicts with "params" and options of their own.
    defaults : options of groups that do not say otherwise.

    Attributes
    ----------
    param_groups : list of dicts, one per group; changing ``group["lr"]`` takes effect at the next step.
    state : parameter -> dict of arrays and numbers; empty until the parameter's first step.
    """

    _counts = True  # whether the state has the number of steps

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self._name = type(self).__name__
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        given: list[Any] = [params] if isinstance(params, (Tensor, Mapping)) else list(params)
        if not given:
            raise ValueError(f"{self._name}: no parameters")
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """One more group: a dict with "params" and options of its own.

        Raises
        ------
        ValueError, TypeError
            For options that make no sense or that the optimiser lacks, and for parameters that are none or
            belong to it already.
        """
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise TypeError(f'{self._name}: a group must be a dict with "params"')
        group = {**self.defaults, **param_group}
        params = group["params"]
        group["params"] = [params] if isinstance(params, Tensor) else list(params)
        unknown = sorted(group.keys() - self.defaults.keys() - {"params", "initial_lr", "max_lr", "min_lr"})
        if unknown:
            raise ValueError(f"{self._name}: unknown options {', '.join(unknown)}")
        self._check_options(group)
        self._check_params(group["params"])
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p.grad is None:
                    p.grad = None
                else:
                    p.grad._memory()[...] = 0

    def step(self, closure: Closure | None = None) -> Any:
        """Change every parameter that has a gradient.

        Parameters
        ----------
        closure : computes the loss and its gradients anew; what it returns is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            ready = [p for p in group["params"] if p.grad is not None]
            for dtype in {p.data.dtype for p in ready}:
                self._update(group, [p for p in ready if p.data.dtype is dtype])
        return loss

    def state_dict(self) -> dict[str, Any]:
        """``{"state": {index: {name: array or number}}, "param_groups": [{..., "params": [index]}]}``: copies, in
        PyTorch's form. Parameters are numbered through all groups."""
        return export_state(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over state and options of a `state_dict`, also one of PyTorch's with its tensors as arrays.

        Raises
        ------
        ValueError
            Listing every group, option or array that is missing, unexpected or of the wrong shape. Nothing
            has been changed then.
        """
        import_state(self, state_dict)

    def _check_options(self, group: dict[str, Any]) -> None:
        """Raise for options that make no sense."""
        for name in ("lr", "weight_decay", "l1"):
            if name in group:
                self._check_range(name, group[name])
        self._check(group)

    def _check(self, group: dict[str, Any]) -> None:
        """The part of `_check_options` that is the subclass's own."""

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Names of the arrays that a parameter's state has under the options of `group`."""
        raise NotImplementedError(f"{self._name}: _arrays is not defined")

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        """One step on parameters that have gradients and one dtype."""
        raise NotImplementedError(f"{self._name}: _update is not defined")

    def _import_entry(
        self, where: str, group: dict[str, Any], p: Tensor, entry: Mapping[str, Any], faults: list[str]
    ) -> dict[str, Any]:
        """The state of one parameter from a state dict; what is wrong with it is added to `faults`."""
        return import_entry(self, where, group, p, entry, faults)

    def _new_array(self, group: dict[str, Any], name: str, p: Tensor) -> NDArray[Any]:
        """What an array of the state holds before the first step."""
        return zeros(p)

    def _states(self, group: dict[str, Any], params: list[Tensor]) -> list[dict[str, Any]]:
        """The states of `params`, complete and with this step counted."""
        names, states = self._arrays(group), []
        for p in params:
            state = self.state.get(p)
            if state is None:
                state = self.state[p] = {"step": 0} if self._counts else {}
            for name in names:
                if name not in state:
                    state[name] = self._new_array(group, name, p)
            if self._counts:
                state["step"] += 1
            states.append(state)
        return states

    def _check_range(self, name: str, value: Any, below: float | None = None) -> None:
        """Raise unless the option is a finite number >= 0, and less than `below`."""
        if isinstance(value, (bool, str)) or value is None:
            raise TypeError(f"{self._name}: {name} must be a number, is {value!r}")
        if not float(value) >= 0:
            raise ValueError(f"{self._name}: {name} must not be negative, is {value}")
        if not float(value) < (np.inf if below is None else below):
            limit = "finite" if below is None else f"less than {below}"
            raise ValueError(f"{self._name}: {name} must be {limit}, is {value}")

    def _check_params(self, params: list[Any]) -> None:
        """Raise for what cannot be optimised, or twice."""
        if not params:
            raise ValueError(f"{self._name}: no parameters")
        seen = {id(p) for group in self.param_groups for p in group["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"{self._name}: {type(p).__name__} is no Tensor")
            if p._node is not None:
                raise ValueError(f"{self._name}: only leaves can be optimised")
            if p.dtype not in (np.float32, np.float64):
                raise TypeError(f"{self._name}: parameters must be float32 or float64, one is {p.dtype}")
            if id(p) in seen:
                raise ValueError(f"{self._name}: a parameter is listed twice, of shape {p.shape}")
            seen.add(id(p))


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, as PyTorch computes it.

    For each parameter p with gradient g: ``d = g + weight_decay * p + l1 * sign(p)``; with momentum
    ``v = momentum * v + (1 - dampening) * d`` (at first ``v = d``), then ``d = v``, or ``d + momentum * v``
    for Nesterov; at last ``p -= lr * d``. The velocity v is "momentum_buffer" in the state.

    Parameters
    ----------
    params : tensors that require grad, or dicts with "params" and options of their own.
    lr : step size.
    momentum, dampening, weight_decay, nesterov : as above; ``weight_decay`` is L2 regularisation.
    maximize : climb instead: g is taken negative.
    l1 : L1 regularisation, ``l1 * sum(|p|)`` in the loss. Weights come to rest around 0, not at it.

    Raises
    ------
    ValueError
        For negative options, for Nesterov without momentum or with dampening, and where there are no
        parameters.
    TypeError
        For things among `params` that are no tensors.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning",
    ICML 2013.

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

    _counts = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"nesterov": nesterov, "maximize": maximize, "l1": l1})

    def _check(self, group: dict[str, Any]) -> None:
        self._check_range("momentum", group["momentum"])
        if not np.isfinite(group["dampening"]):
            raise ValueError(f"{self._name}: dampening must be finite, is {group['dampening']}")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError(f"{self._name}: nesterov needs momentum and no dampening")

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        options = {name: group[name] for name in self.defaults}
        velocity, first = None, None
        if group["momentum"] != 0:
            first = ["momentum_buffer" not in self.state.get(p, ()) for p in params]
            velocity = [state["momentum_buffer"] for state in self._states(group, params)]
        update_(sgd_step, params, velocity, first, **options)
