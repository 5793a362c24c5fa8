#include "taps.h"

/* How far back a line is looked for: samples of one axis move one way, so a line that comes again is among the last few
 * (four of a cubic sample and the four before it). A line that is missed would only be read twice. */
#define LOOK_BACK 8

void fnn_taps_next(fnn_taps *t) { t->first[t->results++] = (int32_t)t->taps; }
void fnn_taps_end(fnn_taps *t) { t->first[t->results] = (int32_t)t->taps; }

void fnn_taps_pixel(fnn_taps *t, ptrdiff_t line, double weight) {
    const ptrdiff_t begin = fnn_max(t->first[t->results - 1], t->taps - LOOK_BACK);
    ptrdiff_t at = t->taps - 1;
    while (at >= begin && t->line[at] != line) at--;
    const int known = at >= begin;
    if (!known) at = t->taps++;
    t->line[at] = (int32_t)line;
    if (t->dtype == FNN_F32)
        ((float *)t->weight)[at] = (float)weight + (known ? ((float *)t->weight)[at] : 0.0f);
    else
        ((double *)t->weight)[at] = weight + (known ? ((double *)t->weight)[at] : 0.0);
}

void fnn_taps_linear(fnn_taps *t, double position, ptrdiff_t size, double weight) {
    if (!(position >= -1 && position <= (double)size)) return; /* NaN too */
    const double inside = position > 0 ? position : 0;
    const ptrdiff_t low = fnn_min((ptrdiff_t)inside, size - 1);
    const double high_part = low == size - 1 ? 0 : inside - (double)low;
    fnn_taps_pixel(t, low, weight * (1 - high_part));
    if (high_part > 0) fnn_taps_pixel(t, low + 1, weight * high_part);
}

void fnn_taps_cubic(fnn_taps *t, double position, ptrdiff_t size) {
    const double a = -0.75, floor_ = floor(position), s = position - floor_;
    for (int i = -1; i <= 2; i++) {
        const double d = fabs(s - i);
        const double weight = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
        if (d < 2) fnn_taps_pixel(t, fnn_max(0, fnn_min((ptrdiff_t)floor_ + i, size - 1)), weight);
    }
}

ptrdiff_t fnn_taps_compact(fnn_taps *t, int32_t *used) {
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < t->taps; i++) {
        ptrdiff_t at = n - 1;
        while (at >= 0 && at >= n - LOOK_BACK && used[at] != t->line[i]) at--;
        if (at < 0 || at < n - LOOK_BACK) used[at = n++] = t->line[i];
        t->line[i] = (int32_t)at;
    }
    return n;
}
