"""The named cases of the suite: each name says what the case probes.

Numbers that could be swapped by mistake never share a value within a case: height and width, kernel height
and width, strides, dilations, in- and out-channels differ wherever the thing that is probed leaves them free.
Channel counts circle round 16, the lanes of the blocked layout, and 32, the width of a tile; output widths
circle round 6, 8, 12 and 14, the heights of the tiles.
"""

import functools
from dataclasses import dataclass, field

import naive


@functools.cache
def _output_size(*geometry):
    return naive.conv_triples(*geometry)[0]


@dataclass(frozen=True)
class Conv:
    """x [n, c, h, w] with weight [oc, c / groups, kh, kw]; args are stride, padding, dilation and groups."""

    x: tuple
    weight: tuple
    bias: bool = True
    args: dict = field(default_factory=dict)

    @property
    def y(self):
        """[n, oc, oh, ow]."""
        args = {k: v for k, v in self.args.items() if k != "groups"}
        plain = {"stride": 1, "padding": 0, "dilation": 1} | args
        return (self.x[0], self.weight[0], *_output_size(self.x[2:], self.weight[2:], *plain.values()))

    @property
    def is_depthwise(self):
        """One input and one output channel a group."""
        return self.args.get("groups", 1) == self.weight[0] > 1 == self.weight[1]


