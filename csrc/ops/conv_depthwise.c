/* Convolution with one input channel a group on NCHW images: channels are independent planes. A band of rows of a few
 * channels is copied into padded scratch, the phases of the stride apart, and stays in the first-level cache while the
 * kernel of kernels/depthwise.h reads it once for each tap. */
#include "conv.h"

/* Planes of one item: half of a 48 KiB first-level cache, the other half sees the output pass. */
#define BAND_BYTES ((ptrdiff_t)24 << 10)
#define BAND_ROWS 7        /* rows of the kernel's tallest block */
#define BAND_COLUMNS 2048  /* of a long signal */
#define ITEMS_PER_THREAD 8 /* to claim, so that a faster core takes more of them */
#define MOST_MULTIPLIER 3  /* output channels a group; more of them share loads better as rows of a strip */

typedef struct {
    const fnn_conv_job *job;
    const fnn_kernel_table *kernels;
    ptrdiff_t es, multiplier, packed_group; /* multiplier: output channels a group */
    fnn_conv_axis vertical, horizontal;
    ptrdiff_t channels, channel_bands;                /* input channels of an item */
    ptrdiff_t rows, row_bands, columns, column_bands; /* its output window */
    ptrdiff_t pitch, phase, plane;                    /* strides in scratch */
    ptrdiff_t run, n_chunks;
    fnn_chunk *chunks;
    char *scratch;
    ptrdiff_t x_bytes; /* one thread's */
    int direct;
    int32_t *pick; /* direct: see fnn_depthwise */
} plan;

int fnn_conv_is_depthwise(const fnn_conv_job *job) {
    return fnn_conv_is_flat(job) && job->groups > 1 && job->xc == job->groups &&
           job->yc <= MOST_MULTIPLIER * job->groups && !job->transposed && job->x_layout == FNN_NCHW &&
           job->y_layout == FNN_NCHW;
}

static ptrdiff_t phase_size(const plan *p, ptrdiff_t rows) { return (rows + p->vertical.halo) * p->pitch + FNN_BLOCK; }

static void choose_channels(plan *p, int threads, ptrdiff_t most) {
    const ptrdiff_t windows = p->job->n * p->row_bands * p->column_bands;
    p->channels = fnn_min(most, fnn_ceil_div(p->job->xc, fnn_ceil_div(ITEMS_PER_THREAD * threads, windows)));
    p->channel_bands = fnn_ceil_div(p->job->xc, p->channels);
}

static void choose_items(plan *p, int threads) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t phases = p->vertical.phases * p->horizontal.phases;
    p->column_bands = fnn_ceil_div(job->yw, BAND_COLUMNS);
    p->columns = fnn_ceil_div(job->yw, p->column_bands);
    p->pitch = fnn_round_up(p->columns + p->horizontal.halo, FNN_BLOCK);
    p->rows = job->yh;
    while (p->rows > BAND_ROWS && phases * phase_size(p, p->rows) * p->es > BAND_BYTES)
        p->rows = fnn_round_up(fnn_ceil_div(p->rows, 2), BAND_ROWS);
    p->rows = fnn_min(p->rows, job->yh);
    p->row_bands = fnn_ceil_div(job->yh, p->rows);
    p->phase = phase_size(p, p->rows);
    p->plane = phases * p->phase;
    choose_channels(p, threads, fnn_max(1, BAND_BYTES / (p->plane * p->es)));
    p->x_bytes = fnn_round_up((p->channels * p->plane + 2 * FNN_BLOCK) * p->es, FNN_ALIGN);
}

