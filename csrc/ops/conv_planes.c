/* Convolution of NCHW images that stays in NCHW: output pixels are the columns of a strip, output channels its rows.
 *
 * A band of the source is copied into padded planes [channel][row phase][column phase][row][pitch]; a phase holds the
 * rows (columns) that taps of equal residue modulo the stride read, so each tap of a run of output pixels is one
 * contiguous run of a plane. The packed weights, which hold 16 output channels side by side, serve as the broadcast
 * side. Nothing is transposed, and few channels waste no lanes. Three ways to write a band:
 *   dense   planes are as wide as the output (1x1): the band is one run of pixels, written straight to y
 *   rows    one strip an output row, written straight to y: wide images
 *   flat    one run over whole planes, columns between the rows included, then copied to y: narrow images */
#include <string.h>

#include "conv.h"

/* Source planes of a band: for a first-level cache of 48 KiB, where taps read them again and again. */
#define BAND_BYTES ((ptrdiff_t)24 << 10)
/* Planes that one group of panels reads for all output channels. */
#define GROUP_BYTES ((ptrdiff_t)24 << 10)
/* Longer sums are sums of sums, which round less: with 512 channels of a 3x3 kernel in one, the largest error was 9.6e-6
 * of the rms of the result. Passes also keep the weights of one in the first-level cache. */
#define PASS_STEPS 256
/* Planes in a second-level cache of 1 MiB: of wide images; of a single row whose weights are light enough to be read
 * again for a few pixels, HEAVY_BYTES at most. */
#define WIDE_BYTES ((ptrdiff_t)384 << 10)
#define ROW_BYTES ((ptrdiff_t)128 << 10)
#define HEAVY_BYTES ((ptrdiff_t)256 << 10)
/* Single rows are cut into runs of 128 pixels where ROW_BYTES allow, of 32 at least: shorter ones come from the third-level
 * cache line by line. 1x1 at 56x56, runs of 32 and 128: 144-24 channels 0.083 and 0.067 ms, 256-64 0.275 and 0.252; AMD
 * Zen 5, 2 threads, 2026-11. */
#define RUN_PAIRS 4
#define PAIR (2 * FNN_BLOCK)
#define WIDE_PANELS 4      /* panels of a wide tile */
#define STRIP_CYCLES 120.0 /* to begin and end a strip: 4 channels of 56 columns took 410 where the sums take 288 */

typedef enum { DENSE, ROWS, FLAT } write_mode;

typedef struct {
    const fnn_conv_job *job;
    const fnn_kernel_table *kernels;
    ptrdiff_t es, xs, ys; /* bytes of an element; channels of a group */
    ptrdiff_t packed_group, packed_panel;
    fnn_conv_axis vertical, horizontal;
    write_mode mode;
    ptrdiff_t rows, row_bands, columns, column_bands; /* of a band of the output, at most */
    ptrdiff_t pitch, phase, plane, planes;            /* strides in scratch; planes of a group */
    ptrdiff_t parts, blocks;                          /* shares of a band, blocks of 16 output channels */
    ptrdiff_t panel_group;
    int apart; /* each tap has a copy of its own, as a phase: taps far apart in one row, and im2col */
    ptrdiff_t chunk_len, n_chunks, a_step, b_step;
    fnn_chunk *chunks;
    char *scratch;
    ptrdiff_t x_bytes, y_bytes; /* one thread's scratch: planes, flat result */
} plan;

typedef struct {
    ptrdiff_t image, group, row, rows, column, columns;
} band;

/* ---- the plan ---- */

static ptrdiff_t gcd(ptrdiff_t a, ptrdiff_t b) { return b ? gcd(b, a % b) : a; }

fnn_conv_axis fnn_conv_axis_of(ptrdiff_t k, ptrdiff_t stride, ptrdiff_t dilation) {
    return (fnn_conv_axis){fnn_min(k, stride / gcd(stride, dilation)), (k - 1) * dilation / stride};
}

/* Time of a run of pixels, in panels of a wide tile; narrower tiles wait for loads and for their own sums. */
static double run_cost(ptrdiff_t pixels) {
    static const double rest[WIDE_PANELS] = {0, 1.4, 2.2, 3.1};
    const ptrdiff_t panels = fnn_ceil_div(pixels, FNN_BLOCK);
    return (double)(panels - panels % WIDE_PANELS) + rest[panels % WIDE_PANELS];
}

