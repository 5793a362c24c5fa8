/* Pooling: which kernel serves a volume of each layout, forward and backward. */
#include "pool.h"

#include <string.h>

/* ---- channels in the lanes: blocked images, and NHWC by 16 channels at a time ---- */

/* Element offset of lane block `volume` in an array of `pixels` pixels an image; sets the lanes of the call. */
static ptrdiff_t lanes_at(const pool_job *job, fnn_pool *g, ptrdiff_t volume, ptrdiff_t pixels) {
    const ptrdiff_t c = job->p->c, blocks = fnn_blocks(c), block = volume % blocks;
    if (job->p->layout == FNN_BLOCKED) {
        g->pixel = g->lanes = FNN_BLOCK;
        return volume * pixels * FNN_BLOCK;
    }
    g->pixel = c, g->lanes = fnn_min(FNN_BLOCK, c - block * FNN_BLOCK);
    return volume / blocks * pixels * c + block * FNN_BLOCK;
}

static void forward_lanes(const pool_job *job, ptrdiff_t volume, ptrdiff_t row, ptrdiff_t last, char *scratch) {
    fnn_pool g = job->pool;
    const ptrdiff_t from = lanes_at(job, &g, volume, job->inputs), to = lanes_at(job, &g, volume, job->outputs);
    (void)scratch;
    for (ptrdiff_t i = row; i < last; i++)
        if (g.average)
            job->kernels->avg_pool_lanes(&g, job->x + from * job->es, job->out + to * job->es, i);
        else
            job->kernels->max_pool_lanes(&g, job->x + from * job->es, job->out + to * job->es,
                                         job->taps ? job->taps + to : NULL, i);
    const ptrdiff_t channels = job->p->c - volume % fnn_blocks(job->p->c) * FNN_BLOCK;
    if (g.empty && g.pixel == FNN_BLOCK && channels < FNN_BLOCK) /* -inf of empty windows beyond the channels */
        for (ptrdiff_t i = row * g.out[2]; i < last * g.out[2]; i++)
            memset(job->out + (to + i * FNN_BLOCK + channels) * job->es, 0, (size_t)((FNN_BLOCK - channels) * job->es));
}

static void clear_lanes(const pool_job *job, const fnn_pool *g, char *gx) {
    if (g->pixel == g->lanes)
        memset(gx, 0, (size_t)(job->inputs * g->pixel * job->es));
    else
        for (ptrdiff_t i = 0; i < job->inputs; i++)
            memset(gx + i * g->pixel * job->es, 0, (size_t)(g->lanes * job->es));
}

/* Windows that lie side by side and cover the image: the gradient of a maximum writes every position. */
static int covers(const pool_job *job, int axis) {
    const fnn_pool_params *p = job->p;
    return !p->adaptive && p->padding[axis] == 0 && p->stride[axis] == p->kernel[axis] && p->dilation[axis] == 1 &&
           p->out[axis] * p->kernel[axis] == p->size[axis];
}

static void backward_lanes(const pool_job *job, ptrdiff_t volume, ptrdiff_t row, ptrdiff_t last, char *scratch) {
    fnn_pool g = job->pool;
    const ptrdiff_t to = lanes_at(job, &g, volume, job->inputs), from = lanes_at(job, &g, volume, job->outputs);
    char *gx = job->out + to * job->es;
    const char *gy = job->gy + from * job->es, *y = job->y ? job->y + from * job->es : NULL;
    const uint8_t *taps = job->taps_in ? job->taps_in + from : NULL;
    if (g.average || !covers(job, 1) || !covers(job, 2)) clear_lanes(job, &g, gx);
    if (!g.average && !taps) { /* the positions once more, into scratch laid out like the image */
        uint8_t *found = (uint8_t *)scratch;
        char *values = scratch + fnn_round_up(job->outputs * g.pixel, FNN_ALIGN);
        for (ptrdiff_t i = row; i < last; i++)
            job->kernels->max_pool_lanes(&g, job->x + to * job->es, values, found, i);
        taps = found;
    }
    for (; row < last; row++)
        if (g.average)
            job->kernels->avg_pool_grad_lanes(&g, gy, gx, row);
        else
            job->kernels->max_pool_grad_lanes(&g, gy, taps, y, gx, row);
}

/* ---- plain planes ---- */

static void forward_planes(const pool_job *job, ptrdiff_t first, ptrdiff_t count, ptrdiff_t row, ptrdiff_t last,
                           char *scratch) {
    job->kernels->pool_planes(&job->pool, job->x + first * job->inputs * job->es,
                              job->out + first * job->outputs * job->es, count, row, last, scratch);
}

static void forward_whole(const pool_job *job, ptrdiff_t first, ptrdiff_t count, ptrdiff_t row, ptrdiff_t last,
                          char *scratch) {
    (void)row, (void)last, (void)scratch;
    job->kernels->pool_whole(&job->pool, job->x + first * job->inputs * job->es, job->out + first * job->es, count);
}

