/* The weight gradient in blocks of 16 result channels o by 16 source channels q:
 *
 *   strip: rows are the channels o (gy is the broadcast side), columns the channels q of a tap, panels the taps of one
 *   kernel row (1x1: several blocks q), and chunks the image rows of a round
 *
 * A round is as many units as fill a cache. Threads claim blocks of the round, then load the next round into the other
 * half of the scratch, so that one barrier a round is enough. x is transposed to 16-channel pixels, gy of an NCHW image
 * is only copied; gy of other images, and a blocked x that needs no padding, are read in place. */
#include <string.h>

#include "conv_grad.h"

/* Pixels of a round: their x and gy together fill three quarters of a 1 MiB second-level cache where channels are few;
 * with many channels a block's x and gy (128 bytes a pixel) still stay in that cache while all weights of the block are
 * computed, and the round may be as large as ROUND_MOST. */
#define ROUND_BYTES ((ptrdiff_t)768 << 10)
#define ROUND_MOST ((ptrdiff_t)4 << 20)
#define ROUND_PIXELS 1024
#define ROUND_PIXELS_MOST 4096
#define POINT_PANELS 4 /* blocks q of a task of a 1x1 kernel */
#define TASKS_PER_THREAD 16

typedef struct {
    fnn_grad_plan g;
    int x_in_place, gy_in_place, pointwise, flat, split; /* split: a task is one kernel row of a block */
    ptrdiff_t slots, rounds;                             /* units of a round, rounds of a set */
    ptrdiff_t gy_row, gy_step, gy_block, x_block, x_pitch, x_slice;
    ptrdiff_t tasks, loads, tile; /* tile: elements of a block's weights in packed form */
    char *x_scratch[2], *gy_scratch[2];
    fnn_chunk *chunks[2];
    char *packed; /* [blocks] tiles, or [threads] where there is one round */
} blocks_plan;

typedef struct {
    ptrdiff_t set, first, units; /* units [first, first + units) of the set */
    int half;
} blocks_round;

static blocks_round round_at(const blocks_plan *p, ptrdiff_t index) {
    blocks_round r = {index / p->rounds, index % p->rounds * p->slots, 0, (int)(index & 1)};
    r.units = fnn_min(p->slots, p->g.units - r.first);
    return r;
}

/* ---- loading ---- */

static ptrdiff_t x_offset(const blocks_plan *p, ptrdiff_t set, ptrdiff_t slot, fnn_grad_unit u) {
    if (!p->x_in_place) return slot * p->g.x_plane;
    const fnn_conv_params *c = p->g.c;
    const ptrdiff_t block = u.image * fnn_blocks(c->c) + set * p->g.xs / FNN_BLOCK;
    return (((block * c->d + u.z * c->sd) * c->h + u.row * c->sh) * c->w + u.column * c->sw) * FNN_BLOCK;
}

static ptrdiff_t gy_offset(const blocks_plan *p, ptrdiff_t set, fnn_grad_unit u) {
    const fnn_conv_params *c = p->g.c;
    if (p->g.gy.layout == FNN_BLOCKED) return fnn_grad_gy_offset(&p->g, set, u);
    return (((u.image * c->od + u.z) * c->oh + u.row) * c->ow + u.column) * c->oc + set * p->g.ys;
}

/* One chunk an output row (flat: a unit): a is gy, b is x. */
static void fill_chunks(const blocks_plan *p, const blocks_round *round) {
    const fnn_grad_plan *g = &p->g;
    const ptrdiff_t x_row = (p->x_in_place ? g->c->sh : g->row_step) * p->x_pitch;
    const ptrdiff_t gy_row = p->gy_in_place ? g->c->ow * p->gy_step : g->width;
    fnn_chunk *chunk = p->chunks[round->half];
    for (ptrdiff_t slot = 0; slot < round->units; slot++) {
        const fnn_grad_unit u = fnn_grad_unit_at(g, round->first + slot);
        const ptrdiff_t x = x_offset(p, round->set, slot, u);
        const ptrdiff_t gy = p->gy_in_place ? gy_offset(p, round->set, u) : slot * g->band * g->width;
        for (ptrdiff_t i = 0; i < (p->flat ? 1 : u.rows); i++) *chunk++ = (fnn_chunk){gy + i * gy_row, x + i * x_row};
    }
}

