# Pooling.

cdef void on_three_axes(Py_ssize_t *to, tuple values, Py_ssize_t rest) except *:
    """The values as the last of three axes, `rest` in front of them."""
    cdef Py_ssize_t front = 3 - len(values), i
    for i in range(3):
        to[i] = values[i - front] if i >= front else rest


@cython.final
cdef class PoolParams:
    """The geometry of one pooling of 1 to 3 axes, made once per shape by fastnn.ops and never changed."""
    cdef fnn_pool_params c
    cdef readonly tuple x_shape, y_shape
    cdef readonly bint has_taps

    def __init__(self, tuple x_shape, tuple y_shape, tuple kernel, tuple stride, tuple padding, tuple dilation,
                 bint adaptive, bint count_include_pad, double divisor, double power):
        self.c.n, self.c.c = x_shape[:2]
        on_three_axes(self.c.size, x_shape[2:], 1)
        on_three_axes(self.c.out, y_shape[2:], 1)
        on_three_axes(self.c.kernel, kernel, 1)
        on_three_axes(self.c.stride, stride, 1)
        on_three_axes(self.c.padding, padding, 0)
        on_three_axes(self.c.dilation, dilation, 1)
        self.c.adaptive, self.c.count_include_pad = adaptive, count_include_pad
        self.c.divisor, self.c.power = divisor, power
        self.x_shape, self.y_shape = x_shape, y_shape
        self.has_taps = fnn_pool_has_taps(&self.c)

    cdef fnn_pool_params call(self, int dtype, int layout) noexcept:
        cdef fnn_pool_params p = self.c
        p.dtype, p.layout = <fnn_dtype>dtype, layout
        return p

    cdef Py_ssize_t x_size(self, int layout) noexcept:
        return image_size(self.c.n, self.c.c, self.c.size[0] * self.c.size[1], self.c.size[2], layout)

    cdef Py_ssize_t y_size(self, int layout) noexcept:
        return image_size(self.c.n, self.c.c, self.c.out[0] * self.c.out[1], self.c.out[2], layout)


cdef int64_t *positions(indices, Py_ssize_t size) except? NULL:
    cdef int64_t[::1] flat
    if indices is None:
        return NULL
    flat = indices.reshape(-1)
    if flat.shape[0] != size:
        raise ValueError("indices has the wrong size")
    return &flat[0] if size else NULL


cdef const int64_t *given_positions(indices, Py_ssize_t size) except? NULL:
    """The elements of indices that are only read; the caller's array may be read-only."""
    cdef const int64_t[::1] flat = indices.reshape(-1)
    if flat.shape[0] != size:
        raise ValueError("indices has the wrong size")
    return &flat[0] if size else NULL


cdef uint8_t *tap_numbers(taps, Py_ssize_t size) except? NULL:
    cdef uint8_t[::1] flat
    if taps is None:
        return NULL
    flat = taps.reshape(-1)
    if flat.shape[0] != size:
        raise ValueError("taps has the wrong size")
    return &flat[0] if size else NULL


def max_pool(PoolParams params, int layout, x, y, taps, indices):
    cdef Buffer xb = acquire(x, params.x_size(layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, params.y_size(layout), dtype, True)
    cdef uint8_t *numbers = tap_numbers(taps, params.y_size(layout))
    cdef int64_t *flat = positions(indices, params.y_size(FNN_NCHW))
    cdef fnn_pool_params p = params.call(dtype, layout)
    cdef fnn_status status
    with nogil:
        status = fnn_max_pool(&p, xb.data, yb.data, numbers, flat)
    check(status)


def max_pool_grad_input(PoolParams params, int layout, gy, taps, x, y, gx, bint rectified):
    """From the taps, or where these are None from x."""
    cdef Buffer gyb = acquire(gy, params.y_size(layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer xb = acquire(x, params.x_size(layout), dtype, False)
    cdef Buffer yb = acquire(y, params.y_size(layout), dtype, False)
    cdef Buffer gxb = acquire(gx, params.x_size(layout), dtype, True)
    cdef uint8_t *numbers = tap_numbers(taps, params.y_size(layout))
    cdef fnn_pool_params p = params.call(dtype, layout)
    cdef fnn_status status
    p.rectified = rectified
    if taps is None and x is None or rectified and y is None:
        raise ValueError("neither taps nor x, or no y")
    with nogil:
        if xb.data == NULL:
            status = fnn_max_pool_grad_taps(&p, gyb.data, numbers, yb.data, gxb.data)
        else:
            status = fnn_max_pool_grad_input(&p, gyb.data, xb.data, yb.data, gxb.data)
    check(status)


def avg_pool(PoolParams params, int layout, x, y):
    cdef Buffer xb = acquire(x, params.x_size(layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, params.y_size(layout), dtype, True)
    cdef fnn_pool_params p = params.call(dtype, layout)
    cdef fnn_status status
    with nogil:
        status = fnn_avg_pool(&p, xb.data, yb.data)
    check(status)


def avg_pool_grad_input(PoolParams params, int layout, gy, gx):
    cdef Buffer gyb = acquire(gy, params.y_size(layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer gxb = acquire(gx, params.x_size(layout), dtype, True)
    cdef fnn_pool_params p = params.call(dtype, layout)
    cdef fnn_status status
    with nogil:
        status = fnn_avg_pool_grad_input(&p, gyb.data, gxb.data)
    check(status)


def lp_pool(PoolParams params, x, y):
    cdef Buffer xb = acquire(x, params.x_size(FNN_NCHW), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, params.y_size(FNN_NCHW), dtype, True)
    cdef fnn_pool_params p = params.call(dtype, FNN_NCHW)
    cdef fnn_status status
    with nogil:
        status = fnn_lp_pool(&p, xb.data, yb.data)
    check(status)


def lp_pool_grad_input(PoolParams params, gy, x, y, gx):
    cdef Buffer gyb = acquire(gy, params.y_size(FNN_NCHW), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer xb = acquire(x, params.x_size(FNN_NCHW), dtype, False)
    cdef Buffer yb = acquire(y, params.y_size(FNN_NCHW), dtype, False)
    cdef Buffer gxb = acquire(gx, params.x_size(FNN_NCHW), dtype, True)
    cdef fnn_pool_params p = params.call(dtype, FNN_NCHW)
    cdef fnn_status status
    with nogil:
        status = fnn_lp_pool_grad_input(&p, gyb.data, xb.data, yb.data, gxb.data)
    check(status)


def bad_index(indices, Py_ssize_t size):
    """The first of the indices outside 0 .. size - 1, counted flat; None where all are inside."""
    cdef Py_ssize_t n = indices.size, found
    cdef const int64_t *flat = given_positions(indices, n)
    with nogil:
        found = fnn_bad_index(flat, n, size)
    return None if found == n else found


def max_unpool(indices, Py_ssize_t volumes, Py_ssize_t n, Py_ssize_t size, x, y, bint gradient):
    """y from x; of the gradient gx (as y) from gy (as x). The indices are known to be in bounds."""
    cdef Buffer xb = acquire(x, volumes * (size if gradient else n), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, volumes * (n if gradient else size), dtype, True)
    cdef const int64_t *flat = given_positions(indices, volumes * n)
    with nogil:
        if gradient:
            fnn_max_unpool_grad_input(<fnn_dtype>dtype, volumes, n, size, xb.data, flat, yb.data)
        else:
            fnn_max_unpool(<fnn_dtype>dtype, volumes, n, size, xb.data, flat, yb.data)
