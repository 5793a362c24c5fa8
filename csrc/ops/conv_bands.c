/* The direct convolution: source rows are brought into scratch (transposed to 16-channel blocks, with their zero
 * padding) a band at a time, strips of the tile kernel compute them, rows of 16-channel blocks are taken out again.
 * Blocked images that need no padding are read and written in place. The idea of convolving on the blocked layout
 * without an im2col matrix: Zhang, Franchetti, Low, "High Performance Zero-Memory Overhead Direct Convolutions",
 * ICML 2018; Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD Architectures", SC18. */
#include <string.h>

#include "conv_plan.h"

#define CLEAR_BYTES 8192 /* cleared whole, two calls fewer a row: loading rows was a fifth of a 1x8x4x4 call */

typedef struct {
    ptrdiff_t image, set, z;       /* z: the destination slice that it is part of */
    ptrdiff_t row, rows;           /* destination rows */
    ptrdiff_t column, columns;     /* destination columns */
    ptrdiff_t source_row, column0; /* the first source row and column in scratch */
    const char *x;                 /* source pixel (source_row, column0) of the set's first block and slice */
} conv_band;

/* A destination in memory: where the band's first row and column lie, strides of rows and panels. */
typedef struct {
    char *y;
    const char *residual; /* addressed like y, or NULL */
    ptrdiff_t row, panel;
} conv_target;

static void load_block(const conv_plan *p, const conv_band *band, const fnn_image *x, ptrdiff_t block, ptrdiff_t z,
                       int cleared, char *to) {
    const ptrdiff_t end = axis_end(&p->h, band->row + band->rows);
    const ptrdiff_t first = cleared ? fnn_max(band->source_row, 0) : band->source_row;
    const ptrdiff_t last = cleared ? fnn_min(end, z < 0 || z >= x->d ? 0 : x->h) : end;
    const ptrdiff_t channel = band->set * p->xs + (p->unit == 1 ? block : block * FNN_BLOCK);
    const ptrdiff_t channels = fnn_min(fnn_min((band->set + 1) * p->xs, x->c) - channel, p->unit);
    to += (first - band->source_row) * p->pitch * p->es;
    for (ptrdiff_t row = first; row < last; row++, to += p->pitch * p->es)
        fnn_load_row(x, p->unit, band->image, channel, channels, z, row, band->column0, p->columns, cleared, to);
}

static void load_band(const conv_plan *p, const conv_band *band, ptrdiff_t begin, ptrdiff_t end, char *scratch) {
    const fnn_conv_job *job = &p->job;
    const fnn_image x = {job->dtype, job->x_layout, job->x, job->xc, job->xd, job->xh, job->xw, job->padding_mode};
    const ptrdiff_t base = axis_base(&p->d, band->z), phase = axis_phase(&p->d, band->z);
    const int cleared = p->x_bytes <= CLEAR_BYTES && job->padding_mode == FNN_PAD_CONSTANT;
    if (cleared) memset(scratch + begin * p->plane * p->es, 0, (size_t)((end - begin) * p->plane * p->es));
    for (ptrdiff_t block = begin; block < end; block++) {
        char *to = scratch + block * p->plane * p->es;
        for (ptrdiff_t tap = 0; tap < p->d.k; tap++) {
            if (!axis_in_phase(&p->d, tap, phase)) continue;
            load_block(p, band, &x, block, base + axis_distance(&p->d, tap, phase), cleared, to);
            to += p->slice * p->es;
        }
    }
}

/* One pass of one column phase of destination row `row`, the i-th at `to`. */
static void compute_strip(const conv_plan *p, const conv_band *band, fnn_strip *s, ptrdiff_t pass, ptrdiff_t row,
                          ptrdiff_t i, ptrdiff_t px, ptrdiff_t rows, const conv_target *to) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t step = p->w.phases, first = step == 1 ? 0 : ((px - job->pw - band->column) % step + step) % step;
    const ptrdiff_t count = step == 1 ? band->columns : fnn_max(0, fnn_ceil_div(band->columns - first, step));
    const ptrdiff_t source = axis_base(&p->h, row) - band->source_row;
    const ptrdiff_t column = axis_base(&p->w, band->column + first) - band->column0;
    const ptrdiff_t pd = axis_phase(&p->d, band->z), ph = axis_phase(&p->h, row);
    const ptrdiff_t *phase = p->phase_begin + (pd * p->h.phases + ph) * p->w.phases + px, n = phase[1] - phase[0];
    const ptrdiff_t begin = n * pass / p->passes, end = n * (pass + 1) / p->passes;
    const ptrdiff_t at = (i * to->row + first * p->y_pixel) * p->es;
    if (begin == end && pass > 0 && pass < p->passes - 1) return;
    s->a = band->x + (source * p->pitch + column * p->pixel) * p->es;
    s->chunks = p->chunks + phase[0] + begin, s->n_chunks = end - begin;
    s->rows = p->flat ? rows * job->yw : count;
    s->c = to->y + at;
    s->residual = s->residual ? to->residual + at : NULL;
    if (job->algorithm == FNN_CONV_DEPTHWISE)
        p->kernels->depthwise_row(s);
    else
        p->kernels->strip(s);
}

