/* The weight gradient where there are few weights: the units are divided into parts, each part is summed by one thread
 * with scratch of its own, and the sums of the parts are added in order. How many parts there are follows from the
 * shapes alone.
 *
 *   planar     few source channels: strips whose rows are all taps of all channels (source rows are copied once a tap),
 *              columns 16 result channels, steps pixels
 *   depthwise  lanes are channels */
#include <string.h>

#include "conv_grad.h"

#define UNIT_BYTES ((ptrdiff_t)256 << 10) /* scratch of a unit: a quarter of a second-level cache */
#define PARTS 32                          /* tasks at least: enough for as many threads, or to balance fewer */
#define PANELS 4                          /* blocks of result channels of a task */

typedef struct {
    fnn_grad_plan g;
    int gy_in_place;
    ptrdiff_t rows, pitch;               /* planar: taps of all channels, elements of a row */
    ptrdiff_t groups, parts;             /* groups of PANELS blocks of a set, parts of the units */
    ptrdiff_t panel, sums;               /* elements of a panel's sums, of a group's */
    ptrdiff_t x_size, gy_size, row_size; /* elements of one thread's scratch; planar: source rows of a channel */
    char *partial;                       /* [sets][groups][parts][sums] */
    char *scratch;                       /* [threads][x_size + gy_size + row_size], chunks of the rows of a unit */
    ptrdiff_t scratch_bytes, table_bytes;
} parts_plan;

/* Source rows of one channel with their padding, slice by slice, then from them a row of the strip for every tap: all
 * of it in one run where results are as far apart as the source's pixels. */
static void copy_taps(const parts_plan *p, ptrdiff_t set, fnn_grad_unit u, char *rows, char *to) {
    const fnn_grad_plan *g = &p->g;
    const fnn_conv_params *c = g->c;
    const ptrdiff_t pitch = (u.columns - 1) * c->sw + (c->kw - 1) * c->dw + 1;
    const ptrdiff_t n = (u.rows - 1) * c->sh + (c->kh - 1) * c->dh + 1, dense = c->sh * c->sw == 1;
    for (ptrdiff_t q = set * g->xs; q < (set + 1) * g->xs; q++)
        for (ptrdiff_t t = 0; t < c->kd; t++) {
            for (ptrdiff_t i = 0; i < n; i++)
                fnn_load_row(&g->x, 1, u.image, q, 1, u.z * c->sd - c->pd + t * c->dd, u.row * c->sh - c->ph + i,
                             u.column * c->sw - c->pw, pitch, 0, rows + i * pitch * g->es);
            for (ptrdiff_t tap = 0; tap < c->kh * c->kw; tap++, to += p->pitch * g->es) {
                const char *from = rows + (tap / c->kw * c->dh * pitch + tap % c->kw * c->dw) * g->es;
                if (dense) memcpy(to, from, (size_t)(((u.rows - 1) * pitch + u.columns) * g->es));
                for (ptrdiff_t i = 0; i < (dense ? 0 : u.rows); i++)
                    g->kernels->gather(from + i * c->sh * pitch * g->es, c->sw, u.columns, to + i * u.columns * g->es);
            }
        }
}

/* gy of the panels [first, first + panels) as 16-channel pixels: where it begins and how far panels are apart. */
static const char *bring_gy(const parts_plan *p, ptrdiff_t set, fnn_grad_unit u, ptrdiff_t first, ptrdiff_t panels,
                            char *scratch, ptrdiff_t *plane) {
    const fnn_grad_plan *g = &p->g;
    if (p->gy_in_place) {
        *plane = g->c->od * g->c->oh * g->c->ow * FNN_BLOCK;
        return g->gy.x + (fnn_grad_gy_offset(g, set, u) + first * *plane) * g->es;
    }
    *plane = g->band * g->width * FNN_BLOCK;
    for (ptrdiff_t b = 0; b < panels; b++) fnn_grad_load_gy(g, set, u, first + b, scratch + b * *plane * g->es);
    return scratch;
}

