"""Checks an installed fastnn without its source tree: ``python -I smoke.py`` (isolated from it)."""

import importlib.metadata
import importlib.resources
import pathlib
import subprocess
import sys

import fastnn.benchmarks
import numpy as np

import fastnn
from fastnn import nn, ops, train


def naive_conv2d(x, w):
    """Valid convolution, stride 1, from the definition."""
    n, _, h, wd = x.shape
    oc, _, kh, kw = w.shape
    y = np.zeros((n, oc, h - kh + 1, wd - kw + 1))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            y[:, :, i, j] = np.einsum("ncrs,ocrs->no", x[:, :, i : i + kh, j : j + kw], w)
    return y


def check_results():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 19, 9, 11)), rng.normal(size=(21, 19, 3, 2))
    want = naive_conv2d(x, w)
    for name in fastnn.cpu.available():
        fastnn.cpu.use(name)
        for dtype, tolerance in ((np.float32, 1e-4), (np.float64, 1e-11)):
            got = ops.conv2d(x.astype(dtype), w.astype(dtype))
            assert got.dtype == dtype
            np.testing.assert_allclose(got, want, rtol=0, atol=tolerance, err_msg=name)
            blocked = ops.conv2d(fastnn.blocked(x.astype(dtype)), w.astype(dtype))
            np.testing.assert_allclose(np.asarray(blocked), want, rtol=0, atol=tolerance, err_msg=name)


def check_training(folder):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 1, 8, 8)).astype(np.float32)
    target = np.arange(8) % 3
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    loss_of, optimiser = nn.CrossEntropyLoss(), train.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(30):
        loss = loss_of(model(fastnn.autograd.Tensor(x)), target)
        model.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.item()))
    assert losses[-1] < 0.3 * losses[0], losses
    path = pathlib.Path(folder) / "weights.safetensors"
    train.save_checkpoint(path, model)
    weights = train.load_checkpoint(path)
    assert sorted(weights) == sorted(model.state_dict())


def check_files():
    header = pathlib.Path(fastnn.get_include()) / "fastnn.h"
    assert "fnn_conv" in header.read_text(), header
    package = importlib.resources.files("fastnn")
    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("benchmarks", "shapes", "resnet50.txt").is_file()
    assert importlib.metadata.version("fastnn-kernels") == fastnn.__version__
    here = pathlib.Path(fastnn.__file__).resolve()
    assert "site-packages" in here.parts, f"fastnn came from {here}, not from an installed wheel"


def check_command():
    out = subprocess.run(
        [sys.executable, "-I", "-m", "fastnn", "info"], capture_output=True, text=True, check=True
    ).stdout
    assert fastnn.__version__ in out, out


if __name__ == "__main__":
    import tempfile

    check_files()
    check_results()
    with tempfile.TemporaryDirectory() as folder:
        check_training(folder)
    check_command()
    sets = ", ".join(fastnn.cpu.available())
    print(f"fastnn {fastnn.__version__} on Python {sys.version.split()[0]}: {sets} checked")
