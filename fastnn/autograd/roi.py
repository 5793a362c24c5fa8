"""RoI pooling and RoI align on the tape. Gradients go to the images, not to the boxes. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def _plain_boxes(boxes: Any) -> Any:
    """Tensors of boxes as their arrays."""
    if isinstance(boxes, Tensor):
        return boxes.data
    if isinstance(boxes, (list, tuple)):
        return [part.data if isinstance(part, Tensor) else part for part in boxes]
    return boxes


def roi_pool(x: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Tensor:
    """Maximum over the bins of boxes; the recorded form of `fastnn.ops.roi_pool`.

    Parameters
    ----------
    x : [n, c, h, w], plain or Blocked.
    boxes : [k, 5] with the image's index first, or a list with [l, 4] for each image; no gradient goes to them.
    output_size, spatial_scale : as in `fastnn.ops.roi_pool`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, roi_pool
    >>> x = Tensor([[[[1.0, 2.0], [4.0, 3.0]]]], requires_grad=True)
    >>> roi_pool(x, Tensor([[0.0, 0.0, 0.0, 1.0, 1.0]]), 1).backward()
    >>> x.grad.numpy().ravel().tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    x, boxes = as_tensor(x), _plain_boxes(boxes)
    xd = x.data
    y = ops.roi_pool(xd, boxes, output_size, spatial_scale)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.roi_pool_grad_input(gy, xd, y, boxes, spatial_scale),)

    return record(y, (x,), backward, (x,), saves_result=True)


def roi_align(
    x: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """Mean of bilinear samples of the bins of boxes; the recorded form of `fastnn.ops.roi_align`.

    Parameters
    ----------
    x : [n, c, h, w], plain or Blocked.
    boxes : [k, 5] with the image's index first, or a list with [l, 4] for each image; no gradient goes to them.
    output_size, spatial_scale, sampling_ratio, aligned : as in `fastnn.ops.roi_align`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, roi_align
    >>> x = Tensor([[[[1.0, 2.0], [4.0, 3.0]]]], requires_grad=True)
    >>> roi_align(x, Tensor([[0.0, 0.0, 0.0, 1.0, 1.0]]), 1, sampling_ratio=1).backward()
    >>> x.grad.numpy().ravel().tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    x, boxes = as_tensor(x), _plain_boxes(boxes)
    shape = x.data.shape
    sampling = spatial_scale, sampling_ratio, aligned
    y = ops.roi_align(x.data, boxes, output_size, *sampling)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.roi_align_grad_input(gy, boxes, shape, *sampling),)

    return record(y, (x,), backward)
