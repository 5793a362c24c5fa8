/* Groups of the driver that compare operations with naive.h. */
#ifndef OPS_H
#define OPS_H

#include "naive.h"

/* ---- convolution ---- */
typedef struct {
    const char *name;
    ptrdiff_t n, c, h, w, oc, kh, kw, sh, sw, ph, pw, dh, dw, groups;
    ptrdiff_t after_h, after_w;  /* padding below and to the right beyond ph and pw */
    ptrdiff_t d, kd, sd, pd, dd; /* depth, its kernel, stride, padding, dilation */
} conv_case;

#define IMAGE 1, 1, 1, 0, 1 /* depth of a case without one */
static const conv_case conv_cases[] = {
    {"one_pixel", 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, IMAGE},
    {"lanes_minus_1", 2, 15, 5, 6, 15, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"lanes", 1, 16, 5, 7, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"lanes_plus_1", 1, 17, 6, 5, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"prime_everything", 2, 7, 11, 13, 5, 3, 5, 2, 1, 1, 2, 1, 1, 1, 0, 0, IMAGE},
    {"pointwise", 1, 35, 9, 11, 50, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, IMAGE},
    {"pointwise_planes", 2, 35, 12, 39, 50, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, IMAGE},
    {"pointwise_strided", 1, 24, 9, 8, 20, 1, 1, 2, 3, 0, 0, 1, 1, 1, 0, 0, IMAGE},
    {"stride_gt_kernel", 1, 5, 13, 17, 18, 2, 3, 4, 5, 0, 1, 1, 1, 1, 0, 0, IMAGE},
    {"dilated", 1, 18, 12, 15, 17, 3, 2, 1, 2, 2, 1, 2, 3, 1, 0, 0, IMAGE},
    {"groups", 1, 24, 7, 9, 36, 3, 3, 1, 1, 1, 1, 1, 1, 3, 0, 0, IMAGE},
    {"groups_of_16", 1, 48, 6, 7, 32, 3, 3, 1, 1, 1, 1, 1, 1, 2, 0, 0, IMAGE},
    {"depthwise", 2, 19, 8, 9, 19, 3, 3, 1, 1, 1, 1, 1, 1, 19, 0, 0, IMAGE},
    {"depthwise_multiplier", 1, 6, 7, 8, 18, 3, 3, 2, 2, 1, 1, 1, 1, 6, 0, 0, IMAGE},
    {"resnet_stem", 1, 3, 23, 29, 40, 7, 7, 2, 2, 3, 3, 1, 1, 1, 0, 0, IMAGE},
    {"depthwise_3x3_strided", 1, 18, 16, 33, 18, 3, 3, 2, 2, 1, 1, 1, 1, 18, 0, 0, IMAGE},
    {"depthwise_5x5", 2, 5, 9, 17, 5, 5, 5, 1, 1, 2, 3, 1, 1, 5, 1, 0, IMAGE},
    {"depthwise_5x5_strided", 1, 3, 15, 30, 12, 5, 5, 2, 2, 2, 1, 1, 1, 3, 0, 1, IMAGE},
    {"depthwise_7x7", 1, 4, 16, 18, 4, 7, 7, 1, 1, 3, 2, 1, 1, 4, 0, 0, IMAGE},
    {"depthwise_dilated", 1, 3, 12, 35, 15, 3, 5, 1, 1, 1, 4, 2, 3, 3, 0, 0, IMAGE},
    {"few_channels_flat", 2, 12, 9, 14, 20, 3, 3, 1, 1, 1, 2, 1, 1, 4, 0, 0, IMAGE},
    {"few_channels_strided", 1, 16, 11, 29, 10, 3, 5, 2, 2, 1, 2, 1, 1, 2, 0, 0, IMAGE},
    {"few_channels_phases", 1, 6, 15, 23, 18, 3, 4, 3, 2, 2, 3, 2, 2, 1, 0, 0, IMAGE},
    {"few_channels_rows", 1, 3, 6, 64, 17, 5, 3, 1, 1, 2, 1, 1, 1, 1, 0, 0, IMAGE},
    {"sixteen_channels_flat", 1, 32, 8, 13, 34, 3, 3, 1, 1, 1, 1, 1, 1, 2, 0, 0, IMAGE},
    {"grey_stem", 3, 1, 14, 14, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"kernel_is_image", 2, 20, 4, 5, 21, 4, 5, 1, 1, 0, 0, 1, 1, 1, 0, 0, IMAGE},
    {"padding_gt_image", 1, 4, 2, 3, 17, 5, 5, 1, 1, 4, 4, 1, 1, 1, 0, 0, IMAGE},
    {"one_row", 1, 16, 1, 67, 16, 1, 3, 1, 1, 0, 1, 1, 1, 1, 0, 0, IMAGE},
    {"one_column", 1, 16, 67, 1, 16, 3, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, IMAGE},
    {"same_even_kernel", 1, 9, 8, 9, 10, 2, 4, 1, 1, 0, 1, 1, 1, 1, 1, 1, IMAGE},
    {"empty_batch", 0, 3, 5, 6, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"no_input_channels", 2, 0, 5, 6, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"no_output_channels", 2, 4, 5, 6, 0, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"sequence", 2, 20, 1, 391, 18, 1, 3, 1, 1, 0, 14, 1, 7, 1, 0, 0, IMAGE},
    {"sequence_far_taps", 1, 33, 1, 700, 16, 1, 2, 1, 1, 0, 512, 1, 512, 1, 0, 0, IMAGE},
    {"sequence_strided", 1, 1, 1, 1234, 40, 1, 20, 1, 10, 0, 5, 1, 1, 1, 0, 3, IMAGE},
    {"sequence_depthwise", 1, 35, 1, 517, 35, 1, 3, 1, 2, 0, 2, 1, 2, 35, 0, 0, IMAGE},
    {"sequence_wide", 1, 70, 1, 1900, 17, 1, 5, 1, 1, 0, 2, 1, 1, 1, 0, 0, IMAGE},
    {"one_output_row", 2, 13, 5, 13, 8, 4, 1, 2, 2, 0, 1, 1, 2, 1, 0, 0, IMAGE},
    {"volume", 2, 17, 6, 5, 18, 3, 2, 1, 1, 1, 0, 1, 1, 1, 0, 0, 4, 3, 1, 1, 1},
    {"volume_strided", 1, 5, 9, 8, 33, 3, 2, 2, 3, 1, 0, 1, 1, 1, 1, 0, 7, 2, 3, 1, 1},
    {"volume_dilated", 1, 20, 6, 7, 16, 2, 3, 1, 2, 1, 2, 2, 1, 1, 0, 0, 9, 3, 2, 2, 2},
    {"volume_first", 1, 3, 11, 12, 20, 3, 5, 2, 2, 1, 2, 1, 1, 1, 0, 0, 5, 3, 2, 1, 1},
    {"volume_depthwise", 1, 19, 7, 5, 19, 3, 3, 1, 1, 1, 1, 1, 1, 19, 0, 0, 5, 3, 1, 1, 1},
    {"volume_groups", 1, 24, 5, 4, 36, 1, 3, 2, 1, 0, 1, 1, 1, 3, 0, 0, 6, 5, 1, 2, 1},
    {"volume_pointwise", 1, 18, 3, 8, 20, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 4, 1, 1, 0, 1},
    {"volume_slices", 1, 18, 5, 8, 20, 3, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 4, 1, 2, 1, 1},
    {"stride_gt_image", 1, 5, 7, 6, 18, 2, 3, (ptrdiff_t)1 << 40, (ptrdiff_t)1 << 41, 1, 0, 1, 2, 1, 0, 0, IMAGE},
    {"subpixel_cropped", 1, 2, 10, 9, 5, 32, 32, 32, 16, 5, 3, 1, 1, 1, 12, 17, IMAGE},
    {"dcgan_last", 1, 3, 16, 18, 20, 4, 4, 2, 2, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"espcn", 2, 1, 15, 21, 18, 9, 9, 3, 3, 3, 4, 1, 1, 1, 0, 1, IMAGE},
    {"fcn", 1, 5, 100, 97, 6, 64, 64, 32, 32, 0, 16, 1, 1, 1, 0, 0, IMAGE},
    {"subpixel_groups", 1, 6, 13, 12, 40, 2, 6, 2, 3, 0, 7, 1, 1, 2, 1, 2, IMAGE},
    {"subpixel_one_axis", 2, 7, 9, 23, 19, 3, 4, 1, 4, 1, 0, 2, 1, 1, 0, 3, IMAGE},
    {"subpixel_volume", 1, 2, 9, 8, 17, 2, 4, 2, 2, 0, 1, 1, 1, 1, 0, 0, 5, 2, 2, 1, 1},
    {"threaded", 2, 32, 19, 21, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"many_blocks", 1, 40, 37, 61, 24, 3, 3, 1, 1, 0, 2, 1, 1, 1, 0, 0, IMAGE},
    {"small_images", 9, 30, 4, 3, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE},
    {"padding_gt_kernel", 1, 16, 3, 4, 16, 3, 3, 1, 1, 4, 3, 1, 1, 1, 1, 0, IMAGE},
};