/* Destination rows [row, row + rows) of the band, panels [panel, panel + panels). */
static void compute_rows(const conv_plan *p, const conv_band *band, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t panel,
                         ptrdiff_t panels, const conv_target *to) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t panel_size = p->packed_set / p->panels;
    fnn_strip s = {.a_row = (job->transposed ? 1 : job->sw) * p->pixel, .a_step = p->a_step, .chunk_len = p->chunk_len};
    s.b = job->packed + (band->set * p->packed_set + panel * panel_size) * p->es;
    s.b_panel = panel_size, s.b_step = FNN_BLOCK;
    s.c_row = p->w.phases * p->y_pixel, s.c_panel = to->panel;
    s.panels = panels, s.last_columns = FNN_BLOCK;
    if (job->y_layout == FNN_NHWC && !p->through_scratch &&
        panel + panels == p->panels) /* beyond are the next pixel's channels */
        s.last_columns = fnn_min(p->ys, job->yc - band->set * p->ys) - (p->panels - 1) * FNN_BLOCK;
    s.bias = p->bias ? p->bias + (band->set * p->panels + panel) * FNN_BLOCK * p->es : NULL;
    s.residual = to->residual;
    for (ptrdiff_t pass = 0; pass < p->passes; pass++) {
        s.accumulate = pass > 0;
        if (pass > 0) s.bias = NULL, s.residual = NULL;
        if (pass == p->passes - 1) s.activation = job->activation, s.alpha = job->alpha, s.beta = job->beta;
        for (ptrdiff_t i = 0; i < (p->flat ? 1 : rows); i++)
            for (ptrdiff_t px = 0; px < p->w.phases; px++) compute_strip(p, band, &s, pass, row + i, i, px, rows, to);
    }
}

/* Rows of a panel between an NCHW array and scratch: into blocks, or out of them. */
static void move_rows(const conv_plan *p, const fnn_conv_piece *piece, int out, char *array, char *scratch) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t image = job->yd * job->yh * job->yw, whole = piece->columns == job->yw ? piece->rows : 1;
    const ptrdiff_t pixels = whole * piece->columns,
                    plane = (piece->image * job->yc + piece->channel) * job->yd + piece->z;
    char *planes = array + ((plane * job->yh + piece->row) * job->yw + piece->column) * p->es;
    for (ptrdiff_t i = 0; i < piece->rows; i += whole) {
        char *row = planes + i * job->yw * p->es, *block = scratch + i * pixels * FNN_BLOCK * p->es;
        if (out)
            p->kernels->unblock_pixels(block, pixels, row, image, piece->channels);
        else
            p->kernels->block_pixels(row, image, piece->channels, pixels, block);
    }
}

/* NCHW result: into scratch, then transposed out; a residual makes the same way in first. */
static void compute_planar(const conv_plan *p, const conv_band *band, ptrdiff_t panel, ptrdiff_t panels,
                           char *scratch) {
    const fnn_conv_job *job = &p->job;
    fnn_conv_piece piece = {.image = band->image, .z = band->z, .column = band->column, .columns = band->columns};
    for (ptrdiff_t row = band->row; row < band->row + band->rows; row += p->out_rows) {
        piece.row = row, piece.rows = fnn_min(p->out_rows, band->row + band->rows - row);
        conv_target to = {scratch, NULL, band->columns * FNN_BLOCK, piece.rows * band->columns * FNN_BLOCK};
        to.residual = job->residual ? scratch : NULL;
        for (int stage = 0; stage < 2; stage++) { /* residual in, compute, result out */
            for (ptrdiff_t q = 0; q < panels && (stage || job->residual); q++) {
                piece.channel = band->set * p->ys + (panel + q) * FNN_BLOCK;
                piece.channels = fnn_min(FNN_BLOCK, fnn_min((band->set + 1) * p->ys, job->yc) - piece.channel);
                char *array = stage ? job->y : (char *)job->residual, *from = scratch + q * to.panel * p->es;
                if (job->spread.sw)
                    fnn_conv_spread(job, &piece, stage, array, from);
                else
                    move_rows(p, &piece, stage, array, from);
            }
            if (!stage) compute_rows(p, band, row, piece.rows, panel, panels, &to);
        }
    }
}

