/* Weights in the order of the kernels, element (out, in, tap) of one group into
 *
 *   BLOCKED    [out/16][in/16][tap][16 in][16 out]
 *   PLANAR     [out/16][in][tap][16 out]
 *   DEPTHWISE  [channel/16][tap][16 channels]
 *
 * The taps of a kernel lie together in memory, so whole kernels are transposed at once and then taken apart by tap.
 * A network in training packs its weights at every step. */
#include <string.h>

#include "conv.h"

#define TURNED 64 /* taps transposed at once, in 8 KiB of stack */

typedef struct {
    const fnn_kernel_table *kernels;
    fnn_conv_algorithm algorithm;
    ptrdiff_t es, groups, taps, in, out, in_stride, out_stride; /* channels of a group, elements between them */
    ptrdiff_t panels, panel_size;                               /* of one group */
    const char *weight;
    char *packed;
} pack_job;

size_t fnn_conv_packed_group(fnn_conv_algorithm a, ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t taps) {
    const ptrdiff_t steps = a == FNN_CONV_BLOCKED ? fnn_round_up(in_channels, FNN_BLOCK) : in_channels;
    return (size_t)(fnn_round_up(out_channels, FNN_BLOCK) * steps * taps);
}

size_t fnn_conv_packed_all(fnn_conv_algorithm a, ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t groups,
                           ptrdiff_t taps) {
    if (a == FNN_CONV_DEPTHWISE) return (size_t)(fnn_round_up(groups, FNN_BLOCK) * taps);
    return fnn_conv_packed_group(a, in_channels, out_channels, taps) * (size_t)groups;
}

/* Taps [tap, tap + n) of `steps` source channels, of 16 result channels, as [in][n][16 out]; n is all of them where there
 * is more than one channel. */
static void pack_kernels(const pack_job *job, const char *w, ptrdiff_t steps, ptrdiff_t tap, ptrdiff_t n,
                         ptrdiff_t lanes, char *to) {
    w += tap * job->es;
    if (job->in_stride == n)
        job->kernels->block_pixels(w, job->out_stride, lanes, steps * n, to);
    else if (n == 1)
        job->kernels->pack_panel(w, job->in_stride, job->out_stride, steps, lanes, to);
    else
        for (ptrdiff_t i = 0; i < steps; i++)
            job->kernels->block_pixels(w + i * job->in_stride * job->es, job->out_stride, lanes, n,
                                       to + i * n * FNN_BLOCK * job->es);
}

/* One block of source channels as [tap][16 in][16 out]. */
static void pack_block(const pack_job *job, const char *w, ptrdiff_t steps, ptrdiff_t lanes, char *to) {
    double kernels[TURNED * FNN_BLOCK];
    const ptrdiff_t word = FNN_BLOCK * job->es, most = fnn_max(1, TURNED / job->taps);
    if (job->taps == 1) {
        pack_kernels(job, w, steps, 0, 1, lanes, to);
    } else {
        for (ptrdiff_t i = 0; i < steps; i += most)
            for (ptrdiff_t tap = 0; tap < job->taps; tap += TURNED) {
                const ptrdiff_t channels = fnn_min(most, steps - i), n = fnn_min(TURNED, job->taps - tap);
                pack_kernels(job, w + i * job->in_stride * job->es, channels, tap, n, lanes, (char *)kernels);
                for (ptrdiff_t k = 0; k < channels; k++)
                    for (ptrdiff_t t = 0; t < n; t++)
                        memcpy(to + ((tap + t) * FNN_BLOCK + i + k) * word, (char *)kernels + (k * n + t) * word,
                               (size_t)word);
            }
    }
    for (ptrdiff_t t = 0; t < job->taps && steps < FNN_BLOCK; t++)
        memset(to + (t * FNN_BLOCK + steps) * word, 0, (size_t)((FNN_BLOCK - steps) * word));
}

static void pack_body(void *context, const fnn_team *team) {
    const pack_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, job->groups * job->panels, &begin, &end);
    for (ptrdiff_t index = begin; index < end; index++) {
        const ptrdiff_t group = index / job->panels, panel = index % job->panels;
        const ptrdiff_t lanes = fnn_min(FNN_BLOCK, job->out - panel * FNN_BLOCK);
        const ptrdiff_t at = group * job->in * job->out * job->taps + panel * FNN_BLOCK * job->out_stride;
        const char *w = job->weight + at * job->es;
        char *to = job->packed + index * job->panel_size * job->es;
        if (job->algorithm != FNN_CONV_BLOCKED) {
            pack_kernels(job, w, job->in, 0, job->taps, lanes, to);
            continue;
        }
        for (ptrdiff_t i = 0; i < job->in; i += FNN_BLOCK)
            pack_block(job, w + i * job->in_stride * job->es, fnn_min(FNN_BLOCK, job->in - i), lanes,
                       to + i * job->taps * FNN_BLOCK * job->es);
    }
}

void fnn_conv_pack_weights(fnn_dtype dtype, fnn_conv_algorithm a, int transposed, ptrdiff_t groups,
                           ptrdiff_t in_channels, ptrdiff_t out_channels, ptrdiff_t taps, const void *weight,
                           void *packed) {
    pack_job job = {.kernels = fnn_kernels(dtype), .algorithm = a, .es = fnn_element_size(dtype), .groups = groups};
    job.taps = taps, job.in = in_channels, job.out = out_channels;
    job.weight = weight, job.packed = packed;
    job.in_stride = transposed ? out_channels * taps : taps;
    job.out_stride = transposed ? taps : in_channels * taps;
    if (a == FNN_CONV_DEPTHWISE) { /* as one group whose only source channel has every channel's kernel */
        job.groups = 1, job.in = 1, job.out = groups;
        job.in_stride = job.out_stride = taps;
    }
    job.panels = fnn_blocks(job.out);
    job.panel_size = (ptrdiff_t)fnn_conv_packed_group(a, job.in, FNN_BLOCK, taps);
    /* Moving an element takes about as long as an FMA of a serial loop. */
    fnn_parallel(pack_body, &job, job.groups * job.panels, (double)(job.groups * job.in * job.out * taps), 0);
}
