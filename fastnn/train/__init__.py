"""Training: optimisers, the loop, metrics and checkpoints."""

from fastnn.train.callbacks import Callback, EarlyStopping, TensorBoard
from fastnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fastnn.train.evaluate import evaluate, predict
from fastnn.train.history import History
from fastnn.train.loop import fit
from fastnn.train.metrics import accuracy
from fastnn.train.monitors import DeadReLUs, StopOnExplosion, UpdateRatio
from fastnn.train.optim import SGD
from fastnn.train.resume import Checkpointing, load_weights
from fastnn.train.run import Run
from fastnn.train.sanity import SanityReport, sanity_check

__all__ = [
    "SGD",
    "Callback",
    "Checkpoint",
    "Checkpointing",
    "DeadReLUs",
    "EarlyStopping",
    "History",
    "Run",
    "SanityReport",
    "StopOnExplosion",
    "TensorBoard",
    "UpdateRatio",
    "accuracy",
    "evaluate",
    "fit",
    "load_checkpoint",
    "load_weights",
    "predict",
    "sanity_check",
    "save_checkpoint",
]
