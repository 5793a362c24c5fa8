/* The choices of the direct convolution: bands, passes over the weights, what stays where it lies, and the tables of
 * chunks that lead a strip through its taps. */
#include <string.h>

#include "conv_plan.h"

/* Scratch for the source rows of one band: half of a 512 KiB second-level cache while the weights fit in the rest;
 * with larger weights a band is as tall as BAND_MOST allows, since each band streams all weights again. */
#define BAND_BYTES ((ptrdiff_t)256 << 10)
#define BAND_MOST ((ptrdiff_t)2 << 20)
#define BANDS_PER_THREAD 3 /* bands to claim, so that a faster core takes more of them */
/* Fewer bands a thread than this are made as many as divide evenly: 7 bands of 4 rows leave one of two threads an
 * eighth of its time without work. */
#define EVEN_BANDS 8
#define OUT_PIXELS 512 /* pixels of one panel in the scratch of an NCHW result: 32 KiB, first-level cache size */
/* Tiles of the narrowest band when a row is divided: fewer would often leave the last tile short (an estimate). */
#define BAND_TILES 4
/* Weights of one pass over the rows (all panels of the group): half of a 32 KiB first-level cache and a little more.
 * A deeper sum takes several passes that accumulate, so that weights stream from the first-level cache and only the
 * source, 2.7 times less, from the second: 0.90 of the FMA peak against 0.70-0.79 (512-512 3x3 at 28x28, best of 12
 * calls on one shared core of an AMD Zen 3, 2026-11). */
#define PASS_BYTES ((ptrdiff_t)18 << 10)

static conv_axis axis_of(int transposed, ptrdiff_t x, ptrdiff_t y, ptrdiff_t k, ptrdiff_t stride, ptrdiff_t padding,
                         ptrdiff_t dilation) {
    return (conv_axis){x, y, k, stride, padding, dilation, transposed ? stride : 1, transposed};
}

/* Taps of the fullest phase. */
static ptrdiff_t most_taps(const conv_axis *a) {
    ptrdiff_t most = a->transposed ? 0 : a->k;
    for (ptrdiff_t phase = 0; phase < a->phases && a->transposed; phase++) {
        ptrdiff_t count = 0;
        for (ptrdiff_t tap = 0; tap < a->k; tap++) count += axis_in_phase(a, tap, phase);
        most = fnn_max(most, count);
    }
    return most;
}

static void choose_sets(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    const int depthwise = job->algorithm == FNN_CONV_DEPTHWISE;
    p->d = axis_of(job->transposed, job->xd, job->yd, job->kd, job->sd, job->pd, job->dd);
    p->h = axis_of(job->transposed, job->xh, job->yh, job->kh, job->sh, job->ph, job->dh);
    p->w = axis_of(job->transposed, job->xw, job->yw, job->kw, job->sw, job->pw, job->dw);
    p->unit = job->algorithm == FNN_CONV_PLANAR ? 1 : FNN_BLOCK;
    p->sets = depthwise ? fnn_blocks(job->groups) : job->groups;
    p->xs = depthwise ? FNN_BLOCK : job->xc / job->groups;
    p->ys = depthwise ? FNN_BLOCK : job->yc / job->groups;
    p->source_blocks = p->unit == 1 ? p->xs : fnn_blocks(p->xs);
    p->panels = fnn_blocks(p->ys);
    p->taps = job->kd * job->kh * job->kw;
    p->packed_set =
        depthwise ? FNN_BLOCK * p->taps : (ptrdiff_t)fnn_conv_packed_group(job->algorithm, p->xs, p->ys, p->taps);
    p->slots = job->kd == 1 ? 1 : most_taps(&p->d);
    p->work = (double)(job->n * job->yc * job->yd * job->yh * job->yw) * (double)(job->xc / job->groups * p->taps + 1) /
              (double)(p->d.phases * p->h.phases * p->w.phases);
    p->threads = p->work < FNN_SERIAL_WORK ? 1 : fnn_get_num_threads();
    p->through_scratch = job->y_layout == FNN_NCHW || job->spread.sw;
    p->y_pixel = p->through_scratch || job->y_layout == FNN_BLOCKED ? FNN_BLOCK : job->yc;
    /* Steps of a planar chunk run along a kernel row, or along the channels of a 1x1 kernel. */
    p->chunk_len = job->algorithm == FNN_CONV_BLOCKED ? FNN_BLOCK : 1;
    if (p->unit == 1 && !job->transposed) p->chunk_len = p->taps == 1 ? p->xs : job->kw;
}

/* Bands are whole rows, unless one is more than fits in cache or there are too few for the threads; then columns are
 * divided too. A band reloads what its kernel reaches beyond its columns, so it is at least that wide. */
