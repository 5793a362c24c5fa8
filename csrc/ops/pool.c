/* Pooling: planes of 16 channels are independent; NCHW planes pass through scratch a plane at a time. */
#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

typedef struct {
    const fnn_pool2d_params *p;
    const fnn_kernel_table *kernels;
    ptrdiff_t es, planes;
    const char *x, *gy, *y_in; /* inputs: x forward and maximum gradient, gy and y gradients */
    char *out;                 /* y, or gx */
    int average;
    char *scratch; /* NCHW: [threads][image_pixels * 2 + result_pixels * 2][16] */
    ptrdiff_t scratch_bytes;
} pool_job;

static ptrdiff_t inside_rows(const fnn_pool2d_params *p, ptrdiff_t i, ptrdiff_t *row0) {
    const ptrdiff_t first = i * p->sh - p->ph;
    const ptrdiff_t skip = first < 0 ? fnn_ceil_div(-first, p->dh) : 0;
    const ptrdiff_t end = first >= p->h ? 0 : fnn_min(p->kh, fnn_ceil_div(p->h - first, p->dh));
    *row0 = first + skip * p->dh;
    return fnn_max(0, end - skip);
}

static fnn_pool_row row_at(const fnn_pool2d_params *p, ptrdiff_t i) {
    fnn_pool_row row = {.w = p->w, .ow = p->ow, .row_step = p->dh, .kw = p->kw, .sw = p->sw, .pw = p->pw, .dw = p->dw};
    row.rows = inside_rows(p, i, &row.row0);
    const ptrdiff_t first = i * p->sh - p->ph, padded = p->count_include_pad;
    row.row_count = (double)(fnn_min(first + p->kh, p->h + (padded ? p->ph : 0)) - fnn_max(first, padded ? -p->ph : 0));
    row.count_width = p->w + (padded ? p->pw : 0);
    row.count_from = padded ? -p->pw : 0;
    row.divisor = p->divisor;
    row.rectified = p->rectified;
    row.overlap = p->sh < (p->kh - 1) * p->dh + 1 || p->sw < (p->kw - 1) * p->dw + 1;
    return row;
}

/* Windows that lie side by side and cover the image: the gradient of a maximum writes every pixel. */
static int windows_tile(const fnn_pool2d_params *p) {
    return p->ph == 0 && p->pw == 0 && p->sh == p->kh && p->sw == p->kw && p->dh == 1 && p->dw == 1 &&
           p->oh * p->kh == p->h && p->ow * p->kw == p->w;
}

/* One plane of 16 channels, all arrays blocked; forward writes out, gradients add to a cleared out. */
static void pool_plane(const pool_job *job, const char *x, const char *gy, const char *y, char *out) {
    const fnn_pool2d_params *p = job->p;
    const ptrdiff_t result_row = p->ow * FNN_BLOCK * job->es;
    if (gy && (job->average || !windows_tile(p))) memset(out, 0, (size_t)(p->h * p->w * FNN_BLOCK * job->es));
    for (ptrdiff_t i = 0; i < p->oh; i++) {
        fnn_pool_row row = row_at(p, i);
        row.x = x;
        row.g = out;
        row.gy = gy ? gy + i * result_row : NULL;
        row.y = gy ? (char *)y + (y ? i * result_row : 0) : out + i * result_row;
        if (gy)
            (job->average ? job->kernels->avg_pool_grad_row : job->kernels->max_pool_grad_row)(&row);
        else
            (job->average ? job->kernels->avg_pool_row : job->kernels->max_pool_row)(&row);
    }
}

/* Plane `index` of an NCHW array of `pixels` pixels a channel: the channel group's first element. */
static const char *planar_at(const pool_job *job, const char *array, ptrdiff_t index, ptrdiff_t pixels) {
    const ptrdiff_t blocks = fnn_blocks(job->p->c);
    return array + (index / blocks * job->p->c + index % blocks * FNN_BLOCK) * pixels * job->es;
}

static const char *bring(const pool_job *job, const char *array, ptrdiff_t index, ptrdiff_t pixels, char **scratch) {
    if (!array) return NULL;
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, job->p->c - index % fnn_blocks(job->p->c) * FNN_BLOCK);
    char *to = *scratch;
    *scratch += pixels * FNN_BLOCK * job->es;
    job->kernels->block_pixels(planar_at(job, array, index, pixels), pixels, channels, pixels, to);
    return to;
}

