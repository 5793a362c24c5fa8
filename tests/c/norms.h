/* Groups of the driver for normalisation, dropout, losses and the activations that are not fused. */
#ifndef NORMS_H
#define NORMS_H

#include "check.h"

/* Largest distance over 1 + |wanted|, -1 where a value is missing. */
static double norm_error(fnn_dtype dtype, ptrdiff_t n, const void *got, const double *want) {
    double worst = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double e = fabs(get(dtype, got, i) - want[i]) / (1 + fabs(want[i]));
        if (!(e <= worst)) worst = e;
        if (!(e >= 0)) return 1;
    }
    return worst;
}

static double norm_allowed(fnn_dtype dtype) { return dtype == FNN_F32 ? 2e-4 : 1e-10; }

/* The statistics of x's elements i with set_of[i] == s, and y and gx of all, by the definition. */
typedef struct {
    ptrdiff_t size, sets, affine; /* elements, sets of common statistics, weights */
    const ptrdiff_t *set_of, *weight_of;
    const double *x, *gy, *w, *b;
    double *mean, *var, *y, *gx, *gw, *gb;
} norm_oracle;

static void define_norm(const norm_oracle *o, double eps) {
    double *count = zeros(o->sets), *a = zeros(o->sets), *c = zeros(o->sets);
    for (ptrdiff_t i = 0; i < o->size; i++) count[o->set_of[i]]++, o->mean[o->set_of[i]] += o->x[i];
    for (ptrdiff_t s = 0; s < o->sets; s++) o->mean[s] /= count[s];
    for (ptrdiff_t i = 0; i < o->size; i++) o->var[o->set_of[i]] += pow(o->x[i] - o->mean[o->set_of[i]], 2);
    for (ptrdiff_t s = 0; s < o->sets; s++) o->var[s] /= count[s];
    for (ptrdiff_t i = 0; i < o->size; i++) {
        const ptrdiff_t s = o->set_of[i], k = o->weight_of[i];
        const double h = (o->x[i] - o->mean[s]) / sqrt(o->var[s] + eps), g = o->gy[i] * o->w[k];
        o->y[i] = h * o->w[k] + o->b[k], o->gw[k] += o->gy[i] * h, o->gb[k] += o->gy[i];
        a[s] += g / count[s], c[s] += g * h / count[s];
    }
    for (ptrdiff_t i = 0; i < o->size; i++) {
        const ptrdiff_t s = o->set_of[i];
        const double root = sqrt(o->var[s] + eps), h = (o->x[i] - o->mean[s]) / root;
        o->gx[i] = (o->gy[i] * o->w[o->weight_of[i]] - a[s] - h * c[s]) / root;
    }
    free(count), free(a), free(c);
}

enum { BATCH_NORM, GROUP_NORM };

