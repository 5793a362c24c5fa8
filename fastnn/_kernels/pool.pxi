# Pooling.

@cython.final
cdef class PoolParams:
    """The geometry of one pooling, made once per shape by fastnn.ops and never changed."""
    cdef fnn_pool2d_params c
    cdef readonly tuple y_shape

    def __init__(self, tuple x_shape, tuple y_shape, tuple kernel, tuple stride, tuple padding, tuple dilation,
                 bint count_include_pad, double divisor):
        self.c.n, self.c.c, self.c.h, self.c.w = x_shape
        _, _, self.c.oh, self.c.ow = y_shape
        self.c.kh, self.c.kw = kernel
        self.c.sh, self.c.sw = stride
        self.c.ph, self.c.pw = padding
        self.c.dh, self.c.dw = dilation
        self.c.count_include_pad = count_include_pad
        self.c.divisor = divisor
        self.y_shape = y_shape

    cdef Py_ssize_t x_size(self, int layout) noexcept:
        return image_size(self.c.n, self.c.c, self.c.h, self.c.w, layout)

    cdef Py_ssize_t y_size(self, int layout) noexcept:
        return image_size(self.c.n, self.c.c, self.c.oh, self.c.ow, layout)


def max_pool2d(PoolParams params, int layout, x, y, indices):
    cdef fnn_pool2d_params p = params.c
    cdef Buffer xb = acquire(x, params.x_size(layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, params.y_size(layout), dtype, True)
    cdef int64_t[::1] flat
    cdef int64_t *positions = NULL
    cdef fnn_status status
    if indices is not None:
        flat = indices.reshape(-1)
        if flat.shape[0] != params.y_size(FNN_NCHW):
            raise ValueError("indices has the wrong size")
        positions = &flat[0] if flat.shape[0] else NULL
    p.dtype, p.layout = <fnn_dtype>dtype, layout
    with nogil:
        status = fnn_max_pool2d(&p, xb.data, yb.data, positions)
    check(status)


def max_pool2d_grad_input(PoolParams params, int layout, gy, x, y, gx, bint rectified):
    cdef fnn_pool2d_params p = params.c
    cdef Buffer gyb = acquire(gy, params.y_size(layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer xb = acquire(x, params.x_size(layout), dtype, False)
    cdef Buffer yb = acquire(y, params.y_size(layout), dtype, False)
    cdef Buffer gxb = acquire(gx, params.x_size(layout), dtype, True)
    cdef fnn_status status
    p.dtype, p.layout, p.rectified = <fnn_dtype>dtype, layout, rectified
    with nogil:
        status = fnn_max_pool2d_grad_input(&p, gyb.data, xb.data, yb.data, gxb.data)
    check(status)


def avg_pool2d(PoolParams params, int layout, x, y):
    cdef fnn_pool2d_params p = params.c
    cdef Buffer xb = acquire(x, params.x_size(layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, params.y_size(layout), dtype, True)
    cdef fnn_status status
    p.dtype, p.layout = <fnn_dtype>dtype, layout
    with nogil:
        status = fnn_avg_pool2d(&p, xb.data, yb.data)
    check(status)


def avg_pool2d_grad_input(PoolParams params, int layout, gy, gx):
    cdef fnn_pool2d_params p = params.c
    cdef Buffer gyb = acquire(gy, params.y_size(layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer gxb = acquire(gx, params.x_size(layout), dtype, True)
    cdef fnn_status status
    p.dtype, p.layout = <fnn_dtype>dtype, layout
    with nogil:
        status = fnn_avg_pool2d_grad_input(&p, gyb.data, gxb.data)
    check(status)
