/* Local response normalisation: strips of pixels are independent; a strip of the gradient keeps two factors of all its
 * channels. */
#include "../dispatch.h"
#include "../threads.h"

#define STRIP 64 /* pixels: with 256 channels the two factors take 128 KiB, a part of the second-level cache */

typedef struct {
    const fnn_kernel_table *kernels;
    const fnn_response_params *p;
    ptrdiff_t es;
    const char *x, *gy;
    char *y, *scratch;
} response_job;

static void strip(const response_job *job, ptrdiff_t image, ptrdiff_t first, char *scratch) {
    const fnn_response_params *p = job->p;
    const ptrdiff_t at = (image * p->c * p->pixels + first) * job->es, plane = p->pixels * job->es;
    const ptrdiff_t row = STRIP * job->es;
    fnn_response_strip r = {.x = job->x + at,
                            .gy = job->gy ? job->gy + at : NULL,
                            .plane = p->pixels,
                            .c = p->c,
                            .n = fnn_min(STRIP, p->pixels - first),
                            .size = p->size,
                            .t_row = STRIP,
                            .alpha = p->alpha,
                            .beta = p->beta,
                            .k = p->k};
    char *through = scratch, *terms = scratch + p->c * row;
    for (r.channel = 0; r.channel < p->c; r.channel++) {
        r.y = job->gy ? through + r.channel * row : job->y + at + r.channel * plane;
        r.t = terms + r.channel * row;
        job->kernels->response_row(&r);
    }
    if (!job->gy) return;
    r.t = terms;
    for (r.channel = 0; r.channel < p->c; r.channel++) {
        r.y = through + r.channel * row, r.gx = job->y + at + r.channel * plane;
        job->kernels->response_grad_row(&r);
    }
}

static void response_body(void *context, const fnn_team *team) {
    const response_job *job = context;
    const ptrdiff_t strips = fnn_ceil_div(job->p->pixels, STRIP);
    char *scratch = job->scratch ? job->scratch + team->id * 2 * job->p->c * STRIP * job->es : NULL;
    for (ptrdiff_t i; (i = fnn_claim(team)) < job->p->n * strips;) strip(job, i / strips, i % strips * STRIP, scratch);
}

static fnn_status run_response(response_job job, const fnn_response_params *p) {
    const ptrdiff_t threads = fnn_get_num_threads();
    job.kernels = fnn_kernels(p->dtype), job.p = p, job.es = fnn_element_size(p->dtype);
    if (job.gy && !(job.scratch = fnn_alloc((size_t)(threads * 2 * p->c * STRIP * job.es)))) return FNN_NO_MEMORY;
    fnn_parallel(response_body, &job, fnn_min(threads, p->n * fnn_ceil_div(p->pixels, STRIP)),
                 (double)(p->n * p->c * p->pixels) * 40, 0);
    fnn_free(job.scratch);
    return FNN_OK;
}

fnn_status fnn_local_response_norm(const fnn_response_params *p, const void *x, void *y) {
    return run_response((response_job){.x = x, .y = y}, p);
}

fnn_status fnn_local_response_norm_grad(const fnn_response_params *p, const void *gy, const void *x, void *gx) {
    return run_response((response_job){.x = x, .gy = gy, .y = gx}, p);
}
