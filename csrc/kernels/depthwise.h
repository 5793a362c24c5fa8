/* Depthwise convolution of one output row of one 16-channel block:
 *
 *   y[j][lane] = act(bias[lane] + residual[j][lane] + sum_t x[j*a_row + chunk[t].a][lane] * w[t][lane])
 *
 * The strip's broadcast side is x with whole 16-lane pixels, its vector side one 16-lane word a tap; chunk_len is 1.
 * Expanded names: fnn_depthwise_row__scalar, fnn_depthwise_row__avx2, ... */

/* Outputs side by side share each weight word: 4 keep 8 AVX2 accumulators in flight. */
#define DEPTHWISE_WIDTH 4

FNN_ALWAYS_INLINE void depthwise_pixels(const fnn_strip *s, ptrdiff_t row, const int width) {
    const real *x = (const real *)s->a + row * s->a_row, *w = (const real *)s->b;
    real raw[DEPTHWISE_WIDTH * FNN_BLOCK];
    vf acc[DEPTHWISE_WIDTH][FNN_NV];
    FNN_UNROLL
    for (int v = 0; v < FNN_NV; v++) {
        vf start = s->bias ? vf_load((const real *)s->bias + v * FNN_VF) : vf_zero();
        FNN_UNROLL
        for (int i = 0; i < width; i++) acc[i][v] = start;
    }
    for (ptrdiff_t t = 0; t < s->n_chunks; t++) {
        const real *at = x + s->chunks[t].a, *tap = w + s->chunks[t].b;
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) {
            vf weight = vf_load(tap + v * FNN_VF);
            FNN_UNROLL
            for (int i = 0; i < width; i++)
                acc[i][v] = vf_fma(vf_load(at + i * s->a_row + v * FNN_VF), weight, acc[i][v]);
        }
    }
    FNN_UNROLL
    for (int i = 0; i < width; i++)
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) vf_store(raw + i * FNN_BLOCK + v * FNN_VF, acc[i][v]);
    tile_finish(s, raw, row, 0, width, 1);
}

void FNN_NAME(depthwise_row)(const fnn_strip *s) {
    ptrdiff_t row = 0;
    for (; row + DEPTHWISE_WIDTH <= s->rows; row += DEPTHWISE_WIDTH) depthwise_pixels(s, row, DEPTHWISE_WIDTH);
    for (; row < s->rows; row++) depthwise_pixels(s, row, 1);
}

/* Depthwise convolution of a window of one channel plane, output pixels in the lanes:
 *
 *   y[i][j] = act(bias + residual[i][j] + sum_t sum_(k < run) x[(i + k)*x_row + j + chunk[t].b] * w[chunk[t].a + k*w_run])
 *
 * A run is a column of the kernel whose rows follow each other in the plane: a loaded word serves every row it meets, so
 * seven output rows of a 3x3 kernel take 27 loads for 63 multiply-adds. Seven, because 7, 14, 28, 56 and 112 rows are
 * what the ImageNet networks have; 7 sums, 7 weights of a run and a word fit 16 registers.
 * Expanded names: fnn_depthwise_planes__scalar, fnn_depthwise_planes__avx2, ... */

FNN_NOINLINE void depthwise_finish(const fnn_depthwise *d, const real *raw, ptrdiff_t row, ptrdiff_t column,
                                   ptrdiff_t n, int rows) {
    for (int i = 0; i < rows; i++) {
        const ptrdiff_t at = (row + i) * d->y_row + column;
        vf v = vf_load(raw + i * FNN_VF);
        if (d->residual) v = vf_add(v, vf_load_some((const real *)d->residual + at, n));
        vf_store_some((real *)d->y + at, activate(v, d->activation, (real)d->alpha, (real)d->beta), n);
    }
}

