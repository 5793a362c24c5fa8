/* Pooling: the windows of each axis, the scratch that the kernels need, and how volumes go to threads. */
#include "pool.h"

/* Elements of scratch that one kernel fills before it reads them: half of the first-level cache. */
#define TOGETHER 4096
/* Rows that it fills: words read across two just written ones would wait for both. 3x3 windows of 27x27 planes: 0.050 ms
 * before this and smaller shares for threads came in together, 0.018 after; AMD Zen 5, 2026-11. */
#define ROWS_TOGETHER 8
/* What an element costs, counted as fnn_parallel does: small planes take about 0.2 ns each (AMD Zen 5, 2026-11). */
#define ELEMENT_WORK 10.0
/* Elements of one item: less and taking items costs more than it balances (AMD Zen 5, 2026-11). */
#define ITEM_ELEMENTS 16384

static fnn_window window_at(const fnn_pool_params *p, int axis, ptrdiff_t i) {
    const ptrdiff_t size = p->size[axis], kernel = p->kernel[axis], dilation = p->dilation[axis];
    if (p->adaptive) {
        const ptrdiff_t begin = i * size / p->out[axis], taps = fnn_ceil_div((i + 1) * size, p->out[axis]) - begin;
        return (fnn_window){begin, taps, 0, (double)taps};
    }
    const ptrdiff_t first = i * p->stride[axis] - p->padding[axis];
    const ptrdiff_t skipped = first < 0 ? fnn_ceil_div(-first, dilation) : 0;
    const ptrdiff_t end = first >= size ? 0 : fnn_min(kernel, fnn_ceil_div(size - first, dilation));
    if (end <= skipped) return (fnn_window){0, 0, 0, 0};
    const ptrdiff_t padded = fnn_min(first + kernel, size + p->padding[axis]) - first;
    return (fnn_window){first + skipped * dilation, end - skipped, skipped,
                        (double)(p->count_include_pad ? padded : end - skipped)};
}

static int tiles_rows(const fnn_pool *g) {
    return g->stride * g->out[2] == g->size[2] && g->before == 0 && g->kernel[2] <= g->stride && g->dilation[2] == 1;
}

/* Windows of the first two axes that all lie inside: rows of means may share one count. */
static int inside(const fnn_pool_params *p, int axis) {
    const ptrdiff_t last = (p->out[axis] - 1) * p->stride[axis] + (p->kernel[axis] - 1) * p->dilation[axis];
    return p->padding[axis] == 0 && last < p->size[axis];
}

static void rows_together(pool_job *job) {
    const fnn_pool_params *p = job->p;
    fnn_pool *g = &job->pool;
    g->stride = p->adaptive ? 0 : p->stride[2], g->before = p->adaptive ? 0 : p->padding[2];
    g->flat = !p->adaptive && tiles_rows(g) && inside(p, 0) && inside(p, 1);
    const ptrdiff_t rows = g->out[0] * g->out[1], taps = g->kernel[2] * g->dilation[2] + 2 * FNN_BLOCK;
    const ptrdiff_t read = fnn_round_up(g->out[2], FNN_BLOCK) * fnn_max(1, g->stride) + taps;
    g->pitch = g->flat ? g->size[2] : fnn_round_up(fnn_max(read, g->before + g->size[2] + FNN_BLOCK), FNN_BLOCK);
    g->together = fnn_max(1, fnn_min(TOGETHER / g->pitch, g->flat ? rows : fnn_min(rows, ROWS_TOGETHER)));
    g->row_length = fnn_round_up(g->together * g->pitch + FNN_BLOCK * (1 + g->stride) + taps, FNN_BLOCK);
}

