/* Layer and group normalisation (Wu and He, arXiv:1803.08494): statistics of a row, or of a group of channels of an
 * image. Weights' gradients are summed over chunks of rows whose number no thread count changes, then over chunks. */
#include <math.h>
#include <string.h>

#include "norm.h"

#define CHUNKS 16     /* parts of the rows whose weight gradients are summed apart */
#define FLUSH_ROWS 64 /* rows summed in the arrays' dtype before they go into the double sums */

static norm_job job_of(const fnn_norm_params *p, const void *x, const void *gy, const void *weight, void *y) {
    return (norm_job){.kernels = fnn_kernels(p->dtype),
                      .p = p,
                      .es = fnn_element_size(p->dtype),
                      .x = x,
                      .gy = gy,
                      .weight = weight,
                      .y = y};
}

static const char *offset(const char *array, ptrdiff_t bytes) { return array ? array + bytes : NULL; }

/* Mean and variance of group i, of n elements from x on. */
static double statistics(const norm_job *job, ptrdiff_t i, const char *x, ptrdiff_t n) {
    fnn_moments m = {0};
    fnn_run_moments(job, x, n, &m);
    job->mean[i] = m.mean, job->var[i] = m.squares / m.count;
    return 1 / sqrt(job->var[i] + job->p->eps);
}

/* ---- rows whose elements have weights of their own: n * groups rows of c / groups elements ---- */

static void rows_body(void *context, const fnn_team *team) {
    const norm_job *job = context;
    const fnn_norm_params *p = job->p;
    const ptrdiff_t rows = p->n * p->groups, length = p->c / p->groups;
    ptrdiff_t begin, end;
    fnn_share(team, rows, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) {
        const ptrdiff_t at = i * length * job->es, weights = i % p->groups * length * job->es;
        const double rstd = statistics(job, i, job->x + at, length), center = norm_center(job, job->mean[i]);
        const fnn_norm_line r = {.x = job->x + at,
                                 .w = offset(job->weight, weights),
                                 .b = offset(job->bias, weights),
                                 .y = job->y + at,
                                 .n = length,
                                 .center = center,
                                 .scale = rstd,
                                 .shift = (center - job->mean[i]) * rstd};
        job->kernels->layer_norm_apply(&r);
    }
}

void fnn_layer_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias, double *mean,
                    double *var, void *y) {
    norm_job job = job_of(p, x, NULL, weight, y);
    job.bias = bias, job.mean = mean, job.var = var;
    fnn_parallel(rows_body, &job, p->n * p->groups, (double)(p->n * p->c) * 8, 0);
}

static void row_gradient(const norm_job *job, ptrdiff_t i, char *gw, char *gb) {
    const fnn_norm_params *p = job->p;
    const ptrdiff_t length = p->c / p->groups, at = i * length * job->es, weights = i % p->groups * length * job->es;
    const double rstd = 1 / sqrt(job->var[i] + p->eps), center = norm_center(job, job->mean[i]);
    const double off = job->mean[i] - center;
    double sums[2];
    fnn_norm_line r = {.x = job->x + at,
                       .gy = job->gy + at,
                       .w = offset(job->weight, weights),
                       .y = job->y ? job->y + at : NULL,
                       .n = length,
                       .center = center,
                       .scale = rstd,
                       .shift = -off * rstd,
                       .sums = sums};
    if (gw) r.gw = gw + weights, r.gb = gb + weights;
    if (job->y) {
        job->kernels->layer_norm_gradient_sums(&r);
        const double a = sums[0] / (double)length, b = rstd * (sums[1] - off * sums[0]) / (double)length;
        const fnn_norm_line_map map = norm_gradient_map(job, job->mean[i], rstd, 1, a, b);
        r.slope = map.slope, r.offset = map.shift;
    }
    job->kernels->layer_norm_gradient(&r);
}

/* The sums of one chunk, in double: `recent` (gw then gb, in the dtype) is added to `sums` and cleared. */
static void flush(const norm_job *job, char *recent, double *sums) {
    for (ptrdiff_t i = 0; i < 2 * job->p->c; i++) sums[i] += norm_element(job, recent, i, 0);
    memset(recent, 0, (size_t)(2 * job->p->c * job->es));
}

static void rows_gradient_body(void *context, const fnn_team *team) {
    const norm_job *job = context;
    const fnn_norm_params *p = job->p;
    const ptrdiff_t rows = p->n * p->groups, weights = p->c * job->es;
    for (ptrdiff_t chunk; (chunk = fnn_claim(team)) < CHUNKS;) {
        double *sums = job->partial + chunk * 4 * p->c; /* 2 c doubles, and space for 2 c elements */
        char *recent = job->gw ? (char *)(sums + 2 * p->c) : NULL;
        if (recent) memset(sums, 0, (size_t)(4 * p->c) * sizeof *sums);
        const ptrdiff_t begin = rows * chunk / CHUNKS, end = rows * (chunk + 1) / CHUNKS;
        for (ptrdiff_t i = begin; i < end; i++) {
            row_gradient(job, i, recent, recent ? recent + weights : NULL);
            if (recent && ((i - begin) % (FLUSH_ROWS * p->groups) == FLUSH_ROWS * p->groups - 1 || i == end - 1))
                flush(job, recent, sums);
        }
    }
    fnn_barrier_wait(team);
    if (!job->gw) return;
    ptrdiff_t begin, end;
    fnn_share(team, p->c, &begin, &end);
    for (ptrdiff_t c = begin; c < end; c++) {
        double gw = 0, gb = 0;
        for (ptrdiff_t chunk = 0; chunk < CHUNKS; chunk++) {
            gw += job->partial[chunk * 4 * p->c + c];
            gb += job->partial[chunk * 4 * p->c + p->c + c];
        }
        norm_set(job, job->gw, c, gw), norm_set(job, job->gb, c, gb);
    }
}

