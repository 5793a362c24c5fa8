"""The text of a result: header, aligned table, geometric means."""

from __future__ import annotations

from typing import Any

from . import op_tables
from .columns import align, number
from .report import FAMILY
from .tables import problems, table
from .train_group import train_table

BUSY = 0.05


def render(result: dict[str, Any]) -> str:
    """Return a result of any group as text."""
    bodies = {"import": _import, "idle": _idle, "overhead": _overhead, "train": train_table}
    body = bodies.get(result["about"]["group"], table)
    body = op_tables.table if "goals" in result else body
    return "\n".join([*_header(result["about"]), "", *body(result)])


def _header(about: dict[str, Any]) -> list[str]:
    what = f"{about['net']}, " if "net" in about else ""
    what += f"batch {listed(about['batch'])}, " if "batch" in about else ""
    isa = f", {about['isa']}" if about["isa"] else ""
    forced = f", fastnn held to {about['algorithm']}" if about["algorithm"] != "auto" else ""
    lines = [
        f"{about['group']}: {what}float32, {listed(about['threads'])} threads{isa}{forced}; {about['date']}",
        f"{about['machine']}, {about['cpus']} CPUs; {about['system']}; Python {about['python']}",
    ]
    versions = {FAMILY[name]: version for name, version in about["versions"].items() if name in FAMILY}
    if versions:
        blas = f" ({about['blas']})" if about["blas"] else ""
        named = (f"{name} {version}{blas if name == 'numpy' else ''}" for name, version in versions.items())
        lines.append(", ".join(named))
    for threads, limits in about.get("limits", {}).items():
        if limits["peak_gflops"]:
            copy = f", copying {limits['copy_gbs']:.1f} GB/s" if limits["copy_gbs"] else ""
            peak = f"FMA peak {limits['peak_gflops']:.1f} GFLOP/s"
            lines.append(f"{peak}{copy} with {threads} threads, measured in this run")
    if (about["other_load"] or 0) > BUSY:
        lines.append(f"NOT RELIABLE: other processes used {about['other_load']:.0%} of the CPUs during this run")
    return lines + [f"{name}: {reason}" for name, reason in about["absent"].items()]


def listed(values: list[Any]) -> str:
    """Return "1, 8, 32"."""
    return ", ".join(map(str, values))


def _overhead(result: dict[str, Any]) -> list[str]:
    row = result["rows"][0]
    base = row["peers"].get("torch", {}).get("ms")
    lines = [["call", "us", "over torch"]]
    for name, peer in row["peers"].items():
        ms = peer["ms"]
        lines.append([name, number(ms and ms * 1e3), number(ms / base if ms and base else None)])
    return [f"one convolution {row['shape']}, the whole call", *align(lines), *problems(result["rows"])]


def _import(result: dict[str, Any]) -> list[str]:
    return [
        f"import numpy {result['numpy_ms']:.1f} ms; import fastnn beyond it {result['beyond_ms']:.1f} ms, "
        f"{result['share']:.1%} of it (medians, fresh processes by turns)"
    ]


def _idle(result: dict[str, Any]) -> list[str]:
    lines = [["process that sleeps after one convolution", "CPU"]]
    for name, peer in result["peers"].items():
        lines.append([name, peer["problem"] or f"{peer['cpu']:.2%}"])
    return align(lines)
