/* How a convolution is cut up: made by conv_plan.c once per call, carried out by conv_bands.c. */
#ifndef FNN_OPS_CONV_PLAN_H
#define FNN_OPS_CONV_PLAN_H

#include "conv.h"

/* One axis of a job. Destination i takes source  i*stride - padding + r*dilation  for tap r, or transposed
 * (i + padding - r*dilation) / stride  where that divides: then taps and destinations fall into `phases`, whose members
 * meet each other only. */
typedef struct {
    ptrdiff_t x, y; /* source and destination size */
    ptrdiff_t k, stride, padding, dilation;
    ptrdiff_t phases; /* stride when transposed, else 1 */
    int transposed;
} conv_axis;

typedef struct {
    fnn_conv_job job;
    const fnn_kernel_table *kernels;
    conv_axis d, h, w;
    double work;                     /* multiply-adds */
    ptrdiff_t threads;               /* at most */
    ptrdiff_t es;                    /* bytes of an element */
    ptrdiff_t unit;                  /* elements of a source pixel in scratch: 16, or 1 when planar */
    ptrdiff_t sets, xs, ys;          /* groups (blocks of 16 when depthwise), their source and result channels */
    ptrdiff_t source_blocks, panels; /* of one set */
    ptrdiff_t taps, packed_set;      /* of the kernel; packed elements of a set */
    fnn_chunk *chunks;               /* of every phase, one after the other */
    ptrdiff_t *phase_begin;          /* [d.phases][h.phases][w.phases] and one more, into chunks */
    ptrdiff_t chunk_len, a_step;
    ptrdiff_t width, across;       /* destination columns of a band; bands side by side */
    ptrdiff_t band, bands;         /* destination rows of a band; bands one below the other */
    ptrdiff_t total;               /* bands of all images, sets and slices */
    ptrdiff_t slots, source_rows;  /* source slices that a destination slice touches; source rows of a band at most */
    ptrdiff_t columns;             /* source columns that a band holds */
    ptrdiff_t plane, slice, pitch; /* strides of the source in scratch (or in place): block, slice, row */
    ptrdiff_t pixel, y_pixel;      /* stride of its pixels; of the result's where strips write them */
    ptrdiff_t group, passes;       /* panels computed together; passes over their weights */
    ptrdiff_t budget, out_rows;    /* bytes of a band; rows of a panel in the scratch of an NCHW result */
    int heavy_weights;
    int through_scratch;            /* panels of the result, on their way to an NCHW image or to sub-pixels */
    int in_place, flat, share_band; /* read x where it is; 1x1: rows run together; whole team on one band */
    char *bias;                     /* [sets][panels*16] or NULL */
    char *x_scratch, *y_scratch;    /* [threads or 1][...] */
    ptrdiff_t x_bytes, y_bytes;     /* one thread's scratch */
} conv_plan;

/* Everything but the memory: chunks, phase_begin, bias and scratch. */
void fnn_conv_choose_plan(conv_plan *p, const fnn_conv_job *job);
/* Into the memory at chunks, phase_begin and, when not NULL, bias. */
void fnn_conv_fill_tables(conv_plan *p);

/* Source of destination i for the tap whose distance is 0. */
static inline ptrdiff_t axis_base(const conv_axis *a, ptrdiff_t i) {
    return a->transposed ? (i + a->padding) / a->stride : i * a->stride - a->padding;
}

static inline ptrdiff_t axis_phase(const conv_axis *a, ptrdiff_t i) {
    return a->transposed ? (i + a->padding) % a->stride : 0;
}

static inline int axis_in_phase(const conv_axis *a, ptrdiff_t tap, ptrdiff_t phase) {
    return !a->transposed || tap * a->dilation % a->stride == phase;
}

/* Distance of a tap of the phase from the base. */
static inline ptrdiff_t axis_distance(const conv_axis *a, ptrdiff_t tap, ptrdiff_t phase) {
    return a->transposed ? -((tap * a->dilation - phase) / a->stride) : tap * a->dilation;
}

/* The sources that destinations [begin, end) touch, whatever their phase: the first, the last and one, and how many
 * there are at most for `count` destinations. */
static inline ptrdiff_t axis_begin(const conv_axis *a, ptrdiff_t begin) {
    return axis_base(a, begin) - (a->transposed ? (a->k - 1) * a->dilation / a->stride : 0);
}

static inline ptrdiff_t axis_end(const conv_axis *a, ptrdiff_t end) {
    return axis_base(a, end - 1) + (a->transposed ? 0 : (a->k - 1) * a->dilation) + 1;
}

static inline ptrdiff_t axis_most(const conv_axis *a, ptrdiff_t count) {
    const ptrdiff_t reach = (a->k - 1) * a->dilation;
    return a->transposed ? (count - 1) / a->stride + 2 + reach / a->stride : (count - 1) * a->stride + reach + 1;
}

#endif
