"""`fastnn.load`: weights from files of every kind that people have."""

from __future__ import annotations

import os
from typing import Any

from fastnn import _pth


def load(path: str | os.PathLike[str]) -> Any:
    """Read a file of weights, ``.safetensors`` or PyTorch's ``.pth`` / ``.pt``; what it is, its content tells.

    Nothing in a file is executed. Of a PyTorch file only tensors and plain containers (dicts, lists, tuples, numbers,
    text) are read; one that refers to anything else is refused by the name of what it refers to. A model that was saved
    whole has to be saved as ``model.state_dict()`` instead.

    Parameters
    ----------
    path : the file. PyTorch's zip format and the serial one before version 1.6 are both known.

    Returns
    -------
    What was saved, usually name -> array, for ``model.load_state_dict(fastnn.load(path))``. float16 and bfloat16 of
    PyTorch files become float32, as bfloat16 of safetensors does. Arrays of PyTorch files are read-only.

    Raises
    ------
    ValueError
        For a damaged, truncated or hostile file; the message names the file and what is wrong.
    OSError
        Where the file cannot be read.

    Examples
    --------
    >>> import os, tempfile, fastnn
    >>> from fastnn import nn, train
    >>> path = os.path.join(tempfile.mkdtemp(), "layer.safetensors")
    >>> train.save_checkpoint(path, nn.Linear(2, 1))
    >>> nn.Linear(2, 1).load_state_dict(fastnn.load(path))
    IncompatibleKeys(missing_keys=[], unexpected_keys=[])
    """
    with open(path, "rb") as file:
        first = file.read(2)
        if first in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04"):
            file.seek(0)
            try:
                return _pth.read(file)
            except ValueError as error:
                raise ValueError(f"load: {os.fspath(path)}: {error}") from None
    from fastnn.train.checkpoint import load_checkpoint

    return load_checkpoint(path)
