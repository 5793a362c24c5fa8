/* Blocked images of a few pixels under large weights, from weights as they are: one matrix product over the windows of
 * the whole batch. Image by image a tile has as few rows as the image has pixels and all weights stream for each, after a
 * packing that moves them twice; here they are read once, in panels that each thread packs for itself.
 *
 *   forward:         columns[n oh ow][c taps] = windows of x,   rows[n oh ow][oc] = columns weight^T
 *   input gradient:  rows = gy,   columns = rows weight,        gx = sum of the columns that a pixel went into
 *
 * ms, 512-512 3x3 padded, 16 images of 2x2, 2 threads of an AMD Zen 5, 2026-11: forward 1.81 before and 0.97 here, input
 * gradient 1.75-2.1 before and 0.85 here. (256-256 at 4x4 is faster by Winograd: 0.53 against 0.82 for the product.) */
#include "conv.h"

#include <string.h>

#define MOST_PIXELS 4                    /* of gy's image: more fill a tile's rows */
#define LEAST_ROWS 16                    /* of the product: fewer do not repay packing */
#define LEAST_BYTES ((ptrdiff_t)1 << 20) /* of weights: smaller ones stay in a second-level cache */
#define MOST_BYTES ((ptrdiff_t)4 << 20)  /* of columns and rows: larger batches go through in parts */

typedef struct {
    const fnn_conv_params *p;
    const fnn_kernel_table *kernels;
    ptrdiff_t es, taps, rows;
    char *image;         /* x or gx, [n][c/16][h][w][16] */
    char *result;        /* y or gy, [n][oc/16][oh][ow][16] */
    char *columns, *row; /* [rows][c][taps] and [rows][oc] */
} columns_job;

int fnn_conv_is_columns(const fnn_conv_params *p) {
    const ptrdiff_t taps = p->kh * p->kw, pixels = p->oh * p->ow;
    if (p->method != FNN_AUTO || p->groups != 1 || p->padding_mode != FNN_PAD_CONSTANT) return 0;
    if (p->x_layout != FNN_BLOCKED || p->y_layout != FNN_BLOCKED || p->c % FNN_BLOCK || p->oc % FNN_BLOCK) return 0;
    if (p->d * p->od * p->kd != 1 || p->pd || taps == 1) return 0;
    return pixels <= MOST_PIXELS && p->n * pixels >= LEAST_ROWS &&
           p->c * p->oc * taps * fnn_element_size(p->dtype) >= LEAST_BYTES;
}

/* The pixel of x under tap (r, s) of window (i, j), or -1 outside. */
static ptrdiff_t pixel_under(const fnn_conv_params *p, ptrdiff_t i, ptrdiff_t j, ptrdiff_t r, ptrdiff_t s) {
    const ptrdiff_t y = i * p->sh - p->ph + r * p->dh, x = j * p->sw - p->pw + s * p->dw;
    return y < 0 || y >= p->h || x < 0 || x >= p->w ? -1 : y * p->w + x;
}

static char *lanes(const columns_job *job, char *blocked, ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t image,
                   ptrdiff_t block, ptrdiff_t pixel) {
    return blocked + ((image * (channels / FNN_BLOCK) + block) * pixels + pixel) * FNN_BLOCK * job->es;
}

static void fill_columns(void *context, const fnn_team *team) {
    const columns_job *job = context;
    const fnn_conv_params *p = job->p;
    static const double zeros[FNN_BLOCK];
    for (ptrdiff_t row; (row = fnn_claim(team)) < job->rows;) {
        const ptrdiff_t image = row / (p->oh * p->ow), i = row / p->ow % p->oh, j = row % p->ow;
        for (ptrdiff_t tap = 0; tap < job->taps; tap++) {
            const ptrdiff_t pixel = pixel_under(p, i, j, tap / p->kw, tap % p->kw);
            for (ptrdiff_t block = 0; block < p->c / FNN_BLOCK; block++) {
                const char *from = (const char *)zeros;
                if (pixel >= 0) from = lanes(job, job->image, p->c, p->h * p->w, image, block, pixel);
                char *to = job->columns + ((row * p->c + block * FNN_BLOCK) * job->taps + tap) * job->es;
                job->kernels->scatter(from, FNN_BLOCK, to, job->taps);
            }
        }
    }
}

static void copy_rows(const columns_job *job, int to_image) {
    const fnn_conv_params *p = job->p;
    const ptrdiff_t pixels = p->oh * p->ow;
    for (ptrdiff_t row = 0; row < job->rows; row++)
        for (ptrdiff_t block = 0; block < p->oc / FNN_BLOCK; block++) {
            char *own = job->row + (row * p->oc + block * FNN_BLOCK) * job->es;
            char *there = lanes(job, job->result, p->oc, pixels, row / pixels, block, row % pixels);
            memcpy(to_image ? there : own, to_image ? own : there, (size_t)(FNN_BLOCK * job->es));
        }
}

