"""The training steps that are timed: same weights for every library, a check of gradients, the table."""

import numpy as np
import pytest

pytest.importorskip("fastnn")
from benchmarks.peers.fastnn_ import Library
from benchmarks.train_group import train_table
from benchmarks.train_networks import LIMIT, NETWORKS, StepCase, exact_error


def _first(job):
    losses = [job.fetch(job.run())]
    return losses, job.gradients()


def test_a_step_matches_float64_and_a_wrong_gradient_does_not():
    case = StepCase("lenet", 2)
    library = Library("packed", 1)
    exact = library.exact_step(case)
    losses, gradients = _first(library.step(case))
    exact["losses"] = exact["losses"][:1]
    assert exact_error(case, losses, gradients, exact) < LIMIT
    name = next(iter(gradients))
    assert exact_error(case, losses, {**gradients, name: 1.1 * gradients[name]}, exact) > LIMIT
    assert not exact_error(case, [float("nan")], gradients, exact) <= LIMIT


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_same_weights_in_both_libraries(name):
    torch = pytest.importorskip("torch")
    from fastnn import nn

    case = StepCase(name, 1)
    shapes = {key: a.shape for key, a in case.build(nn).state_dict().items()}
    assert shapes == {key: tuple(t.shape) for key, t in case.build(torch.nn).state_dict().items()}
    state = case.state(shapes)
    again = case.state(dict(reversed(shapes.items())))
    assert all(np.array_equal(state[key], again[key]) for key in shapes)


def test_table_names_both_memories():
    peers = {"fastnn": {"ms": 2.0, "coarse": False, "problem": None, "spins": False, "peak_bytes": 2**20}}
    row = {"name": "lenet", "shape": "N=2", "peers": peers, "best_of_three": 1.5, "goal": 1.6}
    row |= {"gflops": 1.0, "peak_share": 0.5}
    lines = train_table({"about": {"rounds": 1}, "rows": [row]})
    assert any(line.split() == ["lenet", "1.0"] for line in lines)
