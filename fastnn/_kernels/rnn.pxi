# Recurrent layers: one layer over all steps, forward and backward.

cdef extern from "fastnn.h" nogil:
    ctypedef enum fnn_cell:
        FNN_LSTM
        FNN_GRU
        FNN_RNN
    ctypedef struct fnn_rnn_params:
        fnn_dtype dtype
        int cell, variant, half_weights
        Py_ssize_t steps, batch, inputs, hidden
        int directions, batch_first, reversed
        const int64_t *order
        const int64_t *lengths
    ctypedef struct fnn_rnn_kept:
        void *gates
        void *extra
    ctypedef struct fnn_rnn_grads:
        const void *w_hh[2]
        const void *h0
        const void *c0
        const void *y
        const void *gy
        const void *ghn
        const void *gcn
        void *g_x
        void *g_h
        Py_ssize_t g_row
        void *gh0
        void *gc0

    size_t fnn_rnn_packed_bytes(const fnn_rnn_params *p)
    fnn_status fnn_rnn_pack(const fnn_rnn_params *p, const void *w_ih, const void *w_hh, const void *b_ih,
                            const void *b_hh, void *packed)
    fnn_status fnn_rnn(const fnn_rnn_params *p, const void *x, const void **packed, const void *h0, const void *c0,
                       void *y, void *hn, void *cn, const fnn_rnn_kept *kept)
    size_t fnn_rnn_state_bytes(const fnn_rnn_params *p, Py_ssize_t layers)
    void fnn_rnn_advance(const fnn_rnn_params *p, Py_ssize_t layers, const void **packed, const void *x, void *state,
                         int swapped, void *y)
    fnn_status fnn_rnn_backward(const fnn_rnn_params *p, const fnn_rnn_kept *kept, const fnn_rnn_grads *g)

CELLS = {"lstm": FNN_LSTM, "gru": FNN_GRU, "rnn": FNN_RNN}


@cython.final
cdef class RNNParams:
    """The geometry of one recurrent layer, made by fastnn.ops and never changed."""
    cdef fnn_rnn_params c
    cdef readonly Py_ssize_t gates, padded
    cdef int64_t[::1] order, lengths

    def __init__(self, int cell, int variant, bint half_weights, Py_ssize_t steps, Py_ssize_t batch,
                 Py_ssize_t inputs, Py_ssize_t hidden, int directions, bint batch_first, order=None, lengths=None):
        self.c.cell, self.c.variant, self.c.half_weights = cell, variant, half_weights
        self.c.steps, self.c.batch, self.c.inputs, self.c.hidden = steps, batch, inputs, hidden
        self.c.directions, self.c.batch_first = directions, batch_first
        self.gates = 4 if cell == FNN_LSTM else 3 if cell == FNN_GRU else 1
        self.padded = (hidden + 15) // 16 * 16
        if order is not None and batch:
            self.order, self.lengths = order, lengths
            if self.order.shape[0] != batch or self.lengths.shape[0] != batch:
                raise ValueError("order and lengths need one element per sequence")
            self.c.order, self.c.lengths = &self.order[0], &self.lengths[0]

    cdef Py_ssize_t rows(self) noexcept:
        return self.c.steps * self.c.batch

    cdef Py_ssize_t state_size(self) noexcept:
        return self.c.directions * self.c.batch * self.c.hidden

    cdef Py_ssize_t result_size(self) noexcept:
        return self.rows() * self.c.directions * self.c.hidden


def rnn_pack(RNNParams params, w_ih, w_hh, b_ih, b_hh):
    """The packed weights of one direction, as an array of bytes."""
    cdef fnn_rnn_params p = params.c
    cdef Py_ssize_t outputs = params.gates * p.hidden
    cdef Buffer wi = acquire(w_ih, outputs * p.inputs, -1, False)
    cdef int dtype = wi.dtype()
    cdef Buffer wh = acquire(w_hh, outputs * p.hidden, dtype, False)
    cdef Buffer bi = acquire(b_ih, outputs, dtype, False)
    cdef Buffer bh = acquire(b_hh, outputs, dtype, False)
    cdef fnn_status status
    p.dtype = <fnn_dtype>dtype
    cdef Py_ssize_t size = fnn_rnn_packed_bytes(&p)
    packed = empty((size,), np.uint8, size)
    cdef Buffer pb = acquire(packed, size, -1, True)
    with nogil:
        status = fnn_rnn_pack(&p, wi.data, wh.data, bi.data, bh.data, pb.data)
    check(status)
    return packed


