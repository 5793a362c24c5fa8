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