/* Flat positions in the volume from the numbers of taps. */
static void indices_of(const fnn_pool *g, const uint8_t *taps, ptrdiff_t row, ptrdiff_t last, int64_t *indices) {
    for (ptrdiff_t i = row; i < last; i++) {
        const fnn_window d = g->windows[0][i / g->out[1]], h = g->windows[1][i % g->out[1]];
        for (ptrdiff_t j = 0; j < g->out[2]; j++) {
            const fnn_window w = g->windows[2][j];
            const ptrdiff_t at = i * g->out[2] + j, tap = taps[at], area = g->kernel[1] * g->kernel[2];
            const ptrdiff_t depth = d.begin + (tap / area - d.skipped) * g->dilation[0];
            const ptrdiff_t line = h.begin + (tap / g->kernel[2] % g->kernel[1] - h.skipped) * g->dilation[1];
            const ptrdiff_t column = w.begin + (tap % g->kernel[2] - w.skipped) * g->dilation[2];
            indices[at] = tap == 255 ? -1 : (depth * g->size[1] + line) * g->size[2] + column;
        }
    }
}

static void positions_planes(const pool_job *job, ptrdiff_t volume, ptrdiff_t row, ptrdiff_t last, char *scratch) {
    const char *x = job->x + volume * job->inputs * job->es;
    char *y = job->out + volume * job->outputs * job->es;
    uint8_t *taps = job->taps ? job->taps + volume * job->outputs : NULL;
    int64_t *indices = job->indices ? job->indices + volume * job->outputs : NULL;
    if (job->p->adaptive || !fnn_pool_has_taps(job->p)) {
        job->kernels->max_pool_search(&job->pool, x, y, taps, indices, row, last);
        return;
    }
    if (!taps) taps = (uint8_t *)scratch + pool_rows_bytes(job);
    job->kernels->max_pool_planes(&job->pool, x, y, taps, row, last, scratch);
    if (indices) indices_of(&job->pool, taps, row, last, indices);
}

/* Scratch of the gradient from x: the two rows, y, then taps or indices. */
static void backward_planes(const pool_job *job, ptrdiff_t volume, ptrdiff_t row, ptrdiff_t last, char *scratch) {
    const fnn_pool *g = &job->pool;
    const char *gy = job->gy + volume * job->outputs * job->es;
    const char *y = job->y ? job->y + volume * job->outputs * job->es : NULL;
    char *gx = job->out + volume * job->inputs * job->es, *values = scratch + pool_rows_bytes(job);
    uint8_t *found = (uint8_t *)values + fnn_round_up(job->outputs * job->es, FNN_ALIGN);
    if (g->average) {
        job->kernels->avg_pool_grad_planes(g, gy, gx, scratch);
    } else if (job->taps_in) {
        job->kernels->max_pool_grad_planes(g, gy, job->taps_in + volume * job->outputs, y, gx);
    } else {
        pool_job again = *job;
        const int bytes = fnn_pool_has_taps(job->p);
        again.x += volume * job->inputs * job->es;
        again.out = values, again.taps = bytes ? found : NULL, again.indices = bytes ? NULL : (int64_t *)found;
        positions_planes(&again, 0, row, last, scratch);
        if (bytes)
            job->kernels->max_pool_grad_planes(g, gy, found, y, gx);
        else
            job->kernels->max_pool_grad_indices(g, gy, (int64_t *)found, y, gx);
    }
}

/* ---- public ---- */

static int is_whole(const pool_job *job) {
    for (int axis = 0; axis < 3; axis++)
        if (job->pool.out[axis] != 1 || job->pool.windows[axis]->taps != job->pool.size[axis]) return 0;
    return 1;
}

static fnn_status run(pool_job *job, const fnn_pool_params *p, int backward) {
    if (!fnn_pool_geometry(job, p)) return FNN_NO_MEMORY;
    const int positions = !backward && (job->taps || job->indices), lanes = p->layout != FNN_NCHW;
    if (lanes)
        job->volume = backward ? backward_lanes : forward_lanes;
    else if (backward || positions)
        job->volume = backward ? backward_planes : positions_planes;
    else
        job->volumes_of = job->outputs && is_whole(job) ? forward_whole : forward_planes;
    ptrdiff_t more = 0;
    const int search = backward && !job->pool.average && !job->taps_in;
    const ptrdiff_t pixel = p->layout == FNN_NHWC ? p->c : lanes ? FNN_BLOCK : 1;
    if (search || job->indices) more = fnn_round_up(job->outputs * pixel, FNN_ALIGN) * (1 + job->es);
    if (search && !lanes && !fnn_pool_has_taps(p)) more += job->outputs * (ptrdiff_t)sizeof(int64_t);
    return fnn_pool_run(job, more, !backward);
}

fnn_status fnn_max_pool(const fnn_pool_params *p, const void *x, void *y, uint8_t *taps, int64_t *indices) {
    pool_job job = {.x = x, .out = y, .taps = taps, .indices = indices};
    return run(&job, p, 0);
}

fnn_status fnn_max_pool_grad_taps(const fnn_pool_params *p, const void *gy, const uint8_t *taps, const void *y,
                                  void *gx) {
    pool_job job = {.gy = gy, .taps_in = taps, .y = y, .out = gx};
    return run(&job, p, 1);
}

fnn_status fnn_max_pool_grad_input(const fnn_pool_params *p, const void *gy, const void *x, const void *y, void *gx) {
    pool_job job = {.gy = gy, .x = x, .y = y, .out = gx};
    return run(&job, p, 1);
}

fnn_status fnn_avg_pool(const fnn_pool_params *p, const void *x, void *y) {
    pool_job job = {.pool.average = 1, .x = x, .out = y};
    return run(&job, p, 0);
}

fnn_status fnn_avg_pool_grad_input(const fnn_pool_params *p, const void *gy, void *gx) {
    pool_job job = {.pool.average = 1, .gy = gy, .out = gx};
    return run(&job, p, 1);
}
