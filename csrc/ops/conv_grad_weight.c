/* The weight gradient: for every tap a product of gy and x over all pixels.
 *
 *   gw[o][q][r][s] = sum over images, rows i, columns j of gy[o][i][j] * x[q][i*sh - ph + r*dh][j*sw - pw + s*dw]
 *
 * Work comes in units, some rows of one image. Which of the two ways to divide it among threads is best depends on how
 * many weights there are: conv_grad_blocks.c divides the weights, conv_grad_parts.c the units. Either way each sum
 * runs over the units in one order, whatever the number of threads. */
#include <string.h>

#include "conv_grad.h"

void fnn_grad_choose_units(fnn_grad_plan *p, ptrdiff_t pixels) {
    const fnn_conv_params *c = p->c;
    p->parts = c->ow > 2 * pixels ? fnn_ceil_div(c->ow, pixels) : 1;
    p->width = fnn_ceil_div(c->ow, p->parts);
    p->parts = fnn_ceil_div(c->ow, p->width);
    p->bands = fnn_ceil_div(c->oh, fnn_min(c->oh, fnn_max(1, pixels / p->width)));
    p->band = fnn_ceil_div(c->oh, p->bands);
    p->bands = fnn_ceil_div(c->oh, p->band);
    p->units = c->n * c->od * p->bands * p->parts;
    /* A kernel of one row needs no rows between those that it meets. */
    p->row_step = c->kh == 1 ? 1 : c->sh;
    p->x_pitch = ((p->width - 1) * c->sw + (c->kw - 1) * c->dw + 1) * FNN_BLOCK;
    p->x_slice = ((p->band - 1) * p->row_step + (c->kh - 1) * c->dh + 1) * p->x_pitch;
    p->x_plane = c->kd * p->x_slice;
}

fnn_grad_unit fnn_grad_unit_at(const fnn_grad_plan *p, ptrdiff_t index) {
    fnn_grad_unit u;
    u.column = index % p->parts * p->width;
    u.columns = fnn_min(p->width, p->c->ow - u.column);
    index /= p->parts;
    u.row = index % p->bands * p->band;
    u.rows = fnn_min(p->band, p->c->oh - u.row);
    index /= p->bands;
    u.z = index % p->c->od;
    u.image = index / p->c->od;
    return u;
}

void fnn_grad_load_x(const fnn_grad_plan *p, ptrdiff_t set, fnn_grad_unit u, ptrdiff_t block, char *to) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t channel = set * p->xs + block * FNN_BLOCK;
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, fnn_min((set + 1) * p->xs, c->c) - channel);
    const ptrdiff_t rows = (u.rows - 1) * p->row_step + (c->kh - 1) * c->dh + 1, skip = c->kh == 1 ? c->sh : 1;
    const ptrdiff_t columns = (u.columns - 1) * c->sw + (c->kw - 1) * c->dw + 1;
    for (ptrdiff_t t = 0; t < c->kd; t++)
        for (ptrdiff_t i = 0; i < rows; i++)
            fnn_load_row(&p->x, FNN_BLOCK, u.image, channel, channels, u.z * c->sd - c->pd + t * c->dd,
                         u.row * c->sh - c->ph + i * skip, u.column * c->sw - c->pw, columns, 0,
                         to + (t * p->x_slice + i * p->x_pitch) * p->es);
}

void fnn_grad_load_gy(const fnn_grad_plan *p, ptrdiff_t set, fnn_grad_unit u, ptrdiff_t block, char *to) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t channel = set * p->ys + block * FNN_BLOCK, pixel = FNN_BLOCK * p->es;
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, fnn_min((set + 1) * p->ys, c->oc) - channel);
    if (p->gy.layout == FNN_NCHW && u.columns == c->ow) { /* rows that follow each other are one run */
        const ptrdiff_t plane = c->od * c->oh * c->ow, first = (u.z * c->oh + u.row) * c->ow;
        p->kernels->block_pixels(p->gy.x + ((u.image * c->oc + channel) * plane + first) * p->es, plane, channels,
                                 u.rows * u.columns, to);
        return;
    }
    for (ptrdiff_t i = 0; i < u.rows; i++)
        fnn_load_row(&p->gy, FNN_BLOCK, u.image, channel, channels, u.z, u.row + i, u.column, u.columns, 0,
                     to + i * u.columns * pixel);
}

