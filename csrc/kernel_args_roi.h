/* Argument blocks of resampling and of pooling over boxes; see kernel_args.h, which includes this file. */
#ifndef FNN_KERNEL_ARGS_ROI_H
#define FNN_KERNEL_ARGS_ROI_H

#include "internal.h"

/* One axis of a resampling: result i is the sum of weight[t] * line[t] over t from first[i] to first[i + 1] - 1. */
typedef struct {
    ptrdiff_t n;          /* results */
    const int32_t *first; /* [n + 1] */
    const int32_t *line;  /* [taps] */
    const void *weight;   /* [taps] */
} fnn_axis;

typedef struct {
    void *x; /* [..][x_row] pixels of 16 channels; gradient: added to */
    ptrdiff_t x_row;
    const int32_t *row; /* [n_rows]: rows of x that are used; what `rows` calls line i is row[i] of x */
    ptrdiff_t n_rows;
    fnn_axis rows, columns;
    void *scratch; /* [n_rows][columns.n][16] */
    void *y;       /* [rows.n][columns.n][16]; gradient: gy */
} fnn_resample;

/* Bins of whole pixels: bin (i, j) has rows row_begin[i] .. row_end[i] - 1 and columns likewise. */
typedef struct {
    const void *x; /* [..][x_row] pixels of 16 channels */
    ptrdiff_t x_row;
    ptrdiff_t rows;                           /* rows of x that bins reach to, for `scratch` */
    const int32_t *row_begin, *row_end;       /* [oh] */
    const int32_t *column_begin, *column_end; /* [ow] */
    ptrdiff_t oh, ow;
    /* Forward, the same pixels as lists of one length for all bins, short ones with their last pixel again: */
    ptrdiff_t row_taps, column_taps;
    const int32_t *row_line, *column_line; /* [oh][row_taps], [ow][column_taps] */
    int empty;                             /* some bins have no pixels; their lists name the first */
    void *scratch;                         /* [rows][ow][16] */
    int careful;                           /* x may hold NaN */
    void *y;                               /* [oh][ow][16]; gradient: not written */
    const void *gy;                        /* gradient: [oh][ow][16] */
    void *gx;                              /* gradient: addressed like x, added to */
} fnn_box_pool;

/* One box against n others, each given by columns: x1, y1, x2, y2, area. */
typedef struct {
    ptrdiff_t n;
    const void *x1, *y1, *x2, *y2, *area; /* [n] */
    double box[5];
    double threshold;
    void *y; /* [n] */
} fnn_box_row;

#endif