fnn_status fnn_layer_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                               const double *mean, const double *var, void *gx, void *gw, void *gb) {
    norm_job job = job_of(p, x, gy, weight, gx);
    job.mean = (double *)mean, job.var = (double *)var, job.gw = gw, job.gb = gb;
    if (gw && !(job.partial = fnn_alloc((size_t)(CHUNKS * 4 * p->c) * sizeof(double)))) return FNN_NO_MEMORY;
    fnn_parallel(rows_gradient_body, &job, CHUNKS, (double)(p->n * p->c) * 12, 0);
    fnn_free(job.partial);
    return FNN_OK;
}

/* ---- groups of planes ---- */

static void groups_body(void *context, const fnn_team *team) {
    const norm_job *job = context;
    const fnn_norm_params *p = job->p;
    const ptrdiff_t channels = p->c / p->groups, plane = p->pixels * job->es;
    for (ptrdiff_t i; (i = fnn_claim(team)) < p->n * p->groups;) {
        const double rstd = statistics(job, i, job->x + i * channels * plane, channels * p->pixels);
        for (ptrdiff_t k = 0; k < channels; k++) {
            const ptrdiff_t c = i % p->groups * channels + k, at = (i * channels + k) * plane;
            const fnn_norm_line_map map = norm_forward_map(
                job, job->mean[i], rstd, norm_element(job, job->weight, c, 1), norm_element(job, job->bias, c, 0));
            fnn_run_map(job, NULL, job->x + at, job->y + at, p->pixels, &map);
        }
    }
}

void fnn_group_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias, double *mean,
                    double *var, void *y) {
    norm_job job = job_of(p, x, NULL, weight, y);
    if (p->pixels == 1) {
        fnn_layer_norm(p, x, weight, bias, mean, var, y);
        return;
    }
    job.bias = bias, job.mean = mean, job.var = var;
    fnn_parallel(groups_body, &job, p->n * p->groups, (double)(p->n * p->c * p->pixels) * 8, 0);
}

/* gx of group i; its channels' sums of gy and gy h go to job->partial, [n][c][2]. */
static void group_gradient(const norm_job *job, ptrdiff_t i) {
    const fnn_norm_params *p = job->p;
    const ptrdiff_t channels = p->c / p->groups, plane = p->pixels * job->es;
    const double rstd = 1 / sqrt(job->var[i] + p->eps), center = norm_center(job, job->mean[i]);
    const double count = (double)(channels * p->pixels);
    double a = 0, b = 0;
    for (ptrdiff_t k = 0; k < channels; k++) {
        const ptrdiff_t c = i % p->groups * channels + k, at = (i * channels + k) * plane;
        double *sums = job->partial + 2 * (i * channels + k), w = norm_element(job, job->weight, c, 1);
        sums[0] = sums[1] = 0;
        fnn_run_gradient_sums(job, job->gy + at, job->x + at, p->pixels, center, sums);
        sums[1] = rstd * (sums[1] - (job->mean[i] - center) * sums[0]);
        a += w * sums[0] / count, b += w * sums[1] / count;
    }
    for (ptrdiff_t k = 0; k < channels && job->y; k++) {
        const ptrdiff_t c = i % p->groups * channels + k, at = (i * channels + k) * plane;
        const fnn_norm_line_map map =
            norm_gradient_map(job, job->mean[i], rstd, norm_element(job, job->weight, c, 1), a, b);
        fnn_run_map(job, job->gy + at, job->x + at, job->y + at, p->pixels, &map);
    }
}

static void groups_gradient_body(void *context, const fnn_team *team) {
    const norm_job *job = context;
    const fnn_norm_params *p = job->p;
    for (ptrdiff_t i; (i = fnn_claim(team)) < p->n * p->groups;) group_gradient(job, i);
    fnn_barrier_wait(team);
    ptrdiff_t begin, end;
    fnn_share(team, p->c, &begin, &end);
    for (ptrdiff_t c = begin; c < end && job->gw; c++) {
        double gw = 0, gb = 0;
        for (ptrdiff_t n = 0; n < p->n; n++) {
            gb += job->partial[2 * (n * p->c + c)];
            gw += job->partial[2 * (n * p->c + c) + 1];
        }
        norm_set(job, job->gw, c, gw), norm_set(job, job->gb, c, gb);
    }
}

fnn_status fnn_group_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                               const double *mean, const double *var, void *gx, void *gw, void *gb) {
    norm_job job = job_of(p, x, gy, weight, gx);
    if (p->pixels == 1) return fnn_layer_norm_grad(p, gy, x, weight, mean, var, gx, gw, gb);
    job.mean = (double *)mean, job.var = (double *)var, job.gw = gw, job.gb = gb;
    job.partial = fnn_alloc((size_t)(2 * p->n * p->c) * sizeof(double));
    if (!job.partial) return FNN_NO_MEMORY;
    fnn_parallel(groups_gradient_body, &job, p->n * p->groups, (double)(p->n * p->c * p->pixels) * 12, 0);
    fnn_free(job.partial);
    return FNN_OK;
}
