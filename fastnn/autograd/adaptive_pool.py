"""Adaptive pooling on the tape. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd import _pool
from fastnn.autograd.tensor import Tensor
from fastnn.ops._pool import adaptive_params


def adaptive_avg_pool1d(x: Any, output_size: Any) -> Tensor:
    """Mean over windows of a result of this size; the recorded form of `fastnn.ops.adaptive_avg_pool1d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, adaptive_avg_pool1d
    >>> adaptive_avg_pool1d(Tensor([[[1.0, 5.0]]]), 1).item()
    3.0
    """
    return _pool.linear_map(
        x, lambda x: ops.adaptive_avg_pool1d(x, output_size), ops.adaptive_avg_pool1d_grad_input
    )


def adaptive_max_pool1d(
    x: Any, output_size: Any, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """Maximum over windows of a result of this size; the recorded form of `fastnn.ops.adaptive_max_pool1d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, adaptive_max_pool1d
    >>> adaptive_max_pool1d(Tensor([[[1.0, 5.0]]]), 1).item()
    5.0
    """

    def call(x: Any, return_indices: bool) -> Any:
        return ops.adaptive_max_pool1d(x, output_size, return_indices)

    def gradient(gy: Any, x: Any, y: Any, rectified: bool = False) -> Any:
        return _pool.adaptive_gradient("adaptive_max_pool1d", 1, gy, x, y, rectified)

    def geometry(shape: Any) -> Any:
        return adaptive_params("adaptive_max_pool1d", 1, shape, output_size)

    return _pool.max_pool("adaptive_max_pool1d", x, geometry, call, gradient, return_indices)


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Tensor:
    """Mean over windows of a result of this size; the recorded form of `fastnn.ops.adaptive_avg_pool2d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, adaptive_avg_pool2d
    >>> adaptive_avg_pool2d(Tensor([[[[1.0, 2.0], [4.0, 5.0]]]]), 1).item()
    3.0
    """
    return _pool.linear_map(
        x, lambda x: ops.adaptive_avg_pool2d(x, output_size), ops.adaptive_avg_pool2d_grad_input
    )


def adaptive_max_pool2d(
    x: Any, output_size: Any, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """Maximum over windows of a result of this size; the recorded form of `fastnn.ops.adaptive_max_pool2d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, adaptive_max_pool2d
    >>> adaptive_max_pool2d(Tensor([[[[1.0, 2.0], [4.0, 5.0]]]]), 1).item()
    5.0
    """

    def call(x: Any, return_indices: bool) -> Any:
        return ops.adaptive_max_pool2d(x, output_size, return_indices)

    def gradient(gy: Any, x: Any, y: Any, rectified: bool = False) -> Any:
        return _pool.adaptive_gradient("adaptive_max_pool2d", 2, gy, x, y, rectified)

    def geometry(shape: Any) -> Any:
        return adaptive_params("adaptive_max_pool2d", 2, shape, output_size)

    return _pool.max_pool("adaptive_max_pool2d", x, geometry, call, gradient, return_indices)


def adaptive_avg_pool3d(x: Any, output_size: Any) -> Tensor:
    """Mean over windows of a result of this size; the recorded form of `fastnn.ops.adaptive_avg_pool3d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, adaptive_avg_pool3d
    >>> adaptive_avg_pool3d(Tensor([[[[[1.0, 2.0]], [[4.0, 5.0]]]]]), 1).item()
    3.0
    """
    return _pool.linear_map(
        x, lambda x: ops.adaptive_avg_pool3d(x, output_size), ops.adaptive_avg_pool3d_grad_input
    )


def adaptive_max_pool3d(
    x: Any, output_size: Any, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """Maximum over windows of a result of this size; the recorded form of `fastnn.ops.adaptive_max_pool3d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, adaptive_max_pool3d
    >>> adaptive_max_pool3d(Tensor([[[[[1.0, 2.0]], [[4.0, 5.0]]]]]), 1).item()
    5.0
    """

    def call(x: Any, return_indices: bool) -> Any:
        return ops.adaptive_max_pool3d(x, output_size, return_indices)

    def gradient(gy: Any, x: Any, y: Any, rectified: bool = False) -> Any:
        return _pool.adaptive_gradient("adaptive_max_pool3d", 3, gy, x, y, rectified)

    def geometry(shape: Any) -> Any:
        return adaptive_params("adaptive_max_pool3d", 3, shape, output_size)

    return _pool.max_pool("adaptive_max_pool3d", x, geometry, call, gradient, return_indices)
