"""Line search for the strong Wolfe conditions: Nocedal and Wright, "Numerical Optimization", algorithms 3.5, 3.6."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

_DECREASE, _CURVATURE = 1e-4, 0.9  # Nocedal and Wright's c1 and c2 for quasi-Newton directions
_MOST_TRIALS = 25


class Point(NamedTuple):
    """A place on the line: the step, and there the value, the gradient and its slope along the line."""

    t: float
    value: float
    gradient: NDArray[Any]
    slope: float


def strong_wolfe(
    at: Callable[[float], Point], start: Point, t: float, longest: float, least_change: float
) -> tuple[Point, int]:
    """A point of sufficient decrease and small slope.

    Parameters
    ----------
    at : evaluates the function at a step.
    start : the point at step 0, of negative slope.
    t : the first trial.
    longest : largest element of the direction; a bracket shorter than ``least_change / longest`` is the end.

    Returns
    -------
    The point and the number of evaluations.
    """

    def too_high(point: Point) -> bool:
        return point.value > start.value + _DECREASE * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -_CURVATURE * start.slope

    before, point, trials = start, at(t), 0
    while trials < _MOST_TRIALS:
        if too_high(point) or (trials > 1 and point.value >= before.value):
            break
        if flat(point):
            return point, trials + 1
        if point.slope >= 0:
            break
        bounds = point.t + 0.01 * (point.t - before.t), 10 * point.t
        before, point = point, at(_cubic_minimum(before, point, bounds))
        trials += 1
    else:
        before = start
    return _zoom(at, before, point, trials, too_high, flat, least_change / longest if longest else math.inf)


def _zoom(
    at: Callable[[float], Point],
    a: Point,
    b: Point,
    trials: int,
    too_high: Callable[[Point], bool],
    flat: Callable[[Point], bool],
    shortest: float,
) -> tuple[Point, int]:
    """Narrow the bracket between two points around one that fits; the lowest one found, and the evaluations."""
    low, high = (a, b) if a.value <= b.value else (b, a)
    slow = False  # whether the trial before came close to an end
    while trials < _MOST_TRIALS and abs(b.t - a.t) >= shortest:
        left, right = min(a.t, b.t), max(a.t, b.t)
        t = _cubic_minimum(a, b, (left, right))
        margin = 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (slow or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            close = False
        slow = close
        point = at(t)
        trials += 1
        done = False
        if too_high(point) or point.value >= low.value:
            a, b = (low, point) if a is low else (point, low)
            low, high = (a, b) if a.value <= b.value else (b, a)
        else:
            done = flat(point)
            if not done and point.slope * (high.t - low.t) >= 0:
                high = low
            a, b = (point, high) if a is low else (high, point)
            low = point
        if done:
            break
    return low, trials + 1


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through both points with their slopes is lowest, within bounds."""
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t) if a.t != b.t else math.nan
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (bounds[0] + bounds[1]) / 2
    d2 = math.sqrt(square)
    if a.t > b.t:
        a, b = b, a
    denominator = b.slope - a.slope + 2 * d2
    if denominator == 0:
        return (bounds[0] + bounds[1]) / 2
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / denominator)
    return min(max(t, bounds[0]), bounds[1])
