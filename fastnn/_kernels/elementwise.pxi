# Elementwise functions and rows.

def activate(x, y, int activation, double alpha, double beta):
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef Py_ssize_t n = xb.view.len // xb.view.itemsize
    cdef Buffer yb = acquire(y, n, dtype, True)
    with nogil:
        fnn_activate(<fnn_dtype>dtype, activation, alpha, beta, n, xb.data, yb.data)


def activate_grad(gy, x, gx, int activation, double alpha, double beta):
    """x is the activation's result where that is relu, sigmoid or tanh."""
    cdef Buffer gyb = acquire(gy, -1, -1, False)
    cdef int dtype = gyb.dtype()
    cdef Py_ssize_t n = gyb.view.len // gyb.view.itemsize
    cdef Buffer xb = acquire(x, n, dtype, False)
    cdef Buffer gxb = acquire(gx, n, dtype, True)
    with nogil:
        fnn_activate_grad(<fnn_dtype>dtype, activation, alpha, beta, n, gyb.data, xb.data, gxb.data)


def softmax(x, y, Py_ssize_t rows, Py_ssize_t n, bint logarithm):
    cdef Buffer xb = acquire(x, rows * n, -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, rows * n, dtype, True)
    with nogil:
        fnn_softmax(<fnn_dtype>dtype, logarithm, rows, n, xb.data, yb.data)


def softmax_grad(gy, y, gx, Py_ssize_t rows, Py_ssize_t n, bint logarithm):
    cdef Buffer gyb = acquire(gy, rows * n, -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer yb = acquire(y, rows * n, dtype, False)
    cdef Buffer gxb = acquire(gx, rows * n, dtype, True)
    with nogil:
        fnn_softmax_grad(<fnn_dtype>dtype, logarithm, rows, n, gyb.data, yb.data, gxb.data)
