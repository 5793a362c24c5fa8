/* Entry points of the convolution and the packing of its weights. */
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
static void pack(const fnn_conv2d_params *p, fnn_conv_algorithm a, int transposed, const char *weight, char *packed) {
    const ptrdiff_t es = fnn_element_size(p->dtype), taps = p->kh * p->kw;
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

static fnn_conv_algorithm forward_algorithm(const fnn_conv2d_params *p) {
    return fnn_conv_choose(p->c / p->groups, p->oc / p->groups, p->groups);
}

const char *fnn_conv2d_algorithm(const fnn_conv2d_params *p) {
    static const char *const names[] = {"direct (16-channel blocks)", "direct (few channels)", "depthwise"};
    return names[forward_algorithm(p)];
}

size_t fnn_conv2d_packed_size(const fnn_conv2d_params *p) {
    return packed_size(forward_algorithm(p), p->c / p->groups, p->oc / p->groups, p->groups, p->kh * p->kw);
}

void fnn_conv2d_pack(const fnn_conv2d_params *p, const void *weight, void *packed) {
    pack(p, forward_algorithm(p), 0, weight, packed);
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

fnn_status fnn_conv2d(const fnn_conv2d_params *p, const void *x, const void *packed, const void *bias,
                      const void *residual, void *y) {
    fnn_conv_job job = job_of(p, forward_algorithm(p), 0);
    job.x = x, job.packed = packed, job.bias = bias, job.residual = residual, job.y = y;
    job.activation = p->activation, job.alpha = p->alpha, job.beta = p->beta;
    return fnn_conv_run(&job);
}

fnn_status fnn_conv2d_grad_input(const fnn_conv2d_params *p, const void *gy, const void *weight, void *gx) {
    const ptrdiff_t cg = p->c / p->groups, ocg = p->oc / p->groups;
    const fnn_conv_algorithm a = fnn_conv_choose(ocg, cg, p->groups);
    const size_t size = packed_size(a, ocg, cg, p->groups, p->kh * p->kw);
    char *packed = fnn_alloc(size * (size_t)fnn_element_size(p->dtype));
    if (!packed) return FNN_NO_MEMORY;
    pack(p, a, 1, weight, packed);
    fnn_conv_job job = job_of(p, a, 1);
    job.x = gy, job.packed = packed, job.y = gx;
    fnn_status status = fnn_conv_run(&job);
    fnn_free(packed);
    return status;
}
