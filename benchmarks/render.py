"""The text of a result: header, aligned table, geometric means."""

from __future__ import annotations

from typing import Any

from .report import FAMILY, geomean

BUSY = 0.05


def render(result: dict[str, Any]) -> str:
    """Return a result of any group as text."""
    body = {"import": _import, "idle": _idle, "overhead": _overhead}.get(result["about"]["group"], _table)
    return "\n".join([*_header(result["about"]), "", *body(result)])


def _header(about: dict[str, Any]) -> list[str]:
    what = "".join(f"{key} {about[key]}, " for key in ("net", "batch") if key in about)
    isa = f", {about['isa']}" if about["isa"] else ""
    lines = [
        f"{about['group']}: {what}float32, {about['threads']} threads{isa}; {about['date']}",
        f"{about['machine']}, {about['cpus']} CPUs; {about['system']}; Python {about['python']}",
    ]
    versions = {FAMILY[name]: version for name, version in about["versions"].items() if name in FAMILY}
    if versions:
        lines.append(", ".join(f"{name} {version}" for name, version in versions.items()))
    if about.get("peak_gflops"):
        copy = f", copying {about['copy_gbs']:.1f} GB/s" if about.get("copy_gbs") else ""
        lines.append(f"FMA peak {about['peak_gflops']:.1f} GFLOP/s{copy}, measured in this run")
    if (about["other_load"] or 0) > BUSY:
        lines.append(f"NOT RELIABLE: other processes used {about['other_load']:.0%} of the CPUs during this run")
    return lines + [f"{name}: {reason}" for name, reason in about["absent"].items()]


def _table(result: dict[str, Any]) -> list[str]:
    rows = result["rows"]
    peers = list(result["about"]["versions"])
    head = ["layer", "shape", *peers, "GFLOP/s", "of peak", "x three", "x five"]
    lines = [_cells(row, peers) for row in rows]
    if len(rows) > 1:
        total = ["sum", "each as often as it occurs", *(_sum(rows, peer) for peer in peers), "", "", "", ""]
        lines.append(total)
    return [
        f"ms per call, median of {result['about']['rounds']} rounds; GFLOP/s and share of peak are fastnn's",
        "x three: time of the best of torch, ort, openvino over fastnn's; x five: ncnn and mnn among them",
        *align([head, *lines], left=2),
        *_problems(rows),
        *_kinds(rows),
        *_means(result["geomean"]),
        *([f"largest change of fastnn between passes: {result['drift']:.1%}"] if result.get("drift") else []),
    ]


def _cells(row: dict[str, Any], peers: list[str]) -> list[str]:
    times = (_ms(row["peers"].get(peer, {})) for peer in peers)
    share = f"{row['peak_share']:.0%}" if row["peak_share"] else "-"
    ratios = (_number(row["best_of_three"]), _number(row["best_of_five"]))
    return [row["name"], row["shape"], *times, _number(row["gflops"], 1), share, *ratios]


def _ms(peer: dict[str, Any]) -> str:
    if not peer.get("ms"):
        return "wrong" if (peer.get("problem") or "").startswith("wrong") else "-"
    mark = "~" if peer["coarse"] else ""
    return mark + (f"{peer['ms']:.3f}" if peer["ms"] < 10 else f"{peer['ms']:.2f}")


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _sum(rows: list[dict[str, Any]], peer: str) -> str:
    times = [row["peers"][peer]["ms"] for row in rows]
    return f"{sum(ms * row['count'] for ms, row in zip(times, rows, strict=True)):.2f}" if all(times) else "-"


def _problems(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        for name, peer in row["peers"].items():
            if peer["problem"]:
                lines.append(f"{row['name']}: {name} {peer['problem']}")
            elif peer["spins"]:
                lines.append(f"{row['name']}: {name} did not come to rest between samples and may have slowed others")
    coarse: dict[str, float] = {}
    for row in rows:
        for name, peer in row["peers"].items():
            if peer["coarse"] and peer["ms"]:
                coarse[name] = max(coarse.get(name, 0.0), peer["error"])
    lines += [f"~ {name}: inexact, error up to {error:.1e} of the rms" for name, error in coarse.items()]
    return ["", *lines] if lines else []


def _kinds(rows: list[dict[str, Any]]) -> list[str]:
    """Geometric means by kind of layer, and over all layers."""
    measured = [row for row in rows if row["gflops"]]
    if len(measured) < 2:
        return []
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in measured:
        kinds.setdefault(row["kind"], []).append(row)
    lines = [["kind", "layers", "GFLOP/s", "of peak", "worst", "x three", "worst", "x five", "worst"]]
    for kind, members in [*sorted(kinds.items()), ("all", measured)]:
        cells = [kind, str(len(members)), _number(geomean([row["gflops"] for row in members]), 1)]
        for key, form in (("peak_share", "{:.0%}"), ("best_of_three", "{:.2f}"), ("best_of_five", "{:.2f}")):
            values = [row[key] for row in members if row[key]]
            cells += [form.format(geomean(values)), form.format(min(values))] if values else ["-", "-"]
        lines.append(cells)
    return ["", "geometric means of fastnn (packed, NCHW in and out, out= given) by kind", *align(lines)]


def _means(means: dict[str, Any]) -> list[str]:
    variants = list(dict.fromkeys(own for of in means.values() for own in of))
    if not variants:
        return []
    lines = [["against", "layers", *variants, "worst", "at"]]
    for label, of in means.items():
        first = of.get("fastnn") or next(iter(of.values()))
        values = [_number(of[own]["geomean"]) if own in of else "-" for own in variants]
        lines.append([label, str(first["layers"]), *values, _number(first["worst"]), first["worst_layer"]])
    return ["", "geometric means: the peer's time over fastnn's (above 1: fastnn is faster)", *align(lines)]


def _overhead(result: dict[str, Any]) -> list[str]:
    row = result["rows"][0]
    base = row["peers"].get("torch", {}).get("ms")
    lines = [["call", "us", "over torch"]]
    for name, peer in row["peers"].items():
        ms = peer["ms"]
        lines.append([name, _number(ms and ms * 1e3), _number(ms / base if ms and base else None)])
    return [f"one convolution {row['shape']}, the whole call", *align(lines), *_problems(result["rows"])]


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
