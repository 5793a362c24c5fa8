/* Argument blocks of the kernels. Pointers are void because one body serves float32 and float64: each dialect casts
 * to its own element type, and every offset and stride counts elements. */
#ifndef FNN_KERNEL_ARGS_H
#define FNN_KERNEL_ARGS_H

#include "internal.h"
#include "kernel_args_roi.h"
#include "rnn_args.h"

typedef struct {
    ptrdiff_t a, b; /* offsets of the chunk's first step from the strip's a and b */
} fnn_chunk;

typedef struct {
    const void *a; /* broadcast side: row i, step k at a + chunk.a + i*a_row + k*a_step */
    ptrdiff_t a_row, a_step;
    const void *b; /* vector side: panel p, step k at b + chunk.b + p*b_panel + k*b_step, 16 columns */
    ptrdiff_t b_panel, b_step;
    const void *next; /* b of the strip that follows, of the same shape, to prefetch; or NULL */
    const fnn_chunk *chunks;
    ptrdiff_t n_chunks, chunk_len;
    void *c; /* row i, panel p at c + i*c_row + p*c_panel, 16 columns */
    ptrdiff_t c_row, c_panel;
    ptrdiff_t rows, panels;
    ptrdiff_t tile_rows;    /* most rows of a tile, 0 for as many as the dialect has */
    ptrdiff_t last_columns; /* valid columns of the last panel, 1..16; bias alone is read 16 wide there */
    const void *bias;       /* [panels*16], or NULL */
    const void *row_bias;   /* [rows], instead of bias; or NULL */
    const void *residual;   /* addressed like c, may be c; or NULL */
    int accumulate;         /* add to c; bias is NULL then */
    int activation;         /* fnn_activation */
    double alpha, beta;     /* its parameters */
} fnn_strip;

/* Tiles side by side in one 16-channel block of an image: m x m outputs each, read from (m + 2) x (m + 2) inputs. */
typedef struct {
    int m; /* 2 or 4 */
    ptrdiff_t tiles;
    void *image; /* the first tile's first pixel, [..][image_row]: input (not written), or output */
    ptrdiff_t image_row;
    void *points; /* point f of tile t at points + f*point + t*16, (m + 2)^2 points */
    ptrdiff_t point;
    ptrdiff_t rows, columns; /* output: pixels of these tiles inside the image; columns > (tiles - 1)*m */
    const void *bias;        /* output: [16], or NULL */
    const void *residual;    /* output: addressed like image, may be image; or NULL */
    int activation;          /* output: fnn_activation */
    double alpha, beta;      /* its parameters */
} fnn_winograd_tiles;

typedef struct {
    const void *x;  /* output row i, pixel j, tap (r, s) at x + chunk.b + j*x_step + r*x_row + s*x_tap, 16 channels */
    const void *gy; /* row i, pixel j at gy + chunk.a + j*16 */
    ptrdiff_t x_step, x_row, x_tap;
    const fnn_chunk *chunks; /* one a row */
    ptrdiff_t n_chunks, pixels;
    ptrdiff_t kh, kw;
    void *gw; /* [kh][kw][16] */
    int accumulate;
} fnn_depthwise_grad;

typedef struct {
    const void *x;            /* load: [channels][h][w]; store: scratch, FNN_BLOCK elements readable beyond a row */
    ptrdiff_t x_plane, x_row; /* strides; x_row: store only */
    ptrdiff_t h, w;           /* load: bounds of the image */
    ptrdiff_t row, row_step, column, column_step; /* load: image position of y's first element; steps, >= 1 */
    ptrdiff_t row_phases, row_dilation, column_phases, column_dilation; /* load: phases of the steps */
    ptrdiff_t channels, rows, columns;                                  /* the window */
    void *y;                           /* load: scratch, FNN_BLOCK elements writable beyond the window */
    ptrdiff_t y_plane, y_phase, y_row; /* strides; y_phase: load only */
    const void *residual;              /* store: addressed like y; or NULL */
    int activation;                    /* store: fnn_activation */
    double alpha, beta;                /* its parameters */
} fnn_planes;