static void norm_one(fnn_dtype dtype, int kind, shape s, ptrdiff_t groups, int layout) {
    const ptrdiff_t pixels = s.h * s.w, size = volume(s), sets = kind == BATCH_NORM ? s.c : s.n * groups;
    ptrdiff_t *set_of = must(malloc((size_t)size * sizeof *set_of)),
              *weight_of = must(malloc((size_t)size * sizeof *set_of));
    for (ptrdiff_t i = 0; i < size; i++) {
        weight_of[i] = i / pixels % s.c;
        set_of[i] = kind == BATCH_NORM ? weight_of[i] : i / (s.c * pixels) * groups + weight_of[i] / (s.c / groups);
    }
    norm_oracle o = {size,
                     sets,
                     s.c,
                     set_of,
                     weight_of,
                     random_values(size, random_real),
                     random_values(size, random_real),
                     random_values(s.c, random_real),
                     random_values(s.c, random_real),
                     zeros(sets),
                     zeros(sets),
                     zeros(size),
                     zeros(size),
                     zeros(s.c),
                     zeros(s.c)};
    define_norm(&o, 0.01);
    void *x = image(dtype, layout, s, o.x), *gy = image(dtype, layout, s, o.gy), *w = vector(dtype, s.c, o.w);
    void *b = vector(dtype, s.c, o.b), *gw = output(dtype, s.c), *gb = output(dtype, s.c);
    void *y = output(dtype, image_size(layout, s)), *gx = output(dtype, image_size(layout, s));
    double *mean = zeros(sets), *var = zeros(sets);
    const fnn_norm_params p = {dtype, s.n, s.c, pixels, layout, groups, 1, 0.01};
    const double tolerance = norm_allowed(dtype) * 16;
    if (kind == BATCH_NORM) {
        check(fnn_batch_norm(&p, x, w, b, mean, var, y) == FNN_OK, "batch_norm status");
        check(fnn_batch_norm_grad(&p, gy, x, w, mean, var, gx, gw, gb) == FNN_OK, "batch_norm_grad status");
    } else {
        fnn_group_norm(&p, x, w, b, mean, var, y);
        check(fnn_group_norm_grad(&p, gy, x, w, mean, var, gx, gw, gb) == FNN_OK, "group_norm_grad status");
    }
    check(image_differs(dtype, layout, s, y, o.y, tolerance) < 0,
          "norm %d %s layout %d n%td c%td pixels %td groups %td", kind, dtype_name(dtype), layout, s.n, s.c, pixels,
          groups);
    check(image_differs(dtype, layout, s, gx, o.gx, tolerance) < 0, "norm gx %d %s layout %d n%td c%td pixels %td",
          kind, dtype_name(dtype), layout, s.n, s.c, pixels);
    check(norm_error(dtype, s.c, gw, o.gw) < tolerance && norm_error(dtype, s.c, gb, o.gb) < tolerance,
          "norm gw, gb %d %s layout %d n%td c%td pixels %td", kind, dtype_name(dtype), layout, s.n, s.c, pixels);
    free(set_of), free(weight_of), free((void *)o.x), free((void *)o.gy), free((void *)o.w), free((void *)o.b);
    free(o.mean), free(o.var), free(o.y), free(o.gx), free(o.gw), free(o.gb), free(mean), free(var);
    free(x), free(gy), free(w), free(b), free(gw), free(gb), free(y), free(gx);
}

static void response_one(fnn_dtype dtype, shape s, ptrdiff_t size) {
    const ptrdiff_t n = volume(s), pixels = s.h * s.w;
    double *x = random_values(n, random_real), *y = zeros(n);
    for (ptrdiff_t i = 0; i < n; i++) {
        const ptrdiff_t c = i / pixels % s.c;
        double sum = 0;
        for (ptrdiff_t k = c - size / 2; k < c - size / 2 + size; k++)
            if (k >= 0 && k < s.c) sum += pow(x[i + (k - c) * pixels], 2);
        y[i] = x[i] * pow(2 + 0.5 / (double)size * sum, -0.75);
    }
    void *tx = vector(dtype, n, x), *ty = output(dtype, n), *gx = output(dtype, n);
    const fnn_response_params p = {dtype, s.n, s.c, pixels, size, 0.5, 0.75, 2};
    check(fnn_local_response_norm(&p, tx, ty) == FNN_OK && norm_error(dtype, n, ty, y) < norm_allowed(dtype),
          "local_response_norm %s c%td size %td", dtype_name(dtype), s.c, size);
    check(fnn_local_response_norm_grad(&p, tx, tx, gx) == FNN_OK, "local_response_norm_grad status");
    free(x), free(y), free(tx), free(ty), free(gx);
}

static void dropout_and_loss_one(fnn_dtype dtype, ptrdiff_t n) {
    double *x = random_values(n, random_real), *t = random_values(n, random_real), *l = zeros(n), total = 0, sum = 0;
    void *tx = vector(dtype, n, x), *tt = vector(dtype, n, t), *a = output(dtype, n), *b = output(dtype, n);
    fnn_set_num_threads(1);
    fnn_dropout(dtype, n, 0.4, 77, tx, a);
    fnn_set_num_threads(4);
    fnn_dropout(dtype, n, 0.4, 77, tx, b);
    check(!memcmp(a, b, (size_t)n * item_size(dtype)), "dropout of %td differs between thread counts", n);
    for (ptrdiff_t i = 0; i < n; i++) total += l[i] = pow(x[i] - t[i], 2);
    check(fnn_loss(dtype, FNN_SQUARED, 0, n, tx, tt, NULL, NULL, a, &sum) == FNN_OK, "loss status");
    check(fabs(sum - total) <= norm_allowed(dtype) * (1 + total) && norm_error(dtype, n, a, l) < norm_allowed(dtype),
          "loss of %td", n);
    for (int kind = FNN_SQUARED; kind <= FNN_LOGISTIC; kind++)
        fnn_loss_grad(dtype, kind, 0.5, 1, n, NULL, tx, tt, NULL, NULL, b);
    free(x), free(t), free(l), free(tx), free(tt), free(a), free(b);
}

