/* Rows of n elements with a weight and a bias of their own for each element (layer normalisation, Ba, Kiros, Hinton,
 * arXiv:1607.06450). d = x - center, h = d scale + shift the normalised value:
 *
 *   layer_norm_apply:          y = h w + b
 *   layer_norm_gradient_sums:  sums[0..1] = sum gy w, sum gy w d
 *   layer_norm_gradient:       gx = gy w scale + d slope + offset;  gw += gy h;  gb += gy
 *
 * w, b, gw and gb may be NULL. Partial sums of 64 words in `real`, then double.
 * Expanded names: fnn_layer_norm_apply__avx2, fnn_layer_norm_gradient_sums__avx2, fnn_layer_norm_gradient__avx2, ... */

void FNN_NAME(layer_norm_apply)(const fnn_norm_line *r) {
    const real *x = r->x, *w = r->w, *b = r->b;
    real *y = r->y;
    const vf center = vf_set1((real)r->center), scale = vf_set1((real)r->scale), shift = vf_set1((real)r->shift);
    for (ptrdiff_t i = 0; i < r->n; i += FNN_VF) {
        const ptrdiff_t left = r->n - i;
        vf h = vf_fma(vf_sub(vf_load_some(x + i, left), center), scale, shift);
        if (w) h = vf_mul(h, vf_load_some(w + i, left));
        if (b) h = vf_add(h, vf_load_some(b + i, left));
        vf_store_some(y + i, h, left);
    }
}

void FNN_NAME(layer_norm_gradient_sums)(const fnn_norm_line *r) {
    const real *x = r->x, *gy = r->gy, *w = r->w;
    const vf center = vf_set1((real)r->center);
    r->sums[0] = r->sums[1] = 0;
    for (ptrdiff_t p = 0; p < r->n; p += 64 * FNN_VF) {
        vf first = vf_zero(), second = vf_zero();
        for (ptrdiff_t i = p; i < fnn_min(r->n, p + 64 * FNN_VF); i += FNN_VF) {
            const ptrdiff_t left = r->n - i;
            vf g = vf_load_some(gy + i, left);
            if (w) g = vf_mul(g, vf_load_some(w + i, left));
            first = vf_add(first, g);
            second = vf_fma(g, vf_sub(vf_load_some(x + i, left), center), second);
        }
        r->sums[0] += vf_total(first);
        r->sums[1] += vf_total(second);
    }
}

void FNN_NAME(layer_norm_gradient)(const fnn_norm_line *r) {
    const real *x = r->x, *gy = r->gy, *w = r->w;
    real *gx = r->y, *gw = r->gw, *gb = r->gb;
    const vf center = vf_set1((real)r->center), scale = vf_set1((real)r->scale), shift = vf_set1((real)r->shift);
    const vf slope = vf_set1((real)r->slope), offset = vf_set1((real)r->offset);
    for (ptrdiff_t i = 0; i < r->n; i += FNN_VF) {
        const ptrdiff_t left = r->n - i;
        const vf g = vf_load_some(gy + i, left), d = vf_sub(vf_load_some(x + i, left), center);
        if (gw) {
            const vf h = vf_fma(d, scale, shift);
            vf_store_some(gw + i, vf_fma(g, h, vf_load_some(gw + i, left)), left);
            vf_store_some(gb + i, vf_add(g, vf_load_some(gb + i, left)), left);
        }
        if (!gx) continue;
        const vf weighted = w ? vf_mul(g, vf_load_some(w + i, left)) : g;
        vf_store_some(gx + i, vf_fma(weighted, scale, vf_fma(d, slope, offset)), left);
    }
}
