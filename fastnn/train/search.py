"""Random search over hyper-parameters, from coarse to fine."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import math
import statistics
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any

from fastnn.train.search_journal import Journal, PathLike, as_json
from fastnn.train.search_result import SearchResult
from fastnn.train.search_space import checked_space, propose

_ENOUGH = 5  # trials with a value at a step before their median may stop another one


class StopTrial(Exception):
    """Raised by `report` inside an objective whose trial is hopeless; let it pass."""


def search(
    objective: Callable[..., Any],
    space: Mapping[str, Any],
    *,
    trials: int = 20,
    rounds: int = 1,
    shrink: float = 0.5,
    mode: str = "min",
    seed: int = 0,
    early_stop: bool = True,
    warmup: int = 1,
    journal: PathLike | None = None,
    jobs: int | None = 1,
    report: Callable[[str], Any] | None = print,
) -> SearchResult:
    """Try values at random and keep what each gave; later rounds look closer around the best.

    A trial may tell how it is doing. One whose best value so far is worse than the median of other trials at
    the same step is stopped as hopeless (the median stopping rule), and so is one that reports NaN.

    Parameters
    ----------
    objective : ``objective(params)``, params a dict, gives the value. To be stopped early it is a generator
        that yields a value per step, the last of which counts; or it takes a second argument and calls
        ``report(value)``, which raises `StopTrial` where the trial is hopeless. With `jobs` it must be
        picklable: a function of a module.
    space : name -> `Uniform`, `Integer`, `Choice` or a list of options.
    trials, rounds, shrink : the trials are shared out among the rounds. Round r draws from windows of
        ``shrink**r`` of each range around the best values so far, and from options of the best quarter.
    mode : "min" or "max".
    seed : the same one proposes the same trials (given the same results in the rounds before).
    early_stop, warmup : whether hopeless trials are stopped, and how many steps are never judged.
    journal : a file with one line of JSON per finished trial, flushed to the disk. Where it exists the search
        goes on from it: after a kill only trials that had not finished run again. One process at a time.
    jobs : processes, through joblib; -1 for all cores, None for what a surrounding ``joblib.parallel_config``
        says, by which dask or ray run the trials on a cluster. Workers should share the cores:
        ``FASTNN_NUM_THREADS``.
    report : called with a line of text per trial; None for silence.

    Returns
    -------
    SearchResult. Where the best value lies at the edge of its range there is also a warning: look further.

    Raises
    ------
    ValueError, TypeError
        For a space, numbers or a journal that make no sense together.
    RuntimeError
        Where all trials of the first round failed, with the last error.
    ImportError
        Where `jobs` needs joblib and it is not installed.

    Examples
    --------
    >>> from fastnn import train
    >>> def loss(params):
    ...     return (params["x"] - 0.3) ** 2
    >>> result = train.search(loss, {"x": train.Uniform(0, 1)}, trials=30, rounds=3, report=None)
    >>> abs(result.best_params["x"] - 0.3) < 0.05
    True
    """
    ranges = checked_space(space)
    if trials < 1 or rounds < 1 or rounds > trials or not 0 < shrink <= 1 or mode not in ("min", "max") or seed < 0:
        raise ValueError(
            f"search: trials={trials}, rounds={rounds}, shrink={shrink}, mode={mode!r}, seed={seed} make no search"
        )
    # How many trials there are is no part of it: a search may be continued with more of them in one round.
    header = {"seed": seed, "mode": mode, "shrink": shrink, "space": {name: repr(r) for name, r in ranges.items()}}
    if rounds > 1:
        header |= {"rounds": rounds, "trials": trials}
    log = Journal(journal, header)
    try:
        for number in range(rounds):
            first, last = trials * number // rounds, trials * (number + 1) // rounds
            best = SearchResult([r for r in log.records if r["trial"] < first], mode, []).ranked
            good = [record["params"] for record in best[: max(1, len(best) // 4)]]
            wanted = {t: propose(ranges, seed, t, good, shrink**number) for t in range(first, last)}
            _run_round(wanted, _Task(objective, number, mode, warmup if early_stop else None), log, jobs, report)
            if not any(record["state"] == "done" for record in log.records):
                raise RuntimeError(f"search: no trial finished; the last error: {log.records[-1]['error']}")
    finally:
        log.close()
    found = sorted((r for r in log.records if r["trial"] < trials), key=lambda record: record["trial"])
    result = SearchResult(found, mode, [])
    for name, given in ranges.items():
        edge = given.edge(result.best_params[name])
        if edge:
            text = f"search: the best {name}, {result.best_params[name]:g}, lies at the {edge} of its range: widen it"
            result.warnings.append(text)
            warnings.warn(text, stacklevel=2)
    return result


def _run_round(
    wanted: Mapping[int, dict[str, Any]],
    task: _Task,
    log: Journal,
    jobs: int | None,
    report: Callable[[str], Any] | None,
) -> None:
    """Run the trials of a round that the journal lacks."""
    known = {record["trial"]: record for record in log.records}
    for trial in wanted.keys() & known.keys():
        if known[trial]["params"] != as_json(wanted[trial]):
            raise ValueError(f"search: trial {trial} of the journal has other values than this search proposes")
        known[trial]["params"] = wanted[trial]  # options that JSON does not know are themselves again
    missing = [(trial, params) for trial, params in wanted.items() if trial not in known]
    # What has been reported until a trial starts decides on its limits.
    calls = ((trial, params, _medians(list(log.records), task.mode)) for trial, params in missing)
    for record in (task(*call) for call in calls) if jobs == 1 else _in_parallel(task, calls, len(missing), jobs):
        log.add(record)
        if report is not None:
            value = "-" if record["value"] is None else f"{record['value']:.5g}"
            values = "  ".join(f"{name}={v}" for name, v in record["params"].items())
            text = f"trial {record['trial']:3}  {record['state']:7}  {value:>10}  {values}  {record['error'] or ''}"
            report(text.rstrip())


def _in_parallel(task: _Task, calls: Iterable[Any], count: int, jobs: int | None) -> Iterator[dict[str, Any]]:
    """Records as they come in, of as many trials at a time as there are workers."""
    try:
        import joblib
    except ImportError:
        raise ImportError('search in parallel needs joblib: pip install "fastnn-kernels[search]"') from None
    if not count:
        return
    options = {"n_jobs": jobs, "pre_dispatch": "n_jobs", "batch_size": 1}
    delayed = (joblib.delayed(task)(*call) for call in calls)
    try:
        parallel = joblib.Parallel(return_as="generator_unordered", **options)
    except ValueError:
        # A backend that gives results only when all are there: as many trials at a time as it has workers.
        workers = max(1, joblib.effective_n_jobs(jobs))
        with joblib.Parallel(**options) as parallel:
            while wave := list(itertools.islice(delayed, workers)):
                yield from parallel(wave)
    else:
        yield from parallel(delayed)


def _medians(records: list[dict[str, Any]], mode: str) -> list[float]:
    """At each step the median over trials of the best value until then, as long as enough trials tell.

    A stopped trial counts at later steps with its best: without it the median would be that of ever fewer
    and better trials, and only one of them would get to the end.
    """
    curves = [list(itertools.accumulate(r["curve"], min if mode == "min" else max)) for r in records]
    longest = max(map(len, curves), default=0)
    for record, curve in zip(records, curves, strict=True):
        if record["state"] == "stopped" and curve:
            curve.extend(curve[-1:] * (longest - len(curve)))
    limits = []
    for step in range(longest):
        reached = [curve[step] for curve in curves if len(curve) > step]
        if len(reached) < _ENOUGH:
            break
        limits.append(statistics.median(reached))
    return limits


class _Task:
    """Runs one trial and gives its record; plain enough to be sent to another process or host."""

    def __init__(self, objective: Callable[..., Any], number: int, mode: str, warmup: int | None) -> None:
        self.objective, self.number, self.mode, self.warmup = objective, number, mode, warmup

    def __call__(self, trial: int, params: dict[str, Any], limits: list[float]) -> dict[str, Any]:
        curve: list[float] = []
        started = time.perf_counter()
        value: float | None = None
        state, error = "done", None

        def step(reported: Any) -> None:
            number = float(reported)
            if math.isnan(number):
                raise StopTrial("reported NaN")
            curve.append(number)
            self._judge(curve, limits)

        try:
            value = self._evaluate(dict(params), step, curve)
        except StopTrial as stop:
            state, error, value = "stopped", str(stop), curve[-1] if curve else None
        except Exception as failure:  # one bad combination must not end the search
            state, error = "failed", f"{type(failure).__name__}: {failure}"
        return {
            "trial": trial, "round": self.number, "params": params, "state": state, "value": value,
            "curve": curve, "seconds": round(time.perf_counter() - started, 3), "error": error,
        }  # fmt: skip

    def _evaluate(self, params: dict[str, Any], step: Callable[[Any], None], curve: list[float]) -> float:
        takes_report = len(inspect.signature(self.objective).parameters) > 1
        result = self.objective(params, step) if takes_report else self.objective(params)
        if isinstance(result, Generator):
            with contextlib.closing(result):
                for reported in result:
                    step(reported)
            if not curve:
                raise ValueError("the objective yielded no value")
            return curve[-1]
        value = float(result)
        if math.isnan(value):
            raise StopTrial("the value is NaN")
        return value

    def _judge(self, curve: list[float], limits: list[float]) -> None:
        steps = len(curve)
        if self.warmup is None or steps <= self.warmup or steps > len(limits):
            return
        best, limit = (min if self.mode == "min" else max)(curve), limits[steps - 1]
        if best > limit if self.mode == "min" else best < limit:
            raise StopTrial(f"at step {steps} the best is {best:.5g}, the median {limit:.5g}")