# For kernels that are written for square windows, where height and width cannot differ in everything.
SQUARE = (
    *("resnet_stem", "depthwise_3x3_rest_of_rows", "depthwise_3x3_stride_2", "depthwise_5x5", "depthwise_5x5_stride_2"),
    *("depthwise_7x7", "few_channels_flat", "few_channels_stride_2", "few_channels_dilated_stride_2"),
    "sixteen_channels_flat",
)
CONV = {
    "one_pixel": Conv((2, 3, 1, 1), (5, 3, 1, 1)),
    "lanes_minus_1": Conv((2, 15, 5, 7), (31, 15, 3, 2)),
    "lanes_exact": Conv((1, 16, 6, 5), (32, 16, 2, 3), bias=False),
    "lanes_plus_1": Conv((2, 17, 5, 7), (33, 17, 3, 2), args={"padding": (1, 0)}),
    "tile_edge_minus_1": Conv((1, 5, 4, 13), (31, 5, 1, 3), args={"padding": (0, 1)}),
    "tile_edge": Conv((1, 5, 4, 14), (32, 5, 1, 3), args={"padding": (0, 1)}),
    "tile_edge_plus_1": Conv((1, 5, 4, 15), (33, 5, 1, 3), args={"padding": (0, 1)}),
    "narrow_tile_edge": Conv((3, 20, 2, 6), (16, 20, 1, 1)),
    "narrow_tile_edge_plus_1": Conv((3, 20, 2, 7), (16, 20, 1, 1)),
    "quad_tile_edge_plus_1": Conv((1, 18, 3, 9), (24, 18, 1, 1), bias=False),
    "two_tiles_plus_1": Conv((1, 3, 2, 29), (65, 3, 2, 1), args={"padding": (1, 0)}),
    "prime_everything": Conv((2, 19, 13, 17), (23, 19, 5, 3), args={"stride": (3, 2), "padding": (2, 1)}),
    "stride_gt_kernel": Conv((2, 18, 11, 14), (20, 18, 2, 1), args={"stride": (3, 4)}),
    "stride_gt_input": Conv((2, 6, 4, 5), (7, 6, 2, 3), args={"stride": (9, 11)}),
    "dilated": Conv((2, 17, 9, 13), (21, 17, 3, 2), args={"dilation": (2, 5), "padding": (1, 3)}),
    "dilated_strided": Conv(
        (1, 4, 12, 17), (19, 4, 2, 3), args={"stride": (3, 2), "dilation": (4, 3), "padding": (1, 5)}
    ),
    "groups": Conv((2, 15, 5, 8), (21, 5, 3, 2), args={"groups": 3, "padding": (1, 0)}),
    "groups_of_lanes": Conv((1, 32, 5, 7), (64, 16, 2, 3), args={"groups": 2, "stride": (1, 2)}),
    "groups_across_lanes": Conv((1, 40, 3, 5), (48, 10, 1, 2), args={"groups": 4}),
    "depthwise": Conv((2, 19, 7, 9), (19, 1, 3, 2), args={"groups": 19, "padding": (2, 1)}),
    "depthwise_strided": Conv((1, 32, 9, 12), (32, 1, 3, 5), args={"groups": 32, "stride": (2, 3), "padding": (1, 2)}),
    "depthwise_multiplier": Conv((2, 6, 5, 7), (18, 1, 3, 2), args={"groups": 6, "padding": (0, 1)}),
    "depthwise_3x3_rest_of_rows": Conv((1, 17, 16, 33), (17, 1, 3, 3), args={"groups": 17, "padding": (1, 2)}),
    "depthwise_3x3_stride_2": Conv((2, 5, 15, 34), (5, 1, 3, 3), args={"groups": 5, "stride": 2, "padding": (1, 0)}),
    "depthwise_5x5": Conv((1, 18, 9, 7), (18, 1, 5, 5), args={"groups": 18, "padding": ((2, 3), (1, 4))}),
    "depthwise_5x5_stride_2": Conv((1, 4, 17, 30), (8, 1, 5, 5), args={"groups": 4, "stride": 2, "padding": (2, 3)}),
    "depthwise_7x7": Conv((2, 3, 16, 18), (3, 1, 7, 7), args={"groups": 3, "padding": (3, 2)}),
    "depthwise_dilated": Conv((1, 3, 12, 35), (15, 1, 3, 5), args={"groups": 3, "dilation": (2, 3), "padding": (1, 4)}),
    "depthwise_long": Conv((1, 3, 2, 2100), (3, 1, 1, 4), args={"groups": 3, "stride": (1, 1), "padding": (0, 3)}),
    "few_channels_flat": Conv((2, 12, 9, 14), (21, 4, 3, 3), args={"groups": 3, "padding": (1, 2)}),
    "few_channels_stride_2": Conv((1, 16, 11, 29), (10, 8, 3, 5), args={"groups": 2, "stride": 2, "padding": (1, 2)}),
    "few_channels_dilated_stride_2": Conv(
        (1, 6, 15, 23), (18, 6, 3, 4), args={"stride": (1, 2), "dilation": (2, 2), "padding": (2, 3)}
    ),
    "few_channels_rows": Conv((1, 3, 6, 64), (17, 3, 5, 3), args={"padding": (2, 1)}),
    "sixteen_channels_flat": Conv((1, 32, 8, 13), (34, 16, 3, 3), args={"groups": 2, "padding": (1, 1)}),
    "long_row": Conv((1, 33, 1, 700), (18, 33, 1, 3), args={"padding": (0, 2), "dilation": (1, 4)}),
    "resnet_stem": Conv((1, 3, 23, 30), (64, 3, 7, 7), bias=False, args={"stride": 2, "padding": 3}),
    "gray_first_layer": Conv((2, 1, 8, 9), (20, 1, 3, 5), args={"padding": (1, 2)}),
    "four_channels": Conv((1, 4, 7, 16), (33, 4, 5, 3), args={"padding": (2, 1), "stride": (2, 1)}),
    "pointwise": Conv((2, 35, 5, 9), (49, 35, 1, 1)),
    "pointwise_planes": Conv((2, 35, 12, 39), (49, 35, 1, 1)),
    "pointwise_planes_deep": Conv((1, 390, 8, 12), (18, 195, 1, 1), args={"groups": 2}),
    "pointwise_stride_2": Conv((2, 24, 7, 10), (40, 24, 1, 1), args={"stride": (2, 3)}),
    "pointwise_padded": Conv((1, 17, 3, 4), (18, 17, 1, 1), args={"padding": (1, 2)}),
    "asymmetric_padding": Conv((2, 5, 6, 9), (18, 5, 3, 4), args={"padding": ((0, 2), (3, 1))}),
    "same_padding": Conv((1, 7, 6, 9), (17, 7, 4, 3), args={"padding": "same", "dilation": (1, 2)}),
    "valid_padding": Conv((1, 7, 6, 9), (17, 7, 4, 3), args={"padding": "valid"}),
    "padding_gt_kernel": Conv((1, 4, 2, 5), (18, 4, 2, 1), args={"padding": (4, 3)}),
    "kernel_eq_input": Conv((3, 9, 5, 4), (10, 9, 5, 4)),
    "kernel_eq_padded_input": Conv((1, 9, 3, 2), (10, 9, 5, 4), args={"padding": ((1, 1), (2, 0))}),
    "wide": Conv((1, 3, 2, 211), (5, 3, 1, 4), args={"padding": (0, 2)}),
    "tall": Conv((1, 3, 97, 1), (5, 3, 4, 1), args={"padding": (3, 0)}),
    "many_in_channels": Conv((1, 530, 2, 3), (4, 530, 1, 1)),
    "deep_sum": Conv((1, 130, 3, 5), (18, 130, 3, 2), args={"padding": (1, 0)}),
    "many_out_channels": Conv((1, 2, 3, 4), (170, 2, 2, 1)),
    "heavy_weights": Conv((1, 70, 6, 9), (200, 70, 3, 4)),  # larger than the second-level cache is made to hold
    "several_bands": Conv((1, 40, 41, 60), (7, 40, 2, 1)),
    "many_images": Conv((11, 4, 2, 3), (6, 4, 2, 1)),
}
# What Winograd's methods can serve: 3x3 with stride 1, more than 8 channels in a group. Tiles have 2x2 or 4x4 outputs.
CONV_3X3 = {
    "one_output": Conv((2, 18, 2, 3), (5, 18, 3, 3), args={"padding": ((1, 0), (0, 0))}),
    "smaller_than_a_tile": Conv((2, 17, 2, 3), (16, 17, 3, 3), args={"padding": 1}),
    "one_row_of_pixels": Conv((1, 16, 1, 23), (33, 16, 3, 3), bias=False, args={"padding": (1, 2)}),
    "tiles_exact": Conv((1, 32, 4, 8), (48, 32, 3, 3), args={"padding": "same"}),
    "tile_plus_1": Conv((2, 15, 5, 9), (31, 15, 3, 3), args={"padding": 1}),
    "tile_minus_1": Conv((2, 9, 5, 9), (17, 9, 3, 3)),
    "per_side_padding": Conv((1, 17, 6, 4), (20, 17, 3, 3), args={"padding": ((0, 2), (3, 1))}),
    "padding_gt_kernel": Conv((1, 18, 2, 5), (17, 18, 3, 3), args={"padding": ((4, 0), (5, 7))}),
    "blocks_span_images": Conv((37, 19, 5, 2), (18, 19, 3, 3), args={"padding": (1, 2)}),
    "tile_row_in_parts": Conv((1, 16, 3, 301), (9, 16, 3, 3), args={"padding": (0, 1)}),
    "several_blocks": Conv((1, 33, 31, 42), (18, 33, 3, 3), args={"padding": (2, 1)}),
    "groups": Conv((2, 27, 6, 7), (15, 9, 3, 3), args={"groups": 3, "padding": (1, 0)}),
    "groups_of_lanes": Conv((1, 48, 5, 7), (96, 16, 3, 3), args={"groups": 3, "padding": (0, 1)}),
    "groups_of_lanes_in_only": Conv((2, 32, 5, 7), (34, 16, 3, 3), args={"groups": 2, "padding": (0, 1)}),
    "passes_over_channels": Conv((1, 270, 4, 6), (20, 270, 3, 3), args={"padding": (1, 0)}),
    "many_out_channels": Conv((1, 10, 3, 4), (170, 10, 3, 3), args={"padding": 1}),
}
CONV_3X3_BULK = [
    Conv((3, 40, 30, 26), (67, 40, 3, 3), args={"padding": (1, 0)}),
    Conv((1, 150, 10, 11), (280, 150, 3, 3)),
    Conv((61, 20, 3, 5), (48, 20, 3, 3), args={"padding": 1}),
]
# Input gradients for which "auto" takes one of Winograd's methods, though the filters have to be transformed too.
CONV_3X3_GRAD = {
    "tiles_of_2": Conv((3, 18, 13, 14), (20, 18, 3, 3), args={"padding": 1}),
    "tiles_of_4": Conv((1, 17, 29, 31), (34, 17, 3, 3), args={"padding": (1, 0)}),
    "per_side_padding": Conv((2, 16, 20, 27), (33, 16, 3, 3), args={"padding": ((0, 2), (1, 2))}),
    "padding_gt_kernel": Conv((1, 18, 24, 21), (17, 18, 3, 3), args={"padding": ((4, 0), (5, 7))}),
    "groups": Conv((2, 30, 23, 25), (20, 15, 3, 3), args={"groups": 2, "padding": 1}),
    "blocks_span_images": Conv((67, 19, 5, 2), (18, 19, 3, 3), args={"padding": (1, 2)}),
}
# Big enough for several threads to get a share; compared between thread counts, not with the oracle.
CONV_BULK = [
    Conv((2, 35, 30, 26), (67, 35, 3, 2), args={"padding": (1, 0)}),
    Conv((1, 70, 9, 12), (210, 70, 3, 4)),
    Conv((3, 48, 40, 37), (48, 1, 3, 5), args={"groups": 48, "padding": (1, 2)}),
    Conv((1, 64, 31, 58), (64, 1, 5, 5), args={"groups": 64, "stride": 2, "padding": 2}),
    Conv((1, 48, 30, 57), (36, 4, 3, 3), args={"groups": 12, "padding": 1}),
    Conv((2, 40, 26, 31), (70, 40, 1, 1)),
    Conv((2, 3, 64, 61), (33, 3, 7, 5), args={"stride": (2, 3), "padding": (3, 2)}),
]


