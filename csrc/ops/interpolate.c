/* Interpolation: a separable resampling whose tables are the same for all planes of 16 channels. Output rows go in bands, so
 * that a band's intermediate lines stay in the cache. */
#include <string.h>

#include "../threads.h"
#include "taps.h"

/* Bytes of a band's lines: half of a 1 MiB L2, the other half is for pixels in and out. */
#define BAND_BYTES ((ptrdiff_t)512 << 10)
#define MOST_TAPS 4

typedef struct {
    ptrdiff_t begin, rows; /* output rows */
    ptrdiff_t low, height; /* input rows that they read */
    fnn_axis axis;
    const int32_t *used; /* [n_used], relative to low */
    ptrdiff_t n_used;
} band;

typedef struct {
    const fnn_interpolate_params *p;
    const fnn_kernel_table *kernels;
    ptrdiff_t es, blocks, bands, band_rows;
    band *band;
    fnn_axis columns;
    void *tables;
    const char *x, *gy; /* one of them */
    char *out;
    char *scratch; /* [threads][lines + pixels + tile] */
    ptrdiff_t lines, pixels, tile;
} interpolate_job;

/* The samples of result i of one axis, as PyTorch places them. */
static void fill_result(const fnn_interpolate_params *p, fnn_taps *t, ptrdiff_t i, ptrdiff_t size, ptrdiff_t results,
                        double step) {
    fnn_taps_next(t);
    /* An axis that stays as it is: of volumes longer than float32 can count, and with a scale factor that only rounds to
     * the same size, where the step counts for the other modes alone. */
    if (results == size && (step == 1 || p->mode == FNN_NEAREST || p->mode == FNN_LINEAR)) {
        fnn_taps_pixel(t, i, 1);
        return;
    }
    if (p->mode == FNN_NEAREST && results == 2 * size) { /* whatever the scale factor was */
        fnn_taps_pixel(t, i / 2, 1);
        return;
    }
    if (p->mode == FNN_NEAREST || p->mode == FNN_NEAREST_EXACT) {
        const float at =
            (float)((double)i + (p->mode == FNN_NEAREST_EXACT ? 0.5 : 0)) * (float)step; /* float for all */
        fnn_taps_pixel(t, at >= (float)size ? size - 1 : fnn_min((ptrdiff_t)at, size - 1), 1);
        return;
    }
    double position = ((double)i + 0.5) * step - 0.5;
    if (p->align_corners) position = results > 1 ? (double)i * (double)(size - 1) / (double)(results - 1) : 0;
    if (p->mode == FNN_CUBIC)
        fnn_taps_cubic(t, position, size);
    else
        fnn_taps_linear(t, fmax(0, fmin(position, (double)(size - 1))), size, 1);
}

static void fill_band(interpolate_job *job, band *b, fnn_taps *t, int32_t *used) {
    const fnn_interpolate_params *p = job->p;
    for (ptrdiff_t i = 0; i < b->rows; i++) fill_result(p, t, b->begin + i, p->h, p->oh, p->step_h);
    fnn_taps_end(t);
    b->n_used = fnn_taps_compact(t, used);
    b->axis = fnn_taps_axis(t);
    b->used = used;
    b->low = p->h;
    ptrdiff_t high = 0;
    for (ptrdiff_t i = 0; i < b->n_used; i++) {
        b->low = fnn_min(b->low, used[i]);
        high = fnn_max(high, used[i] + 1);
    }
    for (ptrdiff_t i = 0; i < b->n_used; i++) used[i] -= (int32_t)b->low;
    b->height = high - b->low;
}

/* Bands and all tables, in one allocation. */
static fnn_status make_tables(interpolate_job *job) {
    const fnn_interpolate_params *p = job->p;
    const ptrdiff_t lines = fnn_max(8, BAND_BYTES / (p->ow * FNN_BLOCK * job->es));
    job->band_rows = fnn_min(p->oh, fnn_max(1, (lines - MOST_TAPS) / fnn_max(1, fnn_ceil_div(p->h, p->oh))));
    job->bands = fnn_ceil_div(p->oh, job->band_rows);
    const ptrdiff_t results = p->oh + job->bands + p->ow + 1, taps = MOST_TAPS * (p->oh + p->ow);
    const ptrdiff_t band_bytes = fnn_round_up(job->bands * (ptrdiff_t)sizeof(band), FNN_ALIGN);
    job->tables = fnn_alloc((size_t)(band_bytes + taps * 8 + (results + 2 * taps) * 4));
    if (!job->tables) return FNN_NO_MEMORY;
    job->band = job->tables;
    char *reals = (char *)job->tables + band_bytes;
    int32_t *ints = (int32_t *)(reals + taps * 8);
    for (ptrdiff_t i = 0; i < job->bands; i++) {
        band *b = &job->band[i];
        b->begin = i * job->band_rows;
        b->rows = fnn_min(job->band_rows, p->oh - b->begin);
        fnn_taps t = {.dtype = p->dtype, .first = ints, .line = ints + b->rows + 1, .weight = reals};
        fill_band(job, b, &t, ints + b->rows + 1 + MOST_TAPS * b->rows);
        ints += b->rows + 1 + 2 * MOST_TAPS * b->rows;
        reals += MOST_TAPS * b->rows * job->es;
        job->lines = fnn_max(job->lines, b->n_used * p->ow);
        job->pixels = fnn_max(job->pixels, b->height * p->w);
    }
    fnn_taps t = {.dtype = p->dtype, .first = ints, .line = ints + p->ow + 1, .weight = reals};
    for (ptrdiff_t i = 0; i < p->ow; i++) fill_result(p, &t, i, p->w, p->ow, p->step_w);
    fnn_taps_end(&t);
    job->columns = fnn_taps_axis(&t);
    return FNN_OK;
}

