/* Entry points of the convolution and the choice of what serves a call. */
#include "conv.h"
#include "pad.h"

#include <string.h>

static fnn_conv_algorithm algorithm_of(const fnn_conv_params *p, int transposed) {
    const ptrdiff_t cg = p->c / p->groups, ocg = p->oc / p->groups;
    if (transposed && fnn_conv_is_subpixel(p)) return FNN_CONV_SUBPIXEL;
    return transposed ? fnn_conv_choose(ocg, cg, p->groups) : fnn_conv_choose(cg, ocg, p->groups);
}

static int tile_side(int method) { return method == FNN_WINOGRAD2 ? 2 : 4; }

size_t fnn_conv_packed_size(const fnn_conv_params *p, int transposed) {
    const fnn_conv_algorithm a = algorithm_of(p, transposed);
    const ptrdiff_t cg = p->c / p->groups, ocg = p->oc / p->groups;
    if (p->method >= FNN_WINOGRAD2) {
        const ptrdiff_t side = tile_side(p->method) + 2;
        return (size_t)(side * side * p->groups * fnn_round_up(cg, FNN_BLOCK) * fnn_round_up(ocg, FNN_BLOCK));
    }
    if (a == FNN_CONV_SUBPIXEL) return fnn_conv_subpixel_size(p);
    return fnn_conv_packed_all(a, transposed ? ocg : cg, transposed ? cg : ocg, p->groups, p->kd * p->kh * p->kw);
}

void fnn_conv_pack(const fnn_conv_params *p, int transposed, const void *weight, void *packed) {
    const fnn_conv_algorithm a = algorithm_of(p, transposed);
    const ptrdiff_t cg = p->c / p->groups, ocg = p->oc / p->groups;
    if (a == FNN_CONV_SUBPIXEL)
        fnn_conv_subpixel_pack(p, weight, packed);
    else
        fnn_conv_pack_weights(p->dtype, a, transposed, p->groups, transposed ? ocg : cg, transposed ? cg : ocg,
                              p->kd * p->kh * p->kw, weight, packed);
}

void fnn_conv_transform(const fnn_conv_params *p, int transposed, const void *direct, void *packed) {
    const ptrdiff_t cg = fnn_blocks(p->c / p->groups), ocg = fnn_blocks(p->oc / p->groups);
    fnn_conv_winograd_filters(p->dtype, transposed ? ocg : cg, p->groups * (transposed ? cg : ocg),
                              tile_side(p->method), transposed, direct, packed);
}

/* Columns [column, column + count) of a row inside the image. */
static void load_inside(const fnn_image *im, ptrdiff_t unit, ptrdiff_t image, ptrdiff_t channel, ptrdiff_t channels,
                        ptrdiff_t row, ptrdiff_t column, ptrdiff_t count, char *to) {
    const fnn_kernel_table *kernels = fnn_kernels(im->dtype);
    const ptrdiff_t es = fnn_element_size(im->dtype), plane = im->d * im->h * im->w, at = row * im->w + column;
    const char *planar = im->x + ((image * im->c + channel) * plane + at) * es;
    const char *blocked = im->x + ((image * fnn_blocks(im->c) + channel / FNN_BLOCK) * plane + at) * FNN_BLOCK * es;
    const char *last = im->x + ((image * plane + at) * im->c + channel) * es;
    if (im->layout == FNN_NHWC) {
        if (channels < unit) memset(to, 0, (size_t)(count * unit * es));
        kernels->copy_runs(last, im->c, to, unit, count, channels);
    } else if (unit == 1 && im->layout == FNN_NCHW)
        memcpy(to, planar, (size_t)(count * es));
    else if (unit == 1)
        kernels->pick_lane(blocked, channel % FNN_BLOCK, count, to);
    else if (im->layout == FNN_NCHW)
        kernels->block_pixels(planar, plane, channels, count, to);
    else
        memcpy(to, blocked, (size_t)(count * unit * es));
}

