/* The direct convolution: source rows are brought into scratch (transposed to 16-channel blocks, with their zero
 * padding) a band at a time, strips of the tile kernel compute them, rows of 16-channel blocks are taken out again.
 * Blocked images that need no padding are read and written in place. The idea of convolving on the blocked layout
 * without an im2col matrix: Zhang, Franchetti, Low, "High Performance Zero-Memory Overhead Direct Convolutions",
 * ICML 2018; Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD Architectures", SC18. */
#include <string.h>

#include "conv.h"

/* Scratch for the source rows of one band: half of a 512 KiB second-level cache while the weights fit in the rest;
 * with larger weights a band is as tall as BAND_MOST allows, since each band streams all weights again. */
#define BAND_BYTES ((ptrdiff_t)256 << 10)
#define BAND_MOST ((ptrdiff_t)2 << 20)
#define BANDS_PER_THREAD 3 /* bands to claim, so that a faster core takes more of them */
#define OUT_PIXELS 512     /* pixels of one panel in the scratch of an NCHW result: 32 KiB, first-level cache size */
#define CLEAR_BYTES 8192   /* cleared whole, two calls fewer a row: loading rows was a fifth of a 1x8x4x4 call */
/* Weights of one pass over the rows (all panels of the group): half of a 32 KiB first-level cache and a little more.
 * A deeper sum takes several passes that accumulate, so that weights stream from the first-level cache and only the
 * source, 2.7 times less, from the second: 0.90 of the FMA peak against 0.70-0.79 (512-512 3x3 at 28x28, best of 12
 * calls on one shared core of an AMD Zen 3, 2026-11). */
#define PASS_BYTES ((ptrdiff_t)18 << 10)

typedef struct {
    ptrdiff_t first, count; /* destination columns first + i*step */
    ptrdiff_t source;       /* source column of destination column `first` */
} phase_columns;

typedef struct {
    fnn_conv_job job;
    const fnn_kernel_table *kernels;
    ptrdiff_t es;                    /* bytes of an element */
    ptrdiff_t unit;                  /* elements of a source pixel in scratch: 16, or 1 when planar */
    ptrdiff_t sets, xs, ys;          /* groups (blocks of 16 when depthwise), their source and result channels */
    ptrdiff_t source_blocks, panels; /* of one set */
    ptrdiff_t packed_set;            /* packed elements of a set */
    ptrdiff_t phases_h, phases_w;    /* sh, sw when transposed, else 1 */
    fnn_chunk *chunks;               /* of every phase, one after the other */
    ptrdiff_t *phase_begin;          /* [phases_h*phases_w + 1] into chunks */
    ptrdiff_t chunk_len, a_step;
    ptrdiff_t column0, columns;         /* source columns that a band holds */
    ptrdiff_t band, bands, source_rows; /* destination rows of a band; its source rows at most */
    ptrdiff_t plane, pitch;             /* strides of the source in scratch (or in place) */
    ptrdiff_t group, passes;            /* panels computed together; passes over their weights */
    int in_place, flat, share_band;     /* read x where it is; 1x1: rows run together; whole team on one band */
    char *bias;                         /* [sets][panels*16] or NULL */
    char *x_scratch, *y_scratch;        /* [threads or 1][...] */
    ptrdiff_t x_bytes, y_bytes;         /* one thread's scratch */
} conv_plan;

/* Source row of destination row i for the kernel row whose distance is 0. */
static ptrdiff_t base(const fnn_conv_job *job, ptrdiff_t i, ptrdiff_t stride, ptrdiff_t padding) {
    return job->transposed ? (i + padding) / stride : i * stride - padding;
}

/* Distance of tap r from the base; transposed, only taps of the phase exist. */
static ptrdiff_t distance(const fnn_conv_job *job, ptrdiff_t r, ptrdiff_t dilation, ptrdiff_t stride, ptrdiff_t phase) {
    return job->transposed ? -((r * dilation - phase) / stride) : r * dilation;
}

static int in_phase(const fnn_conv_job *job, ptrdiff_t r, ptrdiff_t dilation, ptrdiff_t stride, ptrdiff_t phase) {
    return !job->transposed || (r * dilation) % stride == phase;
}

