/* Groups of the driver for what moves rows: im2col, col2im, padding and its gradient. */
#ifndef ROWS_H
#define ROWS_H

#include "check.h"

/* ---- images and matrices of their windows ---- */
static fnn_im2col_params random_im2col(fnn_dtype dtype) {
    fnn_im2col_params p = {.dtype = dtype, .n = random_int(1, 3), .c = random_int(1, 40)};
    p.kh = random_int(1, 4), p.kw = random_int(1, 5), p.sh = random_int(1, 4), p.sw = random_int(1, 6);
    p.dh = random_int(1, 3), p.dw = random_int(1, 3);
    p.ph = random_int(0, 1) * random_int(0, 5), p.pw = random_int(0, 1) * random_int(0, 5);
    p.h = p.dh * (p.kh - 1) + random_int(1, 12), p.w = p.dw * (p.kw - 1) + random_int(1, 40);
    p.oh = (p.h + 2 * p.ph - p.dh * (p.kh - 1) - 1) / p.sh + 1;
    p.ow = (p.w + 2 * p.pw - p.dw * (p.kw - 1) - 1) / p.sw + 1;
    return p;
}

static void im2col_one(fnn_im2col_params p) {
    const ptrdiff_t x_size = p.n * p.c * p.h * p.w, size = p.n * p.c * p.kh * p.kw * p.oh * p.ow;
    double *x = random_values(x_size, random_eighth), *cols = zeros(size), *sums = zeros(x_size);
    ptrdiff_t at = 0;
    for (ptrdiff_t plane = 0; plane < p.n * p.c; plane++)
        for (ptrdiff_t r = 0; r < p.kh; r++)
            for (ptrdiff_t s = 0; s < p.kw; s++)
                for (ptrdiff_t i = 0; i < p.oh; i++)
                    for (ptrdiff_t j = 0; j < p.ow; j++, at++) {
                        const ptrdiff_t h = i * p.sh - p.ph + r * p.dh, w = j * p.sw - p.pw + s * p.dw;
                        if (h < 0 || h >= p.h || w < 0 || w >= p.w) continue;
                        cols[at] = x[(plane * p.h + h) * p.w + w];
                        sums[(plane * p.h + h) * p.w + w] += cols[at];
                    }
    void *tx = vector(p.dtype, x_size, x), *tcols = output(p.dtype, size), *tsums = output(p.dtype, x_size);
    const shape cols_shape = {1, 1, 1, size}, x_shape = {1, 1, 1, x_size};
    check(fnn_im2col(&p, tx, tcols) == FNN_OK, "im2col status");
    ptrdiff_t wrong = image_differs(p.dtype, FNN_NCHW, cols_shape, tcols, cols, 0);
    check(wrong < 0, "im2col %s h%td w%td k%tdx%td s%tdx%td p%tdx%td d%tdx%td at %td", dtype_name(p.dtype), p.h, p.w,
          p.kh, p.kw, p.sh, p.sw, p.ph, p.pw, p.dh, p.dw, wrong);
    check(fnn_col2im(&p, tcols, tsums) == FNN_OK, "col2im status");
    wrong = image_differs(p.dtype, FNN_NCHW, x_shape, tsums, sums, 0);
    check(wrong < 0, "col2im %s h%td w%td k%tdx%td s%tdx%td p%tdx%td d%tdx%td at %td", dtype_name(p.dtype), p.h, p.w,
          p.kh, p.kw, p.sh, p.sw, p.ph, p.pw, p.dh, p.dw, wrong);
    free(x), free(cols), free(sums), free(tx), free(tcols), free(tsums);
}

/* ---- padding ---- */
static fnn_pad_params random_pad(fnn_dtype dtype) {
    fnn_pad_params p = {.dtype = dtype, .mode = (int)random_int(0, 3), .outer = random_int(1, 9)};
    p.unit = random_int(0, 1) ? 1 : random_int(1, 20);
    p.value = p.mode == FNN_PAD_CONSTANT ? random_eighth() : 0;
    for (int d = 0; d < 3; d++) {
        p.size[d] = random_int(1, d == 2 ? 40 : 6);
        const ptrdiff_t most = p.mode == FNN_PAD_REFLECT ? p.size[d] - 1 : p.mode == FNN_PAD_CIRCULAR ? p.size[d] : 7;
        const ptrdiff_t least = p.mode == FNN_PAD_CIRCULAR || random_int(0, 3) ? 0 : -p.size[d];
        p.before[d] = random_int(least, most);
        p.after[d] = random_int(-p.size[d] - p.before[d] > least ? -p.size[d] - p.before[d] : least, most);
    }
    return p;
}

