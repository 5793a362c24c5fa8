"""Drawings on a matplotlib Axes: functions take arrays and never see a model. Needs the extra `viz`."""

from fastnn.viz.histograms import activation_histograms
from fastnn.viz.images import image_grid, images, saliency

__all__ = ["activation_histograms", "image_grid", "images", "saliency"]