/* First source row (column) that destination rows from `begin` on can touch, and how many up to `end`. */
static ptrdiff_t span_begin(const fnn_conv_job *job, ptrdiff_t begin, ptrdiff_t k, ptrdiff_t stride, ptrdiff_t padding,
                            ptrdiff_t dilation) {
    return base(job, begin, stride, padding) - (job->transposed ? (k - 1) * dilation / stride : 0);
}

static ptrdiff_t span_end(const fnn_conv_job *job, ptrdiff_t end, ptrdiff_t k, ptrdiff_t stride, ptrdiff_t padding,
                          ptrdiff_t dilation) {
    return base(job, end - 1, stride, padding) + (job->transposed ? 0 : (k - 1) * dilation) + 1;
}

static ptrdiff_t most_source_rows(const fnn_conv_job *job, ptrdiff_t rows) {
    if (!job->transposed) return (rows - 1) * job->sh + (job->kh - 1) * job->dh + 1;
    return (rows - 1) / job->sh + 2 + (job->kh - 1) * job->dh / job->sh;
}

static void choose_sets(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    const int depthwise = job->algorithm == FNN_CONV_DEPTHWISE;
    p->unit = job->algorithm == FNN_CONV_PLANAR ? 1 : FNN_BLOCK;
    p->sets = depthwise ? fnn_blocks(job->groups) : job->groups;
    p->xs = depthwise ? FNN_BLOCK : job->xc / job->groups;
    p->ys = depthwise ? FNN_BLOCK : job->yc / job->groups;
    p->source_blocks = p->unit == 1 ? p->xs : fnn_blocks(p->xs);
    p->panels = fnn_blocks(p->ys);
    p->packed_set = depthwise ? FNN_BLOCK * job->kh * job->kw
                              : (ptrdiff_t)fnn_conv_packed_group(job->algorithm, p->xs, p->ys, job->kh * job->kw);
    p->phases_h = job->transposed ? job->sh : 1;
    p->phases_w = job->transposed ? job->sw : 1;
    /* Steps of a planar chunk run along a kernel row, or along the channels of a 1x1 kernel. */
    p->chunk_len = job->algorithm == FNN_CONV_BLOCKED ? FNN_BLOCK : 1;
    if (p->unit == 1 && !job->transposed) p->chunk_len = job->kh * job->kw == 1 ? p->xs : job->kw;
}

/* Columns of the band, and whether x can be read where it lies. */
static void choose_source(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t row0 = span_begin(job, 0, job->kh, job->sh, job->ph, job->dh);
    const ptrdiff_t row1 = span_end(job, job->yh, job->kh, job->sh, job->ph, job->dh);
    const ptrdiff_t column1 = span_end(job, job->yw, job->kw, job->sw, job->pw, job->dw);
    p->column0 = span_begin(job, 0, job->kw, job->sw, job->pw, job->dw);
    p->columns = column1 - p->column0;
    const int same_layout = (p->unit == 1) == (job->x_layout == FNN_NCHW);
    p->in_place = same_layout && row0 >= 0 && p->column0 >= 0 && row1 <= job->xh && column1 <= job->xw;
    p->pitch = (p->in_place ? job->xw : p->columns) * p->unit;
    p->flat = !job->transposed && job->kh * job->kw == 1 && job->sh == 1 && job->sw == 1 &&
              p->pitch == job->yw * p->unit && p->unit == FNN_BLOCK;
}

/* Few tall bands where weights outweigh the image (each band reads all weights), else bands that fit in cache and
 * are enough to keep all threads busy. */
