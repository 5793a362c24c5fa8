/* Work that is spread over rows, planes or plain ranges: layout conversion, activations, softmax, channel sums; and
 * the two measurements of the machine. */
#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

#ifdef _WIN32
#include <windows.h>
static double seconds(void) {
    LARGE_INTEGER t, f;
    QueryPerformanceCounter(&t);
    QueryPerformanceFrequency(&f);
    return (double)t.QuadPart / (double)f.QuadPart;
}
#else
#include <time.h>
static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
#endif

#define RANGE 4096 /* elements of one piece of a flat range, a multiple of every word: pieces start aligned */

typedef struct {
    const fnn_kernel_table *kernels;
    ptrdiff_t es, n, c, pixels, rows;
    const char *x, *x2;
    char *y;
    int flag, layout;
    double alpha, beta;
} elementwise_job;

static elementwise_job job_of(fnn_dtype dtype, const void *x, const void *x2, void *y) {
    return (elementwise_job){.kernels = fnn_kernels(dtype), .es = fnn_element_size(dtype), .x = x, .x2 = x2, .y = y};
}

/* ---- layout ---- */

static void layout_body(void *context, const fnn_team *team) {
    const elementwise_job *job = context;
    const ptrdiff_t blocks = fnn_blocks(job->c);
    ptrdiff_t begin, end;
    fnn_share(team, job->n * blocks, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) {
        const ptrdiff_t channel = i % blocks * FNN_BLOCK, channels = fnn_min(FNN_BLOCK, job->c - channel);
        const ptrdiff_t planar = (i / blocks * job->c + channel) * job->pixels * job->es;
        const ptrdiff_t blocked = i * FNN_BLOCK * job->pixels * job->es;
        if (job->layout == FNN_BLOCKED)
            job->kernels->block_pixels(job->x + planar, job->pixels, channels, job->pixels, job->y + blocked);
        else
            job->kernels->unblock_pixels(job->x + blocked, job->pixels, job->y + planar, job->pixels, channels);
    }
}

static void convert(fnn_dtype dtype, int to, ptrdiff_t n, ptrdiff_t c, ptrdiff_t pixels, const void *x, void *y) {
    elementwise_job job = job_of(dtype, x, NULL, y);
    job.layout = to, job.n = n, job.c = c, job.pixels = pixels;
    fnn_parallel(layout_body, &job, n * fnn_blocks(c), (double)(n * c * pixels) * 8, 0);
}

void fnn_block(fnn_dtype dtype, ptrdiff_t n, ptrdiff_t c, ptrdiff_t h, ptrdiff_t w, const void *x, void *y) {
    convert(dtype, FNN_BLOCKED, n, c, h * w, x, y);
}

void fnn_unblock(fnn_dtype dtype, ptrdiff_t n, ptrdiff_t c, ptrdiff_t h, ptrdiff_t w, const void *x, void *y) {
    convert(dtype, FNN_NCHW, n, c, h * w, x, y);
}

/* ---- flat ranges ---- */

static void activate_body(void *context, const fnn_team *team) {
    const elementwise_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, fnn_ceil_div(job->n, RANGE), &begin, &end);
    for (ptrdiff_t at = begin * RANGE; at < fnn_min(end * RANGE, job->n); at += RANGE) {
        const ptrdiff_t n = fnn_min(RANGE, job->n - at), bytes = at * job->es;
        if (job->x2)
            job->kernels->activation_grad_row(job->x + bytes, job->x2 + bytes, job->y + bytes, n, job->flag, job->alpha,
                                              job->beta);
        else
            job->kernels->activation_row(job->x + bytes, job->y + bytes, n, job->flag, job->alpha, job->beta);
    }
}

void fnn_activate(fnn_dtype dtype, int activation, double alpha, double beta, ptrdiff_t n, const void *x, void *y) {
    elementwise_job job = job_of(dtype, x, NULL, y);
    job.n = n, job.flag = activation, job.alpha = alpha, job.beta = beta;
    fnn_parallel(activate_body, &job, fnn_ceil_div(n, RANGE), (double)n * (activation > FNN_LEAKY_RELU ? 32 : 4), 0);
}

void fnn_activate_grad(fnn_dtype dtype, int activation, double alpha, double beta, ptrdiff_t n, const void *gy,
                       const void *x, void *gx) {
    elementwise_job job = job_of(dtype, gy, x, gx);
    job.n = n, job.flag = activation, job.alpha = alpha, job.beta = beta;
    fnn_parallel(activate_body, &job, fnn_ceil_div(n, RANGE), (double)n * (activation > FNN_LEAKY_RELU ? 32 : 4), 0);
}

/* ---- rows ---- */

static void softmax_body(void *context, const fnn_team *team) {
    const elementwise_job *job = context;
    const ptrdiff_t row = job->n * job->es;
    ptrdiff_t begin, end;
    fnn_share(team, job->rows, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) {
        if (job->x2)
            job->kernels->softmax_grad_row(job->x + i * row, job->x2 + i * row, job->y + i * row, job->n, job->flag);
        else
            job->kernels->softmax_row(job->x + i * row, job->y + i * row, job->n, job->flag);
    }
}

