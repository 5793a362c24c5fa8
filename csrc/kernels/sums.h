/* sum[lane] += over pixels of x[pixel][lane], in double; and the loop that measures the FMA peak.
 * Partial sums of 64 pixels are taken in `real`: their rounding is that of a sum of 64 terms.
 * Expanded names: fnn_lane_sums__avx2, fnn_fma_peak_loop__avx2, ... */

void FNN_NAME(lane_sums)(const void *x_, ptrdiff_t pixels, double *sum) {
    const real *x = x_; /* [pixels][16] */
    for (ptrdiff_t p = 0; p < pixels; p += 64) {
        vf part[FNN_NV];
        real lanes[FNN_BLOCK];
    FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) part[v] = vf_zero();
        for (ptrdiff_t q = p; q < fnn_min(pixels, p + 64); q++)
            FNN_UNROLL
            for (int v = 0; v < FNN_NV; v++) part[v] = vf_add(part[v], vf_load(x + q * FNN_BLOCK + v * FNN_VF));
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) vf_store(lanes + v * FNN_VF, part[v]);
        for (int lane = 0; lane < FNN_BLOCK; lane++) sum[lane] += lanes[lane];
    }
}

/* As many accumulators as the largest tile has; returns through `sink` so that the work is not optimised away.
 * Operations: 2 * FMA_PEAK_CHAINS * FNN_VF a step. */
#define FMA_PEAK_CHAINS 12
void FNN_NAME(fma_peak_loop)(ptrdiff_t steps, double *operations, double *sink) {
    vf acc[FMA_PEAK_CHAINS];
    const vf factor = vf_set1((real)0.999), term = vf_set1((real)1e-3);
    FNN_UNROLL
    for (int i = 0; i < FMA_PEAK_CHAINS; i++) acc[i] = vf_set1((real)i);
    for (ptrdiff_t k = 0; k < steps; k++)
        FNN_UNROLL
        for (int i = 0; i < FMA_PEAK_CHAINS; i++) acc[i] = vf_fma(acc[i], factor, term);
    for (int i = 0; i < FMA_PEAK_CHAINS; i++) {
        real lanes[FNN_VF];
        vf_store(lanes, acc[i]);
        *sink += (double)lanes[0];
    }
    *operations = 2.0 * FMA_PEAK_CHAINS * FNN_VF * (double)steps;
}