static void choose_bands(conv_plan *p, int threads) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t weight_bytes = p->packed_set * p->es;
    const ptrdiff_t row_bytes = fnn_max(1, p->source_blocks * p->columns * p->unit * p->es);
    const ptrdiff_t image_bytes = row_bytes * most_source_rows(job, job->yh);
    const int heavy_weights = weight_bytes > BAND_BYTES && weight_bytes > image_bytes / 4;
    const ptrdiff_t budget = heavy_weights ? BAND_MOST : BAND_BYTES;
    ptrdiff_t band = job->yh;
    while (band > 1 && row_bytes * most_source_rows(job, band) > budget) band = (band + 1) / 2;
    p->share_band = threads > 1 && p->panels >= 2 * threads && heavy_weights &&
                    job->n * p->sets * fnn_ceil_div(job->yh, band) < 4 * threads;
    const ptrdiff_t units = job->n * p->sets;
    if (!p->share_band) band = fnn_min(band, fnn_ceil_div(job->yh, fnn_ceil_div(BANDS_PER_THREAD * threads, units)));
    p->bands = fnn_ceil_div(job->yh, band);
    p->band = fnn_ceil_div(job->yh, p->bands);
    p->bands = fnn_ceil_div(job->yh, p->band);
    p->source_rows = most_source_rows(job, p->band);
    p->plane = p->in_place ? job->xh * p->pitch : p->source_rows * p->pitch;
    p->x_bytes = p->in_place ? 0 : p->source_blocks * p->plane * p->es;
    const ptrdiff_t y_pixels = fnn_max(OUT_PIXELS / job->yw, 1) * job->yw;
    p->y_bytes = job->y_layout == FNN_BLOCKED ? 0 : p->group * y_pixels * FNN_BLOCK * p->es;
}

/* Short tiles take more panels to keep the multiply-add units busy. */
static void choose_passes(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t pixels = p->flat ? job->yh * job->yw : fnn_ceil_div(job->yw, p->phases_w);
    const ptrdiff_t tile = pixels / fnn_ceil_div(pixels, p->kernels->tile_rows);
    p->group = fnn_min(p->panels, p->kernels->tile_panels * (2 * tile <= p->kernels->tile_rows ? 2 : 1));
    const ptrdiff_t phases = p->phases_h * p->phases_w;
    const ptrdiff_t steps = fnn_ceil_div(p->packed_set / p->panels / FNN_BLOCK, phases);
    p->passes = fnn_max(1, fnn_ceil_div(steps * p->group * FNN_BLOCK * p->es, PASS_BYTES));
}

static void fill_chunks(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t run = p->unit == 1 && !job->transposed; /* a planar chunk covers more than one tap */
    const ptrdiff_t block_step = run && job->kh * job->kw == 1 ? p->source_blocks : 1;
    const ptrdiff_t lane = job->algorithm == FNN_CONV_BLOCKED ? FNN_BLOCK * FNN_BLOCK : FNN_BLOCK;
    fnn_chunk *chunk = p->chunks;
    p->a_step = block_step > 1 ? p->plane : p->unit == 1 ? job->dw : 1;
    for (ptrdiff_t py = 0; py < p->phases_h; py++)
        for (ptrdiff_t px = 0; px < p->phases_w; px++) {
            p->phase_begin[py * p->phases_w + px] = chunk - p->chunks;
            for (ptrdiff_t b = 0; b < p->source_blocks; b += block_step)
                for (ptrdiff_t r = 0; r < job->kh; r++)
                    for (ptrdiff_t s = 0; s < job->kw; s += run ? job->kw : 1) {
                        if (!in_phase(job, r, job->dh, job->sh, py) || !in_phase(job, s, job->dw, job->sw, px))
                            continue;
                        chunk->a = b * p->plane + distance(job, r, job->dh, job->sh, py) * p->pitch +
                                   distance(job, s, job->dw, job->sw, px) * p->unit;
                        chunk->b = ((b * job->kh + r) * job->kw + s) * lane;
                        chunk++;
                    }
        }
    p->phase_begin[p->phases_h * p->phases_w] = chunk - p->chunks;
}

static void fill_bias(conv_plan *p) {
    const ptrdiff_t padded = p->panels * FNN_BLOCK;
    for (ptrdiff_t set = 0; set < p->sets; set++) {
        const ptrdiff_t channels = fnn_min(p->ys, p->job.yc - set * p->ys);
        char *to = p->bias + set * padded * p->es;
        memcpy(to, p->job.bias + set * p->ys * p->es, (size_t)(channels * p->es));
        memset(to + channels * p->es, 0, (size_t)((padded - channels) * p->es));
    }
}

/* ---- one band ---- */

