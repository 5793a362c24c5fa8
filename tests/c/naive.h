/* The reference: each operation as its definition reads, in double, on NCHW arrays. */
#ifndef NAIVE_H
#define NAIVE_H

#include "check.h"

static double naive_activate(double x, int activation, double alpha, double beta) {
    switch (activation) {
    case FNN_RELU:
        return x > 0 ? x : 0;
    case FNN_CLIP:
        return fmin(fmax(x, alpha), beta);
    case FNN_LEAKY_RELU:
        return x > 0 ? x : alpha * x;
    case FNN_SILU:
        return x / (1 + exp(-x));
    case FNN_HARDSWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    case FNN_SIGMOID:
        return 1 / (1 + exp(-x));
    case FNN_TANH:
        return tanh(x);
    default:
        return x;
    }
}

/* All (output, tap, input) positions of an axis: the next one after *at, 0 past the last. */
typedef struct {
    ptrdiff_t o, k, i;
} axis_at;
static int axis_next(axis_at *at, ptrdiff_t out, ptrdiff_t kernel, ptrdiff_t in, ptrdiff_t stride, ptrdiff_t padding,
                     ptrdiff_t dilation) {
    do {
        if (++at->k >= kernel) at->k = 0, at->o++;
        at->i = at->o * stride - padding + at->k * dilation;
    } while (at->o < out && (at->i < 0 || at->i >= in));
    return at->o < out;
}

/* One walk over all products of a convolution; any of the three results may be NULL.
 * y += x * w,  gx += gy * w,  gw += gy * x */
static void naive_conv(const fnn_conv_params *p, const double *x, const double *w, double *y, const double *gy,
                       double *gx, double *gw) {
    const ptrdiff_t cg = p->c / p->groups, og = p->oc / p->groups;
    const axis_at start = {0, -1, 0};
    for (ptrdiff_t n = 0; n < p->n; n++)
        for (ptrdiff_t o = 0; o < p->oc; o++)
            for (ptrdiff_t q = 0; q < cg; q++)
                for (axis_at d = start; axis_next(&d, p->od, p->kd, p->d, p->sd, p->pd, p->dd);)
                    for (axis_at h = start; axis_next(&h, p->oh, p->kh, p->h, p->sh, p->ph, p->dh);)
                        for (axis_at v = start; axis_next(&v, p->ow, p->kw, p->w, p->sw, p->pw, p->dw);) {
                            const ptrdiff_t at_y = (((n * p->oc + o) * p->od + d.o) * p->oh + h.o) * p->ow + v.o;
                            const ptrdiff_t channel = n * p->c + o / og * cg + q;
                            const ptrdiff_t at_x = ((channel * p->d + d.i) * p->h + h.i) * p->w + v.i;
                            const ptrdiff_t at_w = (((o * cg + q) * p->kd + d.k) * p->kh + h.k) * p->kw + v.k;
                            if (y) y[at_y] += x[at_x] * w[at_w];
                            if (gx) gx[at_x] += gy[at_y] * w[at_w];
                            if (gw) gw[at_w] += gy[at_y] * x[at_x];
                        }
}

/* y and gx of softmax or log-softmax of one row. */
static void naive_softmax(int logarithm, ptrdiff_t n, const double *x, double *y, const double *gy, double *gx) {
    double most = -INFINITY, sum = 0, dot = 0;
    for (ptrdiff_t i = 0; i < n; i++) most = fmax(most, x[i]);
    for (ptrdiff_t i = 0; i < n; i++) sum += exp(x[i] - most);
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = logarithm ? x[i] - most - log(sum) : exp(x[i] - most) / sum;
        dot += logarithm ? gy[i] : gy[i] * y[i];
    }
    for (ptrdiff_t i = 0; i < n; i++) gx[i] = logarithm ? gy[i] - exp(y[i]) * dot : y[i] * (gy[i] - dot);
}

#endif