static void pool_body(void *context, const fnn_team *team) {
    const pool_job *job = context;
    const fnn_pool2d_params *p = job->p;
    const ptrdiff_t image = p->h * p->w, result = p->oh * p->ow, out_pixels = job->gy ? image : result;
    ptrdiff_t begin, end;
    fnn_share(team, job->planes, &begin, &end);
    for (ptrdiff_t index = begin; index < end; index++) {
        if (p->layout == FNN_BLOCKED) {
            const ptrdiff_t xs = index * image * FNN_BLOCK * job->es, ys = index * result * FNN_BLOCK * job->es;
            pool_plane(job, job->x ? job->x + xs : NULL, job->gy ? job->gy + ys : NULL,
                       job->y_in ? job->y_in + ys : NULL, job->out + (job->gy ? xs : ys));
            continue;
        }
        char *scratch = job->scratch + team->id * job->scratch_bytes;
        const char *x = bring(job, job->x, index, image, &scratch), *gy = bring(job, job->gy, index, result, &scratch);
        const char *y = bring(job, job->y_in, index, result, &scratch);
        const ptrdiff_t channels = fnn_min(FNN_BLOCK, p->c - index % fnn_blocks(p->c) * FNN_BLOCK);
        pool_plane(job, x, gy, y, scratch);
        job->kernels->unblock_pixels(scratch, out_pixels, (char *)planar_at(job, job->out, index, out_pixels),
                                     out_pixels, channels);
    }
}

static fnn_status pool_run(const fnn_pool2d_params *p, int average, const void *x, const void *gy, const void *y,
                           void *out) {
    pool_job job = {.p = p, .kernels = fnn_kernels(p->dtype), .es = fnn_element_size(p->dtype), .x = x, .gy = gy};
    job.y_in = y, job.out = out, job.average = average;
    job.planes = p->n * fnn_blocks(p->c);
    if (job.planes == 0 || p->oh * p->ow == 0) return FNN_OK;
    const int threads = (int)fnn_min(fnn_get_num_threads(), job.planes);
    if (p->layout == FNN_NCHW) {
        job.scratch_bytes = 2 * (p->h * p->w + p->oh * p->ow) * FNN_BLOCK * job.es;
        job.scratch = fnn_alloc((size_t)(threads * job.scratch_bytes));
        if (!job.scratch) return FNN_NO_MEMORY;
    }
    const double work = (double)(job.planes * FNN_BLOCK) * (double)(p->oh * p->ow * p->kh * p->kw + p->h * p->w) / 4;
    fnn_parallel(pool_body, &job, threads, work, 0);
    fnn_free(job.scratch);
    return FNN_OK;
}

/* Positions of the maxima, in PyTorch's numbering (row * w + column), the last NaN of a window before all else. */
#define DEFINE_INDICES(type) \
    static void indices_##type(const fnn_pool2d_params *p, const type *x, int64_t *indices) { \
        for (ptrdiff_t plane = 0; plane < p->n * p->c; plane++, x += p->h * p->w) \
            for (ptrdiff_t i = 0; i < p->oh; i++) { \
                ptrdiff_t row0, rows = inside_rows(p, i, &row0); \
                for (ptrdiff_t j = 0; j < p->ow; j++) { \
                    const ptrdiff_t first = j * p->sw - p->pw; \
                    int64_t at = -1; \
                    for (ptrdiff_t r = row0; r < row0 + rows * p->dh; r += p->dh) \
                        for (ptrdiff_t s = first; s < first + p->kw * p->dw && s < p->w; s += p->dw) { \
                            if (s < 0) continue; \
                            const type value = x[r * p->w + s]; \
                            if (at < 0 || value > x[at] || value != value) at = (int64_t)(r * p->w + s); \
                        } \
                    *indices++ = at; \
                } \
            } \
    }
DEFINE_INDICES(float)
DEFINE_INDICES(double)

fnn_status fnn_max_pool2d(const fnn_pool2d_params *p, const void *x, void *y, int64_t *indices) {
    if (indices && p->dtype == FNN_F32) indices_float(p, x, indices);
    if (indices && p->dtype == FNN_F64) indices_double(p, x, indices);
    return pool_run(p, 0, x, NULL, NULL, y);
}

fnn_status fnn_max_pool2d_grad_input(const fnn_pool2d_params *p, const void *gy, const void *x, const void *y,
                                     void *gx) {
    return pool_run(p, 0, x, gy, y, gx);
}

fnn_status fnn_avg_pool2d(const fnn_pool2d_params *p, const void *x, void *y) {
    return pool_run(p, 1, x, NULL, NULL, y);
}

fnn_status fnn_avg_pool2d_grad_input(const fnn_pool2d_params *p, const void *gy, void *gx) {
    return pool_run(p, 1, NULL, gy, NULL, gx);
}
