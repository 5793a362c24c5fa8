/* Channel planes to the 16-channel block and back:  y[pixel][lane] = x[lane][pixel].
 *
 * Squares of FNN_VF x FNN_VF are transposed in registers; fewer pixels than a square go one by one.
 * Expanded names: fnn_block_pixels__avx2, fnn_unblock_pixels__avx2, ... */

/* Lanes from `channels` on are set to zero. */
void FNN_NAME(block_pixels)(const void *x_, ptrdiff_t plane, ptrdiff_t channels, ptrdiff_t pixels, void *y_) {
    const real *x = x_; /* [channels][plane] */
    real *y = y_;       /* [pixels][16] */
    ptrdiff_t p = 0;
    for (; p < pixels && pixels >= FNN_VF; p += FNN_VF) {
        p = fnn_min(p, pixels - FNN_VF); /* the last square overlaps the one before */
        for (int lane = 0; lane < FNN_BLOCK; lane += FNN_VF) {
            vf square[FNN_VF];
    FNN_UNROLL
            for (int i = 0; i < FNN_VF; i++)
                square[i] = lane + i < channels ? vf_load(x + (lane + i) * plane + p) : vf_zero();
            vf_transpose(square);
            FNN_UNROLL
            for (int i = 0; i < FNN_VF; i++) vf_store(y + (p + i) * FNN_BLOCK + lane, square[i]);
        }
    }
    for (; p < pixels; p++)
        for (int lane = 0; lane < FNN_BLOCK; lane++) y[p * FNN_BLOCK + lane] = lane < channels ? x[lane * plane + p] : 0;
}

void FNN_NAME(unblock_pixels)(const void *x_, ptrdiff_t pixels, void *y_, ptrdiff_t plane, ptrdiff_t channels) {
    const real *x = x_; /* [pixels][16] */
    real *y = y_;       /* [channels][plane] */
    ptrdiff_t p = 0;
    for (; p < pixels && pixels >= FNN_VF; p += FNN_VF) {
        p = fnn_min(p, pixels - FNN_VF);
        for (int lane = 0; lane < channels; lane += FNN_VF) {
            vf square[FNN_VF];
            FNN_UNROLL
            for (int i = 0; i < FNN_VF; i++) square[i] = vf_load(x + (p + i) * FNN_BLOCK + lane);
            vf_transpose(square);
            FNN_UNROLL
            for (int i = 0; i < FNN_VF; i++)
                if (lane + i < channels) vf_store(y + (lane + i) * plane + p, square[i]);
        }
    }
    for (; p < pixels; p++)
        for (int lane = 0; lane < channels; lane++) y[lane * plane + p] = x[p * FNN_BLOCK + lane];
}

/* y[pixel] = x[pixel][lane]. Expanded names: fnn_pick_lane__scalar, fnn_pick_lane__avx2, ... */
void FNN_NAME(pick_lane)(const void *x_, ptrdiff_t lane, ptrdiff_t pixels, void *y_) {
    const real *x = x_; /* [pixels][16] */
    real *y = y_;       /* [pixels] */
    for (ptrdiff_t p = 0; p < pixels; p++) y[p] = x[p * FNN_BLOCK + lane];
}

FNN_ALWAYS_INLINE void copy_short_runs(const real *x, ptrdiff_t x_step, real *y, ptrdiff_t y_step, ptrdiff_t runs,
                                       const int run) {
    for (ptrdiff_t p = 0; p < runs; p++, x += x_step, y += y_step) {
        FNN_UNROLL
        for (int i = 0; i < run; i++) y[i] = x[i];
    }
}

/* y[p*y_step + i] = x[p*x_step + i],  i < run, p < runs.
 * Expanded names: fnn_copy_runs__scalar, fnn_copy_runs__avx2, ... */
void FNN_NAME(copy_runs)(const void *x_, ptrdiff_t x_step, void *y_, ptrdiff_t y_step, ptrdiff_t runs, ptrdiff_t run) {
    const real *x = x_;
    real *y = y_;
    if (run <= 4) { /* strides of real networks; the compiler knows the length */
        if (run == 1) copy_short_runs(x, x_step, y, y_step, runs, 1);
        if (run == 2) copy_short_runs(x, x_step, y, y_step, runs, 2);
        if (run == 3) copy_short_runs(x, x_step, y, y_step, runs, 3);
        if (run == 4) copy_short_runs(x, x_step, y, y_step, runs, 4);
        return;
    }
    for (ptrdiff_t p = 0; p < runs; p++, x += x_step, y += y_step) {
        ptrdiff_t i = 0;
        for (; i + FNN_VF <= run; i += FNN_VF) vf_store(y + i, vf_load(x + i));
        for (; i < run; i++) y[i] = x[i];
    }
}
