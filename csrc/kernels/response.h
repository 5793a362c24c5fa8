/* Local response normalisation (Krizhevsky, Sutskever, Hinton, NIPS 2012, section 3.3, as PyTorch scales it) for a strip
 * of n pixels of one image, a channel at a time:
 *
 *   s[c] = k + alpha / size * sum of x^2 over channels c - size/2 .. c - size/2 + size - 1;   y = x s^-beta
 *   gx[c] = gy s^-beta - 2 alpha beta / size x sum of t over the windows that c lies in,   t = gy x s^(-beta - 1)
 *
 * response_row computes y, or with gy the two factors that response_grad_row sums.
 * Expanded names: fnn_response_row__avx2, fnn_response_grad_row__avx2, ... */

void FNN_NAME(response_row)(const fnn_response_strip *r) {
    const real *x = r->x, *gy = r->gy;
    real *y = r->y, *t = r->t;
    const ptrdiff_t first = fnn_max(r->channel - r->size / 2, 0), own = r->channel * r->plane;
    const ptrdiff_t last = fnn_min(r->channel - r->size / 2 + r->size, r->c);
    const vf share = vf_set1((real)(r->alpha / (double)r->size)), k = vf_set1((real)r->k);
    const vf power = vf_set1((real)-r->beta), most = vf_set1((real)3e38);
    for (ptrdiff_t i = 0; i < r->n; i += FNN_VF) {
        const ptrdiff_t left = r->n - i;
        const vf value = vf_load_some(x + own + i, left);
        vf squares = vf_zero();
        for (ptrdiff_t c = first; c < last; c++) {
            const vf v = vf_load_some(x + c * r->plane + i, left);
            squares = vf_fma(v, v, squares);
        }
        const vf s = vf_min(most, vf_fma(squares, share, k)), factor = vf_pow(s, power);
        if (gy) {
            const vf g = vf_load_some(gy + own + i, left);
            vf_store_some(t + i, vf_div(vf_mul(vf_mul(g, value), factor), s), left);
            vf_store_some(y + i, vf_mul(g, factor), left);
        } else {
            vf_store_some(y + i, vf_mul(value, factor), left);
        }
    }
}

/* y[n] holds gy s^-beta of the channel, t[c][t_row] the terms of all: gx = y - 2 alpha beta / size x sum t */
void FNN_NAME(response_grad_row)(const fnn_response_strip *r) {
    const real *x = (const real *)r->x + r->channel * r->plane, *t = r->t, *through = r->y;
    real *gx = r->gx;
    const ptrdiff_t before = r->size - 1 - r->size / 2;
    const ptrdiff_t first = fnn_max(r->channel - before, 0), last = fnn_min(r->channel - before + r->size, r->c);
    const vf scale = vf_set1((real)(-2 * r->alpha * r->beta / (double)r->size));
    for (ptrdiff_t i = 0; i < r->n; i += FNN_VF) {
        const ptrdiff_t left = r->n - i;
        vf sum = vf_zero();
        for (ptrdiff_t c = first; c < last; c++) sum = vf_add(sum, vf_load_some(t + c * r->t_row + i, left));
        const vf own = vf_mul(vf_load_some(x + i, left), scale);
        vf_store_some(gx + i, vf_fma(own, sum, vf_load_some(through + i, left)), left);
    }
}
