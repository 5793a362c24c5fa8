"""Batch norms folded into the layers before them, for evaluation."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TypeVar

from fastnn import ops
from fastnn.nn._conv import ConvTranspose, Filters
from fastnn.nn.container import Sequential
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from fastnn.nn.parameter import Parameter

M = TypeVar("M", bound=Module)
_NORMS = (BatchNorm1d, BatchNorm2d, BatchNorm3d)


def fold_batch_norm(layer: M, norm: Module) -> M:
    """A copy of a convolution or linear layer that also does the work of the batch norm behind it in evaluation.

    Parameters
    ----------
    layer : convolution, transposed convolution or `Linear`.
    norm : `BatchNorm1d`, `BatchNorm2d` or `BatchNorm3d` with running statistics.

    Raises
    ------
    TypeError
        For other layers.
    ValueError
        For a norm without running statistics, or one of other channels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> conv, norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8).eval()
    >>> x = np.ones((1, 3, 5, 5), dtype=np.float32)
    >>> bool(np.allclose(nn.fold_batch_norm(conv, norm)(x).numpy(), norm(conv(x)).numpy(), atol=1e-6))
    True
    """
    if not isinstance(layer, (Filters, Linear)) or not isinstance(norm, _NORMS):
        raise TypeError(
            f"fold_batch_norm: cannot fold {type(norm).__name__} into {type(layer).__name__}; a batch norm and a "
            "convolution or Linear are needed"
        )
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("fold_batch_norm: the norm has no running statistics")
    transposed = isinstance(layer, ConvTranspose)
    weight, bias = ops.fold_batch_norm(
        layer.weight.data,
        None if layer.bias is None else layer.bias.data,
        norm.running_mean.data,
        norm.running_var.data,
        None if norm.weight is None else norm.weight.data,
        None if norm.bias is None else norm.bias.data,
        norm.eps,
        transposed=transposed,
        groups=layer.groups if isinstance(layer, ConvTranspose) else 1,
    )
    folded = copy.deepcopy(layer)
    folded.weight, folded.bias = Parameter(weight), Parameter(bias)
    return folded


def fold_batch_norms(model: M) -> M:
    """A copy of a model, in evaluation, without the batch norms that directly follow a layer within a `Sequential`.

    A ReLU behind such a norm then becomes part of the layer. Norms that are attributes of other modules stay: use
    `fold_batch_norm` on the pair.

    Examples
    --------
    >>> from fastnn import nn
    >>> nn.fold_batch_norms(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()))
    Sequential(
      (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
      (2): ReLU()
    )
    """
    model = copy.deepcopy(model).eval()
    for module in list(model.modules()):
        if not isinstance(module, Sequential):
            continue
        children = list(module.named_children())
        for (name, layer), (after, norm) in pairwise(children):
            foldable = isinstance(layer, (Filters, Linear)) and isinstance(norm, _NORMS)
            if foldable and not layer.has_hooks and not norm.has_hooks:
                setattr(module, name, fold_batch_norm(layer, norm))
                delattr(module, after)
    return model
