/* Boxes of RoI align and RoI pooling, worked out once per call and read by every channel block. */
#ifndef FNN_ROI_BOXES_H
#define FNN_ROI_BOXES_H

#include "taps.h"

typedef struct {
    ptrdiff_t image;
    double start[2], bin[2]; /* rows, columns: where the first bin begins, a bin's size, in pixels */
    double samples[2];       /* align: of a bin; a whole number */
    ptrdiff_t length[2];     /* pool: pixels of the box */
    int finite;
    ptrdiff_t origin[2], size[2];     /* the rectangle of pixels that it reads */
    ptrdiff_t n_used;                 /* align: rows of that rectangle that are read */
    ptrdiff_t int_at, real_at;        /* where its tables begin */
    ptrdiff_t room[2];                /* taps that its tables can hold */
    fnn_axis axis[2];                 /* align */
    const int32_t *used;              /* align: [n_used] */
    const int32_t *begin[2], *end[2]; /* pool: bins, relative to origin */
    const int32_t *line[2];           /* pool: [bins][taps], as fnn_box_pool has them */
    ptrdiff_t taps[2];
    int empty; /* pool: some bins have no pixels */
} fnn_roi_box;

typedef struct {
    const fnn_roi_params *p;
    int pool;
    fnn_roi_box *box; /* [k] */
    ptrdiff_t *first; /* [n + 1]: boxes of image i are list[first[i]] .. list[first[i + 1] - 1] */
    ptrdiff_t *list;  /* [k] */
    int32_t *ints;
    char *reals;
    ptrdiff_t most_used; /* the largest n_used, or size[0], that any box may have */
} fnn_roi_boxes;

/* Reads the boxes and allocates their tables. */
fnn_status fnn_roi_boxes_make(fnn_roi_boxes *b, const fnn_roi_params *p, int pool, const void *boxes);
/* Fills the tables of one box; any thread. */
void fnn_roi_box_fill(fnn_roi_boxes *b, ptrdiff_t index);
void fnn_roi_boxes_free(fnn_roi_boxes *b);

#endif
