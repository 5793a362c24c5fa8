/* One step of stacked recurrent layers with the state that the caller carries. */
#include <string.h>

#include "rnn.h"

typedef struct {
    const fnn_rnn_params *p;
    const fnn_kernel_table *kernels;
    ptrdiff_t layers, plane;
    const void *const *packed;
    const char *x;
    char *state;
    int swapped;
} step_job;

size_t fnn_rnn_state_bytes(const fnn_rnn_params *p, ptrdiff_t layers) {
    return (size_t)(3 * layers * p->batch * rnn_padded(p) * fnn_element_size(p->dtype));
}

static void step_body(void *context, const fnn_team *team) {
    const step_job *job = context;
    const fnn_rnn_params *p = job->p;
    fnn_rnn_step s = {.rows = p->batch, .hidden = p->hidden, .padded = rnn_padded(p), .variant = p->variant};
    fnn_share(team, fnn_blocks(p->hidden), &s.block_begin, &s.block_end);
    s.half_weights = p->half_weights, s.reversed = job->swapped;
    for (ptrdiff_t layer = 0; layer < job->layers; layer++) {
        char *h = job->state + 3 * layer * job->plane;
        s.x = layer ? s.h_next : job->x;
        s.x_row = layer ? s.padded : p->inputs;
        s.inputs = layer ? p->hidden : p->inputs;
        s.h = h + job->swapped * job->plane, s.h_next = h + (1 - job->swapped) * job->plane;
        s.c = h + 2 * job->plane;
        const rnn_weights w = rnn_packed(p, s.inputs, job->packed[layer]);
        s.w_ih = w.w_ih, s.w_hh = w.w_hh, s.bias = w.bias, s.bias_hn = w.bias_hn;
        (p->cell == FNN_LSTM  ? job->kernels->lstm_step
         : p->cell == FNN_GRU ? job->kernels->gru_step
                              : job->kernels->rnn_step)(&s);
        if (layer + 1 < job->layers) fnn_barrier_wait(team);
    }
}

void fnn_rnn_advance(const fnn_rnn_params *p, ptrdiff_t layers, const void *const *packed, const void *x, void *state,
                     int swapped, void *y) {
    const ptrdiff_t es = fnn_element_size(p->dtype), padded = rnn_padded(p), plane = p->batch * padded * es;
    if (p->batch == 0) return;
    step_job job = {.p = p, .kernels = fnn_kernels(p->dtype), .layers = layers, .plane = plane, .packed = packed};
    job.x = x, job.state = state, job.swapped = swapped;
    const double work =
        (double)(layers * p->batch * rnn_gates(p)) * (double)p->hidden * (double)(p->inputs + p->hidden);
    fnn_parallel(step_body, &job, fnn_blocks(p->hidden), RNN_SINGLE_STEP * work, 1);
    const char *h = (const char *)state + (3 * (layers - 1) + 1 - swapped) * plane;
    for (ptrdiff_t i = 0; i < p->batch; i++)
        memcpy((char *)y + i * p->hidden * es, h + i * padded * es, (size_t)(p->hidden * es));
}
