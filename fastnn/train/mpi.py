"""Data-parallel training over the processes of an MPI job: ``mpirun -n 4 python train.py``.

Every process has the whole model and a part of each batch. `DataParallel` makes all start from the weights of
process 0 and, before each step of the optimiser, sums the gradients of all processes in one flat allreduce; so
every process makes the same step as one process with the whole batch would. What is summed is the mean over
the processes weighted by their rows, which is the gradient of the mean loss over the whole batch.

Batch norm takes the statistics of a process's own part of the batch, as is usual; its running averages are
averaged over the processes by `DataParallel.average_buffers`. Layers without that dependence on the batch
(layer norm, group norm) give the weights of one process to rounding. Dropout draws the same mask numbers in
every process unless each is seeded with its rank.

Needs the extra `mpi` and an MPI library, for instance Debian's ``openmpi-bin``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd.tensor import Tensor
from fastnn.nn.module import Module


def world() -> Any:
    """The communicator of all processes, as mpi4py gives it.

    Raises
    ------
    ImportError
        Where mpi4py is not installed or finds no MPI library.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            'training over processes needs mpi4py and an MPI library: pip install "fastnn-kernels[mpi]", '
            f"and for instance Debian's openmpi-bin ({error})"
        ) from None
    return MPI.COMM_WORLD


