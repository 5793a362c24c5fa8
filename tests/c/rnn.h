/* Group of the driver for recurrent layers: results against loops written from the formulas, single steps and the backward
 * pass against themselves with other numbers of threads. Gradients are checked by differences from Python. */
#ifndef RNN_H
#define RNN_H

#include "check.h"

static double one_sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* One step of one sequence: h and c [hidden] are changed. */
static void naive_step(const fnn_rnn_params *p, const double *x, const double *w, const double *r, const double *b,
                       double *h, double *c) {
    const ptrdiff_t n = p->hidden, gates = p->cell == FNN_LSTM ? 4 : p->cell == FNN_GRU ? 3 : 1;
    double *from_x = zeros(gates * n), *from_h = zeros(gates * n);
    for (ptrdiff_t i = 0; i < gates * n; i++) {
        from_x[i] = from_h[i] = b[i]; /* the same bias on both sides */
        for (ptrdiff_t k = 0; k < p->inputs; k++) from_x[i] += w[i * p->inputs + k] * x[k];
        for (ptrdiff_t k = 0; k < n; k++) from_h[i] += r[i * n + k] * h[k];
    }
    for (ptrdiff_t u = 0; u < n; u++) {
        const double s0 = from_x[u] + from_h[u];
        if (p->cell == FNN_LSTM) {
            const double s1 = from_x[n + u] + from_h[n + u], s2 = from_x[2 * n + u] + from_h[2 * n + u];
            c[u] = one_sigmoid(s1) * c[u] + one_sigmoid(s0) * tanh(s2);
            h[u] = one_sigmoid(from_x[3 * n + u] + from_h[3 * n + u]) * (p->variant ? c[u] : tanh(c[u]));
        } else if (p->cell == FNN_GRU) {
            const double z = one_sigmoid(from_x[n + u] + from_h[n + u]);
            h[u] = (1 - z) * tanh(from_x[2 * n + u] + one_sigmoid(s0) * from_h[2 * n + u]) + z * h[u];
        } else {
            h[u] = p->variant ? fmax(0, s0) : tanh(s0);
        }
    }
    free(from_x), free(from_h);
}

typedef struct {
    fnn_rnn_params p;
    ptrdiff_t gates, rows, states;
    double *x, *w[2], *r[2], *b, *h0, *c0, *y, *h, *c;
    void *packed[2];
    int64_t order[16], lengths[16];
} rnn_case;

static ptrdiff_t rnn_row_of(const fnn_rnn_params *p, ptrdiff_t t, ptrdiff_t n) {
    return p->batch_first ? n * p->steps + t : t * p->batch + n;
}

static void rnn_expected(rnn_case *k) {
    const fnn_rnn_params *p = &k->p;
    for (ptrdiff_t i = 0; i < p->batch; i++)
        for (int d = 0; d < p->directions; d++) {
            const ptrdiff_t n = p->order ? (ptrdiff_t)p->order[i] : i, length = p->order ? p->lengths[i] : p->steps;
            double *h = k->h + (d * p->batch + n) * p->hidden, *c = k->c + (d * p->batch + n) * p->hidden;
            for (ptrdiff_t s = 0; s < length; s++) {
                const ptrdiff_t row = rnn_row_of(p, d ? length - 1 - s : s, n);
                naive_step(p, k->x + row * p->inputs, k->w[d], k->r[d], k->b, h, c);
                memcpy(k->y + (row * p->directions + d) * p->hidden, h, (size_t)p->hidden * sizeof *h);
            }
        }
}

static rnn_case random_rnn(int i) {
    rnn_case k = {.p = {.dtype = (fnn_dtype)(i & 1), .cell = i % 3, .variant = i % 3 != FNN_GRU && i / 3 & 1}};
    fnn_rnn_params *p = &k.p;
    p->steps = random_int(1, 6), p->batch = random_int(1, 15), p->inputs = random_int(0, 30);
    p->hidden = i % 5 ? random_int(1, 50) : random_int(90, 130);
    p->directions = 1 + (i >> 2 & 1), p->batch_first = i >> 3 & 1;
    k.gates = p->cell == FNN_LSTM ? 4 : p->cell == FNN_GRU ? 3 : 1;
    k.rows = p->steps * p->batch, k.states = p->directions * p->batch * p->hidden;
    k.x = random_values(k.rows * p->inputs, random_real), k.b = random_values(k.gates * p->hidden, random_real);
    k.h0 = random_values(k.states, random_real), k.c0 = random_values(k.states, random_real);
    k.y = zeros(k.rows * p->directions * p->hidden), k.h = zeros(k.states), k.c = zeros(k.states);
    memcpy(k.h, k.h0, (size_t)k.states * sizeof *k.h), memcpy(k.c, k.c0, (size_t)k.states * sizeof *k.c);
    void *b = vector(p->dtype, k.gates * p->hidden, k.b);
    for (int d = 0; d < p->directions; d++) {
        k.w[d] = random_values(k.gates * p->hidden * p->inputs, random_real);
        k.r[d] = random_values(k.gates * p->hidden * p->hidden, random_real);
        for (ptrdiff_t j = 0; j < k.gates * p->hidden * p->hidden; j++) k.r[d][j] /= (double)p->hidden;
        void *w = vector(p->dtype, k.gates * p->hidden * p->inputs, k.w[d]);
        void *r = vector(p->dtype, k.gates * p->hidden * p->hidden, k.r[d]);
        k.packed[d] = malloc(fnn_rnn_packed_bytes(p));
        check(fnn_rnn_pack(p, w, r, b, b, k.packed[d]) == FNN_OK, "rnn pack status");
        free(w), free(r);
    }
    free(b);
    for (ptrdiff_t n = 0; n < p->batch; n++) { /* falling lengths, every third sequence from the end of the batch */
        k.order[n] = p->batch - 1 - n;
        k.lengths[n] = n ? random_int(0, (ptrdiff_t)k.lengths[n - 1]) : p->steps;
    }
    return k;
}