static void choose_columns(conv_plan *p) {
    const ptrdiff_t all = axis_end(&p->w, p->w.y) - axis_begin(&p->w, 0), weight_bytes = p->packed_set * p->es;
    const ptrdiff_t pixel_bytes = fnn_max(1, p->source_blocks * p->unit * p->es);
    const ptrdiff_t image_bytes = pixel_bytes * all * axis_most(&p->h, p->h.y) * axis_most(&p->d, p->d.y);
    const ptrdiff_t column_bytes = pixel_bytes * p->slots * axis_most(&p->h, 1);
    const ptrdiff_t rows = p->job.n * p->sets * p->d.y * p->h.y;
    const ptrdiff_t tiles = BAND_TILES * p->kernels->tile_rows * p->w.phases;
    const ptrdiff_t reach = (p->w.k - 1) * p->w.dilation / (p->job.transposed ? 1 : p->w.stride);
    p->heavy_weights = weight_bytes > BAND_BYTES && weight_bytes > image_bytes / 4;
    p->budget = p->heavy_weights ? BAND_MOST : BAND_BYTES;
    p->width = p->w.y;
    while (p->width > tiles && axis_most(&p->w, p->width) * column_bytes > (p->width > reach ? p->budget : BAND_MOST))
        p->width = (p->width + 1) / 2;
    if (p->through_scratch) p->width = fnn_min(p->width, fnn_max(OUT_PIXELS, fnn_max(tiles, reach)));
    const ptrdiff_t wanted = fnn_ceil_div(BANDS_PER_THREAD * p->threads, rows);
    if (p->threads > 1 && wanted > 1)
        p->width = fnn_min(p->width, fnn_max(fnn_ceil_div(p->w.y, wanted), fnn_max(tiles, reach)));
    p->across = fnn_ceil_div(p->w.y, p->width);
    p->width = fnn_ceil_div(p->w.y, p->across);
    p->across = fnn_ceil_div(p->w.y, p->width);
    p->columns = p->across > 1 ? axis_most(&p->w, p->width) : all;
}

static int inside(const conv_axis *a) { return axis_begin(a, 0) >= 0 && axis_end(a, a->y) <= a->x; }

/* Whether x can be read where it lies, and rows of a 1x1 kernel run together. */
static void choose_source(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    int same_layout = (p->unit == 1) == (job->x_layout == FNN_NCHW);
    if (job->x_layout == FNN_NHWC) /* as long as blocks are whole: what follows them is not theirs to read */
        same_layout = p->unit == FNN_BLOCK && job->xc % FNN_BLOCK == 0 && p->xs % FNN_BLOCK == 0;
    p->in_place = same_layout && inside(&p->d) && inside(&p->h) && inside(&p->w);
    p->pixel = p->in_place && job->x_layout == FNN_NHWC ? job->xc : p->unit;
    p->pitch = (p->in_place ? job->xw : p->columns) * p->pixel;
    p->flat = !job->transposed && p->taps == 1 && job->sh == 1 && job->sw == 1 && p->pitch == job->yw * p->pixel &&
              p->unit == FNN_BLOCK && p->across == 1;
}

/* Few tall bands where weights outweigh the image (each band reads all weights), else bands that fit in cache and
 * are enough to keep all threads busy. */
static void choose_bands(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t row_bytes = fnn_max(1, p->source_blocks * p->slots * p->columns * p->unit * p->es);
    const ptrdiff_t units = job->n * p->sets * job->yd * p->across;
    ptrdiff_t band = job->yh;
    while (band > 1 && row_bytes * axis_most(&p->h, band) > p->budget) band = (band + 1) / 2;
    p->share_band = p->threads > 1 && p->panels >= 2 * p->threads && p->heavy_weights &&
                    units * fnn_ceil_div(job->yh, band) < 4 * p->threads;
    p->bands = fnn_ceil_div(job->yh, band);
    if (!p->share_band) {
        p->bands = fnn_max(p->bands, fnn_ceil_div(BANDS_PER_THREAD * p->threads, units));
        while (units * p->bands < EVEN_BANDS * p->threads && units * p->bands % p->threads) p->bands++;
    }
    p->bands = fnn_min(p->bands, job->yh);
    p->band = fnn_ceil_div(job->yh, p->bands);
    p->total = units * p->bands;
    p->source_rows = axis_most(&p->h, p->band);
    p->slice = (p->in_place ? job->xh : p->source_rows) * p->pitch;
    p->plane = (p->in_place ? job->xd : p->slots) * p->slice;
    if (p->in_place && job->x_layout == FNN_NHWC) p->plane = FNN_BLOCK;
    p->out_rows = fnn_max(OUT_PIXELS / p->width, 1);
    p->x_bytes = p->in_place ? 0 : p->source_blocks * p->plane * p->es;
    p->y_bytes = !p->through_scratch ? 0 : p->group * p->out_rows * p->width * FNN_BLOCK * p->es;
}

