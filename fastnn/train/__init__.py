"""Training: optimisers, the loop, metrics and checkpoints."""

from fastnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fastnn.train.loop import History, evaluate, fit, predict
from fastnn.train.metrics import accuracy
from fastnn.train.optim import SGD

__all__ = [
    "SGD",
    "Checkpoint",
    "History",
    "accuracy",
    "evaluate",
    "fit",
    "load_checkpoint",
    "predict",
    "save_checkpoint",
]