/* The element of [0, size) at position i, -1 where there is a constant: by walking there. */
static ptrdiff_t walk(int mode, ptrdiff_t i, ptrdiff_t size) {
    while (i < 0 || i >= size) {
        const int low = i < 0;
        if (mode == FNN_PAD_CONSTANT) return -1;
        if (mode == FNN_PAD_REPLICATE) i += low ? 1 : -1;
        if (mode == FNN_PAD_CIRCULAR) i += low ? size : -size;
        if (mode == FNN_PAD_REFLECT) i = low ? -i : 2 * (size - 1) - i;
    }
    return i;
}

static void pad_one(fnn_pad_params p) {
    ptrdiff_t result[3], x_size = p.outer * p.unit, y_size = x_size, at = 0;
    for (int d = 0; d < 3; d++) {
        result[d] = p.size[d] + p.before[d] + p.after[d];
        x_size *= p.size[d], y_size *= result[d];
    }
    double *x = random_values(x_size, random_eighth), *gy = random_values(y_size, random_eighth);
    double *y = zeros(y_size), *gx = zeros(x_size);
    for (ptrdiff_t o = 0; o < p.outer; o++)
        for (ptrdiff_t i = 0; i < result[0]; i++)
            for (ptrdiff_t j = 0; j < result[1]; j++)
                for (ptrdiff_t k = 0; k < result[2]; k++)
                    for (ptrdiff_t u = 0; u < p.unit; u++, at++) {
                        const ptrdiff_t a = walk(p.mode, i - p.before[0], p.size[0]);
                        const ptrdiff_t b = walk(p.mode, j - p.before[1], p.size[1]);
                        const ptrdiff_t c = walk(p.mode, k - p.before[2], p.size[2]);
                        const ptrdiff_t from = (((o * p.size[0] + a) * p.size[1] + b) * p.size[2] + c) * p.unit + u;
                        const int inside = a >= 0 && b >= 0 && c >= 0;
                        y[at] = inside ? x[from] : p.value;
                        if (inside) gx[from] += gy[at];
                    }
    void *tx = vector(p.dtype, x_size, x), *ty = output(p.dtype, y_size);
    void *tgy = vector(p.dtype, y_size, gy), *tgx = output(p.dtype, x_size);
    check(fnn_pad(&p, tx, ty) == FNN_OK, "pad status");
    ptrdiff_t wrong = image_differs(p.dtype, FNN_NCHW, (shape){1, 1, 1, y_size}, ty, y, 0);
    check(wrong < 0, "pad %s mode%d size %td %td %td unit %td at %td", dtype_name(p.dtype), p.mode, p.size[0],
          p.size[1], p.size[2], p.unit, wrong);
    check(fnn_pad_grad_input(&p, tgy, tgx) == FNN_OK, "pad_grad_input status");
    wrong = image_differs(p.dtype, FNN_NCHW, (shape){1, 1, 1, x_size}, tgx, gx, 0);
    check(wrong < 0, "pad_grad_input %s mode%d size %td %td %td unit %td at %td", dtype_name(p.dtype), p.mode,
          p.size[0], p.size[1], p.size[2], p.unit, wrong);
    free(x), free(gy), free(y), free(gx), free(tx), free(ty), free(tgy), free(tgx);
}

static void rows_group(int random_shapes) {
    group_begin();
    for (int i = 0; i < 8 * random_shapes; i++) {
        fnn_set_num_threads(1 + i % 3);
        im2col_one(random_im2col((fnn_dtype)(i & 1)));
        pad_one(random_pad((fnn_dtype)(i & 1)));
    }
    group_end("im2col, pad");
}

#endif
