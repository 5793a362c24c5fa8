/* Entry points of the convolution and the choice of what serves a call. */
#include "conv.h"

#include <string.h>

static int tile_side(int method) { return method == FNN_WINOGRAD2 ? 2 : 4; }

static fnn_conv_algorithm forward_algorithm(const fnn_conv2d_params *p) {
    return fnn_conv_choose(p->c / p->groups, p->oc / p->groups, p->groups);
}

static size_t winograd_size(int m, ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t groups) {
    return (size_t)((m + 2) * (m + 2) * groups * fnn_round_up(in_channels, FNN_BLOCK) *
                    fnn_round_up(out_channels, FNN_BLOCK));
}

size_t fnn_conv2d_packed_size(const fnn_conv2d_params *p) {
    const ptrdiff_t cg = p->c / p->groups, ocg = p->oc / p->groups;
    if (p->method >= FNN_WINOGRAD2) return winograd_size(tile_side(p->method), cg, ocg, p->groups);
    return fnn_conv_packed_all(forward_algorithm(p), cg, ocg, p->groups, p->kh * p->kw);
}

void fnn_conv2d_pack(const fnn_conv2d_params *p, const void *weight, void *packed) {
    fnn_conv_pack_weights(p->dtype, forward_algorithm(p), 0, p->groups, p->c / p->groups, p->oc / p->groups,
                          p->kh * p->kw, weight, packed);
}

void fnn_conv2d_transform(const fnn_conv2d_params *p, const void *direct, void *packed) {
    fnn_conv_winograd_filters(p->dtype, fnn_blocks(p->c / p->groups), p->groups * fnn_blocks(p->oc / p->groups),
                              tile_side(p->method), 0, direct, packed);
}

void fnn_load_row(const fnn_image *im, ptrdiff_t unit, ptrdiff_t image, ptrdiff_t channel, ptrdiff_t channels,
                  ptrdiff_t row, ptrdiff_t column0, ptrdiff_t columns, int cleared, char *to) {
    const fnn_kernel_table *kernels = fnn_kernels(im->dtype);
    const ptrdiff_t es = fnn_element_size(im->dtype), pixel = unit * es, plane = im->h * im->w;
    const ptrdiff_t left = fnn_max(0, -column0), first = fnn_max(0, column0);
    const ptrdiff_t count = fnn_min(im->w, column0 + columns) - first;
    if (row < 0 || row >= im->h || count <= 0) {
        if (!cleared) memset(to, 0, (size_t)(columns * pixel));
        return;
    }
    if (!cleared) {
        memset(to, 0, (size_t)(left * pixel));
        memset(to + (left + count) * pixel, 0, (size_t)((columns - left - count) * pixel));
    }
    to += left * pixel;
    const ptrdiff_t at = row * im->w + first;
    const char *planar = im->x + ((image * im->c + channel) * plane + at) * es;
    const char *blocked = im->x + ((image * fnn_blocks(im->c) + channel / FNN_BLOCK) * plane + at) * FNN_BLOCK * es;
    if (unit == 1 && im->layout == FNN_NCHW)
        memcpy(to, planar, (size_t)(count * es));
    else if (unit == 1)
        kernels->pick_lane(blocked, channel % FNN_BLOCK, count, to);
    else if (im->layout == FNN_NCHW)
        kernels->block_pixels(planar, plane, channels, count, to);
    else
        memcpy(to, blocked, (size_t)(count * pixel));
}

void fnn_clear_lanes(const fnn_conv_job *job, ptrdiff_t pixels, char *y) {
    const ptrdiff_t es = fnn_element_size(job->dtype), used = job->yc % FNN_BLOCK;
    for (ptrdiff_t i = 0; used && i < pixels; i++)
        memset(y + (i * FNN_BLOCK + used) * es, 0, (size_t)((FNN_BLOCK - used) * es));
}

