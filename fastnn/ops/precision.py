"""How much accuracy float32 kernels may trade for speed."""

from fastnn import _kernels

__all__ = ["get_precision", "set_precision"]

_MODES = ("default", "strict", "tf32")
_state = {"precision": "default"}


def set_precision(precision: str) -> None:
    """Set what float32 kernels may do, for the whole process.

    Parameters
    ----------
    precision : "default" or "strict"
        "default" allows every algorithm whose error bounds are documented, Winograd's convolution among them (largest
        error 2e-5 of the rms of the result); "strict" only direct sums (3e-6). Packed weights follow at their next
        call. "tf32" is for kernels on tensor cores, which this version lacks.

    Raises
    ------
    ValueError
        If `precision` is no such mode.
    NotImplementedError
        For "tf32".

    Examples
    --------
    >>> from fastnn import set_precision
    >>> set_precision("default")
    """
    if precision not in _MODES:
        raise ValueError(f"set_precision: unknown precision {precision!r}; known are {', '.join(_MODES)}")
    if precision == "tf32":
        raise NotImplementedError("set_precision: 'tf32' needs kernels on tensor cores, which this version lacks")
    _kernels.set_strict(precision == "strict")
    _state["precision"] = precision


def get_precision() -> str:
    """The mode set by `set_precision`.

    >>> get_precision()
    'default'
    """
    return _state["precision"]
