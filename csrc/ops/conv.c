/* Entry points of the convolution, the packing of its weights, and the choice of what serves a call. */
#include "conv.h"

#include <string.h>

size_t fnn_conv_packed_group(fnn_conv_algorithm a, ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t taps) {
    const ptrdiff_t steps = a == FNN_CONV_BLOCKED ? fnn_round_up(in_channels, FNN_BLOCK) : in_channels;
    return (size_t)(fnn_round_up(out_channels, FNN_BLOCK) * steps * taps);
}

static size_t packed_size(fnn_conv_algorithm a, ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t groups,
                          ptrdiff_t taps) {
    if (a == FNN_CONV_DEPTHWISE) return (size_t)(fnn_round_up(groups, FNN_BLOCK) * taps);
    return fnn_conv_packed_group(a, in_channels, out_channels, taps) * (size_t)groups;
}

/* One group's weights, element (out, in, tap) at w[out*out_stride + in*in_stride + tap], into
 *   BLOCKED    [out/16][in/16][tap][16 in][16 out]
 *   PLANAR     [out/16][in][tap][16 out] */
static void pack_group(fnn_dtype dtype, fnn_conv_algorithm a, const char *w, ptrdiff_t in_channels,
                       ptrdiff_t out_channels, ptrdiff_t taps, ptrdiff_t in_stride, ptrdiff_t out_stride, char *y) {
    const fnn_kernel_table *kernels = fnn_kernels(dtype);
    const ptrdiff_t es = fnn_element_size(dtype), chunk = a == FNN_CONV_BLOCKED ? FNN_BLOCK : 1;
    for (ptrdiff_t o = 0; o < out_channels; o += FNN_BLOCK)
        for (ptrdiff_t i = 0; i < in_channels; i += chunk)
            for (ptrdiff_t t = 0; t < taps; t++, y += chunk * FNN_BLOCK * es) {
                const ptrdiff_t steps = fnn_min(chunk, in_channels - i);
                const char *from = w + (o * out_stride + i * in_stride + t) * es;
                kernels->pack_panel(from, in_stride, out_stride, steps, fnn_min(FNN_BLOCK, out_channels - o), y);
                memset(y + steps * FNN_BLOCK * es, 0, (size_t)((chunk - steps) * FNN_BLOCK * es));
            }
}

/* Weights [oc][cg][taps]; `transposed` swaps the roles of input and output channels. */
static void pack(const fnn_conv_params *p, fnn_conv_algorithm a, int transposed, const char *weight, char *packed) {
    const ptrdiff_t es = fnn_element_size(p->dtype), taps = p->kd * p->kh * p->kw;
    const ptrdiff_t cg = p->c / p->groups, ocg = p->oc / p->groups;
    const ptrdiff_t in = transposed ? ocg : cg, out = transposed ? cg : ocg;
    if (a == FNN_CONV_DEPTHWISE) { /* [channel/16][tap][16] */
        for (ptrdiff_t c = 0; c < p->groups; c += FNN_BLOCK)
            fnn_kernels(p->dtype)->pack_panel(weight + c * taps * es, 1, taps, taps, fnn_min(FNN_BLOCK, p->groups - c),
                                              packed + c * taps * es);
        return;
    }
    for (ptrdiff_t g = 0; g < p->groups; g++)
        pack_group(p->dtype, a, weight + g * ocg * cg * taps * es, in, out, taps, transposed ? cg * taps : taps,
                   transposed ? taps : cg * taps,
                   packed + (size_t)g * fnn_conv_packed_group(a, in, out, taps) * (size_t)es);
}

static fnn_conv_algorithm forward_algorithm(const fnn_conv_params *p) {
    return fnn_conv_choose(p->c / p->groups, p->oc / p->groups, p->groups);
}

static fnn_conv_algorithm transposed_algorithm(const fnn_conv_params *p) {
    if (fnn_conv_is_subpixel(p)) return FNN_CONV_SUBPIXEL;
    return fnn_conv_choose(p->oc / p->groups, p->c / p->groups, p->groups);
}

static const char *const names[] = {"direct (16-channel blocks)", "direct (few channels)", "depthwise", "sub-pixel"};

const char *fnn_conv_algorithm_name(const fnn_conv_params *p) { return names[forward_algorithm(p)]; }

size_t fnn_conv_packed_size(const fnn_conv_params *p) {
    return packed_size(forward_algorithm(p), p->c / p->groups, p->oc / p->groups, p->groups, p->kd * p->kh * p->kw);
}

void fnn_conv_pack(const fnn_conv_params *p, const void *weight, void *packed) {
    pack(p, forward_algorithm(p), 0, weight, packed);
}

const char *fnn_conv_transpose_algorithm_name(const fnn_conv_params *p) { return names[transposed_algorithm(p)]; }

size_t fnn_conv_transpose_packed_size(const fnn_conv_params *p) {
    const fnn_conv_algorithm a = transposed_algorithm(p);
    if (a == FNN_CONV_SUBPIXEL) return fnn_conv_subpixel_size(p);
    return packed_size(a, p->oc / p->groups, p->c / p->groups, p->groups, p->kd * p->kh * p->kw);
}

void fnn_conv_transpose_pack(const fnn_conv_params *p, const void *weight, void *packed) {
    const fnn_conv_algorithm a = transposed_algorithm(p);
    if (a == FNN_CONV_SUBPIXEL)
        fnn_conv_subpixel_pack(p, weight, packed);
    else
        pack(p, a, 1, weight, packed);
}