/* A job whose groups can be split off both images. */
static fnn_status run_split(const fnn_conv_job *job) {
    if (job->method >= FNN_WINOGRAD2) return fnn_conv_winograd(job, tile_side(job->method));
    return fnn_conv_is_pointwise(job) ? fnn_conv_pointwise(job) : fnn_conv_bands(job);
}

/* Groups that do not start at a block of 16 cannot be split off a blocked image: go through NCHW copies. */
static fnn_status run_through_planar(const fnn_conv_job *job) {
    const size_t es = (size_t)fnn_element_size(job->dtype);
    const size_t x_bytes = (size_t)(job->n * job->xc * job->xh * job->xw) * es;
    const size_t y_bytes = (size_t)(job->n * job->yc * job->yh * job->yw) * es;
    fnn_conv_job planar = *job;
    char *x = fnn_alloc(x_bytes), *y = fnn_alloc(y_bytes), *residual = job->residual ? fnn_alloc(y_bytes) : NULL;
    fnn_status status = x && y && (residual || !job->residual) ? FNN_OK : FNN_NO_MEMORY;
    if (status == FNN_OK) {
        planar.x_layout = planar.y_layout = FNN_NCHW;
        if (job->x_layout == FNN_BLOCKED) {
            fnn_unblock(job->dtype, job->n, job->xc, job->xh, job->xw, job->x, x);
            planar.x = x;
        }
        if (job->y_layout == FNN_BLOCKED) {
            if (residual) fnn_unblock(job->dtype, job->n, job->yc, job->yh, job->yw, job->residual, residual);
            planar.residual = residual;
            planar.y = y;
        }
        status = run_split(&planar);
    }
    if (status == FNN_OK && job->y_layout == FNN_BLOCKED)
        fnn_block(job->dtype, job->n, job->yc, job->yh, job->yw, y, job->y);
    fnn_free(x);
    fnn_free(y);
    fnn_free(residual);
    return status;
}

static fnn_status conv_run(const fnn_conv_job *job) {
    if (job->n * job->yc * job->yh * job->yw == 0) return FNN_OK;
    const int aligned = job->groups == 1 || job->algorithm == FNN_CONV_DEPTHWISE;
    const int x_splits = aligned || job->x_layout == FNN_NCHW || job->xc / job->groups % FNN_BLOCK == 0;
    const int y_splits = aligned || job->y_layout == FNN_NCHW || job->yc / job->groups % FNN_BLOCK == 0;
    if (!x_splits || !y_splits) return run_through_planar(job);
    return run_split(job);
}

static fnn_conv_job job_of(const fnn_conv2d_params *p, fnn_conv_algorithm a, int transposed) {
    fnn_conv_job job = {.dtype = p->dtype, .algorithm = a, .transposed = transposed, .n = p->n, .groups = p->groups};
    job.x_layout = transposed ? p->y_layout : p->x_layout;
    job.y_layout = transposed ? p->x_layout : p->y_layout;
    job.xc = transposed ? p->oc : p->c, job.xh = transposed ? p->oh : p->h, job.xw = transposed ? p->ow : p->w;
    job.yc = transposed ? p->c : p->oc, job.yh = transposed ? p->h : p->oh, job.yw = transposed ? p->w : p->ow;
    job.kh = p->kh, job.kw = p->kw, job.sh = p->sh, job.sw = p->sw;
    job.ph = p->ph, job.pw = p->pw, job.dh = p->dh, job.dw = p->dw;
    return job;
}

/* ---- choice ---- */

static const char *refusal(const fnn_conv_job *job, fnn_method method) {
    if (method < FNN_WINOGRAD2) return NULL;
    if (job->kh != 3 || job->kw != 3) return "the kernel is not 3x3";
    if (job->sh != 1 || job->sw != 1) return "the stride is not 1";
    if (job->dh != 1 || job->dw != 1) return "the dilation is not 1";
    if (job->algorithm != FNN_CONV_BLOCKED) return "a group has 8 input channels or fewer";
    return NULL;
}

