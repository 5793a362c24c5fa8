/* Transposed convolution by sub-pixels: all outputs that one source pixel's neighbourhood determines, of every stride
 * phase, are channels of one dense convolution of stride 1, whose result is spread over the image.
 *
 *   image[o][sh*y + b][sw*x + e] = sum over i, r, s of source[i][y - r][x - s] * weight[i][o][sh*r + b][sw*s + e]
 *
 * Lanes are (o, b, e), so few output channels fill them all the same, and 16 columns of a large stride are stored at
 * once. For kernels that are multiples of the stride: otherwise some phases lack taps, and zeros instead of those would
 * hand on infinities of pixels that the phase does not see. conv_bands.c computes phases one by one. The rearrangement is
 * the sub-pixel layer of Shi et al., arXiv:1609.05158, section 3.2. */
#include <string.h>

#include "conv.h"

/* Spreading costs more than taking rows of channels out of scratch: an estimate of it. */
#define SPREAD_COST 1.2

/* Whether every phase of an axis has the same taps k / stride, side by side. */
static int divides(ptrdiff_t k, ptrdiff_t stride, ptrdiff_t dilation) {
    return stride == 1 || (dilation == 1 && k % stride == 0);
}

static ptrdiff_t phase_taps(const fnn_conv_params *p) { return p->kd / p->sd * (p->kh / p->sh) * (p->kw / p->sw); }

static fnn_conv_algorithm algorithm_of(ptrdiff_t in_channels) { return fnn_conv_choose(in_channels, 0, 1); }

int fnn_conv_is_subpixel(const fnn_conv_params *p) {
    const ptrdiff_t phases = p->sd * p->sh * p->sw, out = p->c / p->groups;
    if (phases == 1 || (p->groups > 1 && out == 1 && p->oc == p->groups)) return 0;
    if (!divides(p->kd, p->sd, p->dd) || !divides(p->kh, p->sh, p->dh) || !divides(p->kw, p->sw, p->dw)) return 0;
    return SPREAD_COST * (double)fnn_round_up(out * phases, FNN_BLOCK) <
           (double)(fnn_round_up(out, FNN_BLOCK) * phases);
}

size_t fnn_conv_subpixel_size(const fnn_conv_params *p) {
    const ptrdiff_t in = p->oc / p->groups, out = p->c / p->groups * p->sd * p->sh * p->sw;
    return fnn_conv_packed_group(algorithm_of(in), in, out, phase_taps(p)) * (size_t)p->groups;
}

/* Weights of one tap (t, r, s) and input channel, every output channel a lane in its phase. */
static void pack_tap(const fnn_conv_params *p, const char *weight, ptrdiff_t tap, ptrdiff_t in, char *packed) {
    const ptrdiff_t es = fnn_element_size(p->dtype), ins = p->oc / p->groups, outs = p->c / p->groups;
    const ptrdiff_t t = tap / (p->kh * p->kw), r = tap / p->kw % p->kh, s = tap % p->kw;
    const ptrdiff_t phase = (t % p->sd * p->sh + r % p->sh) * p->sw + s % p->sw, all = phase_taps(p);
    /* Convolved forward, the tap farthest back comes first. */
    const ptrdiff_t back = (t / p->sd * (p->kh / p->sh) + r / p->sh) * (p->kw / p->sw) + s / p->sw, at = all - 1 - back;
    const int blocked = algorithm_of(ins) == FNN_CONV_BLOCKED;
    for (ptrdiff_t o = 0; o < outs; o++) {
        const ptrdiff_t lane = o * p->sd * p->sh * p->sw + phase;
        ptrdiff_t to = ((lane / FNN_BLOCK * ins + in) * all + at) * FNN_BLOCK;
        if (blocked)
            to = ((lane / FNN_BLOCK * fnn_blocks(ins) + in / FNN_BLOCK) * all + at) * FNN_BLOCK * FNN_BLOCK +
                 in % FNN_BLOCK * FNN_BLOCK;
        memcpy(packed + (to + lane % FNN_BLOCK) * es, weight + ((in * outs + o) * p->kd * p->kh * p->kw + tap) * es,
               (size_t)es);
    }
}

void fnn_conv_subpixel_pack(const fnn_conv_params *p, const char *weight, char *packed) {
    const ptrdiff_t es = fnn_element_size(p->dtype), ins = p->oc / p->groups, taps = p->kd * p->kh * p->kw;
    const ptrdiff_t group_bytes = (ptrdiff_t)fnn_conv_subpixel_size(p) / p->groups * es;
    const ptrdiff_t weight_bytes = ins * (p->c / p->groups) * taps * es;
    memset(packed, 0, (size_t)(group_bytes * p->groups));
    for (ptrdiff_t g = 0; g < p->groups; g++)
        for (ptrdiff_t in = 0; in < ins; in++)
            for (ptrdiff_t tap = 0; tap < taps; tap++)
                pack_tap(p, weight + g * weight_bytes, tap, in, packed + g * group_bytes);
}

