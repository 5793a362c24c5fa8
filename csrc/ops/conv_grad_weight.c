/* The weight gradient: for every tap a product of gy and x over all pixels, with no im2col matrix.
 *
 *   BLOCKED    gw[o][q][t][r][s] = sum over image rows of gy[row][:, o] . x[row'][:, q]: a strip with 16 rows o, the taps
 *              s of kernel row (t, r) as panels, and image rows as chunks
 *   PLANAR     taps s are the strip's rows, output channels its panels
 *   DEPTHWISE  lanes are channels, pixels the chunks of a depthwise row
 * Images come in rounds that fit in cache; each sum runs over the rounds in order, whatever the threads. */
#include <string.h>

#include "conv.h"

/* x with its padding and gy of one round: the size of a second-level cache. */
#define ROUND_BYTES ((ptrdiff_t)512 << 10)
/* One row of many channels may take this much; beyond it a unit is a part of a row, of LEAST_COLUMNS at least. */
#define ROUND_MOST ((ptrdiff_t)2 << 20)
#define LEAST_COLUMNS 128

typedef struct {
    const fnn_conv_params *c;
    const fnn_kernel_table *kernels;
    fnn_conv_algorithm algorithm;
    ptrdiff_t es, unit; /* element bytes; elements of an x pixel: 16, planar 1 */
    fnn_image x, gy;
    char *gw;
    ptrdiff_t sets, xs, ys, x_blocks, y_blocks; /* groups (depthwise: blocks of 16), channels and blocks of each */
    int x_in_place, gy_in_place;
    ptrdiff_t columns, x_pitch, x_slice, x_plane, gy_plane; /* strides of a slot (or of the arrays in place) */
    ptrdiff_t width;              /* output columns of a unit: all of them, unless a row is too long for a round */
    ptrdiff_t band, bands, slots; /* output rows of a unit, units of an output slice, units of a round */
    ptrdiff_t x_slot, gy_slot;    /* elements of a slot */
    char *x_scratch, *gy_scratch, *packed;
    fnn_chunk *chunks, *pixels; /* rows of a round; pixels of a row (depthwise) */
    ptrdiff_t packed_size;
} gw_plan;

/* Rows of one output slice z, and the part of them that begins at `column`. */
typedef struct {
    ptrdiff_t image, z, row, rows, column, columns;
} gw_unit;

/* Units come in the order of the images, first those of the leftmost columns; the units of a round are equally wide. */
static gw_unit unit_at(const gw_plan *p, ptrdiff_t column, ptrdiff_t index) {
    gw_unit u = {.row = index % p->bands * p->band, .column = column};
    u.z = index / p->bands % p->c->od, u.image = index / p->bands / p->c->od;
    u.rows = fnn_min(p->band, p->c->oh - u.row), u.columns = fnn_min(p->width, p->c->ow - column);
    return u;
}

/* Where a unit's first row lies: x at kernel row 0 and its first column less pw, gy at its first column; offsets from
 * x_base and gy_base. */
static ptrdiff_t x_offset(const gw_plan *p, ptrdiff_t set, ptrdiff_t slot, gw_unit u) {
    if (!p->x_in_place) return slot * p->x_slot;
    const ptrdiff_t block =
        p->unit == 1 ? u.image * p->c->c + set * p->xs : u.image * fnn_blocks(p->c->c) + set * p->xs / FNN_BLOCK;
    return block * p->x_plane + u.z * p->c->sd * p->c->h * p->x_pitch + u.row * p->c->sh * p->x_pitch +
           u.column * p->c->sw * p->unit;
}

static ptrdiff_t gy_offset(const gw_plan *p, ptrdiff_t set, ptrdiff_t slot, gw_unit u) {
    if (!p->gy_in_place) return slot * p->gy_slot;
    const ptrdiff_t block = u.image * fnn_blocks(p->c->oc) + set * p->ys / FNN_BLOCK;
    return block * p->gy_plane + ((u.z * p->c->oh + u.row) * p->c->ow + u.column) * FNN_BLOCK;
}

