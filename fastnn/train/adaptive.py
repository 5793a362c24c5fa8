"""Optimisers with a step size for each weight: Adagrad, RMSprop, Adam, AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd.tensor import Tensor
from fastnn.autograd.update import adagrad_step, adam_step, rmsprop_step, update_
from fastnn.train.optim import Optimizer

_COMMON = ("lr", "weight_decay", "eps", "maximize", "l1")


class Adagrad(Optimizer):
    """Adagrad, as PyTorch computes it: steps shrink with the sum of all squared gradients.

    With ``d = g + weight_decay * p + l1 * sign(p)``: ``sum += d ** 2`` and
    ``p -= lr / (1 + (step - 1) * lr_decay) * d / (sqrt(sum) + eps)``.

    Parameters
    ----------
    params : tensors, or dicts with "params" and options of their own.
    lr, lr_decay, weight_decay, eps : as above.
    initial_accumulator_value : what "sum" starts from.
    maximize, l1 : as in `SGD`.

    Raises
    ------
    ValueError, TypeError
        As `SGD`.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    JMLR 12, 2011.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> p = nn.Parameter([1.0])
    >>> optimizer = train.Adagrad([p], lr=0.1)
    >>> (p * 3).backward()
    >>> optimizer.step()
    >>> round(p.item(), 4)
    0.9
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
        defaults |= {"initial_accumulator_value": initial_accumulator_value, "maximize": maximize, "l1": l1}
        super().__init__(params, defaults)

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("lr_decay", "initial_accumulator_value", "eps"):
            self._check_range(name, group[name])

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("sum",)

    def _new_array(self, group: dict[str, Any], name: str, p: Tensor) -> NDArray[Any]:
        return np.full_like(p._memory(), group["initial_accumulator_value"], order="C")

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        states = self._states(group, params)
        options = {name: group[name] for name in (*_COMMON, "lr_decay")}
        sums, steps = ([state[name] for state in states] for name in ("sum", "step"))
        update_(adagrad_step, params, sums, steps, **options)


class RMSprop(Optimizer):
    """RMSprop, as PyTorch computes it: steps are divided by the root of a running mean of squared gradients.

    With ``d = g + weight_decay * p + l1 * sign(p)``: ``square_avg = alpha * square_avg + (1 - alpha) * d ** 2``
    and ``d /= sqrt(square_avg) + eps``; centered: the square of the mean gradient "grad_avg" is taken off
    under the root. With momentum ``momentum_buffer = momentum * momentum_buffer + d``, which then is d. At last
    ``p -= lr * d``.

    Parameters
    ----------
    params : tensors, or dicts with "params" and options of their own.
    lr, alpha, eps, weight_decay, momentum, centered : as above.
    maximize, l1 : as in `SGD`.

    Raises
    ------
    ValueError, TypeError
        As `SGD`.

    References
    ----------
    Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012; centered: Graves,
    "Generating sequences with recurrent neural networks", arXiv:1308.0850.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> p = nn.Parameter([1.0])
    >>> optimizer = train.RMSprop([p], lr=0.01)
    >>> (p * 3).backward()
    >>> optimizer.step()
    >>> round(p.item(), 4)
    0.9
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered}
        super().__init__(params, defaults | {"weight_decay": weight_decay, "maximize": maximize, "l1": l1})

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("alpha", "eps", "momentum"):
            self._check_range(name, group[name])

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        momentum = ("momentum_buffer",) if group["momentum"] > 0 else ()
        return ("square_avg", *momentum, *(("grad_avg",) if group["centered"] else ()))

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        states, names = self._states(group, params), self._arrays(group)
        arrays = [
            [state[name] for state in states] if name in names else None
            for name in ("square_avg", "momentum_buffer", "grad_avg")
        ]
        options = {name: group[name] for name in (*_COMMON, "alpha", "momentum")}
        update_(rmsprop_step, params, *arrays, **options)


class Adam(Optimizer):
    """Adam, as PyTorch computes it: running means of gradients and of their squares, corrected for their start.

    With ``d = g + weight_decay * p + l1 * sign(p)``: ``exp_avg = beta1 * exp_avg + (1 - beta1) * d``,
    ``exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * d ** 2``, and
    ``p -= lr * exp_avg / (1 - beta1 ** step) / (sqrt(exp_avg_sq / (1 - beta2 ** step)) + eps)``. With `amsgrad`
    the largest "exp_avg_sq" so far, "max_exp_avg_sq", stands under the root.

    Parameters
    ----------
    params : tensors, or dicts with "params" and options of their own.
    lr, eps, weight_decay, amsgrad : as above.
    betas : (beta1, beta2), each in [0, 1).
    maximize, l1 : as in `SGD`.
    decoupled_weight_decay : as in `AdamW`.

    Raises
    ------
    ValueError, TypeError
        As `SGD`.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980; AMSGrad: Reddi, Kale and
    Kumar, "On the convergence of Adam and beyond", arXiv:1904.09237.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> p = nn.Parameter([1.0])
    >>> optimizer = train.Adam([p], lr=0.1)
    >>> (p * 3).backward()
    >>> optimizer.step()
    >>> round(p.item(), 4)
    0.9
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        l1: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        defaults |= {"maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay, "l1": l1}
        super().__init__(params, defaults)

    def _check(self, group: dict[str, Any]) -> None:
        self._check_range("eps", group["eps"])
        betas = group["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"{self._name}: betas must be two numbers, is {betas!r}")
        for i, beta in enumerate(betas):
            self._check_range(f"betas[{i}]", beta, below=1)

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if group["amsgrad"] else ()))

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        states = self._states(group, params)
        arrays = [[state[name] for state in states] for name in self._arrays(group)]
        most = arrays[2] if group["amsgrad"] else None
        options = {name: group[name] for name in _COMMON}
        options["beta1"], options["beta2"] = group["betas"]
        options["decoupled"] = group["decoupled_weight_decay"]
        update_(adam_step, params, *arrays[:2], most, [state["step"] for state in states], **options)


class AdamW(Adam):
    """Adam with decoupled weight decay: ``p *= 1 - lr * weight_decay`` before the step, d without the decay.

    Parameters
    ----------
    params, lr, betas, eps, weight_decay, amsgrad, maximize, l1 : as in `Adam`; the decay is 0.01 by default.

    Raises
    ------
    ValueError, TypeError
        As `SGD`.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv:1711.05101.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> p = nn.Parameter([1.0])
    >>> optimizer = train.AdamW([p], lr=0.1, weight_decay=0.5)
    >>> (p * 3).backward()
    >>> optimizer.step()
    >>> round(p.item(), 4)
    0.85
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True, l1=l1
        )