/* A row of an image that goes on outside its bounds. */
static void load_endless(const fnn_image *im, ptrdiff_t unit, ptrdiff_t image, ptrdiff_t channel, ptrdiff_t channels,
                         ptrdiff_t z, ptrdiff_t y, ptrdiff_t column0, ptrdiff_t columns, char *to) {
    const int mode = im->padding_mode;
    const ptrdiff_t row = fnn_pad_source(mode, z, im->d) * im->h + fnn_pad_source(mode, y, im->h);
    for (ptrdiff_t j = 0, run; j < columns; j += run) {
        const ptrdiff_t column = fnn_pad_source(mode, column0 + j, im->w);
        run = column == column0 + j ? fnn_min(columns - j, im->w - column) : 1;
        load_inside(im, unit, image, channel, channels, row, column, run, to + j * unit * fnn_element_size(im->dtype));
    }
}

void fnn_load_row(const fnn_image *im, ptrdiff_t unit, ptrdiff_t image, ptrdiff_t channel, ptrdiff_t channels,
                  ptrdiff_t z, ptrdiff_t y, ptrdiff_t column0, ptrdiff_t columns, int cleared, char *to) {
    const ptrdiff_t pixel = unit * fnn_element_size(im->dtype);
    const ptrdiff_t left = fnn_max(0, -column0), first = fnn_max(0, column0);
    const ptrdiff_t count = fnn_min(im->w, column0 + columns) - first;
    if (im->padding_mode != FNN_PAD_CONSTANT) {
        load_endless(im, unit, image, channel, channels, z, y, column0, columns, to);
        return;
    }
    if (z < 0 || z >= im->d || y < 0 || y >= im->h || count <= 0) {
        if (!cleared) memset(to, 0, (size_t)(columns * pixel));
        return;
    }
    if (!cleared) {
        memset(to, 0, (size_t)(left * pixel));
        memset(to + (left + count) * pixel, 0, (size_t)((columns - left - count) * pixel));
    }
    load_inside(im, unit, image, channel, channels, z * im->h + y, first, count, to + left * pixel);
}

void fnn_clear_lanes(const fnn_conv_job *job, ptrdiff_t pixels, int computed, char *y) {
    const ptrdiff_t es = fnn_element_size(job->dtype), used = job->yc % FNN_BLOCK;
    for (ptrdiff_t i = 0; used && i < pixels; i++) {
        char *lane = y + (i * FNN_BLOCK + used) * es;
        if (!computed || (job->dtype == FNN_F32 ? *(const float *)lane != 0 : *(const double *)lane != 0))
            memset(lane, 0, (size_t)((FNN_BLOCK - used) * es));
    }
}

/* A job whose groups can be split off both images. */
static fnn_status run_split(const fnn_conv_job *job) {
    if (job->method >= FNN_WINOGRAD2) return fnn_conv_winograd(job, tile_side(job->method));
    if (job->method == FNN_IM2COL && job->xc > 0) return fnn_conv_planes(job);
    if (job->algorithm == FNN_CONV_SUBPIXEL) return fnn_conv_subpixel(job);
    if (fnn_conv_is_depthwise(job)) return fnn_conv_depthwise(job);
    return fnn_conv_is_planes(job) ? fnn_conv_planes(job) : fnn_conv_bands(job);
}

/* Groups that do not start at a block of 16 cannot be split off a blocked image: go through NCHW copies. */
static fnn_status run_through_planar(const fnn_conv_job *job) {
    const size_t es = (size_t)fnn_element_size(job->dtype);
    const size_t x_bytes = (size_t)(job->n * job->xc * job->xd * job->xh * job->xw) * es;
    const size_t y_bytes = (size_t)(job->n * job->yc * job->yd * job->yh * job->yw) * es;
    fnn_conv_job planar = *job;
    char *x = fnn_alloc(x_bytes), *y = fnn_alloc(y_bytes), *residual = job->residual ? fnn_alloc(y_bytes) : NULL;
    fnn_status status = x && y && (residual || !job->residual) ? FNN_OK : FNN_NO_MEMORY;
    if (status == FNN_OK) {
        if (job->x_layout == FNN_BLOCKED) {
            planar.x_layout = FNN_NCHW;
            fnn_unblock(job->dtype, job->n, job->xc, job->xd * job->xh, job->xw, job->x, x);
            planar.x = x;
        }
        if (job->y_layout == FNN_BLOCKED) {
            planar.y_layout = FNN_NCHW;
            if (residual) fnn_unblock(job->dtype, job->n, job->yc, job->yd * job->yh, job->yw, job->residual, residual);
            planar.residual = residual;
            planar.y = y;
        }
        status = run_split(&planar);
    }
    if (status == FNN_OK && job->y_layout == FNN_BLOCKED)
        fnn_block(job->dtype, job->n, job->yc, job->yd * job->yh, job->yw, y, job->y);
    fnn_free(x);
    fnn_free(y);
    fnn_free(residual);
    return status;
}