/* The first element of pixel `pixel` of a plane, of an array with `pixels` of them, in its layout. */
static ptrdiff_t pixel_at(const interpolate_job *job, ptrdiff_t plane, ptrdiff_t pixels, ptrdiff_t pixel) {
    if (job->p->layout == FNN_BLOCKED) return (plane * pixels + pixel) * FNN_BLOCK * job->es;
    const ptrdiff_t channel = plane / job->blocks * job->p->c + plane % job->blocks * FNN_BLOCK;
    return (channel * pixels + pixel) * job->es;
}

static void run_band(const interpolate_job *job, const band *b, char *x, char *lines, char *y) {
    const fnn_resample args = {.x = x,
                               .x_row = job->p->w,
                               .row = b->used,
                               .n_rows = b->n_used,
                               .rows = b->axis,
                               .columns = job->columns,
                               .scratch = lines,
                               .y = y};
    (job->gy ? job->kernels->resample_grad : job->kernels->resample)(&args);
}

static void forward_band(const interpolate_job *job, ptrdiff_t plane, const band *b, char *lines) {
    const fnn_interpolate_params *p = job->p;
    const ptrdiff_t in = p->h * p->w, out = p->oh * p->ow;
    const char *x = job->x + pixel_at(job, plane, in, b->low * p->w);
    char *y = job->out + pixel_at(job, plane, out, b->begin * p->ow);
    if (p->layout == FNN_BLOCKED) {
        run_band(job, b, (char *)x, lines, y);
        return;
    }
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, p->c - plane % job->blocks * FNN_BLOCK);
    char *pixels = lines + job->lines * FNN_BLOCK * job->es, *tile = pixels + job->pixels * FNN_BLOCK * job->es;
    job->kernels->block_pixels(x, in, channels, b->height * p->w, pixels);
    run_band(job, b, pixels, lines, tile);
    job->kernels->unblock_pixels(tile, b->rows * p->ow, y, out, channels);
}

static void grad_plane(const interpolate_job *job, ptrdiff_t plane, char *lines) {
    const fnn_interpolate_params *p = job->p;
    const ptrdiff_t in = p->h * p->w, out = p->oh * p->ow;
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, p->c - plane % job->blocks * FNN_BLOCK);
    char *pixels = lines + job->lines * FNN_BLOCK * job->es, *tile = pixels + job->pixels * FNN_BLOCK * job->es;
    char *result = job->out + pixel_at(job, plane, in, 0);
    const int planar = p->layout == FNN_NCHW;
    char *gx = planar ? pixels : result;
    memset(gx, 0, (size_t)(in * FNN_BLOCK * job->es));
    for (ptrdiff_t i = 0; i < job->bands; i++) {
        const band *b = &job->band[i];
        const char *gy = job->gy + pixel_at(job, plane, out, b->begin * p->ow);
        if (planar) job->kernels->block_pixels(gy, out, channels, b->rows * p->ow, tile);
        run_band(job, b, gx + b->low * p->w * FNN_BLOCK * job->es, lines, planar ? tile : (char *)gy);
    }
    if (planar) job->kernels->unblock_pixels(gx, in, result, in, channels);
}

static void interpolate_body(void *context, const fnn_team *team) {
    const interpolate_job *job = context;
    const ptrdiff_t bands = job->gy ? 1 : job->bands, items = job->p->n * job->blocks * bands;
    char *lines = job->scratch + team->id * (job->lines + job->pixels + job->tile) * FNN_BLOCK * job->es;
    for (ptrdiff_t item; (item = fnn_claim(team)) < items;) {
        if (job->gy)
            grad_plane(job, item, lines);
        else
            forward_band(job, item / bands, &job->band[item % bands], lines);
    }
}

static fnn_status interpolate_run(interpolate_job *job) {
    const fnn_interpolate_params *p = job->p;
    job->kernels = fnn_kernels(p->dtype);
    job->es = fnn_element_size(p->dtype);
    job->blocks = fnn_blocks(p->c);
    if (p->n * job->blocks == 0) return FNN_OK;
    if (make_tables(job) != FNN_OK) return FNN_NO_MEMORY;
    if (job->gy) job->pixels = p->h * p->w;
    job->tile = job->band_rows * p->ow;
    if (p->layout == FNN_BLOCKED) job->pixels = job->tile = 0;
    const int threads = fnn_get_num_threads();
    job->scratch = fnn_alloc((size_t)(threads * (job->lines + job->pixels + job->tile) * FNN_BLOCK * job->es));
    const fnn_status status = job->scratch ? FNN_OK : FNN_NO_MEMORY;
    const double work = (double)(p->n * p->c) * (double)(p->h * p->w + 2 * p->oh * p->ow);
    if (job->scratch) fnn_parallel(interpolate_body, job, threads, work, 0);
    fnn_free(job->scratch);
    fnn_free(job->tables);
    return status;
}

fnn_status fnn_interpolate(const fnn_interpolate_params *p, const void *x, void *y) {
    interpolate_job job = {.p = p, .x = x, .out = y};
    return interpolate_run(&job);
}

fnn_status fnn_interpolate_grad_input(const fnn_interpolate_params *p, const void *gy, void *gx) {
    interpolate_job job = {.p = p, .gy = gy, .out = gx};
    return interpolate_run(&job);
}