static void load_x(const gw_plan *p, ptrdiff_t set, ptrdiff_t slot, gw_unit u, ptrdiff_t block) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t channel = set * p->xs + block * p->unit;
    const ptrdiff_t channels = fnn_min(p->unit, fnn_min((set + 1) * p->xs, c->c) - channel);
    const ptrdiff_t rows = (u.rows - 1) * c->sh + (c->kh - 1) * c->dh + 1, column = u.column * c->sw - c->pw;
    char *to = p->x_scratch + (slot * p->x_slot + block * p->x_plane) * p->es;
    for (ptrdiff_t t = 0; t < c->kd; t++) {
        char *row = to + t * p->x_slice * p->es;
        for (ptrdiff_t i = 0; i < rows; i++, row += p->x_pitch * p->es)
            fnn_load_row(&p->x, p->unit, u.image, channel, channels, u.z * c->sd - c->pd + t * c->dd,
                         u.row * c->sh - c->ph + i, column, p->columns, 0, row);
    }
}

static void load_gy(const gw_plan *p, ptrdiff_t set, ptrdiff_t slot, gw_unit u, ptrdiff_t block) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t channel = set * p->ys + block * FNN_BLOCK;
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, fnn_min((set + 1) * p->ys, c->oc) - channel);
    char *to = p->gy_scratch + (slot * p->gy_slot + block * p->gy_plane) * p->es;
    for (ptrdiff_t i = 0; i < u.rows; i++, to += p->width * FNN_BLOCK * p->es)
        fnn_load_row(&p->gy, FNN_BLOCK, u.image, channel, channels, u.z, u.row + i, u.column, u.columns, 0, to);
}

typedef struct {
    ptrdiff_t set, column, first, units; /* units [first, first + units) of these columns */
} gw_round;

static void load_round(const gw_plan *p, const gw_round *round, const fnn_team *team) {
    const ptrdiff_t x_items = p->x_in_place ? 0 : p->x_blocks, items = x_items + (p->gy_in_place ? 0 : p->y_blocks);
    ptrdiff_t begin, end;
    fnn_share(team, round->units * items, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) {
        const ptrdiff_t slot = i / items, block = i % items;
        const gw_unit unit = unit_at(p, round->column, round->first + slot);
        if (block < x_items)
            load_x(p, round->set, slot, unit, block);
        else
            load_gy(p, round->set, slot, unit, block - x_items);
    }
}

/* One chunk an output row; the strip's a is gy and b is x, the other way round when planar. */
static void fill_rows(const gw_plan *p, const gw_round *round) {
    const ptrdiff_t gy_pitch = (p->gy_in_place ? p->c->ow : p->width) * FNN_BLOCK;
    ptrdiff_t n = 0;
    for (ptrdiff_t slot = 0; slot < round->units; slot++) {
        const gw_unit u = unit_at(p, round->column, round->first + slot);
        for (ptrdiff_t i = 0; i < u.rows; i++, n++) {
            const ptrdiff_t x = x_offset(p, round->set, slot, u) + i * p->c->sh * p->x_pitch;
            const ptrdiff_t gy = gy_offset(p, round->set, slot, u) + i * gy_pitch;
            p->chunks[n] = p->unit == 1 ? (fnn_chunk){x, gy} : (fnn_chunk){gy, x};
        }
    }
}

/* Task: (output block, source block, kernel row), planar (source channel, kernel row), depthwise (kernel row), where
 * kernel row r counts over the kernel's slices. */