/* Cycles of an output row of up to 16 channels: as a strip of its own, or as a part of a run over all rows, copied. */
static void choose_mode(plan *p) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t run = job->yh * (job->yw + p->horizontal.halo), channels = fnn_min(p->ys, FNN_BLOCK);
    const double panel = 0.5 * (double)(p->xs * job->kh * job->kw * channels);
    const double copy = (double)channels * (8 + 2 * (double)job->yw / FNN_BLOCK);
    const double rows = run_cost(job->yw) * panel + STRIP_CYCLES;
    if (p->horizontal.halo == 0)
        p->mode = DENSE;
    else
        p->mode = job->yh == 1 || rows < run_cost(run) / (double)job->yh * panel + copy ? ROWS : FLAT;
}

static ptrdiff_t plane_size(const plan *p, ptrdiff_t rows, ptrdiff_t columns) {
    const ptrdiff_t phases = p->vertical.phases * p->horizontal.phases;
    return phases * ((rows + p->vertical.halo) * (columns + p->horizontal.halo) + (phases > 1 ? FNN_BLOCK : 0));
}

/* Parts of the columns: of a single row so many that its planes stay in cache, of taller images only where scratch would
 * grow too large. */
static void split_columns(plan *p, ptrdiff_t least, int threads) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t pairs = fnn_ceil_div(job->yw, PAIR), halo = p->horizontal.halo;
    const ptrdiff_t phases = p->vertical.phases * p->horizontal.phases;
    const ptrdiff_t bytes = p->planes * phases * (least + p->vertical.halo) * PAIR * p->es;
    const int heavy = halo > 0 && p->packed_group * p->es > HEAVY_BYTES;
    ptrdiff_t most = fnn_max(1, (heavy || job->yh > 1 ? WIDE_BYTES : ROW_BYTES) / bytes);
    if (p->mode == DENSE && job->yh == 1) most = fnn_max(fnn_max(1, BAND_BYTES / bytes), fnn_min(RUN_PAIRS, most));
    if (job->yh > 1 && p->mode == FLAT) most = pairs; /* narrow images */
    p->column_bands = fnn_ceil_div(pairs, most);
    if (job->yh == 1 && p->column_bands * job->n * job->groups < 8 * threads)
        p->column_bands = fnn_min(fnn_round_up(p->column_bands, threads), pairs);
    p->columns = p->column_bands == 1 ? job->yw : fnn_ceil_div(pairs, p->column_bands) * PAIR;
    if (p->column_bands > 1 && job->yh > 1) p->mode = ROWS;
    p->apart |= job->yh == 1 && job->kh == 1 && job->sw == 1 && job->dw > p->columns;
    if (p->apart) p->horizontal = (fnn_conv_axis){job->kw, 0};
}

/* Rows of a band: at least twice the halo (rows that are loaded twice), as few wasted lanes as possible. */
static void choose_band(plan *p, int threads) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t sets = job->n * job->groups;
    const ptrdiff_t least = fnn_min(job->yh, fnn_max(1, 2 * p->vertical.halo));
    split_columns(p, least, threads);
    ptrdiff_t best = least;
    double best_waste = 1e9;
    for (ptrdiff_t rows = least; rows <= job->yh; rows++) {
        const ptrdiff_t pixels = rows * (p->mode == FLAT ? p->columns + p->horizontal.halo : p->columns);
        if (rows > least && (p->planes * plane_size(p, rows, p->columns) * p->es > BAND_BYTES) &&
            pixels > WIDE_PANELS * FNN_BLOCK * 2)
            break;
        const ptrdiff_t lanes = p->mode == ROWS ? rows : fnn_round_up(pixels, FNN_BLOCK);
        const double waste = (p->mode == ROWS ? 1 : (double)lanes / (double)pixels) * (1 + 0.1 / (double)rows) +
                             0.5 * (double)p->vertical.halo / (double)rows;
        if (waste <= best_waste) best_waste = waste, best = rows;
    }
    p->row_bands = fnn_ceil_div(job->yh, best);
    if (p->row_bands * sets < 4 * threads && p->mode != DENSE)
        p->row_bands = fnn_min(job->yh, fnn_round_up(p->row_bands, threads));
    p->rows = fnn_ceil_div(job->yh, p->row_bands);
    p->row_bands = fnn_ceil_div(job->yh, p->rows);
    const ptrdiff_t bands = p->row_bands * p->column_bands * sets;
    p->parts = fnn_max(1, fnn_min(p->blocks, fnn_ceil_div(4 * threads, bands)));
}

