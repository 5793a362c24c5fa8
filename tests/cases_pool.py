"""Named cases of pooling of sequences and volumes, and of adaptive, power-average and unpooling; see cases.py."""

import cases
from cases import Pool

MAX_POOL1D = {
    "halving": Pool((2, 3, 10), {"kernel_size": 2}),
    "padded": Pool((2, 18, 21), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "dilated": Pool((1, 4, 40), {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 5}),
    "ceil_overhang": Pool((2, 3, 8), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "stride_gt_kernel": Pool((1, 2, 50), {"kernel_size": 2, "stride": 7}),
    "one_sample": Pool((2, 3, 1), {"kernel_size": 1}),
    "long_window": Pool((1, 2, 700), {"kernel_size": 300, "stride": 37, "padding": 40}),
}
MAX_POOL3D = {
    "halving": Pool((2, 3, 4, 6, 8), {"kernel_size": 2}),
    "padded": Pool((1, 4, 5, 7, 9), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "dilated": Pool((1, 2, 7, 6, 11), {"kernel_size": (2, 2, 3), "stride": (1, 2, 1), "dilation": (3, 2, 2)}),
    "ceil_overhang": Pool((1, 2, 5, 4, 7), {"kernel_size": (3, 2, 2), "stride": (3, 3, 2), "ceil_mode": True}),
    "whole_volume": Pool((2, 3, 3, 5, 7), {"kernel_size": (3, 5, 7)}),
    "many_taps": Pool((1, 1, 8, 9, 10), {"kernel_size": (6, 7, 8), "stride": (1, 2, 1), "padding": (1, 0, 2)}),
}


# A window without positions is -inf, which no finite difference can take.
EMPTY_WINDOWS = Pool((1, 2, 2, 1, 2), {"kernel_size": (2, 1, 2), "padding": (1, 0, 1), "dilation": (3, 1, 3)})


def means(found):
    """The cases without dilation, and one each of the other divisors."""
    kept = {name: case for name, case in found.items() if "dilation" not in case.args}
    padded = kept["padded"]
    return {
        **kept,
        "padded_not_counted": Pool(padded.x, {**padded.args, "count_include_pad": False}),
        "divisor_override": Pool(padded.x, {**padded.args, "divisor_override": 5}),
    }


AVG_POOL1D, AVG_POOL3D = means(MAX_POOL1D), means(MAX_POOL3D)
BULK = {
    1: [Pool((8, 67, 900), {"kernel_size": 3, "stride": 2})],
    2: cases.MAX_POOL_BULK,
    3: [Pool((2, 19, 14, 22, 30), {"kernel_size": (3, 2, 2), "stride": (1, 2, 2)})],
}
ADAPTIVE = {
    1: {
        "uneven": Pool((2, 3, 10), {"output_size": 3}),
        "global": Pool((2, 18, 37), {"output_size": 1}),
        "same": Pool((1, 4, 6), {"output_size": None}),
        "larger_than_input": Pool((1, 2, 4), {"output_size": 7}),
    },
    2: {
        "uneven": Pool((2, 17, 7, 9), {"output_size": (3, 4)}),
        "global": Pool((2, 18, 7, 7), {"output_size": 1}),
        "tall": Pool((1, 3, 30, 17), {"output_size": (1, 5)}),
        "one_axis_kept": Pool((1, 5, 6, 10), {"output_size": (None, 4)}),
        "larger_than_input": Pool((1, 2, 3, 4), {"output_size": (5, 7)}),
    },
    3: {
        "uneven": Pool((1, 3, 5, 7, 9), {"output_size": (2, 3, 4)}),
        "global": Pool((2, 5, 3, 4, 5), {"output_size": 1}),
        "one_axis_kept": Pool((1, 2, 4, 3, 8), {"output_size": (None, 2, 3)}),
        "larger_than_input": Pool((1, 2, 2, 3, 2), {"output_size": (3, 4, 5)}),
    },
}
LP_POOL = {
    1: {
        "squares": Pool((2, 3, 11), {"norm_type": 2, "kernel_size": 3, "stride": 2}),
        "sum": Pool((1, 4, 9), {"norm_type": 1, "kernel_size": 2}),
        "cubes_overhang": Pool((1, 2, 8), {"norm_type": 3, "kernel_size": 3, "stride": 2, "ceil_mode": True}),
        "fraction": Pool((2, 2, 9), {"norm_type": 1.5, "kernel_size": 4, "stride": 1}),
    },
    2: {
        "squares": Pool((2, 17, 8, 10), {"norm_type": 2, "kernel_size": 2}),
        "sum": Pool((1, 4, 7, 9), {"norm_type": 1, "kernel_size": (3, 2), "stride": (1, 2)}),
        "cubes_overhang": Pool((1, 3, 6, 8), {"norm_type": 3, "kernel_size": 3, "stride": 2, "ceil_mode": True}),
        "fraction": Pool((1, 2, 5, 7), {"norm_type": 2.5, "kernel_size": (2, 3), "stride": 1}),
    },
    3: {
        "squares": Pool((1, 3, 4, 6, 8), {"norm_type": 2, "kernel_size": 2}),
        "sum": Pool((1, 2, 3, 5, 4), {"norm_type": 1, "kernel_size": (3, 2, 1)}),
        "cubes_overhang": Pool((1, 2, 4, 5, 6), {"norm_type": 3, "kernel_size": 3, "stride": 2, "ceil_mode": True}),
        "fraction": Pool((1, 1, 3, 4, 5), {"norm_type": 0.5, "kernel_size": 2, "stride": 1}),
    },
}
