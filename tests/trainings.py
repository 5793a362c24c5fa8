"""A small training that tests resume in this process and in others."""

import numpy as np

from fastnn import nn, train


class Halving:
    """A schedule with a state."""

    def __init__(self, optimizer):
        self.optimizer, self.steps = optimizer, 0

    def step(self):
        self.steps += 1
        self.optimizer.param_groups[0]["lr"] *= 0.5

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


def run(epochs, path, resume=False, seed=0, **options):
    """A training with everything that has a state: momentum, dropout, batch norm, a schedule, early stopping."""
    nn.init.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    optimizer = train.SGD(model.parameters(), lr=0.1, momentum=0.9)
    rng = np.random.default_rng(5)
    y = np.arange(60) % 3
    x = (rng.standard_normal((60, 4)) + 3 * np.eye(4)[y]).astype(np.float32)
    options = {"callbacks": [train.EarlyStopping(patience=20)], "report": None} | options
    options |= {"epochs": epochs, "batch_size": 8, "validation": (x, y), "checkpoint": path, "resume": resume}
    history = train.fit(model, x, y, optimizer=optimizer, scheduler=Halving(optimizer), **options)
    return model, history