/* A chunk runs over all channels of a 1x1 kernel, over the 16 of a block, or, where channels are few, takes one step. */
static void fill_chunks(plan *p) {
    const fnn_conv_job *job = p->job;
    const int blocked = job->algorithm == FNN_CONV_BLOCKED;
    const ptrdiff_t taps = job->kh * job->kw, depth = taps == 1 ? p->xs : blocked ? FNN_BLOCK : 1;
    const ptrdiff_t tap_step = blocked ? FNN_BLOCK * FNN_BLOCK : FNN_BLOCK;
    fnn_chunk *chunk = p->chunks;
    p->a_step = blocked ? FNN_BLOCK : taps * FNN_BLOCK;
    p->b_step = p->plane;
    p->chunk_len = depth;
    for (ptrdiff_t c = 0; c < p->planes; c += depth)
        for (ptrdiff_t r = 0; r < job->kh; r++)
            for (ptrdiff_t s = 0; s < job->kw; s++) {
                const ptrdiff_t slot = r % p->vertical.phases * p->horizontal.phases + s % p->horizontal.phases;
                chunk->a = c * taps * FNN_BLOCK + (r * job->kw + s) * tap_step;
                chunk->b = c * p->plane + slot * p->phase;
                chunk->b += p->apart ? 0 : r * job->dh / job->sh * p->pitch + s * job->dw / job->sw;
                chunk++;
            }
    p->n_chunks = chunk - p->chunks;
}

/* ---- one band ---- */

static band band_at(const plan *p, ptrdiff_t index) {
    const fnn_conv_job *job = p->job;
    band b = {.row = index / p->column_bands % p->row_bands * p->rows};
    const ptrdiff_t set = index / p->column_bands / p->row_bands, i = index % p->column_bands;
    const ptrdiff_t pairs = fnn_part(fnn_ceil_div(job->yw, PAIR), p->column_bands, i, &b.column);
    b.rows = fnn_min(p->rows, job->yh - b.row);
    b.column *= PAIR;
    b.columns = fnn_min(job->yw - b.column, pairs * PAIR);
    b.image = set / job->groups, b.group = set % job->groups;
    return b;
}

static void load_band(const plan *p, const band *b, char *to) {
    const fnn_conv_job *job = p->job;
    fnn_planes w = {.x_plane = job->xh * job->xw, .h = job->xh, .w = job->xw, .channels = p->xs, .y = to};
    w.x = job->x + (b->image * job->xc + b->group * p->xs) * w.x_plane * p->es;
    w.row = b->row * job->sh - job->ph, w.row_step = job->sh;
    w.column = b->column * job->sw - job->pw, w.column_step = job->sw;
    w.row_phases = p->vertical.phases, w.row_dilation = job->dh;
    w.column_phases = p->horizontal.phases, w.column_dilation = job->dw;
    w.rows = b->rows + p->vertical.halo, w.columns = b->columns + p->horizontal.halo;
    w.y_row = p->pitch, w.y_phase = p->phase, w.y_plane = p->plane;
    if (!p->apart) {
        p->kernels->load_planes(&w);
        return;
    }
    w.row_phases = w.column_phases = 1;
    for (ptrdiff_t tap = 0; tap < job->kh * job->kw; tap++) {
        fnn_planes t = w;
        t.row += tap / job->kw * job->dh, t.column += tap % job->kw * job->dw;
        t.y = to + tap * p->phase * p->es;
        p->kernels->load_planes(&t);
    }
}

/* Steps [begin, end) of all sums of a strip: chunks where there are several, else a part of the one. */
static void take_steps(const plan *p, fnn_strip *s, ptrdiff_t begin, ptrdiff_t end) {
    if (p->n_chunks > 1) {
        s->chunks = p->chunks + begin / p->chunk_len, s->n_chunks = (end - begin) / p->chunk_len;
        return;
    }
    s->a = (const char *)s->a + begin * s->a_step * p->es;
    s->b = (const char *)s->b + begin * s->b_step * p->es;
    s->chunk_len = end - begin;
}