@dataclass(frozen=True)
class Pool:
    """x [n, c, h, w] and the arguments of its windows: pooling, im2col."""

    x: tuple
    args: dict


MAX_POOL = {
    "halving": Pool((2, 17, 8, 10), {"kernel_size": 2}),
    "odd_rest_dropped": Pool((2, 15, 7, 9), {"kernel_size": 2}),
    "odd_rest_kept": Pool((2, 15, 7, 9), {"kernel_size": 2, "ceil_mode": True}),
    "resnet_stem": Pool((1, 33, 11, 14), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "overlapping": Pool((1, 16, 6, 9), {"kernel_size": (3, 4), "stride": (1, 2)}),
    "stride_gt_kernel": Pool((3, 5, 11, 13), {"kernel_size": (2, 3), "stride": (3, 5)}),
    "padded": Pool((2, 18, 5, 8), {"kernel_size": (4, 3), "stride": (2, 1), "padding": (2, 1)}),
    "dilated": Pool((2, 4, 9, 12), {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0), "dilation": (3, 2)}),
    "ceil_overhang": Pool(
        (1, 3, 5, 7), {"kernel_size": (3, 2), "stride": (4, 3), "padding": (1, 0), "ceil_mode": True}
    ),
    "interleaved": Pool(
        (2, 18, 9, 13), {"kernel_size": (2, 3), "stride": (2, 3), "padding": (1, 0), "dilation": (3, 2)}
    ),
    "ceil_window_starts_at_the_end_of_padding": Pool(
        (1, 3, 4, 5), {"kernel_size": (2, 3), "stride": (5, 3), "padding": (1, 1), "ceil_mode": True}
    ),
    "whole_image": Pool((2, 40, 5, 7), {"kernel_size": (5, 7)}),
    "one_pixel": Pool((2, 3, 1, 1), {"kernel_size": 1}),
    "wide": Pool((1, 2, 2, 211), {"kernel_size": (2, 3), "stride": (1, 2), "padding": (0, 1)}),
}
MAX_POOL_BULK = [Pool((8, 67, 32, 30), {"kernel_size": (3, 2), "stride": (1, 2)})]

