"""Norm layers, dropout, loss layers, and folding: PyTorch's behaviour, state and keys."""

import numpy as np
import pytest
from gradcheck import assert_gradients
from tape import normal

from fastnn import nn, ops
from fastnn.autograd import Tensor, no_grad

KEYS = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
SHAPES = {"BatchNorm1d": (4, 3), "BatchNorm2d": (2, 3, 4, 5), "BatchNorm3d": (2, 3, 2, 4, 3)}
SHAPES |= {"InstanceNorm1d": (2, 3, 7), "InstanceNorm2d": (2, 3, 4, 5), "InstanceNorm3d": (2, 3, 2, 4, 3)}


@pytest.mark.parametrize("name", SHAPES)
def test_training_and_evaluation(name):
    x = normal(*SHAPES[name]) + 2
    layer = getattr(nn, name)(3, momentum=0.3, affine=True, track_running_stats=True, dtype=np.float64)
    op = ops.batch_norm if "Batch" in name else ops.instance_norm
    mean, var = np.zeros(3), np.ones(3)
    for batch in range(3):
        y = layer(x).numpy()
        np.testing.assert_array_equal(y, op(x, mean, var, None, None, True, 0.3))
        assert layer.num_batches_tracked.item() == (batch + 1 if "Batch" in name else 0)  # as PyTorch's
    np.testing.assert_array_equal(layer.running_mean.numpy(), mean)
    np.testing.assert_array_equal(layer.running_var.numpy(), var)
    np.testing.assert_array_equal(layer.eval()(x).numpy(), op(x, mean, var, None, None, False))
    assert list(layer.state_dict()) == KEYS


def test_momentum_none_is_the_mean_over_all_batches():
    layer = nn.BatchNorm1d(3, momentum=None, dtype=np.float64)
    batches = [normal(5, 3, seed=i) for i in range(4)]
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(layer.running_mean.numpy(), np.mean([b.mean(0) for b in batches], axis=0))


def test_without_running_statistics_evaluation_uses_the_batch():
    layer, x = nn.BatchNorm2d(3, affine=False, track_running_stats=False), normal(2, 3, 4, 5).astype(np.float32)
    trained = layer(x).numpy()
    np.testing.assert_array_equal(layer.eval()(x).numpy(), trained)
    assert not layer.state_dict() and not list(layer.parameters())
    assert "affine=False, track_running_stats=False" in repr(layer)


@pytest.mark.parametrize("name", SHAPES)
def test_other_ranks_are_refused(name):
    layer = getattr(nn, name)(3)
    with pytest.raises(ValueError, match=rf"{name}: x must have .* dimensions, got shape \(2, 3, 4, 4, 4, 4\)"):
        layer(np.zeros((2, 3, 4, 4, 4, 4), np.float32))


def test_layer_group_and_response_norm():
    x = normal(2, 6, 4)
    layer = nn.LayerNorm((6, 4), eps=0.1, dtype=np.float64)
    np.testing.assert_array_equal(layer(x).numpy(), ops.layer_norm(x, (6, 4), eps=0.1))
    assert list(layer.state_dict()) == KEYS[:2] and layer.weight.shape == (6, 4)
    assert list(nn.LayerNorm(4, bias=False).state_dict()) == ["weight"]
    assert not nn.LayerNorm(4, elementwise_affine=False).state_dict()
    group = nn.GroupNorm(3, 6, dtype=np.float64)
    np.testing.assert_array_equal(group(x).numpy(), ops.group_norm(x, 3))
    response = nn.LocalResponseNorm(3, 0.5, 0.6, 2.0)
    np.testing.assert_array_equal(response(x).numpy(), ops.local_response_norm(x, 3, 0.5, 0.6, 2.0))
    with pytest.raises(ValueError, match="num_channels .6. must be a multiple of num_groups .4."):
        nn.GroupNorm(4, 6)


def test_state_goes_from_one_layer_to_another():
    a, b = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    a(normal(2, 3, 4, 5).astype(np.float32))
    b.load_state_dict(a.state_dict())
    assert b.num_batches_tracked.item() == 1
    np.testing.assert_array_equal(b.running_var.numpy(), a.running_var.numpy())
    a.reset_running_stats()
    assert (a.running_mean.numpy() == 0).all() and (a.running_var.numpy() == 1).all()


