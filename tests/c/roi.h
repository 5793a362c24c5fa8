/* Regions of interest, boxes, interpolation and embedding against their definitions, with boxes of all kinds: the
 * sanitizers see to it that none leads outside the arrays. */
#ifndef ROI_H
#define ROI_H

#include "check.h"

static double roi_fit(fnn_dtype dtype, double v) { return dtype == FNN_F32 ? (double)(float)v : v; }

/* Eighths inside and around the image, and now and then a coordinate that no image has. */
static double random_corner(void) {
    static const double wild[] = {1e4, -1e4, 3e9, -1e30, 3e38, -3e38, NAN, INFINITY, -INFINITY};
    if (random_int(0, 19) == 0) return wild[random_int(0, (ptrdiff_t)(sizeof wild / sizeof *wild) - 1)];
    return (double)random_int(-40, 240) / 8;
}

static int box_is_finite(const fnn_roi_params *p, const double *box) {
    for (int i = 1; i < 5; i++)
        if (!isfinite(roi_fit(p->dtype, box[i] * p->scale))) return 0;
    return 1;
}

/* The weight of pixel (r, s) in a bin of RoI align; -1 where the definition would take too long. */
static double naive_axis_weight(const fnn_roi_params *p, double from, double to, ptrdiff_t bins, ptrdiff_t bin,
                                ptrdiff_t size, ptrdiff_t pixel) {
    const double start = roi_fit(p->dtype, from - (p->aligned ? 0.5 : 0));
    double length = roi_fit(p->dtype, roi_fit(p->dtype, to - (p->aligned ? 0.5 : 0)) - start), sum = 0;
    if (!p->aligned && length < 1) length = 1;
    const double step = roi_fit(p->dtype, length / (double)bins),
                 samples = p->sampling ? (double)p->sampling : ceil(step);
    for (double i = 0; i < samples; i++) {
        double at = start + (double)bin * step + (i + 0.5) * step / samples;
        if (!(at >= -1 && at <= (double)size)) continue;
        at = fmin(fmax(at, 0), (double)(size - 1));
        sum += fmax(0, 1 - fabs(at - (double)pixel)) / samples;
    }
    return sum;
}

static void naive_pool_bin(const fnn_roi_params *p, double from, double to, ptrdiff_t bins, ptrdiff_t bin,
                           ptrdiff_t size, ptrdiff_t *begin, ptrdiff_t *end) {
    const double most = 1073741824.0;
    const double first = fmin(fmax(round(from), -most), most), last = fmin(fmax(round(to), -most), most);
    const double step = roi_fit(p->dtype, roi_fit(p->dtype, fmax(last - first + 1, 1)) / (double)bins);
    *begin = (ptrdiff_t)fmin(fmax(floor(roi_fit(p->dtype, (double)bin * step)) + first, 0), (double)size);
    *end = (ptrdiff_t)fmin(fmax(ceil(roi_fit(p->dtype, (double)(bin + 1) * step)) + first, 0), (double)size);
}

/* One result of RoI align (pool 0) or RoI pooling, from plane x[h][w]. */
static double naive_bin(const fnn_roi_params *p, int pool, const double *x, const double *box, ptrdiff_t i,
                        ptrdiff_t j) {
    double corner[4], result = pool ? -INFINITY : 0;
    if (!box_is_finite(p, box)) return 0;
    for (int side = 0; side < 4; side++) corner[side] = roi_fit(p->dtype, box[1 + side] * p->scale);
    if (pool) {
        ptrdiff_t r0, r1, s0, s1;
        naive_pool_bin(p, corner[1], corner[3], p->oh, i, p->h, &r0, &r1);
        naive_pool_bin(p, corner[0], corner[2], p->ow, j, p->w, &s0, &s1);
        for (ptrdiff_t r = r0; r < r1; r++)
            for (ptrdiff_t s = s0; s < s1; s++) result = fmax(result, x[r * p->w + s]);
        return r0 < r1 && s0 < s1 ? result : 0;
    }
    for (ptrdiff_t r = 0; r < p->h; r++) {
        const double row = naive_axis_weight(p, corner[1], corner[3], p->oh, i, p->h, r);
        for (ptrdiff_t s = 0; row != 0 && s < p->w; s++)
            result += row * naive_axis_weight(p, corner[0], corner[2], p->ow, j, p->w, s) * x[r * p->w + s];
    }
    return result;
}