/* Columns of the kernel where their rows follow each other, else single taps. */
static void fill_chunks(plan *p) {
    const fnn_conv_job *job = p->job;
    const int runs = job->sh == 1 && job->dh == 1 && (job->kh == 3 || job->kh == 5 || job->kh == 7);
    fnn_chunk *chunk = p->chunks;
    p->run = runs ? job->kh : 1;
    for (ptrdiff_t r = 0; r < job->kh; r += p->run)
        for (ptrdiff_t s = 0; s < job->kw; s++, chunk++) {
            const ptrdiff_t slot = r % p->vertical.phases * p->horizontal.phases + s % p->horizontal.phases;
            chunk->a = (r * job->kw + s) * FNN_BLOCK;
            chunk->b = slot * p->phase + r * job->dh / job->sh * p->pitch + s * job->dw / job->sw;
        }
    p->n_chunks = chunk - p->chunks;
}

static void compute(const plan *p, fnn_depthwise *d, ptrdiff_t image, ptrdiff_t channel, ptrdiff_t at) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t taps = job->kh * job->kw;
    for (ptrdiff_t m = 0; m < p->multiplier; m++) {
        const ptrdiff_t o = channel * p->multiplier + m, lane = job->algorithm == FNN_CONV_DEPTHWISE ? channel : m;
        const ptrdiff_t group = job->algorithm == FNN_CONV_DEPTHWISE ? 0 : channel * p->packed_group;
        const ptrdiff_t to = ((image * job->yc + o) * job->yh * job->yw + at) * p->es;
        d->w = job->packed + (group + lane / FNN_BLOCK * taps * FNN_BLOCK + lane % FNN_BLOCK) * p->es;
        d->bias = job->bias ? job->bias + o * p->es : NULL;
        d->residual = job->residual ? job->residual + to : NULL;
        d->y = job->y + to;
        if (p->direct)
            p->kernels->depthwise_direct(d);
        else
            p->kernels->depthwise_planes(d);
    }
}

typedef struct {
    ptrdiff_t image, channel, channels, row, rows, column,
        columns; /* of the input: channels; of the output: the rest */
} window;

static window window_at(const plan *p, ptrdiff_t index) {
    const fnn_conv_job *job = p->job;
    window at = {.column = index % p->column_bands * p->columns};
    at.row = index / p->column_bands % p->row_bands * p->rows;
    index /= p->column_bands * p->row_bands;
    at.channel = index % p->channel_bands * p->channels, at.image = index / p->channel_bands;
    at.channels = fnn_min(p->channels, job->xc - at.channel);
    at.rows = fnn_min(p->rows, job->yh - at.row), at.columns = fnn_min(p->columns, job->yw - at.column);
    return at;
}

static void load_window(const plan *p, const window *at, char *scratch) {
    const fnn_conv_job *job = p->job;
    fnn_planes w = {.x_plane = job->xh * job->xw, .h = job->xh, .w = job->xw, .channels = at->channels, .y = scratch};
    w.x = job->x + (at->image * job->xc + at->channel) * w.x_plane * p->es;
    w.row = at->row * job->sh - job->ph, w.row_step = job->sh;
    w.column = at->column * job->sw - job->pw, w.column_step = job->sw;
    w.row_phases = p->vertical.phases, w.row_dilation = job->dh;
    w.column_phases = p->horizontal.phases, w.column_dilation = job->dw;
    w.rows = at->rows + p->vertical.halo, w.columns = at->columns + p->horizontal.halo;
    w.y_row = p->pitch, w.y_phase = p->phase, w.y_plane = p->plane;
    p->kernels->load_planes(&w);
}

static void depthwise_item(const plan *p, ptrdiff_t index, char *scratch) {
    const fnn_conv_job *job = p->job;
    const window at = window_at(p, index);
    fnn_depthwise d = {.x_row = p->pitch, .w_run = job->kw * FNN_BLOCK, .y_row = job->yw, .run = p->run};
    d.chunks = p->chunks, d.n_chunks = p->n_chunks;
    d.rows = at.rows, d.columns = at.columns;
    d.activation = job->activation, d.alpha = job->alpha, d.beta = job->beta;
    load_window(p, &at, scratch);
    for (ptrdiff_t c = 0; c < at.channels; c++) {
        d.x = scratch + c * p->plane * p->es;
        compute(p, &d, at.image, at.channel + c, at.row * job->yw + at.column);
    }
}