def split(batch: Any, comm: Any = None) -> Any:
    """This process's rows of a batch that all processes have: consecutive ones, of as equal number as can be.

    Parameters
    ----------
    batch : array [n, ...], or a tuple of such.
    comm : a communicator; that of all processes where None.

    Returns
    -------
    View of rows ``n * rank // size`` up to ``n * (rank + 1) // size``, or a tuple of them; empty where there
    are fewer rows than processes.

    Raises
    ------
    ValueError
        For arrays of unequal lengths in a tuple.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> split([10, 20, 30], SimpleNamespace(rank=1, size=2))
    [20, 30]
    """
    comm = world() if comm is None else comm
    if isinstance(batch, tuple):
        if len({len(part) for part in batch}) > 1:
            raise ValueError(f"mpi.split: arrays of lengths {[len(part) for part in batch]} do not belong together")
        return tuple(split(part, comm) for part in batch)
    n = len(batch)
    return batch[n * comm.rank // comm.size : n * (comm.rank + 1) // comm.size]


class DataParallel:
    """An optimiser whose steps use the gradients of all processes.

    Everything else (`param_groups`, `state_dict`, ...) is the wrapped optimiser's, so that it can be given to
    `train.fit` and to schedulers in its place.

    Parameters
    ----------
    optimizer : any with `param_groups`, `step` and `zero_grad`; of the same kind in every process.
    model : its parameters and buffers take the values of process 0; where None, the optimiser's parameters
        alone do.
    comm : an mpi4py communicator; that of all processes where None.

    Raises
    ------
    ValueError
        In every process, where the processes have parameters of different numbers, shapes or dtypes.
    ImportError
        Where mpi4py is not installed or finds no MPI library.

    Examples
    --------
    One line makes a script run under mpirun; each process passes its own rows::

        optimizer = mpi.DataParallel(train.SGD(model.parameters(), lr=0.1), model)
        for batch in loader:                      # the same batches everywhere: the same seed
            x, y = mpi.split(batch)
            optimizer.zero_grad()
            loss_function(model(x), y).backward()
            optimizer.step(rows=len(x))           # rows only where parts may be unequal

    `train.fit` works on a process's own part of the set, which must give every process as many batches of the
    same sizes, since each step waits for all: cut the set to a multiple of ``comm.size * batch_size`` before::

        train.fit(model, *mpi.split((x, y)), batch_size=64, optimizer=mpi.DataParallel(optimizer, model))
    """

    def __init__(self, optimizer: Any, model: Module | None = None, comm: Any = None) -> None:
        self.optimizer, self.model = optimizer, model
        self.comm = world() if comm is None else comm
        self._check_alike()
        self.broadcast()

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer":  # not set yet, while a copy is being made
            raise AttributeError(name)
        return getattr(self.optimizer, name)

    @property
    def parameters(self) -> list[Tensor]:
        """The optimiser's parameters, in its order."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def broadcast(self, root: int = 0) -> None:
        """Give every process the parameters and buffers of process `root`."""
        for tensor in self._tensors():
            value = np.array(tensor.numpy(), order="C")
            self.comm.Bcast(value, root=root)
            _assign(tensor, value)

    def step(self, closure: Any = None, *, rows: int | None = None) -> Any:
        """Sum the gradients over all processes, then let the optimiser make its step.

        Parameters
        ----------
        closure : None; those that compute the loss again, as L-BFGS needs them, are refused.
        rows : how many rows the loss of this process is the mean of; None where all have the same number.

        Raises
        ------
        ValueError
            For a closure, a negative number, and where no process has a row.
        """
        if closure is not None:
            raise ValueError("mpi: a closure sees the loss of one process, steps over several cannot use it")
        self.reduce_gradients(rows)
        return self.optimizer.step()

    def reduce_gradients(self, rows: int | None = None) -> None:
        """Replace each gradient by the mean over all processes, weighted by their rows."""
        if rows is not None and rows < 0:
            raise ValueError(f"mpi: rows must not be negative, is {rows}")
        parameters = self.parameters
        weight = 1.0 if rows is None else float(rows)
        for dtype in dict.fromkeys(p.dtype for p in parameters):
            of_dtype = [p for p in parameters if p.dtype == dtype]
            flat = self._sum(self._gather(of_dtype, weight))
            total = float(flat[-1])
            if total == 0:
                raise ValueError("mpi: no process has a row in this step")
            self._scatter(of_dtype, flat, total)

    def average_buffers(self) -> None:
        """Replace floating buffers (running averages of batch norm) by their mean over all processes."""
        if self.model is None:
            return
        for _, buffer in self.model.named_buffers():
            if buffer.dtype.kind == "f":
                _assign(buffer, self._sum(np.array(buffer.numpy(), order="C")) / self.comm.size)

    def _sum(self, values: NDArray[Any]) -> NDArray[Any]:
        total = np.empty_like(values)
        self.comm.Allreduce(values, total)
        return total

    def _gather(self, parameters: list[Tensor], weight: float) -> NDArray[Any]:
        """Gradients times weight, for each parameter whether it has one, and the weight; in one array."""
        n = len(parameters)
        size = sum(p.size for p in parameters)
        flat = np.empty(size + n + 1, dtype=parameters[0].dtype)
        start = 0
        for i, p in enumerate(parameters):
            part = flat[start : start + p.size].reshape(p.shape)
            if p.grad is None or weight == 0:  # a mean over no rows is NaN
                part[...] = flat[size + i] = 0
            else:
                np.multiply(p.grad.numpy(), flat.dtype.type(weight), out=part)
                flat[size + i] = 1
            start += p.size
        flat[-1] = weight
        return flat

    def _scatter(self, parameters: list[Tensor], flat: NDArray[Any], total: float) -> None:
        start, size = 0, len(flat) - len(parameters) - 1
        for i, p in enumerate(parameters):
            if flat[size + i]:  # a gradient in at least one process
                mean = flat[start : start + p.size].reshape(p.shape) / flat.dtype.type(total)
                p.grad = Tensor(mean)
            start += p.size

    def _tensors(self) -> list[Tensor]:
        found = {id(p): p for p in self.parameters}
        if self.model is not None:
            found |= {id(p): p for p in self.model.parameters()}
            found |= {id(b): b for _, b in self.model.named_buffers()}
        return list(found.values())

    def _check_alike(self) -> None:
        mine = [(tuple(t.shape), str(t.dtype)) for t in self._tensors()]
        everyone = self.comm.allgather(mine)
        different = [rank for rank, theirs in enumerate(everyone) if theirs != everyone[0]]
        if different:
            raise ValueError(f"mpi: shapes or dtypes of processes {different} are not those of process 0")


def _assign(tensor: Tensor, value: NDArray[Any]) -> None:
    tensor._memory()[...] = value
    tensor._changed()
