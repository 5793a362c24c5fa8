/* Batch normalisation (Ioffe and Szegedy, arXiv:1502.03167). A task is all of one channel, or of a block of 16: its
 * statistics, then its result, while it lies in a cache. Nothing is split further, so no thread count changes a sum.
 *
 *   large planes      one channel a task, runs of pixels (norm_runs.c)
 *   blocked images    16 lanes of a pixel are channels
 *   matrices [n][c]   16 columns are lanes, rows lie c apart
 *   small planes      16 channels are brought into the blocked layout one image at a time */
#include <math.h>
#include <string.h>

#include "norm.h"

#define SMALL_PIXELS 128 /* from here on a run's fixed cost is small; two scratch planes of it are 32 KiB */
#define ROWS 256         /* rows of one piece: 16 KiB of float32 */

enum { LARGE_PLANES, BLOCKED_IMAGES, MATRIX, SMALL_PLANES };

static int kind_of(const norm_job *job) {
    if (job->p->layout == FNN_BLOCKED) return BLOCKED_IMAGES;
    return job->p->pixels == 1 ? MATRIX : job->p->pixels < SMALL_PIXELS ? SMALL_PLANES : LARGE_PLANES;
}

/* ---- large planes ---- */

static void plane_task(const norm_job *job, ptrdiff_t c) {
    const fnn_norm_params *p = job->p;
    const ptrdiff_t plane = p->pixels * job->es, image = plane * p->c;
    if (p->training) {
        fnn_moments m = {0};
        for (ptrdiff_t i = 0; i < p->n; i++) fnn_run_moments(job, job->x + i * image + c * plane, p->pixels, &m);
        job->mean[c] = m.mean, job->var[c] = m.squares / m.count;
    }
    const double rstd = 1 / sqrt(job->var[c] + p->eps);
    const fnn_norm_line_map map = norm_forward_map(job, job->mean[c], rstd, norm_element(job, job->weight, c, 1),
                                                   norm_element(job, job->bias, c, 0));
    for (ptrdiff_t i = 0; i < p->n; i++) {
        const ptrdiff_t at = i * image + c * plane;
        fnn_run_map(job, NULL, job->x + at, job->y + at, p->pixels, &map);
    }
}

/* gw and gb of channel c from sum gy and sum gy (x - center), and the map that makes gx. */
static fnn_norm_line_map finish_gradient(const norm_job *job, ptrdiff_t c, const double *sums) {
    const fnn_norm_params *p = job->p;
    const double rstd = 1 / sqrt(job->var[c] + p->eps), w = norm_element(job, job->weight, c, 1);
    const double gw = rstd * (sums[1] - (job->mean[c] - norm_center(job, job->mean[c])) * sums[0]);
    norm_set(job, job->gw, c, gw), norm_set(job, job->gb, c, sums[0]);
    if (!p->training) return (fnn_norm_line_map){0, rstd * w, 0, 0};
    const double count = (double)(p->n * p->pixels);
    return norm_gradient_map(job, job->mean[c], rstd, w, w * sums[0] / count, w * gw / count);
}

static void plane_gradient_task(const norm_job *job, ptrdiff_t c) {
    const fnn_norm_params *p = job->p;
    const ptrdiff_t plane = p->pixels * job->es, image = plane * p->c;
    double sums[2] = {0};
    if (p->training || job->gw)
        for (ptrdiff_t i = 0; i < p->n; i++) {
            const ptrdiff_t at = i * image + c * plane;
            fnn_run_gradient_sums(job, job->gy + at, job->x + at, p->pixels, norm_center(job, job->mean[c]), sums);
        }
    const fnn_norm_line_map map = finish_gradient(job, c, sums);
    if (!job->y) return;
    for (ptrdiff_t i = 0; i < p->n; i++) {
        const ptrdiff_t at = i * image + c * plane;
        if (p->training)
            fnn_run_map(job, job->gy + at, job->x + at, job->y + at, p->pixels, &map);
        else
            fnn_run_map(job, NULL, job->gy + at, job->y + at, p->pixels, &map);
    }
}

/* ---- channels as lanes ---- */

typedef struct {
    const norm_job *job;
    int kind;
    ptrdiff_t block, pieces;
    double center[FNN_BLOCK], scale[FNN_BLOCK], slope[FNN_BLOCK], shift[FNN_BLOCK], sums[2 * FNN_BLOCK];
    double scratch[2][SMALL_PIXELS * FNN_BLOCK]; /* x and gy of SMALL_PLANES */
} lane_task;

static void start_task(lane_task *t, const norm_job *job, ptrdiff_t block) {
    const fnn_norm_params *p = job->p;
    t->job = job, t->kind = kind_of(job), t->block = block;
    t->pieces = t->kind == MATRIX         ? fnn_ceil_div(p->n, ROWS)
                : t->kind == SMALL_PLANES ? p->n
                                          : p->n * fnn_ceil_div(p->pixels, ROWS);
}

