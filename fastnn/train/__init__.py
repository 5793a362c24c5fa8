"""Training: optimisers, the loop, metrics and checkpoints."""

from fastnn.train.callbacks import Callback, EarlyStopping, TensorBoard
from fastnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fastnn.train.data import DataLoader
from fastnn.train.evaluate import evaluate, predict
from fastnn.train.history import History
from fastnn.train.loop import fit
from fastnn.train.metrics import accuracy
from fastnn.train.monitors import DeadReLUs, StopOnExplosion, UpdateRatio
from fastnn.train.optim import SGD
from fastnn.train.prefetch import prefetch
from fastnn.train.resume import Checkpointing, load_weights
from fastnn.train.run import Run
from fastnn.train.sanity import SanityReport, sanity_check
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
    "Callback",
    "Checkpoint",
    "Checkpointing",
    "Compose",
    "DataLoader",
    "DeadReLUs",
    "EarlyStopping",
    "History",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "Run",
    "SanityReport",
    "StopOnExplosion",
    "TensorBoard",
    "TokenStream",
    "UpdateRatio",
    "accuracy",
    "channel_stats",
    "evaluate",
    "fit",
    "load_checkpoint",
    "load_weights",
    "mean_image",
    "one_hot",
    "pad_sequence",
    "predict",
    "prefetch",
    "sanity_check",
    "save_checkpoint",
]