/* Short tiles take more panels to keep the multiply-add units busy. */
static void choose_passes(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t pixels = p->flat ? job->yh * job->yw : fnn_ceil_div(p->width, p->w.phases);
    const ptrdiff_t tile = pixels / fnn_ceil_div(pixels, p->kernels->tile_rows);
    p->group = fnn_min(p->panels, p->kernels->tile_panels * (2 * tile <= p->kernels->tile_rows ? 2 : 1));
    const ptrdiff_t phases = p->d.phases * p->h.phases * p->w.phases;
    const ptrdiff_t steps = fnn_ceil_div(p->packed_set / p->panels / FNN_BLOCK, phases);
    p->passes = fnn_max(1, fnn_ceil_div(steps * p->group * FNN_BLOCK * p->es, PASS_BYTES));
}

void fnn_conv_choose_plan(conv_plan *p, const fnn_conv_job *job) {
    *p = (conv_plan){.job = *job, .kernels = fnn_kernels(job->dtype), .es = fnn_element_size(job->dtype)};
    choose_sets(p);
    choose_columns(p);
    choose_source(p);
    choose_passes(p);
    choose_bands(p);
}

/* Chunks of one phase (pd, ph, pw), from `chunk` on; the next free one. */
static fnn_chunk *fill_phase(const conv_plan *p, ptrdiff_t pd, ptrdiff_t ph, ptrdiff_t pw, fnn_chunk *chunk) {
    const fnn_conv_job *job = &p->job;
    const int run = p->unit == 1 && !job->transposed; /* a planar chunk covers more than one tap */
    const ptrdiff_t block_step = run && p->taps == 1 ? p->source_blocks : 1;
    const ptrdiff_t lane = job->algorithm == FNN_CONV_BLOCKED ? FNN_BLOCK * FNN_BLOCK : FNN_BLOCK;
    for (ptrdiff_t b = 0; b < p->source_blocks; b += block_step)
        for (ptrdiff_t t = 0, slot = 0; t < job->kd; t++) {
            if (!axis_in_phase(&p->d, t, pd)) continue;
            const ptrdiff_t slice = p->in_place ? axis_distance(&p->d, t, pd) : slot++;
            for (ptrdiff_t r = 0; r < job->kh; r++)
                for (ptrdiff_t s = 0; s < job->kw; s += run ? job->kw : 1) {
                    if (!axis_in_phase(&p->h, r, ph) || !axis_in_phase(&p->w, s, pw)) continue;
                    chunk->a = b * p->plane + slice * p->slice + axis_distance(&p->h, r, ph) * p->pitch +
                               axis_distance(&p->w, s, pw) * p->pixel;
                    chunk->b = (((b * job->kd + t) * job->kh + r) * job->kw + s) * lane;
                    chunk++;
                }
        }
    return chunk;
}

static void fill_bias(conv_plan *p) {
    const fnn_spread *spread = &p->job.spread;
    const ptrdiff_t padded = p->panels * FNN_BLOCK, repeat = spread->sw ? spread->sd * spread->sh * spread->sw : 1;
    for (ptrdiff_t set = 0; set < p->sets; set++) {
        const ptrdiff_t channels = fnn_min(p->ys, p->job.yc - set * p->ys);
        char *to = p->bias + set * padded * p->es;
        const char *from = p->job.bias + set * p->ys / repeat * p->es;
        if (repeat == 1)
            memcpy(to, from, (size_t)(channels * p->es));
        else
            for (ptrdiff_t i = 0; i < channels; i++) memcpy(to + i * p->es, from + i / repeat * p->es, (size_t)p->es);
        memset(to + channels * p->es, 0, (size_t)((padded - channels) * p->es));
    }
}

void fnn_conv_fill_tables(conv_plan *p) {
    fnn_chunk *chunk = p->chunks;
    ptrdiff_t *begin = p->phase_begin;
    p->a_step = p->unit != 1 ? 1 : p->chunk_len > 1 && p->taps == 1 ? p->plane : p->job.dw;
    for (ptrdiff_t pd = 0; pd < p->d.phases; pd++)
        for (ptrdiff_t ph = 0; ph < p->h.phases; ph++)
            for (ptrdiff_t pw = 0; pw < p->w.phases; pw++) {
                *begin++ = chunk - p->chunks;
                chunk = fill_phase(p, pd, ph, pw, chunk);
            }
    *begin = chunk - p->chunks;
    if (p->bias) fill_bias(p);
}
