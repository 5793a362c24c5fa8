"""L-BFGS: against PyTorch step by step, a quadratic solved, resuming, bad input."""

import numpy as np
import pytest

from fastnn import nn
from fastnn.train import LBFGS

START = np.array([-1.2, 1.0, 0.5, 2.0])


def rosenbrock(x, y):
    """On two tensors of two elements each; the least is 0 at 1."""
    return (((y - x * x) * (y - x * x)) * 100 + (x - 1) * (x - 1)).sum()


def ours(start=START, **options):
    x, y = nn.Parameter(start[:2].copy()), nn.Parameter(start[2:].copy())
    optimizer = LBFGS([x, y], **options)

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(x, y)
        loss.backward()
        return loss

    return x, y, optimizer, closure


CASES = {
    "plain": {"lr": 1e-3, "max_iter": 3},
    "short history": {"lr": 0.05, "max_iter": 5, "history_size": 2},
    "wolfe": {"line_search_fn": "strong_wolfe", "max_iter": 6},
    "evaluations": {"line_search_fn": "strong_wolfe", "max_iter": 20, "max_eval": 7, "lr": 0.5},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_as_pytorch(options):
    torch = pytest.importorskip("torch")
    x, y, optimizer, closure = ours(**options)
    a, b = (torch.nn.Parameter(torch.tensor(START[i : i + 2].copy())) for i in (0, 2))
    reference = torch.optim.LBFGS([a, b], **options)

    def their_closure():
        reference.zero_grad()
        loss = rosenbrock(a, b)
        loss.backward()
        return loss

    for _ in range(3):
        np.testing.assert_allclose(optimizer.step(closure).item(), reference.step(their_closure).item(), rtol=1e-6)
        for mine, other in ((x, a), (y, b)):
            np.testing.assert_allclose(mine.numpy(), other.detach().numpy(), rtol=1e-6)
    state, other = optimizer.state_dict()["state"][0], reference.state_dict()["state"][0]
    assert (state["n_iter"], state["func_evals"]) == (other["n_iter"], other["func_evals"])
    entry = {
        k: [np.asarray(e) for e in v] if isinstance(v, list) else np.asarray(v)
        for k, v in other.items()
        if k != "al"
    }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: entry}})
    np.testing.assert_allclose(optimizer.state_dict()["state"][0]["old_dirs"], state["old_dirs"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype, least", [(np.float64, 1e-8), (np.float32, 1e-6)])
def test_the_valley_is_followed_to_its_end(dtype, least):
    x, y, optimizer, closure = ours(START.astype(dtype), line_search_fn="strong_wolfe", max_iter=100)
    optimizer.step(closure)
    assert closure().item() < least and x.dtype == y.dtype == dtype


def test_a_state_dict_goes_on_to_the_same_bits():
    x, y, optimizer, closure = ours(line_search_fn="strong_wolfe", max_iter=4)
    optimizer.step(closure)
    other = ours(np.concatenate([x.numpy(), y.numpy()]), line_search_fn="strong_wolfe", max_iter=4)
    other[2].load_state_dict(optimizer.state_dict())
    optimizer.step(closure)
    other[2].step(other[3])
    np.testing.assert_array_equal(other[0].numpy(), x.numpy())
    state = optimizer.state_dict()
    state["state"][0]["d"] = np.ones(3)
    del state["state"][0]["ro"]
    with pytest.raises(ValueError, match=r"missing: ro[\s\S]*shape of d: \(3,\), expected \(4,\)"):
        optimizer.load_state_dict(state)


def test_what_makes_no_sense_is_refused():
    x, _, optimizer, _ = ours()
    with pytest.raises(ValueError, match="LBFGS: step needs a closure"):
        optimizer.step()
    with pytest.raises(ValueError, match="LBFGS: there can be one group only"):
        LBFGS([{"params": [x]}, {"params": [nn.Parameter([1.0])]}])
    with pytest.raises(ValueError, match="LBFGS: line_search_fn must be"):
        LBFGS([x], line_search_fn="armijo")
    with pytest.raises(ValueError, match="LBFGS: max_iter must not be negative"):
        LBFGS([x], max_iter=-1)
