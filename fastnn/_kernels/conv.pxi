# Convolution: parameters and the entry points.

cdef int strict_sums = 0


def set_strict(bint strict):
    """Whether only direct sums may be used from now on."""
    global strict_sums
    strict_sums = strict


METHODS = {
    "auto": FNN_AUTO, "direct": FNN_DIRECT, "im2col": FNN_IM2COL,
    "winograd2": FNN_WINOGRAD2, "winograd4": FNN_WINOGRAD4,
}
ACTIVATIONS = {
    None: 0, "relu": 1, "clip": 2, "leaky_relu": 3, "silu": 4, "hardswish": 5, "sigmoid": 6, "tanh": 7, "elu": 8,
    "selu": 9, "gelu": 10, "gelu_tanh": 11, "hardsigmoid": 12, "mish": 13, "softplus": 14, "exp": 15,
}


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
                 Py_ssize_t groups, bint transposed=False, int padding_mode=0):
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
        self.c.padding_mode = padding_mode

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


cdef inline int allowed(int method) noexcept:
    return FNN_DIRECT if strict_sums and method == FNN_AUTO else method


def conv_algorithm(ConvParams params, int method):
    """The name, for people, of what serves a method."""
    cdef fnn_conv_params p = params.c
    p.method = method
    return fnn_conv_algorithm_name(&p, params.transposed).decode()


def conv_refusal(ConvParams params, int method, int layout=0):
    """Why a method cannot serve, None where it can."""
    cdef fnn_conv_params p = params.call(FNN_F32, layout, layout)
    reason = fnn_conv_refusal(&p, params.transposed, <fnn_method>method)
    return None if reason == NULL else reason.decode()


def conv(ConvParams params, int method, x, int x_layout, weight, bias, residual, y, int y_layout, int activation,
         double alpha, double beta):
    cdef Buffer xb = acquire(x, params.x_size(x_layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef fnn_conv_params p = params.call(dtype, x_layout, y_layout)
    cdef Buffer wb = acquire(weight, params.weight_size(), dtype, False)
    cdef Buffer bb = acquire(bias, p.c if params.transposed else p.oc, dtype, False)
    cdef Buffer rb = acquire(residual, params.y_size(y_layout), dtype, False)
    cdef Buffer yb = acquire(y, params.y_size(y_layout), dtype, True)
    cdef fnn_status status
    p.method, p.activation, p.alpha, p.beta = allowed(method), activation, alpha, beta
    with nogil:
        if params.transposed:
            status = fnn_conv_transpose_unpacked(&p, xb.data, wb.data, bb.data, rb.data, yb.data)
        else:
            status = fnn_conv_unpacked(&p, xb.data, wb.data, bb.data, rb.data, yb.data)
    check(status)


def conv_grad_input(ConvParams params, int method, gy, int gy_layout, weight, gx, int gx_layout):
    cdef fnn_conv_params p = params.c
    p.x_layout, p.y_layout = gx_layout, gy_layout
    cdef Buffer gyb = acquire(gy, params.y_size(gy_layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer wb = acquire(weight, params.weight_size(), dtype, False)
    cdef Buffer gxb = acquire(gx, params.x_size(gx_layout), dtype, True)
    cdef fnn_status status
    p.dtype, p.method = <fnn_dtype>dtype, allowed(method)
    with nogil:
        status = fnn_conv_transpose_unpacked(&p, gyb.data, wb.data, NULL, NULL, gxb.data)
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
