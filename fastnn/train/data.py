"""Batches of a set, in an order drawn anew for each epoch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import numpy as np

from fastnn.autograd.tensor import Tensor
from fastnn.train.prefetch import prefetch as work_ahead

Transform = Callable[[Any, np.random.Generator], Any]
Collate = Callable[..., Any]


class DataLoader:
    """Batches of inputs, or of inputs and targets; one pass is an epoch.

    The order of epoch e depends on `seed` and e alone, and the random numbers of a transform on `seed`, e and
    the number of the batch: batches are the same bits with and without prefetching, and after a resume.

    Parameters
    ----------
    x : array [n, ...], or anything with ``len()`` that can be indexed by an array of rows, for instance
        `datasets.ImageFolder` or a memory map. With `collate`, any sequence.
    y : targets [n, ...]; None for batches of inputs alone.
    batch_size : rows of a batch. The last batch may be smaller; one larger than the set is one batch of n.
    shuffle, seed : whether each epoch has an order of its own, and the seed of it.
    transform : ``transform(x, generator)`` gives the batch to use instead of x, see `train.Compose`.
    collate : ``collate([x[i], ...])``, or ``collate([x[i], ...], [y[i], ...])`` with targets, makes a batch of
        single items; None takes the rows of arrays. `train.pad_sequence` is one for inputs of unequal lengths.
    drop_last : leave out a last batch that would be smaller.
    prefetch : how many batches a thread makes ahead; 0 makes them when asked for.

    Raises
    ------
    ValueError
        For an empty set, inputs and targets of unequal lengths, and where `drop_last` would leave no batch.

    Notes
    -----
    Values are not looked at: NaN is refused by `train.channel_stats`, labels by `train.one_hot` and
    `train.fit`, which also stops where a loss becomes NaN. What a transform raises is raised in the loop that
    takes the batches.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import train
    >>> loader = train.DataLoader(np.arange(5), np.arange(5) * 10, batch_size=2)
    >>> for x, y in loader:
    ...     print(x, y)
    [0 1] [ 0 10]
    [2 3] [20 30]
    [4] [40]
    >>> len(loader), loader.state_dict()
    (3, {'seed': 0, 'epoch': 1, 'batch': 0})
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int = 64,
        shuffle: bool = False,
        seed: int = 0,
        transform: Transform | None = None,
        collate: Collate | None = None,
        drop_last: bool = False,
        prefetch: int = 2,
    ) -> None:
        self._x, self._y = (_rows(v, collate is not None) for v in (x, y))
        n = len(self._x)
        if y is not None and len(self._y) != n:
            raise ValueError(f"DataLoader: {n} inputs and {len(self._y)} targets do not belong together")
        if not n:
            raise ValueError("DataLoader: the set is empty")
        if batch_size < 1 or prefetch < 0:
            raise ValueError(
                "DataLoader: batch_size must be positive and prefetch not negative, "
                f"are {batch_size} and {prefetch}"
            )
        if drop_last and batch_size > n:
            raise ValueError(f"DataLoader: drop_last leaves no batch of {batch_size} in a set of {n}")
        if seed < 0:
            raise ValueError(f"DataLoader: seed must not be negative, is {seed}")
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.transform, self.collate, self.drop_last, self.prefetch = transform, collate, drop_last, prefetch
        self._epoch, self._batch = 0, 0  # what the next batch is
        self._resumed = False  # whether the next pass begins at that batch rather than at an epoch's first

    def __len__(self) -> int:
        """Batches of an epoch."""
        whole, rest = divmod(len(self._x), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        if self._batch and not self._resumed:  # the last pass was left early: this is another epoch
            self._epoch, self._batch = self._epoch + 1, 0
        self._resumed = False
        return self._pass(self._epoch, self._batch)

    def state_dict(self) -> dict[str, int]:
        """Where the loader stands, as plain numbers: seed, epoch and the batch of it that comes next."""
        return {"seed": self.seed, "epoch": self._epoch, "batch": self._batch}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from there: the next pass gives the batches that were left of that epoch.

        Raises
        ------
        ValueError
            For names that are missing or unknown, and a batch that this loader does not have.
        """
        if set(state) != {"seed", "epoch", "batch"}:
            raise ValueError(f"DataLoader: a state has seed, epoch and batch, this one {sorted(state)}")
        seed, epoch, batch = (int(state[name]) for name in ("seed", "epoch", "batch"))
        if seed < 0 or epoch < 0 or not 0 <= batch < len(self):
            raise ValueError(
                f"DataLoader: seed {seed}, epoch {epoch}, batch {batch} is no state of {len(self)} batches"
            )
        self.seed, self._epoch, self._batch, self._resumed = seed, epoch, batch, True

    def _pass(self, epoch: int, first: int) -> Iterator[Any]:
        with contextlib.closing(work_ahead(self._batches(epoch, first), self.prefetch)) as batches:
            for number, batch in enumerate(batches, first + 1):
                # Before the batch is used, so that a state saved inside the loop is the one to go on from.
                self._epoch, self._batch = (epoch, number) if number < len(self) else (epoch + 1, 0)
                yield batch

    def _batches(self, epoch: int, first: int) -> Generator[Any, None, None]:
        n, size = len(self._x), self.batch_size
        order = np.random.default_rng((self.seed, epoch)).permutation(n) if self.shuffle else np.arange(n)
        for number in range(first, len(self)):
            yield self._make(order[number * size : (number + 1) * size], epoch, number)

    def _make(self, rows: Any, epoch: int, number: int) -> Any:
        if self.collate is not None:
            sets = (self._x,) if self._y is None else (self._x, self._y)
            batch = self.collate(*([values[i] for i in rows.tolist()] for values in sets))
        else:
            batch = self._x[rows] if self._y is None else (self._x[rows], self._y[rows])
        if self.transform is None:
            return batch
        # Plus one: a seed is filled up with zeros, so batch 0 would repeat the numbers behind the order.
        generator = np.random.default_rng((self.seed, epoch, number + 1))
        if isinstance(batch, tuple):
            return (self.transform(batch[0], generator), *batch[1:])
        return self.transform(batch, generator)


def _rows(values: Any, items: bool) -> Any:
    """`values` as something with a length that can be indexed by rows, or by single numbers where `items`."""
    if values is None:
        return None
    if isinstance(values, Tensor):
        return values.numpy()
    if not items and not hasattr(values, "shape") and isinstance(values, (list, tuple)):
        try:
            values = np.asarray(values)
        except ValueError as error:
            raise ValueError(f"DataLoader: items of unequal shapes need a collate function: {error}") from None
    if not hasattr(values, "__len__") or getattr(values, "shape", (0,)) == ():
        raise ValueError(f"DataLoader: {type(values).__name__} has no rows")
    return values
