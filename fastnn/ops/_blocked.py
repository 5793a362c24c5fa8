"""Images in the kernels' own layout, NCHW16c: [N][ceil(C / 16)][H][W][16]."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._checks import F32, F64, as_array, new_array
from fastnn.ops._shapes import image_shape

__all__ = ["Blocked", "blocked"]

BLOCK = 16  # channels of one block; FNN_BLOCK in csrc/internal.h

NCHW, BLOCKED, NHWC = 0, 1, 2  # fnn_layout


class Blocked:
    """A handle on an image [N, C, H, W] stored in blocks of 16 channels, made by `fastnn.blocked`.

    Ops given a Blocked image return one, so chained layers never convert between layouts. `numpy.asarray(image)` or
    `image.numpy()` gives a plain NCHW copy.

    Attributes
    ----------
    shape : tuple of int
        (N, C, H, W), as a plain array's.
    data : numpy.ndarray
        [N, ceil(C / 16), H, W, 16], float32 or float64. Lanes beyond C are zero and must stay zero.

    Examples
    --------
    >>> import numpy as np, fastnn
    >>> image = fastnn.blocked(np.ones((1, 3, 4, 4), np.float32))
    >>> image.shape, image.data.shape
    ((1, 3, 4, 4), (1, 1, 4, 4, 16))
    """

    __slots__ = ("data", "shape")

    def __init__(self, data: np.ndarray, shape: tuple[int, int, int, int]) -> None:
        n, c, h, w = shape
        if data.shape != (n, -(-c // BLOCK), h, w, BLOCK):
            raise ValueError(f"Blocked: data of shape {data.shape} cannot hold an image of shape {shape}")
        self.data = data
        self.shape = shape

    @classmethod
    def empty(cls, shape: tuple[int, int, int, int], dtype: Any) -> "Blocked":
        """An uninitialised image of float32 or float64, to be written by an op as its `out`."""
        wanted = np.dtype(dtype) if dtype is not None else None  # None is float64 to NumPy
        if wanted is None or wanted not in (F32, F64) or not wanted.isnative:
            raise TypeError(f"Blocked: dtype must be float32 or float64, got {dtype}")
        return new_image(image_shape("Blocked", "shape", shape), F32 if wanted == F32 else F64)

    @classmethod
    def zeros(cls, shape: tuple[int, int, int, int], dtype: Any) -> "Blocked":
        """An image of zeros."""
        image = cls.empty(shape, dtype)
        image.data.fill(0)
        return image

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """Always 4."""
        return 4

    @property
    def size(self) -> int:
        """Elements of the image, padding lanes not counted."""
        n, c, h, w = self.shape
        return n * c * h * w

    @property
    def nbytes(self) -> int:
        """Bytes held, padding lanes included."""
        return self.data.nbytes

    def numpy(self) -> np.ndarray:
        """A plain array [N, C, H, W]."""
        plain = new_array(self.shape, self.data.dtype)
        _kernels.unblock(as_array("Blocked", "data", self.data), plain, *self.shape)
        return plain

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Blocked: a plain array of it is always a copy")
        plain = self.numpy()
        return plain if dtype is None else plain.astype(dtype, copy=False)

    def __dlpack__(self, **arguments: Any) -> Any:
        if arguments.get("copy") is False:
            raise BufferError("Blocked: a plain array of it is always a copy")
        return self.numpy().__dlpack__(**{k: v for k, v in arguments.items() if k != "copy"})

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.data.__dlpack_device__()

    def __len__(self) -> int:
        return self.shape[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return Blocked, (self.data, self.shape)

    def __repr__(self) -> str:
        return f"Blocked(shape={self.shape}, dtype={self.dtype})"


def new_image(shape: tuple[int, ...], dtype: np.dtype) -> Blocked:
    """An uninitialised image of a shape and dtype that are known to be good."""
    image = object.__new__(Blocked)
    n, c, h, w = shape
    image.data = new_array((n, -(-c // BLOCK), h, w, BLOCK), dtype)
    image.shape = n, c, h, w
    return image


def blocked(x: Any) -> Blocked:
    """An image in the kernels' own layout; a Blocked image is returned as it is.

    Parameters
    ----------
    x : array [N, C, H, W], float32 or float64

    Returns
    -------
    Blocked

    Raises
    ------
    ValueError, TypeError
        If `x` has another rank or dtype.

    Examples
    --------
    >>> import numpy as np, fastnn
    >>> x = np.random.rand(2, 20, 5, 5).astype(np.float32)
    >>> bool((np.asarray(fastnn.blocked(x)) == x).all())
    True
    """
    if isinstance(x, Blocked):
        return x
    array = as_array("blocked", "x", x)
    if array.ndim != 4:
        raise ValueError(f"blocked: x must have 4 dimensions [N, C, H, W], got shape {array.shape}")
    image = new_image(array.shape, array.dtype)
    _kernels.block(array, image.data, *array.shape)
    return image


def channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the NHWC array of an image [N, C, ...]."""
    return (shape[0], *shape[2:], shape[1])


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The inverse of `channels_last`."""
    return (shape[0], shape[-1], *shape[1:-1])


def image_argument(op: str, name: str, x: Any, layout: int = NCHW) -> tuple[np.ndarray, int, tuple[int, ...]]:
    """(data, layout, shape [N, C, ...]) of an image argument, plain (in `layout`) or Blocked."""
    if layout == NHWC:
        if type(x) is Blocked:
            raise TypeError(f"{op}: {name} is Blocked, which has a layout of its own; layout='NHWC' takes plain arrays")
        array = as_array(op, name, x)
        return array, NHWC, channels_first(array.shape) if array.ndim > 2 else array.shape
    if type(x) is Blocked:
        if (x.data.dtype is not F32 and x.data.dtype is not F64) or not x.data.flags.c_contiguous:
            raise TypeError(f"{op}: {name}.data must be a contiguous float32 or float64 array")
        return x.data, BLOCKED, x.shape
    array = as_array(op, name, x)
    return array, NCHW, array.shape


def image_result(layout: int, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Any, np.ndarray]:
    """A new image of the given kind: (what the caller gets, the data that the kernel writes)."""
    if layout == BLOCKED:
        image = new_image(shape, dtype)
        return image, image.data
    array = new_array(channels_last(shape) if layout == NHWC else shape, dtype)
    return array, array
