"""Schedules of the learning rate that are a formula of the number of steps; what all schedules share."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastnn.train.optim import Optimizer

_UNSAVED = ("optimizer", "lr_lambdas", "_schedulers")


class LRScheduler:
    """Base of schedules: sets ``group["lr"]`` of every group, at once and at every `step`.

    The rate follows from `last_epoch` and the group's first rate, ``group["initial_lr"]``, alone: rates that others
    set meanwhile are overwritten. A subclass gives `get_lr`.

    Parameters
    ----------
    optimizer : whose rates to set.
    last_epoch : number of steps done before, for going on with a loaded optimiser; -1 at the start.

    Raises
    ------
    TypeError, ValueError
        For things that are no optimiser, and options that make no sense.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{self._name}: {type(optimizer).__name__} is no Optimizer")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(f"{self._name}: last_epoch is {last_epoch}, but a group has no initial_lr")
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._last_lr: list[float] = []
        self.step()

    def step(self) -> None:
        """One epoch (or batch, where the schedule counts those) is over: set the next rates."""
        self.last_epoch += 1
        self._apply()

    def get_lr(self) -> list[float]:
        """The rate of each group at `last_epoch`."""
        raise NotImplementedError(f"{self._name}: get_lr is not defined")

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one per group."""
        return list(self._last_lr)

    def _apply(self) -> None:
        self._set(self.get_lr())

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = [float(rate) for rate in rates]

    def state_dict(self) -> dict[str, Any]:
        """Options and progress: numbers, strings and lists. Functions are left out."""
        return {name: _copied(value) for name, value in vars(self).items() if name not in _UNSAVED}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a `state_dict`; the optimiser's rates are in its own.

        Raises
        ------
        ValueError
            Listing every entry that is missing, unexpected or for another number of groups.
        """
        own = self.state_dict()
        faults = [f"missing: {name}" for name in own if name not in state_dict]
        faults += [f"unexpected: {name}" for name in state_dict if name not in own]
        for name in ("base_lrs", "_last_lr"):
            if name in own and len(state_dict.get(name, own[name])) != len(own[name]):
                faults.append(f"{name}: {len(state_dict[name])} groups, expected {len(own[name])}")
        if faults:
            raise ValueError(f"load_state_dict: {self._name} does not fit:\n  " + "\n  ".join(faults))
        vars(self).update({name: _copied(value) for name, value in state_dict.items()})

    def _number(self, name: str, value: Any, least: float = 0.0, most: float = math.inf) -> None:
        """Raise unless `value` is a number in [least, most]."""
        if isinstance(value, (bool, str)) or value is None:
            raise TypeError(f"{self._name}: {name} must be a number, is {value!r}")
        if not least <= value <= most or not math.isfinite(value):
            span = f"at least {least}" if most == math.inf else f"between {least} and {most}"
            raise ValueError(f"{self._name}: {name} must be {span}, is {value}")

    def _count(self, name: str, value: Any) -> None:
        """Raise unless `value` is a positive integer."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{self._name}: {name} must be an int, is {value!r}")
        self._number(name, value, 1)

    @property
    def _name(self) -> str:
        return type(self).__name__


def _copied(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


class LambdaLR(LRScheduler):
    """``lr = initial_lr * lr_lambda(epoch)``.

    Parameters
    ----------
    optimizer, last_epoch : as in `LRScheduler`.
    lr_lambda : function of the number of steps, or a list with one per group. `state_dict` leaves it out.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = train.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(getattr(optimizer, "param_groups", ()))
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"LambdaLR: {len(self.lr_lambdas)} functions for {groups} groups")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * function(self.last_epoch) for base, function in pairs]


class StepLR(LRScheduler):
    """``lr = initial_lr * gamma ** (epoch // step_size)``.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = train.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self._count("step_size", step_size)
        self._number("gamma", gamma)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        factor = self.gamma ** (self.last_epoch // self.step_size)
        return [base * factor for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """``lr = initial_lr * gamma ** (number of milestones <= epoch)``.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = train.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 30], gamma=0.5)
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self._number("gamma", gamma)
        for milestone in milestones:
            self._number("milestones", milestone)
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        factor = self.gamma ** bisect_right(self.milestones, self.last_epoch)
        return [base * factor for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """``lr = initial_lr * gamma ** epoch``.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = train.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self._number("gamma", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class LinearLR(LRScheduler):
    """Warm-up: from ``start_factor * initial_lr`` in a line to ``end_factor * initial_lr`` within `total_iters` steps.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = train.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self._number("start_factor", start_factor, 0, 1)
        self._number("end_factor", end_factor, 0, 1)
        self._count("total_iters", total_iters)
        if start_factor == 0:
            raise ValueError("LinearLR: start_factor must be positive, is 0")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = min(self.last_epoch / self.total_iters, 1.0)
        factor = self.start_factor + (self.end_factor - self.start_factor) * share
        return [base * factor for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """``lr = eta_min + (initial_lr - eta_min) * (1 + cos(pi * epoch / T_max)) / 2``; rises again beyond `T_max`.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", arXiv:1608.03983.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = train.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
    >>> schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)
    0.75
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self._count("T_max", T_max)
        self._number("eta_min", eta_min)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]