/* The slope of every activation against the difference of its values. */
static void slope_one(fnn_dtype dtype, int activation, ptrdiff_t n) {
    double *x = random_values(n, random_real), *step = zeros(n), *one = zeros(n), worst = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] = (double)(float)(2 * x[i] + (x[i] > 0 ? 0.2 : -0.2)), step[i] = x[i] + 1e-6, one[i] = 1;
    void *tx = vector(FNN_F64, n, x), *ts = vector(FNN_F64, n, step), *y = output(FNN_F64, n), *ys = output(FNN_F64, n);
    void *dx = vector(dtype, n, x), *dy = output(dtype, n), *g = vector(dtype, n, one), *gx = output(dtype, n);
    const int of_result = activation == FNN_RELU || activation == FNN_SIGMOID || activation == FNN_TANH;
    fnn_activate(FNN_F64, activation, 0.25, 2, n, tx, y), fnn_activate(FNN_F64, activation, 0.25, 2, n, ts, ys);
    fnn_activate(dtype, activation, 0.25, 2, n, dx, dy);
    fnn_activate_grad(dtype, activation, 0.25, 2, n, g, of_result ? dy : dx, gx);
    for (ptrdiff_t i = 0; i < n; i++) {
        const double slope = (get(FNN_F64, ys, i) - get(FNN_F64, y, i)) / 1e-6;
        const int corner = activation == FNN_CLIP && fmin(fabs(x[i] - 0.25), fabs(x[i] - 2)) < 1e-3;
        const int jump = activation == FNN_SOFTPLUS; /* its threshold of 2 is no smooth place */
        if (!corner && !jump) worst = fmax(worst, fabs(slope - get(dtype, gx, i)) / (1 + fabs(slope)));
        check(get(dtype, dy, i) == get(dtype, dy, i), "activation %d of %g is NaN", activation, x[i]);
    }
    check(worst < 1e-4, "slope of activation %d %s is off by %g", activation, dtype_name(dtype), worst);
    free(x), free(step), free(one), free(tx), free(ts), free(y), free(ys), free(dx), free(dy), free(g), free(gx);
}

static void norms_group(int random_shapes) {
    group_begin();
    for (int i = 0; i < 2 * random_shapes; i++) {
        const fnn_dtype dtype = (fnn_dtype)(i & 1);
        const ptrdiff_t groups = random_int(1, 4), wide = random_int(0, 2) ? 9 : 40;
        const shape s = {random_int(2, 5), groups * random_int(1, 10), random_int(1, wide), random_int(1, wide)};
        fnn_set_num_threads(1 + i % 3);
        norm_one(dtype, BATCH_NORM, s, 1, i % 4 < 2 ? FNN_NCHW : FNN_BLOCKED);
        norm_one(dtype, BATCH_NORM, (shape){random_int(2, 600), s.c, 1, 1}, 1, FNN_NCHW);
        norm_one(dtype, GROUP_NORM, s, groups, FNN_NCHW);
        norm_one(dtype, GROUP_NORM, (shape){s.n, s.c * 3, 1, 1}, groups, FNN_NCHW);
        response_one(dtype, s, random_int(1, 6));
        dropout_and_loss_one(dtype, random_int(1, 9000));
    }
    for (int activation = FNN_NONE; activation <= FNN_EXP; activation++)
        for (int d = 0; d < 2; d++) slope_one((fnn_dtype)d, activation, 101);
    group_end("norms");
}

#endif
