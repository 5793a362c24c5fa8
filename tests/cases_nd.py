"""Named cases of the convolutions of sequences and volumes, and of the transposed ones; see cases.py."""

from dataclasses import dataclass, field

import naive
from cases import Conv

CONV1D = {
    "one_sample": Conv((2, 3, 1), (5, 3, 1)),
    "lanes_plus_1": Conv((2, 17, 13), (33, 17, 3), args={"padding": 1}),
    "causal_dilated": Conv((1, 18, 40), (20, 18, 3), args={"padding": ((14, 0),), "dilation": 7}),
    "far_taps": Conv((1, 20, 300), (16, 20, 2), bias=False, args={"dilation": 128, "padding": 64}),
    "strided": Conv((2, 7, 50), (19, 7, 5), args={"stride": 3, "padding": 2}),
    "encoder": Conv((2, 1, 90), (35, 1, 16), bias=False, args={"stride": 8}),
    "pointwise": Conv((1, 35, 64), (18, 35, 1)),
    "pointwise_strided": Conv((2, 20, 31), (18, 20, 1), args={"stride": 2}),
    "depthwise": Conv((2, 19, 27), (19, 1, 3), args={"groups": 19, "padding": 4, "dilation": 4}),
    "groups": Conv((1, 12, 20), (18, 4, 3), args={"groups": 3}),
    "same_padding": Conv((1, 5, 17), (6, 5, 4), args={"padding": "same", "dilation": 3}),
    "valid_padding": Conv((1, 5, 17), (6, 5, 4), args={"padding": "valid"}),
    "padding_gt_input": Conv((1, 4, 3), (18, 4, 2), args={"padding": ((5, 7),)}),
    "several_bands": Conv((1, 33, 2100), (17, 33, 2), args={"padding": ((1, 0),)}),
    "wide_rows": Conv((1, 1, 1700), (18, 1, 3), args={"padding": 1}),
}
CONV1D_BULK = [
    Conv((1, 40, 3000), (70, 40, 3), args={"dilation": 16, "padding": 16}),
    Conv((2, 48, 9000), (48, 1, 3), args={"groups": 48, "padding": 1}),
]

CONV3D = {
    "one_voxel": Conv((2, 3, 1, 1, 1), (5, 3, 1, 1, 1)),
    "lanes_plus_1": Conv((2, 17, 4, 3, 5), (18, 17, 3, 1, 2), args={"padding": (1, 0, 2)}),
    "strided": Conv((1, 5, 7, 6, 8), (19, 5, 2, 3, 1), args={"stride": (3, 2, 4), "padding": (0, 1, 2)}),
    "dilated": Conv((1, 18, 7, 4, 6), (7, 18, 3, 2, 1), args={"dilation": (3, 2, 1), "padding": (2, 1, 0)}),
    "first_layer": Conv((1, 3, 5, 11, 8), (20, 3, 3, 5, 4), args={"stride": (1, 2, 3), "padding": (1, 2, 0)}),
    "asymmetric_padding": Conv((1, 6, 2, 3, 4), (7, 6, 3, 2, 4), args={"padding": ((2, 0), (0, 1), (3, 1))}),
    "same_padding": Conv((1, 4, 3, 5, 4), (5, 4, 2, 3, 4), args={"padding": "same"}),
    "groups": Conv((2, 6, 3, 4, 5), (9, 2, 2, 1, 3), args={"groups": 3}),
    "depthwise": Conv((1, 19, 4, 3, 5), (19, 1, 3, 2, 1), args={"groups": 19, "padding": (1, 1, 0)}),
    "pointwise": Conv((1, 18, 3, 4, 8), (20, 18, 1, 1, 1)),
    "one_slice_of_padding": Conv((1, 4, 1, 5, 6), (18, 4, 1, 3, 2), args={"padding": (2, 1, 0)}),
    "kernel_eq_input": Conv((2, 5, 3, 2, 4), (6, 5, 3, 2, 4)),
}
CONV3D_BULK = [Conv((1, 20, 7, 22, 19), (34, 20, 3, 2, 3), args={"padding": (1, 0, 1)})]


@dataclass(frozen=True)
class Transposed:
    """x [n, c, ...] with weight [c, oc / groups, ...]; args are those of conv_transpose2d."""

    x: tuple
    weight: tuple
    bias: bool = True
    args: dict = field(default_factory=dict)

    @property
    def oc(self):
        return self.weight[1] * self.args.get("groups", 1)

    @property
    def y(self):
        """[n, oc, ...]."""
        plain = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1}
        plain |= {k: v for k, v in self.args.items() if k != "groups"}
        size, _ = naive.transposed_triples(self.x[2:], self.weight[2:], *plain.values())
        return (self.x[0], self.oc, *size)


