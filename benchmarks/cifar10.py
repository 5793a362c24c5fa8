"""A small VGG with batch norm on CIFAR-10, trained by fastnn and by PyTorch: accuracy and seconds, side by side.

    python -m benchmarks.cifar10 --data cifar10.npz --seeds 3 --epochs 8

Both start from the same weights and see the same batches and step sizes; dropout draws its own numbers. Each run is
a process of its own. PyTorch runs eagerly in channels_last, its faster layout here.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

BATCH, LARGEST_STEP, MOMENTUM, DECAY = 64, 0.05, 0.9, 5e-4
LIBRARIES = ("fastnn", "torch")


def step_sizes(steps: int) -> list[float]:
    """One cycle: up along a line for a quarter of the steps, down along half a cosine."""
    rise = max(1, steps // 4)
    up = [LARGEST_STEP * (i + 1) / rise for i in range(rise)]
    return up + [LARGEST_STEP / 2 * (1 + math.cos(math.pi * i / (steps - rise))) for i in range(steps - rise)]


def data(path: str, seed: int) -> tuple[Any, Any]:
    """Batches of training images, and the normalised test images with their labels."""
    from fastnn import datasets, train

    arrays = datasets.load_npz(path)
    x, x_test = (np.ascontiguousarray(arrays[name].transpose(0, 3, 1, 2)) for name in ("x_train", "x_test"))
    y, y_test = (arrays[name].astype(np.int64) for name in ("y_train", "y_test"))
    scale = train.Normalize(*train.channel_stats(x))
    augment = train.Compose(train.RandomHorizontalFlip(), train.RandomCrop(32, padding=4), scale)
    batches = train.DataLoader(x, y, batch_size=BATCH, shuffle=True, seed=seed, transform=augment)
    return batches, (scale(x_test), y_test)


def with_fastnn(path: str, seed: int, epochs: int, threads: int) -> float:
    """Train; returns the share of right answers on the test images."""
    import fastnn
    from fastnn import models, nn, train

    fastnn.set_num_threads(threads)
    nn.init.manual_seed(seed)
    model, (batches, test) = models.small_vgg(), data(path, seed)
    optimizer = train.SGD(model.parameters(), lr=0.0, momentum=MOMENTUM, weight_decay=DECAY)
    loss, sizes = nn.CrossEntropyLoss(), iter(step_sizes(epochs * len(batches)))
    for _ in range(epochs):
        for x, y in batches:
            optimizer.param_groups[0]["lr"] = next(sizes)
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    return train.evaluate(model, *test)["accuracy"]


def with_torch(path: str, seed: int, epochs: int, threads: int) -> float:
    """The same with PyTorch's layers, optimiser and loss."""
    import torch

    from fastnn import models, nn

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    nn.init.manual_seed(seed)
    start, (batches, (x_test, y_test)) = models.small_vgg(), data(path, seed)
    model = _torch_form(torch.nn, start)
    model.load_state_dict({name: torch.from_numpy(a) for name, a in start.state_dict().items()})
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=MOMENTUM, weight_decay=DECAY)
    loss, sizes = torch.nn.CrossEntropyLoss(), iter(step_sizes(epochs * len(batches)))
    for _ in range(epochs):
        for x, y in batches:
            optimizer.param_groups[0]["lr"] = next(sizes)
            optimizer.zero_grad()
            images = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)
            loss(model(images), torch.from_numpy(y)).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        found = [model(torch.from_numpy(part)).argmax(1).numpy() for part in np.array_split(x_test, 8)]
    return float((np.concatenate(found) == y_test).mean())


def _torch_form(nn: Any, model: Any) -> Any:
    """The network in PyTorch's layers, under the same names."""
    made = nn.Sequential()
    for name, layer in model.named_children():
        kind = type(layer).__name__
        if kind == "Conv2d":
            new = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, padding=layer.padding)
        elif kind == "BatchNorm2d":
            new = nn.BatchNorm2d(layer.num_features)
        elif kind == "Linear":
            new = nn.Linear(layer.in_features, layer.out_features)
        elif kind == "Dropout":
            new = nn.Dropout(layer.p)
        elif kind == "MaxPool2d":
            new = nn.MaxPool2d(2)
        else:
            new = getattr(nn, kind)() if kind in ("ReLU", "Flatten") else _torch_form(nn, layer)
        made.add_module(name, new)
    return made


def _one(options: argparse.Namespace) -> None:
    started = time.perf_counter()
    train = {"fastnn": with_fastnn, "torch": with_torch}[options.library]
    accuracy = train(options.data, options.seeds, options.epochs, options.threads)
    print(json.dumps({"accuracy": accuracy, "seconds": time.perf_counter() - started}))


def main(arguments: list[str] | None = None) -> None:
    """Print one line per run and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="an .npz file with x_train, y_train, x_test, y_test")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--library", choices=LIBRARIES, help="one run in this process, with --seeds as its seed")
    options = parser.parse_args(arguments)
    if options.library:
        _one(options)
        return
    runs: dict[str, list[dict[str, float]]] = {library: [] for library in LIBRARIES}
    for seed in range(options.seeds):
        for library in LIBRARIES:
            command = [sys.executable, "-m", __spec__.name, "--data", options.data, "--seeds", str(seed)]
            command += ["--epochs", str(options.epochs), "--threads", str(options.threads), "--library", library]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            runs[library].append(found)
            print(f"seed {seed}  {library:8} accuracy {found['accuracy']:.2%}  {found['seconds']:7.1f} s", flush=True)
    for library, found in runs.items():
        accuracy, seconds = (statistics.mean(run[name] for run in found) for name in ("accuracy", "seconds"))
        print(f"mean    {library:8} accuracy {accuracy:.2%}  {seconds:7.1f} s")


if __name__ == "__main__":
    main()
