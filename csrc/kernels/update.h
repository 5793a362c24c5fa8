/* One step of an optimiser on elements begin <= i < end of a parameter: one pass that reads and writes each array once.
 *
 *   all:      d = g (maximize: -g) + weight_decay p + l1 sign(p)
 *   SGD:      v = momentum v + (1 - dampening) d, at first v = d;  d = v, Nesterov d + momentum v;  p -= lr d
 *   Adagrad:  s += d^2;  p -= lr d / (sqrt(s) + eps)                              (Duchi, Hazan, Singer, JMLR 12, 2011)
 *   RMSprop:  s += (1 - beta2) (d^2 - s);  centered: m += (1 - beta1) (d - m), s' = s - m^2 (Graves, arXiv:1308.0850);
 *             d /= sqrt(s') + eps;  with momentum v = momentum v + d, d = v;  p -= lr d
 *   Adam:     p *= shrink;  m += (1 - beta1) (d - m);  s = beta2 s + (1 - beta2) d^2;  AMSGrad: s' = max of all s;
 *             p -= lr m / (scale sqrt(s') + eps)                    (arXiv:1412.6980, arXiv:1711.05101, arXiv:1904.09237)
 *
 * Expanded names: fnn_update_row__scalar, fnn_update_row__avx2, ... */

typedef struct {
    vf lr, scale, l1, decay, shrink, momentum, fresh, toward1, beta2, toward2, eps;
} update_constants;

FNN_ALWAYS_INLINE update_constants update_prepare(const fnn_update *u, const fnn_updated *t) {
    const update_constants k = {
        .lr = vf_set1((real)t->lr),
        .scale = vf_set1((real)t->scale),
        .l1 = vf_set1((real)u->l1),
        .decay = vf_set1((real)u->weight_decay),
        .shrink = vf_set1((real)u->shrink),
        .momentum = vf_set1((real)u->momentum),
        .fresh = vf_set1((real)(t->first ? 1 : 1 - u->dampening)),
        .toward1 = vf_set1((real)(1 - u->beta1)),
        .beta2 = vf_set1((real)u->beta2),
        .toward2 = vf_set1((real)(1 - u->beta2)),
        .eps = vf_set1((real)u->eps),
    };
    return k;
}

FNN_ALWAYS_INLINE vf update_load(const void *array, ptrdiff_t i, ptrdiff_t left) {
    const real *p = (const real *)array + i;
    return left >= FNN_VF ? vf_load(p) : vf_load_some(p, left);
}

FNN_ALWAYS_INLINE void update_store(void *array, ptrdiff_t i, vf x, ptrdiff_t left) {
    real *p = (real *)array + i;
    if (left >= FNN_VF)
        vf_store(p, x);
    else
        vf_store_some(p, x, left);
}

/* d; terms of no weight are left out, as 0 * infinity would be NaN. */
FNN_ALWAYS_INLINE vf update_gradient(const fnn_update *u, const update_constants *k, vf p, vf g) {
    const vf zero = vf_zero();
    if (u->maximize) g = vf_sub(zero, g);
    if (u->weight_decay != 0) g = vf_fma(k->decay, p, g);
    if (u->l1 != 0) {
        const vf below = vf_select(vf_gt(zero, p), vf_sub(zero, k->l1), zero);
        g = vf_add(g, vf_select(vf_gt(p, zero), k->l1, below));
    }
    return g;
}

FNN_ALWAYS_INLINE void sgd_word(const fnn_update *u, const update_constants *k, const fnn_updated *t, ptrdiff_t i,
                                ptrdiff_t left) {
    const vf p = update_load(t->p, i, left);
    vf d = update_gradient(u, k, p, update_load(t->g, i, left));
    if (t->state[0]) {
        vf v = vf_mul(k->fresh, d);
        if (!t->first) v = vf_fma(k->momentum, update_load(t->state[0], i, left), v);
        update_store(t->state[0], i, v, left);
        d = u->nesterov ? vf_fma(k->momentum, v, d) : v;
    }
    update_store(t->p, i, vf_sub(p, vf_mul(k->lr, d)), left);
}

