"""The bar chart of a convolution run."""

from __future__ import annotations

import importlib.util
from typing import Any

from .render import listed


def check(path: str) -> None:
    """Fail before minutes of measuring where the chart could not be drawn at their end.

    Raises
    ------
    ValueError
        If matplotlib is not installed, or the file name has another ending than .png or .svg.
    """
    if not path.lower().endswith((".png", ".svg")):
        raise ValueError(f"benchmarks: --plot writes .png or .svg, not {path}")
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError(
            "benchmarks: --plot needs matplotlib, which is not installed; the extras viz and bench have it"
        )


def bar_chart(result: dict[str, Any], path: str) -> None:
    """Draw GFLOP/s of every peer on every layer, and the FMA peak as a line, into a PNG or SVG file."""
    _figure(result).savefig(path, dpi=150)


def _figure(result: dict[str, Any]):
    from matplotlib.figure import Figure

    rows, about = result["rows"], result["about"]
    peers = [name for name in about["versions"] if any(row["peers"][name]["ms"] for row in rows)]
    figure = Figure(figsize=(max(8.0, 1.5 + 0.13 * len(rows) * (len(peers) + 2)), 5.0), layout="constrained")
    axes = figure.subplots()
    width = 0.86 / max(1, len(peers))
    for number, name in enumerate(peers):
        times = [row["peers"][name]["ms"] for row in rows]
        heights = [2e-6 * row["macs"] / ms if ms else 0.0 for row, ms in zip(rows, times, strict=True)]
        left = [i - 0.43 + (number + 0.5) * width for i in range(len(rows))]
        axes.bar(left, heights, width, label=name, color=_colour(name, peers))
    for threads, limits in about["limits"].items():
        if limits["peak_gflops"]:
            label = "FMA peak" + (f", {threads} threads" if len(about["limits"]) > 1 else "")
            axes.axhline(limits["peak_gflops"], color="black", linewidth=0.8, linestyle="--", label=label)
    axes.set_xticks(range(len(rows)), [_label(row, about) for row in rows], rotation=60, ha="right")
    axes.tick_params(axis="x", labelsize=7)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.set_ylabel("GFLOP/s, multiply-adds of the direct algorithm")
    axes.set_title(
        f"{about['net']}, batch {listed(about['batch'])}, {listed(about['threads'])} threads, float32; "
        f"{about['machine']}, {about['date'][:10]}",
        fontsize=9,
    )
    axes.grid(axis="y", linewidth=0.3)
    axes.legend(
        fontsize=7,
        ncols=min(6, len(peers) + 1),
        loc="lower center",
        bbox_to_anchor=(0.5, 1.06),
        frameon=False,
    )
    return figure


def _label(row: dict[str, Any], about: dict[str, Any]) -> str:
    """The layer, and what tells its bar from others of the same layer."""
    more = [f"{word} {row[key]}" for key, word in (("batch", "batch"), ("threads", "threads")) if len(about[key]) > 1]
    return "\n".join([row["name"], " ".join([row["shape"], *more])])


def _colour(name: str, peers: list[str]):
    """Shades of one hue for the variants of a library, so that libraries are told apart first."""
    from matplotlib import colormaps

    families = list(dict.fromkeys(peer.split(":")[0] for peer in peers))
    family = name.split(":")[0]
    variants = [peer for peer in peers if peer.split(":")[0] == family]
    red, green, blue, _ = colormaps["tab10"](families.index(family) % 10)
    lighter = 0.65 * variants.index(name) / max(1, len(variants))
    return tuple(part + (1 - part) * lighter for part in (red, green, blue))
