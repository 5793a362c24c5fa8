"""Schedules in phases: one cycle, a reduction on every plateau, one schedule after another."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from fastnn.train.lr_schedule import LRScheduler
from fastnn.train.optim import Optimizer


class OneCycleLR(LRScheduler):
    """Up from ``max_lr / div_factor`` to `max_lr`, down to ``max_lr / div_factor / final_div_factor``; per batch.

    Momentum (Adam: the first beta) moves the other way, from `max_momentum` to `base_momentum` and back.

    Parameters
    ----------
    optimizer, last_epoch : as in `LRScheduler`.
    max_lr : highest rate, or a list with one per group.
    total_steps : length of the cycle; or give `epochs` and `steps_per_epoch`.
    pct_start : share of the steps that go up.
    anneal_strategy : "cos" or "linear".
    cycle_momentum, base_momentum, max_momentum, div_factor, final_div_factor : as above.
    three_phase : down to the first rate as fast as up, then on to the last one.

    Raises
    ------
    ValueError
        For options that make no sense, and by `step` beyond the end.

    References
    ----------
    Smith and Topin, "Super-convergence", arXiv:1708.07120.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0, momentum=0.9)
    >>> schedule = train.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> for _ in range(2): schedule.step()
    >>> schedule.get_last_lr(), optimizer.param_groups[0]["momentum"]
    ([1.0], 0.85)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            self._count("epochs", epochs)
            self._count("steps_per_epoch", steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        self._count("total_steps", total_steps)
        self._number("pct_start", pct_start, 0, 1)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR: anneal_strategy must be "cos" or "linear", is {anneal_strategy!r}')
        groups = getattr(optimizer, "param_groups", [])
        self.max_lrs = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(groups)
        if len(self.max_lrs) != len(groups):
            raise ValueError(f"OneCycleLR: {len(self.max_lrs)} values of max_lr for {len(groups)} groups")
        for rate in self.max_lrs:
            self._number("max_lr", rate)
        if cycle_momentum and not all("momentum" in group or "betas" in group for group in groups):
            raise ValueError("OneCycleLR: cycle_momentum needs an optimizer with momentum or betas")
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        self.pct_start, self.three_phase = pct_start, three_phase
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.cycle_momentum = cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        rates = []
        for top in self.max_lrs:
            start = top / self.div_factor
            last = start / self.final_div_factor
            rates.append(self._between([start, top, start, last] if self.three_phase else [start, top, last]))
        return rates

    def _apply(self) -> None:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} of {self.total_steps}, the cycle is over")
        super()._apply()
        if self.cycle_momentum:
            high, low = self.max_momentum, self.base_momentum
            momentum = self._between([high, low, high, high] if self.three_phase else [high, low, high])
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum

    def _between(self, corners: list[float]) -> float:
        """The value at this step of a curve through `corners`, which lie at the ends of the phases."""
        up = self.pct_start * self.total_steps
        ends = [up - 1, 2 * up - 2, self.total_steps - 1] if self.three_phase else [up - 1, self.total_steps - 1]
        begin = 0.0
        for i, end in enumerate(ends):
            if self.last_epoch <= end or i == len(ends) - 1:
                share = (self.last_epoch - begin) / (end - begin) if end != begin else 1.0
                if self.anneal_strategy == "cos":
                    share = (1 - math.cos(math.pi * share)) / 2
                return corners[i] + (corners[i + 1] - corners[i]) * share
            begin = end
        raise AssertionError("the last phase has no end")