static void compute_task(const gw_plan *p, ptrdiff_t task, ptrdiff_t rows, ptrdiff_t columns, int accumulate) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t r = task % (c->kd * c->kh), block = task / (c->kd * c->kh), taps = c->kd * c->kh * c->kw;
    const char *x = p->x_in_place ? p->x.x : p->x_scratch, *gy = p->gy_in_place ? p->gy.x : p->gy_scratch;
    const ptrdiff_t row = r / c->kh * p->x_slice + r % c->kh * c->dh * p->x_pitch;
    fnn_strip s = {.chunks = p->chunks, .n_chunks = rows, .chunk_len = columns, .last_columns = FNN_BLOCK};
    s.accumulate = accumulate;
    s.c_row = FNN_BLOCK;
    if (p->algorithm == FNN_CONV_PLANAR) {
        s.a = x + (block * p->x_plane + row) * p->es, s.a_row = c->dw, s.a_step = c->sw;
        s.b = gy, s.b_panel = p->gy_plane, s.b_step = FNN_BLOCK;
        s.c = p->packed + (block * taps + r * c->kw) * FNN_BLOCK * p->es;
        s.c_panel = p->xs * taps * FNN_BLOCK;
        s.rows = c->kw, s.panels = p->y_blocks;
        p->kernels->strip(&s);
        return;
    }
    if (p->algorithm == FNN_CONV_BLOCKED) {
        const ptrdiff_t q = block % p->x_blocks, o = block / p->x_blocks;
        s.a = gy + o * p->gy_plane * p->es, s.a_row = 1, s.a_step = FNN_BLOCK;
        s.b = x + (q * p->x_plane + row) * p->es, s.b_panel = c->dw * FNN_BLOCK, s.b_step = c->sw * FNN_BLOCK;
        s.c = p->packed + (block * taps + r * c->kw) * FNN_BLOCK * FNN_BLOCK * p->es;
        s.c_panel = FNN_BLOCK * FNN_BLOCK;
        s.rows = FNN_BLOCK, s.panels = c->kw;
        p->kernels->strip(&s);
        return;
    }
    s.c = p->packed + r * c->kw * FNN_BLOCK * p->es;
    s.a_row = c->dw * FNN_BLOCK, s.rows = c->kw, s.panels = 1;
    s.chunks = p->pixels, s.n_chunks = columns;
    for (ptrdiff_t i = 0; i < rows; i++) {
        s.a = x + (row + p->chunks[i].b) * p->es;
        s.b = gy + p->chunks[i].a * p->es;
        s.residual = accumulate || i ? s.c : NULL;
        p->kernels->depthwise_row(&s);
    }
}

/* Packed sums of one set into gw[oc][cg][kd][kh][kw]. */
static void unpack(const gw_plan *p, ptrdiff_t set) {
    const ptrdiff_t taps = p->c->kd * p->c->kh * p->c->kw, es = p->es;
    if (p->algorithm == FNN_CONV_DEPTHWISE) {
        const ptrdiff_t channels = fnn_min(FNN_BLOCK, p->c->c - set * FNN_BLOCK);
        p->kernels->unblock_pixels(p->packed, taps, p->gw + set * FNN_BLOCK * taps * es, taps, channels);
        return;
    }
    for (ptrdiff_t o = 0; o < p->ys; o++)
        for (ptrdiff_t q = 0; q < p->xs; q++)
            for (ptrdiff_t t = 0; t < taps; t++) {
                ptrdiff_t at = ((o / FNN_BLOCK * p->xs + q) * taps + t) * FNN_BLOCK + o % FNN_BLOCK;
                if (p->algorithm == FNN_CONV_BLOCKED)
                    at = (((o / FNN_BLOCK * p->x_blocks + q / FNN_BLOCK) * taps + t) * FNN_BLOCK + o % FNN_BLOCK) *
                             FNN_BLOCK +
                         q % FNN_BLOCK;
                memcpy(p->gw + (((set * p->ys + o) * p->xs + q) * taps + t) * es, p->packed + at * es, (size_t)es);
            }
}

static void gw_body(void *context, const fnn_team *team) {
    const gw_plan *p = context;
    const ptrdiff_t units = p->c->n * p->c->od * p->bands;
    const ptrdiff_t blocks = p->algorithm == FNN_CONV_PLANAR    ? p->xs
                             : p->algorithm == FNN_CONV_BLOCKED ? p->x_blocks * p->y_blocks
                                                                : 1;
    const ptrdiff_t tasks = blocks * p->c->kd * p->c->kh;
    ptrdiff_t claimed = fnn_claim(team), done = 0; /* tasks claimed one by one, counting on over the rounds */
    for (gw_round round = {0}; round.set < p->sets; round.set++) {
        for (round.column = 0; round.column < p->c->ow; round.column += p->width)
            for (round.first = 0; round.first < units; round.first += p->slots) {
                round.units = fnn_min(p->slots, units - round.first);
                load_round(p, &round, team);
                ptrdiff_t rows = 0;
                for (ptrdiff_t i = 0; i < round.units; i++) rows += unit_at(p, round.column, round.first + i).rows;
                if (team->id == 0) fill_rows(p, &round);
                fnn_barrier_wait(team);
                for (; claimed < done + tasks; claimed = fnn_claim(team))
                    compute_task(p, claimed - done, rows, fnn_min(p->width, p->c->ow - round.column),
                                 round.first > 0 || round.column > 0);
                done += tasks;
                fnn_barrier_wait(team);
            }
        if (team->id == 0) unpack(p, round.set);
    }
}