typedef struct {
    ptrdiff_t image, set, row, rows; /* destination rows of the band */
    ptrdiff_t source_row;            /* the first source row in scratch */
    const char *x;                   /* source pixel (source_row, column0) of the set's first block */
} conv_band;

static void load_band(const conv_plan *p, const conv_band *band, ptrdiff_t begin, ptrdiff_t end, char *scratch) {
    const fnn_conv_job *job = &p->job;
    const fnn_image x = {job->dtype, job->x_layout, job->x, job->xc, job->xh, job->xw};
    const ptrdiff_t last = span_end(job, band->row + band->rows, job->kh, job->sh, job->ph, job->dh);
    const int cleared = p->x_bytes <= CLEAR_BYTES;
    if (cleared) memset(scratch + begin * p->plane * p->es, 0, (size_t)((end - begin) * p->plane * p->es));
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t channel = band->set * p->xs + (p->unit == 1 ? block : block * FNN_BLOCK);
        const ptrdiff_t channels = fnn_min(fnn_min((band->set + 1) * p->xs, job->xc) - channel, p->unit);
        for (ptrdiff_t row = band->source_row; row < last; row++)
            fnn_load_row(&x, p->unit, band->image, channel, channels, row, p->column0, p->columns, cleared,
                         scratch + (block * p->plane + (row - band->source_row) * p->pitch) * p->es);
    }
}

static phase_columns columns_of(const fnn_conv_job *job, ptrdiff_t phase) {
    phase_columns c = {0, job->yw, base(job, 0, job->sw, job->pw)};
    if (job->transposed) {
        c.first = ((phase - job->pw) % job->sw + job->sw) % job->sw;
        c.count = c.first < job->yw ? fnn_ceil_div(job->yw - c.first, job->sw) : 0;
        c.source = base(job, c.first, job->sw, job->pw);
    }
    return c;
}

/* One pass of one phase of destination row `row`, the i-th of those at y. */
static void compute_strip(const conv_plan *p, const conv_band *band, fnn_strip *s, ptrdiff_t pass, ptrdiff_t row,
                          ptrdiff_t i, ptrdiff_t px, ptrdiff_t rows, char *y, const char *residual) {
    const fnn_conv_job *job = &p->job;
    const phase_columns c = columns_of(job, px);
    const ptrdiff_t source = base(job, row, job->sh, job->ph) - band->source_row;
    const ptrdiff_t py = job->transposed ? (row + job->ph) % job->sh : 0;
    const ptrdiff_t *phase = p->phase_begin + py * p->phases_w + px, n = phase[1] - phase[0];
    const ptrdiff_t begin = n * pass / p->passes, end = n * (pass + 1) / p->passes;
    const ptrdiff_t at = (i * job->yw + c.first) * FNN_BLOCK * p->es;
    if (begin == end && pass > 0 && pass < p->passes - 1) return;
    s->a = band->x + (source * p->pitch + (c.source - p->column0) * p->unit) * p->es;
    s->chunks = p->chunks + phase[0] + begin, s->n_chunks = end - begin;
    s->rows = p->flat ? rows * job->yw : c.count;
    s->c = y + at;
    s->residual = residual ? residual + at : NULL;
    if (job->algorithm == FNN_CONV_DEPTHWISE)
        p->kernels->depthwise_row(s);
    else
        p->kernels->strip(s);
}

/* Destination rows [row, row + rows) of panels [panel, panel + panels), written at y (first row, first column). */
static void compute_rows(const conv_plan *p, const conv_band *band, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t panel,
                         ptrdiff_t panels, char *y, ptrdiff_t y_panel, const char *residual) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t panel_size = p->packed_set / p->panels;
    fnn_strip s = {.a_row = (job->transposed ? 1 : job->sw) * p->unit, .a_step = p->a_step, .chunk_len = p->chunk_len};
    s.b = job->packed + (band->set * p->packed_set + panel * panel_size) * p->es;
    s.b_panel = panel_size, s.b_step = FNN_BLOCK;
    s.c_row = (job->transposed ? job->sw : 1) * FNN_BLOCK, s.c_panel = y_panel;
    s.panels = panels, s.last_columns = FNN_BLOCK;
    s.bias = p->bias ? p->bias + (band->set * p->panels + panel) * FNN_BLOCK * p->es : NULL;
    for (ptrdiff_t pass = 0; pass < p->passes; pass++) {
        s.accumulate = pass > 0;
        if (pass > 0) s.bias = NULL, residual = NULL;
        if (pass == p->passes - 1) s.activation = job->activation, s.alpha = job->alpha, s.beta = job->beta;
        for (ptrdiff_t i = 0; i < (p->flat ? 1 : rows); i++)
            for (ptrdiff_t px = 0; px < p->phases_w; px++)
                compute_strip(p, band, &s, pass, row + i, i, px, rows, y, residual);
    }
}

