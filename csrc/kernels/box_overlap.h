/* One box against many: intersection over union, and what it suppresses.
 *
 *   box_overlap   y[i] = I / (area + area[i] - I),  I = max(0, min(x2) - max(x1)) * max(0, min(y2) - max(y1))
 *   box_suppress  y[i] = 1 where that is above the threshold; else left as it is
 *
 * A NaN coordinate makes the area NaN and with it the quotient, which is above nothing.
 * Expanded names: fnn_box_overlap__avx2, fnn_box_suppress__avx2, ... */

/* FNN_VF boxes from i on, the last `n` elements of them. */
FNN_ALWAYS_INLINE vf box_iou_word(const fnn_box_row *p, ptrdiff_t i, vn n) {
    const vf x1 = vf_max(vf_set1((real)p->box[0]), vf_load_part((const real *)p->x1 + i, n));
    const vf y1 = vf_max(vf_set1((real)p->box[1]), vf_load_part((const real *)p->y1 + i, n));
    const vf x2 = vf_min(vf_set1((real)p->box[2]), vf_load_part((const real *)p->x2 + i, n));
    const vf y2 = vf_min(vf_set1((real)p->box[3]), vf_load_part((const real *)p->y2 + i, n));
    const vf wide = vf_max(vf_zero(), vf_sub(x2, x1)), high = vf_max(vf_zero(), vf_sub(y2, y1));
    const vf shared = vf_mul(wide, high);
    const vf sum = vf_add(vf_set1((real)p->box[4]), vf_load_part((const real *)p->area + i, n));
    return vf_div(shared, vf_sub(sum, shared));
}

void FNN_NAME(box_overlap)(const fnn_box_row *p) {
    real *y = p->y;
    for (ptrdiff_t i = 0; i < p->n; i += FNN_VF) {
        const vn n = vn_first(p->n - i);
        vf_store_part(y + i, box_iou_word(p, i, n), n);
    }
}

void FNN_NAME(box_suppress)(const fnn_box_row *p) {
    real *y = p->y;
    const vf threshold = vf_set1((real)p->threshold);
    for (ptrdiff_t i = 0; i < p->n; i += FNN_VF) {
        const vn n = vn_first(p->n - i);
        const vm over = vf_gt(box_iou_word(p, i, n), threshold);
        if (vm_any(over)) vf_store_part(y + i, vf_select(over, vf_set1(1), vf_load_part(y + i, n)), n);
    }
}