/* Bytes of one unit in scratch, and its strides, for the band and width chosen so far. */
static ptrdiff_t measure_slot(gw_plan *p) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t x_rows = (p->band - 1) * c->sh + (c->kh - 1) * c->dh + 1;
    p->columns = (p->width - 1) * c->sw + (c->kw - 1) * c->dw + 1;
    p->x_pitch = (p->x_in_place ? c->w : p->columns) * p->unit;
    p->x_slice = (p->x_in_place ? c->dd * c->h : x_rows) * p->x_pitch;
    p->x_plane = p->x_in_place ? c->d * c->h * p->x_pitch : c->kd * p->x_slice;
    p->gy_plane = (p->gy_in_place ? c->od * c->oh * c->ow : p->band * p->width) * FNN_BLOCK;
    p->x_slot = p->x_in_place ? 0 : p->x_blocks * p->x_plane;
    p->gy_slot = p->gy_in_place ? 0 : p->y_blocks * p->gy_plane;
    return (p->x_slot + p->gy_slot) * p->es;
}

static void choose_rounds(gw_plan *p) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t reach = (c->kw - 1) * c->dw / c->sw;
    p->band = c->oh, p->width = c->ow;
    while (p->band > 1 && measure_slot(p) > ROUND_BYTES) p->band = (p->band + 1) / 2;
    while (p->width > LEAST_COLUMNS && p->width > reach && measure_slot(p) > ROUND_MOST) p->width = (p->width + 1) / 2;
    const ptrdiff_t slot_bytes = measure_slot(p);
    p->bands = fnn_ceil_div(c->oh, p->band);
    p->slots = fnn_min(c->n * c->od * p->bands, fnn_max(1, ROUND_BYTES / fnn_max(1, slot_bytes)));
}

static void choose_layouts(gw_plan *p, const void *gy, const void *x) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t cg = c->c / c->groups, ocg = c->oc / c->groups;
    const int depthwise = p->algorithm == FNN_CONV_DEPTHWISE;
    p->unit = p->algorithm == FNN_CONV_PLANAR ? 1 : FNN_BLOCK;
    p->sets = depthwise ? fnn_blocks(c->groups) : c->groups;
    p->xs = depthwise ? FNN_BLOCK : cg, p->ys = depthwise ? FNN_BLOCK : ocg;
    p->x_blocks = p->unit == 1 ? cg : fnn_blocks(p->xs), p->y_blocks = fnn_blocks(p->ys);
    p->x = (fnn_image){c->dtype, c->x_layout, x, c->c, c->d, c->h, c->w, c->padding_mode};
    p->gy = (fnn_image){c->dtype, c->y_layout, gy, c->oc, c->od, c->oh, c->ow, FNN_PAD_CONSTANT};
    const int unpadded = c->pd + c->ph + c->pw == 0 && (c->od - 1) * c->sd + (c->kd - 1) * c->dd < c->d &&
                         (c->oh - 1) * c->sh + (c->kh - 1) * c->dh < c->h &&
                         (c->ow - 1) * c->sw + (c->kw - 1) * c->dw < c->w;
    p->x_in_place = unpadded && c->x_layout == (p->unit == 1 ? FNN_NCHW : FNN_BLOCKED);
    p->gy_in_place = c->y_layout == FNN_BLOCKED;
    p->packed_size = p->y_blocks * c->kd * c->kh * c->kw * FNN_BLOCK *
                     (p->algorithm == FNN_CONV_BLOCKED ? p->x_blocks * FNN_BLOCK
                      : depthwise                      ? 1
                                                       : cg);
}

