"""Training: optimisers, the loop, metrics and checkpoints."""

from fastnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fastnn.train.data import DataLoader
from fastnn.train.inspect import Activations, inspect_activations
from fastnn.train.loop import History, evaluate, fit, predict
from fastnn.train.metrics import accuracy
from fastnn.train.optim import SGD
from fastnn.train.prefetch import prefetch
from fastnn.train.sequences import TokenStream, pad_sequence
from fastnn.train.transforms import (
    Compose,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    channel_stats,
    mean_image,
    one_hot,
)

__all__ = [
    "SGD",
    "Activations",
    "Checkpoint",
    "Compose",
    "DataLoader",
    "History",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "TokenStream",
    "accuracy",
    "channel_stats",
    "evaluate",
    "fit",
    "inspect_activations",
    "load_checkpoint",
    "mean_image",
    "one_hot",
    "pad_sequence",
    "predict",
    "prefetch",
    "save_checkpoint",
]
