# Padding.

PAD_MODES = {"constant": 0, "reflect": 1, "replicate": 2, "circular": 3}


cdef void pad_sizes(const fnn_pad_params *p, Py_ssize_t *x, Py_ssize_t *y) noexcept:
    """Elements before and after padding."""
    x[0] = y[0] = p.outer * p.unit
    for d in range(3):
        x[0] *= p.size[d]
        y[0] *= p.size[d] + p.before[d] + p.after[d]


cdef fnn_pad_params pad_params(int mode, double value, Py_ssize_t outer, tuple size, tuple pads, Py_ssize_t unit):
    cdef fnn_pad_params p
    p.mode, p.value, p.outer, p.unit = mode, value, outer, unit
    for d in range(3):
        p.size[d] = size[d]
        p.before[d], p.after[d] = pads[d]
    return p


def pad(x, y, int mode, double value, Py_ssize_t outer, tuple size, tuple pads, Py_ssize_t unit):
    """`size` and `pads` (pairs before, after) are of the three padded dimensions, `outer` and `unit` around them."""
    cdef fnn_pad_params p = pad_params(mode, value, outer, size, pads, unit)
    cdef Py_ssize_t x_size, y_size
    cdef fnn_status status
    pad_sizes(&p, &x_size, &y_size)
    cdef Buffer xb = acquire(x, x_size, -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, y_size, dtype, True)
    p.dtype = <fnn_dtype>dtype
    with nogil:
        status = fnn_pad(&p, xb.data, yb.data)
    check(status)


def pad_grad_input(gy, gx, int mode, Py_ssize_t outer, tuple size, tuple pads, Py_ssize_t unit):
    cdef fnn_pad_params p = pad_params(mode, 0, outer, size, pads, unit)
    cdef Py_ssize_t x_size, y_size
    cdef fnn_status status
    pad_sizes(&p, &x_size, &y_size)
    cdef Buffer gyb = acquire(gy, y_size, -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer gxb = acquire(gx, x_size, dtype, True)
    p.dtype = <fnn_dtype>dtype
    with nogil:
        status = fnn_pad_grad_input(&p, gyb.data, gxb.data)
    check(status)
