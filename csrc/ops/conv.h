/* What the files of the convolution share: conv.c (entry points, choice), conv_pack.c (weights), conv_bands.c and conv_pointwise.c
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
    fnn_method method; /* not FNN_AUTO */
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

/* Elements of one group's packed weights, and of all groups' (conv_pack.c). */
size_t fnn_conv_packed_group(fnn_conv_algorithm a, ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t taps);
size_t fnn_conv_packed_all(fnn_conv_algorithm a, ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t groups,
                           ptrdiff_t taps);
/* Weights [groups][out][in][taps] in the kernels' order; transposed: [groups][in][out][taps]. */
void fnn_conv_pack_weights(fnn_dtype dtype, fnn_conv_algorithm a, int transposed, ptrdiff_t groups,
                           ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t taps, const void *weight,
                           void *packed);
/* Any job whose groups start at blocks of 16 where an image is blocked (conv_bands.c). */
fnn_status fnn_conv_bands(const fnn_conv_job *job);

/* 3x3 with stride and dilation 1 through tiles of m x m outputs, m = 2 or 4 (conv_winograd.c); job->packed holds
 * filters transformed from those that are packed for BLOCKED: per panel of 16 output channels (m + 2)^2 points. */
fnn_status fnn_conv_winograd(const fnn_conv_job *job, int m);
void fnn_conv_winograd_filters(fnn_dtype dtype, ptrdiff_t x_blocks, ptrdiff_t panels, int m, int rotate,
                               const char *direct, char *u);

/* What a job would cost, in multiply-adds of the direct convolution; `packed`: filters are transformed ahead. */
double fnn_conv_direct_cost(const fnn_conv_job *job);
double fnn_conv_winograd_cost(const fnn_conv_job *job, int m, int packed);

/* Lanes beyond the last channel stay zero, also where the activation of zero is not. */
void fnn_clear_lanes(const fnn_conv_job *job, ptrdiff_t pixels, char *y);

/* 1x1 on NCHW images (conv_pointwise.c): whether it serves this job better, and the job itself. */
int fnn_conv_is_pointwise(const fnn_conv_job *job);
fnn_status fnn_conv_pointwise(const fnn_conv_job *job);

#endif