static fnn_status conv_run(const fnn_conv_job *job) {
    if (job->n * job->yc * job->yd * job->yh * job->yw == 0) return FNN_OK;
    const int aligned = job->groups == 1 || job->algorithm == FNN_CONV_DEPTHWISE;
    const int x_splits = aligned || job->x_layout != FNN_BLOCKED || job->xc / job->groups % FNN_BLOCK == 0;
    const int y_splits = aligned || job->algorithm == FNN_CONV_SUBPIXEL || job->y_layout != FNN_BLOCKED ||
                         job->yc / job->groups % FNN_BLOCK == 0;
    const int planar = job->x_layout == FNN_NCHW && job->y_layout == FNN_NCHW;
    if (!x_splits || !y_splits || (job->method == FNN_IM2COL && !planar)) return run_through_planar(job);
    return run_split(job);
}

static fnn_conv_job job_of(const fnn_conv_params *p, int transposed) {
    fnn_conv_job job = {.dtype = p->dtype, .transposed = transposed, .n = p->n, .groups = p->groups};
    job.algorithm = algorithm_of(p, transposed);
    job.x_layout = transposed ? p->y_layout : p->x_layout;
    job.y_layout = transposed ? p->x_layout : p->y_layout;
    job.padding_mode = transposed ? FNN_PAD_CONSTANT : p->padding_mode;
    job.xc = transposed ? p->oc : p->c, job.yc = transposed ? p->c : p->oc;
    job.xd = transposed ? p->od : p->d, job.yd = transposed ? p->d : p->od;
    job.xh = transposed ? p->oh : p->h, job.yh = transposed ? p->h : p->oh;
    job.xw = transposed ? p->ow : p->w, job.yw = transposed ? p->w : p->ow;
    job.kd = p->kd, job.kh = p->kh, job.kw = p->kw, job.sd = p->sd, job.sh = p->sh, job.sw = p->sw;
    if (transposed && job.algorithm != FNN_CONV_SUBPIXEL) { /* beyond that all destinations have one source */
        job.sd = fnn_min(job.sd, job.yd + p->pd);
        job.sh = fnn_min(job.sh, job.yh + p->ph);
        job.sw = fnn_min(job.sw, job.yw + p->pw);
    }
    job.pd = p->pd, job.ph = p->ph, job.pw = p->pw, job.dd = p->dd, job.dh = p->dh, job.dw = p->dw;
    if (job.kd * job.kh == 1 && fnn_max(job.sd, job.sh) == 1 && job.pd + job.ph == 0 && job.xd == job.yd &&
        job.xh == job.yh) {
        job.xh *= job.xd, job.yh *= job.yd; /* slices that meet no other are more rows */
        job.xd = job.yd = 1;
    }
    return job;
}

/* ---- choice ---- */

static const char *im2col_refusal(const fnn_conv_job *job) {
    if (job->transposed) return "the convolution is transposed";
    if (job->padding_mode != FNN_PAD_CONSTANT) return "the padding is not of zeros";
    if (!fnn_conv_is_flat(job)) return "the convolution is three-dimensional";
    if (job->algorithm == FNN_CONV_DEPTHWISE) return "a group has one input and one output channel";
    if (job->x_layout == FNN_NHWC || job->y_layout == FNN_NHWC) return "the image is NHWC";
    return NULL;
}

static const char *refusal(const fnn_conv_job *job, fnn_method method) {
    if (method == FNN_IM2COL) return im2col_refusal(job);
    if (method < FNN_WINOGRAD2) return NULL;
    if (job->kd != 1 || job->kh != 3 || job->kw != 3) return "the kernel is not 3x3";
    if (job->sd != 1 || job->sh != 1 || job->sw != 1) return "the stride is not 1";
    if (job->dh != 1 || job->dw != 1) return "the dilation is not 1";
    if (job->xd != 1 || job->yd != 1) return "the convolution is not two-dimensional";
    if (job->algorithm != FNN_CONV_BLOCKED) return "a group has 8 input channels or fewer";
    return NULL;
}