static fnn_conv_params conv_params(const conv_case *t, fnn_dtype dtype, int x_layout, int y_layout) {
    fnn_conv_params p = {.dtype = dtype, .groups = t->groups, .x_layout = x_layout, .y_layout = y_layout};
    p.n = t->n, p.c = t->c, p.d = t->d, p.h = t->h, p.w = t->w, p.oc = t->oc;
    p.kd = t->kd, p.kh = t->kh, p.kw = t->kw;
    p.sd = t->sd, p.sh = t->sh, p.sw = t->sw;
    p.pd = t->pd, p.ph = t->ph, p.pw = t->pw;
    p.dd = t->dd, p.dh = t->dh, p.dw = t->dw;
    p.od = (p.d + 2 * p.pd - p.dd * (p.kd - 1) - 1) / p.sd + 1;
    p.oh = (p.h + 2 * p.ph + t->after_h - p.dh * (p.kh - 1) - 1) / p.sh + 1;
    p.ow = (p.w + 2 * p.pw + t->after_w - p.dw * (p.kw - 1) - 1) / p.sw + 1;
    return p;
}

static conv_case random_conv_case(void) {
    conv_case t = {.name = "random", .n = random_int(1, 2), .groups = random_int(1, 3)};
    t.c = t.groups * random_int(1, 20), t.oc = t.groups * random_int(1, 40);
    t.kh = random_int(1, 4), t.kw = random_int(1, 4), t.sh = random_int(1, 3), t.sw = random_int(1, 3);
    t.ph = random_int(0, 3), t.pw = random_int(0, 3), t.dh = random_int(1, 2), t.dw = random_int(1, 2);
    t.d = t.kd = t.sd = t.dd = 1;
    if (random_int(0, 3) == 0) {
        t.kd = random_int(1, 3), t.sd = random_int(1, 3), t.pd = random_int(0, 2), t.dd = random_int(1, 2);
        t.d = t.dd * (t.kd - 1) + random_int(1, 5);
    }
    t.h = t.dh * (t.kh - 1) + random_int(1, 12), t.w = t.dw * (t.kw - 1) + random_int(1, 18);
    return t;
}