/* Adaptive samples of such a box are too many for the definition. */
static int too_large(const fnn_roi_params *p, const double *box) {
    for (int i = 1; i < 5; i++)
        if (fabs(box[i]) > 1e5 && p->sampling == 0) return 1;
    return 0;
}

static void roi_case(fnn_roi_params p, int pool) {
    const shape in = {p.n, p.c, p.h, p.w}, out = {p.k, p.c, p.oh, p.ow};
    double *xv = random_values(volume(in), random_eighth), *bv = zeros(p.k * 5);
    for (ptrdiff_t i = 0; i < p.k; i++) {
        bv[5 * i] = (double)random_int(0, p.n - 1);
        for (int side = 1; side < 5; side++) bv[5 * i + side] = random_corner();
    }
    void *x = image(p.dtype, p.layout, in, xv), *y = output(p.dtype, image_size(p.layout, out));
    void *boxes = vector(p.dtype, p.k * 5, bv), *gx = output(p.dtype, image_size(p.layout, in));
    check((pool ? fnn_roi_pool(&p, x, boxes, y, NULL) : fnn_roi_align(&p, x, boxes, y)) == FNN_OK, "no memory");
    ptrdiff_t wrong = 0;
    for (ptrdiff_t k = 0; k < p.k; k++)
        for (ptrdiff_t c = 0; c < p.c && !too_large(&p, bv + 5 * k); c++)
            for (ptrdiff_t at = 0; at < p.oh * p.ow; at++) {
                const double *plane = xv + ((ptrdiff_t)bv[5 * k] * p.c + c) * p.h * p.w;
                const double want = naive_bin(&p, pool, plane, bv + 5 * k, at / p.ow, at % p.ow);
                const double got = get(p.dtype, y, image_at(p.layout, out, k, c, at));
                wrong += !(fabs(got - want) <= (pool ? 0 : 1e-4));
            }
    check(wrong == 0, "roi %s %s %s: %td wrong", pool ? "pool" : "align", dtype_name(p.dtype), layout_name(p.layout),
          wrong);
    /* The gradient is linear: its product with x is that of gy = y with y, for the maximum as well. */
    check((pool ? fnn_roi_pool_grad_input(&p, y, x, y, boxes, gx) : fnn_roi_align_grad_input(&p, y, boxes, gx)) ==
              FNN_OK,
          "no memory");
    double left = 0, right = 0;
    for (ptrdiff_t i = 0; i < image_size(p.layout, in); i++) left += get(p.dtype, gx, i) * get(p.dtype, x, i);
    for (ptrdiff_t i = 0; i < image_size(p.layout, out); i++) right += get(p.dtype, y, i) * get(p.dtype, y, i);
    check(fabs(left - right) <= 1e-4 * fmax(1, right), "roi %s gradient: %g, not %g", pool ? "pool" : "align", left,
          right);
    free(xv), free(bv), free(x), free(y), free(boxes), free(gx);
}

static void overlap_case(fnn_dtype dtype, ptrdiff_t k) {
    double *bv = random_values(4 * k, random_corner);
    void *boxes = vector(dtype, 4 * k, bv), *iou = output(dtype, k * k);
    int64_t *order = must(calloc((size_t)k + 1, sizeof *order)), start[2] = {0, k};
    int8_t *keep = must(calloc((size_t)k + 1, 1));
    for (ptrdiff_t i = 0; i < k; i++) order[i] = k - 1 - i;
    check(fnn_box_iou(dtype, k, k, boxes, boxes, iou) == FNN_OK, "no memory");
    check(fnn_nms(dtype, k, boxes, order, 1, start, 0.25, keep) == FNN_OK, "no memory");
    ptrdiff_t wrong = 0;
    for (ptrdiff_t i = 0; i < k; i++) {
        int stays = 1;
        for (ptrdiff_t j = 0; j < i; j++) stays &= !(keep[j] && get(dtype, iou, order[j] * k + order[i]) > 0.25);
        wrong += stays != keep[i];
    }
    check(wrong == 0, "nms of %td boxes: %td wrong", k, wrong);
    free(bv), free(boxes), free(iou), free(order), free(keep);
}