FNN_ALWAYS_INLINE void depthwise_rows(const fnn_depthwise *d, ptrdiff_t row, const int rows, const int run) {
    const real *x = (const real *)d->x + row * d->x_row, *w = d->w;
    const ptrdiff_t x_row = d->x_row, w_run = d->w_run;
    const vf start = d->bias ? vf_set1(*(const real *)d->bias) : vf_zero();
    const vf floor = vf_set1(d->activation == FNN_RELU ? 0 : -(real)INFINITY);
    const int plain = !d->residual && d->activation <= FNN_RELU;
    const fnn_chunk *const chunks = d->chunks, *const end = chunks + d->n_chunks;
    const ptrdiff_t y_row = d->y_row, columns = d->columns;
    real *y = (real *)d->y + row * y_row;
    for (ptrdiff_t column = 0; column < columns; column += FNN_VF) {
        vf acc[7];
        FNN_UNROLL
        for (int i = 0; i < rows; i++) acc[i] = start;
        for (const fnn_chunk *chunk = chunks; chunk < end; chunk++) {
            const real *from = x + chunk->b + column, *tap = w + chunk->a;
            vf weight[7];
            FNN_UNROLL
            for (int k = 0; k < run; k++) weight[k] = vf_set1(tap[k * w_run]);
            FNN_UNROLL
            for (int t = 0; t < rows + run - 1; t++) {
                const vf word = vf_keep(vf_load(from + t * x_row));
                FNN_UNROLL
                for (int i = 0; i < rows; i++)
                    if (t - i >= 0 && t - i < run) acc[i] = vf_fma(word, weight[t - i], acc[i]);
            }
        }
        if (plain && column + FNN_VF <= columns) {
            FNN_UNROLL
            for (int i = 0; i < rows; i++) vf_store(y + i * y_row + column, vf_max(floor, acc[i]));
            continue;
        }
#ifdef FNN_HAVE_PARTIAL_WORDS
        if (plain) {
            FNN_UNROLL
            for (int i = 0; i < rows; i++)
                vf_store_some(y + i * y_row + column, vf_max(floor, acc[i]), columns - column);
            continue;
        }
#endif
        real raw[7 * FNN_VF];
        FNN_UNROLL
        for (int i = 0; i < rows; i++) vf_store(raw + i * FNN_VF, acc[i]);
        depthwise_finish(d, raw, row, column, columns - column, rows);
    }
}

#define DEPTHWISE_LIST(T) \
    T(7, 1) T(7, 3) T(7, 5) T(7, 7) T(4, 1) T(4, 3) T(4, 5) T(4, 7) T(2, 1) T(2, 3) T(2, 5) T(2, 7) T(1, 1) T(1, 3) \
    T(1, 5) T(1, 7)
#define DEPTHWISE_FUNCTION(rows, run) \
    FNN_NOINLINE void depthwise_##rows##x##run(const fnn_depthwise *d, ptrdiff_t row) { \
        depthwise_rows(d, row, rows, run); \
    }
DEPTHWISE_LIST(DEPTHWISE_FUNCTION)
#define DEPTHWISE_ENTRY(rows, run) [rows][run] = depthwise_##rows##x##run,
static void (*const depthwise_table[8][8])(const fnn_depthwise *, ptrdiff_t) = {DEPTHWISE_LIST(DEPTHWISE_ENTRY)};

void FNN_NAME(depthwise_planes)(const fnn_depthwise *d) {
    for (ptrdiff_t row = 0; row < d->rows;) {
        const ptrdiff_t left = d->rows - row, rows = left >= 7 ? 7 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        depthwise_table[rows][d->run](d, row);
        row += rows;
    }
}

/* The same straight from the image, whose rows pass through registers: two words hold what a word of outputs needs, with
 * zeros outside the image, and lookups move each tap under its output. Saves the padded copy, which takes longer than
 * the sums of a stride of 2 or of a narrow image.
 * Expanded names: fnn_depthwise_direct__scalar, fnn_depthwise_direct__avx2, ... */
