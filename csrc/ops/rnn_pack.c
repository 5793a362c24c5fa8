/* Recurrent weights in the kernels' order: [block][inputs][G][16], [block][hidden][G][16], biases [block][G][16] and, for
 * n of a GRU, [block][16]. Blocks of 16 hidden units, so that a thread's units are one run of memory. */
#include <string.h>

#include "rnn.h"

static ptrdiff_t weight_bytes(const fnn_rnn_params *p) { return p->half_weights ? 2 : fnn_element_size(p->dtype); }

static ptrdiff_t weight_count(const fnn_rnn_params *p, ptrdiff_t inputs) {
    return rnn_gates(p) * rnn_padded(p) * (inputs + p->hidden);
}

size_t fnn_rnn_packed_bytes(const fnn_rnn_params *p) {
    const ptrdiff_t biases = rnn_padded(p) * (rnn_gates(p) + (p->cell == FNN_GRU));
    return (size_t)(weight_count(p, p->inputs) * weight_bytes(p) + biases * fnn_element_size(p->dtype));
}

rnn_weights rnn_packed(const fnn_rnn_params *p, ptrdiff_t inputs, const void *packed) {
    const ptrdiff_t gates = rnn_gates(p), padded = rnn_padded(p);
    rnn_weights w;
    w.w_ih = packed;
    w.w_hh = w.w_ih + gates * padded * inputs * weight_bytes(p);
    w.bias = w.w_ih + weight_count(p, inputs) * weight_bytes(p);
    w.bias_hn = w.bias + gates * padded * fnn_element_size(p->dtype);
    return w;
}

/* The upper half of a float32, rounded to the nearest even; NaN stays NaN. */
static uint16_t bfloat16(float x) {
    union {
        float f;
        uint32_t i;
    } bits = {x};
    if (x != x) return (uint16_t)(bits.i >> 16 | 0x40);
    return (uint16_t)((bits.i + 0x7fff + (bits.i >> 16 & 1)) >> 16);
}

/* One matrix [G*hidden][steps] to `to`; `scratch` holds a block in the element type where weights are halves. */
static void pack_matrix(const fnn_rnn_params *p, const char *w, ptrdiff_t steps, char *to, char *scratch) {
    const fnn_kernel_table *kernels = fnn_kernels(p->dtype);
    const ptrdiff_t gates = rnn_gates(p), es = fnn_element_size(p->dtype), block = gates * FNN_BLOCK * steps;
    for (ptrdiff_t b = 0; b < fnn_blocks(p->hidden); b++) {
        const ptrdiff_t lanes = fnn_min(FNN_BLOCK, p->hidden - b * FNN_BLOCK);
        char *at = scratch ? scratch : to + b * block * es;
        for (ptrdiff_t gate = 0; gate < gates; gate++)
            kernels->rnn_pack(w + (gate * p->hidden + b * FNN_BLOCK) * steps * es, steps, lanes, gates,
                              at + gate * FNN_BLOCK * es);
        for (ptrdiff_t i = 0; scratch && i < block; i++)
            ((uint16_t *)to)[b * block + i] = bfloat16(((const float *)scratch)[i]);
    }
}

static double at(const fnn_rnn_params *p, const void *array, ptrdiff_t i) {
    if (!array) return 0;
    return p->dtype == FNN_F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

static void set(const fnn_rnn_params *p, char *array, ptrdiff_t i, double value) {
    if (p->dtype == FNN_F32)
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}

/* Both biases of a gate are one sum, but for n of a GRU. */
static void pack_biases(const fnn_rnn_params *p, const void *b_ih, const void *b_hh, char *bias, char *bias_hn) {
    const ptrdiff_t gates = rnn_gates(p), padded = rnn_padded(p);
    for (ptrdiff_t unit = 0; unit < padded; unit++)
        for (ptrdiff_t gate = 0; gate < gates; gate++) {
            const int apart = p->cell == FNN_GRU && gate == 2, inside = unit < p->hidden;
            const ptrdiff_t from = gate * p->hidden + unit;
            const double of_x = inside ? at(p, b_ih, from) : 0, of_h = inside ? at(p, b_hh, from) : 0;
            set(p, bias, (unit / FNN_BLOCK * gates + gate) * FNN_BLOCK + unit % FNN_BLOCK, apart ? of_x : of_x + of_h);
            if (apart) set(p, bias_hn, unit, of_h);
        }
}

fnn_status fnn_rnn_pack(const fnn_rnn_params *p, const void *w_ih, const void *w_hh, const void *b_ih, const void *b_hh,
                        void *packed) {
    const ptrdiff_t most = fnn_max(p->inputs, p->hidden);
    char *scratch = NULL;
    if (p->half_weights) {
        scratch = fnn_alloc((size_t)(rnn_gates(p) * FNN_BLOCK * most * fnn_element_size(p->dtype)));
        if (!scratch) return FNN_NO_MEMORY;
    }
    const rnn_weights w = rnn_packed(p, p->inputs, packed);
    pack_matrix(p, w_ih, p->inputs, (char *)w.w_ih, scratch);
    pack_matrix(p, w_hh, p->hidden, (char *)w.w_hh, scratch);
    pack_biases(p, b_ih, b_hh, (char *)w.bias, (char *)w.bias_hn);
    fnn_free(scratch);
    return FNN_OK;
}
