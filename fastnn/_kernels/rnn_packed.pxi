# Recurrent layers packed ahead, and the state that they carry from step to step.

_float32, _float64 = np.dtype(np.float32), np.dtype(np.float64)


@cython.final
cdef class RNNState:
    """What a packed recurrent layer remembers between calls of `step`. Made by that, and changed in place by it.

    Attributes
    ----------
    h : array [layers, batch, hidden], a copy of the hidden state
    c : the same of the cell state; None but for an LSTM
    """
    cdef Memory memory
    cdef bint swapped, has_cell
    cdef readonly Py_ssize_t layers, batch, hidden
    cdef readonly object dtype
    cdef Py_ssize_t padded

    def __init__(self, Py_ssize_t layers, Py_ssize_t batch, Py_ssize_t hidden, dtype, h=None, c=None,
                 bint has_cell=False):
        self.layers, self.batch, self.hidden = layers, batch, hidden
        self.dtype = _float32 if dtype.itemsize == 4 else _float64  # the one object, also after pickling
        self.padded, self.has_cell = (hidden + 15) // 16 * 16, has_cell
        self.memory = Memory.__new__(Memory)
        self.memory.size = 3 * layers * batch * self.padded * dtype.itemsize
        self.memory.data = fnn_alloc(self.memory.size)
        if self.memory.data == NULL:
            raise MemoryError("not enough memory for the state of a recurrent layer")
        planes = self.planes()
        planes[...] = 0
        if h is not None:
            planes[:, 0, :, :hidden] = h
        if c is not None:
            planes[:, 2, :, :hidden] = c

    cdef object planes(self):
        """[layers, (h, next h, c), batch, padded], over the memory."""
        return _ndarray((self.layers, 3, self.batch, self.padded), self.dtype, self.memory)

    @property
    def h(self):
        return self.planes()[:, 1 if self.swapped else 0, :, :self.hidden].copy()

    @property
    def c(self):
        return self.planes()[:, 2, :, :self.hidden].copy() if self.has_cell else None

    def copy(self):
        """A state that goes its own way from here."""
        return RNNState(self.layers, self.batch, self.hidden, self.dtype, self.h, self.c, self.has_cell)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        return RNNState, (self.layers, self.batch, self.hidden, self.dtype, self.h, self.c, self.has_cell)

    def __repr__(self):
        return f"RNNState(layers={self.layers}, batch={self.batch}, hidden={self.hidden}, dtype={self.dtype})"