static void check_image(const char *what, const conv_case *t, const fnn_conv_params *p, int layout, shape s,
                        const void *got, const double *want, double tolerance) {
    const ptrdiff_t at = image_differs(p->dtype, layout, s, got, want, tolerance);
    check(at < 0,
          "%s %s %s x:%s y:%s n%td c%td %tdx%tdx%td oc%td k%tdx%tdx%td s%tdx%tdx%td p%tdx%tdx%td d%tdx%tdx%td g%td "
          "act%d at %td of %td",
          what, t->name, dtype_name(p->dtype), layout_name(p->x_layout), layout_name(p->y_layout), p->n, p->c, p->d,
          p->h, p->w, p->oc, p->kd, p->kh, p->kw, p->sd, p->sh, p->sw, p->pd, p->ph, p->pw, p->dd, p->dh, p->dw,
          p->groups, p->activation, at, volume(s));
}

typedef struct {
    shape xs, ys, ws;
    double *x, *w, *bias, *residual, *gy, *sum, *gx, *gw;
} conv_values;

static conv_values conv_reference(const conv_case *t, double (*draw)(void)) {
    const fnn_conv_params p = conv_params(t, FNN_F64, FNN_NCHW, FNN_NCHW);
    conv_values v = {.xs = {p.n, p.c, p.d * p.h, p.w},
                     .ys = {p.n, p.oc, p.od * p.oh, p.ow},
                     .ws = {p.oc, p.c / p.groups, p.kd * p.kh, p.kw}};
    v.x = random_values(volume(v.xs), draw);
    v.w = random_values(volume(v.ws), draw);
    v.bias = random_values(p.oc, draw);
    v.residual = random_values(volume(v.ys), draw);
    v.gy = random_values(volume(v.ys), draw);
    v.sum = zeros(volume(v.ys)), v.gx = zeros(volume(v.xs)), v.gw = zeros(volume(v.ws));
    naive_conv(&p, v.x, v.w, v.sum, v.gy, v.gx, v.gw);
    return v;
}
static void conv_free(conv_values *v) {
    free(v->x), free(v->w), free(v->bias), free(v->residual), free(v->gy), free(v->sum), free(v->gx), free(v->gw);
}

