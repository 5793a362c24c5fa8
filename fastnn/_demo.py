"""`fastnn demo`: train a small network on images, save it, load it in a new process, and time its kernels."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from typing import Any

import numpy as np

from fastnn import nn, train
from fastnn._demo_data import Data, Scaling, draw, load, side_by_side, training_set
from fastnn._demo_kernels import kernel_table, measure

WEIGHTS = "fastnn-demo.safetensors"
BATCH = 64
LEARNING_RATE = 0.05
EXAMPLES = 5


def network(channels: int, height: int, width: int, classes: int) -> nn.Sequential:
    """LeNet with today's layers: twice 3x3 convolution, ReLU and 2x2 pooling, then two linear layers."""
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def run(path: str | None, epochs: int | None, save: str | None, seed: int, as_json: bool) -> int:
    """The whole demonstration; returns the exit status."""
    say = (lambda *_: None) if as_json else print
    target = _writable(save or WEIGHTS)
    data = load(path)
    channels, height, width = data.x_train.shape[1:]
    epochs = (8 if path is None else 3) if epochs is None else epochs
    nn.init.manual_seed(seed)
    model = network(channels, height, width, data.classes)
    say(
        f"{data.name}: {len(data.x_train)} images of {channels}x{height}x{width} to learn from, "
        f"{len(data.x_test)} held out, {data.classes} classes"
    )
    scaling = Scaling.of(data.x_train)
    started = time.perf_counter()
    history = _train(model, data, scaling, epochs, seed, say)
    seconds = time.perf_counter() - started
    if history.interrupted:
        print("interrupted; nothing was saved", file=sys.stderr)
        return 130
    held_out = train.evaluate(model, scaling.apply(data.x_test), data.y_test)
    say(f"held-out accuracy {held_out['accuracy']:.2%} after {seconds:.1f} s")
    _save(target, model, data, scaling)
    say(f"weights saved to {target}\n\na new process loads them and classifies {EXAMPLES} held-out images:\n")
    examples = _classify_elsewhere(target, path, as_json)
    say(f"\nthe kernels of this network, batch {BATCH}, against NumPy (im2col + BLAS), milliseconds:\n")
    rows = measure(channels, height, width, data.classes, BATCH)
    if as_json:
        result = {"data": data.name, "epochs": epochs, "seconds": seconds, "history": history}
        result |= {"held_out": held_out, "weights": target, "examples": examples, "kernels": rows}
        print(json.dumps(result))
    else:
        print(kernel_table(rows))
    return 0


def _writable(path: str) -> str:
    """The path, whose folder can be written to: better to know before the training than after."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise ValueError(f"cannot write {path}")
    return path


def _train(model: nn.Module, data: Data, scaling: Scaling, epochs: int, seed: int, say: Any) -> train.History:
    """SGD with momentum; the step size falls along half a cosine."""
    x, y = training_set(data.x_train, data.y_train)
    optimizer = train.SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9, weight_decay=5e-4)

    def anneal(done: int, _: train.History) -> None:
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * done / epochs)) / 2

    return train.fit(
        model,
        scaling.apply(x),
        y,
        epochs=epochs,
        batch_size=BATCH,
        optimizer=optimizer,
        validation=(scaling.apply(data.x_test), data.y_test),
        seed=seed,
        report=say,
        on_epoch=anneal,
    )


def _save(path: str, model: nn.Module, data: Data, scaling: Scaling) -> None:
    about = {
        "channels": data.x_train.shape[1],
        "height": data.x_train.shape[2],
        "width": data.x_train.shape[3],
        "classes": data.classes,
        "mean": scaling.mean,
        "deviation": scaling.deviation,
    }
    train.save_checkpoint(path, model, {"fastnn demo": json.dumps(about)})


def _classify_elsewhere(weights: str, path: str | None, as_json: bool) -> Any:
    """Run `fastnn classify` in a new process; it prints, or with `as_json` its findings are returned."""
    command = [sys.executable, "-m", "fastnn", "classify", "--weights", weights]
    command += ["--data", path] if path is not None else []
    sys.stdout.flush()
    done = subprocess.run(
        command + ["--json"] * as_json, stdout=subprocess.PIPE if as_json else None, text=True
    )
    if done.returncode:
        raise RuntimeError(f"the process that classifies ended with status {done.returncode}")
    return json.loads(done.stdout) if as_json else None


def classify(weights: str, path: str | None, as_json: bool) -> int:
    """Load what `run` saved and classify a few held-out images; returns the exit status."""
    model, scaling, shape = _load(weights)
    data = load(path)
    if data.x_test.shape[1:] != shape:
        raise ValueError(
            f"{data.name}: images are {data.x_test.shape[1:]}, the network in {weights} takes {shape}"
        )
    chosen = np.unique(np.linspace(0, len(data.x_test) - 1, EXAMPLES).astype(int))
    logits = train.predict(model, scaling.apply(data.x_test[chosen]))
    said = [int(c) for c in logits.argmax(axis=1)]
    true = [int(label) for label in data.y_test[chosen]]
    if as_json:
        print(
            json.dumps(
                [{"image": int(i), "says": s, "is": t} for i, s, t in zip(chosen, said, true, strict=True)]
            )
        )
        return 0
    captions = [f"{s}" if s == t else f"{s}, but is {t}" for s, t in zip(said, true, strict=True)]
    pictures = [draw(data.x_test[i]) for i in chosen]
    blocks = [[*p, "", f"this is {c}"] for p, c in zip(pictures, captions, strict=True)]
    print(side_by_side(blocks, shutil.get_terminal_size((100, 24)).columns))
    return 0


def _load(weights: str) -> tuple[nn.Module, Scaling, tuple[int, ...]]:
    """The network that a file of `run` describes, with its weights; its scaling; the shape of its images."""
    checkpoint = train.load_checkpoint(weights)
    try:
        about = json.loads(checkpoint.metadata["fastnn demo"])
        sizes = [about[key] for key in ("channels", "height", "width", "classes")]
        scaling = Scaling([float(v) for v in about["mean"]], [float(v) for v in about["deviation"]])
        first, last = checkpoint["0.weight"], checkpoint["9.weight"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{weights}: not a file that fastnn demo has saved") from None
    if not all(isinstance(n, int) for n in sizes) or (sizes[0], sizes[3]) != (first.shape[1], last.shape[0]):
        raise ValueError(f"{weights}: its description does not fit its weights")
    if not len(scaling.mean) == len(scaling.deviation) == sizes[0]:
        raise ValueError(f"{weights}: its scaling does not fit its channels")
    if checkpoint["7.weight"].shape[1:] != (32 * (sizes[1] // 4) * (sizes[2] // 4),):
        raise ValueError(f"{weights}: its description does not fit its weights")
    model = network(*sizes)
    model.load_state_dict(checkpoint)
    return model, scaling, tuple(sizes[:3])
