"""Steps over several processes are those of one process with the whole batch: by threads here, and by mpirun."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from fastnn import nn, train
from fastnn.train import mpi

X = np.random.default_rng(0).standard_normal((6, 14, 5))  # batches of 14 rows: unequal parts for 4 processes
Y = np.random.default_rng(1).integers(0, 3, (6, 14))


# Open MPI, of version 4 and of 5, refuses root and more processes than cores unless told otherwise.
ALLOWED = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


def network(seed):
    generator = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3))
    model.load_state_dict({k: generator.standard_normal(v.shape) for k, v in model.state_dict().items()})
    return model


def train_on(model, optimizer, take, **rows_of):
    loss = nn.CrossEntropyLoss()
    for x, y in zip(X.astype(np.float32), Y, strict=True):
        x, y = take((x, y))
        optimizer.zero_grad()
        if len(x):
            loss(model(x), y).backward()
        optimizer.step(**({"rows": len(x)} if rows_of else {}))
    return [p.numpy().reshape(-1).tolist() for p in model.parameters()]


def whole():
    model = network(0)
    return train_on(model, train.SGD(model.parameters(), lr=0.1, momentum=0.9), lambda batch: batch)


def part(comm):
    """What each process does; its own seed makes the broadcast count."""
    model = network(comm.rank)
    optimizer = mpi.DataParallel(train.SGD(model.parameters(), lr=0.1, momentum=0.9), model, comm)
    return train_on(model, optimizer, lambda batch: mpi.split(batch, comm), rows=True)


class ThreadComm:
    """The few calls of a communicator that are used, between threads."""

    def __init__(self, rank, size, barrier, board):
        self.rank, self.size, self.barrier, self.board = rank, size, barrier, board

    def allgather(self, value):
        self.board[self.rank] = value
        self.barrier.wait()
        everyone = list(self.board)
        self.barrier.wait()
        return everyone

    def Bcast(self, array, root):
        array[...] = self.allgather(array.copy())[root]

    def Allreduce(self, values, total):
        total[...] = sum(self.allgather(values))


def in_threads(work, size):
    barrier, board, results = threading.Barrier(size, timeout=30), [None] * size, [None] * size

    def run(rank):
        try:
            results[rank] = work(ThreadComm(rank, size, barrier, board))
        except ValueError as error:
            results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def close(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 4, 16])  # 16: some have no row
def test_threads_with_parts_make_the_steps_of_one_with_the_whole(size):
    results = in_threads(part, size)
    assert all(result == results[0] for result in results)
    close(results[0], whole())


def test_parts_are_all_rows_once():
    parts = in_threads(lambda comm: mpi.split((np.arange(14), np.arange(14)), comm)[1].tolist(), 4)
    assert [row for part in parts for row in part] == list(range(14)) and {len(p) for p in parts} == {3, 4}


def test_parameters_without_gradients_keep_none_and_buffers_are_averaged():
    def work(comm):
        model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        optimizer = mpi.DataParallel(train.SGD(model.parameters(), lr=1.0), model, comm)
        if comm.rank == 1:
            model(np.ones((2, 2), np.float32) + np.eye(2, dtype=np.float32))[:, 0].sum().backward()
            model[0].bias.grad = None
        optimizer.reduce_gradients()
        optimizer.average_buffers()
        grads = [p.grad is None for p in model.parameters()]
        return grads, model[1].running_mean.numpy().tolist(), optimizer.param_groups[0]["lr"]

    one, two = in_threads(work, 2)
    assert one == two and one[0] == [False, True, False, False] and one[2] == 1.0


def test_what_does_not_fit_is_an_error_in_every_process():
    def different(comm):
        return mpi.DataParallel(train.SGD(nn.Linear(2, 2 + comm.rank).parameters(), lr=1), None, comm)

    assert all("not those of process 0" in str(e) for e in in_threads(different, 2))

    def no_rows(comm):
        mpi.DataParallel(train.SGD(nn.Linear(2, 2).parameters(), lr=1), None, comm).step(rows=0)

    assert all("no process has a row" in str(e) for e in in_threads(no_rows, 2))
    with pytest.raises(ValueError, match=r"\[3, 2\]"):
        mpi.split((np.zeros(3), np.zeros(2)), ThreadComm(0, 2, None, None))


def test_without_mpi4py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"fastnn-kernels\[mpi\]"):
        mpi.world()


def test_mpirun():
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun is not installed")
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed")
    # Process 0 prints for all: mpirun mixes what several write at once.
    code = "import json, test_mpi as t; c = t.mpi.world(); r = c.gather(t.part(c))\nif r: print(json.dumps(r))"
    done = subprocess.run(
        ["mpirun", "-n", "2", sys.executable, "-c", code],
        env=os.environ | ALLOWED | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two = json.loads(done.stdout)
    assert one == two
    close(one, whole())