def test_gradients_through_a_network():
    nn.init.manual_seed(4)
    make = {"dtype": np.float64}
    model = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1, **make),
        nn.BatchNorm2d(5, **make),
        nn.GELU(),
        nn.Conv2d(5, 4, 1, **make),
        nn.GroupNorm(2, 4, **make),
        nn.Tanh(),
        nn.Flatten(),
        nn.LayerNorm(4 * 6 * 5, **make),
        nn.Linear(4 * 6 * 5, 3, **make),
    )
    loss, target = nn.MSELoss(), normal(3, 3)
    names = [name for name, _ in model.named_parameters()]

    def put(values):
        x = Tensor(values["x"], requires_grad=True)
        model.load_state_dict(model.state_dict() | {name: values[name] for name in names})
        return x

    def forward(values):
        with no_grad():
            return loss(model(put(values)), target).numpy()

    def backward(values, gy, y):
        x = put(values)
        model.zero_grad()
        loss(model(x), target).backward(gy)
        return {"x": x.grad.numpy()} | {name: p.grad.numpy() for name, p in model.named_parameters()}

    arrays = {name: p.numpy().copy() for name, p in model.named_parameters()}
    assert_gradients(forward, {"x": normal(3, 2, 6, 5), **arrays}, backward)


# ---- dropout --------------------------------------------------------------------------------------------
def test_dropout_layer():
    layer, x = nn.Dropout(0.3), np.ones((50, 40), np.float32)
    nn.init.manual_seed(1)
    first, second = layer(x).numpy(), layer(x).numpy()
    nn.init.manual_seed(1)
    np.testing.assert_array_equal(layer(x).numpy(), first)
    assert (first != second).any() and 0.2 < (first == 0).mean() < 0.4
    np.testing.assert_array_equal(layer.eval()(x).numpy(), x)
    assert repr(layer) == "Dropout(p=0.3)"
    with pytest.raises(ValueError, match="Dropout: p must be in 0..1, is 2"):
        nn.Dropout(2)
    with pytest.raises(NotImplementedError, match="Dropout: inplace=True"):
        nn.Dropout(inplace=True)


# ---- losses ---------------------------------------------------------------------------------------------
def test_loss_layers():
    x, target, weight = normal(4, 3), normal(4, 3, seed=1) ** 2, normal(3) ** 2
    for layer, expected in (
        (nn.MSELoss(reduction="sum"), ops.mse_loss(x, target, "sum")),
        (nn.SmoothL1Loss(beta=0.4), ops.smooth_l1_loss(x, target, "mean", 0.4)),
        (
            nn.BCEWithLogitsLoss(weight, pos_weight=weight),
            ops.binary_cross_entropy_with_logits(x, target, weight, "mean", weight),
        ),
    ):
        np.testing.assert_array_equal(layer(x, target).numpy(), expected)
    labels = np.array([0, 2, 1, 2])
    found = nn.NLLLoss(weight, ignore_index=1)(x, labels).numpy()
    np.testing.assert_array_equal(found, ops.nll_loss(x, labels, weight, 1))


@pytest.mark.parametrize("name", ["MSELoss", "SmoothL1Loss", "BCEWithLogitsLoss", "NLLLoss"])
def test_loss_layers_refuse_what_they_cannot(name):
    with pytest.raises(NotImplementedError, match=f"{name}: size_average=True"):
        getattr(nn, name)(size_average=True)
    with pytest.raises(ValueError, match=f"{name}: reduction .* is 'max'"):
        getattr(nn, name)(reduction="max")


# ---- folding --------------------------------------------------------------------------------------------
PAIRS = {
    "conv": (lambda: nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d, (2, 4, 6, 5)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, bias=False), nn.BatchNorm1d, (2, 4, 9)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d, (2, 4, 6, 5)),
    "linear": (lambda: nn.Linear(5, 6), nn.BatchNorm1d, (7, 5)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_folded_models_compute_the_same(name):
    make, norm, shape = PAIRS[name]
    model = nn.Sequential(make(), norm(6), nn.ReLU())
    nn.init.uniform_(model[1].weight, 0.5, 2)
    nn.init.uniform_(model[1].bias, -1, 1)
    x = normal(*shape).astype(np.float32)
    for _ in range(5):
        model(x)
    state = model.state_dict()
    folded = nn.fold_batch_norms(model)
    with no_grad():
        np.testing.assert_allclose(folded(x).numpy(), model.eval()(x).numpy(), rtol=1e-5, atol=1e-5)
    assert [type(module) for module in folded] == [type(model[0]), nn.ReLU] and len(model) == 3
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[key])


def test_what_cannot_be_folded_is_named():
    with pytest.raises(TypeError, match="cannot fold ReLU into Linear"):
        nn.fold_batch_norm(nn.Linear(2, 2), nn.ReLU())
    with pytest.raises(ValueError, match="no running statistics"):
        nn.fold_batch_norm(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False))


@pytest.mark.parametrize("name", ["BatchNorm2d", "InstanceNorm2d", "LayerNorm", "GroupNorm"])
def test_against_torch(name):
    torch = pytest.importorskip("torch")
    arguments = {"BatchNorm2d": (6,), "InstanceNorm2d": (6, 1e-3, 0.2, True, True), "LayerNorm": ((5, 4),),
                 "GroupNorm": (3, 6)}[name]  # fmt: skip
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = normal(2, 6, 5, 4).astype(np.float32)
    for _ in range(2):
        np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-5)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        ours.eval()(x).numpy(), theirs.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-5
    )
