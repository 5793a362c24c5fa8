"""Which instruction set the float32 kernels use. ``FASTNN_ISA=scalar|avx2|avx512|neon`` forces one at import."""

import os

from fastnn import _kernels

__all__ = ["active", "available", "use"]

_NAMES = ("scalar", "neon", "avx2", "avx512")


def available() -> list[str]:
    """Instruction sets that this build has and this processor can run, the slowest first.

    >>> "scalar" in available()
    True
    """
    return [name for name in _NAMES if _kernels.has_isa(name)]


def active() -> str:
    """The instruction set in use.

    >>> active() in available()
    True
    """
    return _kernels.active_isa()


def use(name: str) -> None:
    """Use the kernels of instruction set `name` from now on, in all threads. Not while a call is under way.

    Raises
    ------
    ValueError
        If fastnn has no such instruction set or this processor lacks it.

    >>> use(active())
    """
    if name not in _NAMES:
        raise ValueError(f"cpu.use: unknown instruction set {name!r}; known are {', '.join(_NAMES)}")
    if not _kernels.use_isa(name):
        raise ValueError(f"cpu.use: {name!r} cannot run here; available are {', '.join(available())}")


def _apply_environment() -> None:
    name = os.environ.get("FASTNN_ISA", "")
    if name:
        try:
            use(name)
        except ValueError as error:
            raise ValueError(f"FASTNN_ISA={name}: {error}") from None


_apply_environment()