_AVG = {name: case for name, case in MAX_POOL.items() if "dilation" not in case.args}
AVG_POOL = {
    **_AVG,
    "padded_not_counted": Pool(_AVG["padded"].x, {**_AVG["padded"].args, "count_include_pad": False}),
    "overhang_not_counted": Pool(_AVG["ceil_overhang"].x, {**_AVG["ceil_overhang"].args, "count_include_pad": False}),
    "divisor_override": Pool(_AVG["padded"].x, {**_AVG["padded"].args, "divisor_override": 5}),
}
AVG_POOL_BULK = MAX_POOL_BULK


IM2COL = {
    "same": Pool((2, 3, 7, 9), {"kernel_size": (3, 5), "padding": (1, 2)}),
    "strided": Pool((2, 5, 11, 14), {"kernel_size": (3, 4), "stride": (2, 3), "padding": (2, 1)}),
    "dilated": Pool((1, 2, 9, 13), {"kernel_size": (3, 2), "dilation": (2, 5), "padding": (1, 3)}),
    "asymmetric": Pool((1, 2, 6, 9), {"kernel_size": (2, 3), "padding": ((0, 2), (3, 1)), "stride": (1, 2)}),
    "unpadded": Pool((2, 3, 8, 19), {"kernel_size": (2, 3)}),
    "unpadded_rows_left_over": Pool((2, 3, 8, 19), {"kernel_size": (2, 3), "stride": (4, 1)}),
    "one_pixel": Pool((2, 3, 1, 1), {"kernel_size": 1}),
    "pointwise": Pool((2, 3, 5, 7), {"kernel_size": 1}),
    "patches": Pool((1, 3, 32, 48), {"kernel_size": 16, "stride": 16}),
    "stride_gt_kernel": Pool((2, 3, 17, 23), {"kernel_size": (2, 3), "stride": (5, 7), "padding": (1, 2)}),
    "dilated_strided": Pool(
        (1, 4, 12, 17), {"kernel_size": (2, 3), "stride": (3, 2), "dilation": (4, 3), "padding": (1, 5)}
    ),
    "padding_gt_kernel": Pool((1, 3, 2, 5), {"kernel_size": (2, 1), "padding": (4, 3)}),
    "all_padding": Pool((1, 2, 1, 1), {"kernel_size": (2, 3), "padding": (3, 4), "stride": (2, 3)}),
    "kernel_eq_input": Pool((3, 2, 5, 4), {"kernel_size": (5, 4)}),
    "word_minus_1": Pool((1, 2, 3, 17), {"kernel_size": (1, 3)}),
    "word_exact": Pool((1, 2, 3, 18), {"kernel_size": (1, 3)}),
    "word_plus_1": Pool((1, 2, 3, 19), {"kernel_size": (1, 3)}),
    "two_words_minus_1": Pool((1, 2, 3, 33), {"kernel_size": (1, 3)}),
    "five_words_plus_1": Pool((1, 2, 2, 83), {"kernel_size": (2, 3)}),
    "wide": Pool((1, 1, 2, 2111), {"kernel_size": (1, 4), "padding": (0, 2)}),
    "tall": Pool((1, 1, 397, 1), {"kernel_size": (4, 1), "padding": (3, 0)}),
    "several_bands": Pool((1, 2, 190, 130), {"kernel_size": (2, 1), "stride": (1, 2)}),
}
IM2COL_BULK = [
    Pool((2, 19, 30, 41), {"kernel_size": (3, 2), "padding": (1, 0)}),
    Pool((1, 3, 190, 151), {"kernel_size": (7, 5), "stride": (2, 3), "padding": (3, 2)}),
]


