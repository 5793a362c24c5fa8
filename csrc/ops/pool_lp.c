/* Power-average pooling: the mean of the powers, then roots; a volume at a time, so that both stay in the caches. */
#include "pool.h"

#include <string.h>

static double positions(const fnn_pool_params *p) {
    return (double)p->kernel[0] * (double)p->kernel[1] * (double)p->kernel[2];
}

static void forward(const pool_job *job, ptrdiff_t volume, ptrdiff_t row, ptrdiff_t last, char *scratch) {
    char *powers = scratch + pool_rows_bytes(job), *y = job->out + volume * job->outputs * job->es;
    job->kernels->lp_powers(job->x + volume * job->inputs * job->es, powers, job->inputs, job->p->power);
    job->kernels->pool_planes(&job->pool, powers, y, 1, row, last, scratch);
    job->kernels->lp_roots(y, job->outputs, job->p->power, positions(job->p));
}

static void backward(const pool_job *job, ptrdiff_t volume, ptrdiff_t row, ptrdiff_t last, char *scratch) {
    const ptrdiff_t from = volume * job->outputs * job->es, to = volume * job->inputs * job->es;
    char *g = scratch + pool_rows_bytes(job);
    (void)row, (void)last;
    job->kernels->lp_grad_roots(job->gy + from, job->y + from, g, job->outputs, job->p->power, positions(job->p));
    job->kernels->avg_pool_grad_planes(&job->pool, g, job->out + to, scratch);
    job->kernels->lp_grad_powers(job->x + to, job->out + to, job->inputs, job->p->power);
}

fnn_status fnn_lp_pool(const fnn_pool_params *p, const void *x, void *y) {
    pool_job job = {.pool.average = 1, .x = x, .out = y, .volume = forward};
    if (!fnn_pool_geometry(&job, p)) return FNN_NO_MEMORY;
    return fnn_pool_run(&job, job.inputs * job.es, 0);
}

fnn_status fnn_lp_pool_grad_input(const fnn_pool_params *p, const void *gy, const void *x, const void *y, void *gx) {
    pool_job job = {.pool.average = 1, .gy = gy, .x = x, .y = y, .out = gx, .volume = backward};
    if (!fnn_pool_geometry(&job, p)) return FNN_NO_MEMORY;
    return fnn_pool_run(&job, job.outputs * job.es, 0);
}
