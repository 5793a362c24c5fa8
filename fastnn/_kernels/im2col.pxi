# Images and matrices of their windows.

@cython.final
cdef class Im2colParams:
    """The geometry of im2col and col2im, made once per shape by fastnn.ops and never changed."""
    cdef fnn_im2col_params c
    cdef readonly tuple x_shape, cols_shape

    def __init__(self, tuple x_shape, tuple windows, tuple kernel, tuple stride, tuple padding, tuple dilation):
        self.c.n, self.c.c, self.c.h, self.c.w = x_shape
        self.c.oh, self.c.ow = windows
        self.c.kh, self.c.kw = kernel
        self.c.sh, self.c.sw = stride
        self.c.ph, self.c.pw = padding
        self.c.dh, self.c.dw = dilation
        self.x_shape = x_shape
        self.cols_shape = (self.c.n, self.c.c * self.c.kh * self.c.kw, self.c.oh * self.c.ow)

    cdef Py_ssize_t x_size(self) noexcept:
        return self.c.n * self.c.c * self.c.h * self.c.w

    cdef Py_ssize_t cols_size(self) noexcept:
        return self.c.n * self.c.c * self.c.kh * self.c.kw * self.c.oh * self.c.ow


def im2col(Im2colParams params, x, cols):
    cdef fnn_im2col_params p = params.c
    cdef Buffer xb = acquire(x, params.x_size(), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer cb = acquire(cols, params.cols_size(), dtype, True)
    cdef fnn_status status
    p.dtype = <fnn_dtype>dtype
    with nogil:
        status = fnn_im2col(&p, xb.data, cb.data)
    check(status)


def col2im(Im2colParams params, cols, x):
    cdef fnn_im2col_params p = params.c
    cdef Buffer cb = acquire(cols, params.cols_size(), -1, False)
    cdef int dtype = cb.dtype()
    cdef Buffer xb = acquire(x, params.x_size(), dtype, True)
    cdef fnn_status status
    p.dtype = <fnn_dtype>dtype
    with nogil:
        status = fnn_col2im(&p, cb.data, xb.data)
    check(status)
