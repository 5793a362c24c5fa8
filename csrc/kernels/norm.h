/* The passes of normalisation over rows of 16 lanes: a lane is a channel of a blocked image or of a matrix [n][c], or
 * every 16th element of a run that shares its parameters (ops/norm.c makes either of each layout).
 *
 *   norm_sums:            sums[lane]       += x
 *   norm_deviations:      sums[0..1][lane] += d, d^2                 d = x - center[lane]
 *   norm_apply:           y = d scale[lane] + shift[lane]
 *   norm_gradient_sums:   sums[0..1][lane] += gy, gy d
 *   norm_gradient:        gx = gy scale[lane] + d slope[lane] + shift[lane]
 *
 * Sums of up to 64 rows are taken in `real`, further ones in double. Subtracting a center near the mean first keeps what
 * a large mean would round away (Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983).
 * Expanded names: fnn_norm_sums__avx2, fnn_norm_deviations__avx2, fnn_norm_apply__avx2, fnn_norm_gradient_sums__avx2,
 * fnn_norm_gradient__avx2, ... */

#define NORM_PIECE 64
#define NORM_CHAINS 4 /* rows in flight: as many additions as hide their latency */

/* The words of row i: all of them, or the first `lanes` elements. */
FNN_ALWAYS_INLINE void load_row(const real *x, ptrdiff_t lanes, int whole, vf *to) {
    FNN_UNROLL
    for (int v = 0; v < FNN_NV; v++)
        to[v] = whole ? vf_load(x + v * FNN_VF) : vf_load_some(x + v * FNN_VF, lanes - v * FNN_VF);
}

FNN_ALWAYS_INLINE void store_row(real *y, ptrdiff_t lanes, int whole, const vf *from) {
    FNN_UNROLL
    for (int v = 0; v < FNN_NV; v++) {
        if (whole)
            vf_store(y + v * FNN_VF, from[v]);
        else
            vf_store_some(y + v * FNN_VF, from[v], lanes - v * FNN_VF);
    }
}

FNN_ALWAYS_INLINE void load_lanes(const double *from, vf *to) {
    real lanes[FNN_BLOCK];
    for (int i = 0; i < FNN_BLOCK; i++) lanes[i] = (real)from[i];
    load_row(lanes, FNN_BLOCK, 1, to);
}

FNN_ALWAYS_INLINE void add_lanes(double *sums, vf part[NORM_CHAINS][FNN_NV]) {
    real lanes[FNN_BLOCK];
    FNN_UNROLL
    for (int v = 0; v < FNN_NV; v++) {
        for (int k = 1; k < NORM_CHAINS; k++) part[0][v] = vf_add(part[0][v], part[k][v]);
        vf_store(lanes + v * FNN_VF, part[0][v]);
    }
    for (int i = 0; i < FNN_BLOCK; i++) sums[i] += lanes[i];
}

FNN_ALWAYS_INLINE void clear_lanes(vf part[NORM_CHAINS][FNN_NV]) {
    FNN_UNROLL
    for (int k = 0; k < NORM_CHAINS; k++)
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) part[k][v] = vf_zero();
}

/* One row into chain k of the sums; what `pass` says is computed. */
enum { NORM_SUMS, NORM_DEVIATIONS, NORM_GRADIENT_SUMS };
FNN_ALWAYS_INLINE void norm_row(const fnn_norm_rows *r, ptrdiff_t i, int pass, int whole, const vf *center, vf *first,
                                vf *second) {
    vf x[FNN_NV], gy[FNN_NV];
    load_row((const real *)r->x + i * r->stride, r->lanes, whole, x);
    if (pass == NORM_GRADIENT_SUMS) load_row((const real *)r->gy + i * r->stride, r->lanes, whole, gy);
    FNN_UNROLL
    for (int v = 0; v < FNN_NV; v++) {
        const vf d = pass == NORM_SUMS ? x[v] : vf_sub(x[v], center[v]);
        first[v] = vf_add(first[v], pass == NORM_GRADIENT_SUMS ? gy[v] : d);
        if (pass != NORM_SUMS) second[v] = vf_fma(pass == NORM_GRADIENT_SUMS ? gy[v] : d, d, second[v]);
    }
}

FNN_ALWAYS_INLINE void norm_reduce(const fnn_norm_rows *r, int pass, int whole) {
    vf center[FNN_NV];
    if (pass != NORM_SUMS) load_lanes(r->center, center);
    for (ptrdiff_t p = 0; p < r->rows; p += NORM_PIECE) {
        const ptrdiff_t end = fnn_min(r->rows, p + NORM_PIECE);
        vf first[NORM_CHAINS][FNN_NV], second[NORM_CHAINS][FNN_NV];
        clear_lanes(first), clear_lanes(second);
        ptrdiff_t i = p;
        for (; i + NORM_CHAINS <= end; i += NORM_CHAINS)
            FNN_UNROLL
            for (int k = 0; k < NORM_CHAINS; k++) norm_row(r, i + k, pass, whole, center, first[k], second[k]);
        for (; i < end; i++) norm_row(r, i, pass, whole, center, first[0], second[0]);
        add_lanes(r->sums, first);
        if (pass != NORM_SUMS) add_lanes(r->sums + FNN_BLOCK, second);
    }
}

void FNN_NAME(norm_sums)(const fnn_norm_rows *r) {
    if (r->lanes == FNN_BLOCK)
        norm_reduce(r, NORM_SUMS, 1);
    else
        norm_reduce(r, NORM_SUMS, 0);
}

void FNN_NAME(norm_deviations)(const fnn_norm_rows *r) {
    if (r->lanes == FNN_BLOCK)
        norm_reduce(r, NORM_DEVIATIONS, 1);
    else
        norm_reduce(r, NORM_DEVIATIONS, 0);
}

void FNN_NAME(norm_gradient_sums)(const fnn_norm_rows *r) {
    if (r->lanes == FNN_BLOCK)
        norm_reduce(r, NORM_GRADIENT_SUMS, 1);
    else
        norm_reduce(r, NORM_GRADIENT_SUMS, 0);
}

FNN_ALWAYS_INLINE void norm_map(const fnn_norm_rows *r, int gradient, int whole) {
    vf center[FNN_NV], scale[FNN_NV], slope[FNN_NV], shift[FNN_NV];
    load_lanes(r->center, center), load_lanes(r->scale, scale), load_lanes(r->shift, shift);
    if (gradient) load_lanes(r->slope, slope);
    for (ptrdiff_t i = 0; i < r->rows; i++) {
        vf x[FNN_NV], gy[FNN_NV], y[FNN_NV];
        load_row((const real *)r->x + i * r->stride, r->lanes, whole, x);
        if (gradient) load_row((const real *)r->gy + i * r->stride, r->lanes, whole, gy);
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) {
            const vf d = vf_sub(x[v], center[v]);
            y[v] = gradient ? vf_fma(gy[v], scale[v], vf_fma(d, slope[v], shift[v])) : vf_fma(d, scale[v], shift[v]);
        }
        store_row((real *)r->y + i * r->stride, r->lanes, whole, y);
    }
}

void FNN_NAME(norm_apply)(const fnn_norm_rows *r) {
    if (r->lanes == FNN_BLOCK)
        norm_map(r, 0, 1);
    else
        norm_map(r, 0, 0);
}

void FNN_NAME(norm_gradient)(const fnn_norm_rows *r) {
    if (r->lanes == FNN_BLOCK)
        norm_map(r, 1, 1);
    else
        norm_map(r, 1, 0);
}