int fnn_pool_geometry(pool_job *job, const fnn_pool_params *p) {
    fnn_pool *g = &job->pool;
    job->p = p, job->kernels = fnn_kernels(p->dtype), job->es = fnn_element_size(p->dtype);
    job->windows = fnn_alloc((size_t)(p->out[0] + p->out[1] + p->out[2]) * sizeof *job->windows);
    if (!job->windows) return 0;
    fnn_window *next = job->windows;
    for (int axis = 0; axis < 3; axis++) {
        g->windows[axis] = next, g->kernel[axis] = p->adaptive ? 1 : p->kernel[axis];
        g->size[axis] = p->size[axis], g->out[axis] = p->out[axis];
        g->dilation[axis] = p->adaptive ? 1 : p->dilation[axis];
        if (axis && g->out[axis] > 1 && !p->adaptive)
            g->overlap |= p->stride[axis] < (p->kernel[axis] - 1) * p->dilation[axis] + 1;
        for (ptrdiff_t i = 0; i < p->out[axis]; i++, next++) {
            *next = window_at(p, axis, i);
            g->empty |= next->taps == 0;
            if (p->adaptive) g->kernel[axis] = fnn_max(g->kernel[axis], next->taps);
        }
    }
    g->overlap |= p->adaptive;
    g->divisor = p->divisor, g->rectified = p->rectified;
    rows_together(job);
    job->lanes = p->layout == FNN_NCHW ? 1 : FNN_BLOCK;
    job->volumes = p->n * fnn_ceil_div(p->c, job->lanes);
    job->inputs = p->size[0] * p->size[1] * p->size[2], job->outputs = p->out[0] * p->out[1] * p->out[2];
    return 1;
}

int fnn_pool_has_taps(const fnn_pool_params *p) {
    ptrdiff_t taps = 1;
    for (int axis = 0; axis < 3; axis++) {
        const ptrdiff_t uneven = p->size[axis] % p->out[axis] ? 2 : 0;
        const ptrdiff_t most = p->adaptive ? p->size[axis] / p->out[axis] + uneven : p->kernel[axis];
        if (most >= 255) return 0;
        taps *= most;
    }
    return taps < 255;
}

static void body(void *context, const fnn_team *team) {
    const pool_job *job = context;
    char *scratch = job->scratch + team->id * job->scratch_bytes;
    const ptrdiff_t rows = job->pool.out[0] * job->pool.out[1];
    const ptrdiff_t items = fnn_ceil_div(job->volumes, job->group) * job->bands;
    for (ptrdiff_t item = fnn_claim(team); item < items; item = fnn_claim(team)) {
        const ptrdiff_t band = item % job->bands, first = item / job->bands * job->group;
        const ptrdiff_t count = fnn_min(job->group, job->volumes - first);
        const ptrdiff_t row = rows * band / job->bands, last = rows * (band + 1) / job->bands;
        if (job->volumes_of)
            job->volumes_of(job, first, count, row, last, scratch);
        else
            for (ptrdiff_t v = first; v < first + count; v++) job->volume(job, v, row, last, scratch);
    }
}

fnn_status fnn_pool_run(pool_job *job, ptrdiff_t more_bytes, int banded) {
    const ptrdiff_t elements = (job->inputs + job->outputs) * job->lanes, threads = fnn_get_num_threads();
    fnn_status status = FNN_OK;
    if (job->volumes == 0 || job->outputs == 0) goto done;
    job->group = fnn_max(1, ITEM_ELEMENTS / fnn_max(1, elements));
    job->bands = 1;
    if (banded && job->volumes < 4 * threads && elements > 2 * ITEM_ELEMENTS)
        job->bands = fnn_min(job->pool.out[0] * job->pool.out[1], fnn_ceil_div(4 * threads, job->volumes));
    job->scratch_bytes = fnn_round_up(pool_rows_bytes(job) + more_bytes, FNN_ALIGN);
    const ptrdiff_t team = fnn_min(threads, fnn_ceil_div(job->volumes, job->group) * job->bands);
    job->scratch = fnn_alloc((size_t)(team * job->scratch_bytes));
    if (job->scratch)
        fnn_parallel(body, job, team, ELEMENT_WORK * (double)job->volumes * (double)elements, 0);
    else
        status = FNN_NO_MEMORY;
    fnn_free(job->scratch);
done:
    fnn_free(job->windows);
    return status;
}
