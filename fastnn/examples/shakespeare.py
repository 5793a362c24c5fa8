"""A character LSTM that learns a text and then writes on.

    python -m fastnn.examples.shakespeare --data tinyshakespeare.txt

Two layers of 256 units, truncated back-propagation through 64 characters with the state carried on. The figure to
look at is bits per character on the last tenth of the text, which is held out: 8 without a model, about 4.8 when
only the frequencies of the letters are known.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import models, nn, train
from fastnn.autograd import no_grad
from fastnn.examples import _common
from fastnn.models.recurrent import detach_state


def bits_per_character(model: models.CharLSTM, codes: NDArray[np.int64], batch_size: int, length: int) -> float:
    """Mean surprise at the next character, in bits."""
    total, count, state, criterion = 0.0, 0, None, nn.CrossEntropyLoss()
    model.eval()
    with no_grad():
        for x, y in train.TokenStream(codes, batch_size=batch_size, length=length):
            logits, state = model(x, state)
            total += criterion(logits.reshape(-1, logits.shape[-1]), y.reshape(-1)).item() * y.size
            count += y.size
    return total / count / math.log(2)


def learn(model: models.CharLSTM, codes: NDArray[np.int64], held_out: NDArray[np.int64], options: Any) -> float:
    """Epochs until they or the minutes are over; returns bits per character of the held-out text."""
    stream = train.TokenStream(codes, batch_size=options.batch_size, length=options.length)
    optimizer = train.AdamW(model.parameters(), lr=options.lr, weight_decay=0.01)
    schedule = train.lr_scheduler.OneCycleLR(
        optimizer, max_lr=options.lr, total_steps=options.epochs * len(stream)
    )
    criterion, started, bits = nn.CrossEntropyLoss(), time.monotonic(), math.inf
    for epoch in range(1, options.epochs + 1):
        model.train()
        state, total = None, 0.0
        for x, y in stream:
            logits, state = model(x, state)
            state = detach_state(state)
            loss = criterion(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            train.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
            if time.monotonic() - started > 60 * options.minutes:
                break
        bits = bits_per_character(model, held_out, min(16, options.batch_size), options.length)
        seconds = time.monotonic() - started
        learnt = total / len(stream) / math.log(2)
        _common.say(options, f"epoch {epoch}/{options.epochs}  {learnt:.3f} bits, held out {bits:.3f}  {seconds:.0f} s")
        if seconds > 60 * options.minutes:
            break
    return bits


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Train and write; returns bits per character on held-out text, and the sample."""
    parser = _common.parser(
        "A character LSTM that learns a text and writes on.", "a text file", epochs=10, batch_size=32, lr=0.004
    )
    parser.add_argument("--hidden", type=int, default=256, help="units of a layer")
    parser.add_argument("--length", type=int, default=64, help="characters of truncated back-propagation")
    parser.add_argument("--dropout", type=float, default=0.2, help="between the layers")
    parser.add_argument("--minutes", type=float, default=10.0, help="stop after that long")
    parser.add_argument("--characters", type=int, help="use only so many of the text")
    parser.add_argument("--write", type=int, default=400, help="characters to write at the end")
    parser.add_argument("--temperature", type=float, default=0.7, help="of what is written: lower is safer")
    options = _common.parsed(parser, arguments)
    with open(options.data, encoding="utf-8") as file:
        text = file.read()[: options.characters]
    alphabet = sorted(set(text))
    codes = np.searchsorted(alphabet, list(text)).astype(np.int64)
    learnt, held_out = np.split(codes, [len(codes) * 9 // 10])

    model = models.char_lstm(len(alphabet), options.hidden, dropout=options.dropout)
    bits = learn(model, learnt, held_out, options)
    if options.save:
        train.save_checkpoint(options.save, model, {"alphabet": "".join(alphabet)})
    written = model.eval().sample(
        learnt[-options.length :], options.write, temperature=options.temperature, seed=options.seed
    )
    sample = "".join(alphabet[i] for i in written)
    _common.say(options, f"\n{sample}")
    return {"bits": bits, "sample": sample}


if __name__ == "__main__":
    main()
