"""Training: optimisers and their schedules, the loop, metrics and checkpoints."""

from fastnn.train import lr_scheduler
from fastnn.train.adaptive import Adagrad, Adam, AdamW, RMSprop
from fastnn.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fastnn.train.clip import clip_grad_norm_, clip_grad_value_
from fastnn.train.lbfgs import LBFGS
from fastnn.train.loop import History, evaluate, fit, predict
from fastnn.train.metrics import accuracy
from fastnn.train.optim import SGD, Optimizer

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Checkpoint",
    "History",
    "Optimizer",
    "RMSprop",
    "accuracy",
    "clip_grad_norm_",
    "clip_grad_value_",
    "evaluate",
    "fit",
    "load_checkpoint",
    "lr_scheduler",
    "predict",
    "save_checkpoint",
]