static fnn_method fastest(const fnn_conv_job *job, int packed) {
    if (job->dtype == FNN_F64 || refusal(job, FNN_WINOGRAD4)) return FNN_DIRECT;
    const double two = fnn_conv_winograd_cost(job, 2, packed), four = fnn_conv_winograd_cost(job, 4, packed);
    if (fmin(two, four) >= fnn_conv_direct_cost(job)) return FNN_DIRECT;
    return two < four ? FNN_WINOGRAD2 : FNN_WINOGRAD4;
}

const char *fnn_conv2d_refusal(const fnn_conv2d_params *p, fnn_method method) {
    const fnn_conv_job job = job_of(p, forward_algorithm(p), 0);
    return refusal(&job, method);
}

fnn_method fnn_conv2d_method(const fnn_conv2d_params *p, int packed) {
    const fnn_conv_job job = job_of(p, forward_algorithm(p), 0);
    return p->method == FNN_AUTO ? fastest(&job, packed) : (fnn_method)p->method;
}

const char *fnn_conv2d_algorithm(const fnn_conv2d_params *p, fnn_method method) {
    static const char *const names[] = {"direct (16-channel blocks)", "direct (few channels)", "depthwise"};
    if (method == FNN_WINOGRAD2) return "Winograd F(2x2, 3x3)";
    if (method == FNN_WINOGRAD4) return "Winograd F(4x4, 3x3)";
    return names[forward_algorithm(p)];
}

/* ---- calls ---- */

fnn_status fnn_conv2d(const fnn_conv2d_params *p, const void *x, const void *packed, const void *bias,
                      const void *residual, void *y) {
    fnn_conv_job job = job_of(p, forward_algorithm(p), 0);
    job.method = p->method;
    job.x = x, job.packed = packed, job.bias = bias, job.residual = residual, job.y = y;
    job.activation = p->activation, job.alpha = p->alpha, job.beta = p->beta;
    return conv_run(&job);
}

/* Packs `weight` for the job, forward or transposed, and runs it. */
static fnn_status run_unpacked(const fnn_conv2d_params *p, fnn_conv_job *job, const void *weight) {
    const ptrdiff_t xs = job->xc / job->groups, ys = job->yc / job->groups, es = fnn_element_size(p->dtype);
    const size_t size = fnn_conv_packed_all(job->algorithm, xs, ys, job->groups, job->kh * job->kw);
    job->method = p->method == FNN_AUTO ? fastest(job, 0) : (fnn_method)p->method;
    const int m = tile_side(job->method), winograd = job->method >= FNN_WINOGRAD2;
    char *direct = fnn_alloc(size * (size_t)es);
    char *filters = winograd ? fnn_alloc(winograd_size(m, xs, ys, job->groups) * (size_t)es) : NULL;
    fnn_status status = FNN_NO_MEMORY;
    if (direct && (filters || !winograd)) {
        fnn_conv_pack_weights(p->dtype, job->algorithm, job->transposed, job->groups, xs, ys, job->kh * job->kw, weight,
                              direct);
        if (winograd)
            fnn_conv_winograd_filters(p->dtype, fnn_blocks(xs), job->groups * fnn_blocks(ys), m, job->transposed,
                                      direct, filters);
        job->packed = winograd ? filters : direct;
        status = conv_run(job);
    }
    fnn_free(direct);
    fnn_free(filters);
    return status;
}

fnn_status fnn_conv2d_unpacked(const fnn_conv2d_params *p, const void *x, const void *weight, const void *bias,
                               const void *residual, void *y) {
    fnn_conv_job job = job_of(p, forward_algorithm(p), 0);
    job.x = x, job.bias = bias, job.residual = residual, job.y = y;
    job.activation = p->activation, job.alpha = p->alpha, job.beta = p->beta;
    return run_unpacked(p, &job, weight);
}

fnn_status fnn_conv2d_grad_input(const fnn_conv2d_params *p, const void *gy, const void *weight, void *gx) {
    fnn_conv_job job = job_of(p, fnn_conv_choose(p->oc / p->groups, p->c / p->groups, p->groups), 1);
    job.x = gy, job.y = gx;
    return run_unpacked(p, &job, weight);
}