@dataclass(frozen=True)
class Pad:
    """x of any rank; pad lists (before, after) of the last dimension first."""

    x: tuple
    pad: tuple
    mode: str = "constant"
    value: float = 0

    @property
    def y(self):
        """The shape of the result."""
        known = [before + after for before, after in zip(self.pad[::2], self.pad[1::2], strict=True)]
        grown = [0] * (len(self.x) - len(known)) + known[::-1]
        return tuple(size + more for size, more in zip(self.x, grown, strict=True))


_PAD = {
    "vector": Pad((5,), (2, 3)),
    "one_dim": Pad((2, 3, 7), (3, 1)),
    "one_side": Pad((2, 3, 4, 7), (0, 2)),
    "two_dims": Pad((2, 3, 5, 7), (3, 1, 2, 4)),
    "rows_only": Pad((2, 17, 5, 7), (0, 0, 2, 1)),
    "three_dims": Pad((2, 3, 4, 5, 7), (1, 3, 2, 0, 1, 2)),
    "middle_dim": Pad((2, 3, 4, 5), (0, 0, 0, 0, 2, 1)),
    "nothing": Pad((2, 3, 4), (0, 0)),
    "empty_list": Pad((2, 3, 4), ()),
    "most": Pad((1, 2, 4, 6), (5, 5, 3, 3)),
    "lanes_plus_1": Pad((1, 18, 3, 33), (1, 2, 0, 1)),
    "wide": Pad((1, 1, 2, 2111), (2, 3, 1, 0)),
    "many_rows": Pad((1, 2, 397, 1), (0, 0, 3, 4)),
}
PAD = {
    **{f"{name}_{mode}": Pad(c.x, c.pad, mode) for name, c in _PAD.items() for mode in ("constant", "reflect")},
    **{f"{name}_{mode}": Pad(_PAD[name].x, _PAD[name].pad, mode) for name in ("two_dims", "three_dims", "most")
       for mode in ("replicate", "circular")},
    "value": Pad((2, 3, 5, 7), (3, 1, 2, 4), "constant", 2.5),
    "value_in_lanes": Pad((2, 16, 5, 7), (3, 1, 2, 4), "constant", -1.5),
    "cropped": Pad((2, 3, 5, 9), (-1, -2, -3, 1), "constant", 4.0),
    "cropped_to_the_constant": Pad((2, 3, 4), (-5, 3), "constant", 2.0),
    "cropped_reflect": Pad((2, 3, 5, 9), (-1, 3, 2, -2), "reflect"),
    "cropped_to_the_mirror_reflect": Pad((2, 3, 5, 4), (-4, 2, -6, 4), "reflect"),
    "cropped_replicate": Pad((2, 3, 5, 9), (-12, 7, 2, -2), "replicate"),
    "replicate_far": Pad((2, 3, 1, 2), (5, 9, 4, 0), "replicate"),
    "circular_whole": Pad((2, 3, 4, 5), (5, 5, 4, 4), "circular"),
    "far_apart": Pad((2, 3, 4, 5, 3), (1, 2, 0, 0, 0, 0, 0, 0, 1, 1), "replicate"),
    "every_dim": Pad((2, 3, 2, 4, 3), (1, 2, 2, 1, 0, 1, 1, 0, 1, 1), "constant", 3.0),
}  # fmt: skip
PAD_BULK = [Pad((4, 19, 33, 61), (3, 2, 1, 2), mode) for mode in ("constant", "reflect")]


