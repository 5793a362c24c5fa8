/* Regions of interest, boxes, resampling and embedding: the part of fastnn.h on them, which includes this file. */
#ifndef FASTNN_ROI_H
#define FASTNN_ROI_H

/* ---- regions of interest ------------------------------------------------------------------------------------- */

/* Boxes are [k][5]: the image's index, a whole number in 0..n-1, then x1, y1, x2, y2; of the arrays' dtype. Any coordinates
 * are allowed: a box with one that is not finite covers nothing, parts of a box outside the image do not count. */
typedef struct {
    fnn_dtype dtype;
    ptrdiff_t n, c, h, w; /* input */
    ptrdiff_t k, oh, ow;  /* boxes, and results a box */
    double scale;         /* coordinates times this are pixels */
    ptrdiff_t sampling;   /* align: samples a bin and axis; 0: as many as the bin has pixels, rounded up */
    int aligned;          /* align: pixel centres lie at whole numbers, boxes may be smaller than a pixel */
    int layout;           /* FNN_NCHW or FNN_BLOCKED, of all arrays but boxes and indices */
} fnn_roi_params;

/* Mean of the bilinear samples of each bin; samples outside [-1, h] x [-1, w] are 0, those within a pixel of the edge
 * have its value. */
fnn_status fnn_roi_align(const fnn_roi_params *p, const void *x, const void *boxes, void *y); /* y: [k][c][oh][ow] */
fnn_status fnn_roi_align_grad_input(const fnn_roi_params *p, const void *gy, const void *boxes, void *gx);
/* Maximum of each bin of whole pixels, 0 where it has none, NaN where it holds one. */
fnn_status fnn_roi_pool(const fnn_roi_params *p, const void *x, const void *boxes, void *y,
                        int64_t *indices); /* [k][c][oh][ow]: row * w + column of each maximum, -1 where there is
                                            * none; NCHW only; or NULL */
/* The whole of each gy goes to the first maximum of its bin, or to its last NaN. */
fnn_status fnn_roi_pool_grad_input(const fnn_roi_params *p, const void *gy, const void *x, const void *y,
                                   const void *boxes, void *gx);

/* ---- boxes --------------------------------------------------------------------------------------------------- */

/* iou[i][j] = intersection over union of a[i] and b[j], boxes x1, y1, x2, y2; NaN where 0/0 or a coordinate is NaN. */
fnn_status fnn_box_iou(fnn_dtype dtype, ptrdiff_t m, ptrdiff_t n, const void *a, /* [m][4] */
                       const void *b,                                            /* [n][4] */
                       void *iou);                                               /* [m][n] */
/* keep[i] = 1 where no kept box before i in its segment overlaps boxes[order[i]] by more than the threshold.
 * Segment s is start[s] .. start[s + 1] - 1. */
fnn_status fnn_nms(fnn_dtype dtype, ptrdiff_t k, const void *boxes, /* [k][4] */
                   const int64_t *order,                            /* [k], highest score first within a segment */
                   ptrdiff_t segments, const int64_t *start,        /* [segments + 1] */
                   double threshold, int8_t *keep);                 /* [k] */

/* ---- resampling ---------------------------------------------------------------------------------------------- */

typedef enum { FNN_NEAREST, FNN_NEAREST_EXACT, FNN_LINEAR, FNN_CUBIC } fnn_resample_mode;

typedef struct {
    fnn_dtype dtype;
    ptrdiff_t n, c, h, w, oh, ow; /* h, w, oh, ow >= 1 */
    int mode;                     /* fnn_resample_mode */
    int align_corners;            /* linear, cubic: first and last pixel stay at the ends */
    double step_h, step_w; /* input pixels an output pixel, where not align_corners: h / oh unless a scale is given */
    int layout;            /* FNN_NCHW or FNN_BLOCKED, of both arrays */
} fnn_interpolate_params;

/* y[n][c][oh][ow] from x[n][c][h][w], along both axes by the mode; cubic: a = -0.75, edge pixels repeated. */
fnn_status fnn_interpolate(const fnn_interpolate_params *p, const void *x, void *y);
fnn_status fnn_interpolate_grad_input(const fnn_interpolate_params *p, const void *gy, void *gx);

/* ---- embedding ----------------------------------------------------------------------------------------------- */

/* y[i] = weight[index[i]], rows of `width` elements, 0 <= index < rows. */
void fnn_embedding(fnn_dtype dtype, ptrdiff_t k, ptrdiff_t width, const int64_t *index, const void *weight, void *y);
/* gw[rows][width]: row r is the sum, in the order of i, of the gy[i] with index[i] == r; zero for r == padding. */
void fnn_embedding_grad_weight(fnn_dtype dtype, ptrdiff_t k, ptrdiff_t rows, ptrdiff_t width, const int64_t *index,
                               ptrdiff_t padding, const void *gy, void *gw);

#endif
