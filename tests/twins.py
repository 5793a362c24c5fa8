"""PyTorch modules made from fastnn's: same tree, same weights, the same `forward` on PyTorch's functions."""

import types

import numpy as np
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
        made.forward = types.MethodType(types.FunctionType(forward.__code__, words), made)
    return made


def load(twin, model):
    """Give a PyTorch module the weights of a fastnn model with the same names."""
    twin.load_state_dict({name: torch.from_numpy(array) for name, array in model.state_dict().items()})
    return twin.train(model.training)


def twin_of(model):
    """The model in PyTorch."""
    return load(_build(model), model)


def relative_error(actual, expected):
    """Of a whole array, in the Euclidean norm."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    return float(np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-30))
