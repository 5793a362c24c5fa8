"""The examples learn: on small made-up sets everywhere, on pieces of the real ones where those are."""

import importlib
import math

import numpy as np
import pytest
from real_data import real_data

from fastnn import train


def run(name, *arguments):
    return importlib.import_module(f"fastnn.examples.{name}").main([*map(str, arguments), "--quiet"])


def stripes(path, n=400, side=16, channels=()):
    """Images with a bright row in one of four places."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, n)
    x = rng.integers(0, 60, (n, side, side, *channels)).astype(np.uint8)
    for image, label in zip(x, y, strict=True):
        image[2 + 4 * label] = 255
    half = n // 2
    np.savez(path, x_train=x[:half], y_train=y[:half], x_test=x[half:], y_test=y[half:])
    return path


def test_mnist_learns_stripes_and_keeps_its_weights(tmp_path):
    saved = tmp_path / "weights.safetensors"
    data = stripes(tmp_path / "set.npz")
    reached = run("mnist", "--data", data, "--epochs", 6, "--batch-size", 16, "--save", saved)
    assert reached["accuracy"] > 0.9
    assert "classifier.3.weight" in train.load_checkpoint(saved)


def test_cifar10_learns_stripes(tmp_path):
    data = stripes(tmp_path / "set.npz", 200, 32, (3,))
    assert run("cifar10", "--data", data, "--epochs", 3, "--batch-size", 16, "--lr", 0.02)["accuracy"] > 0.7


def test_names_of_made_up_languages(tmp_path):
    rng = np.random.default_rng(0)
    for language, letters in (("vowels", "aeiou"), ("consonants", "bdfgk"), ("both", "aebd")):
        names = ["".join(rng.choice(list(letters), rng.integers(3, 9))) for _ in range(150)]
        (tmp_path / f"{language}.txt").write_text("\n".join(names), encoding="utf-8")
    reached = run("names", "--data", tmp_path, "--epochs", 6, "--hidden", 16, "--lr", 0.02, "--ask", "aeio")
    assert reached["accuracy"] > 0.8


def test_shakespeare_learns_a_rhyme(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("to be or not to be, that is the question. " * 100, encoding="utf-8")
    reached = run(
        "shakespeare", "--data", path, "--epochs", 12, "--hidden", 32, "--batch-size", 8, "--length", 32,
        "--dropout", 0, "--lr", 0.02, "--write", 60, "--temperature", 0,
    )  # fmt: skip
    assert reached["bits"] < 0.5
    assert "question" in reached["sample"] and len(reached["sample"]) == 60


@pytest.mark.parametrize("name", ["mnist", "cifar10", "names", "shakespeare"])
def test_what_the_data_lacks_is_named(name, tmp_path, capsys):
    np.savez(tmp_path / "set.npz", x_train=np.zeros((2, 8, 8)))
    data = {"names": tmp_path, "shakespeare": tmp_path / "none.txt"}.get(name, tmp_path / "set.npz")
    with pytest.raises((ValueError, OSError), match=r"y_train|no \.txt|none\.txt"):
        run(name, "--data", data)
    with pytest.raises(SystemExit):
        run(name)
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "file", "options", "figure", "better_than"),
    [
        ("mnist", "mnist.npz", ("--images", 2000, "--epochs", 2), "accuracy", 0.75),
        ("cifar10", "cifar10_12k.npz", ("--images", 640, "--epochs", 2, "--lr", 0.02), "accuracy", 0.13),
        ("names", "names", ("--epochs", 1, "--hidden", 32, "--batch-size", 256), "accuracy", 0.4),
        ("shakespeare", "tinyshakespeare.txt",
         ("--characters", 60_000, "--epochs", 2, "--hidden", 64, "--write", 20), "-bits", -5.0),
    ],
)  # fmt: skip
def test_pieces_of_real_data(name, file, options, figure, better_than):
    reached = run(name, "--data", real_data(file), *options)
    value = -reached[figure[1:]] if figure[0] == "-" else reached[figure]
    assert math.isfinite(value) and value > better_than