static void free_rnn(rnn_case *k) {
    for (int d = 0; d < k->p.directions; d++) free(k->w[d]), free(k->r[d]), free(k->packed[d]);
    free(k->x), free(k->b), free(k->h0), free(k->c0), free(k->y), free(k->h), free(k->c);
}

/* Forward with what backward needs, and backward: all bytes of the gradients of the sums and of the state. */
static void *rnn_gradients(const rnn_case *k, const void *x, const void *h0, const void *c0, size_t *bytes) {
    const fnn_rnn_params *p = &k->p;
    const ptrdiff_t es = p->dtype == FNN_F32 ? 4 : 8, padded = (p->hidden + 15) / 16 * 16;
    const ptrdiff_t outputs = k->gates * p->hidden, sums = p->directions * k->rows * outputs;
    fnn_rnn_kept kept = {malloc((size_t)(p->directions * k->rows * padded * k->gates * es)),
                         malloc((size_t)(p->directions * k->rows * padded * es))};
    char *found = calloc((size_t)((2 * sums + 2 * k->states) * es), 1),
         *y = output(p->dtype, k->rows * p->directions * p->hidden);
    void *hn = output(p->dtype, k->states), *cn = output(p->dtype, k->states);
    for (ptrdiff_t i = 0; i < k->rows * p->directions * p->hidden * es; i++) y[i] = 0;
    const int keeps = p->cell != FNN_RNN;
    check(fnn_rnn(p, x, (const void *const *)k->packed, h0, c0, y, hn, cn, keeps ? &kept : NULL) == FNN_OK,
          "rnn status");
    fnn_rnn_grads g = {.h0 = h0, .c0 = c0, .y = y, .gy = y, .ghn = hn, .gcn = p->cell == FNN_LSTM ? cn : NULL};
    void *w[2] = {NULL, NULL};
    for (int d = 0; d < p->directions; d++) {
        void *r = vector(p->dtype, outputs * p->hidden, k->r[d]);
        w[d] = malloc(fnn_gemm_packed_size(outputs, p->hidden) * (size_t)es);
        fnn_gemm_pack(p->dtype, outputs, p->hidden, r, p->hidden, 1, w[d]);
        g.w_hh[d] = w[d];
        free(r);
    }
    g.g_row = outputs, g.g_x = found, g.g_h = found + sums * es, g.gh0 = found + 2 * sums * es;
    g.gc0 = p->cell == FNN_LSTM ? (char *)g.gh0 + k->states * es : NULL;
    check(fnn_rnn_backward(p, &kept, &g) == FNN_OK, "rnn backward status");
    free(kept.gates), free(kept.extra), free(y), free(hn), free(cn), free(w[0]), free(w[1]);
    *bytes = (size_t)((2 * sums + 2 * k->states) * es);
    return found;
}

static void rnn_one(int i) {
    rnn_case k = random_rnn(i);
    fnn_rnn_params *p = &k.p;
    if (i >> 4 & 1) p->order = k.order, p->lengths = k.lengths;
    rnn_expected(&k);
    void *x = vector(p->dtype, k.rows * p->inputs, k.x), *h0 = vector(p->dtype, k.states, k.h0);
    void *c0 = vector(p->dtype, k.states, k.c0), *first = NULL;
    const shape ys = {1, 1, k.rows, p->directions * p->hidden}, hs = {1, 1, 1, k.states};
    for (int threads = 1; threads <= 4; threads *= 2) {
        fnn_set_num_threads(threads);
        const ptrdiff_t y_size = k.rows * p->directions * p->hidden;
        void *y = output(p->dtype, y_size), *hn = output(p->dtype, k.states), *cn = output(p->dtype, k.states);
        memset(y, 0, (size_t)y_size * (p->dtype == FNN_F32 ? 4 : 8));
        check(fnn_rnn(p, x, (const void *const *)k.packed, h0, c0, y, hn, cn, NULL) == FNN_OK, "rnn status");
        const double tolerance = p->dtype == FNN_F32 ? 2e-4 : 1e-12;
        const int same = image_differs(p->dtype, FNN_NCHW, ys, y, k.y, tolerance) < 0 &&
                         image_differs(p->dtype, FNN_NCHW, hs, hn, k.h, tolerance) < 0 &&
                         (p->cell != FNN_LSTM || image_differs(p->dtype, FNN_NCHW, hs, cn, k.c, tolerance) < 0);
        check(same, "rnn %d.%d %s steps %td batch %td inputs %td hidden %td directions %d threads %d", p->cell,
              p->variant, dtype_name(p->dtype), p->steps, p->batch, p->inputs, p->hidden, p->directions, threads);
        size_t bytes;
        void *gradients = rnn_gradients(&k, x, h0, c0, &bytes);
        if (!first) first = gradients;
        check(!memcmp(first, gradients, bytes), "rnn gradients: %d threads give other bits", threads);
        if (gradients != first) free(gradients);
        free(y), free(hn), free(cn);
    }
    free(first), free(x), free(h0), free(c0);
    free_rnn(&k);
}

static void rnn_group(int random_shapes) {
    group_begin();
    for (int i = 0; i < 32 + random_shapes; i += every) rnn_one(i);
    group_end("rnn");
}

#endif
