"""Networks over sequences of symbols: a language model and a classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn, ops
from fastnn.autograd.tensor import Tensor, as_tensor

State = tuple[Tensor, Tensor]


def _codes(network: str, codes: Any, vocabulary: int) -> NDArray[np.int64]:
    """Symbols as int64, within the vocabulary."""
    array = np.asarray(codes.numpy() if isinstance(codes, Tensor) else codes)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{network}: symbols must be integers, got {array.dtype}")
    if array.size and (array.min() < 0 or array.max() >= vocabulary):
        raise ValueError(
            f"{network}: symbols must lie in 0..{vocabulary - 1}, found {array.min()}..{array.max()}"
        )
    return array.astype(np.int64, copy=False)


class CharLSTM(nn.Module):
    """A language model: the next character from those before it.

    An embedding, an LSTM of several layers, a linear layer to one logit per character. Sequences may have any
    length, in training and after it, since the state is all that is carried on.

    Parameters
    ----------
    vocabulary : number of different characters.
    hidden_size : units of each layer of the LSTM.
    num_layers : of the LSTM.
    embedding_size : of the characters, `hidden_size` where None.
    dropout : probability between the layers of the LSTM and in front of the linear layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import models
    >>> model = models.CharLSTM(vocabulary=5, hidden_size=8, num_layers=1)
    >>> logits, state = model(np.zeros((7, 2), dtype=np.int64))
    >>> logits.shape
    (7, 2, 5)
    """

    def __init__(
        self,
        vocabulary: int,
        hidden_size: int = 256,
        num_layers: int = 2,
        embedding_size: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        width = hidden_size if embedding_size is None else embedding_size
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, hidden_size, num_layers, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size, vocabulary)
        nn.init.forget_bias_(self.lstm)

    def forward(self, codes: Any, state: Any = None) -> tuple[Tensor, State]:
        """Logits [steps, batch, vocabulary] of what follows each of the characters [steps, batch], and the state.

        The state (h, c), each [num_layers, batch, hidden_size], lets the next call go on where this one stopped;
        ``detach_state(state)`` cuts it off from the tape between batches of truncated backpropagation.
        """
        codes = _codes("CharLSTM", codes, self.embedding.num_embeddings)
        y, state = self.lstm(self.embedding(codes), state)
        return self.head(self.dropout(y)), state

    def sample(
        self,
        start: Sequence[int] | NDArray[Any],
        length: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.int64]:
        """`length` further characters after `start`, drawn one after another; see `stream`.

        Examples
        --------
        >>> from fastnn import models
        >>> models.CharLSTM(5, 8).sample([0, 1], 4, seed=0).shape
        (4,)
        """
        if length < 0:
            raise ValueError(f"CharLSTM.sample: length must not be negative, is {length}")
        drawn = self.stream(start, temperature=temperature, top_k=top_k, seed=seed)
        return np.fromiter((next(drawn) for _ in range(length)), np.int64, length)

    def stream(
        self,
        start: Sequence[int] | NDArray[Any],
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> Iterator[int]:
        """Characters after `start` without end, each drawn from the model's softmax given all before it.

        Runs from weights packed when it begins, one step of the LSTM per character.

        Parameters
        ----------
        start : at least one character.
        temperature : logits are divided by it; 0 takes the most probable character always.
        top_k : draw among the k most probable only.
        seed : of the generator; the same seed gives the same characters.
        """
        codes = _codes("CharLSTM.stream", start, self.embedding.num_embeddings)
        if codes.ndim != 1 or not codes.size:
            raise ValueError(f"CharLSTM.stream: start must be a sequence of characters, got shape {codes.shape}")
        if not (temperature >= 0 and np.isfinite(temperature)):
            raise ValueError(f"CharLSTM.stream: temperature must not be negative, is {temperature}")
        if top_k is not None and top_k < 1:
            raise ValueError(f"CharLSTM.stream: top_k must be positive, is {top_k}")
        return self._draw(codes, temperature, top_k, np.random.default_rng(seed))

    def _draw(
        self, codes: NDArray[np.int64], temperature: float, top_k: int | None, rng: np.random.Generator
    ) -> Iterator[int]:
        groups = [
            tuple(None if w is None else np.array(w.data) for w in group)
            for layer in range(self.lstm.num_layers)
            for group in self.lstm.weights(layer)
        ]
        lstm = ops.pack_lstm(groups)
        head = ops.pack_linear(np.array(self.head.weight.data), np.array(self.head.bias.data))
        table = np.array(self.embedding.weight.data)
        state = None
        for code in codes:
            y, state = lstm.step(table[code][None], state)
        while True:
            code = choose(head(y)[0], temperature, top_k, rng)
            yield code
            y, state = lstm.step(table[code][None], state)


def choose(
    logits: NDArray[Any], temperature: float, top_k: int | None, rng: np.random.Generator
) -> int:
    """An index drawn from the softmax of logits / temperature, among the `top_k` largest."""
    if temperature == 0:
        return int(np.argmax(logits))
    scaled = logits.astype(np.float64) / temperature
    if top_k is not None and top_k < scaled.size:
        best = np.argpartition(scaled, -top_k)[-top_k:]
    else:
        best = np.arange(scaled.size)
    weights = np.exp(scaled[best] - scaled[best].max())
    return int(best[rng.choice(best.size, p=weights / weights.sum())])


def detach_state(state: Any) -> Any:
    """The same state, cut off from the tape."""
    return None if state is None else tuple(as_tensor(part).detach() for part in state)


class SequenceClassifier(nn.Module):
    """Classes of sequences of symbols of different lengths: embedding, LSTM, a linear layer on its last state.

    Parameters
    ----------
    vocabulary : number of different symbols.
    num_classes : logits per sequence.
    hidden_size, num_layers, bidirectional : of the LSTM.
    embedding_size : of the symbols, `hidden_size` where None.
    dropout : probability between layers and in front of the linear layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import models
    >>> model = models.SequenceClassifier(vocabulary=26, num_classes=3, hidden_size=8)
    >>> model(np.zeros((5, 2), dtype=np.int64), lengths=np.array([5, 3])).shape
    (2, 3)
    """

    def __init__(
        self,
        vocabulary: int,
        num_classes: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = False,
        embedding_size: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        width = hidden_size if embedding_size is None else embedding_size
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, hidden_size, num_layers, bidirectional=bidirectional, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size * self.lstm.directions, num_classes)
        nn.init.forget_bias_(self.lstm)

    def forward(self, codes: Any, lengths: Any = None) -> Tensor:
        """Logits [batch, num_classes] of sequences [steps, batch], padded with any symbol beyond their `lengths`."""
        codes = _codes("SequenceClassifier", codes, self.embedding.num_embeddings)
        _, (h, _) = self.lstm(self.embedding(codes), lengths=lengths)
        last = h[-self.lstm.directions :]
        return self.head(self.dropout(last.permute((1, 0, 2)).reshape((last.shape[1], -1))))


def char_lstm(vocabulary: int, hidden_size: int = 256, num_layers: int = 2, dropout: float = 0.0) -> CharLSTM:
    """`CharLSTM` with two layers of 256 units."""
    return CharLSTM(vocabulary, hidden_size, num_layers, dropout=dropout)


def sequence_classifier(
    vocabulary: int, num_classes: int, hidden_size: int = 128, num_layers: int = 1, dropout: float = 0.0
) -> SequenceClassifier:
    """`SequenceClassifier` with one layer of 128 units."""
    return SequenceClassifier(vocabulary, num_classes, hidden_size, num_layers, dropout=dropout)
