/* Group of the driver for convolutions whose image goes on outside its bounds: compared with those of the image padded
 * beforehand. */
#ifndef MODES_H
#define MODES_H

#include "ops.h"

/* How far the padding reaches behind the end, seen from the output size. */
static ptrdiff_t pad_after(ptrdiff_t size, ptrdiff_t out, ptrdiff_t k, ptrdiff_t stride, ptrdiff_t pad, ptrdiff_t dil) {
    const ptrdiff_t reach = (out - 1) * stride + (k - 1) * dil + 1 - pad - size;
    return reach > 0 ? reach : 0;
}

static fnn_pad_params padding_of(const fnn_conv_params *p) {
    return (fnn_pad_params){.dtype = FNN_F64,
                            .mode = p->padding_mode,
                            .outer = p->n * p->c,
                            .size = {p->d, p->h, p->w},
                            .before = {p->pd, p->ph, p->pw},
                            .after = {pad_after(p->d, p->od, p->kd, p->sd, p->pd, p->dd),
                                      pad_after(p->h, p->oh, p->kh, p->sh, p->ph, p->dh),
                                      pad_after(p->w, p->ow, p->kw, p->sw, p->pw, p->dw)},
                            .unit = 1};
}

static int padding_allowed(const fnn_pad_params *pad) {
    for (int d = 0; d < 3; d++) {
        const ptrdiff_t most = pad->before[d] > pad->after[d] ? pad->before[d] : pad->after[d];
        if (pad->mode == FNN_PAD_REFLECT && most >= pad->size[d]) return 0;
        if (pad->mode == FNN_PAD_CIRCULAR && most > pad->size[d]) return 0;
    }
    return 1;
}

static void conv_mode_one(const conv_case *t, int mode) {
    fnn_conv_params p = conv_params(t, FNN_F64, FNN_NCHW, FNN_NCHW), q = p;
    p.padding_mode = mode;
    const fnn_pad_params pad = padding_of(&p);
    if (!padding_allowed(&pad)) return;
    conv_values v = conv_reference(t, random_eighth);
    q.d += pad.before[0] + pad.after[0], q.h += pad.before[1] + pad.after[1], q.w += pad.before[2] + pad.after[2];
    q.pd = q.ph = q.pw = 0;
    double *x = zeros(q.n * q.c * q.d * q.h * q.w), *y = zeros(volume(v.ys)), *gw = zeros(volume(v.ws));
    check(fnn_pad(&pad, v.x, x) == FNN_OK, "pad status");
    naive_conv(&q, x, v.w, y, v.gy, NULL, gw);
    for (int i = 0; i < 18; i++) {
        if (passed_over()) continue;
        p.dtype = (fnn_dtype)(i & 1), p.x_layout = i / 2 % 3, p.y_layout = i / 6;
        void *tx = image(p.dtype, p.x_layout, v.xs, v.x), *tgy = image(p.dtype, p.y_layout, v.ys, v.gy);
        void *tw = vector(p.dtype, volume(v.ws), v.w), *tgw = output(p.dtype, volume(v.ws));
        void *ty = output(p.dtype, image_size(p.y_layout, v.ys));
        fnn_set_num_threads(1 + i % 3);
        for (int method = FNN_DIRECT; method <= FNN_WINOGRAD4; method++) {
            if (fnn_conv_refusal(&p, 0, (fnn_method)method)) continue;
            p.method = method;
            check(fnn_conv_unpacked(&p, tx, tw, NULL, NULL, ty) == FNN_OK, "conv status");
            check_image("conv with padding mode", t, &p, p.y_layout, v.ys, ty, y, 2 * winograd_rounding(&p));
        }
        check(fnn_conv_grad_weight(&p, tgy, tx, tgw) == FNN_OK, "conv_grad_weight status");
        check_image("conv_grad_weight with padding mode", t, &p, FNN_NCHW, v.ws, tgw, gw, 0);
        free(tx), free(tgy), free(tw), free(tgw), free(ty);
    }
    free(x), free(y), free(gw), conv_free(&v);
}

static void mode_group(int random_shapes) {
    group_begin();
    for (int mode = FNN_PAD_REFLECT; mode <= FNN_PAD_CIRCULAR; mode++) {
        for (size_t i = 0; i < sizeof conv_cases / sizeof *conv_cases; i++) conv_mode_one(&conv_cases[i], mode);
        for (int i = 0; i < random_shapes; i++) {
            const conv_case t = random_conv_case();
            conv_mode_one(&t, mode);
        }
    }
    group_end("conv modes");
}

#endif