/* One pass over the sums of one run of pixels, first at source + 0 and c + 0, for output channels [o, end). */
static void compute_pass(const plan *p, const band *b, const fnn_strip *run, ptrdiff_t begin, ptrdiff_t end_step,
                         ptrdiff_t o, ptrdiff_t end, char *c, const char *residual) {
    const fnn_conv_job *job = p->job;
    const int last = end_step == p->n_chunks * p->chunk_len;
    for (ptrdiff_t i = o; i < end; i += FNN_BLOCK) {
        const ptrdiff_t at = (i - o) * run->c_row * p->es;
        fnn_strip s = *run;
        s.a = job->packed + (b->group * p->packed_group + i / FNN_BLOCK * p->packed_panel) * p->es;
        take_steps(p, &s, begin, end_step);
        s.rows = fnn_min(FNN_BLOCK, p->ys - i);
        s.c = c + at;
        s.accumulate = begin > 0;
        s.residual = residual && last ? residual + at : NULL;
        s.row_bias = job->bias && begin == 0 ? job->bias + (b->group * p->ys + i) * p->es : NULL;
        if (!last) s.activation = FNN_NONE;
        p->kernels->strip(&s);
    }
}

/* Runs of pixels a group of panels at a time, sums in passes. */
static void compute_run(const plan *p, const band *b, const fnn_strip *strip, const char *source, ptrdiff_t pixels,
                        ptrdiff_t o, ptrdiff_t end, char *c, const char *residual) {
    const ptrdiff_t panels = fnn_ceil_div(pixels, FNN_BLOCK), steps = p->n_chunks * p->chunk_len;
    const ptrdiff_t unit = p->n_chunks > 1 ? p->chunk_len : 1;
    const ptrdiff_t passes = fnn_ceil_div(steps, fnn_max(PASS_STEPS, unit));
    fnn_strip s = *strip;
    for (ptrdiff_t q = 0; q < panels; q += p->panel_group) {
        const ptrdiff_t at = q * FNN_BLOCK * p->es;
        s.panels = fnn_min(p->panel_group, panels - q);
        s.last_columns = fnn_min(FNN_BLOCK, pixels - (q + s.panels - 1) * FNN_BLOCK);
        s.b = source + at;
        for (ptrdiff_t pass = 0; pass < passes; pass++)
            compute_pass(p, b, &s, steps / unit * pass / passes * unit, steps / unit * (pass + 1) / passes * unit, o,
                         end, c + at, residual ? residual + at : NULL);
    }
}

/* Long sums go in tall tiles of two panels, which read planes twice from the first-level cache where wide tiles read them
 * three times from the second: 0.96 of the FMA peak against 0.89 at 256 steps. Short sums, as of few channels, go in wide
 * ones, which begin and end less often: 3-64 3x3 at 224x224 0.51 and 0.57 ms. AMD Zen 5, 2026-11. */
static int is_tall(const plan *p) { return p->job->yh == 1 || p->apart; }

static fnn_strip strip_of(const plan *p) {
    fnn_strip s = {.a_row = 1, .a_step = p->a_step, .b_panel = FNN_BLOCK, .b_step = p->b_step};
    s.chunks = p->chunks, s.n_chunks = p->n_chunks, s.chunk_len = p->chunk_len;
    s.c_panel = FNN_BLOCK;
    s.tile_rows = is_tall(p) ? 0 : p->kernels->wide_rows;
    return s;
}

/* Into scratch in runs over whole planes, then the valid columns to y, 16 output channels at a time. */
static void compute_flat(const plan *p, const band *b, const char *source, ptrdiff_t o, ptrdiff_t end, char *scratch) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t image = job->yh * job->yw, run = b->rows * p->pitch;
    fnn_strip s = strip_of(p);
    s.c_row = fnn_round_up(run, FNN_BLOCK);
    fnn_planes out = {.x = scratch, .x_plane = s.c_row, .x_row = p->pitch, .y_plane = image, .y_row = job->yw};
    out.rows = b->rows, out.columns = b->columns;
    out.activation = job->activation, out.alpha = job->alpha, out.beta = job->beta;
    for (ptrdiff_t i = o; i < end; i += FNN_BLOCK) {
        const ptrdiff_t at =
            ((b->image * job->yc + b->group * p->ys + i) * image + b->row * job->yw + b->column) * p->es;
        compute_run(p, b, &s, source, s.c_row, i, fnn_min(end, i + FNN_BLOCK), scratch, NULL);
        out.channels = fnn_min(FNN_BLOCK, end - i);
        out.y = job->y + at;
        out.residual = job->residual ? job->residual + at : NULL;
        p->kernels->store_planes(&out);
    }
}