TRANSPOSED2D = {
    "one_pixel": Transposed((2, 3, 1, 1), (3, 5, 1, 1)),
    "lanes_plus_1": Transposed((2, 17, 4, 5), (17, 33, 3, 2), args={"padding": (1, 0)}),
    "dcgan": Transposed((1, 20, 4, 5), (20, 18, 4, 4), bias=False, args={"stride": 2, "padding": 1}),
    "dcgan_last": Transposed((2, 35, 4, 5), (35, 3, 4, 6), args={"stride": (2, 3), "padding": (1, 2)}),
    "unet": Transposed((1, 18, 3, 6), (18, 17, 2, 3), args={"stride": (2, 3)}),
    "output_padding": Transposed((1, 6, 5, 4), (6, 18, 3, 2), args={"stride": (2, 3), "output_padding": (1, 2)}),
    "output_padding_gt_stride": Transposed(
        (1, 6, 5, 4), (6, 7, 3, 2), args={"dilation": (3, 4), "output_padding": (2, 3)}
    ),
    "espcn": Transposed((2, 18, 5, 4), (18, 1, 9, 6), args={"stride": 3, "padding": (3, 1)}),
    "fcn": Transposed((1, 5, 3, 2), (5, 3, 32, 16), bias=False, args={"stride": (16, 8), "padding": (3, 9)}),
    "wide_stride": Transposed((1, 7, 2, 3), (7, 2, 2, 32), args={"stride": (2, 16), "output_padding": (0, 5)}),
    "stride_gt_kernel": Transposed((1, 18, 3, 4), (18, 6, 2, 1), args={"stride": (3, 4)}),
    "dilated": Transposed((2, 5, 4, 6), (5, 19, 3, 2), args={"dilation": (2, 3), "stride": (3, 2), "padding": (4, 1)}),
    "dilated_axis": Transposed((1, 5, 4, 6), (5, 2, 3, 4), args={"dilation": (2, 1), "stride": (1, 4)}),
    "groups": Transposed((2, 12, 4, 3), (12, 6, 3, 2), args={"groups": 3, "stride": (1, 2)}),
    "groups_narrow": Transposed((1, 20, 3, 4), (20, 3, 2, 4), args={"groups": 2, "stride": 2, "padding": (0, 1)}),
    "depthwise": Transposed((1, 19, 4, 5), (19, 1, 4, 3), args={"groups": 19, "stride": (2, 1), "padding": (1, 0)}),
    "crop_gt_kernel": Transposed((1, 6, 6, 7), (6, 3, 2, 4), args={"stride": 2, "padding": (4, 5)}),
    "asymmetric_crop": Transposed((1, 6, 4, 5), (6, 4, 4, 2), args={"stride": 2, "padding": ((3, 0), (1, 2))}),
    "heavy_weights": Transposed((1, 70, 3, 4), (70, 48, 4, 6), args={"stride": (1, 2)}),
    "several_bands": Transposed((1, 30, 21, 33), (30, 3, 4, 2), args={"stride": 2, "padding": (1, 0)}),
}
TRANSPOSED2D_BULK = [
    Transposed((1, 40, 20, 17), (40, 33, 3, 4), args={"stride": 2, "padding": (1, 0)}),
    Transposed((2, 36, 21, 30), (36, 3, 4, 6), args={"stride": 2, "padding": 1}),
]
TRANSPOSED1D = {
    "one_sample": Transposed((2, 3, 1), (3, 5, 1)),
    "lanes_plus_1": Transposed((2, 17, 9), (17, 33, 3), args={"padding": 1}),
    "vocoder": Transposed((1, 20, 14), (20, 18, 16), args={"stride": 8, "padding": 4}),
    "last": Transposed((1, 33, 40), (33, 1, 4), args={"stride": 2, "padding": 1}),
    "dilated": Transposed((1, 5, 9), (5, 18, 3), args={"dilation": 2, "stride": 3, "output_padding": 1}),
    "depthwise": Transposed((2, 18, 11), (18, 1, 3), args={"groups": 18, "stride": 2}),
    "several_bands": Transposed((1, 20, 900), (20, 17, 3), args={"stride": 2}),
}
TRANSPOSED3D = {
    "one_voxel": Transposed((2, 3, 1, 1, 1), (3, 5, 1, 1, 1)),
    "unet": Transposed((1, 18, 2, 3, 4), (18, 17, 2, 1, 2), args={"stride": 2}),
    "strided": Transposed((1, 5, 3, 2, 4), (5, 18, 3, 2, 4), args={"stride": (2, 1, 3), "padding": (1, 0, 2)}),
    "last": Transposed((1, 18, 3, 4, 2), (18, 2, 4, 2, 6), args={"stride": 2, "padding": (1, 0, 2)}),
    "dilated": Transposed((1, 4, 3, 4, 2), (4, 5, 2, 3, 1), args={"dilation": (2, 1, 3), "stride": (3, 2, 1)}),
    "output_padding": Transposed((1, 4, 2, 3, 2), (4, 3, 2, 3, 1), args={"stride": 3, "output_padding": (1, 0, 2)}),
    "depthwise": Transposed((1, 17, 2, 3, 4), (17, 1, 3, 2, 1), args={"groups": 17, "stride": (2, 1, 1)}),
}
TRANSPOSED1D_BULK = [Transposed((1, 30, 2000), (30, 34, 4), args={"stride": 2, "padding": 1})]
TRANSPOSED3D_BULK = [Transposed((1, 20, 6, 9, 11), (20, 18, 3, 2, 4), args={"stride": (2, 1, 2)})]