FNN_ALWAYS_INLINE void direct_rows(const fnn_depthwise *d, ptrdiff_t row, const int rows, const int k, const int stride) {
    const ptrdiff_t w = d->w_in, h = d->h, block = fnn_min(FNN_VF, (2 * FNN_VF - k) / stride + 1);
    const real *weights = d->w;
    const vf start = d->bias ? vf_set1(*(const real *)d->bias) : vf_zero();
    vi pick[5];
    vf weight[9];
    FNN_UNROLL
    for (int s = 0; s < k; s++) pick[s] = vi_load(d->pick + s * FNN_VF);
    if (k == 3) {
        FNN_UNROLL
        for (int t = 0; t < 9; t++) weight[t] = vf_keep(vf_set1(weights[t * FNN_BLOCK]));
    }
    for (ptrdiff_t column = 0; column < d->columns; column += block) {
        const ptrdiff_t first = column * stride - d->before;
        const real *x = (const real *)d->x + first;
        const vn in_a = vn_range(-first, w - first), in_b = vn_range(-first - FNN_VF, w - first - FNN_VF);
        vf acc[7];
        FNN_UNROLL
        for (int i = 0; i < rows; i++) acc[i] = start;
        FNN_UNROLL
        for (int t = 0; t < (rows - 1) * stride + k; t++) {
            const ptrdiff_t source = row * stride - d->above + t;
            if (source < 0 || source >= h) continue;
            const vf a = vf_keep(vf_load_part(x + source * w, in_a));
            const vf b = vf_keep(vf_load_part(x + source * w + FNN_VF, in_b));
            FNN_UNROLL
            for (int s = 0; s < k; s++) {
                const vf word = vf_keep(vf_lookup(a, b, pick[s]));
                FNN_UNROLL
                for (int i = 0; i < rows; i++) {
                    const int r = t - i * stride, tap = r * k + s;
                    if (r >= 0 && r < k)
                        acc[i] = vf_fma(word, k == 3 ? weight[tap] : vf_set1(weights[tap * FNN_BLOCK]), acc[i]);
                }
            }
        }
        const ptrdiff_t n = fnn_min(block, d->columns - column);
#ifdef FNN_HAVE_PARTIAL_WORDS
        if (!d->residual && d->activation <= FNN_RELU) {
            const vf floor = vf_set1(d->activation == FNN_RELU ? 0 : -(real)INFINITY);
            const vn inside = vn_first(n);
            const ptrdiff_t y_row = d->y_row;
            real *y = (real *)d->y + row * y_row + column;
            FNN_UNROLL
            for (int i = 0; i < rows; i++) vf_store_part(y + i * y_row, vf_max(floor, acc[i]), inside);
            continue;
        }
#endif
        real raw[7 * FNN_VF];
        FNN_UNROLL
        for (int i = 0; i < rows; i++) vf_store(raw + i * FNN_VF, acc[i]);
        depthwise_finish(d, raw, row, column, n, rows);
    }
}

#define DIRECT_LIST(T) T(7, 3, 1) T(7, 3, 2) T(7, 5, 1) T(7, 5, 2) T(1, 3, 1) T(1, 3, 2) T(1, 5, 1) T(1, 5, 2)
#define DIRECT_FUNCTION(rows, k, stride) \
    FNN_NOINLINE void direct_##rows##x##k##s##stride(const fnn_depthwise *d, ptrdiff_t row) { \
        direct_rows(d, row, rows, k, stride); \
    }
DIRECT_LIST(DIRECT_FUNCTION)
#define DIRECT_ENTRY(rows, k, stride) [rows == 7][k == 5][stride == 2] = direct_##rows##x##k##s##stride,
static void (*const direct_table[2][2][2])(const fnn_depthwise *, ptrdiff_t) = {DIRECT_LIST(DIRECT_ENTRY)};

void FNN_NAME(depthwise_direct)(const fnn_depthwise *d) {
    for (ptrdiff_t row = 0; row < d->rows;) {
        const int tall = d->rows - row >= 7;
        direct_table[tall][d->kernel == 5][d->stride == 2](d, row);
        row += tall ? 7 : 1;
    }
}
