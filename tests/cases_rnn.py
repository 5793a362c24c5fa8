"""The named cases of the recurrent layers. Hidden sizes circle round 16, the units of a block, batches round 3, 4, 6
and 8, the rows of a tile."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recurrent:
    steps: int
    batch: int
    inputs: int
    hidden: int
    layers: int = 1
    bidirectional: bool = False
    batch_first: bool = False
    lengths: tuple | None = None
    bias: bool = True
    variant: str | None = None  # cell_output, nonlinearity

    @property
    def directions(self):
        return 2 if self.bidirectional else 1

    @property
    def x(self):
        sizes = (self.batch, self.steps) if self.batch_first else (self.steps, self.batch)
        return (*sizes, self.inputs)

    @property
    def state(self):
        return (self.layers * self.directions, self.batch, self.hidden)

    def weights(self, gates, rng):
        """w_ih, w_hh, b_ih, b_hh of every layer and direction, by name."""
        found = {}
        for i in range(self.layers * self.directions):
            inputs = self.inputs if i < self.directions else self.directions * self.hidden
            rows, end = gates * self.hidden, "" if self.layers * self.directions == 1 else str(i)
            shapes = {"w_ih": (rows, inputs), "w_hh": (rows, self.hidden), "b_ih": (rows,), "b_hh": (rows,)}
            for name, shape in shapes.items():
                if name[0] == "w" or self.bias:
                    found[name + end] = rng.standard_normal(shape) / np.sqrt(2 * self.hidden)
        return found


CASES = {
    "one_unit": Recurrent(3, 2, 1, 1),
    "lanes_minus_1": Recurrent(4, 3, 5, 15),
    "lanes_plus_1": Recurrent(5, 4, 3, 17, bias=False),
    "prime_everything": Recurrent(7, 5, 11, 37, batch_first=True),
    "one_step": Recurrent(1, 3, 6, 20),
    "no_inputs": Recurrent(4, 2, 0, 18),
    "tile_edge_plus_1": Recurrent(3, 7, 4, 33),
    "many_rows": Recurrent(2, 19, 4, 48),
    "other_variant": Recurrent(5, 3, 4, 18, variant="other"),
    "stacked": Recurrent(4, 2, 5, 18, layers=3),
    "both_directions": Recurrent(5, 3, 4, 17, bidirectional=True),
    "stacked_both_directions": Recurrent(4, 3, 6, 19, layers=2, bidirectional=True, batch_first=True),
    "lengths": Recurrent(6, 5, 4, 17, lengths=(2, 6, 0, 5, 3)),
    "lengths_all_short": Recurrent(6, 3, 4, 17, lengths=(4, 1, 3), batch_first=True),
    "lengths_both_directions": Recurrent(6, 5, 4, 18, 2, True, lengths=(2, 6, 0, 5, 3)),
    "lengths_batch_first": Recurrent(6, 4, 5, 18, 2, True, True, lengths=(3, 1, 6, 4)),
}
PROBES = ("lanes_minus_1", "prime_everything", "one_step", "other_variant")
BULK = [
    Recurrent(9, 11, 65, 130, layers=2),
    Recurrent(5, 9, 70, 120, bidirectional=True, lengths=(1, 5, 3, 0, 5, 2, 4, 4, 1)),
]
