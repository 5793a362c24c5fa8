"""Schedules of the learning rate, with PyTorch's names, arguments and values.

Most are a formula of the number of steps (`lr_schedule`). A warm-up before another is `SequentialLR` with
`LinearLR` first.
"""

from fastnn.train.lr_phases import OneCycleLR, ReduceLROnPlateau, SequentialLR
from fastnn.train.lr_schedule import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    StepLR,
)

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
