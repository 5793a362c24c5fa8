"""Images in one sub-folder per class."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

PathLike = str | os.PathLike[str]
_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


class ImageFolder:
    """The images below a folder, decoded when asked for; each sub-folder is a class. Needs Pillow.

    ``images[rows]`` gives uint8 [n, c, h, w] for a slice, a list or an array of rows, and [c, h, w] for one
    number, so an object of this class can be the `x` of `train.DataLoader`, with `labels` as `y`.

    Parameters
    ----------
    folder : its sub-folders, in the order of their names, are the classes; hidden ones are passed over.
    size : (h, w), or one number for both, to which images are resized (bilinear); None leaves them, and then
        those of a batch must agree.
    mode : "RGB" for three channels or "L" for one; images of other modes are converted.

    Attributes
    ----------
    classes : names of the sub-folders.
    labels : int64 [n], indices into `classes`.
    paths : files [n], by class and then by name.

    Raises
    ------
    ValueError
        For a folder without classes or images, for files that are no images, and images of unequal sizes.
    ImportError
        Where Pillow is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> from PIL import Image
    >>> folder = tempfile.mkdtemp()
    >>> os.mkdir(os.path.join(folder, "cat"))
    >>> Image.new("RGB", (8, 6)).save(os.path.join(folder, "cat", "1.png"))
    >>> images = ImageFolder(folder, size=4)
    >>> images.classes, images.labels.tolist(), images[:].shape
    (['cat'], [0], (1, 3, 4, 4))
    """

    def __init__(self, folder: PathLike, size: int | tuple[int, int] | None = None, mode: str = "RGB") -> None:
        if mode not in ("RGB", "L"):
            raise ValueError(f'ImageFolder: mode must be "RGB" or "L", is {mode!r}')
        _pillow()
        self._size = (size, size) if isinstance(size, int) else size
        if self._size is not None and (len(self._size) != 2 or min(self._size) < 1):
            raise ValueError(f"ImageFolder: size must be two positive numbers, is {size}")
        self._mode = mode
        with os.scandir(folder) as entries:
            self.classes = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
        self.paths: list[str] = []
        labels: list[int] = []
        for label, name in enumerate(self.classes):
            inside = os.path.join(folder, name)
            found = sorted(f for f in os.listdir(inside) if f.lower().endswith(_SUFFIXES) and f[0] != ".")
            self.paths += [os.path.join(inside, file) for file in found]
            labels += [label] * len(found)
        if not labels:
            raise ValueError(f"ImageFolder: {os.fspath(folder)} has no sub-folders with images")
        self.labels: NDArray[np.int64] = np.array(labels, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        index = np.arange(len(self.paths))[rows]
        if index.ndim == 0:
            return self._decode(self.paths[int(index)])
        images = [self._decode(self.paths[i]) for i in index.tolist()]
        shapes = sorted({image.shape for image in images})
        if len(shapes) != 1:
            raise ValueError(f"ImageFolder: a batch needs images of one size (or give size=), got {shapes[:4]}")
        return np.stack(images)

    def _decode(self, path: str) -> NDArray[np.uint8]:
        pillow = _pillow()
        try:
            with pillow.open(path) as image:
                converted = image.convert(self._mode)
                if self._size is not None:
                    converted = converted.resize(self._size[::-1], pillow.Resampling.BILINEAR)
                pixels = np.asarray(converted)
        except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as error:
            raise ValueError(f"ImageFolder: {path}: {error}") from None
        return np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ImportError('images need Pillow: pip install "fastnn-kernels[viz]"') from None
    return Image
