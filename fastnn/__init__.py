"""fastnn: convolution and training kernels in a small wheel that needs nothing but NumPy.

The storeys, from the top; each uses only those below it::

    fastnn.models     classic networks               fastnn.viz   drawings of arrays
    fastnn.train      optimisers, the loop, checkpoints
    fastnn.nn         layers: objects with parameters
    fastnn.autograd   Tensor, the tape, the differentiable form of each op
    fastnn.ops        functions on arrays: check -> shape -> kernel -> array
    fastnn._kernels   Cython: marshals buffers, releases the GIL
    csrc              C kernels, one body each, compiled per instruction set; thread pool; dispatch

`fastnn.ops` is the functional API (names of `torch.nn.functional`); `fastnn.cpu` inspects and forces the instruction
set; `fastnn.blocked` keeps images in the kernels' own layout between ops.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

from fastnn import cpu, ops
from fastnn._info import get_include, show_versions
from fastnn._threads import get_num_threads, num_threads, set_num_threads
from fastnn.ops import Blocked, blocked, explain, set_precision
from fastnn.summary import Summary, summary
from fastnn.weights import load

__version__ = "0.1.0"

__all__ = [
    "Blocked",
    "Summary",
    "__version__",
    "autograd",
    "blocked",
    "cpu",
    "datasets",
    "explain",
    "get_include",
    "get_num_threads",
    "load",
    "models",
    "nn",
    "num_threads",
    "ops",
    "set_num_threads",
    "set_precision",
    "show_versions",
    "summary",
    "train",
    "viz",
]

_LAZY = {"autograd", "datasets", "models", "nn", "train", "viz"}


def __getattr__(name: str) -> _Any:
    if name in _LAZY:
        return _import_module(f"fastnn.{name}")
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