/* Piece i as rows of lanes; its start in the arrays, in elements, is returned. */
static ptrdiff_t piece(lane_task *t, ptrdiff_t i, fnn_norm_rows *r) {
    const norm_job *job = t->job;
    const fnn_norm_params *p = job->p;
    const ptrdiff_t pieces = fnn_ceil_div(p->pixels, ROWS), blocks = fnn_blocks(p->c);
    ptrdiff_t at;
    *r = (fnn_norm_rows){.stride = FNN_BLOCK,
                         .lanes = FNN_BLOCK,
                         .center = t->center,
                         .scale = t->scale,
                         .slope = t->slope,
                         .shift = t->shift,
                         .sums = t->sums};
    if (t->kind == MATRIX) {
        at = i * ROWS * p->c + t->block * FNN_BLOCK;
        r->rows = fnn_min(ROWS, p->n - i * ROWS), r->stride = p->c;
        r->lanes = fnn_min(FNN_BLOCK, p->c - t->block * FNN_BLOCK);
    } else if (t->kind == BLOCKED_IMAGES) {
        const ptrdiff_t first = i % pieces * ROWS;
        at = ((i / pieces * blocks + t->block) * p->pixels + first) * FNN_BLOCK;
        r->rows = fnn_min(ROWS, p->pixels - first);
    } else {
        at = (i * p->c + t->block * FNN_BLOCK) * p->pixels;
        r->rows = p->pixels;
    }
    return at;
}

/* The data of a piece for a kernel. */
static void load(lane_task *t, ptrdiff_t at, fnn_norm_rows *r, const char *x, const char *gy) {
    const norm_job *job = t->job;
    const ptrdiff_t pixels = job->p->pixels, channels = fnn_min(FNN_BLOCK, job->p->c - t->block * FNN_BLOCK);
    r->x = x + at * job->es, r->gy = gy ? gy + at * job->es : NULL;
    r->y = job->y ? job->y + at * job->es : NULL;
    if (t->kind != SMALL_PLANES) return;
    job->kernels->block_pixels(r->x, pixels, channels, pixels, t->scratch[0]);
    if (gy) job->kernels->block_pixels(r->gy, pixels, channels, pixels, t->scratch[1]);
    r->x = r->y = t->scratch[0], r->gy = t->scratch[1];
}

/* Brings a result to where it belongs. */
static void store(lane_task *t, ptrdiff_t at) {
    const norm_job *job = t->job;
    if (t->kind != SMALL_PLANES) return;
    job->kernels->unblock_pixels(t->scratch[0], job->p->pixels, job->y + at * job->es, job->p->pixels,
                                 fnn_min(FNN_BLOCK, job->p->c - t->block * FNN_BLOCK));
}

/* norm_center of every lane. A loop of its own: with norm_center(job, sums[lane] / rows) in lane_moments' loop GCC 12.2 at -O3
 * leaves lanes 12 and 13 unrounded. -O1, -O2 and -fno-tree-slp-vectorize round all 16, and neither the address nor the
 * undefined behaviour sanitizer objects, so it is the compiler's straight-line vectoriser (2026-11). */
static void round_lanes(const norm_job *job, double *lanes) {
    if (job->es != sizeof(float)) return;
    for (int lane = 0; lane < FNN_BLOCK; lane++) lanes[lane] = (double)(float)lanes[lane];
}

/* Mean and variance of each lane, piece by piece (Chan, Golub, LeVeque). */
static void lane_moments(lane_task *t, double *mean, double *var) {
    double squares[FNN_BLOCK] = {0}, count = 0;
    fnn_norm_rows r;
    memset(mean, 0, FNN_BLOCK * sizeof *mean);
    for (ptrdiff_t i = 0; i < t->pieces; i++) {
        load(t, piece(t, i, &r), &r, t->job->x, NULL);
        const double rows = (double)r.rows, whole = count + rows, weight = count * rows / whole;
        memset(t->sums, 0, sizeof t->sums);
        t->job->kernels->norm_sums(&r);
        for (int lane = 0; lane < FNN_BLOCK; lane++) t->center[lane] = t->sums[lane] / rows;
        round_lanes(t->job, t->center);
        memset(t->sums, 0, sizeof t->sums);
        t->job->kernels->norm_deviations(&r);
        for (int lane = 0; lane < FNN_BLOCK; lane++) {
            const double distance = t->sums[lane] / rows, apart = t->center[lane] + distance - mean[lane];
            squares[lane] += t->sums[FNN_BLOCK + lane] - distance * distance * rows + apart * apart * weight;
            mean[lane] += apart * rows / whole;
        }
        count = whole;
    }
    for (int lane = 0; lane < FNN_BLOCK; lane++) var[lane] = squares[lane] / count;
}

