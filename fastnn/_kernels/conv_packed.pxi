# Convolution with weights packed ahead.

@cython.final
cdef class ConvPlan:
    """What a packed convolution knows about one input shape: geometry, method, and the weights packed for it."""
    cdef fnn_conv_params c
    cdef readonly ConvParams params
    cdef int strict
    cdef Buffer weights

    def __init__(self, ConvParams params, int dtype, int method, bint strict, weights):
        self.params, self.c = params, params.c
        self.c.dtype, self.c.method = <fnn_dtype>dtype, method
        self.strict = strict
        self.weights = acquire(weights, -1, dtype, False)

    @property
    def method(self):
        return self.c.method

    @property
    def y_shape(self):
        return self.params.y_shape


@cython.final
cdef class PackedConv:
    """Convolution weights in the kernel's order, with everything that does not depend on the input.

    Made by `fastnn.ops.pack_conv2d` and its siblings for sequences, volumes and transposed convolutions. Call it with
    an image [N, C, ...] (NumPy, or Blocked [N, C, H, W]): ``y = packed(x)``. It can be pickled, copied and shared
    between threads. Weights for Winograd's methods are added when an input shape first
    asks for them; nothing else changes after it is made.
    """
    cdef readonly object packed, bias, dtype
    cdef readonly tuple weight_shape, stride, padding, dilation, activation_spec
    cdef readonly object output_padding
    cdef readonly Py_ssize_t groups
    cdef readonly str algorithm, padding_mode, layout
    cdef readonly bint transposed
    cdef int dtype_code, activation
    cdef double alpha, beta
    cdef Buffer bias_buffer
    cdef dict transformed
    cdef object rules
    cdef dict plans

    def __init__(self, rules, packed, bias, tuple weight_shape, tuple stride, tuple padding, tuple dilation,
                 Py_ssize_t groups, tuple activation, str algorithm, output_padding=None,
                 str padding_mode="zeros", str layout="NCHW"):
        """`rules` (a module-level object of fastnn.ops) checks and shapes what the fast path does not know.

        Transposed when there is an `output_padding`, a tuple.
        """
        self.rules = rules
        self.packed, self.bias, self.dtype = packed, bias, packed.dtype
        self.weight_shape, self.stride, self.padding, self.dilation = weight_shape, stride, padding, dilation
        self.groups, self.padding_mode, self.layout = groups, padding_mode, layout
        self.activation_spec = activation
        self.activation, self.alpha, self.beta = activation
        self.dtype_code = FNN_F64 if packed.itemsize == 8 else FNN_F32
        self.algorithm = algorithm
        self.output_padding, self.transposed = output_padding, output_padding is not None
        self.bias_buffer = acquire(bias, weight_shape[1] * groups if self.transposed else weight_shape[0],
                                   self.dtype_code, False)
        self.plans, self.transformed = {}, {}

    @staticmethod
    def pack(ConvParams params, weight):
        """`weight` packed for the direct convolution, as a flat array."""
        cdef Buffer wb = acquire(weight, params.weight_size(), -1, False)
        cdef fnn_conv_params p = params.c
        p.dtype = <fnn_dtype>wb.dtype()
        cdef Py_ssize_t size = fnn_conv_packed_size(&p, params.transposed)
        packed = empty((size,), weight.dtype, size * wb.view.itemsize)
        cdef Buffer pb = acquire(packed, size, p.dtype, True)
        with nogil:
            fnn_conv_pack(&p, params.transposed, wb.data, pb.data)
        return packed

    cdef object weights_for(self, ConvParams params, int method):
        """The weights packed for a method, made when first asked for; two threads may both make them, one is kept."""
        if method < FNN_WINOGRAD2:
            return self.packed
        found = self.transformed.get(method)
        if found is not None:
            return found
        cdef fnn_conv_params p = params.c
        p.dtype, p.method = <fnn_dtype>self.dtype_code, method
        cdef Py_ssize_t size = fnn_conv_packed_size(&p, params.transposed)
        made = empty((size,), self.dtype, size * self.dtype.itemsize)
        cdef Buffer direct = acquire(self.packed, -1, self.dtype_code, False)
        cdef Buffer wb = acquire(made, size, self.dtype_code, True)
        with nogil:
            fnn_conv_transform(&p, params.transposed, direct.data, wb.data)
        return self.transformed.setdefault(method, made)

    cpdef ConvPlan plan(self, tuple x_shape):
        """The geometry and method for an input shape [N, C, ...], kept for the 64 shapes seen last."""
        cdef ConvPlan found = self.plans.get(x_shape)
        cdef int strict = strict_sums  # once: another thread may change it while this one plans
        if found is not None and found.strict == strict:
            return found
        cdef ConvParams params = self.rules.packed_params(self, x_shape)
        cdef fnn_conv_params p = params.c
        p.dtype, p.method = <fnn_dtype>self.dtype_code, self.rules.packed_method(self)
        if strict and p.method == FNN_AUTO:
            p.method = FNN_DIRECT
        cdef int method = fnn_conv_method(&p, params.transposed, True)
        weights = self.weights_for(params, method)
        if len(self.plans) >= 64:
            self.plans = {}
        plan = self.plans[x_shape] = ConvPlan(params, self.dtype_code, method, strict, weights)
        return plan

    def __call__(self, x, residual=None, out=None):
        """y [N, OC, ...] for an image x [N, C, ...]; `residual` (like y) is added before the activation."""
        cdef int x_layout = FNN_NCHW, y_layout = FNN_NCHW
        cdef ConvPlan plan
        cdef object image = None, result = None
        if (type(x) is _ndarray and residual is None and out is None and x.dtype is self.dtype
                and self.layout == "NCHW"):
            plan = self.plan(x.shape)
            flags = x.flags
            if not (flags.c_contiguous and flags.aligned):
                x = x.copy()
            out = result = empty(plan.params.y_shape, self.dtype,
                                 plan.params.y_size(FNN_NCHW) * self.dtype.itemsize)
        else:
            plan, x, x_layout, residual, out, y_layout, image = self.rules.packed_arguments(self, x, residual, out)
        cdef ConvParams params = plan.params
        cdef fnn_conv_params p = plan.c
        p.x_layout = y_layout if self.transposed else x_layout
        p.y_layout = x_layout if self.transposed else y_layout
        p.activation, p.alpha, p.beta = self.activation, self.alpha, self.beta
        cdef Buffer xb = acquire(x, params.x_size(x_layout), self.dtype_code, False)
        cdef Buffer rb = acquire(residual, params.y_size(y_layout), self.dtype_code, False)
        cdef Buffer yb = acquire(out, params.y_size(y_layout), self.dtype_code, True)
        cdef fnn_status status
        with nogil:
            if self.transposed:
                status = fnn_conv_transpose(&p, xb.data, plan.weights.data, self.bias_buffer.data, rb.data, yb.data)
            else:
                status = fnn_conv(&p, xb.data, plan.weights.data, self.bias_buffer.data, rb.data, yb.data)
        check(status)
        return result if image is None else image.finish()

    @property
    def nbytes(self):
        """Bytes of the packed weights, for all methods used so far, and of the bias."""
        held = [self.packed, *self.transformed.values()] + ([] if self.bias is None else [self.bias])
        return sum(array.nbytes for array in held)

    def __reduce__(self):
        return self.rules.restore, (self.packed, self.bias, self.weight_shape, self.stride, self.padding,
                                    self.dilation, self.groups, self.activation_spec, self.algorithm,
                                    self.output_padding, self.padding_mode, self.layout)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return self.rules.describe(self)
