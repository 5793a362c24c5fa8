"""Drawings on a matplotlib Axes: functions take arrays and never see a model. Needs the extra `viz`."""

from fastnn.viz.history import history
from fastnn.viz.search import trials

__all__ = ["history", "trials"]