FNN_ALWAYS_INLINE void adagrad_word(const fnn_update *u, const update_constants *k, const fnn_updated *t, ptrdiff_t i,
                                    ptrdiff_t left) {
    const vf p = update_load(t->p, i, left);
    const vf d = update_gradient(u, k, p, update_load(t->g, i, left));
    const vf s = vf_fma(d, d, update_load(t->state[0], i, left));
    update_store(t->state[0], i, s, left);
    const vf step = vf_div(d, vf_add(vf_sqrt(s), k->eps));
    update_store(t->p, i, vf_sub(p, vf_mul(k->lr, step)), left);
}

FNN_ALWAYS_INLINE void rmsprop_word(const fnn_update *u, const update_constants *k, const fnn_updated *t, ptrdiff_t i,
                                    ptrdiff_t left) {
    const vf p = update_load(t->p, i, left);
    vf d = update_gradient(u, k, p, update_load(t->g, i, left));
    vf s = vf_fma(k->beta2, update_load(t->state[0], i, left), vf_mul(k->toward2, vf_mul(d, d)));
    update_store(t->state[0], i, s, left);
    if (t->state[2]) {
        vf m = update_load(t->state[2], i, left);
        m = vf_fma(k->toward1, vf_sub(d, m), m);
        update_store(t->state[2], i, m, left);
        s = vf_max(vf_zero(), vf_sub(s, vf_mul(m, m))); /* a variance: rounding alone makes it negative */
    }
    d = vf_div(d, vf_add(vf_sqrt(s), k->eps));
    if (t->state[1]) {
        d = vf_fma(k->momentum, update_load(t->state[1], i, left), d);
        update_store(t->state[1], i, d, left);
    }
    update_store(t->p, i, vf_sub(p, vf_mul(k->lr, d)), left);
}

FNN_ALWAYS_INLINE void adam_word(const fnn_update *u, const update_constants *k, const fnn_updated *t, ptrdiff_t i,
                                 ptrdiff_t left) {
    vf p = update_load(t->p, i, left);
    const vf d = update_gradient(u, k, p, update_load(t->g, i, left));
    vf m = update_load(t->state[0], i, left);
    m = vf_fma(k->toward1, vf_sub(d, m), m);
    update_store(t->state[0], i, m, left);
    vf s = vf_fma(k->beta2, update_load(t->state[1], i, left), vf_mul(k->toward2, vf_mul(d, d)));
    update_store(t->state[1], i, s, left);
    if (t->state[2]) {
        s = vf_max_nan(update_load(t->state[2], i, left), s);
        update_store(t->state[2], i, s, left);
    }
    const vf step = vf_div(m, vf_fma(k->scale, vf_sqrt(s), k->eps));
    if (u->shrink != 1) p = vf_mul(p, k->shrink);
    update_store(t->p, i, vf_sub(p, vf_mul(k->lr, step)), left);
}

void FNN_NAME(update_row)(const fnn_update *u, const fnn_updated *t, ptrdiff_t begin, ptrdiff_t end) {
    const update_constants k = update_prepare(u, t);
    ptrdiff_t i = begin;
#define UPDATE_WORDS(word) \
    for (; i + FNN_VF <= end; i += FNN_VF) word(u, &k, t, i, FNN_VF); \
    if (i < end) word(u, &k, t, i, end - i)
    switch (u->rule) {
    case FNN_SGD:
        UPDATE_WORDS(sgd_word);
        break;
    case FNN_ADAGRAD:
        UPDATE_WORDS(adagrad_word);
        break;
    case FNN_RMSPROP:
        UPDATE_WORDS(rmsprop_word);
        break;
    case FNN_ADAM:
        UPDATE_WORDS(adam_word);
        break;
    }
#undef UPDATE_WORDS
}
