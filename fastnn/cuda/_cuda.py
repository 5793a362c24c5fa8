"""The hub: the one module that imports Numba. Kernels take `cuda` and the words below from here.

On a GPU the words are intrinsics, in Numba's simulator (NUMBA_ENABLE_CUDASIM=1) Python functions of the same meaning.
Kernels name types by short strings: "f32", "f16*", "i32", ... (see `numba_type`).
"""

# mypy: disable-error-code="import-untyped,import-not-found,no-redef,attr-defined,assignment"

import os
import warnings
from typing import Any

import numpy as np

os.environ.setdefault("NUMBA_CUDA_LOW_OCCUPANCY_WARNINGS", "0")  # small inputs make small grids


def _import_numba() -> Any:
    """`numba.cuda`. numba-cuda 0.30 asks NumPy for row_stack, which NumPy 2.5 lacks: it is lent for the import."""
    lent = not hasattr(np, "row_stack")
    if lent:
        setattr(np, "row_stack", np.vstack)  # noqa: B010
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from numba import config, cuda

            if not config.ENABLE_CUDASIM:
                import numba.cuda.np.arrayobj  # noqa: F401  (asks for it)
    finally:
        if lent:
            delattr(np, "row_stack")
    return cuda, bool(config.ENABLE_CUDASIM)


cuda, SIMULATED = _import_numba()

NAMES = {
    np.dtype(np.float32): "f32",
    np.dtype(np.float64): "f64",
    np.dtype(np.float16): "f16",
    np.dtype(np.int32): "i32",
    np.dtype(np.int64): "i64",
    np.dtype(np.uint8): "u8",
}
SCALARS: dict[str, Any] = {name: dtype.type for dtype, name in NAMES.items()}


def real_of(real: str) -> Any:
    """The NumPy scalar type of a kernel's arrays: calling it rounds to that type, in kernels too."""
    return SCALARS[real]


def wide_of(real: str) -> Any:
    """The type that a kernel computes in: float32 for arrays of float16."""
    return SCALARS["f64" if real == "f64" else "f32"]


def numba_type(name: str) -> Any:
    """ "f32" -> float32, "f32*" -> pointer to float32."""
    from numba.cuda import types

    known = {"f32": types.float32, "f64": types.float64, "f16": types.float16, "i32": types.int32, "i64": types.int64,
             "u8": types.uint8}  # fmt: skip
    return types.CPointer(known[name[:-1]]) if name.endswith("*") else known[name]


def signature(names: tuple[str, ...]) -> Any:
    """The signature of a kernel whose arguments have these types."""
    from numba.cuda import types

    return types.void(*map(numba_type, names))


if SIMULATED:
    from fastnn.cuda._simulated import barrier, erf, exp, expm1, helper, log, log1p, product, tanh, udiv
else:
    from fastnn.cuda._intrinsics import barrier, erf, exp, expm1, helper, log, log1p, product, tanh, udiv

__all__ = [
    "NAMES",
    "SCALARS",
    "SIMULATED",
    "barrier",
    "cuda",
    "erf",
    "exp",
    "expm1",
    "helper",
    "log",
    "log1p",
    "numba_type",
    "product",
    "real_of",
    "signature",
    "tanh",
    "udiv",
    "wide_of",
]
