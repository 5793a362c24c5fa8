"""PyTorch modules made from fastnn's: same tree, same weights, the same `forward` on PyTorch's functions."""

import types

import torch

from fastnn import nn

LEAVES = {
    nn.Conv2d: lambda m: torch.nn.Conv2d(
        m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding, m.dilation, m.groups, m.bias is not None
    ),
    nn.Linear: lambda m: torch.nn.Linear(m.in_features, m.out_features),
    nn.BatchNorm2d: lambda m: torch.nn.BatchNorm2d(m.num_features, m.eps, m.momentum),
    nn.ReLU: lambda m: torch.nn.ReLU(),
    nn.ReLU6: lambda m: torch.nn.ReLU6(),
    nn.MaxPool2d: lambda m: torch.nn.MaxPool2d(m.kernel_size, m.stride, m.padding, m.dilation, ceil_mode=m.ceil_mode),
    nn.AvgPool2d: lambda m: torch.nn.AvgPool2d(m.kernel_size, m.stride, m.padding),
    nn.AdaptiveAvgPool2d: lambda m: torch.nn.AdaptiveAvgPool2d(m.output_size),
    nn.Flatten: lambda m: torch.nn.Flatten(m.start_dim, m.end_dim),
    nn.Dropout: lambda m: torch.nn.Dropout(m.p),
    nn.Embedding: lambda m: torch.nn.Embedding(m.num_embeddings, m.embedding_dim),
    nn.LSTM: lambda m: torch.nn.LSTM(m.input_size, m.hidden_size, m.num_layers, bidirectional=m.bidirectional),
}


def _build(module):
    if type(module) in LEAVES:
        return LEAVES[type(module)](module)
    made = torch.nn.Sequential() if type(module) is nn.Sequential else torch.nn.Module()
    for name, value in vars(module).items():
        if isinstance(value, nn.Module):
            made.add_module(name, _build(value))
        else:
            setattr(made, name, value)
    if type(module) is not nn.Sequential:
        forward = type(module).forward
        words = forward.__globals__ | {"F": torch, "_codes": lambda network, codes, vocabulary: codes}
        copied = types.FunctionType(forward.__code__, words, forward.__name__, forward.__defaults__)
        made.forward = types.MethodType(copied, made)
    return made


def load(twin, model):
    """Give a PyTorch module the weights of a fastnn model with the same names."""
    twin.load_state_dict({name: torch.from_numpy(array) for name, array in model.state_dict().items()})
    return twin.train(model.training)


def twin_of(model):
    """The model in PyTorch."""
    return load(_build(model), model)


class Sided(torch.nn.Module):
    """A ReLU or ReLU6 that takes the sides that it is told, and notes how far off its own would be.

    Where an input lies within rounding of a kink, two correct float32 networks may differentiate on different sides;
    one such element changes the gradient by far more than rounding, of PyTorch's float32 against its float64 as well.
    """

    def __init__(self, sides, top):
        super().__init__()
        self.sides, self.top, self.farthest = sides, top, 0.0

    def forward(self, x):
        inside, above = (torch.from_numpy(side) for side in self.sides.pop(0))
        value = x.detach()
        flipped = (inside != ((value > 0) & (value < self.top))) | (above != (value >= self.top))
        if flipped.any():
            at = value[flipped]
            distance = torch.minimum(at.abs(), (at - self.top).abs()).max() / value.pow(2).mean().sqrt()
            self.farthest = max(self.farthest, float(distance))
        return torch.where(inside, x, torch.where(above, self.top, 0.0))


class Chosen(torch.nn.Module):
    """A max pooling that picks the elements that it is told: where two are equal but for rounding, the same one."""

    def __init__(self, indices):
        super().__init__()
        self.indices = indices

    def forward(self, x):
        indices = self.indices.pop(0)
        return x.flatten(2).gather(2, indices.flatten(2)).reshape(indices.shape)


def on_the_same_sides(model, twin):
    """Hook the model's activations and max poolings so that the twin's, called afterwards, choose the same."""
    activations = []
    for name, module in model.named_modules():
        if type(module) is nn.MaxPool2d:
            indices, pool = [], twin.get_submodule(name)
            pool.return_indices = True

            def choose(module, inputs, output, indices=indices, pool=pool):
                indices.append(pool(torch.from_numpy(inputs[0].numpy()))[1])

            module.register_forward_hook(choose)
            parent, _, own = name.rpartition(".")
            setattr(twin.get_submodule(parent), own, Chosen(indices))
        if type(module) in (nn.ReLU, nn.ReLU6):
            top, sides = 6.0 if type(module) is nn.ReLU6 else float("inf"), []

            def note(module, inputs, output, sides=sides, top=top):
                y = output.numpy()
                sides.append(((y > 0) & (y < top), y >= top))

            module.register_forward_hook(note)
            parent, _, own = name.rpartition(".")
            activations.append(Sided(sides, top))
            setattr(twin.get_submodule(parent), own, activations[-1])
    return activations