/* Direct sums of eighths are exact; Winograd's transforms are not, but a wrong product would be off by 1/64. */
static double winograd_rounding(const fnn_conv_params *p) {
    return p->method >= FNN_WINOGRAD2 ? steps(p->dtype, 200 * sqrt((double)(p->c + p->oc))) : 0;
}

/* Weights packed for p->method. */
static void *pack_weights(const fnn_conv_params *p, int transposed, const void *weight) {
    fnn_conv_params direct = *p;
    direct.method = FNN_DIRECT;
    void *packed = packed_buffer(p->dtype, fnn_conv_packed_size(&direct, transposed)), *transformed;
    fnn_conv_pack(&direct, transposed, weight, packed);
    if (p->method < FNN_WINOGRAD2) return packed;
    transformed = packed_buffer(p->dtype, fnn_conv_packed_size(p, transposed));
    fnn_conv_transform(p, transposed, packed, transformed);
    packed_free(packed);
    return transformed;
}

static void conv_forward(const conv_case *t, fnn_conv_params *p, const conv_values *v, int variant) {
    static const double bounds[][2] = {[FNN_CLIP] = {-0.5, 6}, [FNN_LEAKY_RELU] = {0.125, 0}, [FNN_TANH] = {0, 0}};
    const int use_bias = variant & 1, use_residual = variant >> 1 & 1;
    p->activation = variant / 4 % (FNN_TANH + 1);
    p->alpha = bounds[p->activation][0], p->beta = bounds[p->activation][1];
    double *want = zeros(volume(v->ys));
    for (ptrdiff_t i = 0; i < volume(v->ys); i++) {
        const double bias = use_bias ? v->bias[i / (p->od * p->oh * p->ow) % p->oc] : 0;
        want[i] =
            naive_activate(v->sum[i] + bias + (use_residual ? v->residual[i] : 0), p->activation, p->alpha, p->beta);
    }
    void *x = image(p->dtype, p->x_layout, v->xs, v->x), *w = vector(p->dtype, volume(v->ws), v->w);
    void *bias = vector(p->dtype, p->oc, v->bias), *residual = image(p->dtype, p->y_layout, v->ys, v->residual);
    void *y = output(p->dtype, image_size(p->y_layout, v->ys));
    void *packed = pack_weights(p, 0, w);
    fnn_status status = fnn_conv(p, x, packed, use_bias ? bias : NULL, use_residual ? residual : NULL, y);
    check(status == FNN_OK, "conv %s status %d", t->name, (int)status);
    const double activated = p->activation >= FNN_SILU ? steps(p->dtype, 32) : 0;
    check_image("conv", t, p, p->y_layout, v->ys, y, want, activated + winograd_rounding(p));
    free(want), free(x), free(w), free(bias), free(residual), free(y), packed_free(packed);
}

static void conv_transposed(const conv_case *t, fnn_conv_params *p, const conv_values *v, int variant) {
    const int use_bias = variant & 1, use_residual = variant >> 1 & 1;
    p->activation = use_residual ? FNN_LEAKY_RELU : FNN_NONE, p->alpha = 0.125;
    double *bias = random_values(p->c, random_eighth), *want = zeros(volume(v->xs));
    for (ptrdiff_t i = 0; i < volume(v->xs); i++) {
        const double sum = v->gx[i] + (use_bias ? bias[i / (p->d * p->h * p->w) % p->c] : 0);
        want[i] = naive_activate(sum + (use_residual ? v->x[i] : 0), p->activation, p->alpha, 0);
    }
    void *x = image(p->dtype, p->y_layout, v->ys, v->gy), *w = vector(p->dtype, volume(v->ws), v->w);
    void *b = vector(p->dtype, p->c, bias), *residual = image(p->dtype, p->x_layout, v->xs, v->x);
    void *y = output(p->dtype, image_size(p->x_layout, v->xs));
    void *packed = pack_weights(p, 1, w);
    check(fnn_conv_transpose(p, x, packed, use_bias ? b : NULL, use_residual ? residual : NULL, y) == FNN_OK,
          "conv_transpose %s status", t->name);
    check_image("conv_transpose", t, p, p->x_layout, v->xs, y, want, winograd_rounding(p));
    free(bias), free(want), free(x), free(w), free(b), free(residual), free(y), packed_free(packed);
}

