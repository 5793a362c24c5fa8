/* One panel of the vector side:  y[step][lane] = x[step*step_stride + lane*lane_stride],  zero beyond `lanes`.
 * Expanded names: fnn_pack_panel__scalar, fnn_pack_panel__avx2, ... */

void FNN_NAME(pack_panel)(const void *x_, ptrdiff_t step_stride, ptrdiff_t lane_stride, ptrdiff_t steps,
                          ptrdiff_t lanes, void *y_) {
    const real *x = x_;
    real *y = y_; /* [steps][16] */
    if (step_stride == 1) {
        FNN_NAME(block_pixels)(x, lane_stride, lanes, steps, y);
        return;
    }
    for (ptrdiff_t k = 0; k < steps; k++, x += step_stride, y += FNN_BLOCK) {
        if (lane_stride == 1 && lanes == FNN_BLOCK) {
    FNN_UNROLL
            for (int v = 0; v < FNN_NV; v++) vf_store(y + v * FNN_VF, vf_load(x + v * FNN_VF));
            continue;
        }
        for (int lane = 0; lane < FNN_BLOCK; lane++) y[lane] = lane < lanes ? x[lane * lane_stride] : 0;
    }
}
