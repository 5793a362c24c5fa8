"""Training: optimisers, the loop, metrics and checkpoints."""

from fastnn.train import mpi
from fastnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fastnn.train.data import DataLoader
from fastnn.train.loop import History, evaluate, fit, predict
from fastnn.train.metrics import accuracy
from fastnn.train.optim import SGD
from fastnn.train.prefetch import prefetch
from fastnn.train.search import StopTrial, search
from fastnn.train.search_result import SearchResult
from fastnn.train.search_space import Choice, Integer, Uniform
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
    "Checkpoint",
    "Choice",
    "Compose",
    "DataLoader",
    "History",
    "Integer",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "SearchResult",
    "StopTrial",
    "TokenStream",
    "Uniform",
    "accuracy",
    "channel_stats",
    "evaluate",
    "fit",
    "load_checkpoint",
    "mean_image",
    "mpi",
    "one_hot",
    "pad_sequence",
    "predict",
    "prefetch",
    "save_checkpoint",
    "search",
]