/* One axis of the dense convolution: result size, kernel and padding, and the shift of the spread. */
static void dense_axis(ptrdiff_t *y, ptrdiff_t *k, ptrdiff_t *stride, ptrdiff_t *padding, ptrdiff_t dilation,
                       ptrdiff_t *shift) {
    const ptrdiff_t first = *padding / *stride;
    *shift = *padding - first * *stride;
    *y = (*y - 1 + *padding) / *stride - first + 1;
    *k /= *stride, *padding = (*k - 1) * dilation - first, *stride = 1;
}

fnn_status fnn_conv_subpixel(const fnn_conv_job *job) {
    fnn_conv_job dense = *job;
    fnn_spread *to = &dense.spread;
    *to = (fnn_spread){
        .sd = job->sd, .sh = job->sh, .sw = job->sw, .c = job->yc, .d = job->yd, .h = job->yh, .w = job->yw};
    dense.transposed = 0;
    dense.algorithm = algorithm_of(job->xc / job->groups);
    dense.yc = job->yc * job->sd * job->sh * job->sw;
    dense_axis(&dense.yd, &dense.kd, &dense.sd, &dense.pd, dense.dd, &to->pd);
    dense_axis(&dense.yh, &dense.kh, &dense.sh, &dense.ph, dense.dh, &to->ph);
    dense_axis(&dense.yw, &dense.kw, &dense.sw, &dense.pw, dense.dw, &to->pw);
    fnn_status status = fnn_conv_bands(&dense);
    const ptrdiff_t image = fnn_blocks(job->yc), plane = job->yd * job->yh * job->yw;
    for (ptrdiff_t n = 1; n <= job->n && status == FNN_OK && job->y_layout == FNN_BLOCKED; n++)
        fnn_clear_lanes(job, plane, 0, job->y + (n * image - 1) * plane * FNN_BLOCK * fnn_element_size(job->dtype));
    return status;
}

/* Elements from one pixel of the image to the next. */
static ptrdiff_t pixel_step(const fnn_conv_job *job) {
    return job->y_layout == FNN_BLOCKED ? FNN_BLOCK : job->y_layout == FNN_NHWC ? job->spread.c : 1;
}

/* `run` lanes of each of `columns` pixels and the image row that they interleave in, from its column `x` on. */
static void spread_row(const fnn_conv_job *job, int out, ptrdiff_t x, ptrdiff_t run, ptrdiff_t columns, char *row,
                       char *scratch) {
    const ptrdiff_t es = fnn_element_size(job->dtype), step = job->spread.sw, width = job->spread.w;
    const ptrdiff_t pixel = pixel_step(job);
    for (ptrdiff_t j = 0; j < columns;) {
        const ptrdiff_t at = x + j * step, skip = fnn_max(0, -at), length = fnn_min(run, width - at);
        ptrdiff_t runs = 1; /* whole ones go together, the first and the last may be cut */
        if (skip == 0 && length == run) runs = fnn_min(columns - j, (width - run - at) / step + 1);
        if (skip < length) {
            char *inside = row + (at + skip) * pixel * es, *lanes = scratch + (j * FNN_BLOCK + skip) * es;
            if (out)
                fnn_kernels(job->dtype)->copy_runs(lanes, FNN_BLOCK, inside, step * pixel, runs, length - skip);
            else
                fnn_kernels(job->dtype)->copy_runs(inside, step * pixel, lanes, FNN_BLOCK, runs, length - skip);
        }
        j += runs;
    }
}

void fnn_conv_spread(const fnn_conv_job *job, const fnn_conv_piece *piece, int out, char *image, char *scratch) {
    const fnn_spread *s = &job->spread;
    const ptrdiff_t es = fnn_element_size(job->dtype);
    const int layout = job->y_layout;
    const ptrdiff_t planes = layout == FNN_NHWC ? 1 : layout == FNN_BLOCKED ? fnn_blocks(s->c) : s->c;
    const ptrdiff_t pixel = pixel_step(job);
    for (ptrdiff_t lane = 0, run; lane < piece->channels; lane += run) {
        const ptrdiff_t channel = piece->channel + lane, e = channel % s->sw, b = channel / s->sw % s->sh;
        const ptrdiff_t a = channel / (s->sw * s->sh) % s->sd, o = channel / (s->sw * s->sh * s->sd);
        const ptrdiff_t z = piece->z * s->sd + a - s->pd, x = piece->column * s->sw + e - s->pw;
        run = pixel > 1 ? 1 : fnn_min(s->sw - e, piece->channels - lane);
        if (z < 0 || z >= s->d) continue;
        const ptrdiff_t plane = layout == FNN_NHWC ? 0 : layout == FNN_BLOCKED ? o / FNN_BLOCK : o;
        const ptrdiff_t channel_at = layout == FNN_NHWC ? o : layout == FNN_BLOCKED ? o % FNN_BLOCK : 0;
        const ptrdiff_t slice = ((piece->image * planes + plane) * s->d + z) * s->h;
        for (ptrdiff_t i = 0; i < piece->rows; i++) {
            const ptrdiff_t y = (piece->row + i) * s->sh + b - s->ph;
            if (y < 0 || y >= s->h) continue;
            const ptrdiff_t row = (slice + y) * s->w * pixel + channel_at;
            spread_row(job, out, x, run, piece->columns, image + row * es,
                       scratch + (i * piece->columns * FNN_BLOCK + lane) * es);
        }
    }
}