/* Rows of up to 16 channels of an NCHW gy, one channel a row of the strip. */
static void copy_gy(const blocks_plan *p, const blocks_round *round, ptrdiff_t slot, ptrdiff_t block) {
    const fnn_grad_plan *g = &p->g;
    const fnn_conv_params *c = g->c;
    const fnn_grad_unit u = fnn_grad_unit_at(g, round->first + slot);
    const ptrdiff_t lines = u.columns == c->ow ? 1 : u.rows, pixels = u.rows * u.columns / lines;
    for (ptrdiff_t o = block * FNN_BLOCK; o < fnn_min(g->ys, (block + 1) * FNN_BLOCK); o++) {
        const ptrdiff_t plane = (u.image * c->oc + round->set * g->ys + o) * c->od + u.z;
        const char *from = g->gy.x + ((plane * c->oh + u.row) * c->ow + u.column) * g->es;
        char *to = p->gy_scratch[round->half] + (o * p->gy_row + slot * g->band * g->width) * g->es;
        for (ptrdiff_t i = 0; i < lines; i++)
            memcpy(to + i * g->width * g->es, from + i * c->ow * g->es, (size_t)(pixels * g->es));
    }
}

/* Item 0 is the table of chunks, the others are blocks of x and gy, slot by slot. */
static void load_item(const blocks_plan *p, const blocks_round *round, ptrdiff_t item) {
    const fnn_grad_plan *g = &p->g;
    if (item == 0) {
        fill_chunks(p, round);
        return;
    }
    const ptrdiff_t xs = p->x_in_place ? 0 : g->x_blocks, blocks = xs + (p->gy_in_place ? 0 : g->y_blocks);
    const ptrdiff_t slot = (item - 1) / blocks, block = (item - 1) % blocks;
    if (slot >= round->units) return;
    if (block >= xs)
        copy_gy(p, round, slot, block - xs);
    else
        fnn_grad_load_x(g, round->set, fnn_grad_unit_at(g, round->first + slot), block,
                        p->x_scratch[round->half] + (block * p->x_block + slot * g->x_plane) * g->es);
}

/* ---- computing ---- */

static fnn_strip strip_of(const blocks_plan *p, const blocks_round *round, ptrdiff_t o, ptrdiff_t q) {
    const fnn_grad_plan *g = &p->g;
    const fnn_grad_unit u = fnn_grad_unit_at(g, round->first);
    fnn_strip s = {.a_row = p->gy_row, .a_step = p->gy_step, .chunks = p->chunks[round->half]};
    s.a = (p->gy_in_place ? g->gy.x : p->gy_scratch[round->half]) + o * p->gy_block * g->es;
    s.b = (p->x_in_place ? g->x.x : p->x_scratch[round->half]) + q * p->x_block * g->es;
    s.b_step = g->c->sw * FNN_BLOCK;
    s.n_chunks = round->units;
    s.chunk_len = u.columns;
    if (p->flat) {
        s.chunk_len *= u.rows;
    } else {
        s.n_chunks = 0;
        for (ptrdiff_t i = 0; i < round->units; i++) s.n_chunks += fnn_grad_unit_at(g, round->first + i).rows;
    }
    s.rows = fnn_min(FNN_BLOCK, g->ys - o * FNN_BLOCK);
    s.last_columns = FNN_BLOCK;
    s.accumulate = round->first > 0;
    return s;
}

/* A 1x1 kernel: sums go straight to gw. */
static void compute_point(const blocks_plan *p, const blocks_round *round, ptrdiff_t task) {
    const fnn_grad_plan *g = &p->g;
    const ptrdiff_t o = task % g->y_blocks, q = task / g->y_blocks * POINT_PANELS; /* the larger side stays in cache */
    fnn_strip s = strip_of(p, round, o, q);
    s.b_panel = p->x_block;
    s.c = g->gw + ((round->set * g->ys + o * FNN_BLOCK) * g->xs + q * FNN_BLOCK) * g->es;
    s.c_row = g->xs, s.c_panel = FNN_BLOCK;
    s.panels = fnn_min(POINT_PANELS, g->x_blocks - q);
    s.last_columns = fnn_min(FNN_BLOCK, g->xs - (q + s.panels - 1) * FNN_BLOCK);
    g->kernels->strip(&s);
}