@cython.final
cdef class PackedRNN:
    """The weights of a stack of recurrent layers in the kernel's order.

    Made by `fastnn.ops.pack_lstm`, `pack_gru` and `pack_rnn`. ``y, state = packed(x, state=None)`` runs whole
    sequences, ``y_t, state = packed.step(x_t, state)`` one step. It can be pickled, copied and shared between threads;
    it never changes after it is made.
    """
    cdef readonly tuple packed
    cdef readonly object dtype
    cdef readonly str cell, weight_dtype
    cdef readonly int variant
    cdef readonly Py_ssize_t input_size, hidden_size, layers
    cdef readonly bint bidirectional, batch_first
    cdef object rules
    cdef list held
    cdef fnn_rnn_params c
    cdef const void *pointers[64]
    cdef bint turn  # order of the last cell_step; of no consequence for results

    def __init__(self, rules, str cell, int variant, dtype, str weight_dtype, Py_ssize_t input_size,
                 Py_ssize_t hidden_size, bint bidirectional, bint batch_first, tuple packed):
        """`rules` (a module-level object of fastnn.ops) checks and shapes; `packed`: directions of each layer."""
        self.rules, self.cell, self.variant, self.packed = rules, cell, variant, packed
        self.dtype, self.weight_dtype = _float32 if dtype.itemsize == 4 else _float64, weight_dtype
        self.input_size, self.hidden_size, self.layers = input_size, hidden_size, len(packed)
        self.bidirectional, self.batch_first, self.held = bidirectional, batch_first, []
        self.c = RNNParams(CELLS[cell], variant, weight_dtype == "bfloat16", 1, 0, input_size, hidden_size, 1, False).c
        self.c.dtype = FNN_F64 if dtype.itemsize == 8 else FNN_F32
        cdef fnn_rnn_params p = self.c
        cdef Py_ssize_t layer
        for layer in range(min(self.layers, 64) if not bidirectional else 0):
            self.pointers[layer] = packed_weights(&p, packed[layer][0], self.held)
            p.inputs = hidden_size

    def __call__(self, x, state=None, lengths=None, out=None):
        """(y, state) of whole sequences x, as the function it was packed for."""
        return self.rules.run_packed(self, x, state, lengths, out)

    cdef bint fits(self, x, state) except -1:
        """Whether a step can use these arguments as they are."""
        if type(x) is not _ndarray or x.dtype is not self.dtype or type(state) is not RNNState or self.bidirectional:
            return False
        cdef RNNState carried = state
        flags = x.flags
        return (x.shape == (carried.batch, self.input_size) and flags.c_contiguous and flags.aligned
                and carried.layers == self.layers and carried.hidden == self.hidden_size
                and carried.dtype is self.dtype and carried.has_cell == (self.c.cell == FNN_LSTM))

    cdef bint plain(self, array, Py_ssize_t width) except -1:
        """Whether this is an array [.., width] that the kernel can read."""
        if type(array) is not _ndarray or array.dtype is not self.dtype or array.ndim != 2:
            return False
        flags = array.flags
        return array.shape[1] == width and flags.c_contiguous and flags.aligned

    def step(self, x, state=None, out=None):
        """(y [batch, hidden], state) of one step x [batch, inputs]; an RNNState is changed and returned.

        Equals a call with that one step, bit for bit. Allocates nothing where `state` and `out` are given.
        """
        if not self.fits(x, state):
            x, state = self.rules.step_arguments(self, x, state)
        cdef RNNState carried = state
        cdef Py_ssize_t batch = carried.batch
        y = out
        if out is None:
            y = _np_empty((batch, self.hidden_size), self.dtype)
        elif not (self.plain(out, self.hidden_size) and out.shape[0] == batch and out.flags.writeable):
            y = self.rules.step_out(self, out, x)
        cdef Buffer xb = acquire(x, batch * self.input_size, self.c.dtype, False)
        cdef Buffer yb = acquire(y, batch * self.hidden_size, self.c.dtype, True)
        if <char *>xb.data < <char *>yb.data + yb.view.len and <char *>yb.data < <char *>xb.data + xb.view.len:
            self.rules.step_out(self, out, x)  # raises: they overlap
        cdef fnn_rnn_params p = self.c
        p.batch = batch
        with nogil:
            fnn_rnn_advance(&p, self.layers, self.pointers, xb.data, carried.memory.data, carried.swapped, yb.data)
        carried.swapped = not carried.swapped
        if out is not None and y is not out:
            out[...] = y
            y = out
        return y, state

    def cell_step(self, x, h=None, c=None):
        """(h, c) after one step x [batch, inputs] of a single layer; h and c [batch, hidden], None for zeros.

        c is None but for an LSTM. The arguments stay as they are: what a layer that keeps no state needs.
        """
        cdef bint single = self.layers == 1 and not self.bidirectional and (c is None or self.c.cell == FNN_LSTM)
        if not (single and self.plain(x, self.input_size) and self.plain(h, self.hidden_size)
                and x.shape[0] == h.shape[0] and (c is None or self.plain(c, self.hidden_size) and c.shape == h.shape)):
            x, h, c = self.rules.cell_arguments(self, x, h, c)
        cdef fnn_rnn_params p = self.c
        p.batch = x.shape[0]
        p.reversed = self.turn = not self.turn
        cdef Py_ssize_t size = p.batch * p.hidden
        hn = _np_empty((p.batch, p.hidden), self.dtype)
        cn = _np_empty((p.batch, p.hidden), self.dtype) if p.cell == FNN_LSTM else None
        cdef Buffer xb = acquire(x, p.batch * p.inputs, p.dtype, False)
        cdef Buffer hb = acquire(h, size, p.dtype, False)
        cdef Buffer cb = acquire(c, size, p.dtype, False)
        cdef Buffer hnb = acquire(hn, size, p.dtype, True)
        cdef Buffer cnb = acquire(cn, size, p.dtype, True)
        cdef fnn_status status
        with nogil:
            status = fnn_rnn(&p, xb.data, self.pointers, hb.data, cb.data, NULL, hnb.data, cnb.data, NULL)
        check(status)
        return hn, cn

    @property
    def nbytes(self):
        """Bytes of the packed weights and biases."""
        return sum(array.nbytes for layer in self.packed for array in layer)

    def __reduce__(self):
        return self.rules.restore, (self.cell, self.variant, self.dtype, self.weight_dtype, self.input_size,
                                    self.hidden_size, self.bidirectional, self.batch_first, self.packed)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return self.rules.describe(self)
