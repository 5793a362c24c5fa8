"""Sequences as batches: padded to one length, or cut from one long stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pad_sequence(
    sequences: Sequence[Any], targets: Sequence[Any] | None = None, *, batch_first: bool = False, value: float = 0
) -> Any:
    """Sequences of unequal lengths as one array, and the lengths; a `collate` of `train.DataLoader`.

    Parameters
    ----------
    sequences : arrays [t_i, ...] that differ in their first dimension only.
    targets : one per sequence; returned as an array.
    batch_first : [n, t, ...] instead of [t, n, ...], where t is the longest.
    value : what stands behind the end of a shorter one.

    Returns
    -------
    (padded, lengths), lengths [n] of int64; with targets ((padded, lengths), targets).

    Raises
    ------
    ValueError
        For no sequences, scalars, and dimensions or numbers of targets that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> padded, lengths = pad_sequence([np.array([1, 2, 3]), np.array([4])], batch_first=True)
    >>> padded.tolist(), lengths.tolist()
    ([[1, 2, 3], [4, 0, 0]], [3, 1])
    """
    arrays = [np.asarray(sequence) for sequence in sequences]
    if not arrays or any(array.ndim == 0 for array in arrays):
        raise ValueError("pad_sequence: needs at least one sequence, each with a first dimension")
    if len({array.shape[1:] for array in arrays}) > 1:
        shapes = sorted({array.shape[1:] for array in arrays})
        raise ValueError(f"pad_sequence: sequences must agree in all but the first dimension, have {shapes}")
    lengths = np.array([len(array) for array in arrays], dtype=np.int64)
    shape = (len(arrays), int(lengths.max()), *arrays[0].shape[1:])
    padded = np.full(shape, value, dtype=np.result_type(*arrays))
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    if not batch_first:
        padded = np.ascontiguousarray(padded.swapaxes(0, 1))
    if targets is None:
        return padded, lengths
    if len(targets) != len(arrays):
        raise ValueError(f"pad_sequence: {len(arrays)} sequences and {len(targets)} targets do not belong together")
    return (padded, lengths), np.asarray(targets)


class TokenStream:
    """Pieces of a long text for a language model: inputs [t, n] and the tokens that follow them [t, n].

    The stream is cut into n lanes of equal length, and piece after piece walks along the lanes: column j of a
    piece continues column j of the piece before, so the state of a recurrent network may be carried over
    while its gradient is cut there (truncated back-propagation through time).

    Parameters
    ----------
    tokens : integers [total]; up to n tokens at its end that fill no lane are left out.
    batch_size : n, the lanes.
    length : t, the steps of a piece; the last one of a pass may be shorter.

    Raises
    ------
    ValueError
        Where the lanes would have no token and successor, and for sizes that are not positive.
    TypeError
        For tokens that are no integers.

    Examples
    --------
    >>> import numpy as np
    >>> stream = TokenStream(np.arange(11), batch_size=2, length=3)
    >>> for x, y in stream:
    ...     print(x.T.tolist(), y.T.tolist())
    [[0, 1, 2], [5, 6, 7]] [[1, 2, 3], [6, 7, 8]]
    [[3, 4], [8, 9]] [[4, 5], [9, 10]]
    """

    def __init__(self, tokens: Any, *, batch_size: int, length: int) -> None:
        stream = np.asarray(tokens)
        if stream.dtype.kind not in "iu":
            raise TypeError(f"TokenStream: tokens must be integers, are {stream.dtype}")
        if batch_size < 1 or length < 1:
            raise ValueError(
                f"TokenStream: batch_size and length must be positive, are {batch_size} and {length}"
            )
        if stream.ndim != 1 or len(stream) <= batch_size:
            raise ValueError(f"TokenStream: tokens of shape {stream.shape} do not fill {batch_size} lanes")
        steps = (len(stream) - 1) // batch_size
        used = steps * batch_size
        self._inputs: NDArray[Any] = stream[:used].reshape(batch_size, steps)
        self._targets: NDArray[Any] = stream[1 : used + 1].reshape(batch_size, steps)
        self._length = length

    def __len__(self) -> int:
        """Pieces of a pass."""
        return -(-self._inputs.shape[1] // self._length)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        for start in range(0, self._inputs.shape[1], self._length):
            columns = slice(start, start + self._length)
            yield tuple(  # type: ignore[misc]
                np.ascontiguousarray(lanes[:, columns].T) for lanes in (self._inputs, self._targets)
            )