typedef struct {
    const void
        *x; /* scratch planes; output row i, column j of tap t, row k of its run at chunk.b + (i + k)*x_row + j */
    ptrdiff_t x_row; /* FNN_BLOCK elements are readable beyond a row */
    const void *w;   /* weight at chunk.a + k*w_run */
    ptrdiff_t w_run;
    const fnn_chunk *chunks; /* columns of the kernel, or single taps where run is 1 */
    ptrdiff_t n_chunks, run; /* run: 1, 3, 5 or 7 */
    ptrdiff_t h, w_in, above, before, kernel,
        stride;          /* direct: image x[h][w_in], its padding, square kernel and stride */
    const int32_t *pick; /* direct: [kernel][FNN_VF], tap + lane * stride */
    const void *bias;    /* one element, or NULL */
    void *y;
    ptrdiff_t y_row, rows, columns;
    const void *residual; /* addressed like y; or NULL */
    int activation;       /* fnn_activation */
    double alpha, beta;   /* its parameters */
} fnn_depthwise;

/* The window of one output along one axis. */
typedef struct {
    ptrdiff_t begin, taps; /* first position inside the input, and how many are inside, `dilation` apart */
    ptrdiff_t skipped;     /* taps of the kernel in front of the input */
    double count;          /* positions that count in an average */
} fnn_window;

/* One pooling of volumes of three axes, shared by all its volumes. */
typedef struct {
    ptrdiff_t size[3], out[3], kernel[3], dilation[3];
    const fnn_window *windows[3]; /* [out] of each axis */
    ptrdiff_t stride, before;     /* last axis: window j begins at j*stride - before; stride 0: they are of any size */
    int average;                  /* sums over counts, not maxima */
    double divisor;               /* average: of every window, when not 0 */
    int rectified;                /* gradient of the maximum: gy counts only where y is positive or NaN */
    int overlap;                  /* windows share positions */
    int empty;                    /* some window holds no position */
    ptrdiff_t together;     /* planes: output rows that pass through the scratch at a time, at most 8 unless flat */
    ptrdiff_t pitch;        /* planes: elements between their rows of scratch */
    int flat;               /* planes: windows tile whole rows, so that those rows are one run */
    ptrdiff_t row_length;   /* planes: elements of all rows of scratch */
    ptrdiff_t pixel, lanes; /* lanes: elements between pixels, and channels (1..16) of one call */
} fnn_pool;

typedef struct {
    const void *x; /* [rows][x_row], the first `columns` of each */
    ptrdiff_t x_row;
    ptrdiff_t readable; /* elements that may be read from x on */
    void *y;            /* [rows][y_row] */
    ptrdiff_t y_row;
    ptrdiff_t writable; /* elements that may be written from y on: up to 15 past a row are, before the next row */
    ptrdiff_t rows, columns;
} fnn_rows;

/* Normalisation over rows of up to 16 lanes. */
typedef struct {
    const void *x, *gy; /* [rows] at `stride` elements, the first `lanes` of each */
    void *y;            /* addressed like x */
    ptrdiff_t rows, stride, lanes;
    const double *center, *scale, *slope, *shift; /* [16] each */
    double *sums;                                 /* [2][16], added to */
} fnn_norm_rows;

/* One row of n elements whose weights differ. */
typedef struct {
    const void *x, *gy, *w, *b; /* [n]; w and b may be NULL */
    void *y, *gw, *gb;          /* [n]; gw and gb (added to) may be NULL */
    ptrdiff_t n;
    double center, scale, shift, slope, offset;
    double *sums; /* [2] */
} fnn_norm_line;

/* A strip of n pixels of one image, for one channel of c. */
typedef struct {
    const void *x, *gy; /* [c] planes apart by `plane`, the strip's n pixels of each; gy NULL in the forward pass */
    void *y, *t, *gx;   /* [n] of the channel; t in the gradient: [c][t_row] */
    ptrdiff_t plane, t_row, c, channel, n, size;
    double alpha, beta, k;
} fnn_response_strip;

/* n elements of a loss. */
typedef struct {
    int kind;
    const void *x, *t, *w, *p, *gy; /* [n]; w, p and gy may be NULL */
    void *y;                        /* losses (or NULL), or the gradient */
    ptrdiff_t n;
    double beta, scale;
    double *sum;
} fnn_loss_piece;

#endif
