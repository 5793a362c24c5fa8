/* The geometry of sampling along one axis, for RoI align and interpolation: which pixels a result reads, and with what
 * weights. Written once; RoI align and interpolation only say where their samples lie. */
#ifndef FNN_TAPS_H
#define FNN_TAPS_H

#include "../dispatch.h"

/* The table of one axis while it is filled, result by result. */
typedef struct {
    fnn_dtype dtype;   /* of weight, and of the arithmetic of positions */
    int32_t *first;    /* [results + 1] */
    int32_t *line;     /* [taps] */
    void *weight;      /* [taps] */
    ptrdiff_t results; /* so far */
    ptrdiff_t taps;
} fnn_taps;

/* `value` as the dtype holds it. One operation on two floats done in double and rounded here is the operation in float:
 * thus positions are those that float arithmetic gives, on every compiler. */
static inline double fnn_fit(fnn_dtype dtype, double value) { return dtype == FNN_F32 ? (double)(float)value : value; }

/* Begins the next result; the first call begins result 0. */
void fnn_taps_next(fnn_taps *t);
/* Ends the table. */
void fnn_taps_end(fnn_taps *t);

/* The sample at `position` of an axis of `size` pixels, pixel i at position i: linear between two pixels, the edge pixel's value
 * beyond it, nothing farther out than -1 or size. */
void fnn_taps_linear(fnn_taps *t, double position, ptrdiff_t size, double weight);
/* The sample by the cubic convolution kernel with a = -0.75 over four pixels, those outside being the edge pixel. */
void fnn_taps_cubic(fnn_taps *t, double position, ptrdiff_t size);
void fnn_taps_pixel(fnn_taps *t, ptrdiff_t line, double weight);

/* Numbers the lines that the table reads in the order of their first use: `used`, [taps], gets them and `line` becomes
 * indices into it. Returns how many there are. */
ptrdiff_t fnn_taps_compact(fnn_taps *t, int32_t *used);

/* The table as the kernels take it. */
static inline fnn_axis fnn_taps_axis(const fnn_taps *t) { return (fnn_axis){t->results, t->first, t->line, t->weight}; }

#endif
