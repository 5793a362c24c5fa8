# NCHW <-> NCHW16c.

def block(x, y, Py_ssize_t n, Py_ssize_t c, Py_ssize_t h, Py_ssize_t w):
    cdef Buffer xb = acquire(x, image_size(n, c, h, w, FNN_NCHW), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, image_size(n, c, h, w, FNN_BLOCKED), dtype, True)
    with nogil:
        fnn_block(<fnn_dtype>dtype, n, c, h, w, xb.data, yb.data)


def unblock(x, y, Py_ssize_t n, Py_ssize_t c, Py_ssize_t h, Py_ssize_t w):
    cdef Buffer xb = acquire(x, image_size(n, c, h, w, FNN_BLOCKED), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, image_size(n, c, h, w, FNN_NCHW), dtype, True)
    with nogil:
        fnn_unblock(<fnn_dtype>dtype, n, c, h, w, xb.data, yb.data)
