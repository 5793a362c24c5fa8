"""Training: optimisers and their schedules, the loop, metrics and checkpoints."""

from fastnn.train import lr_scheduler, mpi
from fastnn.train.adaptive import Adagrad, Adam, AdamW, RMSprop
from fastnn.train.callbacks import Callback, EarlyStopping, TensorBoard
from fastnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fastnn.train.clip import clip_grad_norm_, clip_grad_value_
from fastnn.train.data import DataLoader
from fastnn.train.evaluate import evaluate, predict
from fastnn.train.history import History
from fastnn.train.inspect import Activations, inspect_activations
from fastnn.train.lbfgs import LBFGS
from fastnn.train.loop import fit
from fastnn.train.metrics import accuracy
from fastnn.train.monitors import DeadReLUs, StopOnExplosion, UpdateRatio
from fastnn.train.optim import SGD, Optimizer
from fastnn.train.prefetch import prefetch
from fastnn.train.resume import Checkpointing, load_weights
from fastnn.train.run import Run
from fastnn.train.sanity import SanityReport, sanity_check
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
    "LBFGS",
    "SGD",
    "Activations",
    "Adagrad",
    "Adam",
    "AdamW",
    "Callback",
    "Checkpoint",
    "Checkpointing",
    "Choice",
    "Compose",
    "DataLoader",
    "DeadReLUs",
    "EarlyStopping",
    "History",
    "Integer",
    "Normalize",
    "Optimizer",
    "RMSprop",
    "RandomCrop",
    "RandomHorizontalFlip",
    "Run",
    "SanityReport",
    "SearchResult",
    "StopOnExplosion",
    "StopTrial",
    "TensorBoard",
    "TokenStream",
    "Uniform",
    "UpdateRatio",
    "accuracy",
    "channel_stats",
    "clip_grad_norm_",
    "clip_grad_value_",
    "evaluate",
    "fit",
    "inspect_activations",
    "load_checkpoint",
    "load_weights",
    "lr_scheduler",
    "mean_image",
    "mpi",
    "one_hot",
    "pad_sequence",
    "predict",
    "prefetch",
    "sanity_check",
    "save_checkpoint",
    "search",
]