cdef void *packed_weights(fnn_rnn_params *p, object packed, list held) except NULL:
    cdef Buffer weights = acquire(packed, fnn_rnn_packed_bytes(p), -1, False)
    held.append(weights)
    return weights.data


def rnn(RNNParams params, x, tuple packed, h0, c0, y, hn, cn, gates=None, extra=None):
    """One layer over all steps; `packed` has one array a direction; gates and extra receive what backward needs."""
    cdef fnn_rnn_params p = params.c
    cdef Buffer xb = acquire(x, params.rows() * p.inputs, -1, False)
    cdef int dtype = xb.dtype()
    cdef Py_ssize_t state = params.state_size(), kept_size = p.directions * params.rows() * params.padded
    cdef Buffer hb = acquire(h0, state, dtype, False)
    cdef Buffer cb = acquire(c0, state, dtype, False)
    cdef Buffer yb = acquire(y, params.result_size(), dtype, True)
    cdef Buffer hnb = acquire(hn, state, dtype, True)
    cdef Buffer cnb = acquire(cn, state, dtype, True)
    cdef Buffer gb = acquire(gates, kept_size * params.gates, dtype, True)
    cdef Buffer eb = acquire(extra, kept_size, dtype, True)
    cdef fnn_rnn_kept kept = fnn_rnn_kept(gb.data, eb.data)
    cdef const void *weights[2]
    cdef list held = []
    cdef fnn_status status
    cdef int d
    p.dtype = <fnn_dtype>dtype
    for d in range(p.directions):
        weights[d] = packed_weights(&p, packed[d], held)
    with nogil:
        status = fnn_rnn(&p, xb.data, weights, hb.data, cb.data, yb.data, hnb.data, cnb.data,
                         &kept if gb.held else NULL)
    check(status)


def rnn_backward(RNNParams params, tuple w_hh, h0, c0, y, gates, extra, gy, ghn, gcn, g_x, g_h, gh0, gc0):
    """Gradients of the gates' sums and of the initial state; w_hh [G*H, H] of each direction as it is.

    g_x and g_h are [directions, rows, at least G*H].
    """
    cdef fnn_rnn_params p = params.c
    cdef Py_ssize_t state = params.state_size(), kept_size = p.directions * params.rows() * params.padded
    cdef Py_ssize_t k = params.gates * p.hidden, row = g_x.shape[2], sums = p.directions * params.rows() * row
    cdef Buffer yb = acquire(y, params.result_size(), -1, False)
    cdef int dtype = yb.dtype()
    cdef Py_ssize_t size = fnn_gemm_packed_size(k, p.hidden)
    cdef list held = []
    cdef fnn_rnn_kept kept
    cdef fnn_rnn_grads g
    cdef Buffer w, packed
    cdef fnn_status status
    cdef int d
    p.dtype = <fnn_dtype>dtype
    if row < k:
        raise ValueError("g_x has too short rows")
    g.y, g.g_row = yb.data, row

    def hold(array, Py_ssize_t elements, bint writable):
        held.append(acquire(array, elements, dtype, writable))
        return held[len(held) - 1]

    kept.gates, kept.extra = (<Buffer>hold(gates, kept_size * params.gates, False)).data, \
        (<Buffer>hold(extra, kept_size, False)).data
    g.h0, g.c0 = (<Buffer>hold(h0, state, False)).data, (<Buffer>hold(c0, state, False)).data
    g.gy = (<Buffer>hold(gy, params.result_size(), False)).data
    g.ghn, g.gcn = (<Buffer>hold(ghn, state, False)).data, (<Buffer>hold(gcn, state, False)).data
    g.g_x, g.g_h = (<Buffer>hold(g_x, sums, True)).data, (<Buffer>hold(g_h, sums, True)).data
    g.gh0, g.gc0 = (<Buffer>hold(gh0, state, True)).data, (<Buffer>hold(gc0, state, True)).data
    for d in range(p.directions):
        w = hold(w_hh[d], k * p.hidden, False)
        packed = hold(empty((size,), y.dtype, size * yb.view.itemsize), size, True)
        fnn_gemm_pack(<fnn_dtype>dtype, k, p.hidden, w.data, p.hidden, 1, packed.data)
        g.w_hh[d] = packed.data
    with nogil:
        status = fnn_rnn_backward(&p, &kept, &g)
    check(status)