ptrdiff_t fnn_grad_gy_offset(const fnn_grad_plan *p, ptrdiff_t set, fnn_grad_unit u) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t block = u.image * fnn_blocks(c->oc) + set * p->ys / FNN_BLOCK;
    return (((block * c->od + u.z) * c->oh + u.row) * c->ow + u.column) * FNN_BLOCK;
}

/* Groups that do not start at a block of 16 cannot be split off a blocked image: go through NCHW copies. */
static fnn_status grad_weight_through_planar(const fnn_conv_params *c, const void *gy, const void *x, void *gw) {
    const ptrdiff_t es = fnn_element_size(c->dtype);
    fnn_conv_params planar = *c;
    if (c->x_layout == FNN_BLOCKED) planar.x_layout = FNN_NCHW;
    if (c->y_layout == FNN_BLOCKED) planar.y_layout = FNN_NCHW;
    char *x_copy = fnn_alloc((size_t)(c->n * c->c * c->d * c->h * c->w * es));
    char *gy_copy = fnn_alloc((size_t)(c->n * c->oc * c->od * c->oh * c->ow * es));
    fnn_status status = FNN_NO_MEMORY;
    if (x_copy && gy_copy) {
        if (c->x_layout == FNN_BLOCKED) fnn_unblock(c->dtype, c->n, c->c, c->d * c->h, c->w, x, x_copy);
        if (c->y_layout == FNN_BLOCKED) fnn_unblock(c->dtype, c->n, c->oc, c->od * c->oh, c->ow, gy, gy_copy);
        status = fnn_conv_grad_weight(&planar, c->y_layout == FNN_BLOCKED ? gy_copy : gy,
                                      c->x_layout == FNN_BLOCKED ? x_copy : x, gw);
    }
    fnn_free(x_copy);
    fnn_free(gy_copy);
    return status;
}

static fnn_grad_plan plan_of(const fnn_conv_params *c, fnn_conv_algorithm a, const void *gy, const void *x, void *gw) {
    fnn_grad_plan p = {.c = c, .kernels = fnn_kernels(c->dtype), .es = fnn_element_size(c->dtype), .gw = gw};
    const int depthwise = a == FNN_CONV_DEPTHWISE;
    p.sets = depthwise ? fnn_blocks(c->groups) : c->groups;
    p.xs = depthwise ? FNN_BLOCK : c->c / c->groups, p.ys = depthwise ? FNN_BLOCK : c->oc / c->groups;
    p.x_blocks = fnn_blocks(p.xs), p.y_blocks = fnn_blocks(p.ys);
    p.taps = c->kd * c->kh * c->kw;
    p.x = (fnn_image){c->dtype, c->x_layout, x, c->c, c->d, c->h, c->w, c->padding_mode};
    p.gy = (fnn_image){c->dtype, c->y_layout, gy, c->oc, c->od, c->oh, c->ow, FNN_PAD_CONSTANT};
    return p;
}

fnn_status fnn_conv_grad_weight(const fnn_conv_params *params, const void *gy, const void *x, void *gw) {
    fnn_conv_params one = *params; /* strides of an axis with one output matter to nothing, but may be huge */
    const fnn_conv_params *c = &one;
    if (c->od == 1) one.sd = 1;
    if (c->oh == 1) one.sh = 1;
    if (c->ow == 1) one.sw = 1;
    const ptrdiff_t cg = c->c / c->groups, ocg = c->oc / c->groups;
    const fnn_conv_algorithm a = fnn_conv_choose(cg, ocg, c->groups);
    if (c->oc * cg == 0) return FNN_OK;
    if (c->n == 0) {
        memset(gw, 0, (size_t)(c->oc * cg * c->kd * c->kh * c->kw * fnn_element_size(c->dtype)));
        return FNN_OK;
    }
    const int aligned = c->groups == 1 || a == FNN_CONV_DEPTHWISE;
    if (!aligned && ((c->x_layout == FNN_BLOCKED && cg % FNN_BLOCK) || (c->y_layout == FNN_BLOCKED && ocg % FNN_BLOCK)))
        return grad_weight_through_planar(c, gy, x, gw);
    const fnn_grad_plan plan = plan_of(c, a, gy, x, gw);
    if (a == FNN_CONV_DEPTHWISE) return fnn_grad_weight_depthwise(&plan);
    return a == FNN_CONV_PLANAR ? fnn_grad_weight_planar(&plan) : fnn_grad_weight_blocks(&plan);
}