void fnn_load_row(const fnn_image *im, ptrdiff_t unit, ptrdiff_t image, ptrdiff_t channel, ptrdiff_t channels,
                  ptrdiff_t z, ptrdiff_t y, ptrdiff_t column0, ptrdiff_t columns, int cleared, char *to) {
    const fnn_kernel_table *kernels = fnn_kernels(im->dtype);
    const ptrdiff_t es = fnn_element_size(im->dtype), pixel = unit * es, plane = im->d * im->h * im->w;
    const ptrdiff_t left = fnn_max(0, -column0), first = fnn_max(0, column0);
    const ptrdiff_t count = fnn_min(im->w, column0 + columns) - first;
    if (z < 0 || z >= im->d || y < 0 || y >= im->h || count <= 0) {
        if (!cleared) memset(to, 0, (size_t)(columns * pixel));
        return;
    }
    if (!cleared) {
        memset(to, 0, (size_t)(left * pixel));
        memset(to + (left + count) * pixel, 0, (size_t)((columns - left - count) * pixel));
    }
    to += left * pixel;
    const ptrdiff_t at = (z * im->h + y) * im->w + first;
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

/* Groups that do not start at a block of 16 cannot be split off a blocked image: go through NCHW copies. */
static fnn_status run_through_planar(const fnn_conv_job *job) {
    const size_t es = (size_t)fnn_element_size(job->dtype);
    const size_t x_bytes = (size_t)(job->n * job->xc * job->xd * job->xh * job->xw) * es;
    const size_t y_bytes = (size_t)(job->n * job->yc * job->yd * job->yh * job->yw) * es;
    fnn_conv_job planar = *job;
    char *x = fnn_alloc(x_bytes), *y = fnn_alloc(y_bytes), *residual = job->residual ? fnn_alloc(y_bytes) : NULL;
    fnn_status status = x && y && (residual || !job->residual) ? FNN_OK : FNN_NO_MEMORY;
    if (status == FNN_OK) {
        planar.x_layout = planar.y_layout = FNN_NCHW;
        if (job->x_layout == FNN_BLOCKED) {
            fnn_unblock(job->dtype, job->n, job->xc, job->xd * job->xh, job->xw, job->x, x);
            planar.x = x;
        }
        if (job->y_layout == FNN_BLOCKED) {
            if (residual) fnn_unblock(job->dtype, job->n, job->yc, job->yd * job->yh, job->yw, job->residual, residual);
            planar.residual = residual;
            planar.y = y;
        }
        status = planar.algorithm == FNN_CONV_SUBPIXEL ? fnn_conv_subpixel(&planar) : fnn_conv_bands(&planar);
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
    const int x_splits = aligned || job->x_layout == FNN_NCHW || job->xc / job->groups % FNN_BLOCK == 0;
    const int y_splits = aligned || job->algorithm == FNN_CONV_SUBPIXEL || job->y_layout == FNN_NCHW ||
                         job->yc / job->groups % FNN_BLOCK == 0;
    if (!x_splits || !y_splits) return run_through_planar(job);
    if (job->algorithm == FNN_CONV_SUBPIXEL) return fnn_conv_subpixel(job);
    return fnn_conv_is_pointwise(job) ? fnn_conv_pointwise(job) : fnn_conv_bands(job);
}

static fnn_conv_job job_of(const fnn_conv_params *p, fnn_conv_algorithm a, int transposed) {
    fnn_conv_job job = {.dtype = p->dtype, .algorithm = a, .transposed = transposed, .n = p->n, .groups = p->groups};
    job.x_layout = transposed ? p->y_layout : p->x_layout;
    job.y_layout = transposed ? p->x_layout : p->y_layout;
    job.xc = transposed ? p->oc : p->c, job.yc = transposed ? p->c : p->oc;
    job.xd = transposed ? p->od : p->d, job.yd = transposed ? p->d : p->od;
    job.xh = transposed ? p->oh : p->h, job.yh = transposed ? p->h : p->oh;
    job.xw = transposed ? p->ow : p->w, job.yw = transposed ? p->w : p->ow;
    job.kd = p->kd, job.kh = p->kh, job.kw = p->kw, job.sd = p->sd, job.sh = p->sh, job.sw = p->sw;
    if (transposed &&
        a != FNN_CONV_SUBPIXEL) { /* beyond that all destinations have one source, further phases are empty */
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

fnn_status fnn_conv(const fnn_conv_params *p, const void *x, const void *packed, const void *bias, const void *residual,
                    void *y) {
    fnn_conv_job job = job_of(p, forward_algorithm(p), 0);
    job.x = x, job.packed = packed, job.bias = bias, job.residual = residual, job.y = y;
    job.activation = p->activation, job.alpha = p->alpha, job.beta = p->beta;
    return conv_run(&job);
}

fnn_status fnn_conv_transpose(const fnn_conv_params *p, const void *x, const void *packed, const void *bias,
                              const void *residual, void *y) {
    fnn_conv_job job = job_of(p, transposed_algorithm(p), 1);
    job.x = x, job.packed = packed, job.bias = bias, job.residual = residual, job.y = y;
    job.activation = p->activation, job.alpha = p->alpha, job.beta = p->beta;
    return conv_run(&job);
}

fnn_status fnn_conv_grad_input(const fnn_conv_params *p, const void *gy, const void *weight, void *gx) {
    fnn_conv_params gradient = *p;
    gradient.activation = FNN_NONE;
    char *packed = fnn_alloc(fnn_conv_transpose_packed_size(p) * (size_t)fnn_element_size(p->dtype));
    if (!packed) return FNN_NO_MEMORY;
    fnn_conv_transpose_pack(p, weight, packed);
    fnn_status status = fnn_conv_transpose(&gradient, gy, packed, NULL, NULL, gx);
    fnn_free(packed);
    return status;
}
