/* Recurrent layers; part of fastnn.h, whose rules hold.
 *
 * Gates are in PyTorch's order: LSTM i, f, g, o; GRU r, z, n; RNN one. G is their number. Arrays of sequences are
 * [steps][batch][..], or [batch][steps][..] with batch_first; "rows" counts steps and sequences together in that order.
 * padded is hidden rounded up to a multiple of 16. */
#ifndef FASTNN_RNN_H
#define FASTNN_RNN_H

typedef enum { FNN_LSTM, FNN_GRU, FNN_RNN } fnn_cell;

typedef struct {
    fnn_dtype dtype;
    int cell;                               /* fnn_cell */
    int variant;                            /* LSTM: 0 h = o tanh(c), 1 h = o c; RNN: 0 tanh, 1 ReLU */
    int half_weights;                       /* packed weights are bfloat16; float32 only */
    ptrdiff_t steps, batch, inputs, hidden; /* hidden >= 1; the others may be 0 */
    int directions;                         /* 2: the second reads each sequence from its end */
    int batch_first;
    int reversed; /* 1: begin with the last units. Same bits; calls that alternate find more of the weights in the caches */
    const int64_t *order;   /* [batch]: sequences by falling length; or NULL: all are `steps` long */
    const int64_t *lengths; /* [batch]: lengths in that order, <= steps */
} fnn_rnn_params;

/* Weights of one direction in the kernel's order. */
size_t fnn_rnn_packed_bytes(const fnn_rnn_params *p);
fnn_status fnn_rnn_pack(const fnn_rnn_params *p, const void *w_ih, /* [G*hidden][inputs] */
                        const void *w_hh,                          /* [G*hidden][hidden] */
                        const void *b_ih, const void *b_hh,        /* [G*hidden], or NULL */
                        void *packed);

/* What the backward pass needs: gates after their activation, [directions][rows][padded/16][G][16], and one value a
 * unit more, [directions][rows][padded] (LSTM: the cell state, GRU: the recurrent part of n; RNN: neither array). */
typedef struct {
    void *gates, *extra;
} fnn_rnn_kept;

/* One layer over all steps. Beyond its length a sequence has no results: y is not written there. */
fnn_status fnn_rnn(const fnn_rnn_params *p, const void *x, /* [rows][inputs] */
                   const void *const *packed,              /* [directions] */
                   const void *h0, const void *c0,         /* [directions][batch][hidden], or NULL for zeros */
                   void *y,                                /* [rows][directions*hidden], or NULL */
                   void *hn, void *cn,                     /* like h0; cn: LSTM only */
                   const fnn_rnn_kept *kept);              /* or NULL */

/* One step of a stack of layers with one direction. p: steps is 1, inputs those of the first layer. */
size_t fnn_rnn_state_bytes(const fnn_rnn_params *p, ptrdiff_t layers);
void fnn_rnn_advance(const fnn_rnn_params *p, ptrdiff_t layers, const void *const *packed, /* [layers] */
                     const void *x,                                                        /* [batch][inputs] */
                     void *state, /* [layers][h, next h, c][batch][padded], lanes beyond hidden zero */
                     int swapped, /* next h holds the current one; the step swaps them */
                     void *y);    /* [batch][hidden] */

/* Back through time: the gradients of the sums that the gates' activations take, from those of the results. */
typedef struct {
    const void *w_hh[2];        /* fnn_gemm_pack of [G*hidden][hidden], each direction */
    const void *h0, *c0;        /* as in fnn_rnn, not NULL (c0: LSTM) */
    const void *y;              /* its result */
    const void *gy, *ghn, *gcn; /* gradients of y, hn, cn, or NULL for zeros */
    /* [directions][rows][g_row]: of b + W x, and GRU: of the recurrent part; written inside the sequences only */
    void *g_x, *g_h;
    ptrdiff_t g_row; /* >= G*hidden */
    void *gh0, *gc0; /* of h0 and c0 */
} fnn_rnn_grads;
fnn_status fnn_rnn_backward(const fnn_rnn_params *p, const fnn_rnn_kept *kept, const fnn_rnn_grads *g);

#endif