/* A block's sums, packed as [16 o][tap][16 q], into gw. */
static void unpack_block(const blocks_plan *p, ptrdiff_t set, ptrdiff_t block, const char *tile) {
    const fnn_grad_plan *g = &p->g;
    const ptrdiff_t o0 = block / g->x_blocks * FNN_BLOCK, q = block % g->x_blocks * FNN_BLOCK;
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, g->xs - q);
    for (ptrdiff_t o = o0; o < fnn_min(g->ys, o0 + FNN_BLOCK); o++, tile += g->taps * FNN_BLOCK * g->es)
        g->kernels->unblock_pixels(tile, g->taps, g->gw + ((set * g->ys + o) * g->xs + q) * g->taps * g->es, g->taps,
                                   channels);
}

static void compute_block(const blocks_plan *p, const blocks_round *round, ptrdiff_t task, int thread) {
    const fnn_grad_plan *g = &p->g;
    const ptrdiff_t kernel_rows = g->c->kd * g->c->kh, block = p->split ? task / kernel_rows : task;
    const ptrdiff_t first = p->split ? task % kernel_rows : 0, end = p->split ? first + 1 : kernel_rows;
    char *tile = p->packed + (p->rounds == 1 && !p->split ? thread : block) * p->tile * g->es;
    fnn_strip s = strip_of(p, round, block / g->x_blocks, block % g->x_blocks);
    const char *b = s.b;
    s.b_panel = g->c->dw * FNN_BLOCK;
    s.c_row = g->taps * FNN_BLOCK, s.c_panel = FNN_BLOCK;
    s.panels = g->c->kw;
    for (ptrdiff_t r = first; r < end; r++) {
        s.b = b + (r / g->c->kh * p->x_slice + r % g->c->kh * g->c->dh * p->x_pitch) * g->es;
        s.c = tile + r * g->c->kw * FNN_BLOCK * g->es;
        g->kernels->strip(&s);
    }
    if (!p->split && round->first + round->units == g->units) unpack_block(p, round->set, block, tile);
}

static void blocks_body(void *context, const fnn_team *team) {
    const blocks_plan *p = context;
    const ptrdiff_t all = p->g.sets * p->rounds;
    ptrdiff_t claimed = fnn_claim(team), done = 0; /* items claimed one by one, counting on over the rounds */
    for (ptrdiff_t index = -1; index < all; index++) {
        const blocks_round round = round_at(p, fnn_max(0, index)), next = round_at(p, index + 1);
        const ptrdiff_t tasks = index < 0 ? 0 : p->tasks, items = tasks + (index + 1 < all ? p->loads : 0);
        for (; claimed < done + items; claimed = fnn_claim(team)) {
            const ptrdiff_t item = claimed - done;
            if (item >= tasks)
                load_item(p, &next, item - tasks);
            else if (p->pointwise)
                compute_point(p, &round, item);
            else
                compute_block(p, &round, item, team->id);
        }
        done += items;
        fnn_barrier_wait(team);
    }
    const ptrdiff_t blocks = p->split ? p->g.x_blocks * p->g.y_blocks : 0;
    for (; claimed < done + blocks; claimed = fnn_claim(team))
        unpack_block(p, 0, claimed - done, p->packed + (claimed - done) * p->tile * p->g.es);
}

/* ---- planning ---- */

static void choose_rounds(blocks_plan *p) {
    fnn_grad_plan *g = &p->g;
    const fnn_conv_params *c = g->c;
    const ptrdiff_t source = (c->kh == 1 ? 1 : c->sh) * c->sw * (c->kd > 1 ? c->kd : 1); /* source pixels a result's */
    const ptrdiff_t bytes = (g->x_blocks * FNN_BLOCK * source + g->ys) * g->es;
    ptrdiff_t pixels = fnn_max(ROUND_PIXELS, fnn_min(ROUND_PIXELS_MOST, ROUND_BYTES / bytes));
    pixels = fnn_max(1, fnn_min(pixels, ROUND_MOST / bytes));
    fnn_grad_choose_units(g, pixels);
    p->slots = g->parts > 1 ? 1 : fnn_min(g->units, fnn_max(1, pixels / (g->band * g->width)));
    p->rounds = fnn_ceil_div(g->units, p->slots);
}

