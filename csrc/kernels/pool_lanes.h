/* Pooling with channels in the lanes: 16 of a blocked image, or any 16 side by side of an NHWC one; one output row of
 * one image. The first two axes are depth 1 and height. Numbers of taps as in pool_max.h, stored like y.
 *
 * Expanded names: fnn_max_pool_lanes__avx2, fnn_avg_pool_lanes__avx2, fnn_max_pool_grad_lanes__avx2,
 * fnn_avg_pool_grad_lanes__avx2, ... */

#define FNN_LANES_NO_TAP 255

typedef struct {
    fnn_window h;
    ptrdiff_t row_step, column_step; /* elements between taps */
    double count;
} pool_lane_rows;

FNN_ALWAYS_INLINE pool_lane_rows pool_lane_rows_of(const fnn_pool *p, ptrdiff_t row) {
    return (pool_lane_rows){.h = p->windows[1][row],
                            .row_step = p->dilation[1] * p->size[2] * p->pixel,
                            .column_step = p->dilation[2] * p->pixel,
                            .count = p->divisor != 0 ? p->divisor : p->windows[0]->count * p->windows[1][row].count};
}

/* Offset of the first tap inside the image of the window of output column j. */
FNN_ALWAYS_INLINE ptrdiff_t pool_lane_origin(const fnn_pool *p, const pool_lane_rows *r, ptrdiff_t j) {
    return (r->h.begin * p->size[2] + p->windows[2][j].begin) * p->pixel;
}

FNN_ALWAYS_INLINE vn pool_lane_part(const fnn_pool *p, int v) { return vn_first(p->lanes - v * FNN_VF); }
FNN_ALWAYS_INLINE vf pool_lane_load(const real *at, vn part, const int full) {
    return full ? vf_load(at) : vf_load_part(at, part);
}
FNN_ALWAYS_INLINE void pool_lane_store(real *at, vf x, vn part, const int full) {
    if (full)
        vf_store(at, x);
    else
        vf_store_part(at, x, part);
}

FNN_ALWAYS_INLINE void max_pool_lane(const fnn_pool *p, const pool_lane_rows *r, const real *x, real *y, vn part,
                                     const int full, const ptrdiff_t tall, const ptrdiff_t wide) {
    vf best = vf_set1(-(real)INFINITY);
    for (ptrdiff_t h = 0; h < tall; h++)
        for (ptrdiff_t s = 0; s < wide; s++)
            best = vf_max_nan(best, pool_lane_load(x + h * r->row_step + s * r->column_step, part, full));
    pool_lane_store(y, best, part, full);
    (void)p;
}

/* The same with the number of the tap that won. */
FNN_ALWAYS_INLINE void max_pool_lane_taps(const fnn_pool *p, const pool_lane_rows *r, fnn_window wide, const real *x,
                                          real *y, uint8_t *taps, ptrdiff_t lanes) {
    const vn part = vn_first(lanes);
    vf best = vf_set1(-(real)INFINITY), tap = vf_set1(FNN_LANES_NO_TAP);
    for (ptrdiff_t h = 0; h < r->h.taps; h++)
        for (ptrdiff_t s = 0; s < wide.taps; s++) {
            const vf a = vf_load_part(x + h * r->row_step + s * r->column_step, part);
            const vf number = vf_set1((real)((r->h.skipped + h) * p->kernel[2] + wide.skipped + s));
            const vm wins = vm_or(vf_gt(a, best), vf_isnan(a));
            best = h + s == 0 ? a : vf_select(wins, a, best);
            tap = h + s == 0 ? number : vf_select(wins, number, tap);
        }
    vf_store_part(y, best, part);
    uint8_t bytes[FNN_VF];
    vf_store_bytes(bytes, tap);
    for (ptrdiff_t i = 0; i < fnn_min(lanes, FNN_VF); i++) taps[i] = bytes[i];
}

FNN_ALWAYS_INLINE void max_pool_lanes_body(const fnn_pool *p, const real *x, real *y, ptrdiff_t row, const int full) {
    const pool_lane_rows r = pool_lane_rows_of(p, row);
    for (ptrdiff_t j = 0; j < p->out[2]; j++) {
        const real *from = x + pool_lane_origin(p, &r, j);
        real *to = y + (row * p->out[2] + j) * p->pixel;
        const ptrdiff_t wide = p->windows[2][j].taps;
    FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) {
            const vn part = pool_lane_part(p, v);
            if (!full && v * FNN_VF >= p->lanes) break;
            if (r.h.taps == 2 && wide == 2)
                max_pool_lane(p, &r, from + v * FNN_VF, to + v * FNN_VF, part, full, 2, 2);
            else if (r.h.taps == 3 && wide == 3)
                max_pool_lane(p, &r, from + v * FNN_VF, to + v * FNN_VF, part, full, 3, 3);
            else
                max_pool_lane(p, &r, from + v * FNN_VF, to + v * FNN_VF, part, full, r.h.taps, wide);
        }
    }
}