static void conv_backward(const conv_case *t, fnn_conv_params *p, const conv_values *v) {
    void *x = image(p->dtype, p->x_layout, v->xs, v->x), *w = vector(p->dtype, volume(v->ws), v->w);
    void *gy = image(p->dtype, p->y_layout, v->ys, v->gy);
    void *gx = output(p->dtype, image_size(p->x_layout, v->xs)), *gw = output(p->dtype, volume(v->ws));
    p->activation = FNN_NONE;
    check(fnn_conv_transpose_unpacked(p, gy, w, NULL, NULL, gx) == FNN_OK, "conv_grad_input %s status", t->name);
    check_image("conv_grad_input", t, p, p->x_layout, v->xs, gx, v->gx, winograd_rounding(p));
    check(fnn_conv_grad_weight(p, gy, x, gw) == FNN_OK, "conv_grad_weight %s status", t->name);
    check_image("conv_grad_weight", t, p, FNN_NCHW, v->ws, gw, v->gw, 0);

    double *want = zeros(p->oc);
    void *gb = output(p->dtype, p->oc);
    for (ptrdiff_t i = 0; i < volume(v->ys); i++) want[i / (p->od * p->oh * p->ow) % p->oc] += v->gy[i];
    fnn_channel_sum(p->dtype, p->y_layout, p->n, p->oc, p->od * p->oh * p->ow, gy, gb);
    check_image("channel_sum", t, p, FNN_NCHW, (shape){1, 1, 1, p->oc}, gb, want, 0);
    free(x), free(w), free(gy), free(gx), free(gw), free(want), free(gb);
}

static void conv_one(const conv_case *t, int *variant) {
    conv_values v = conv_reference(t, random_eighth);
    for (int i = 0; i < 18; i++) {
        if (passed_over()) continue;
        fnn_conv_params p = conv_params(t, i & 1 ? FNN_F64 : FNN_F32, i / 2 % 3, i / 6);
        fnn_set_num_threads(1 + i % 3);
        for (p.method = FNN_IM2COL; p.method <= FNN_WINOGRAD4; p.method++) {
            if (!fnn_conv_refusal(&p, 0, (fnn_method)p.method)) conv_forward(t, &p, &v, *variant);
            if (fnn_conv_refusal(&p, 1, (fnn_method)p.method)) continue;
            conv_transposed(t, &p, &v, *variant);
            conv_backward(t, &p, &v);
        }
        p.method = FNN_DIRECT;
        conv_forward(t, &p, &v, 0);
        conv_forward(t, &p, &v, (*variant)++);
        conv_transposed(t, &p, &v, *variant);
        conv_backward(t, &p, &v);
    }
    conv_free(&v);
}

static void conv_group(int random_shapes) {
    int variant = 1;
    group_begin();
    for (size_t i = 0; i < sizeof conv_cases / sizeof *conv_cases; i++) conv_one(&conv_cases[i], &variant);
    for (int i = 0; i < random_shapes; i++) {
        conv_case t = random_conv_case();
        conv_one(&t, &variant);
    }
    group_end("conv");
}

