#include "roi_boxes.h"

#define MOST_PIXELS 1073741824.0 /* where coordinates in pixels saturate: 2^30 */

static double clamped(double x) { return x < -MOST_PIXELS ? -MOST_PIXELS : x > MOST_PIXELS ? MOST_PIXELS : x; }

static double box_element(fnn_dtype dtype, const void *boxes, ptrdiff_t i) {
    return dtype == FNN_F32 ? (double)((const float *)boxes)[i] : ((const double *)boxes)[i];
}

/* Of one axis, from both ends in pixels: whole pixels, both ends included, at least one. */
static void pool_axis(const fnn_roi_params *p, fnn_roi_box *box, int axis, double from, double to, ptrdiff_t bins) {
    const double first = clamped(round(from)), last = clamped(round(to));
    box->start[axis] = first;
    box->length[axis] = (ptrdiff_t)fmax(last - first + 1, 1);
    box->bin[axis] = fnn_fit(p->dtype, fnn_fit(p->dtype, (double)box->length[axis]) / (double)bins);
}

static void align_axis(const fnn_roi_params *p, fnn_roi_box *box, int axis, double from, double to, ptrdiff_t bins) {
    const double offset = p->aligned ? 0.5 : 0;
    box->start[axis] = fnn_fit(p->dtype, from - offset);
    double length = fnn_fit(p->dtype, fnn_fit(p->dtype, to - offset) - box->start[axis]);
    if (!p->aligned && !(length >= 1)) length = 1;
    box->bin[axis] = fnn_fit(p->dtype, length / (double)bins);
    box->samples[axis] = p->sampling > 0 ? (double)p->sampling : ceil(box->bin[axis]);
    if (!isfinite(box->bin[axis])) box->finite = 0;
}

static void read_box(const fnn_roi_boxes *b, const void *boxes, ptrdiff_t index) {
    const fnn_roi_params *p = b->p;
    fnn_roi_box *box = &b->box[index];
    const double scale = fnn_fit(p->dtype, p->scale);
    double corner[4];
    box->finite = 1;
    box->image = (ptrdiff_t)box_element(p->dtype, boxes, index * 5);
    for (int i = 0; i < 4; i++) {
        corner[i] = fnn_fit(p->dtype, box_element(p->dtype, boxes, index * 5 + 1 + i) * scale);
        if (!isfinite(corner[i])) box->finite = 0;
    }
    if (!box->finite) return;
    for (int axis = 0; axis < 2; axis++)
        (b->pool ? pool_axis : align_axis)(p, box, axis, corner[1 - axis], corner[3 - axis], axis ? p->ow : p->oh);
}

/* Taps that a bin of one axis can have. Pool: its pixels, both ends rounded outwards (and one for rounding); align: two a
 * sample, each pixel once. */
static ptrdiff_t most_taps(const fnn_roi_box *box, int pool, int axis, ptrdiff_t size) {
    if (!box->finite) return pool;
    const double taps = pool ? floor(box->bin[axis]) + 3 : box->samples[axis] * 2;
    return taps < (double)size ? (ptrdiff_t)fmax(taps, 0) : size;
}