@dataclass(frozen=True)
class Linear:
    """x [..., in] with weight [out, in]."""

    x: tuple
    weight: tuple
    bias: bool = True


LINEAR = {
    "one_number": Linear((1, 1), (1, 1)),
    "vector": Linear((19,), (7, 19)),
    "row": Linear((1, 70), (33, 70)),
    "lanes_minus_1": Linear((4, 15), (31, 15)),
    "lanes_exact": Linear((4, 16), (32, 16), bias=False),
    "lanes_plus_1": Linear((4, 17), (33, 17)),
    "tile_edge_minus_1": Linear((13, 9), (47, 9)),
    "tile_edge": Linear((14, 9), (48, 9)),
    "tile_edge_plus_1": Linear((15, 9), (49, 9), bias=False),
    "sequence": Linear((2, 3, 23), (5, 23)),
    "four_axes": Linear((2, 3, 5, 7), (11, 7)),
    "deep_sum": Linear((3, 2050), (5, 2050)),
    "many_outputs": Linear((2, 3), (530, 3)),
    "many_rows": Linear((131, 6), (4, 6)),
    "prime_everything": Linear((29, 67), (37, 67)),
}
LINEAR_BULK = [Linear((96, 521), (163, 521))]


@dataclass(frozen=True)
class Elementwise:
    x: tuple
    dim: int = -1


RELU = {
    "number": Elementwise(()),
    "one": Elementwise((1,)),
    "lanes_plus_1": Elementwise((17,)),
    "matrix": Elementwise((5, 33)),
    "image": Elementwise((2, 19, 3, 5)),
    "five_axes": Elementwise((2, 3, 2, 5, 7)),
}
RELU_BULK = [Elementwise((4, 37, 64, 61))]

SOFTMAX = {
    "one_class": Elementwise((3, 1)),
    "vector": Elementwise((19,)),
    "rows": Elementwise((5, 37)),
    "columns": Elementwise((5, 37), dim=0),
    "channels": Elementwise((2, 21, 3, 5), dim=1),
    "middle_axis": Elementwise((3, 17, 4), dim=-2),
    "long_row": Elementwise((2, 1031)),
}
SOFTMAX_BULK = [Elementwise((512, 257))]


@dataclass(frozen=True)
class Loss:
    x: tuple
    args: dict = field(default_factory=dict)
    weighted: bool = False
    ignored: int = 0


LOSS = {
    "one_sample": Loss((1, 3)),
    "mean": Loss((7, 10)),
    "sum": Loss((7, 10), {"reduction": "sum"}),
    "none": Loss((7, 10), {"reduction": "none"}),
    "weighted": Loss((9, 5), weighted=True),
    "weighted_none": Loss((9, 5), {"reduction": "none"}, weighted=True),
    "ignored": Loss((9, 5), {"ignore_index": 3}, ignored=4),
    "ignored_default": Loss((9, 5), ignored=4),
    "smoothed": Loss((6, 19), {"label_smoothing": 0.1}),
    "everything": Loss((11, 17), {"label_smoothing": 0.3, "ignore_index": -7}, weighted=True, ignored=2),
    "everything_sum": Loss(
        (11, 17), {"label_smoothing": 0.3, "ignore_index": -7, "reduction": "sum"}, weighted=True, ignored=2
    ),
    "everything_none": Loss(
        (11, 17), {"label_smoothing": 0.3, "ignore_index": -7, "reduction": "none"}, weighted=True, ignored=2
    ),
    "many_classes": Loss((3, 1031)),
}
LOSS_BULK = [Loss((512, 257))]