class ReduceLROnPlateau(LRScheduler):
    """``lr = max(lr * factor, min_lr)`` once a figure has not got better for more than `patience` epochs.

    Parameters
    ----------
    optimizer : whose rates to lower.
    mode : "min" or "max", which figures are better.
    factor : below 1.
    patience : epochs without progress that are borne.
    threshold, threshold_mode : least progress, as a share of the best figure ("rel") or as a difference ("abs").
    cooldown : epochs after a reduction that do not count.
    min_lr : lowest rate, or a list with one per group.
    eps : reductions by less than this are left out.

    Raises
    ------
    ValueError
        For options that make no sense.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = train.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 3.0, 3.0): schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"ReduceLROnPlateau: {type(optimizer).__name__} is no Optimizer")
        if not 0 <= factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be at least 0 and below 1, is {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f'ReduceLROnPlateau: mode must be "min" or "max", is {mode!r}')
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f'ReduceLROnPlateau: threshold_mode must be "rel" or "abs", is {threshold_mode!r}')
        for name, value in (("patience", patience), ("cooldown", cooldown), ("threshold", threshold), ("eps", eps)):
            self._number(name, value)
        groups = optimizer.param_groups
        self.min_lrs = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * len(groups)
        if len(self.min_lrs) != len(groups):
            raise ValueError(f"ReduceLROnPlateau: {len(self.min_lrs)} values of min_lr for {len(groups)} groups")
        self.optimizer = optimizer
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs, self.cooldown_counter, self.last_epoch = 0, 0, 0
        self._last_lr = [group["lr"] for group in groups]

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """One epoch ended with this figure, a number or a tensor of one element; NaN is no progress."""
        figure = float(metrics)
        self.last_epoch += 1
        if self._better(figure):
            self.best, self.num_bad_epochs = figure, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if self.num_bad_epochs > self.patience:
            lower = [max(rate * self.factor, least) for rate, least in zip(rates, self.min_lrs, strict=True)]
            rates = [new if old - new > self.eps else old for old, new in zip(rates, lower, strict=True)]
            self.num_bad_epochs, self.cooldown_counter = 0, self.cooldown
        self._set(rates)

    def _better(self, figure: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        margin = self.threshold * self.best * sign if self.threshold_mode == "rel" else self.threshold
        if math.isinf(self.best):  # infinity - infinity would be NaN
            margin = 0.0
        return sign * figure < sign * self.best - margin


class SequentialLR(LRScheduler):
    """One schedule after another, such as a warm-up before a cosine.

    Parameters
    ----------
    optimizer : the one of all schedules.
    schedulers : of the formulas of `LRScheduler`; each counts its own steps from 0.
    milestones : rising numbers of steps; at each the next schedule takes over.
    last_epoch : as in `LRScheduler`.

    Raises
    ------
    ValueError
        For milestones that do not rise or are not one fewer than schedulers, and schedulers of other optimisers.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> from fastnn.train import lr_scheduler
    >>> optimizer = train.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> warm_up = lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    >>> schedule = lr_scheduler.SequentialLR(optimizer, [warm_up, cosine], milestones=[2])
    >>> rates = schedule.get_last_lr()
    >>> for _ in range(3):
    ...     schedule.step()
    ...     rates += schedule.get_last_lr()
    >>> [round(rate, 3) for rate in rates]
    [0.5, 0.75, 1.0, 0.976]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self._schedulers, self.milestones = list(schedulers), list(milestones)
        if len(self._schedulers) != len(self.milestones) + 1:
            raise ValueError(
                f"SequentialLR: {len(self._schedulers)} schedulers need {len(self._schedulers) - 1} milestones, "
                f"got {len(self.milestones)}"
            )
        if any(b <= a for a, b in zip([0, *self.milestones], self.milestones, strict=False)):
            raise ValueError(f"SequentialLR: milestones must be positive and rise, are {self.milestones}")
        for scheduler in self._schedulers:
            if isinstance(scheduler, ReduceLROnPlateau) or not isinstance(scheduler, LRScheduler):
                raise TypeError(f"SequentialLR: {type(scheduler).__name__} cannot be a part")
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"SequentialLR: {scheduler._name} belongs to another optimizer")
        super().__init__(optimizer, last_epoch)

    def _apply(self) -> None:
        at = bisect_right(self.milestones, self.last_epoch)
        part = self._schedulers[at]
        part.last_epoch = self.last_epoch - (self.milestones[at - 1] if at else 0)
        part._apply()
        self._last_lr = part.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"schedulers": [part.state_dict() for part in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        parts = state_dict.get("schedulers", ())
        if len(parts) != len(self._schedulers):
            raise ValueError(
                f"load_state_dict: SequentialLR has {len(self._schedulers)} schedulers, the state {len(parts)}"
            )
        super().load_state_dict(state_dict)
        del vars(self)["schedulers"]
        for part, entry in zip(self._schedulers, parts, strict=True):
            part.load_state_dict(entry)