/* NCHW result: into scratch, then transposed out; a residual makes the same way in first. */
static void compute_planar(const conv_plan *p, const conv_band *band, ptrdiff_t panel, ptrdiff_t panels,
                           char *scratch) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t image = job->yh * job->yw, step = fnn_max(OUT_PIXELS / job->yw, 1);
    for (ptrdiff_t row = band->row; row < band->row + band->rows; row += step) {
        const ptrdiff_t rows = fnn_min(step, band->row + band->rows - row), pixels = rows * job->yw;
        const ptrdiff_t y_panel = pixels * FNN_BLOCK;
        for (int stage = 0; stage < 2; stage++) { /* residual in, compute, result out */
            for (ptrdiff_t q = 0; q < panels && (stage || job->residual); q++) {
                const ptrdiff_t channel = band->set * p->ys + (panel + q) * FNN_BLOCK;
                const ptrdiff_t channels = fnn_min(FNN_BLOCK, fnn_min((band->set + 1) * p->ys, job->yc) - channel);
                const ptrdiff_t at = ((band->image * job->yc + channel) * image + row * job->yw) * p->es;
                if (stage)
                    p->kernels->unblock_pixels(scratch + q * y_panel * p->es, pixels, job->y + at, image, channels);
                else
                    p->kernels->block_pixels(job->residual + at, image, channels, pixels,
                                             scratch + q * y_panel * p->es);
            }
            if (!stage)
                compute_rows(p, band, row, rows, panel, panels, scratch, y_panel, job->residual ? scratch : NULL);
        }
    }
}

static void compute_blocked(const conv_plan *p, const conv_band *band, ptrdiff_t panel, ptrdiff_t panels) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t y_panel = job->yh * job->yw * FNN_BLOCK, blocks = fnn_blocks(job->yc);
    const ptrdiff_t block = band->set * p->ys / FNN_BLOCK + panel;
    const ptrdiff_t at = ((band->image * blocks + block) * y_panel + band->row * job->yw * FNN_BLOCK) * p->es;
    compute_rows(p, band, band->row, band->rows, panel, panels, job->y + at, y_panel,
                 job->residual ? job->residual + at : NULL);
    if (job->activation >= FNN_CLIP && block + panels == blocks)
        fnn_clear_lanes(job, band->rows * job->yw, job->y + at + (panels - 1) * y_panel * p->es);
}

static conv_band band_at(const conv_plan *p, ptrdiff_t index) {
    const fnn_conv_job *job = &p->job;
    conv_band band = {.row = index % p->bands * p->band};
    band.set = index / p->bands % p->sets;
    band.image = index / p->bands / p->sets;
    band.rows = fnn_max(0, fnn_min(p->band, job->yh - band.row));
    band.source_row = span_begin(job, band.row, job->kh, job->sh, job->ph, job->dh);
    if (p->in_place) {
        const ptrdiff_t per_image = p->unit == 1 ? job->xc : fnn_blocks(job->xc);
        const ptrdiff_t block = band.image * per_image + band.set * (p->unit == 1 ? p->xs : p->xs / FNN_BLOCK);
        band.x = job->x + (block * p->plane + band.source_row * p->pitch + p->column0 * p->unit) * p->es;
    }
    return band;
}

static void compute_panels(const conv_plan *p, const conv_band *band, ptrdiff_t index, char *scratch) {
    const ptrdiff_t panel = index * p->group, panels = fnn_min(p->group, p->panels - panel);
    if (p->job.y_layout == FNN_BLOCKED)
        compute_blocked(p, band, panel, panels);
    else
        compute_planar(p, band, panel, panels, scratch);
}

