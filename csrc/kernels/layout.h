/* Channel planes to the 16-channel block and back:  y[pixel][lane] = x[lane][pixel].
 *
 * Squares of FNN_VF x FNN_VF are transposed in registers; few pixels that fill no square go one by one.
 * Expanded names: fnn_block_pixels__avx2, fnn_unblock_pixels__avx2, ... */

/* FNN_VF pixels of one word of lanes; `whole`, or the first of them of a short row. */
FNN_ALWAYS_INLINE void block_square(const real *x, ptrdiff_t plane, ptrdiff_t channels, int lane, const int whole,
                                    ptrdiff_t pixels, real *y) {
    vf square[FNN_VF];
    FNN_UNROLL
    for (int i = 0; i < FNN_VF; i++) {
        if (lane + i >= channels)
            square[i] = vf_zero();
        else if (whole || lane + i + 1 < channels) /* what lies behind a short row belongs to the next channel */
            square[i] = vf_load(x + (lane + i) * plane);
        else
            square[i] = vf_load_some(x + (lane + i) * plane, pixels);
    }
    vf_transpose(square);
    FNN_UNROLL
    for (int i = 0; i < FNN_VF; i++)
        if (whole || i < pixels) vf_store(y + i * FNN_BLOCK + lane, square[i]);
}

/* Lanes from `channels` on are set to zero. The last square overlaps the one before it. */
void FNN_NAME(block_pixels)(const void *x_, ptrdiff_t plane, ptrdiff_t channels, ptrdiff_t pixels, void *y_) {
    const real *x = x_; /* [channels][plane] */
    real *y = y_;       /* [pixels][16] */
    if (pixels >= FNN_VF) {
        for (ptrdiff_t p = 0; p < pixels; p += FNN_VF) {
            p = fnn_min(p, pixels - FNN_VF);
            for (int lane = 0; lane < FNN_BLOCK; lane += FNN_VF)
                block_square(x + p, plane, channels, lane, 1, FNN_VF, y + p * FNN_BLOCK);
        }
        return;
    }
    if (2 * pixels > FNN_VF && plane + pixels >= FNN_VF) {
        for (int lane = 0; lane < FNN_BLOCK; lane += FNN_VF) block_square(x, plane, channels, lane, 0, pixels, y);
        return;
    }
    for (ptrdiff_t p = 0; p < pixels; p++)
        for (int lane = 0; lane < FNN_BLOCK; lane++) y[p * FNN_BLOCK + lane] = lane < channels ? x[lane * plane + p] : 0;
}

/* Fewer pixels than a word in planes without gaps (the taps of a small kernel): each lane's word is stored whole and its
 * end overwritten by the next lane's. */
FNN_ALWAYS_INLINE void unblock_short(const real *x, ptrdiff_t pixels, real *y, ptrdiff_t channels) {
    for (int lane = 0; lane < channels; lane += FNN_VF) {
        vf square[FNN_VF];
        FNN_UNROLL
        for (int i = 0; i < FNN_VF; i++) square[i] = i < pixels ? vf_load(x + i * FNN_BLOCK + lane) : vf_zero();
        vf_transpose(square);
        FNN_UNROLL
        for (int i = 0; i < FNN_VF; i++)
            if (lane + i < channels) {
                real *to = y + (lane + i) * pixels;
                if ((channels - lane - i) * pixels >= FNN_VF)
                    vf_store(to, square[i]);
                else
                    vf_store_some(to, square[i], pixels);
            }
    }
}

void FNN_NAME(unblock_pixels)(const void *x_, ptrdiff_t pixels, void *y_, ptrdiff_t plane, ptrdiff_t channels) {
    const real *x = x_; /* [pixels][16] */
    real *y = y_;       /* [channels][plane] */
    ptrdiff_t p = 0;
    if (pixels == plane && 1 < pixels && pixels < FNN_VF) {
        unblock_short(x, pixels, y, channels);
        return;
    }
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

#ifndef FNN_HAVE_STREAM_WORDS
FNN_ALWAYS_INLINE void vf_stream(real *p, vf x) { vf_store(p, x); }
FNN_ALWAYS_INLINE void vf_stream_end(void) {}
#endif

/* y[i] = x[i], n a multiple of FNN_BLOCK and y aligned to FNN_ALIGN; past the caches, for results larger than they are: the
 * lines of y need not be read first. Expanded names: fnn_stream_row__avx2, ... */
void FNN_NAME(stream_row)(const void *x_, void *y_, ptrdiff_t n) {
    const real *x = x_;
    real *y = y_;
    for (ptrdiff_t i = 0; i < n; i += FNN_VF) vf_stream(y + i, vf_load(x + i));
    vf_stream_end();
}