static void set_lane(lane_task *t, int lane, fnn_norm_line_map map) {
    t->center[lane] = map.center, t->scale[lane] = map.scale, t->slope[lane] = map.slope, t->shift[lane] = map.shift;
}

static void lanes_task(const norm_job *job, ptrdiff_t block) {
    const fnn_norm_params *p = job->p;
    const ptrdiff_t first = block * FNN_BLOCK, channels = fnn_min(FNN_BLOCK, p->c - first);
    lane_task t;
    fnn_norm_rows r;
    start_task(&t, job, block);
    if (p->training) {
        double mean[FNN_BLOCK], var[FNN_BLOCK];
        lane_moments(&t, mean, var);
        memcpy(job->mean + first, mean, (size_t)channels * sizeof *mean);
        memcpy(job->var + first, var, (size_t)channels * sizeof *var);
    }
    for (int lane = 0; lane < FNN_BLOCK; lane++) {
        const ptrdiff_t c = first + lane;
        set_lane(&t, lane, (fnn_norm_line_map){0}); /* lanes beyond the channels stay zero */
        if (lane >= channels) continue;
        const double rstd = 1 / sqrt(job->var[c] + p->eps);
        set_lane(&t, lane,
                 norm_forward_map(job, job->mean[c], rstd, norm_element(job, job->weight, c, 1),
                                  norm_element(job, job->bias, c, 0)));
    }
    for (ptrdiff_t i = 0; i < t.pieces; i++) {
        const ptrdiff_t at = piece(&t, i, &r);
        load(&t, at, &r, job->x, NULL);
        job->kernels->norm_apply(&r);
        store(&t, at);
    }
}

static void lanes_gradient_task(const norm_job *job, ptrdiff_t block) {
    const fnn_norm_params *p = job->p;
    const ptrdiff_t first = block * FNN_BLOCK, channels = fnn_min(FNN_BLOCK, p->c - first);
    lane_task t;
    fnn_norm_rows r;
    start_task(&t, job, block);
    memset(t.sums, 0, sizeof t.sums);
    memset(t.center, 0, sizeof t.center);
    memcpy(t.center, job->mean + first, (size_t)channels * sizeof *t.center);
    round_lanes(job, t.center);
    for (ptrdiff_t i = 0; i < t.pieces && (p->training || job->gw); i++) {
        load(&t, piece(&t, i, &r), &r, job->x, job->gy);
        job->kernels->norm_gradient_sums(&r);
    }
    for (int lane = 0; lane < FNN_BLOCK; lane++) {
        const double sums[2] = {t.sums[lane], t.sums[FNN_BLOCK + lane]};
        set_lane(&t, lane, lane < channels ? finish_gradient(job, first + lane, sums) : (fnn_norm_line_map){0});
    }
    for (ptrdiff_t i = 0; i < t.pieces && job->y; i++) {
        const ptrdiff_t at = piece(&t, i, &r);
        if (p->training) {
            load(&t, at, &r, job->x, job->gy);
            job->kernels->norm_gradient(&r);
        } else {
            load(&t, at, &r, job->gy, NULL);
            job->kernels->norm_apply(&r);
        }
        store(&t, at);
    }
}

static void batch_norm_body(void *context, const fnn_team *team) {
    const norm_job *job = context;
    const int planes = kind_of(job) == LARGE_PLANES;
    const ptrdiff_t tasks = planes ? job->p->c : fnn_blocks(job->p->c);
    for (ptrdiff_t i; (i = fnn_claim(team)) < tasks;) {
        if (job->gy)
            (planes ? plane_gradient_task : lanes_gradient_task)(job, i);
        else
            (planes ? plane_task : lanes_task)(job, i);
    }
}

static fnn_status run_batch_norm(norm_job job, const fnn_norm_params *p) {
    job.kernels = fnn_kernels(p->dtype), job.p = p, job.es = fnn_element_size(p->dtype);
    const ptrdiff_t tasks = kind_of(&job) == LARGE_PLANES ? p->c : fnn_blocks(p->c);
    fnn_parallel(batch_norm_body, &job, tasks, (double)(p->n * p->c * p->pixels) * 8, 0);
    return FNN_OK;
}

fnn_status fnn_batch_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias, double *mean,
                          double *var, void *y) {
    return run_batch_norm((norm_job){.x = x, .weight = weight, .bias = bias, .mean = mean, .var = var, .y = y}, p);
}

fnn_status fnn_batch_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                               const double *mean, const double *var, void *gx, void *gw, void *gb) {
    return run_batch_norm((norm_job){.x = x,
                                     .gy = gy,
                                     .weight = weight,
                                     .mean = (double *)mean,
                                     .var = (double *)var,
                                     .y = gx,
                                     .gw = gw,
                                     .gb = gb},
                          p);
}
