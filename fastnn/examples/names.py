"""The language of a surname, letter by letter: sequences of unequal lengths through an LSTM.

    python -m fastnn.examples.names --data names      # a folder with one text file per language, one name per line
    python -m fastnn.examples.names --data names --ask Rodriguez --ask Nakamura
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastnn import models, train
from fastnn.autograd.tensor import Tensor
from fastnn.examples import _common

LETTERS = "?abcdefghijklmnopqrstuvwxyz '-.,"  # ? stands for everything else


def encode(name: str) -> NDArray[np.int64]:
    """Letters without accents as numbers [length]."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name.lower()) if not unicodedata.combining(c))
    return np.array([max(LETTERS.find(c), 0) for c in plain], dtype=np.int64)


def read(folder: str) -> tuple[list[NDArray[np.int64]], NDArray[np.int64], list[str]]:
    """Names, the numbers of their languages, and the languages."""
    files = sorted(f for f in os.listdir(folder) if f.endswith(".txt"))
    if not files:
        raise ValueError(f"{folder}: no .txt files")
    names, labels = [], []
    for label, file in enumerate(files):
        with open(os.path.join(folder, file), encoding="utf-8") as lines:
            found = sorted({line.strip() for line in lines} - {""})
        names += [encode(name) for name in found]
        labels += [label] * len(found)
    return names, np.array(labels), [file.removesuffix(".txt") for file in files]


class Padded(models.SequenceClassifier):
    """The classifier on what `train.pad_sequence` makes of a batch."""

    def forward(self, batch: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Tensor:  # type: ignore[override]
        codes, lengths = batch
        return super().forward(codes, lengths)


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Train and evaluate; returns loss and accuracy on the names held out."""
    parser = _common.parser(
        "The language of a surname, by an LSTM.",
        "a folder with one text file per language, one name per line",
        epochs=8, batch_size=64, lr=0.005,
    )  # fmt: skip
    parser.add_argument("--hidden", type=int, default=128, help="units of the LSTM")
    parser.add_argument("--ask", action="append", default=[], metavar="NAME", help="tell the language of this name")
    options = _common.parsed(parser, arguments)
    names, labels, languages = read(options.data)

    order = np.random.default_rng(0).permutation(len(names))
    held_out, learnt = np.split(order, [len(names) // 10])
    batches, test = (
        train.DataLoader(
            [names[i] for i in rows], labels[rows], batch_size=options.batch_size, shuffle=True,
            seed=options.seed, collate=train.pad_sequence,
        )
        for rows in (learnt, held_out)
    )  # fmt: skip
    model = Padded(len(LETTERS), len(languages), options.hidden)
    history = _common.fit(options, model, batches, test, adam=True, weight_decay=0.01, clip_norm=1.0)
    model.eval()
    for name in options.ask:
        scores = model(train.pad_sequence([encode(name)])).softmax(1).numpy()[0]
        best = np.argsort(scores)[::-1][:3]
        _common.say(options, f"{name:16}", "  ".join(f"{languages[i]} {scores[i]:.0%}" for i in best))
    return {"loss": history["val_loss"][-1], "accuracy": history["val_accuracy"][-1]}


if __name__ == "__main__":
    main()
