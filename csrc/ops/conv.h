/* What the files of the convolution share: conv.c (entry points, choice), conv_pack.c (weights), conv_plan.c, conv_bands.c,
 * conv_planes.c, conv_depthwise.c and conv_winograd.c (forward and input gradient), conv_grad_*.c. */
#ifndef FNN_OPS_CONV_H
#define FNN_OPS_CONV_H

#include "../dispatch.h"
#include "../threads.h"

/* Chosen from the weight's shape alone, so that packed weights serve every input.
 *   BLOCKED    16 input channels a chunk, input in NCHW16c
 *   PLANAR     few input channels per group: one channel and kernel row a chunk, input in NCHW
 *   DEPTHWISE  one input and one output channel per group: lanes are channels
 *   SUBPIXEL   transposed only: lanes are stride phases (conv_subpixel.c) */
typedef enum { FNN_CONV_BLOCKED, FNN_CONV_PLANAR, FNN_CONV_DEPTHWISE, FNN_CONV_SUBPIXEL } fnn_conv_algorithm;

/* At 9 channels PLANAR does 9 steps where BLOCKED does 16, but each costs more (an estimate: 1.5 times). */
#define FNN_PLANAR_CHANNELS 8

static inline fnn_conv_algorithm fnn_conv_choose(ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t groups) {
    if (groups > 1 && in_channels == 1 && out_channels == 1) return FNN_CONV_DEPTHWISE;
    return in_channels <= FNN_PLANAR_CHANNELS ? FNN_CONV_PLANAR : FNN_CONV_BLOCKED;
}

/* Where the result of a sub-pixel job goes: its channel ((o*sd + a)*sh + b)*sw + e at (z, y, x) is channel o of the image
 * at (z*sd + a - pd, y*sh + b - ph, x*sw + e - pw), and nowhere if that lies outside. */
typedef struct {
    ptrdiff_t sd, sh, sw; /* sw is 0 when the job is none */
    ptrdiff_t pd, ph, pw;
    ptrdiff_t c, d, h, w; /* the image's */
} fnn_spread;

/* A source image convolved into a destination image; the input gradient is the same with x = gy and `transposed`.
 * Destination row i takes source row  i*sh - ph + r*dh,  or transposed  (i + ph - r*dh) / sh  where that divides;
 * slices and columns likewise. */
typedef struct {
    fnn_dtype dtype;
    fnn_conv_algorithm algorithm;
    fnn_method method; /* not FNN_AUTO */
    int transposed;
    const char *x; /* [n][xc][xd][xh][xw] in x_layout */
    char *y;       /* [n][yc][yd][yh][yw] in y_layout */
    const char *packed, *bias, *residual;
    int x_layout, y_layout, padding_mode;
    ptrdiff_t n, xc, xd, xh, xw, yc, yd, yh, yw;
    ptrdiff_t groups, kd, kh, kw, sd, sh, sw, pd, ph, pw, dd, dh, dw;
    int activation;
    double alpha, beta;
    fnn_spread spread;
} fnn_conv_job;

/* An image array and one row of it as scratch wants it: columns [column0, column0 + columns) of slice z, row y of
 * `channels` channels from `channel` on (one when unit is 1), unit elements a pixel; outside the image what the
 * padding mode says, zero (already, when `cleared`) where that is constant. */
typedef struct {
    fnn_dtype dtype;
    int layout;
    const char *x; /* [n][c][d][h][w] in layout */
    ptrdiff_t c, d, h, w;
    int padding_mode;
} fnn_image;
void fnn_load_row(const fnn_image *im, ptrdiff_t unit, ptrdiff_t image, ptrdiff_t channel, ptrdiff_t channels,
                  ptrdiff_t z, ptrdiff_t y, ptrdiff_t column0, ptrdiff_t columns, int cleared, char *to);

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

/* Whether blocked images of a few pixels meet weights so large that they are better read once for the whole batch, and
 * that call from plain weights; transposed without bias and activation (conv_columns.c). */
int fnn_conv_is_columns(const fnn_conv_params *p);
fnn_status fnn_conv_columns(const fnn_conv_params *p, int transposed, const void *x, const void *weight,
                            const void *bias, void *y);

/* 3x3 with stride and dilation 1 through tiles of m x m outputs, m = 2 or 4 (conv_winograd.c); job->packed holds
 * filters transformed from those that are packed for BLOCKED: per panel of 16 output channels (m + 2)^2 points. */
fnn_status fnn_conv_winograd(const fnn_conv_job *job, int m);
void fnn_conv_winograd_filters(fnn_dtype dtype, ptrdiff_t x_blocks, ptrdiff_t panels, int m, int rotate,
                               const char *direct, char *u);

/* What a job would cost, in multiply-adds of the direct convolution; `packed`: filters are transformed ahead. */
double fnn_conv_direct_cost(const fnn_conv_job *job);
double fnn_conv_winograd_cost(const fnn_conv_job *job, int m, int packed);

/* Zeroes the lanes beyond the last channel of `pixels` pixels. Those of a pixel that were `computed`, with weights of zero,
 * are all alike and mostly zero already, unless NaN or infinity met those weights or the activation of zero is not zero. */
void fnn_clear_lanes(const fnn_conv_job *job, ptrdiff_t pixels, int computed, char *y);

/* Rows of up to 16 channels of a job's result, [rows][columns][16] in scratch. */
typedef struct {
    ptrdiff_t image, channel, channels, z, row, rows, column, columns;
} fnn_conv_piece;

/* Transposed convolution by sub-pixels (conv_subpixel.c): whether it costs less than phases one by one, its weights from
 * [in][out][taps] of each group, the job, and a piece of its result out to the image or of a residual in. */
int fnn_conv_is_subpixel(const fnn_conv_params *p);
size_t fnn_conv_subpixel_size(const fnn_conv_params *p);
void fnn_conv_subpixel_pack(const fnn_conv_params *p, const char *weight, char *packed);
fnn_status fnn_conv_subpixel(const fnn_conv_job *job);
void fnn_conv_spread(const fnn_conv_job *job, const fnn_conv_piece *piece, int out, char *image, char *scratch);

/* Whether a job has neither depth nor padding other than zeros. */
static inline int fnn_conv_is_flat(const fnn_conv_job *job) {
    return job->xd * job->yd * job->kd == 1 && job->pd == 0 && job->padding_mode == FNN_PAD_CONSTANT;
}

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
