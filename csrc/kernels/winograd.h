/* Winograd's convolution F(m x m, 3 x 3), m = 2 or 4: transforms of filters, input tiles and products.
 *
 *   y = A^T [ sum over channels of (G g G^T) * (B^T d B) ] A,  * elementwise, side m + 2
 *
 * Points 0, 1, -1, infinity (m = 2) and 0, +-sqrt 2 / 2, +-sqrt 2, infinity (m = 4): these give half the rounding error
 * of the usual 0, +-1, +-2. Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4;
 * tests/c/winograd.h derives the matrices from the points. The products between are strips of tile.h. 16 channels a
 * word group throughout; NaN or infinity in a tile's input reaches all m x m outputs of the tile.
 * Expanded names: fnn_winograd_filter__avx2, fnn_winograd_input__avx2, fnn_winograd_output__avx2, ... */

#define WINOGRAD_SIDE 6 /* of the larger tile */
#define WINOGRAD_RUN 8  /* tiles whose column transforms are kept: [6][34][16] floats are 13 KiB */
#define ROOT2 1.41421356237309504880

/* ---- filters ---- */

/* to[side] = G g for one column of a 3 x 3 filter, in double: rounded once, when stored. */
FNN_ALWAYS_INLINE void winograd_g(const double g[3], double to[WINOGRAD_SIDE], const int m) {
    if (m == 2) {
        to[0] = g[0], to[3] = g[2];
        to[1] = 0.5 * (g[0] + g[2]) + 0.5 * g[1];
        to[2] = 0.5 * (g[0] + g[2]) - 0.5 * g[1];
        return;
    }
    const double even1 = -(2 * g[0] + g[2]) / 3, odd1 = ROOT2 / 3 * g[1];
    const double even2 = (g[0] + 2 * g[2]) / 6, odd2 = ROOT2 / 6 * g[1];
    to[0] = g[0], to[5] = g[2];
    to[1] = even1 - odd1, to[2] = even1 + odd1;
    to[3] = even2 + odd2, to[4] = even2 - odd2;
}

/* rows[s][point i][lane] and then u[point (i, j)][lane]: loops over lanes run innermost, two words of double at a time. */
FNN_ALWAYS_INLINE void winograd_filter_lanes(const real *taps, ptrdiff_t tap_stride, int rotate, real *u,
                                             ptrdiff_t u_point, const int m) {
    double rows[3][WINOGRAD_SIDE][FNN_BLOCK];
    for (int s = 0; s < 3; s++) {
        const real *g[3];
        for (int r = 0; r < 3; r++) g[r] = taps + (rotate ? 8 - (r * 3 + s) : r * 3 + s) * tap_stride;
        for (int lane = 0; lane < FNN_BLOCK; lane++) {
            const double column[3] = {g[0][lane], g[1][lane], g[2][lane]};
            double to[WINOGRAD_SIDE];
            winograd_g(column, to, m);
    FNN_UNROLL
            for (int i = 0; i < m + 2; i++) rows[s][i][lane] = to[i];
        }
    }
    for (int i = 0; i < m + 2; i++, u += (m + 2) * u_point) {
        real point[WINOGRAD_SIDE][FNN_BLOCK];
        for (int lane = 0; lane < FNN_BLOCK; lane++) {
            const double row[3] = {rows[0][i][lane], rows[1][i][lane], rows[2][i][lane]};
            double to[WINOGRAD_SIDE];
            winograd_g(row, to, m);
            FNN_UNROLL
            for (int j = 0; j < m + 2; j++) point[j][lane] = (real)to[j];
        }
        FNN_UNROLL
        for (int j = 0; j < m + 2; j++)
            for (int word = 0; word < FNN_BLOCK; word += FNN_VF)
                vf_store(u + j * u_point + word, vf_load(point[j] + word));
    }
}

/* One input channel's filters of 16 output channels: taps[9] at tap_stride, rotated by 180 degrees where `rotate`;
 * point f of the transformed filters at u + f*u_point. */
void FNN_NAME(winograd_filter)(const void *taps, ptrdiff_t tap_stride, int rotate, int m, void *u, ptrdiff_t u_point) {
    if (m == 2)
        winograd_filter_lanes(taps, tap_stride, rotate, u, u_point, 2);
    else
        winograd_filter_lanes(taps, tap_stride, rotate, u, u_point, 4);
}

/* ---- input tiles ---- */

/* x = B^T r */
FNN_ALWAYS_INLINE void winograd_bt(const vf r[WINOGRAD_SIDE], vf x[WINOGRAD_SIDE], const int m) {
    if (m == 2) {
        x[0] = vf_sub(r[0], r[2]);
        x[1] = vf_add(r[1], r[2]);
        x[2] = vf_sub(r[2], r[1]);
        x[3] = vf_sub(r[3], r[1]);
        return;
    }
    const vf minus_5_2 = vf_set1((real)-2.5), root2 = vf_set1((real)ROOT2), minus_half_root2 = vf_set1((real)(-ROOT2 / 2));
    const vf odd1 = vf_fma(minus_half_root2, r[3], vf_mul(root2, r[1]));
    const vf odd2 = vf_fma(minus_half_root2, r[1], vf_mul(root2, r[3]));
    const vf even1 = vf_fma(vf_set1(-2), r[2], r[4]), even2 = vf_fma(vf_set1((real)-0.5), r[2], r[4]);
    x[0] = vf_add(vf_fma(minus_5_2, r[2], r[0]), r[4]);
    x[1] = vf_sub(even1, odd1);
    x[2] = vf_add(even1, odd1);
    x[3] = vf_add(even2, odd2);
    x[4] = vf_sub(even2, odd2);
    x[5] = vf_add(vf_fma(minus_5_2, r[3], r[1]), r[5]);
}

