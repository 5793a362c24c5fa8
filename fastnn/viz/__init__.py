"""Drawings on a matplotlib Axes: functions take arrays and never see a model. Needs the extra `viz`."""

from fastnn.viz.histograms import activation_histograms
from fastnn.viz.history import history
from fastnn.viz.images import image_grid, images, saliency
from fastnn.viz.search import trials

__all__ = ["activation_histograms", "history", "image_grid", "images", "saliency", "trials"]
