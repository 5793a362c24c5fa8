"""The embedding layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fastnn.autograd import no_grad
from fastnn.autograd.embedding import embedding
from fastnn.autograd.tensor import Tensor
from fastnn.nn import init
from fastnn.nn._arguments import count, float_dtype
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


class Embedding(Module):
    """Rows of a trained table by their numbers.

    Attributes
    ----------
    weight : [num_embeddings, embedding_dim], standard normal at first; row `padding_idx` zero.

    Parameters
    ----------
    num_embeddings, embedding_dim : size of the table.
    padding_idx : a row that stays as it is: it gets no gradient. Negative numbers count from the end.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Embedding(10, 4)(np.array([[1, 2, 9]])).shape
    (1, 3, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_embeddings = count("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = count("Embedding", "embedding_dim", embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is out of range for {num_embeddings} rows")
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        wanted = float_dtype("Embedding", device, dtype)
        self.weight = Parameter(np.empty((self.num_embeddings, self.embedding_dim), dtype=wanted))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table anew, as PyTorch does."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def forward(self, indices: Any) -> Tensor:
        """Result is [..., embedding_dim]."""
        return embedding(indices, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
