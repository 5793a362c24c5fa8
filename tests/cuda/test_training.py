"""Tensors, modules and optimisers on the device: one step of a small network gives what it gives on the CPU."""

import numpy as np
import pytest

from fastnn import nn, train
from fastnn.autograd import Tensor, exp, no_grad


def network():
    nn.init.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 4),
                         nn.ReLU(), nn.Linear(4, 3))  # fmt: skip


def stepped(device, **options):
    """(losses, state, optimiser's state) after two steps there."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((3, 1, 4, 4)).astype(np.float32), np.array([0, 2, -100])
    model = network().to(device)
    optimizer = train.SGD(model.parameters(), lr=0.1, **options)
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(model(Tensor(x).to(device)), Tensor(y).to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, model.state_dict(), optimizer.state_dict()["state"]


@pytest.mark.parametrize("options", [
    {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    {"momentum": 0.5, "dampening": 0.25, "l1": 0.01, "maximize": True},
])  # fmt: skip
def test_two_steps_agree_with_the_cpu(options):
    (losses, state, moments), (right, right_state, right_moments) = (stepped(d, **options) for d in ("cuda", "cpu"))
    np.testing.assert_allclose(losses, right, rtol=1e-5)
    for name, values in right_state.items():
        np.testing.assert_allclose(state[name], values, rtol=1e-4, atol=1e-6, err_msg=name)
    for index, entry in right_moments.items():
        np.testing.assert_allclose(moments[index]["momentum_buffer"], entry["momentum_buffer"], rtol=1e-4, atol=1e-6)


def test_moving_tensors():
    x = Tensor([[1.0, 2.0]], requires_grad=True)
    y = x.to("cuda")
    assert (y.device, y.shape, y.dtype) == ("cuda:0", (1, 2), np.float32)
    assert y.to("cuda:0") is y and x.to("cpu") is x and x.to("float64").to(x).device == "cpu"
    y.relu().cpu().sum().backward()
    assert x.grad.device == "cpu" and x.grad.numpy().tolist() == [[1.0, 1.0]]
    with pytest.raises(TypeError, match="cpu()"):
        y.numpy()
    assert "1." in repr(y)
    with pytest.raises(ValueError, match="cuda:7"):
        x.to("cuda:7")


def test_gradients_of_a_tensor_used_twice_add_up():
    def gradient(device):
        nn.init.manual_seed(5)
        layer = nn.Linear(2, 2).to(device)
        x, y = Tensor(np.ones((2, 2), np.float32)).to(device), Tensor(np.array([0, 1])).to(device)
        for _ in range(2):  # the second backward adds to what the first left
            nn.CrossEntropyLoss()(layer(layer(x)), y).backward()
        return layer.weight.grad.cpu().numpy()

    np.testing.assert_allclose(gradient("cuda"), gradient("cpu"), rtol=1e-5, atol=1e-7)


def test_what_has_no_twin_is_named():
    x = Tensor([1.0, 2.0]).to("cuda")
    for call, name in ((lambda: x + x, "add"), (lambda: exp(x), "exp"), (lambda: x.to("float64"), "astype")):
        with pytest.raises(NotImplementedError, match=name):
            call()


def test_cross_entropy_and_what_it_refuses():
    scores, labels = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([0, 2])
    x, y = Tensor(scores).to("cuda"), Tensor(labels).to("cuda")
    for options in ({"reduction": "sum"}, {"label_smoothing": 0.1}):
        found = nn.CrossEntropyLoss(**options)(x, y).item()
        assert found == pytest.approx(nn.CrossEntropyLoss(**options)(Tensor(scores), labels).item(), rel=1e-6)
    with pytest.raises(ValueError, match=r"target 3 at position 1 is not in 0\.\.2"):
        nn.CrossEntropyLoss()(x, Tensor(np.array([0, 3])).to("cuda"))
    with pytest.raises(TypeError, match="target"):
        nn.CrossEntropyLoss()(x, Tensor(labels))


def test_evaluation_and_loading():
    model = network()
    state = model.state_dict()
    on_gpu = network().to("cuda").eval()
    on_gpu.load_state_dict(state)
    x = np.ones((1, 1, 4, 4), np.float32)
    with no_grad():
        found = on_gpu(Tensor(x).to("cuda")).cpu().numpy()
        np.testing.assert_allclose(found, model.eval()(x).numpy(), rtol=1e-4, atol=1e-6)
    assert on_gpu.cpu()[0].weight.device == "cpu"
