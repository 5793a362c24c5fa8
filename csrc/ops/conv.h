/* What the files of the convolution share: conv.c (entry points, packing, choice), conv_bands.c and conv_planes.c
 * (forward and input gradient), conv_grad_weight.c. */
#ifndef FNN_OPS_CONV_H
#define FNN_OPS_CONV_H

#include "../dispatch.h"
#include "../threads.h"

/* Chosen from the weight's shape alone, so that packed weights serve every input.
 *   BLOCKED    16 input channels a chunk, input in NCHW16c
 *   PLANAR     few input channels per group: one channel and kernel row a chunk, input in NCHW
 *   DEPTHWISE  one input and one output channel per group: lanes are channels */
typedef enum { FNN_CONV_BLOCKED, FNN_CONV_PLANAR, FNN_CONV_DEPTHWISE } fnn_conv_algorithm;

/* At 9 channels PLANAR does 9 steps where BLOCKED does 16, but each costs more (an estimate: 1.5 times). */
#define FNN_PLANAR_CHANNELS 8

static inline fnn_conv_algorithm fnn_conv_choose(ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t groups) {
    if (groups > 1 && in_channels == 1 && out_channels == 1) return FNN_CONV_DEPTHWISE;
    return in_channels <= FNN_PLANAR_CHANNELS ? FNN_CONV_PLANAR : FNN_CONV_BLOCKED;
}

/* A source image convolved into a destination image; the input gradient is the same with x = gy and `transposed`.
 * Destination row i takes source row  i*sh - ph + r*dh,  or transposed  (i + ph - r*dh) / sh  where that divides. */
typedef struct {
    fnn_dtype dtype;
    fnn_conv_algorithm algorithm;
    int transposed;
    const char *x; /* [n][xc][xh][xw] in x_layout */
    char *y;       /* [n][yc][yh][yw] in y_layout */
    const char *packed, *bias, *residual;
    int x_layout, y_layout;
    ptrdiff_t n, xc, xh, xw, yc, yh, yw;
    ptrdiff_t groups, kh, kw, sh, sw, ph, pw, dh, dw;
    int activation;
    double alpha, beta;
} fnn_conv_job;

/* An image array and one row of it as scratch wants it: columns [column0, column0 + columns) of `channels` channels from
 * `channel` on (one when unit is 1), unit elements a pixel, zero outside the image
 * (already, when `cleared`). */
typedef struct {
    fnn_dtype dtype;
    int layout;
    const char *x; /* [n][c][h][w] in layout */
    ptrdiff_t c, h, w;
} fnn_image;
void fnn_load_row(const fnn_image *im, ptrdiff_t unit, ptrdiff_t image, ptrdiff_t channel, ptrdiff_t channels,
                  ptrdiff_t row, ptrdiff_t column0, ptrdiff_t columns, int cleared, char *to);

/* Elements of one group's packed weights. */
size_t fnn_conv_packed_group(fnn_conv_algorithm a, ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t taps);
/* Any job whose groups start at blocks of 16 where an image is blocked (conv_bands.c). */
fnn_status fnn_conv_bands(const fnn_conv_job *job);

/* One axis of a strided kernel whose taps are sorted by residue modulo the stride: tap r reads row r*dilation / stride of
 * phase r % phases, which holds every stride-th row from r*dilation % stride on. */
typedef struct {
    ptrdiff_t phases;
    ptrdiff_t halo; /* largest distance of a tap inside its phase */
} fnn_conv_axis;
fnn_conv_axis fnn_conv_axis_of(ptrdiff_t k, ptrdiff_t stride, ptrdiff_t dilation);

/* One input channel a group on NCHW images, a plane at a time (conv_depthwise.c). */
int fnn_conv_is_depthwise(const fnn_conv_job *job);
fnn_status fnn_conv_depthwise(const fnn_conv_job *job);

/* NCHW to NCHW without transpositions (conv_planes.c): whether it serves this job better, and the job itself. */
int fnn_conv_is_planes(const fnn_conv_job *job);
fnn_status fnn_conv_planes(const fnn_conv_job *job);

#endif