static fnn_method fastest(const fnn_conv_job *job, int packed) {
    if (job->dtype == FNN_F64 || refusal(job, FNN_WINOGRAD4)) return FNN_DIRECT;
    const double two = fnn_conv_winograd_cost(job, 2, packed), four = fnn_conv_winograd_cost(job, 4, packed);
    if (fmin(two, four) >= fnn_conv_direct_cost(job)) return FNN_DIRECT;
    return two < four ? FNN_WINOGRAD2 : FNN_WINOGRAD4;
}

const char *fnn_conv_refusal(const fnn_conv_params *p, int transposed, fnn_method method) {
    const fnn_conv_job job = job_of(p, transposed);
    return refusal(&job, method);
}

fnn_method fnn_conv_method(const fnn_conv_params *p, int transposed, int packed) {
    const fnn_conv_job job = job_of(p, transposed);
    return p->method == FNN_AUTO ? fastest(&job, packed) : (fnn_method)p->method;
}

const char *fnn_conv_algorithm_name(const fnn_conv_params *p, int transposed) {
    static const char *const names[] = {"direct (16-channel blocks)", "direct (few channels)", "depthwise",
                                        "sub-pixel"};
    if (p->method == FNN_IM2COL) return "im2col";
    if (p->method == FNN_WINOGRAD2) return "Winograd F(2x2, 3x3)";
    if (p->method == FNN_WINOGRAD4) return "Winograd F(4x4, 3x3)";
    return names[algorithm_of(p, transposed)];
}

/* ---- calls ---- */

static fnn_status run(const fnn_conv_params *p, int transposed, const void *x, const void *packed, const void *bias,
                      const void *residual, void *y) {
    fnn_conv_job job = job_of(p, transposed);
    job.method = (fnn_method)p->method;
    job.x = x, job.packed = packed, job.bias = bias, job.residual = residual, job.y = y;
    job.activation = p->activation, job.alpha = p->alpha, job.beta = p->beta;
    return conv_run(&job);
}

static fnn_status run_unpacked(fnn_conv_params p, int transposed, const void *x, const void *weight, const void *bias,
                               const void *residual, void *y) {
    const size_t es = (size_t)fnn_element_size(p.dtype);
    if (!residual && !(transposed && (bias || p.activation)) && fnn_conv_is_columns(&p))
        return fnn_conv_columns(&p, transposed, x, weight, bias, y);
    const fnn_method method = fnn_conv_method(&p, transposed, 0);
    p.method = FNN_DIRECT;
    char *direct = fnn_alloc(fnn_conv_packed_size(&p, transposed) * es), *filters = NULL;
    p.method = method;
    if (method >= FNN_WINOGRAD2) filters = fnn_alloc(fnn_conv_packed_size(&p, transposed) * es);
    fnn_status status = FNN_NO_MEMORY;
    if (direct && (filters || method < FNN_WINOGRAD2)) {
        fnn_conv_pack(&p, transposed, weight, direct);
        if (filters) fnn_conv_transform(&p, transposed, direct, filters);
        status = run(&p, transposed, x, filters ? filters : direct, bias, residual, y);
    }
    fnn_free(direct);
    fnn_free(filters);
    return status;
}

fnn_status fnn_conv(const fnn_conv_params *p, const void *x, const void *packed, const void *bias, const void *residual,
                    void *y) {
    return run(p, 0, x, packed, bias, residual, y);
}

fnn_status fnn_conv_unpacked(const fnn_conv_params *p, const void *x, const void *weight, const void *bias,
                             const void *residual, void *y) {
    return run_unpacked(*p, 0, x, weight, bias, residual, y);
}

fnn_status fnn_conv_transpose(const fnn_conv_params *p, const void *x, const void *packed, const void *bias,
                              const void *residual, void *y) {
    return run(p, 1, x, packed, bias, residual, y);
}

fnn_status fnn_conv_transpose_unpacked(const fnn_conv_params *p, const void *x, const void *weight, const void *bias,
                                       const void *residual, void *y) {
    return run_unpacked(*p, 1, x, weight, bias, residual, y);
}
