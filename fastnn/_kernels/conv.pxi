# Convolution: parameters, the four entry points, packed weights.

ACTIVATIONS = {None: 0, "relu": 1, "clip": 2, "leaky_relu": 3, "silu": 4, "hardswish": 5, "sigmoid": 6, "tanh": 7}


cdef tuple three(tuple sizes, Py_ssize_t missing):
    """(depth, height, width) of up to three sizes."""
    return (missing,) * (3 - len(sizes)) + sizes


@cython.final
cdef class ConvParams:
    """The geometry of one convolution of 1 to 3 dimensions, made once per shape by fastnn.ops and never changed.

    A transposed one holds the convolution that it transposes: C's x is then the result, C's y the input.
    """
    cdef fnn_conv_params c
    cdef readonly tuple x_shape, y_shape
    cdef readonly bint transposed

    def __init__(self, tuple x_shape, tuple weight_shape, tuple y_shape, tuple stride, tuple padding, tuple dilation,
                 Py_ssize_t groups, bint transposed=False):
        self.x_shape, self.y_shape, self.transposed = x_shape, y_shape, transposed
        if transposed:
            x_shape, y_shape = y_shape, x_shape
        self.c.n, self.c.c = x_shape[:2]
        self.c.oc = y_shape[1]
        self.c.d, self.c.h, self.c.w = three(x_shape[2:], 1)
        self.c.kd, self.c.kh, self.c.kw = three(weight_shape[2:], 1)
        self.c.od, self.c.oh, self.c.ow = three(y_shape[2:], 1)
        self.c.sd, self.c.sh, self.c.sw = three(stride, 1)
        self.c.pd, self.c.ph, self.c.pw = three(padding, 0)
        self.c.dd, self.c.dh, self.c.dw = three(dilation, 1)
        self.c.groups = groups

    cdef Py_ssize_t x_size(self, int layout) noexcept:
        return self.c_x_size(layout) if not self.transposed else self.c_y_size(layout)

    cdef Py_ssize_t y_size(self, int layout) noexcept:
        return self.c_y_size(layout) if not self.transposed else self.c_x_size(layout)

    cdef Py_ssize_t c_x_size(self, int layout) noexcept:
        return image_size(self.c.n, self.c.c, self.c.d * self.c.h, self.c.w, layout)

    cdef Py_ssize_t c_y_size(self, int layout) noexcept:
        return image_size(self.c.n, self.c.oc, self.c.od * self.c.oh, self.c.ow, layout)

    cdef Py_ssize_t weight_size(self) noexcept:
        return self.c.oc * (self.c.c // self.c.groups) * self.c.kd * self.c.kh * self.c.kw

    cdef fnn_conv_params call(self, int dtype, int x_layout, int y_layout) noexcept:
        """The parameters of a call with these layouts of its input and its result."""
        cdef fnn_conv_params p = self.c
        p.dtype = <fnn_dtype>dtype
        p.x_layout = y_layout if self.transposed else x_layout
        p.y_layout = x_layout if self.transposed else y_layout
        return p


def conv_algorithm(ConvParams params):
    if params.transposed:
        return fnn_conv_transpose_algorithm_name(&params.c).decode()
    return fnn_conv_algorithm_name(&params.c).decode()


cdef size_t packed_size(const fnn_conv_params *p, bint transposed) noexcept nogil:
    return fnn_conv_transpose_packed_size(p) if transposed else fnn_conv_packed_size(p)


cdef void pack_weight(const fnn_conv_params *p, bint transposed, const void *weight, void *packed) noexcept nogil:
    if transposed:
        fnn_conv_transpose_pack(p, weight, packed)
    else:
        fnn_conv_pack(p, weight, packed)


cdef fnn_status run_packed(const fnn_conv_params *p, bint transposed, const void *x, const void *packed,
                           const void *bias, const void *residual, void *y) noexcept nogil:
    if transposed:
        return fnn_conv_transpose(p, x, packed, bias, residual, y)
    return fnn_conv(p, x, packed, bias, residual, y)


cdef fnn_status run_plain(const fnn_conv_params *p, bint transposed, const void *x, const void *weight,
                          const void *bias, const void *residual, void *y) noexcept nogil:
    cdef void *packed = fnn_alloc(packed_size(p, transposed) * (4 if p.dtype == FNN_F32 else 8))
    cdef fnn_status status = FNN_NO_MEMORY
    if packed != NULL:
        pack_weight(p, transposed, weight, packed)
        status = run_packed(p, transposed, x, packed, bias, residual, y)
    fnn_free(packed)
    return status


def conv(ConvParams params, x, int x_layout, weight, bias, residual, y, int y_layout, int activation, double alpha,
         double beta):
    cdef Buffer xb = acquire(x, params.x_size(x_layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef fnn_conv_params p = params.call(dtype, x_layout, y_layout)
    cdef Buffer wb = acquire(weight, params.weight_size(), dtype, False)
    cdef Buffer bb = acquire(bias, p.c if params.transposed else p.oc, dtype, False)
    cdef Buffer rb = acquire(residual, params.y_size(y_layout), dtype, False)
    cdef Buffer yb = acquire(y, params.y_size(y_layout), dtype, True)
    cdef fnn_status status
    p.activation, p.alpha, p.beta = activation, alpha, beta
    with nogil:
        status = run_plain(&p, params.transposed, xb.data, wb.data, bb.data, rb.data, yb.data)
    check(status)


def conv_grad_input(ConvParams params, gy, int gy_layout, weight, gx, int gx_layout):
    cdef fnn_conv_params p = params.c
    p.x_layout, p.y_layout = gx_layout, gy_layout
    cdef Buffer gyb = acquire(gy, params.y_size(gy_layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer wb = acquire(weight, params.weight_size(), dtype, False)
    cdef Buffer gxb = acquire(gx, params.x_size(gx_layout), dtype, True)
    cdef fnn_status status
    p.dtype = <fnn_dtype>dtype
    with nogil:
        status = fnn_conv_grad_input(&p, gyb.data, wb.data, gxb.data)
    check(status)


def conv_grad_weight(ConvParams params, gy, int gy_layout, x, int x_layout, gw):
    cdef fnn_conv_params p = params.c
    p.x_layout, p.y_layout = x_layout, gy_layout
    cdef Buffer gyb = acquire(gy, params.y_size(gy_layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer xb = acquire(x, params.x_size(x_layout), dtype, False)
    cdef Buffer gwb = acquire(gw, params.weight_size(), dtype, True)
    cdef fnn_status status
    p.dtype = <fnn_dtype>dtype
    with nogil:
        status = fnn_conv_grad_weight(&p, gyb.data, xb.data, gwb.data)
    check(status)


def channel_sum(x, int layout, Py_ssize_t n, Py_ssize_t c, Py_ssize_t pixels, out):
    cdef Buffer xb = acquire(x, image_size(n, c, pixels, 1, layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer ob = acquire(out, c, dtype, True)
    with nogil:
        fnn_channel_sum(<fnn_dtype>dtype, layout, n, c, pixels, xb.data, ob.data)


@cython.final
cdef class PackedConv:
    """Convolution weights in the kernel's order, with everything that does not depend on the input.

    Made by `fastnn.ops.pack_conv2d` and its siblings for sequences, volumes and transposed convolutions. Call it with
    an image [N, C, ...] (NumPy, or Blocked [N, C, H, W]): ``y = packed(x)``. It can be pickled, copied and shared
    between threads; it never changes after it is made.
    """
    cdef readonly object packed, bias, dtype
    cdef readonly tuple weight_shape, stride, padding, dilation, activation_spec
    cdef readonly object output_padding
    cdef readonly Py_ssize_t groups
    cdef readonly bint transposed
    cdef int dtype_code, activation
    cdef double alpha, beta
    cdef Buffer packed_buffer, bias_buffer
    cdef object rules
    cdef dict plans

    def __init__(self, rules, packed, bias, tuple weight_shape, tuple stride, tuple padding, tuple dilation,
                 Py_ssize_t groups, tuple activation, output_padding=None):
        """`rules` (a module-level object of fastnn.ops) checks and shapes what the fast path does not know.

        Transposed when there is an `output_padding`, a tuple.
        """
        self.rules = rules
        self.packed, self.bias, self.dtype = packed, bias, packed.dtype
        self.weight_shape, self.stride, self.padding, self.dilation = weight_shape, stride, padding, dilation
        self.groups = groups
        self.output_padding, self.transposed = output_padding, output_padding is not None
        self.activation_spec = activation
        self.activation, self.alpha, self.beta = activation
        self.dtype_code = FNN_F64 if packed.itemsize == 8 else FNN_F32
        self.packed_buffer = acquire(packed, -1, self.dtype_code, False)
        self.bias_buffer = acquire(bias, weight_shape[1] * groups if self.transposed else weight_shape[0],
                                   self.dtype_code, False)
        self.plans = {}

    @staticmethod
    def pack(ConvParams params, weight):
        """The packed form of `weight` as a flat array."""
        cdef Buffer wb = acquire(weight, params.weight_size(), -1, False)
        cdef fnn_conv_params p = params.c
        p.dtype = <fnn_dtype>wb.dtype()
        cdef Py_ssize_t size = packed_size(&p, params.transposed)
        packed = empty((size,), weight.dtype, size * wb.view.itemsize)
        cdef Buffer pb = acquire(packed, size, p.dtype, True)
        with nogil:
            pack_weight(&p, params.transposed, wb.data, pb.data)
        return packed

    cpdef ConvParams plan(self, tuple x_shape):
        """The geometry for an input shape, kept for the 64 shapes seen last."""
        found = self.plans.get(x_shape)
        if found is None:
            if len(self.plans) >= 64:
                self.plans = {}
            found = self.plans[x_shape] = self.rules.packed_params(self, x_shape)
        return found

    def __call__(self, x, residual=None, out=None):
        """y [N, OC, ...] for an image x [N, C, ...]; `residual` (like y) is added before the activation."""
        cdef int x_layout = FNN_NCHW, y_layout = FNN_NCHW
        cdef ConvParams params
        cdef object image = None, result = None
        if type(x) is _ndarray and residual is None and out is None and x.dtype is self.dtype:
            params = self.plan(x.shape)
            flags = x.flags
            if not (flags.c_contiguous and flags.aligned):
                x = x.copy()
            out = result = empty(params.y_shape, self.dtype, params.y_size(FNN_NCHW) * self.dtype.itemsize)
        else:
            params, x, x_layout, residual, out, y_layout, image = self.rules.packed_arguments(self, x, residual, out)
        cdef fnn_conv_params p = params.call(self.dtype_code, x_layout, y_layout)
        p.activation, p.alpha, p.beta = self.activation, self.alpha, self.beta
        cdef Buffer xb = acquire(x, params.x_size(x_layout), self.dtype_code, False)
        cdef Buffer rb = acquire(residual, params.y_size(y_layout), self.dtype_code, False)
        cdef Buffer yb = acquire(out, params.y_size(y_layout), self.dtype_code, True)
        cdef fnn_status status
        with nogil:
            status = run_packed(&p, self.transposed, xb.data, self.packed_buffer.data, self.bias_buffer.data,
                                rb.data, yb.data)
        check(status)
        return result if image is None else image.finish()

    @property
    def nbytes(self):
        """Bytes of the packed weights and the bias."""
        return self.packed.nbytes + (0 if self.bias is None else self.bias.nbytes)

    def __reduce__(self):
        return self.rules.restore, (self.packed, self.bias, self.weight_shape, self.stride, self.padding,
                                    self.dilation, self.groups, self.activation_spec, self.output_padding)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return self.rules.describe(self)
