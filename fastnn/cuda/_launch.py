"""Compiling and launching: one `Kernel` for each factory and its constants, configurations remembered.

A factory of `fastnn.cuda.kernels` returns (function, types of its arguments); what it closes over are compile-time
constants. Arguments are pointers and numbers only: an array object costs the launch several parameters, a pointer one.
"""

import importlib
import threading
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

from fastnn.cuda._cuda import SIMULATED, cuda, signature

THREADS = 8 if SIMULATED else 256  # of a block, where a kernel leaves it open; the simulator starts one of its own each
FAMILIES = (  # the modules of `kernels`
    "activation", "boxes", "conv", "dropout", "gemm", "im2col", "loss", "norm", "norm_rows", "pool", "rnn", "roi",
    "roi_pool", "softmax", "update",
)  # fmt: skip

_lock = threading.RLock()


class Kernel:
    """A compiled kernel: ``kernel(grid, block, stream, *arguments)``."""

    def __init__(self, function: Any, types: tuple[str, ...], options: dict[str, Any]) -> None:
        self.function, self.types, self.options = function, types, options
        self._compiled: dict[int, Any] = {}  # by device
        self._configured: dict[tuple[Any, ...], Any] = {}

    @property
    def signature(self) -> Any:
        return signature(self.types)

    def compiled(self, device: int) -> Any:
        """The dispatcher, compiled for the current device's architecture or read from the disk cache."""
        found = self._compiled.get(device)
        if found is None:
            with _lock:
                if SIMULATED:
                    found = cuda.jit(self.function)
                else:
                    found = cuda.jit(self.signature, cache=True, **self.options)(self.function)
                self._compiled[device] = found
        return found

    def __call__(self, grid: Any, block: Any, place: Any, *arguments: Any) -> None:
        device, stream = place
        key = grid, block, device, stream
        configured = self._configured.get(key)
        if configured is None or SIMULATED:
            if len(self._configured) > 512:  # batches of ever new sizes
                self._configured.clear()
            with on_device(device):
                configured = self.compiled(device)[grid, block, stream_of(device, stream)]
            self._configured[key] = configured
        if _several():
            with on_device(device):
                configured(*arguments)
        else:
            configured(*arguments)


@lru_cache(maxsize=1)
def _several() -> bool:
    """Whether another device than an array's may be the current one."""
    return not SIMULATED and len(cuda.gpus) > 1


def on_device(device: int) -> Any:
    """A context in which this device is the current one."""
    return cuda.gpus[device] if _several() else nullcontext()


@lru_cache(maxsize=64)
def stream_of(device: int, handle: int) -> Any:
    """The stream behind a raw handle, as Numba takes it."""
    return 0 if SIMULATED or not handle else cuda.external_stream(handle)


@lru_cache(maxsize=1024)
def build(factory: Any, *constants: Any) -> Kernel:
    """The kernel of a factory with these constants."""
    function, types, *options = factory(*constants)
    return Kernel(function, tuple(types), options[0] if options else {})


def run(kernel: Kernel, count: int, like: Any, *arguments: Any) -> None:
    """Launch with one thread for each of `count` elements, on the device and stream of the array `like`."""
    if count:
        kernel((count + THREADS - 1) // THREADS, THREADS, like.place, *arguments)


def configurations(families: tuple[str, ...] = ()) -> list[tuple[Any, tuple[Any, ...]]]:
    """(factory, constants) of the kernels of these families: what `warmup` and the compile tests go through."""
    unknown = set(families) - set(FAMILIES)
    if unknown:
        raise ValueError(f"warmup: unknown families {sorted(unknown)}; known are {', '.join(FAMILIES)}")
    found = []
    for family in families or FAMILIES:
        found += importlib.import_module(f"fastnn.cuda.kernels.{family}").CONFIGURATIONS
    return found


def compile_all(families: tuple[str, ...], dtype: str) -> int:
    """Compile for the current device what `configurations` lists for a dtype."""
    from fastnn.cuda._arrays import current_device

    real = {"float32": "f32", "float64": "f64", "float16": "f16"}.get(dtype)
    if real is None:
        raise ValueError(f"warmup: dtype must be float32, float64 or float16, got {dtype}")
    chosen = [(factory, constants) for factory, constants in configurations(families) if real in constants]
    for factory, constants in chosen:
        build(factory, *constants).compiled(current_device())
    return len(chosen)
