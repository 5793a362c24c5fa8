"""The text of a run over layers: a table per pass, threads and batch size, then the geometric means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .columns import align, number, share
from .report import geomean, grouped

Rows = list[dict[str, Any]]


def table(result: dict[str, Any]) -> list[str]:
    """Return the lines below the header."""
    rows = result["rows"]
    lines = [
        f"ms per call, median of {result['about']['rounds']} rounds; GFLOP/s and share of peak are fastnn's, by the "
        "direct algorithm's operations",
        "x three: time of the best of torch, ort, openvino over fastnn's; x five: ncnn and mnn among them",
    ]
    blocks = grouped(rows, "job", "threads", "batch")
    for number_, (what, members) in enumerate(blocks.items()):
        lines += [""] * (number_ > 0) + ([f"{_said(what)}"] if len(blocks) > 1 else []) + _block(members)
        lines += _limits(members) if result.get("limit") else []
    lines += problems(rows)
    for what, members in grouped(rows, "job", "threads").items():
        several = len(grouped(rows, "job", "threads")) > 1
        lines += _kinds(members, f", {_said(what)}" if several else "")
    for means in result["means"]:
        several = len(result["means"]) > 1
        lines += _means(means["against"], f", {_said((means['job'], means['threads']))}" if several else "")
    if drift := max((row.get("drift", 0.0) for row in rows), default=0.0):
        lines.append(f"largest change of fastnn between passes: {drift:.1%}")
    return lines + _targets(result.get("targets") or [])


def _said(what: tuple) -> str:
    words = [{"backward": "forward + backward", "conv": "forward"}.get(what[0], what[0])]
    words += [f"{what[1]} threads"] + [f"batch {batch}" for batch in what[2:]]
    return ", ".join(words)


def _block(rows: Rows) -> list[str]:
    peers = _peers(rows)
    head = ["layer", "shape", *peers, "GFLOP/s", "of peak", "x three", "x five"]
    lines = [_cells(row, peers) for row in rows]
    if len(rows) > 1:
        lines.append(["sum", "each as often as it occurs", *(_sum(rows, peer) for peer in peers), "", "", "", ""])
    return align([head, *lines], left=2)


def _peers(rows: Rows) -> list[str]:
    return list(dict.fromkeys(peer for row in rows for peer in row["peers"]))


def _cells(row: dict[str, Any], peers: list[str]) -> list[str]:
    times = (milliseconds(row["peers"].get(peer, {})) for peer in peers)
    ratios = (number(row["best_of_three"]), number(row["best_of_five"]))
    return [row["name"], row["shape"], *times, number(row["gflops"], 1), share(row["peak_share"]), *ratios]


def milliseconds(peer: dict[str, Any]) -> str:
    if not peer.get("ms"):
        return "wrong" if (peer.get("problem") or "").startswith("wrong") else "-"
    mark = "~" if peer["coarse"] else ""
    return mark + (f"{peer['ms']:.3f}" if peer["ms"] < 10 else f"{peer['ms']:.2f}")


def _sum(rows: Rows, peer: str) -> str:
    times = [row["peers"].get(peer, {}).get("ms") for row in rows]
    return f"{sum(ms * row['count'] for ms, row in zip(times, rows, strict=True)):.2f}" if all(times) else "-"


def _limits(rows: Rows) -> list[str]:
    """The roofline of each layer, how near fastnn comes, and by which algorithm."""
    lines = [["layer", "limit ms", "by", "fastnn ms", "reached", "algorithm"]]
    for row in rows:
        own, limit = row["peers"].get("fastnn", {}), row.get("limit_ms")
        ms = own.get("ms")
        reached = share(limit / ms if limit and ms else None)
        bound = [f"{limit:.3f}", row["binds"]] if limit else ["-", "-"]
        lines.append([row["name"], *bound, number(ms, 3), reached, own.get("note") or "-"])
    return [
        "",
        "limit: the larger of operations / FMA peak and bytes of x, w, y / copy bandwidth, both of this run; Winograd",
        "(fewer operations) and arrays that stay in the caches can pass it",
        *align(lines),
    ]


def problems(rows: Rows) -> list[str]:
    """Return what went wrong or was left out; the same of several layers in one line."""
    found: dict[tuple[str, str], list[str]] = {}
    coarse: dict[str, float] = {}
    for row in rows:
        for name, peer in row["peers"].items():
            if peer["problem"]:
                found.setdefault((name, peer["problem"]), []).append(row["name"])
            elif peer["spins"]:
                text = "did not come to rest between samples and may have slowed others"
                found.setdefault((name, text), []).append(row["name"])
            if peer["coarse"] and peer["ms"]:
                coarse[name] = max(coarse.get(name, 0.0), peer["error"])
    lines = [f"{_some(dict.fromkeys(layers))}: {name} {text}" for (name, text), layers in found.items()]
    lines += [f"~ {name}: inexact, error up to {error:.1e} of the rms" for name, error in coarse.items()]
    return ["", *lines] if lines else []


def _some(names: Iterable[str], most: int = 4) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _kinds(rows: Rows, where: str) -> list[str]:
    """Geometric means by kind of layer, and over all layers."""
    measured = [row for row in rows if row["gflops"]]
    if len(measured) < 2:
        return []
    kinds = grouped(measured, "kind")
    lines = [["kind", "layers", "GFLOP/s", "of peak", "worst", "x three", "worst", "x five", "worst"]]
    for kind, members in [*sorted((key[0], members) for key, members in kinds.items()), ("all", measured)]:
        cells = [kind, str(len(members)), number(geomean([row["gflops"] for row in members]), 1)]
        for key, form in (("peak_share", share), ("best_of_three", number), ("best_of_five", number)):
            values = [row[key] for row in members if row[key]]
            cells += [form(geomean(values)), form(min(values, default=None))]
        lines.append(cells)
    how = "weights not packed, NCHW" if measured[0]["job"] == "backward" else "packed, NCHW in and out, out= given"
    return ["", f"geometric means of fastnn ({how}) by kind{where}", *align(lines)]


def _means(means: dict[str, Any], where: str) -> list[str]:
    variants = list(dict.fromkeys(own for of in means.values() for own in of))
    if not variants:
        return []
    lines = [["against", "layers", *variants, "worst", "at"]]
    for label, of in means.items():
        first = of.get("fastnn") or next(iter(of.values()))
        values = [number(of[own]["geomean"]) if own in of else "-" for own in variants]
        lines.append([label, str(first["layers"]), *values, number(first["worst"]), first["worst_layer"]])
    return ["", f"geometric means: the peer's time over fastnn's (above 1: fastnn is faster){where}", *align(lines)]


def _targets(found: list[dict[str, Any]]) -> list[str]:
    """What is reached of what is needed, row by row of the table in `targets`."""
    if not found:
        return []
    lines = [["row", "layers", "batch", "threads", "three", "needed", "five", "needed", "worst", "needed", "", "at"]]
    for row in found:
        layers = f"{row['measured']} of {row['layers']}" if row["measured"] < row["layers"] else str(row["layers"])
        cells = [row["label"], layers, "+".join(map(str, row["batches"])), str(row["threads"])]
        for key in ("three", "five", "worst"):
            cells += [number(row[key]), number(row[f"needed_{key}"])]
        lines.append([*cells, "ok" if row["reached"] else "short", row["worst_layer"] or "-"])
    title = "reached and needed: geometric means of a peer's time over fastnn's, and the worst layer against the five"
    return ["", title, *align(lines)]
