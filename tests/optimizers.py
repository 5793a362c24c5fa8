"""Every optimiser with every option: what the tests of values, of PyTorch and of state dicts run over."""

import naive_update

from fastnn import nn, train

COMMON = {"plain": {}, "decay": {"weight_decay": 0.1}, "l1": {"l1": 0.05}}
COMMON["maximize"] = {"maximize": True, "weight_decay": 0.1}
OWN = {
    "SGD": {
        "momentum": {"momentum": 0.9},
        "dampening": {"momentum": 0.7, "dampening": 0.3, "weight_decay": 0.01},
        "nesterov": {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    },
    "Adagrad": {"lr decay": {"lr_decay": 0.1}, "start": {"initial_accumulator_value": 0.5, "eps": 1e-3}},
    "RMSprop": {
        "momentum": {"momentum": 0.9, "alpha": 0.9},
        "centered": {"centered": True, "eps": 1e-3},
        "everything": {"centered": True, "momentum": 0.5, "weight_decay": 0.01, "eps": 1e-3},
    },
    "Adam": {"betas": {"betas": (0.7, 0.9), "eps": 1e-4}, "amsgrad": {"amsgrad": True, "betas": (0.9, 0.8)}},
    "AdamW": {"amsgrad": {"amsgrad": True, "weight_decay": 0.2}},
}
RULES = {name: getattr(naive_update, name.lower()) for name in OWN}
CASES = [(name, options) for name, own in OWN.items() for options in (COMMON | own).values()]
IDS = [f"{name}-{option}" for name, own in OWN.items() for option in COMMON | own]


def run(name, p, gradients, lr, **options):
    """The parameter and the optimiser after one step for each gradient."""
    parameter = nn.Parameter(p.copy())
    optimizer = getattr(train, name)([parameter], lr, **options)
    go_on(optimizer, parameter, gradients)
    return parameter.numpy(), optimizer


def go_on(optimizer, parameter, gradients):
    for g in gradients:
        optimizer.zero_grad()
        parameter.backward(g)
        optimizer.step()