static void add_lanes(ptrdiff_t es, const void *from, void *to) {
    if (es == sizeof(float))
        for (int i = 0; i < FNN_BLOCK; i++) ((float *)to)[i] += ((const float *)from)[i];
    else
        for (int i = 0; i < FNN_BLOCK; i++) ((double *)to)[i] += ((const double *)from)[i];
}

/* One block of one image of gx; a pixel takes its sum in the order of windows and taps. */
static void sum_block(const columns_job *job, ptrdiff_t image, ptrdiff_t block) {
    const fnn_conv_params *p = job->p;
    char *to = lanes(job, job->image, p->c, p->h * p->w, image, block, 0);
    memset(to, 0, (size_t)(p->h * p->w * FNN_BLOCK * job->es));
    for (ptrdiff_t window = 0; window < p->oh * p->ow; window++)
        for (ptrdiff_t tap = 0; tap < job->taps; tap++) {
            double part[FNN_BLOCK];
            const ptrdiff_t pixel = pixel_under(p, window / p->ow, window % p->ow, tap / p->kw, tap % p->kw);
            const ptrdiff_t row = image * p->oh * p->ow + window;
            if (pixel < 0) continue;
            job->kernels->gather(job->columns + ((row * p->c + block * FNN_BLOCK) * job->taps + tap) * job->es,
                                 job->taps, FNN_BLOCK, part);
            add_lanes(job->es, part, to + pixel * FNN_BLOCK * job->es);
        }
}

static void sum_columns(void *context, const fnn_team *team) {
    const columns_job *job = context;
    const ptrdiff_t blocks = job->p->c / FNN_BLOCK;
    for (ptrdiff_t i; (i = fnn_claim(team)) < job->p->n * blocks;) sum_block(job, i / blocks, i % blocks);
}

/* Images that fit the scratch together. */
static fnn_status run_part(const fnn_conv_params *p, int transposed, const void *x, const void *weight,
                           const void *bias, void *y) {
    columns_job job = {.p = p, .kernels = fnn_kernels(p->dtype), .es = fnn_element_size(p->dtype)};
    job.taps = p->kh * p->kw, job.rows = p->n * p->oh * p->ow;
    job.image = transposed ? y : (char *)x, job.result = transposed ? (char *)x : y;
    const ptrdiff_t k = p->c * job.taps;
    job.columns = fnn_alloc((size_t)(job.rows * (k + p->oc) * job.es));
    if (!job.columns) return FNN_NO_MEMORY;
    job.row = job.columns + job.rows * k * job.es;
    const double moved = 4 * (double)job.rows * (double)k;
    fnn_status status;
    if (transposed) {
        copy_rows(&job, 0);
        status = fnn_gemm_unpacked(p->dtype, job.rows, k, p->oc, job.row, p->oc, 1, weight, k, 1, NULL, 0, 0, 0,
                                   job.columns);
        if (status == FNN_OK) fnn_parallel(sum_columns, &job, p->n * (p->c / FNN_BLOCK), moved, 1);
    } else {
        fnn_parallel(fill_columns, &job, job.rows, moved, 0);
        status = fnn_gemm_unpacked(p->dtype, job.rows, p->oc, k, job.columns, k, 1, weight, 1, k, bias, p->activation,
                                   p->alpha, p->beta, job.row);
        if (status == FNN_OK) copy_rows(&job, 1);
    }
    fnn_free(job.columns);
    return status;
}

fnn_status fnn_conv_columns(const fnn_conv_params *p, int transposed, const void *x, const void *weight,
                            const void *bias, void *y) {
    const ptrdiff_t es = fnn_element_size(p->dtype), pixels = p->oh * p->ow;
    const ptrdiff_t wide = p->c * p->h * p->w * es, narrow = p->oc * pixels * es; /* bytes of an image of x and of y */
    const ptrdiff_t x_step = transposed ? narrow : wide, y_step = transposed ? wide : narrow;
    const ptrdiff_t most = fnn_max(1, MOST_BYTES / (pixels * (p->c * p->kh * p->kw + p->oc) * es));
    fnn_conv_params part = *p;
    fnn_status status = FNN_OK;
    for (ptrdiff_t n = 0; n < p->n && status == FNN_OK; n += most) {
        part.n = fnn_min(most, p->n - n);
        status = run_part(&part, transposed, (const char *)x + n * x_step, weight, bias, (char *)y + n * y_step);
    }
    return status;
}