/* Rows of ones keep their sum: weights of a result add up to 1, and the gradient's sum is gy's. */
static void interpolate_case(fnn_interpolate_params p) {
    const shape in = {p.n, p.c, p.h, p.w}, out = {p.n, p.c, p.oh, p.ow};
    double *ones = zeros(volume(in) > volume(out) ? volume(in) : volume(out)), sum = 0;
    for (ptrdiff_t i = 0; i < volume(in) || i < volume(out); i++) ones[i] = 1;
    void *x = image(p.dtype, p.layout, in, ones), *y = output(p.dtype, image_size(p.layout, out));
    void *gx = output(p.dtype, image_size(p.layout, in));
    check(fnn_interpolate(&p, x, y) == FNN_OK, "no memory");
    check(image_differs(p.dtype, p.layout, out, y, ones, 1e-5) < 0, "interpolate mode %d: weights do not add up",
          p.mode);
    check(fnn_interpolate_grad_input(&p, y, gx) == FNN_OK, "no memory");
    for (ptrdiff_t i = 0; i < image_size(p.layout, in); i++) sum += get(p.dtype, gx, i);
    check(fabs(sum - (double)volume(out)) <= 1e-5 * (double)volume(out), "interpolate mode %d: gradient's sum", p.mode);
    free(ones), free(x), free(y), free(gx);
}

static void embedding_case(fnn_dtype dtype, ptrdiff_t k, ptrdiff_t rows, ptrdiff_t width) {
    double *wv = random_values(rows * width, random_eighth), *gv = zeros(rows * width);
    int64_t *index = must(calloc((size_t)k + 1, sizeof *index));
    for (ptrdiff_t i = 0; i < k; i++) {
        index[i] = random_int(0, rows - 1);
        for (ptrdiff_t j = 0; j < width && index[i] != 0; j++) gv[index[i] * width + j] += wv[index[i] * width + j];
    }
    void *w = vector(dtype, rows * width, wv), *y = output(dtype, k * width), *gw = output(dtype, rows * width);
    fnn_embedding(dtype, k, width, index, w, y);
    fnn_embedding_grad_weight(dtype, k, rows, width, index, 0, y, gw);
    const shape one = {1, 1, rows, width};
    check(image_differs(dtype, FNN_NCHW, one, gw, gv, 0) < 0, "embedding of %td indices", k);
    free(wv), free(gv), free(index), free(w), free(y), free(gw);
}

static void roi_group(int random_shapes) {
    for (int i = 0; i < random_shapes; i++) {
        const fnn_roi_params p = {.dtype = i % 2 ? FNN_F64 : FNN_F32,
                                  .n = random_int(1, 2),
                                  .c = random_int(1, 18),
                                  .h = random_int(1, 12),
                                  .w = random_int(1, 14),
                                  .k = random_int(0, 6),
                                  .oh = random_int(1, 4),
                                  .ow = random_int(1, 7),
                                  .scale = 0.5,
                                  .sampling = random_int(0, 2),
                                  .aligned = (int)random_int(0, 1),
                                  .layout = i % 3 ? FNN_NCHW : FNN_BLOCKED};
        fnn_set_num_threads(1 + i % 3);
        roi_case(p, 0);
        roi_case(p, 1);
        overlap_case(p.dtype, random_int(0, 40));
        interpolate_case((fnn_interpolate_params){.dtype = p.dtype,
                                                  .n = p.n,
                                                  .c = p.c,
                                                  .h = p.h,
                                                  .w = p.w,
                                                  .oh = random_int(1, 20),
                                                  .ow = random_int(1, 20),
                                                  .mode = i % 4,
                                                  .align_corners = p.aligned,
                                                  .step_h = 0.6,
                                                  .step_w = 1.7,
                                                  .layout = p.layout});
        embedding_case(p.dtype, random_int(0, 30), random_int(1, 9), random_int(0, 35));
    }
    group_end("roi");
}

#endif
