"""Cells and columns of text tables."""

from __future__ import annotations


def number(value: float | None, digits: int = 2) -> str:
    """Return the number with so many digits, "-" for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """Return a percentage, "-" for None."""
    return "-" if value is None else f"{value:.0%}"


def align(lines: list[list[str]], left: int = 1) -> list[str]:
    """Pad cells to columns; the first ``left`` columns to the left, the rest to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