/* ---- matrix product ---- */
static void gemm_one(fnn_dtype dtype, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, int transpose_a, int transpose_b,
                     int use_bias) {
    double *a = random_values(m * k, random_eighth), *b = random_values(k * n, random_eighth);
    double *bias = random_values(n, random_eighth), *want = zeros(m * n);
    const ptrdiff_t a_row = transpose_a ? 1 : k, a_column = transpose_a ? m : 1;
    const ptrdiff_t b_row = transpose_b ? 1 : n, b_column = transpose_b ? k : 1;
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < n; j++) {
            double sum = use_bias ? bias[j] : 0;
            for (ptrdiff_t l = 0; l < k; l++) sum += a[i * a_row + l * a_column] * b[l * b_row + j * b_column];
            want[i * n + j] = use_bias ? fmax(sum, 0) : sum;
        }
    void *ta = vector(dtype, m * k, a), *tb = vector(dtype, k * n, b), *tbias = vector(dtype, n, bias);
    void *c = output(dtype, m * n), *packed = packed_buffer(dtype, fnn_gemm_packed_size(k, n));
    fnn_gemm_pack(dtype, k, n, tb, b_row, b_column, packed);
    for (int unpacked = 0; unpacked < 2; unpacked++) {
        const void *tb_bias = use_bias ? tbias : NULL;
        const int activation = use_bias ? FNN_RELU : FNN_NONE;
        memset(c, 0, (size_t)(m * n) * (dtype == FNN_F32 ? 4 : 8));
        check((unpacked
                   ? fnn_gemm_unpacked(dtype, m, n, k, ta, a_row, a_column, tb, b_row, b_column, tb_bias, activation, 0,
                                       0, c)
                   : fnn_gemm(dtype, m, n, k, ta, a_row, a_column, packed, tb_bias, activation, 0, 0, c)) == FNN_OK,
              "gemm status");
        ptrdiff_t at = image_differs(dtype, FNN_NCHW, (shape){1, 1, m, n}, c, want, 0);
        check(at < 0, "gemm %s m%td n%td k%td ta%d tb%d bias%d unpacked%d at %td", dtype_name(dtype), m, n, k,
              transpose_a, transpose_b, use_bias, unpacked, at);
    }
    free(a), free(b), free(bias), free(want), free(ta), free(tb), free(tbias), free(c), packed_free(packed);
}

static void gemm_group(int random_shapes) {
    static const ptrdiff_t sizes[][3] = {{1, 1, 1},    {1, 17, 5},     {6, 16, 3}, {7, 31, 64},
                                         {14, 32, 16}, {15, 33, 1},    {3, 10, 0}, {64, 10, 84},
                                         {5, 300, 20}, {130, 96, 128}, {0, 5, 4}};
    group_begin();
    for (int i = 0; i < 16; i++) {
        fnn_set_num_threads(1 + i % 3);
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++)
            gemm_one((fnn_dtype)(i & 1), sizes[j][0], sizes[j][1], sizes[j][2], i >> 1 & 1, i >> 2 & 1, i >> 3);
    }
    for (int i = 0; i < random_shapes; i++)
        gemm_one((fnn_dtype)(i & 1), random_int(1, 40), random_int(1, 70), random_int(0, 50), i >> 1 & 1, i >> 2 & 1,
                 i >> 3 & 1);
    group_end("gemm");
}

/* ---- pooling ---- */
static fnn_pool2d_params random_pool(int dilate) {
    fnn_pool2d_params p = {
        .n = random_int(1, 2), .c = random_int(1, 35), .kh = random_int(1, 4), .kw = random_int(1, 5)};
    p.sh = random_int(1, 4), p.sw = random_int(1, 4);
    p.dh = dilate ? random_int(1, 2) : 1, p.dw = dilate ? random_int(1, 3) : 1;
    p.ph = random_int(0, p.kh / 2), p.pw = random_int(0, p.kw / 2);
    p.h = p.dh * (p.kh - 1) + random_int(1, 12), p.w = p.dw * (p.kw - 1) + random_int(1, 20);
    p.oh = (p.h + 2 * p.ph - p.dh * (p.kh - 1) - 1) / p.sh + 1;
    p.ow = (p.w + 2 * p.pw - p.dw * (p.kw - 1) - 1) / p.sw + 1;
    return p;
}

static void check_pool(const char *what, const fnn_pool2d_params *p, shape s, const void *got, const double *want,
                       double tolerance) {
    const ptrdiff_t at = image_differs(p->dtype, p->layout, s, got, want, tolerance);
    check(at < 0, "%s %s %s n%td c%td h%td w%td k%tdx%td s%tdx%td p%tdx%td d%tdx%td at %td", what, dtype_name(p->dtype),
          layout_name(p->layout), p->n, p->c, p->h, p->w, p->kh, p->kw, p->sh, p->sw, p->ph, p->pw, p->dh, p->dw, at);
}

/* Few distinct values, so that ties are common, and now and then a NaN. */
static double random_tied(void) { return random_int(0, 60) ? (double)random_int(-4, 4) : NAN; }

