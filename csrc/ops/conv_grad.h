/* What the files of the weight gradient share: conv_grad_weight.c (entry, units, source rows), conv_grad_blocks.c
 * (blocks of 16 by 16 channels), conv_grad_parts.c (few channels, depthwise). */
#ifndef FNN_OPS_CONV_GRAD_H
#define FNN_OPS_CONV_GRAD_H

#include "conv.h"

typedef struct {
    const fnn_conv_params *c;
    const fnn_kernel_table *kernels;
    ptrdiff_t es; /* element bytes */
    fnn_image x, gy;
    char *gw;
    ptrdiff_t sets, xs, ys;              /* groups (depthwise: blocks of 16), source and result channels of each */
    ptrdiff_t x_blocks, y_blocks;        /* blocks of 16 of a set */
    ptrdiff_t taps;                      /* kd*kh*kw */
    ptrdiff_t band, bands, width, parts; /* output rows and columns of a unit, units of a slice below each other and
                                               side by side */
    ptrdiff_t units;                     /* of a set */
    ptrdiff_t row_step;                  /* rows of source in scratch from one output row to the next */
    ptrdiff_t x_pitch, x_slice, x_plane; /* elements of a row, a kernel slice's rows, all slices of a block */
} fnn_grad_plan;

/* Output rows [row, row + rows) of slice z and columns [column, column + columns) of one image. */
typedef struct {
    ptrdiff_t image, z, row, rows, column, columns;
} fnn_grad_unit;

/* Units of about so many pixels, and the strides of a unit's source in scratch, 16 elements a pixel. */
void fnn_grad_choose_units(fnn_grad_plan *p, ptrdiff_t pixels);
fnn_grad_unit fnn_grad_unit_at(const fnn_grad_plan *p, ptrdiff_t index);
/* A unit of one block of 16 source channels, with its padding, into scratch. */
void fnn_grad_load_x(const fnn_grad_plan *p, ptrdiff_t set, fnn_grad_unit u, ptrdiff_t block, char *to);
/* A unit of one block of gy as [rows][columns][16]. */
void fnn_grad_load_gy(const fnn_grad_plan *p, ptrdiff_t set, fnn_grad_unit u, ptrdiff_t block, char *to);
/* Where a unit of a set's first block of a blocked gy lies. */
ptrdiff_t fnn_grad_gy_offset(const fnn_grad_plan *p, ptrdiff_t set, fnn_grad_unit u);

fnn_status fnn_grad_weight_blocks(const fnn_grad_plan *plan);
fnn_status fnn_grad_weight_planar(const fnn_grad_plan *plan);
fnn_status fnn_grad_weight_depthwise(const fnn_grad_plan *plan);

static inline double fnn_grad_work(const fnn_grad_plan *p) {
    return (double)(p->c->n * p->c->oc * p->c->od * p->c->oh * p->c->ow) * (double)(p->taps * fnn_min(p->xs, p->c->c));
}

#endif
