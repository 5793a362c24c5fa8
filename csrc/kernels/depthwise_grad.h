/* The weight gradient of a depthwise convolution, one block of 16 channels:
 *
 *   gw[r][s][lane] = sum over rows i, pixels j of gy[i][j][lane] * x[i][j, tap (r, s)][lane]
 *
 * The sums of some taps stay in registers over all rows: nine of them for 3x3, one kernel row otherwise.
 * Expanded names: fnn_depthwise_grad__scalar, fnn_depthwise_grad__avx2, ... */

#define DEPTHWISE_AHEAD 32 /* pixels */

/* Taps r0 .. r0 + kh - 1 by s0 .. s0 + kw - 1. */
FNN_ALWAYS_INLINE void depthwise_grad_taps(const fnn_depthwise_grad *d, ptrdiff_t r0, ptrdiff_t s0, const int kh,
                                           const int kw) {
    for (int v = 0; v < FNN_NV; v++) {
        real *gw = (real *)d->gw + (r0 * d->kw + s0) * FNN_BLOCK + v * FNN_VF;
        vf acc[9];
    FNN_UNROLL
        for (int t = 0; t < kh * kw; t++)
            acc[t] = d->accumulate ? vf_load(gw + (t / kw * d->kw + t % kw) * FNN_BLOCK) : vf_zero();
        for (ptrdiff_t i = 0; i < d->n_chunks; i++) {
            const real *x[3], *gy = (const real *)d->gy + d->chunks[i].a + v * FNN_VF;
            FNN_UNROLL
            for (int r = 0; r < kh; r++)
                x[r] = (const real *)d->x + d->chunks[i].b + (r0 + r) * d->x_row + s0 * d->x_tap + v * FNN_VF;
            for (ptrdiff_t j = 0; j < d->pixels; j++) {
                const vf g = vf_load(gy + j * FNN_BLOCK);
                fnn_prefetch(gy + (j + DEPTHWISE_AHEAD) * FNN_BLOCK);
                FNN_UNROLL
                for (int t = 0; t < kh * kw; t++)
                    acc[t] = vf_fma(vf_load(x[t / kw] + t % kw * d->x_tap), g, acc[t]);
                FNN_UNROLL
                for (int r = 0; r < kh; r++) x[r] += d->x_step;
            }
        }
        FNN_UNROLL
        for (int t = 0; t < kh * kw; t++) vf_store(gw + (t / kw * d->kw + t % kw) * FNN_BLOCK, acc[t]);
    }
}

void FNN_NAME(depthwise_grad)(const fnn_depthwise_grad *d) {
    if (d->kh == 3 && d->kw == 3) {
        depthwise_grad_taps(d, 0, 0, 3, 3);
        return;
    }
    for (ptrdiff_t r = 0; r < d->kh; r++) {
        ptrdiff_t s = 0;
        for (; s + 5 <= d->kw; s += 5) depthwise_grad_taps(d, r, s, 1, 5);
        for (; s + 2 <= d->kw; s += 2) depthwise_grad_taps(d, r, s, 1, 2);
        if (s < d->kw) depthwise_grad_taps(d, r, s, 1, 1);
    }
}
