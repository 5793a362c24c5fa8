"""Numba twins of `fastnn._kernels` for NVIDIA GPUs; imported when the first GPU array goes into `fastnn.ops`.

How a call travels::

    fastnn/ops/_backend.py      notices a GPU array and hands the call over
    fastnn/ops/_gpu/pool.py     checks and shapes, as fastnn/ops/pool.py does for NumPy arrays
    fastnn/cuda/pool.py         chooses kernels, grids and tiles; launches on the caller's stream
    fastnn/cuda/kernels/pool.py the kernels: factories of pure functions, constants closed over

`_cuda` is the only module that imports Numba: it chooses between GPU and simulator and holds the few words that Numba
lacks. `_arrays` knows the libraries whose arrays come in and allocates with them; `_launch` compiles and launches.
Results are the caller's kind of array, computed on its current stream without a copy through the host.
"""

import importlib.util
import os
from typing import Any

__all__ = ["is_available", "warmup"]

INSTALL = 'pip install "fastnn-kernels[cuda]"'


def is_available() -> bool:
    """Whether GPU arrays can be computed on: Numba is installed and finds a device (or is told to simulate one).

    >>> import fastnn.cuda
    >>> fastnn.cuda.is_available() in (True, False)
    True
    """
    return missing() is None


def missing() -> str | None:
    """What keeps GPU arrays from being computed on, and what to do about it; None where nothing does."""
    simulated = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
    if importlib.util.find_spec("numba") is None or not (simulated or importlib.util.find_spec("numba_cuda")):
        return f"GPU arrays need Numba's CUDA target, which is not installed: {INSTALL}"
    if simulated:
        return None
    from fastnn.cuda._cuda import cuda

    if not cuda.is_available():
        return "GPU arrays need an NVIDIA GPU and its driver, and Numba finds none (`python -m numba -s` says why)"
    return None


def warmup(*families: str, dtype: Any = "float32") -> int:
    """Compile the kernels of these families (default: all) for the current device, and keep them on disk.

    Returns
    -------
    How many configurations are ready. Kernels whose constants depend on a layer's geometry (windows of poolings) are
    compiled when they are first met.

    Raises
    ------
    RuntimeError
        Without a GPU or without Numba; the message says what is missing.
    """
    reason = missing()
    if reason:
        raise RuntimeError(f"warmup: {reason}")
    from fastnn.cuda import _launch

    return _launch.compile_all(families, str(dtype))