fnn_status fnn_roi_boxes_make(fnn_roi_boxes *b, const fnn_roi_params *p, int pool, const void *boxes) {
    *b = (fnn_roi_boxes){.p = p, .pool = pool};
    b->box = fnn_alloc((size_t)(p->k + 1) * sizeof *b->box);
    b->first = fnn_alloc((size_t)(p->n + 1 + p->k) * sizeof *b->first);
    if (!b->box || !b->first) {
        fnn_roi_boxes_free(b);
        return FNN_NO_MEMORY;
    }
    b->list = b->first + p->n + 1;
    ptrdiff_t ints = 0, reals = 0;
    for (ptrdiff_t i = 0; i <= p->n; i++) b->first[i] = 0;
    for (ptrdiff_t i = 0; i < p->k; i++) {
        fnn_roi_box *box = &b->box[i];
        read_box(b, boxes, i);
        b->first[box->image]++;
        for (int axis = 0; axis < 2; axis++) {
            const ptrdiff_t bins = axis ? p->ow : p->oh;
            box->room[axis] = bins * most_taps(box, pool, axis, axis ? p->w : p->h);
        }
        box->int_at = ints, box->real_at = reals;
        ints += 2 * (p->oh + p->ow + 1 + box->room[0]) + box->room[1];
        if (!pool) reals += box->room[0] + box->room[1];
        b->most_used = fnn_max(b->most_used, pool ? p->h : box->room[0]);
    }
    for (ptrdiff_t i = 0, sum = 0; i <= p->n; i++) {
        const ptrdiff_t count = b->first[i];
        b->first[i] = sum;
        sum += count;
    }
    for (ptrdiff_t i = 0; i < p->k; i++) b->list[b->first[b->box[i].image]++] = i;
    for (ptrdiff_t i = p->n; i > 0; i--) b->first[i] = b->first[i - 1];
    b->first[0] = 0;
    b->ints = fnn_alloc((size_t)(ints + 1) * sizeof *b->ints);
    b->reals = fnn_alloc((size_t)((reals + 1) * fnn_element_size(p->dtype)));
    if (b->ints && b->reals) return FNN_OK;
    fnn_roi_boxes_free(b);
    return FNN_NO_MEMORY;
}

void fnn_roi_boxes_free(fnn_roi_boxes *b) {
    fnn_free(b->box);
    fnn_free(b->first);
    fnn_free(b->ints);
    fnn_free(b->reals);
}

/* Samples i of a bin that begins at `base`, those that may lie inside the axis: begin <= i < end. A box far larger than the
 * image has more samples than can be counted one by one. */
static void samples_inside(double base, double step, double samples, ptrdiff_t size, double *begin, double *end) {
    *begin = 0, *end = samples;
    if (samples <= 4 * (double)size + 16 || step == 0) return;
    double low = (-1 - base) / step - 0.5, high = ((double)size - base) / step - 0.5;
    if (step < 0) {
        const double swap = low;
        low = high, high = swap;
    }
    *begin = fmin(fmax(floor(low) - 2, 0), samples);
    *end = fmin(fmax(ceil(high) + 3, *begin), samples);
}

static void fill_align_axis(fnn_dtype dtype, fnn_taps *t, const fnn_roi_box *box, int axis, ptrdiff_t bins,
                            ptrdiff_t size) {
    const double bin = box->bin[axis], samples = box->samples[axis], start = box->start[axis];
    for (ptrdiff_t i = 0; i < bins; i++) {
        fnn_taps_next(t);
        if (!box->finite || !(samples >= 1)) continue;
        const double base = fnn_fit(dtype, start + fnn_fit(dtype, (double)i * bin));
        double begin, end;
        samples_inside(base, bin / samples, samples, size, &begin, &end);
        for (double s = begin; s < end; s++) {
            const double along = fnn_fit(dtype, fnn_fit(dtype, fnn_fit(dtype, s + 0.5) * bin) / samples);
            fnn_taps_linear(t, fnn_fit(dtype, base + along), size, 1 / samples);
        }
    }
    fnn_taps_end(t);
}

/* The span of a table's lines becomes the box's rectangle, its lines relative to that. */
static void bound_lines(fnn_taps *t, fnn_roi_box *box, int axis) {
    int32_t low = INT32_MAX, high = -1;
    for (ptrdiff_t i = 0; i < t->taps; i++) {
        low = t->line[i] < low ? t->line[i] : low;
        high = t->line[i] > high ? t->line[i] : high;
    }
    box->origin[axis] = high < 0 ? 0 : low;
    box->size[axis] = high < 0 ? 0 : high - low + 1;
    for (ptrdiff_t i = 0; i < t->taps; i++) t->line[i] -= low;
}

