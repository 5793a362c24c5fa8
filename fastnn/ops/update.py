"""Updates of parameters in place, for optimisers. Kernel: csrc/kernels/update.h."""

import numpy as np

from fastnn import _kernels
from fastnn.ops._checks import as_array, new_array, shaped


def sgd_step(
    p: np.ndarray,
    g: np.ndarray,
    v: np.ndarray | None,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> np.ndarray | None:
    """One step of stochastic gradient descent: the only ops that change an argument are those of this module.

    ``d = g + weight_decay p; v = momentum v + (1 - dampening) d; d = v (Nesterov: d + momentum v); p -= lr d``

    Parameters
    ----------
    p : array, float32 or float64, changed in place
    g : array like `p`, its gradient
    v : the velocity that the step before returned, changed in place; None at the first step, where v = d
    lr, momentum, dampening, weight_decay, nesterov : as in `fastnn.train.SGD`

    Returns
    -------
    array or None: the velocity to pass to the next step; None without momentum

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.ops.update import sgd_step
    >>> p = np.array([1.0, 2.0])
    >>> sgd_step(p, np.array([1.0, 1.0]), None, 0.5, momentum=0.9)
    array([1., 1.])
    >>> p
    array([0.5, 1.5])
    """
    op = "sgd_step"
    values = as_array(op, "p", p)
    gradient = shaped(op, "g", g, values.shape, values, "p")
    first = v is None
    if first and momentum:
        v = new_array(values.shape, values.dtype)
    velocity = v if momentum else None
    _kernels.sgd_step(values, gradient, velocity, lr, momentum, dampening, weight_decay, nesterov, first)
    if values is not p:  # p is strided
        p[...] = values
    return v
