"""Figures that say how good predictions are."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.autograd.tensor import Tensor


def accuracy(logits: Any, target: Any) -> float:
    """Share of rows whose largest score stands at the target.

    Parameters
    ----------
    logits : [n, classes], array or tensor.
    target : [n], integers.

    Raises
    ------
    ValueError
        Where the shapes do not fit or there are no rows.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    scores = logits.numpy() if isinstance(logits, Tensor) else np.asarray(logits)
    labels = target.numpy() if isinstance(target, Tensor) else np.asarray(target)
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"accuracy: logits of shape {scores.shape} do not fit a target of shape {labels.shape}"
        )
    if not len(labels):
        raise ValueError("accuracy: no rows")
    return float((scores.argmax(axis=1) == labels).mean())
