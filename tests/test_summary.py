"""`fastnn.summary`: VGG16 as everybody knows it, several inputs, recurrent layers, the command line."""

import json

import numpy as np
import pytest

import fastnn
from fastnn import cli, models, nn


def test_vgg16_has_its_memory_in_front_and_its_parameters_behind(monkeypatch):
    for name in ("uniform_", "normal_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *args: tensor)
    found = fastnn.summary(models.vgg16(), (1, 3, 64, 64))
    assert found.parameters == found.trainable == 138_357_544
    most = max(found.rows, key=lambda row: row.parameters)
    assert (most.name, most.parameters) == ("classifier.0", 25088 * 4096 + 4096)
    largest = sorted(found.rows, key=lambda row: -row.activation_bytes)[:4]
    assert {row.name for row in largest} == {"features.0", "features.1", "features.2", "features.3"}
    assert found.rows[0].macs == 64 * 64 * 64 * 27 and found.rows[0].output_shape == (1, 64, 64, 64)


def test_work_of_recurrent_layers_and_dtype_of_symbols():
    model = models.CharLSTM(11, 8, num_layers=2).train()
    found = fastnn.summary(model, (5, 3))
    rows = {row.name: row for row in found.rows}
    assert rows["lstm"].macs == 15 * 4 * 8 * (8 + 8) * 2 and rows["lstm"].output_shape == (5, 3, 8)
    assert rows["head"].macs == 15 * 8 * 11 and model.training and not model.lstm._forward_hooks


def test_several_inputs_shared_layers_and_state_left_alone():
    class Pair(nn.Module):
        def __init__(self):
            self.norm = nn.BatchNorm1d(4)
            self.layer = nn.Linear(4, 2)

        def forward(self, a, b):
            return self.layer(self.norm(a)) + self.layer(b)

    model = Pair()
    before = model.state_dict()
    found = fastnn.summary(model, [(3, 4), (1, 4)])
    assert [row.parameters for row in found.rows] == [8, 10, 0] and found.parameters == 18
    assert all((model.state_dict()[name] == value).all() for name, value in before.items())


@pytest.mark.parametrize("shape, error", [(3, TypeError), ("ab", TypeError), ((0, 3), ValueError), ([], TypeError)])
def test_shapes_that_are_none(shape, error):
    with pytest.raises(error, match="summary: input_shape"):
        fastnn.summary(nn.ReLU(), shape)


def test_the_command_line(capsys):
    assert cli.main(["summary", "squeezenet1_1", "--input", "1,3,64,64", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 1_235_496
    assert cli.main(["summary", "lenet", "--input", "2,1,28,28"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("layer") and "431,080" in lines[-1]
    assert cli.main(["summary", "lenet", "--input", "a"]) == 2 and cli.main(["summary", "nothing"]) == 2
    assert "unknown model 'nothing'" in capsys.readouterr().err
    assert np.prod(fastnn.summary(models.lenet(), (2, 1, 28, 28)).rows[-1].output_shape) == 20