FNN_ALWAYS_INLINE void winograd_input_run(const fnn_winograd_tiles *w, ptrdiff_t first, ptrdiff_t tiles, const int m) {
    const int side = m + 2;
    const real *x = (const real *)w->image + first * m * FNN_BLOCK;
    real *v = (real *)w->points + first * FNN_BLOCK;
    real columns[WINOGRAD_SIDE][(WINOGRAD_RUN * 4 + 2) * FNN_BLOCK];
    vf r[WINOGRAD_SIDE], q[WINOGRAD_SIDE];
    for (ptrdiff_t at = 0; at < (tiles * m + 2) * FNN_BLOCK; at += FNN_VF) {
        FNN_UNROLL
        for (int i = 0; i < side; i++) r[i] = vf_load(x + i * w->image_row + at);
        winograd_bt(r, q, m);
        FNN_UNROLL
        for (int i = 0; i < side; i++) vf_store(columns[i] + at, q[i]);
    }
    for (ptrdiff_t t = 0; t < tiles; t++)
        for (int i = 0; i < side; i++)
            for (ptrdiff_t word = 0; word < FNN_BLOCK; word += FNN_VF) {
                FNN_UNROLL
                for (int j = 0; j < side; j++) r[j] = vf_load(columns[i] + (t * m + j) * FNN_BLOCK + word);
                winograd_bt(r, q, m);
                FNN_UNROLL
                for (int j = 0; j < side; j++)
                    vf_store(v + (i * side + j) * w->point + t * FNN_BLOCK + word, q[j]);
            }
}

void FNN_NAME(winograd_input)(const fnn_winograd_tiles *w) {
    for (ptrdiff_t t = 0; t < w->tiles; t += WINOGRAD_RUN) {
        const ptrdiff_t tiles = fnn_min(WINOGRAD_RUN, w->tiles - t);
        if (w->m == 2)
            winograd_input_run(w, t, tiles, 2);
        else
            winograd_input_run(w, t, tiles, 4);
    }
}

/* ---- output tiles ---- */

/* y = A^T r */
FNN_ALWAYS_INLINE void winograd_at(const vf r[WINOGRAD_SIDE], vf y[4], const int m) {
    const vf even1 = vf_add(r[1], r[2]), odd1 = vf_sub(r[1], r[2]);
    if (m == 2) {
        y[0] = vf_add(r[0], even1);
        y[1] = vf_add(odd1, r[3]);
        return;
    }
    const vf even2 = vf_add(r[3], r[4]), odd2 = vf_sub(r[3], r[4]);
    y[0] = vf_add(vf_add(r[0], even1), even2);
    y[1] = vf_fma(vf_set1((real)(ROOT2 / 2)), odd1, vf_mul(vf_set1((real)ROOT2), odd2));
    y[2] = vf_fma(vf_set1((real)0.5), even1, vf_add(even2, even2));
    y[3] = vf_fma(vf_set1((real)(ROOT2 / 4)), odd1, vf_fma(vf_set1((real)(2 * ROOT2)), odd2, r[5]));
}

FNN_ALWAYS_INLINE void winograd_output_tile(const fnn_winograd_tiles *w, ptrdiff_t t, ptrdiff_t word, const int m) {
    const int side = m + 2;
    const real *p = (const real *)w->points + t * FNN_BLOCK + word;
    const ptrdiff_t at = t * m * FNN_BLOCK + word;
    const vf floor = vf_set1(w->activation == FNN_RELU ? 0 : -(real)INFINITY);
    const vf bias = w->bias ? vf_load((const real *)w->bias + word) : vf_zero();
    const ptrdiff_t columns = fnn_min(m, w->columns - t * m);
    vf half[4][WINOGRAD_SIDE], r[WINOGRAD_SIDE], q[4];
    FNN_UNROLL
    for (int j = 0; j < side; j++) {
        FNN_UNROLL
        for (int i = 0; i < side; i++) r[i] = vf_load(p + (i * side + j) * w->point);
        winograd_at(r, q, m);
        FNN_UNROLL
        for (int i = 0; i < m; i++) half[i][j] = q[i];
    }
    FNN_UNROLL
    for (int i = 0; i < m; i++) {
        if (i >= w->rows) return;
        real *y = (real *)w->image + i * w->image_row + at;
        winograd_at(half[i], q, m);
        FNN_UNROLL
        for (int j = 0; j < m; j++) {
            if (j >= columns) break;
            vf sum = vf_add(q[j], bias);
            if (w->residual) sum = vf_add(sum, vf_load((const real *)w->residual + i * w->image_row + at + j * FNN_BLOCK));
            vf_store(y + j * FNN_BLOCK, vf_max(floor, sum));
        }
    }
}

void FNN_NAME(winograd_output)(const fnn_winograd_tiles *w) {
    for (ptrdiff_t t = 0; t < w->tiles; t++)
        for (ptrdiff_t word = 0; word < FNN_BLOCK; word += FNN_VF) {
            if (w->m == 2)
                winograd_output_tile(w, t, word, 2);
            else
                winograd_output_tile(w, t, word, 4);
        }
    if (w->activation <= FNN_RELU) return;
    for (ptrdiff_t i = 0; i < fnn_min(w->m, w->rows); i++) {
        real *y = (real *)w->image + i * w->image_row;
        FNN_NAME(activation_row)(y, y, w->columns * FNN_BLOCK, w->activation, w->alpha, w->beta);
    }
}
#undef ROOT2
