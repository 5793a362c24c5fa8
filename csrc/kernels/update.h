/* One step of stochastic gradient descent on n parameters, in one pass (Sutskever et al., "On the importance of
 * initialization and momentum in deep learning", ICML 2013, as PyTorch writes it):
 *
 *   d = g + weight_decay p;  v = momentum v + (1 - dampening) d, at first v = d;  d = v, Nesterov d + momentum v;
 *   p -= lr d
 *
 * Expanded names: fnn_sgd_row__scalar, fnn_sgd_row__avx2, ... */

void FNN_NAME(sgd_row)(const fnn_sgd *s, void *p_, const void *g_, void *v_, ptrdiff_t n) {
    real *p = p_, *v = v_; /* [n]; v NULL without momentum */
    const real *g = g_;    /* [n] */
    const vf lr = vf_set1((real)s->lr), decay = vf_set1((real)s->weight_decay), momentum = vf_set1((real)s->momentum);
    const vf fresh = vf_set1((real)(s->first ? 1 : 1 - s->dampening));
    for (ptrdiff_t i = 0; i < n; i += FNN_VF) {
        const ptrdiff_t left = n - i;
        const vf value = vf_load_some(p + i, left);
        vf d = vf_load_some(g + i, left);
        if (s->weight_decay != 0) d = vf_fma(decay, value, d); /* 0 * infinity would be NaN */
        if (v) {
            vf velocity = vf_mul(fresh, d);
            if (!s->first) velocity = vf_fma(momentum, vf_load_some(v + i, left), velocity);
            vf_store_some(v + i, velocity, left);
            d = s->nesterov ? vf_fma(momentum, velocity, d) : velocity;
        }
        vf_store_some(p + i, vf_sub(value, vf_mul(lr, d)), left);
    }
}