static void planar_unit(const parts_plan *p, ptrdiff_t set, ptrdiff_t group, fnn_grad_unit u, int accumulate,
                        char *scratch, char *sums) {
    const fnn_grad_plan *g = &p->g;
    const fnn_conv_params *c = g->c;
    const ptrdiff_t first = group * PANELS, x_row = u.columns + (c->sh * c->sw == 1 ? (c->kw - 1) * c->dw : 0);
    char *gy = scratch + p->x_size * g->es, *rows = gy + p->gy_size * g->es;
    fnn_chunk *chunks = (fnn_chunk *)(scratch + p->scratch_bytes - p->table_bytes);
    fnn_strip s = {.a = scratch, .a_row = p->pitch, .a_step = 1, .b_step = FNN_BLOCK, .chunks = chunks};
    s.panels = fnn_min(PANELS, g->y_blocks - first);
    s.b = bring_gy(p, set, u, first, s.panels, gy, &s.b_panel);
    copy_taps(p, set, u, rows, scratch);
    const ptrdiff_t gy_row = (p->gy_in_place ? c->ow : u.columns) * FNN_BLOCK;
    for (ptrdiff_t i = 0; i < u.rows; i++) chunks[i] = (fnn_chunk){i * x_row, i * gy_row};
    s.n_chunks = u.rows, s.chunk_len = u.columns;
    s.c = sums, s.c_row = FNN_BLOCK, s.c_panel = p->panel;
    s.rows = p->rows, s.last_columns = FNN_BLOCK, s.accumulate = accumulate;
    g->kernels->strip(&s);
}

static void depthwise_unit(const parts_plan *p, ptrdiff_t set, fnn_grad_unit u, int accumulate, char *scratch,
                           char *sums) {
    const fnn_grad_plan *g = &p->g;
    const fnn_conv_params *c = g->c;
    fnn_chunk *chunks = (fnn_chunk *)(scratch + p->scratch_bytes - p->table_bytes);
    ptrdiff_t plane;
    fnn_depthwise_grad d = {.x_step = c->sw * FNN_BLOCK, .x_tap = c->dw * FNN_BLOCK, .pixels = u.columns};
    d.gy = bring_gy(p, set, u, 0, 1, scratch + p->x_size * g->es, &plane);
    fnn_grad_load_x(g, set, u, 0, scratch);
    const ptrdiff_t gy_row = (p->gy_in_place ? c->ow : u.columns) * FNN_BLOCK;
    for (ptrdiff_t i = 0; i < u.rows; i++) chunks[i] = (fnn_chunk){i * gy_row, i * g->row_step * g->x_pitch};
    d.x_row = c->dh * g->x_pitch;
    d.chunks = chunks, d.n_chunks = u.rows;
    d.kh = c->kh, d.kw = c->kw;
    d.accumulate = accumulate;
    for (ptrdiff_t t = 0; t < c->kd; t++) {
        d.x = scratch + t * g->x_slice * g->es;
        d.gw = sums + t * c->kh * c->kw * FNN_BLOCK * g->es;
        g->kernels->depthwise_grad(&d);
    }
}

#define DEFINE_ADD(type) \
    static void add_##type(type *to, const type *from, ptrdiff_t n) { \
        for (ptrdiff_t i = 0; i < n; i++) to[i] += from[i]; \
    }
DEFINE_ADD(float)
DEFINE_ADD(double)

/* The sums of a group's parts, then into gw: [16 o] of [rows] each. */
static void reduce(const parts_plan *p, ptrdiff_t index) {
    const fnn_grad_plan *g = &p->g;
    const ptrdiff_t set = index / p->groups, first = index % p->groups * PANELS;
    char *sums = p->partial + index * p->parts * p->sums * g->es;
    for (ptrdiff_t part = 1; part < p->parts; part++) {
        const char *from = sums + part * p->sums * g->es;
        if (g->es == sizeof(float))
            add_float((float *)sums, (const float *)from, p->sums);
        else
            add_double((double *)sums, (const double *)from, p->sums);
    }
    for (ptrdiff_t b = first; b < fnn_min(first + PANELS, g->y_blocks); b++) {
        const ptrdiff_t channel = set * g->ys + b * FNN_BLOCK;
        g->kernels->unblock_pixels(sums + (b - first) * p->panel * g->es, p->rows, g->gw + channel * p->rows * g->es,
                                   p->rows, fnn_min(FNN_BLOCK, fnn_min((set + 1) * g->ys, g->c->oc) - channel));
    }
}