static void max_pool_one(fnn_pool2d_params p) {
    const shape xs = {p.n, p.c, p.h, p.w}, ys = {p.n, p.c, p.oh, p.ow};
    const ptrdiff_t nx = volume(xs), ny = volume(ys);
    double *x = random_values(nx, random_tied), *gy = random_values(ny, random_eighth);
    double *y = zeros(ny), *indices = zeros(ny), *gx = zeros(nx);
    naive_max_pool2d(&p, x, y, indices, gy, gx);
    void *tx = image(p.dtype, p.layout, xs, x), *tgy = image(p.dtype, p.layout, ys, gy);
    void *ty = output(p.dtype, image_size(p.layout, ys)), *tgx = output(p.dtype, image_size(p.layout, xs));
    int64_t *at = p.layout == FNN_NCHW ? must(malloc((size_t)ny * sizeof(int64_t))) : NULL;
    check(fnn_max_pool2d(&p, tx, ty, at) == FNN_OK, "max_pool2d status");
    check_pool("max_pool2d", &p, ys, ty, y, 0);
    ptrdiff_t wrong = 0;
    for (ptrdiff_t i = 0; at && i < ny; i++) wrong += (double)at[i] != indices[i];
    check(!wrong, "max_pool2d: %td wrong indices", wrong);
    check(fnn_max_pool2d_grad_input(&p, tgy, tx, ty, tgx) == FNN_OK, "max_pool2d_grad_input status");
    check_pool("max_pool2d_grad_input", &p, xs, tgx, gx, 0);
    if (at) {
        check(fnn_max_pool2d(&p, tx, ty, NULL) == FNN_OK, "max_pool2d status");
        check_pool("max_pool2d without indices", &p, ys, ty, y, 0);
    }
    free(x), free(gy), free(y), free(indices), free(gx), free(tx), free(tgy), free(ty), free(tgx), free(at);
}

static void avg_pool_one(fnn_pool2d_params p) {
    const shape xs = {p.n, p.c, p.h, p.w}, ys = {p.n, p.c, p.oh, p.ow};
    double *x = random_values(volume(xs), random_eighth), *gy = random_values(volume(ys), random_eighth);
    double *y = zeros(volume(ys)), *gx = zeros(volume(xs));
    p.count_include_pad = (int)random_int(0, 1), p.divisor = random_int(0, 3) ? 0 : 5;
    naive_avg_pool2d(&p, x, y, gy, gx);
    void *tx = image(p.dtype, p.layout, xs, x), *tgy = image(p.dtype, p.layout, ys, gy);
    void *ty = output(p.dtype, image_size(p.layout, ys)), *tgx = output(p.dtype, image_size(p.layout, xs));
    check(fnn_avg_pool2d(&p, tx, ty) == FNN_OK, "avg_pool2d status");
    check_pool("avg_pool2d", &p, ys, ty, y, steps(p.dtype, 4));
    check(fnn_avg_pool2d_grad_input(&p, tgy, tgx) == FNN_OK, "avg_pool2d_grad_input status");
    check_pool("avg_pool2d_grad_input", &p, xs, tgx, gx, steps(p.dtype, 32));
    free(x), free(gy), free(y), free(gx), free(tx), free(tgy), free(ty), free(tgx);
}

static void pool_group(int random_shapes) {
    group_begin();
    for (int i = 0; i < 4 * random_shapes; i++) {
        fnn_set_num_threads(1 + i % 3);
        fnn_pool2d_params p = random_pool(1);
        p.dtype = (fnn_dtype)(i & 1), p.layout = i >> 1 & 1;
        max_pool_one(p);
        p = random_pool(0);
        p.dtype = (fnn_dtype)(i & 1), p.layout = i >> 1 & 1;
        avg_pool_one(p);
    }
    group_end("pool");
}

/* ---- rows: softmax, activations ---- */
static double random_logit(void) { return 20 * random_real(); }

