"""Measures a family of operators, such as ``pool``: every case at every batch size and number of threads."""

from __future__ import annotations

import statistics
from argparse import Namespace
from typing import Any

from . import ops, report, timing
from .layers import Say, outcome
from .limits import available_bytes
from .ops import Goal, OpCase
from .peers import chosen
from .processes import Field, started
from .report import geomean

Entry = dict[str, Any]


def measure(options: Namespace, say: Say) -> dict[str, Any]:
    """Return the result of one group: its cases in every peer, and what they reach of the family's goals."""
    job = ops.PASSES[options.passes]
    cases = _wanted(options)
    fields, entries = [], []
    for threads in options.threads:
        with started(chosen(options.against, job), threads, options.isa, say) as runners:
            section = []
            for number, case in enumerate(cases, 1):
                row = _measured(runners, case, options.rounds, job)
                section.append(entry(case, row, threads, options.passes, runners.machine("copy_bandwidth")))
                say(f"[{number}/{len(cases)}] {case.name} batch {case.batch}, {threads} threads: {outcome(row)}")
            fields.append(runners)
            entries += shares(section)
    about = report.about(options.group, fields, options, batch=sorted({case.batch for case in cases}))
    about["limits"] = {str(threads): _limits(entries, threads) for threads in options.threads}
    goals = ops.family(options.group).GOALS
    found = [goal for threads in options.threads for goal in reached(entries, goals, threads)]
    return {"about": about, "rows": entries, "goals": found}


def _wanted(options: Namespace) -> list[OpCase]:
    family = ops.family(options.group).CASES
    names = ops.select(options.group, options.cases, options.passes)
    return [OpCase(options.group, name, n) for name in names for n in options.batch or family[name].batches]


def _measured(runners: Field, case: OpCase, rounds: int, job: str) -> timing.Row:
    """One case, unless the arrays of all peers and the check in float64 do not fit into memory."""
    needed, free = 3 * case.op.moved(case.batch) * len(runners.workers), available_bytes()
    if free is not None and needed > free:
        problem = f"left out: {len(runners.workers)} processes need {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        return timing.Row(case, {name: timing.Measured(problem=problem) for name in runners.workers})
    return timing.measure(runners, case, rounds, job)


def entry(case: OpCase, row: timing.Row, threads: int, passes: str, copy_gbs: float | None) -> Entry:
    """Return one row as a dictionary: times, and what fastnn's time means in GB/s and GFLOP/s."""
    both = passes == "backward"
    made = {
        "name": case.name,
        "batch": case.batch,
        "passes": passes,
        "threads": threads,
        "bytes": case.op.moved(case.batch) * (2 if both else 1),
        "flops": case.op.flops(case.batch) * (3 if both else 1),
        "peers": report.timed(row),
        "peak_gflops": row.peak,
        "copy_gbs": copy_gbs,
    }
    ms = made["peers"].get("fastnn", {}).get("ms")
    made["gbs"] = 1e-6 * made["bytes"] / ms if ms else None
    made["gflops"] = 1e-6 * made["flops"] / ms if ms and made["flops"] else None
    made["best_of_three"] = ratio(made, ops.BEST_OF_THREE)
    return made


def shares(entries: list[Entry]) -> list[Entry]:
    """Add each row's share of the copy bandwidth and of the FMA peak, both the medians of these rows."""
    for key, limit, share in (("gbs", "copy_gbs", "copy_share"), ("gflops", "peak_gflops", "peak_share")):
        found = [made[limit] for made in entries if made[limit]]
        for made in entries:
            made[share] = made[key] / statistics.median(found) if made[key] and found else None
    return entries


def _limits(entries: list[Entry], threads: int) -> dict[str, float | None]:
    rows = [made for made in entries if made["threads"] == threads]
    found = {key: [made[key] for made in rows if made[key]] for key in ("peak_gflops", "copy_gbs")}
    return {key: statistics.median(values) if values else None for key, values in found.items()}


def reached(entries: list[Entry], goals: tuple[Goal, ...], threads: int) -> list[Entry]:
    """Return what the rows reach of each goal; a goal whose opponents did not take part is left out."""
    found = []
    for goal in goals:
        rows = [made for made in entries if made["threads"] == threads]
        members = [made for made in rows if goal.covers(made["name"], made["batch"], made["passes"])]
        values = {report.named(made): value for made in members if (value := _figure(made, goal))}
        if values:
            worst = min(values, key=values.get)
            mean = geomean(list(values.values()))
            good = mean >= goal.geomean and values[worst] >= goal.worst
            found.append(
                {"label": goal.label, "threads": threads, "cases": len(values), "geomean": mean}
                | {"needed": goal.geomean, "worst": values[worst], "needed_worst": goal.worst}
                | {"worst_case": worst, "reached": good}
            )
    return found


def ratio(made: Entry, opponents: tuple[str, ...], own: str = "fastnn") -> float | None:
    """Return the time of the fastest of these peers over that of ``own``; None where either was not measured.

    A name means that peer alone: ``torch`` is the eager one, and not its variants.
    """
    mine = made["peers"].get(own, {}).get("ms")
    times = [ms for name in opponents if (ms := made["peers"].get(name, {}).get("ms"))]
    return min(times) / mine if mine and times else None


def _figure(made: Entry, goal: Goal) -> float | None:
    if goal.against:
        return ratio(made, goal.against, goal.own)
    return made["copy_share"] if made["bytes"] >= goal.least_bytes else None