static void fill_align(fnn_roi_boxes *b, fnn_roi_box *box) {
    const fnn_roi_params *p = b->p;
    int32_t *ints = b->ints + box->int_at;
    char *reals = b->reals + box->real_at * fnn_element_size(p->dtype);
    for (int axis = 0; axis < 2; axis++) {
        const ptrdiff_t bins = axis ? p->ow : p->oh;
        fnn_taps t = {.dtype = p->dtype, .first = ints, .line = ints + bins + 1, .weight = reals};
        fill_align_axis(p->dtype, &t, box, axis, bins, axis ? p->w : p->h);
        bound_lines(&t, box, axis);
        ints += bins + 1 + box->room[axis];
        reals += box->room[axis] * fnn_element_size(p->dtype);
        if (axis == 0) {
            box->n_used = fnn_taps_compact(&t, ints);
            box->used = ints;
            ints += box->room[0];
        }
        box->axis[axis] = fnn_taps_axis(&t);
    }
    if (box->size[0] == 0 || box->size[1] == 0) box->n_used = box->size[0] = box->size[1] = 0;
}

/* Bins of one axis, cut to the image. */
static void fill_bins(const fnn_roi_params *p, const fnn_roi_box *box, int axis, int32_t *begin, int32_t *end) {
    const ptrdiff_t bins = axis ? p->ow : p->oh;
    const double size = (double)(axis ? p->w : p->h), bin = box->bin[axis], start = box->start[axis];
    for (ptrdiff_t i = 0; i < bins; i++) {
        begin[i] = end[i] = 0;
        if (!box->finite) continue;
        const double from = floor(fnn_fit(p->dtype, (double)i * bin)) + start;
        const double to = ceil(fnn_fit(p->dtype, (double)(i + 1) * bin)) + start;
        begin[i] = (int32_t)(from < 0 ? 0 : from > size ? size : from);
        end[i] = (int32_t)(to < 0 ? 0 : to > size ? size : to);
    }
}

/* Bins relative to the first pixel of all, which is returned in origin; the most pixels that one has. */
static ptrdiff_t bound_bins(fnn_roi_box *box, int axis, ptrdiff_t bins, int32_t *begin, int32_t *end) {
    int32_t low = INT32_MAX, high = 0, most = 0;
    for (ptrdiff_t i = 0; i < bins; i++) {
        if (end[i] <= begin[i]) continue;
        low = begin[i] < low ? begin[i] : low;
        high = end[i] > high ? end[i] : high;
        most = end[i] - begin[i] > most ? end[i] - begin[i] : most;
    }
    box->origin[axis] = most ? low : 0;
    box->size[axis] = most ? high - low : 0;
    for (ptrdiff_t i = 0; i < bins; i++) {
        const int empty = end[i] <= begin[i];
        box->empty |= empty;
        begin[i] = empty ? 0 : begin[i] - low;
        end[i] = empty ? 0 : end[i] - low;
    }
    return most;
}

static void fill_pool(fnn_roi_boxes *b, fnn_roi_box *box) {
    const fnn_roi_params *p = b->p;
    int32_t *ints = b->ints + box->int_at;
    box->empty = 0;
    for (int axis = 0; axis < 2; axis++) {
        const ptrdiff_t bins = axis ? p->ow : p->oh;
        int32_t *begin = ints, *end = ints + bins, *line = ints + 2 * bins;
        fill_bins(p, box, axis, begin, end);
        const ptrdiff_t most = bound_bins(box, axis, bins, begin, end);
        FNN_ASSERT(most * bins <= box->room[axis]);
        for (ptrdiff_t i = 0; i < bins; i++)
            for (int32_t t = 0; t < most; t++)
                line[i * most + t] = begin[i] + t < end[i] ? begin[i] + t : end[i] > 0 ? end[i] - 1 : 0;
        box->begin[axis] = begin, box->end[axis] = end;
        box->line[axis] = line, box->taps[axis] = most;
        ints += 2 * bins + box->room[axis];
    }
    if (box->size[0] == 0 || box->size[1] == 0) box->size[0] = box->size[1] = 0;
}

void fnn_roi_box_fill(fnn_roi_boxes *b, ptrdiff_t index) { (b->pool ? fill_pool : fill_align)(b, &b->box[index]); }
