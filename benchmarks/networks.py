"""The layers of real networks, read from ``shapes/*.txt``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from .cases import PER_AXIS, ConvCase

SHAPES = Path(__file__).parent / "shapes"
NEEDED = ("name", "c", "oc", "size", "kernel")
OPTIONAL = ("stride", "padding", "dilation", "groups", "transposed", "output_padding", "count")


def load(net: str, batch: int = 1) -> list[ConvCase]:
    """Read ``shapes/<net>.txt``: comments, a header line that names the columns, then one layer per line.

    A column per axis holds ``3x5`` or one number for all axes; padding ``2:0`` is two before and none after. Columns
    that the header leaves out have the defaults of `ConvCase`.

    Raises
    ------
    ValueError
        If there is no such file, or a line does not fit its header (the message names file and line).
    """
    path = SHAPES / f"{net}.txt"
    if not path.exists():
        raise ValueError(f"benchmarks: no network {net!r}; known: {', '.join(networks())}")
    header: list[str] = []
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if not header:
            header = words
            if set(NEEDED) - set(header) or set(header) - {*NEEDED, *OPTIONAL}:
                raise ValueError(
                    f"{path.name}:{number}: columns are {header}; needed {list(NEEDED)}, possible {list(OPTIONAL)}"
                )
            continue
        if len(words) != len(header):
            raise ValueError(f"{path.name}:{number}: {len(words)} values for {len(header)} columns")
        try:
            row = {key: _value(key, word) for key, word in zip(header, words, strict=True)}
            cases.append(ConvCase(batch=batch, **row))
        except ValueError as error:
            raise ValueError(f"{path.name}:{number}: {error}") from None
    return cases


def _value(column: str, word: str):
    if column == "name":
        return word
    if column == "padding":
        return tuple(_sides(side) for side in word.split("x"))
    if column in PER_AXIS:
        return tuple(int(number) for number in word.split("x"))
    return bool(int(word)) if column == "transposed" else int(word)


def _sides(word: str) -> tuple[int, int]:
    before, _, after = word.partition(":")
    return int(before), int(after or before)


def networks() -> list[str]:
    """Names of the networks that have a shape file."""
    return sorted(path.stem for path in SHAPES.glob("*.txt"))


def select(cases: list[ConvCase], patterns: str | None) -> list[ConvCase]:
    """Keep the cases whose name or kind fits one of the comma-separated shell patterns."""
    return [case for case in cases if fits(case, patterns.split(","))] if patterns else cases


def fits(case: ConvCase, patterns: list[str] | tuple[str, ...]) -> bool:
    """Tell whether the case's name or kind fits one of the shell patterns."""
    return any(fnmatchcase(text, pattern) for text in (case.name, case.kind) for pattern in patterns)
