"""Normalisation layers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from fastnn.autograd import norm as F
from fastnn.autograd.tensor import Tensor
from fastnn.nn import init
from fastnn.nn._arguments import count, float_dtype
from fastnn.nn.module import Module
from fastnn.nn.parameter import Buffer, Parameter


class _Affine(Module):
    """A weight of ones and a bias of zeros, or None."""

    weight: Any
    bias: Any

    def _set_affine(self, shape: Any, weight: bool, bias: bool, device: Any, dtype: DTypeLike | None) -> np.dtype:
        wanted = float_dtype(type(self).__name__, device, dtype)
        self.weight = Parameter(np.ones(shape, wanted)) if weight else None
        self.bias = Parameter(np.zeros(shape, wanted)) if bias else None
        return wanted

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class ChannelNorm(_Affine):
    """What batch and instance norm have in common; `ranks` are the numbers of dimensions that x may have."""

    ranks: ClassVar[tuple[int, ...]]
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None

    def _set_up(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, track: bool, device: Any, dtype: Any
    ) -> None:
        self.num_features = count(type(self).__name__, "num_features", num_features)
        self.eps, self.momentum, self.affine, self.track_running_stats = eps, momentum, affine, track
        wanted = self._set_affine(num_features, affine, affine, device, dtype)
        self.running_mean = Buffer(np.zeros(num_features, wanted)) if track else None
        self.running_var = Buffer(np.ones(num_features, wanted)) if track else None
        self.num_batches_tracked = Buffer(np.array(0, np.int64)) if track else None

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, no batch seen."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                buffer._memory()[...] = value
                buffer._changed()

    def _check(self, x: Tensor) -> None:
        if x.ndim not in self.ranks:
            ranks = " or ".join(str(rank) for rank in self.ranks)
            raise ValueError(f"{type(self).__name__}: x must have {ranks} dimensions, got shape {x.shape}")

    def _share(self) -> float:
        """The weight of this batch in the running statistics; counts it."""
        if self.num_batches_tracked is None:
            return 0.0 if self.momentum is None else self.momentum
        self.num_batches_tracked._memory()[...] += 1
        self.num_batches_tracked._changed()
        return 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self._set_up(num_features, eps, momentum, affine, track_running_stats, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x. In training the running statistics move."""
        self._check(x)
        training = self.training or self.running_mean is None
        share = self._share() if self.training else 0.0
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training, share, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of [n, num_features] or [n, num_features, l]; parameters as for `BatchNorm2d`."""

    ranks = 2, 3


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of [n, num_features, h, w].

    Parameters
    ----------
    num_features : channels.
    eps : added to the variance.
    momentum : share of a batch in the running statistics; None makes them the mean over all batches.
    affine : whether there are weight and bias.
    track_running_stats : whether there are running statistics; without, evaluation uses the batch's.
    dtype : of the parameters, float32 or float64.

    Attributes
    ----------
    weight, bias : [num_features], 1 and 0 at first, or None.
    running_mean, running_var, num_batches_tracked : state that is saved with the model, or None.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> layer = nn.BatchNorm2d(3)
    >>> layer(np.ones((2, 3, 4, 4), dtype=np.float32)).shape
    (2, 3, 4, 4)
    >>> list(layer.state_dict())
    ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of [n, num_features, d, h, w]; parameters as for `BatchNorm2d`."""

    ranks = (5,)


class _InstanceNorm(ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self._set_up(num_features, eps, momentum, affine, track_running_stats, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        self._check(x)
        own = self.training or not self.track_running_stats
        share = 0.0 if self.momentum is None or not self.training else self.momentum  # counts no batches, as PyTorch's
        return F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, own, share, self.eps
        )


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of [n, num_features, l]; parameters as for `BatchNorm2d`, of which PyTorch's defaults
    leave out weight, bias and running statistics."""

    ranks = (3,)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of [n, num_features, h, w]; parameters as for `InstanceNorm1d`."""

    ranks = (4,)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of [n, num_features, d, h, w]; parameters as for `InstanceNorm1d`."""

    ranks = (5,)


class LayerNorm(_Affine):
    """Normalisation over the last dimensions.

    Parameters
    ----------
    normalized_shape : int or sizes of the last dimensions.
    eps : added to the variance.
    elementwise_affine : whether there is a weight, one for each element.
    bias : whether there is a bias too.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.LayerNorm(4)(np.ones((2, 3, 4), dtype=np.float32)).shape
    (2, 3, 4)
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        self.normalized_shape = tuple(count("LayerNorm", "normalized_shape", size) for size in sizes)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._set_affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """Normalisation over groups of channels of each sample.

    Parameters
    ----------
    num_groups : divides num_channels.
    num_channels : channels.
    eps : added to the variance.
    affine : whether there are weight and bias.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.GroupNorm(2, 6)(np.ones((2, 6, 4), dtype=np.float32)).shape
    (2, 6, 4)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_groups = count("GroupNorm", "num_groups", num_groups)
        self.num_channels = count("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels ({num_channels}) must be a multiple of num_groups ({num_groups})"
            )
        self.eps, self.affine = eps, affine
        self._set_affine(num_channels, affine, affine, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class LocalResponseNorm(Module):
    """x divided by a power of the squares of its neighbour channels, see `fastnn.ops.local_response_norm`.

    Parameters
    ----------
    size : number of neighbour channels.
    alpha, beta, k : factor, exponent and constant of the divisor.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size = count("LocalResponseNorm", "size", size)
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
