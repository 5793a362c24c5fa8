"""The result of an op on images: where the kernel writes and what the caller gets, with or without `out`."""

from typing import Any

import numpy as np

from fastnn.ops._blocked import BLOCKED, NCHW, NHWC, Blocked, channels_last, image_result
from fastnn.ops._checks import check_out, finish_out


class ImageOut:
    """`data` in `layout` is for the kernel; `finish()` is the result. The kind is that of `out`, else the input's."""

    __slots__ = ("data", "layout", "out", "result")

    def __init__(
        self, op: str, out: Any, layout: int, shape: tuple[int, ...], dtype: np.dtype, *inputs: Any
    ) -> None:
        self.layout = layout
        self.out = None
        if out is None:
            self.result, self.data = image_result(layout, shape, dtype)
        elif layout == NHWC:
            self.data = check_out(op, out, channels_last(shape), dtype, *inputs)
            self.out = out
        elif type(out) is Blocked:
            if out.shape != shape:
                raise ValueError(f"{op}: out has shape {out.shape}, expected {shape}")
            self.layout = BLOCKED
            self.data = check_out(op, out.data, out.data.shape, dtype, *inputs)
            if self.data is not out.data:
                raise ValueError(f"{op}: out.data is not contiguous")
            self.result = out
        else:
            self.layout = NCHW
            self.data = check_out(op, out, shape, dtype, *inputs)
            self.out = out

    def finish(self) -> Any:
        return self.result if self.out is None else finish_out(self.out, self.data)