static fnn_status run_rounds(gw_plan *p) {
    const fnn_conv_params *c = p->c;
    const ptrdiff_t n_chunks = p->slots * p->band, n_pixels = p->algorithm == FNN_CONV_DEPTHWISE ? p->width : 0;
    const ptrdiff_t table = fnn_round_up((ptrdiff_t)sizeof(fnn_chunk) * (n_chunks + n_pixels), FNN_ALIGN);
    const ptrdiff_t slots = p->slots * (p->x_slot + p->gy_slot);
    char *memory = fnn_alloc((size_t)(table + (p->packed_size + slots) * p->es));
    if (!memory) return FNN_NO_MEMORY;
    p->chunks = (fnn_chunk *)memory;
    p->pixels = p->chunks + n_chunks;
    p->packed = memory + table;
    p->gy_scratch = p->packed + p->packed_size * p->es;
    p->x_scratch = p->gy_scratch + p->slots * p->gy_slot * p->es;
    for (ptrdiff_t j = 0; j < n_pixels; j++) p->pixels[j] = (fnn_chunk){j * c->sw * FNN_BLOCK, j * FNN_BLOCK};
    const double macs =
        (double)(c->n * c->oc * c->od * c->oh * c->ow) * (double)(c->c / c->groups * c->kd * c->kh * c->kw);
    fnn_parallel(gw_body, p, fnn_get_num_threads(), macs, 1);
    fnn_free(memory);
    return FNN_OK;
}

/* Groups that do not start at a block of 16 cannot be split off a blocked image: go through NCHW copies. */
static fnn_status grad_weight_through_planar(const fnn_conv_params *c, const void *gy, const void *x, void *gw) {
    const ptrdiff_t es = fnn_element_size(c->dtype);
    fnn_conv_params planar = *c;
    if (c->x_layout == FNN_BLOCKED) planar.x_layout = FNN_NCHW;
    if (c->y_layout == FNN_BLOCKED) planar.y_layout = FNN_NCHW;
    char *x_copy = fnn_alloc((size_t)(c->n * c->c * c->d * c->h * c->w * es));
    char *gy_copy = fnn_alloc((size_t)(c->n * c->oc * c->od * c->oh * c->ow * es));
    fnn_status status = FNN_NO_MEMORY;
    if (x_copy && gy_copy) {
        if (c->x_layout == FNN_BLOCKED) fnn_unblock(c->dtype, c->n, c->c, c->d * c->h, c->w, x, x_copy);
        if (c->y_layout == FNN_BLOCKED) fnn_unblock(c->dtype, c->n, c->oc, c->od * c->oh, c->ow, gy, gy_copy);
        status = fnn_conv_grad_weight(&planar, c->y_layout == FNN_BLOCKED ? gy_copy : gy,
                                      c->x_layout == FNN_BLOCKED ? x_copy : x, gw);
    }
    fnn_free(x_copy);
    fnn_free(gy_copy);
    return status;
}

fnn_status fnn_conv_grad_weight(const fnn_conv_params *c, const void *gy, const void *x, void *gw) {
    const ptrdiff_t cg = c->c / c->groups, ocg = c->oc / c->groups;
    gw_plan p = {.c = c, .kernels = fnn_kernels(c->dtype), .es = fnn_element_size(c->dtype), .gw = gw};
    p.algorithm = fnn_conv_choose(cg, ocg, c->groups);
    if (c->oc * cg == 0) return FNN_OK;
    if (c->n == 0) {
        memset(gw, 0, (size_t)(c->oc * cg * c->kd * c->kh * c->kw * p.es));
        return FNN_OK;
    }
    const int aligned = c->groups == 1 || p.algorithm == FNN_CONV_DEPTHWISE;
    if (!aligned && ((c->x_layout == FNN_BLOCKED && cg % FNN_BLOCK) || (c->y_layout == FNN_BLOCKED && ocg % FNN_BLOCK)))
        return grad_weight_through_planar(c, gy, x, gw);
    choose_layouts(&p, gy, x);
    choose_rounds(&p);
    return run_rounds(&p);
}