static void parts_body(void *context, const fnn_team *team) {
    const parts_plan *p = context;
    const ptrdiff_t all = p->g.sets * p->groups * p->parts;
    char *scratch = p->scratch + team->id * p->scratch_bytes;
    ptrdiff_t task = fnn_claim(team);
    for (; task < all; task = fnn_claim(team)) {
        const ptrdiff_t part = task % p->parts, group = task / p->parts % p->groups, set = task / p->parts / p->groups;
        const ptrdiff_t begin = p->g.units * part / p->parts, end = p->g.units * (part + 1) / p->parts;
        char *sums = p->partial + task * p->sums * p->g.es;
        for (ptrdiff_t i = begin; i < end; i++) {
            const fnn_grad_unit u = fnn_grad_unit_at(&p->g, i);
            if (p->pitch)
                planar_unit(p, set, group, u, i > begin, scratch, sums);
            else
                depthwise_unit(p, set, u, i > begin, scratch, sums);
        }
    }
    fnn_barrier_wait(team);
    for (; task < all + p->g.sets * p->groups; task = fnn_claim(team)) reduce(p, task - all);
}

static fnn_status run_parts(parts_plan *p) {
    const fnn_grad_plan *g = &p->g;
    const int threads = fnn_get_num_threads();
    const ptrdiff_t groups = g->sets * p->groups;
    p->parts = fnn_min(g->units, fnn_max(1, PARTS / groups));
    p->gy_size = p->gy_in_place ? 0 : fnn_min(PANELS, g->y_blocks) * g->band * g->width * FNN_BLOCK;
    p->table_bytes = fnn_round_up((ptrdiff_t)sizeof(fnn_chunk) * g->band, FNN_ALIGN);
    p->scratch_bytes = fnn_round_up((p->x_size + p->gy_size + p->row_size) * g->es, FNN_ALIGN) + p->table_bytes;
    const ptrdiff_t partial = groups * p->parts * p->sums * g->es;
    p->partial = fnn_alloc((size_t)(partial + threads * p->scratch_bytes));
    if (!p->partial) return FNN_NO_MEMORY;
    p->scratch = p->partial + partial;
    fnn_parallel(parts_body, p, threads, fnn_grad_work(g), 1);
    fnn_free(p->partial);
    return FNN_OK;
}

fnn_status fnn_grad_weight_planar(const fnn_grad_plan *plan) {
    parts_plan p = {.g = *plan, .gy_in_place = plan->gy.layout == FNN_BLOCKED};
    p.rows = p.g.xs * p.g.taps;
    const ptrdiff_t bytes = (p.rows + fnn_min(PANELS, p.g.y_blocks) * FNN_BLOCK) * p.g.es;
    fnn_grad_choose_units(&p.g, fnn_max(1, UNIT_BYTES / bytes));
    const fnn_conv_params *c = p.g.c;
    const ptrdiff_t columns = (p.g.width - 1) * c->sw + (c->kw - 1) * c->dw + 1;
    p.row_size = ((p.g.band - 1) * c->sh + (c->kh - 1) * c->dh + 1) * columns;
    p.groups = fnn_ceil_div(p.g.y_blocks, PANELS);
    /* A cache line more than whole ones: rows a power of two apart would share few sets of the cache. */
    p.pitch = fnn_round_up(p.g.band * (c->sh * c->sw == 1 ? columns : p.g.width), FNN_BLOCK) + FNN_BLOCK;
    p.panel = p.rows * FNN_BLOCK;
    p.sums = fnn_min(PANELS, p.g.y_blocks) * p.panel;
    p.x_size = p.rows * p.pitch;
    return run_parts(&p);
}

fnn_status fnn_grad_weight_depthwise(const fnn_grad_plan *plan) {
    parts_plan p = {.g = *plan, .gy_in_place = plan->gy.layout == FNN_BLOCKED};
    const ptrdiff_t bytes = (p.g.c->sh * p.g.c->sw * p.g.c->kd + 1) * FNN_BLOCK * p.g.es;
    fnn_grad_choose_units(&p.g, fnn_max(1, UNIT_BYTES / bytes));
    p.groups = 1;
    p.rows = p.g.taps;
    p.panel = p.sums = p.rows * FNN_BLOCK;
    p.x_size = p.g.x_plane;
    return run_parts(&p);
}
