"""Named cases of the norms: layer shapes, lane edges and options; see cases.py."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Norm:
    """x [n, c, ...]; args of the op; with weight and bias or without."""

    x: tuple
    args: dict = field(default_factory=dict)
    affine: bool = True


BATCH = {
    "image": Norm((3, 19, 4, 5)),
    "features": Norm((7, 18)),
    "large_plane": Norm((2, 3, 13, 17)),
    "volume": Norm((2, 4, 3, 5, 7)),
    "sequence": Norm((3, 5, 11), affine=False),
    "lanes_exact": Norm((2, 16, 3, 3)),
    "lanes_minus_1": Norm((2, 15, 2, 3), {"eps": 0.01}),
    "one_pixel": Norm((5, 3, 1, 1)),
    "plane_of_128": Norm((2, 2, 8, 16)),
    "plane_of_127": Norm((2, 2, 1, 127)),
    "several_pieces": Norm((1, 2, 80, 53)),
    "many_rows": Norm((531, 3)),
    "one_image": Norm((1, 20, 3, 4)),
}
BATCH_BULK = [Norm((5, 37, 33, 31)), Norm((6, 50, 9, 10)), Norm((900, 70))]
LAYER = {
    "rows": Norm((5, 37), {"normalized_shape": 37}),
    "image": Norm((2, 18, 4, 5), {"normalized_shape": (18, 4, 5)}),
    "last_two": Norm((3, 2, 5, 7), {"normalized_shape": (5, 7)}),
    "lanes_plus_1": Norm((4, 17), {"normalized_shape": (17,), "eps": 0.01}),
    "one_element": Norm((4, 1), {"normalized_shape": 1}),
    "plain": Norm((4, 33), {"normalized_shape": 33}, affine=False),
    "long_rows": Norm((2, 9001), {"normalized_shape": 9001}),
    "many_rows": Norm((1201, 5), {"normalized_shape": 5}),
    "sequence": Norm((2, 7, 48), {"normalized_shape": 48}),
}
LAYER_BULK = [Norm((900, 321), {"normalized_shape": 321})]
GROUP = {
    "image": Norm((2, 18, 4, 5), {"num_groups": 3}),
    "features": Norm((5, 12), {"num_groups": 4}),
    "one_group": Norm((3, 5, 7), {"num_groups": 1}),
    "channel_each": Norm((2, 17, 3, 2), {"num_groups": 17}),
    "large": Norm((2, 6, 45, 43), {"num_groups": 2}),
    "plain": Norm((2, 8, 3, 3), {"num_groups": 2, "eps": 0.01}, affine=False),
    "many_rows": Norm((700, 24), {"num_groups": 3}),
}
GROUP_BULK = [Norm((9, 30, 31, 22), {"num_groups": 5}), Norm((900, 64), {"num_groups": 4})]
INSTANCE = {
    "image": Norm((3, 19, 4, 5)),
    "sequence": Norm((2, 5, 11), affine=False),
    "volume": Norm((2, 3, 2, 5, 7), {"eps": 0.01}),
    "large_plane": Norm((2, 17, 13, 11)),
    "lanes_exact": Norm((2, 16, 3, 2), affine=False),
}
INSTANCE_BULK = [Norm((5, 37, 33, 31)), Norm((9, 130, 9, 10))]
RESPONSE = {
    "image": Norm((2, 19, 4, 5), {"size": 5}),
    "even": Norm((2, 7, 3, 4), {"size": 4, "alpha": 0.7, "beta": 0.6, "k": 1.5}),
    "alexnet": Norm((1, 33, 5, 7), {"size": 5, "alpha": 0.5, "beta": 0.75, "k": 2.0}),
    "wider_than_channels": Norm((1, 3, 2, 31), {"size": 9, "alpha": 2.0}),
    "one_channel": Norm((2, 1, 67), {"size": 3, "alpha": 1.0}),
    "square_root": Norm((2, 5, 3, 3), {"size": 1, "alpha": 0.3, "beta": 0.5}),
}
RESPONSE_BULK = [Norm((4, 37, 20, 31), {"size": 5, "alpha": 0.5})]
