# Matrix products.

def gemm(a, bint a_transposed, b, bint b_transposed, c, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, bias,
         int activation, double alpha, double beta):
    """c [m, n] = act(A B + bias), A = a [m, k] or a [k, m] transposed, B = b [k, n] or b [n, k] transposed."""
    cdef Buffer ab = acquire(a, m * k, -1, False)
    cdef int dtype = ab.dtype()
    cdef Buffer bb = acquire(b, k * n, dtype, False)
    cdef Buffer biasb = acquire(bias, n, dtype, False)
    cdef Buffer cb = acquire(c, m * n, dtype, True)
    cdef fnn_status status
    with nogil:
        status = fnn_gemm_unpacked(<fnn_dtype>dtype, m, n, k, ab.data, 1 if a_transposed else k,
                                   m if a_transposed else 1, bb.data, 1 if b_transposed else n,
                                   k if b_transposed else 1, biasb.data, activation, alpha, beta, cb.data)
    check(status)


@cython.final
cdef class PackedLinear:
    """A linear layer's weights in the kernel's order. Made by `fastnn.ops.pack_linear`; ``y = packed(x)``.

    It can be pickled, copied and shared between threads; it never changes after it is made.
    """
    cdef readonly object packed, bias, dtype
    cdef readonly tuple weight_shape, activation_spec
    cdef int dtype_code, activation
    cdef double alpha, beta
    cdef object rules

    def __init__(self, rules, packed, bias, tuple weight_shape, tuple activation):
        self.rules = rules
        self.packed, self.bias, self.dtype = packed, bias, packed.dtype
        self.weight_shape = weight_shape
        self.activation_spec = activation
        self.activation, self.alpha, self.beta = activation
        self.dtype_code = FNN_F64 if packed.itemsize == 8 else FNN_F32

    @staticmethod
    def pack(weight, Py_ssize_t n, Py_ssize_t k):
        """The packed form of `weight` [n, k] as a flat array."""
        cdef Buffer wb = acquire(weight, n * k, -1, False)
        cdef int dtype = wb.dtype()
        cdef Py_ssize_t size = fnn_gemm_packed_size(k, n)
        packed = empty((size,), weight.dtype, size * wb.view.itemsize)
        cdef Buffer pb = acquire(packed, size, dtype, True)
        with nogil:
            fnn_gemm_pack(<fnn_dtype>dtype, k, n, wb.data, 1, k, pb.data)
        return packed

    def __call__(self, x, out=None):
        """y [..., out_features] for x [..., in_features]."""
        x, y = self.rules.packed_arguments(self, x, out)
        cdef Py_ssize_t n, k
        n, k = self.weight_shape
        cdef Py_ssize_t m = y.size // n if n else 0
        cdef Buffer xb = acquire(x, m * k if n else -1, self.dtype_code, False)
        cdef Buffer pb = acquire(self.packed, -1, self.dtype_code, False)
        cdef Buffer bb = acquire(self.bias, n, self.dtype_code, False)
        cdef Buffer yb = acquire(y, m * n, self.dtype_code, True)
        cdef fnn_status status
        with nogil:
            status = fnn_gemm(<fnn_dtype>self.dtype_code, m, n, k, xb.data, k, 1, pb.data, bb.data, self.activation,
                              self.alpha, self.beta, yb.data)
        check(status)
        return self.rules.finish_out(out, y)

    @property
    def nbytes(self):
        """Bytes of the packed weights and the bias."""
        return self.packed.nbytes + (0 if self.bias is None else self.bias.nbytes)

    def __reduce__(self):
        return self.rules.restore, (self.packed, self.bias, self.weight_shape, self.activation_spec)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return self.rules.describe(self)