static void choose_layout(blocks_plan *p) {
    fnn_grad_plan *g = &p->g;
    const fnn_conv_params *c = g->c;
    const int unpadded = c->pd == 0 && c->ph == 0 && c->pw == 0 && (c->od - 1) * c->sd + (c->kd - 1) * c->dd < c->d &&
                         (c->oh - 1) * c->sh + (c->kh - 1) * c->dh < c->h &&
                         (c->ow - 1) * c->sw + (c->kw - 1) * c->dw < c->w;
    p->x_in_place = unpadded && g->x.layout == FNN_BLOCKED;
    p->gy_in_place = g->gy.layout != FNN_NCHW; /* channels are neighbours */
    p->pointwise = g->taps == 1;
    choose_rounds(p);
    const ptrdiff_t pixels = p->slots * g->band * g->width;
    p->x_pitch = p->x_in_place ? c->w * FNN_BLOCK : g->x_pitch;
    p->x_slice = p->x_in_place ? c->dd * c->h * p->x_pitch : g->x_slice;
    p->x_block = p->x_in_place ? c->d * c->h * p->x_pitch : p->slots * g->x_plane;
    /* A cache line more than whole ones: rows a power of two apart would share few sets of the cache. */
    p->gy_row = p->gy_in_place ? 1 : fnn_round_up(pixels, FNN_BLOCK) + FNN_BLOCK;
    p->gy_step = g->gy.layout == FNN_NHWC ? c->oc : p->gy_in_place ? FNN_BLOCK : 1;
    p->gy_block = (g->gy.layout == FNN_BLOCKED ? c->od * c->oh * c->ow : p->gy_row) * FNN_BLOCK;
    p->flat = p->pointwise && c->sh * c->sw == 1 && p->x_pitch == g->width * FNN_BLOCK && g->band * g->bands == c->oh;
    p->tile = g->taps * FNN_BLOCK * FNN_BLOCK;
}

fnn_status fnn_grad_weight_blocks(const fnn_grad_plan *plan) {
    blocks_plan p = {.g = *plan};
    const fnn_grad_plan *g = &p.g;
    const int threads = fnn_get_num_threads();
    choose_layout(&p);
    const ptrdiff_t blocks = g->x_blocks * g->y_blocks;
    p.split = !p.pointwise && g->sets == 1 && blocks < TASKS_PER_THREAD * threads;
    p.tasks = p.pointwise ? g->y_blocks * fnn_ceil_div(g->x_blocks, POINT_PANELS)
                          : blocks * (p.split ? g->c->kd * g->c->kh : 1);
    p.loads = 1 + p.slots * ((p.x_in_place ? 0 : g->x_blocks) + (p.gy_in_place ? 0 : g->y_blocks));
    const ptrdiff_t halves = g->sets * p.rounds > 1 ? 2 : 1;
    const ptrdiff_t table = fnn_round_up((ptrdiff_t)sizeof(fnn_chunk) * p.slots * g->band, FNN_ALIGN);
    const ptrdiff_t x_size = p.x_in_place ? 0 : g->x_blocks * p.x_block;
    const ptrdiff_t gy_size = p.gy_in_place ? 0 : g->y_blocks * p.gy_block;
    const ptrdiff_t tiles = p.pointwise ? 0 : p.rounds == 1 && !p.split ? threads : blocks;
    char *memory = fnn_alloc((size_t)(halves * (table + (x_size + gy_size) * g->es) + tiles * p.tile * g->es));
    if (!memory) return FNN_NO_MEMORY;
    char *at = memory;
    for (int half = 0; half < 2; half++) {
        if (half == halves) at = memory; /* never used */
        p.chunks[half] = (fnn_chunk *)at, at += table;
        p.x_scratch[half] = at, at += x_size * g->es;
        p.gy_scratch[half] = at, at += gy_size * g->es;
    }
    p.packed = memory + halves * (table + (x_size + gy_size) * g->es);
    fnn_parallel(blocks_body, &p, threads, fnn_grad_work(g), 1);
    fnn_free(memory);
    return FNN_OK;
}