void FNN_NAME(max_pool_lanes)(const fnn_pool *p, const void *x, void *y, uint8_t *taps, ptrdiff_t row) {
    if (!taps && p->lanes == FNN_BLOCK) {
        max_pool_lanes_body(p, x, y, row, 1);
        return;
    }
    if (!taps) {
        max_pool_lanes_body(p, x, y, row, 0);
        return;
    }
    const pool_lane_rows r = pool_lane_rows_of(p, row);
    for (ptrdiff_t j = 0; j < p->out[2]; j++) {
        const ptrdiff_t from = pool_lane_origin(p, &r, j), to = (row * p->out[2] + j) * p->pixel;
        for (ptrdiff_t lane = 0; lane < p->lanes; lane += FNN_VF)
            max_pool_lane_taps(p, &r, p->windows[2][j], (const real *)x + from + lane, (real *)y + to + lane,
                               taps + to + lane, p->lanes - lane);
    }
}

void FNN_NAME(avg_pool_lanes)(const fnn_pool *p, const void *x, void *y, ptrdiff_t row) {
    const pool_lane_rows r = pool_lane_rows_of(p, row);
    for (ptrdiff_t j = 0; j < p->out[2]; j++) {
        const fnn_window wide = p->windows[2][j];
        const real *from = (const real *)x + pool_lane_origin(p, &r, j);
        real *to = (real *)y + (row * p->out[2] + j) * p->pixel;
        const vf divisor = vf_set1((real)(r.count * (p->divisor != 0 ? 1 : wide.count)));
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) {
            const vn part = pool_lane_part(p, v);
            vf sum = vf_zero();
            for (ptrdiff_t h = 0; h < r.h.taps; h++)
                for (ptrdiff_t s = 0; s < wide.taps; s++) {
                    const real *at = from + h * r.row_step + s * r.column_step + v * FNN_VF;
                    sum = vf_add(sum, p->lanes == FNN_BLOCK ? vf_load(at) : vf_load_part(at, part));
                }
            vf_store_part(to + v * FNN_VF, vf_div(sum, divisor), part);
        }
    }
}

/* gx += gy at the tap of each maximum, and = where windows do not overlap; y only where rectified. */
FNN_ALWAYS_INLINE void max_pool_grad_lane(const fnn_pool *p, const pool_lane_rows *r, fnn_window wide, vf gy, vf tap,
                                          real *gx, vn part, const ptrdiff_t tall, const ptrdiff_t taps,
                                          const int overlap) {
    for (ptrdiff_t h = 0; h < tall; h++)
        for (ptrdiff_t s = 0; s < taps; s++) {
            real *at = gx + h * r->row_step + s * r->column_step;
            const vf number = vf_set1((real)((r->h.skipped + h) * p->kernel[2] + wide.skipped + s));
            vf given = vf_select(vf_eq(tap, number), gy, vf_zero());
            if (overlap) given = vf_add(vf_load_part(at, part), given);
            vf_store_part(at, given, part);
        }
}

void FNN_NAME(max_pool_grad_lanes)(const fnn_pool *p, const void *gy, const uint8_t *taps, const void *y, void *gx,
                                   ptrdiff_t row) {
    const pool_lane_rows r = pool_lane_rows_of(p, row);
    for (ptrdiff_t j = 0; j < p->out[2]; j++) {
        const fnn_window wide = p->windows[2][j];
        const ptrdiff_t from = (row * p->out[2] + j) * p->pixel, to = pool_lane_origin(p, &r, j);
        for (ptrdiff_t lane = 0; lane < p->lanes; lane += FNN_VF) {
            const vn part = vn_first(p->lanes - lane);
            uint8_t bytes[FNN_VF] = {0};
            for (ptrdiff_t i = 0; i < fnn_min(FNN_VF, p->lanes - lane); i++) bytes[i] = taps[from + lane + i];
            vf g = vf_load_part((const real *)gy + from + lane, part);
            if (p->rectified) g = relu_gradient(g, vf_load_part((const real *)y + from + lane, part));
            real *at = (real *)gx + to + lane;
            if (r.h.taps == 2 && wide.taps == 2 && !p->overlap)
                max_pool_grad_lane(p, &r, wide, g, vf_load_bytes(bytes), at, part, 2, 2, 0);
            else
                max_pool_grad_lane(p, &r, wide, g, vf_load_bytes(bytes), at, part, r.h.taps, wide.taps, p->overlap);
        }
    }
}

void FNN_NAME(avg_pool_grad_lanes)(const fnn_pool *p, const void *gy, void *gx, ptrdiff_t row) {
    const pool_lane_rows r = pool_lane_rows_of(p, row);
    for (ptrdiff_t j = 0; j < p->out[2]; j++) {
        const fnn_window wide = p->windows[2][j];
        const ptrdiff_t from = (row * p->out[2] + j) * p->pixel, to = pool_lane_origin(p, &r, j);
        const vf divisor = vf_set1((real)(r.count * (p->divisor != 0 ? 1 : wide.count)));
        for (ptrdiff_t lane = 0; lane < p->lanes; lane += FNN_VF) {
            const vn part = vn_first(p->lanes - lane);
            const vf share = vf_div(vf_load_part((const real *)gy + from + lane, part), divisor);
            for (ptrdiff_t h = 0; h < r.h.taps; h++)
                for (ptrdiff_t s = 0; s < wide.taps; s++) {
                    real *at = (real *)gx + to + lane + h * r.row_step + s * r.column_step;
                    vf_store_part(at, vf_add(vf_load_part(at, part), share), part);
                }
        }
    }
}
