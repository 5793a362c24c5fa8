"""The text of a run over a family of operators: a table per number of threads, means, goals."""

from __future__ import annotations

from typing import Any

from . import ops
from .columns import align, number, share
from .op_groups import ratio
from .report import FAMILY, geomean, grouped, named
from .tables import milliseconds, problems

Rows = list[dict[str, Any]]


def table(result: dict[str, Any]) -> list[str]:
    """Return the lines below the header."""
    rows = result["rows"]
    lines = [
        f"ms per call, median of {result['about']['rounds']} rounds; GB/s count every input and the result once",
        "x three: the best of torch, torch:compile, ort, openvino over fastnn; x torch: eager alone",
    ]
    for (passes, threads), members in grouped(rows, "passes", "threads").items():
        lines += ["", f"{passes}, {threads} threads", *_block(members), *_means(members)]
    return lines + problems(rows) + _goals(result["goals"])


def _block(rows: Rows) -> list[str]:
    peers = list(dict.fromkeys(peer for row in rows for peer in row["peers"]))
    rated = any(row["gflops"] for row in rows)
    lines = [["case", *peers, "GB/s", "of copy", *(["GFLOP/s", "of peak"] if rated else []), "x three", "x torch"]]
    for row in rows:
        cells = [named(row), *(milliseconds(row["peers"].get(peer, {})) for peer in peers)]
        cells += [number(row["gbs"], 1), share(row["copy_share"])]
        cells += [number(row["gflops"], 1), share(row["peak_share"])] if rated else []
        lines.append([*cells, number(row["best_of_three"]), number(ratio(row, ("torch",)))])
    return align(lines)


def _means(rows: Rows) -> list[str]:
    """Geometric mean and worst of each opponent's time over that of fastnn's variants."""
    names = list(dict.fromkeys(name for row in rows for name in row["peers"]))
    variants = [name for name in names if FAMILY.get(name) == "fastnn"]
    opponents = {"best of three": ops.BEST_OF_THREE, **{n: (n,) for n in names if n not in variants}}
    lines = [["against", "cases", *(cell for own in variants for cell in (own, "worst")), "at"]]
    for label, against in opponents.items():
        found = {own: {named(row): v for row in rows if (v := ratio(row, against, own))} for own in variants}
        if not any(found.values()):
            continue
        cells = [label, str(max(map(len, found.values())))]
        for values in found.values():
            cells += [number(geomean(list(values.values()))), number(min(values.values(), default=None))]
        first = next(values for values in found.values() if values)
        lines.append([*cells, min(first, key=first.get)])
    return ["", "geometric means: the peer's time over fastnn's", *align(lines)] if len(lines) > 1 else []


def _goals(found: Rows) -> list[str]:
    if not found:
        return []
    lines = [["goal", "threads", "cases", "geomean", "needed", "worst", "needed", "", "at"]]
    for row in found:
        cells = [row["label"], str(row["threads"]), str(row["cases"])]
        cells += [number(row[key]) for key in ("geomean", "needed", "worst", "needed_worst")]
        lines.append([*cells, "ok" if row["reached"] else "short", row["worst_case"]])
    return ["", "reached and needed", *align(lines)]