static void run_softmax(elementwise_job job, int logarithm, ptrdiff_t rows, ptrdiff_t n) {
    job.flag = logarithm, job.rows = rows, job.n = n;
    fnn_parallel(softmax_body, &job, rows, (double)(rows * n) * 32, 0);
}

void fnn_softmax(fnn_dtype dtype, int logarithm, ptrdiff_t rows, ptrdiff_t n, const void *x, void *y) {
    run_softmax(job_of(dtype, x, NULL, y), logarithm, rows, n);
}

void fnn_softmax_grad(fnn_dtype dtype, int logarithm, ptrdiff_t rows, ptrdiff_t n, const void *gy, const void *y,
                      void *gx) {
    run_softmax(job_of(dtype, gy, y, gx), logarithm, rows, n);
}

/* ---- sums over pixels: a block of channels a task, images in order ---- */

#define SUM_PIXELS 256 /* an NCHW plane is transposed into scratch in pieces of this many pixels */

static void channel_sum_body(void *context, const fnn_team *team) {
    const elementwise_job *job = context;
    const ptrdiff_t blocks = fnn_blocks(job->c);
    double scratch[SUM_PIXELS * FNN_BLOCK] = {0};
    ptrdiff_t begin, end;
    fnn_share(team, blocks, &begin, &end);
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t channels = fnn_min(FNN_BLOCK, job->c - block * FNN_BLOCK);
        double sum[FNN_BLOCK] = {0};
        for (ptrdiff_t i = 0; i < job->n; i++) {
            if (job->layout == FNN_BLOCKED) {
                const char *plane = job->x + (i * blocks + block) * job->pixels * FNN_BLOCK * job->es;
                job->kernels->lane_sums(plane, job->pixels, sum);
                continue;
            }
            const char *planes = job->x + (i * job->c + block * FNN_BLOCK) * job->pixels * job->es;
            const char *last = job->x + (i * job->pixels * job->c + block * FNN_BLOCK) * job->es;
            for (ptrdiff_t p = 0; p < job->pixels; p += SUM_PIXELS) {
                const ptrdiff_t n = fnn_min(SUM_PIXELS, job->pixels - p);
                if (job->layout == FNN_NHWC)
                    job->kernels->copy_runs(last + p * job->c * job->es, job->c, scratch, FNN_BLOCK, n, channels);
                else
                    job->kernels->block_pixels(planes + p * job->es, job->pixels, channels, n, scratch);
                job->kernels->lane_sums(scratch, n, sum);
            }
        }
        for (ptrdiff_t lane = 0; lane < channels; lane++) {
            char *to = job->y + (block * FNN_BLOCK + lane) * job->es;
            if (job->es == sizeof(float))
                *(float *)to = (float)sum[lane];
            else
                *(double *)to = sum[lane];
        }
    }
}

void fnn_channel_sum(fnn_dtype dtype, int layout, ptrdiff_t n, ptrdiff_t c, ptrdiff_t hw, const void *x, void *out) {
    elementwise_job job = job_of(dtype, x, NULL, out);
    job.layout = layout, job.n = n, job.c = c, job.pixels = hw;
    fnn_parallel(channel_sum_body, &job, fnn_blocks(c), (double)(n * c * hw) * 4, 0);
}

/* ---- the machine's limits ---- */

#define PEAK_STEPS 200000
#define PEAK_REPEATS 15
#define COPY_BYTES ((ptrdiff_t)64 << 20)

typedef struct {
    const fnn_kernel_table *kernels;
    const char *from;
    char *to;
    double operations, sink[256];
} limit_job;

static void peak_body(void *context, const fnn_team *team) {
    limit_job *job = context;
    double operations;
    job->kernels->fma_peak_loop(PEAK_STEPS, &operations, &job->sink[team->id]);
    if (team->id == 0) job->operations = operations * team->size;
}

static void copy_body(void *context, const fnn_team *team) {
    const limit_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, COPY_BYTES / FNN_ALIGN, &begin, &end);
    memcpy(job->to + begin * FNN_ALIGN, job->from + begin * FNN_ALIGN, (size_t)((end - begin) * FNN_ALIGN));
}

double fnn_fma_peak(int threads) {
    limit_job job = {.kernels = fnn_kernels(FNN_F32)};
    double best = 0;
    for (int i = 0; i < PEAK_REPEATS; i++) {
        double start = seconds();
        fnn_parallel(peak_body, &job, threads, FNN_SERIAL_WORK, 1);
        best = fmax(best, job.operations / (seconds() - start) / 1e9);
    }
    return best;
}

double fnn_copy_bandwidth(int threads) {
    limit_job job = {.from = fnn_alloc((size_t)COPY_BYTES), .to = fnn_alloc((size_t)COPY_BYTES)};
    double best = 0;
    if (job.from && job.to) {
        memset((char *)job.from, 1, (size_t)COPY_BYTES);
        for (int i = 0; i < PEAK_REPEATS; i++) {
            double start = seconds();
            fnn_parallel(copy_body, &job, threads, FNN_SERIAL_WORK, 0);
            best = fmax(best, 2.0 * (double)COPY_BYTES / (seconds() - start) / 1e9);
        }
    }
    fnn_free((char *)job.from);
    fnn_free(job.to);
    return best;
}