/* Blocked and NHWC results: strips write where the result lies. */
static void compute_direct(const conv_plan *p, const conv_band *band, ptrdiff_t panel, ptrdiff_t panels) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t blocks = fnn_blocks(job->yc), block = band->set * p->ys / FNN_BLOCK + panel;
    const int last = job->y_layout == FNN_NHWC; /* channels come last */
    const ptrdiff_t plane = last ? band->image : band->image * blocks + block;
    const ptrdiff_t row = (plane * job->yd + band->z) * job->yh + band->row;
    const ptrdiff_t channel = last ? band->set * p->ys + panel * FNN_BLOCK : 0;
    const ptrdiff_t at = ((row * job->yw + band->column) * p->y_pixel + channel) * p->es;
    const conv_target to = {job->y + at, job->residual ? job->residual + at : NULL, job->yw * p->y_pixel,
                            last ? FNN_BLOCK : job->yd * job->yh * job->yw * FNN_BLOCK};
    compute_rows(p, band, band->row, band->rows, panel, panels, &to);
    if (!last && block + panels == blocks)
        for (ptrdiff_t i = 0; i < band->rows; i++)
            fnn_clear_lanes(job, band->columns, 1, to.y + ((panels - 1) * to.panel + i * to.row) * p->es);
}

static conv_band band_at(const conv_plan *p, ptrdiff_t index) {
    const fnn_conv_job *job = &p->job;
    conv_band band = {.column = index % p->across * p->width};
    const ptrdiff_t down = index / p->across % p->bands;
    index /= p->across * p->bands;
    band.rows = fnn_part(job->yh, p->bands, down, &band.row);
    band.z = index % job->yd, index /= job->yd;
    band.set = index % p->sets, band.image = index / p->sets;
    band.columns = fnn_min(p->width, job->yw - band.column);
    band.source_row = axis_begin(&p->h, band.row);
    band.column0 = axis_begin(&p->w, band.column);
    if (p->in_place) {
        const ptrdiff_t blocks = p->unit == 1 ? job->xc : fnn_blocks(job->xc), slice = axis_base(&p->d, band.z);
        const ptrdiff_t image = job->x_layout == FNN_NHWC ? job->xd * p->slice : blocks * p->plane;
        const ptrdiff_t block = band.set * (p->unit == 1 ? p->xs : p->xs / FNN_BLOCK);
        band.x = job->x + (band.image * image + block * p->plane + slice * p->slice + band.source_row * p->pitch +
                           band.column0 * p->pixel) *
                              p->es;
    }
    return band;
}

static void compute_panels(const conv_plan *p, const conv_band *band, ptrdiff_t index, char *scratch) {
    const ptrdiff_t panel = index * p->group, panels = fnn_min(p->group, p->panels - panel);
    if (p->through_scratch)
        compute_planar(p, band, panel, panels, scratch);
    else
        compute_direct(p, band, panel, panels);
}

/* The whole team on every band: blocks loaded in shares, groups of panels claimed, so that each thread streams its own
 * part of heavy weights. Claims count on over the bands. */
static void share_bands(const conv_plan *p, const fnn_team *team, char *y_scratch) {
    const ptrdiff_t groups = fnn_ceil_div(p->panels, p->group), bands = p->total;
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
    const ptrdiff_t bands = p->total;
    for (ptrdiff_t index = fnn_claim(team); index < bands; index = fnn_claim(team)) {
        conv_band band = band_at(p, index);
        if (!p->in_place) {
            load_band(p, &band, 0, p->source_blocks, x_scratch);
            band.x = x_scratch;
        }
        for (ptrdiff_t i = 0; i * p->group < p->panels; i++) compute_panels(p, &band, i, y_scratch);
    }
}

static fnn_status run_plan(conv_plan *p) {
    const fnn_conv_job *job = &p->job;
    const ptrdiff_t threads = p->threads;
    const ptrdiff_t phases = p->d.phases * p->h.phases * p->w.phases;
    const size_t chunk_bytes = sizeof(fnn_chunk) * (size_t)(p->source_blocks * p->taps + 1);
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
    fnn_conv_fill_tables(p);
    fnn_parallel(conv_body, p, threads, p->work, 1);
    fnn_free(memory);
    return FNN_OK;
}

fnn_status fnn_conv_bands(const fnn_conv_job *job) {
    conv_plan p;
    fnn_conv_choose_plan(&p, job);
    return run_plan(&p);
}