/* What kernels/depthwise.h computes straight from the image: strides of 2, and rows of less than two words, where the
 * padded copy costs most. */
static int is_direct(const plan *p) {
    const fnn_conv_job *job = p->job;
    return (job->kh == 3 || job->kh == 5) && job->kw == job->kh && job->sw == job->sh && job->dh * job->dw == 1 &&
           job->sh <= 2;
}

static void fill_pick(const plan *p) {
    for (ptrdiff_t s = 0; s < p->job->kw; s++)
        for (ptrdiff_t lane = 0; lane < p->kernels->word; lane++)
            p->pick[s * p->kernels->word + lane] = (int32_t)((s + lane * p->job->sw) % (2 * p->kernels->word));
}

static void direct_item(const plan *p, ptrdiff_t index) {
    const fnn_conv_job *job = p->job;
    const window at = window_at(p, index);
    fnn_depthwise d = {.h = job->xh, .w_in = job->xw, .above = job->ph, .before = job->pw, .kernel = job->kh};
    d.stride = job->sh, d.pick = p->pick, d.y_row = job->yw, d.rows = job->yh, d.columns = job->yw;
    d.activation = job->activation, d.alpha = job->alpha, d.beta = job->beta;
    for (ptrdiff_t c = at.channel; c < at.channel + at.channels; c++) {
        d.x = job->x + (at.image * job->xc + c) * job->xh * job->xw * p->es;
        compute(p, &d, at.image, c, 0);
    }
}

static void depthwise_body(void *context, const fnn_team *team) {
    const plan *p = context;
    const ptrdiff_t all = p->job->n * p->channel_bands * p->row_bands * p->column_bands;
    for (ptrdiff_t index = fnn_claim(team); index < all; index = fnn_claim(team))
        if (p->direct)
            direct_item(p, index);
        else
            depthwise_item(p, index, p->scratch + team->id * p->x_bytes);
}

fnn_status fnn_conv_depthwise(const fnn_conv_job *job) {
    plan p = {.job = job, .kernels = fnn_kernels(job->dtype), .es = fnn_element_size(job->dtype)};
    const int threads = fnn_get_num_threads();
    const ptrdiff_t taps = job->kh * job->kw;
    p.row_bands = p.column_bands = 1, p.rows = job->yh, p.columns = job->yw;
    p.multiplier = job->yc / job->groups;
    p.packed_group = (ptrdiff_t)fnn_conv_packed_group(job->algorithm, 1, p.multiplier, taps);
    p.vertical = fnn_conv_axis_of(job->kh, job->sh, job->dh);
    p.horizontal = fnn_conv_axis_of(job->kw, job->sw, job->dw);
    p.direct = is_direct(&p);
    if (p.direct)
        choose_channels(&p, threads, job->xc);
    else
        choose_items(&p, threads);
    const size_t pick = p.direct ? sizeof(int32_t) * (size_t)(job->kw * p.kernels->word) : 0;
    const size_t chunks = sizeof(fnn_chunk) * (size_t)taps;
    const size_t tables = (size_t)fnn_round_up((ptrdiff_t)(chunks + pick), FNN_ALIGN);
    char *memory = fnn_alloc(tables + (size_t)(p.x_bytes * threads));
    if (!memory) return FNN_NO_MEMORY;
    p.chunks = (fnn_chunk *)memory;
    p.scratch = memory + tables;
    p.pick = (int32_t *)(memory + chunks);
    if (p.direct)
        fill_pick(&p);
    else
        fill_chunks(&p);
    /* a multiply-add of these costs what four of a tile do */
    const double work = 4.0 * (double)(job->n * job->yc * job->yh * job->yw) * (double)taps;
    fnn_parallel(depthwise_body, &p, threads, work, 1);
    fnn_free(memory);
    return FNN_OK;
}