static void softmax_one(fnn_dtype dtype, int logarithm, ptrdiff_t rows, ptrdiff_t n) {
    double *x = random_values(rows * n, random_logit), *gy = random_values(rows * n, random_real);
    double *y = zeros(rows * n), *gx = zeros(rows * n);
    if (rows > 1) x[0] = 1e30, x[n] = -1e30; /* neither overflows */
    for (ptrdiff_t i = 0; i < rows * n; i++) x[i] = dtype == FNN_F32 ? (double)(float)x[i] : x[i];
    for (ptrdiff_t i = 0; i < rows; i++) naive_softmax(logarithm, n, x + i * n, y + i * n, gy + i * n, gx + i * n);
    void *tx = vector(dtype, rows * n, x), *ty = output(dtype, rows * n);
    void *tgy = vector(dtype, rows * n, gy), *tgx = output(dtype, rows * n);
    const shape s = {1, 1, rows, n};
    const double tolerance = steps(dtype, 64);
    fnn_softmax(dtype, logarithm, rows, n, tx, ty);
    check(image_differs(dtype, FNN_NCHW, s, ty, y, tolerance) < 0, "softmax %s log%d %td x %td", dtype_name(dtype),
          logarithm, rows, n);
    fnn_softmax_grad(dtype, logarithm, rows, n, tgy, ty, tgx);
    check(image_differs(dtype, FNN_NCHW, s, tgx, gx, tolerance * (1 + sqrt((double)n))) < 0,
          "softmax_grad %s log%d %td x %td", dtype_name(dtype), logarithm, rows, n);
    fnn_softmax(dtype, logarithm, rows, n, tx, tx);
    check(image_differs(dtype, FNN_NCHW, s, tx, y, tolerance) < 0, "softmax in place");
    free(x), free(gy), free(y), free(gx), free(tx), free(ty), free(tgy), free(tgx);
}

static void activate_one(fnn_dtype dtype, int activation, ptrdiff_t n) {
    double *x = random_values(n, random_logit), *y = zeros(n), *gx = zeros(n), *gy = random_values(n, random_eighth);
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = naive_activate(x[i] = (double)(float)x[i], activation, 0.25, 2);
        gx[i] = y[i] > 0 ? gy[i] : 0;
    }
    void *tx = vector(dtype, n, x), *ty = output(dtype, n), *tgy = vector(dtype, n, gy), *tgx = output(dtype, n);
    const shape s = {1, 1, 1, n};
    fnn_activate(dtype, activation, 0.25, 2, n, tx, ty);
    check(image_differs(dtype, FNN_NCHW, s, ty, y, steps(dtype, 32)) < 0, "activate %s %d of %td", dtype_name(dtype),
          activation, n);
    fnn_activate_grad(dtype, FNN_RELU, 0, 0, n, tgy, ty, tgx);
    if (activation == FNN_RELU) check(image_differs(dtype, FNN_NCHW, s, tgx, gx, 0) < 0, "relu_grad of %td", n);
    fnn_activate(dtype, activation, 0.25, 2, n, tx, tx);
    check(image_differs(dtype, FNN_NCHW, s, tx, y, steps(dtype, 32)) < 0, "activate in place");
    free(x), free(y), free(gx), free(gy), free(tx), free(ty), free(tgy), free(tgx);
}

static void row_group(void) {
    static const ptrdiff_t lengths[] = {1, 3, 7, 8, 10, 15, 16, 17, 31, 33, 100, 1000};
    group_begin();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int j = 0; j < 4; j++) softmax_one((fnn_dtype)(j & 1), j >> 1, 1 + (ptrdiff_t)i % 5, lengths[i]);
    for (int activation = FNN_NONE; activation <= FNN_TANH; activation++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (int j = 0; j < 2; j++) activate_one((fnn_dtype)j, activation, lengths[i]);
    group_end("rows");
}

/* ---- layout ---- */
static void layout_group(void) {
    static const shape shapes[] = {{1, 1, 1, 1},   {2, 15, 3, 5}, {1, 16, 7, 7}, {3, 17, 2, 9},
                                   {1, 64, 5, 33}, {0, 3, 4, 5},  {1, 33, 1, 1}, {2, 3, 31, 17}};
    group_begin();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int d = 0; d < 2; d++) {
            const fnn_dtype dtype = (fnn_dtype)d;
            const shape s = shapes[i];
            double *x = random_values(volume(s), random_real);
            void *plain = image(dtype, FNN_NCHW, s, x), *back = output(dtype, volume(s));
            void *blocked = output(dtype, image_size(FNN_BLOCKED, s));
            fnn_block(dtype, s.n, s.c, s.h, s.w, plain, blocked);
            check(image_differs(dtype, FNN_BLOCKED, s, blocked, x, 0) < 0, "block %s case %d", dtype_name(dtype),
                  (int)i);
            fnn_unblock(dtype, s.n, s.c, s.h, s.w, blocked, back);
            check(image_differs(dtype, FNN_NCHW, s, back, x, 0) < 0, "unblock %s case %d", dtype_name(dtype), (int)i);
            free(x), free(plain), free(back), free(blocked);
        }
    group_end("layout");
}

#endif