/* The whole team on every band: blocks loaded in shares, groups of panels claimed, so that each thread streams its own
 * part of heavy weights. Claims count on over the bands. */
static void share_bands(const conv_plan *p, const fnn_team *team, char *y_scratch) {
    const ptrdiff_t groups = fnn_ceil_div(p->panels, p->group), bands = p->job.n * p->sets * p->bands;
    ptrdiff_t claimed = fnn_claim(team), first, last;
    for (ptrdiff_t index = 0; index < bands; index++) {
        conv_band band = band_at(p, index);
        if (!p->in_place) {
            fnn_share(team, p->source_blocks, &first, &last);
            load_band(p, &band, first, last, p->x_scratch);
            band.x = p->x_scratch;
            fnn_barrier_wait(team);
        }
        for (; claimed < (index + 1) * groups; claimed = fnn_claim(team))
            compute_panels(p, &band, claimed - index * groups, y_scratch);
        if (!p->in_place) fnn_barrier_wait(team);
    }
}

static void conv_body(void *context, const fnn_team *team) {
    const conv_plan *p = context;
    char *y_scratch = p->y_scratch + team->id * p->y_bytes, *x_scratch = p->x_scratch + team->id * p->x_bytes;
    if (p->share_band) {
        share_bands(p, team, y_scratch);
        return;
    }
    const ptrdiff_t bands = p->job.n * p->sets * p->bands;
    for (ptrdiff_t index = fnn_claim(team); index < bands; index = fnn_claim(team)) {
        conv_band band = band_at(p, index);
        if (!p->in_place) {
            load_band(p, &band, 0, p->source_blocks, x_scratch);
            band.x = x_scratch;
        }
        for (ptrdiff_t i = 0; i * p->group < p->panels; i++) compute_panels(p, &band, i, y_scratch);
    }
}

static fnn_status run_plan(conv_plan *p, int threads) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t phases = p->phases_h * p->phases_w;
    const size_t chunk_bytes = sizeof(fnn_chunk) * (size_t)(p->source_blocks * job->kh * job->kw + 1);
    const size_t phase_bytes = sizeof(ptrdiff_t) * (size_t)(phases + 1);
    const size_t bias_bytes = job->bias ? (size_t)(p->sets * p->panels * FNN_BLOCK * p->es) : 0;
    const size_t tables = (size_t)fnn_round_up((ptrdiff_t)(chunk_bytes + phase_bytes + bias_bytes), FNN_ALIGN);
    p->x_bytes = fnn_round_up(p->x_bytes, FNN_ALIGN);
    p->y_bytes = fnn_round_up(p->y_bytes, FNN_ALIGN);
    const ptrdiff_t x_all = p->x_bytes * (p->share_band ? 1 : threads);
    char *memory = fnn_alloc(tables + (size_t)(x_all + p->y_bytes * threads));
    if (!memory) return FNN_NO_MEMORY;
    p->bias = job->bias ? memory : NULL;
    p->chunks = (fnn_chunk *)(memory + bias_bytes);
    p->phase_begin = (ptrdiff_t *)(memory + bias_bytes + chunk_bytes);
    p->x_scratch = memory + tables;
    p->y_scratch = p->x_scratch + x_all;
    fill_chunks(p);
    if (p->bias) fill_bias(p);
    const double macs = (double)(job->n * job->yc * job->yh * job->yw) / (job->transposed ? job->sh * job->sw : 1) *
                        (double)(job->xc / job->groups * job->kh * job->kw + 1);
    fnn_parallel(conv_body, p, threads, macs, 1);
    fnn_free(memory);
    return FNN_OK;
}

fnn_status fnn_conv_bands(const fnn_conv_job *job) {
    conv_plan p = {.job = *job, .kernels = fnn_kernels(job->dtype), .es = fnn_element_size(job->dtype)};
    const int threads = fnn_get_num_threads();
    choose_sets(&p);
    choose_source(&p);
    choose_passes(&p);
    choose_bands(&p, threads);
    return run_plan(&p, threads);
}