static void compute_band(const plan *p, const band *b, ptrdiff_t part, const char *source, char *scratch) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t o = p->blocks * part / p->parts * FNN_BLOCK;
    const ptrdiff_t end = fnn_min(p->ys, p->blocks * (part + 1) / p->parts * FNN_BLOCK);
    if (p->mode == FLAT) {
        compute_flat(p, b, source, o, end, scratch);
        return;
    }
    fnn_strip s = strip_of(p);
    s.c_row = job->yh * job->yw;
    s.activation = job->activation, s.alpha = job->alpha, s.beta = job->beta;
    const ptrdiff_t runs = p->mode == DENSE ? 1 : b->rows, pixels = b->columns * (p->mode == DENSE ? b->rows : 1);
    for (ptrdiff_t i = 0; i < runs; i++) {
        const ptrdiff_t row = b->row + i;
        const ptrdiff_t at =
            ((b->image * job->yc + b->group * p->ys + o) * s.c_row + row * job->yw + b->column) * p->es;
        compute_run(p, b, &s, source + i * p->pitch * p->es, pixels, o, end, job->y + at,
                    job->residual ? job->residual + at : NULL);
    }
}

static void planes_body(void *context, const fnn_team *team) {
    const plan *p = context;
    const fnn_conv_job *job = p->job;
    char *x = p->scratch + team->id * (p->x_bytes + p->y_bytes), *y = x + p->x_bytes;
    const ptrdiff_t padding = p->planes - p->xs; /* planes of channels that do not exist */
    if (padding) memset(x + p->xs * p->plane * p->es, 0, (size_t)(padding * p->plane * p->es));
    const ptrdiff_t all = job->n * job->groups * p->row_bands * p->column_bands * p->parts;
    ptrdiff_t loaded = -1;
    for (ptrdiff_t index = fnn_claim(team); index < all; index = fnn_claim(team)) {
        const band b = band_at(p, index / p->parts);
        if (index / p->parts != loaded) load_band(p, &b, x);
        loaded = index / p->parts;
        compute_band(p, &b, index % p->parts, x, y);
    }
}

/* A 1x1 kernel without stride and padding does not see rows: the image is one row. */
static fnn_conv_job one_row(const fnn_conv_job *job) {
    fnn_conv_job flat = *job;
    if (job->kh * job->kw == 1 && fnn_max(job->sh, job->sw) == 1 && job->ph + job->pw == 0 && job->yh == job->xh &&
        job->yw == job->xw) {
        flat.xw = flat.yw = job->xh * job->xw;
        flat.xh = flat.yh = 1;
        flat.transposed = 0;
    }
    return flat;
}

/* Measured against conv_bands.c, 2 threads, time of bands over time of planes (AMD Zen 5, 2026-11):
 *   up to 8 channels a group: 1.0-4.0, but 0.5-0.8 with strides of 4 and more, whose phases are copied one by one
 *   1x1, stride 1: 1.02-1.55 from 28x28 pixels on; at 14x14 1.07 with 64 and 96 channels, 0.84-0.96 with 192 and more; 0.7 at
 *   7x7 (49 pixels fill 4 panels to 77 %); stride 2: 0.7-0.94
 *   16 channels a group: 1.1 with stride 1, 0.9 with 2; 9-64 channels and one group: 0.75-1.0. */
#define SMALL_IMAGE 400    /* pixels */
#define SMALL_CHANNELS 160 /* a group */
/* One row of several taps: bands transpose, which counts where the sums are short. 1.06 at 512-128 and 128-512 channels, 0.94
 * at 512-256. */
#define TRANSPOSITION_STEPS 110

