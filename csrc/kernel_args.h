/* Argument blocks of the kernels. Pointers are void because one body serves float32 and float64: each dialect casts
 * to its own element type, and every offset and stride counts elements. */
#ifndef FNN_KERNEL_ARGS_H
#define FNN_KERNEL_ARGS_H

#include "internal.h"
#include "kernel_args_roi.h"

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

typedef struct {
    const void *x;  /* [h][w][16] one channel block of one image */
    void *y;        /* [ow][16] one output row; average: also gy's row */
    void *g;        /* gradients: gx, [h][w][16], added to */
    const void *gy; /* maximum gradient: one row of gy */
    int overlap;    /* maximum gradient: windows share pixels, so g is added to, not written */
    int rectified;  /* maximum gradient: gy counts only where y is positive */
    ptrdiff_t w, ow;
    ptrdiff_t row0, rows; /* input rows of the window inside the image: row0 + r*row_step, r < rows */
    ptrdiff_t row_step;   /* dilation */
    ptrdiff_t kw, sw, pw, dw;
    double row_count;      /* average: rows that count towards the divisor */
    ptrdiff_t count_width; /* average: columns -pw .. count_width - 1 count (w, or w + pw with padding) */
    ptrdiff_t count_from;  /* 0, or -pw with padding */
    double divisor;        /* average: the whole divisor, when not 0 */
} fnn_pool_row;

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