int fnn_conv_is_planes(const fnn_conv_job *job) {
    const fnn_conv_job flat = one_row(job);
    const ptrdiff_t xs = job->xc / job->groups, ys = job->yc / job->groups, taps = job->kh * job->kw;
    if (!fnn_conv_is_flat(job) || job->algorithm == FNN_CONV_DEPTHWISE || flat.transposed ||
        job->x_layout != FNN_NCHW || job->y_layout != FNN_NCHW || xs == 0 || job->sw > 2)
        return 0;
    if (taps > 1 && job->algorithm == FNN_CONV_PLANAR) return 1;
    const int lanes_filled = (double)flat.yw >= 0.85 * FNN_BLOCK * run_cost(flat.yw);
    if (flat.yh == 1 && flat.kh == 1 && taps > 1)
        return lanes_filled && taps * xs * ys <= TRANSPOSITION_STEPS * (xs + ys);
    if (taps == 1)
        return flat.yh == 1 && flat.sw == 1 && lanes_filled && (flat.yw >= SMALL_IMAGE || xs < SMALL_CHANNELS);
    return job->groups > 1 && xs <= FNN_BLOCK && fnn_max(job->sh, job->sw) == 1;
}

fnn_status fnn_conv_planes(const fnn_conv_job *original) {
    const fnn_conv_job job = one_row(original);
    plan p = {.job = &job, .kernels = fnn_kernels(job.dtype), .es = fnn_element_size(job.dtype)};
    const int threads = fnn_get_num_threads();
    const ptrdiff_t taps = job.kh * job.kw;
    p.xs = job.xc / job.groups, p.ys = job.yc / job.groups, p.blocks = fnn_blocks(p.ys);
    p.packed_group = (ptrdiff_t)fnn_conv_packed_group(job.algorithm, p.xs, p.ys, taps);
    p.packed_panel = p.packed_group / p.blocks;
    p.planes = job.algorithm == FNN_CONV_BLOCKED && taps > 1 ? fnn_round_up(p.xs, FNN_BLOCK) : p.xs;
    p.vertical = fnn_conv_axis_of(job.kh, job.sh, job.dh), p.horizontal = fnn_conv_axis_of(job.kw, job.sw, job.dw);
    p.apart = job.method == FNN_IM2COL && taps > 1;
    if (p.apart) p.vertical = (fnn_conv_axis){job.kh, 0}, p.horizontal = (fnn_conv_axis){job.kw, 0};
    choose_mode(&p);
    choose_band(&p, threads);
    p.pitch = p.columns + p.horizontal.halo;
    p.plane = plane_size(&p, p.rows, p.columns);
    p.phase = p.plane / (p.vertical.phases * p.horizontal.phases);
    p.plane = fnn_round_up(p.plane, FNN_BLOCK);
    if (taps > 1) p.plane += fnn_round_up(p.horizontal.halo + FNN_BLOCK, FNN_BLOCK);
    p.plane |= FNN_BLOCK; /* odd lines apart: all sets of a cache */
    const ptrdiff_t panels = is_tall(&p) ? PAIR / FNN_BLOCK : WIDE_PANELS;
    p.panel_group = fnn_max(1, GROUP_BYTES / (p.planes * (p.apart ? taps : 1) * FNN_BLOCK * p.es) / panels) * panels;
    p.x_bytes = fnn_round_up((p.planes * p.plane + 2 * FNN_BLOCK) * p.es, FNN_ALIGN);
    p.y_bytes = p.mode == FLAT ? FNN_BLOCK * fnn_round_up(p.rows * p.pitch + FNN_BLOCK, FNN_BLOCK) * p.es : 0;
    const size_t tables = (size_t)fnn_round_up((ptrdiff_t)sizeof(fnn_chunk) * p.planes * taps, FNN_ALIGN);
    char *memory = fnn_alloc(tables + (size_t)((p.x_bytes + p.y_bytes) * threads));
    if (!memory) return FNN_NO_MEMORY;
    p.chunks = (fnn_chunk *)memory;
    p.scratch = memory + tables;
    fill_chunks(&p);
    fnn_parallel(planes_body, &p, threads, (double)(job.n * job.yc * job.yh * job.yw) * (double)(p.xs * taps), 1);
    fnn_free(memory);
    return FNN_OK;
}
