# Normalisation, dropout and elementwise losses. Means and variances are float64 arrays, whatever the data's dtype.

cdef fnn_norm_params norm_params(int dtype, tuple shape, int layout, Py_ssize_t groups, bint training, double eps):
    """Of x[n][c][pixels]."""
    cdef fnn_norm_params p
    p.dtype, p.n, p.c, p.pixels = <fnn_dtype>dtype, shape[0], shape[1], shape[2]
    p.layout, p.groups, p.training, p.eps = layout, groups, training, eps
    return p


cdef Py_ssize_t norm_size(fnn_norm_params *p):
    return image_size(p.n, p.c, 1, p.pixels, p.layout)


def batch_norm(tuple shape, int layout, bint training, double eps, x, weight, bias, mean, var, y):
    """mean and var are written when training, else read."""
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef fnn_norm_params p = norm_params(dtype, shape, layout, 1, training, eps)
    cdef Buffer wb = acquire(weight, p.c, dtype, False)
    cdef Buffer bb = acquire(bias, p.c, dtype, False)
    cdef Buffer mb = acquire(mean, p.c, FNN_F64, training)
    cdef Buffer vb = acquire(var, p.c, FNN_F64, training)
    cdef Buffer yb = acquire(y, norm_size(&p), dtype, True)
    cdef fnn_status status
    with nogil:
        status = fnn_batch_norm(&p, xb.data, wb.data, bb.data, <double *>mb.data, <double *>vb.data, yb.data)
    check(status)


def batch_norm_grad(tuple shape, int layout, bint training, double eps, gy, x, weight, mean, var, gx, gw, gb):
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef fnn_norm_params p = norm_params(dtype, shape, layout, 1, training, eps)
    cdef Buffer gyb = acquire(gy, norm_size(&p), dtype, False)
    cdef Buffer wb = acquire(weight, p.c, dtype, False)
    cdef Buffer mb = acquire(mean, p.c, FNN_F64, False)
    cdef Buffer vb = acquire(var, p.c, FNN_F64, False)
    cdef Buffer gxb = acquire(gx, norm_size(&p), dtype, True)
    cdef Buffer gwb = acquire(gw, p.c, dtype, True)
    cdef Buffer gbb = acquire(gb, p.c, dtype, True)
    cdef fnn_status status
    with nogil:
        status = fnn_batch_norm_grad(&p, gyb.data, xb.data, wb.data, <double *>mb.data, <double *>vb.data, gxb.data,
                                     gwb.data, gbb.data)
    check(status)


def group_norm(tuple shape, Py_ssize_t groups, double eps, x, weight, bias, mean, var, y):
    """Rows of their own weights (layer norm) where shape is (n, c, 1)."""
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef fnn_norm_params p = norm_params(dtype, shape, FNN_NCHW, groups, True, eps)
    cdef Buffer wb = acquire(weight, p.c, dtype, False)
    cdef Buffer bb = acquire(bias, p.c, dtype, False)
    cdef Buffer mb = acquire(mean, p.n * groups, FNN_F64, True)
    cdef Buffer vb = acquire(var, p.n * groups, FNN_F64, True)
    cdef Buffer yb = acquire(y, norm_size(&p), dtype, True)
    with nogil:
        fnn_group_norm(&p, xb.data, wb.data, bb.data, <double *>mb.data, <double *>vb.data, yb.data)


def group_norm_grad(tuple shape, Py_ssize_t groups, double eps, gy, x, weight, mean, var, gx, gw, gb):
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef fnn_norm_params p = norm_params(dtype, shape, FNN_NCHW, groups, True, eps)
    cdef Buffer gyb = acquire(gy, norm_size(&p), dtype, False)
    cdef Buffer wb = acquire(weight, p.c, dtype, False)
    cdef Buffer mb = acquire(mean, p.n * groups, FNN_F64, False)
    cdef Buffer vb = acquire(var, p.n * groups, FNN_F64, False)
    cdef Buffer gxb = acquire(gx, norm_size(&p), dtype, True)
    cdef Buffer gwb = acquire(gw, p.c, dtype, True)
    cdef Buffer gbb = acquire(gb, p.c, dtype, True)
    cdef fnn_status status
    with nogil:
        status = fnn_group_norm_grad(&p, gyb.data, xb.data, wb.data, <double *>mb.data, <double *>vb.data, gxb.data,
                                     gwb.data, gbb.data)
    check(status)


cdef fnn_response_params response_params(int dtype, tuple shape, Py_ssize_t size, double alpha, double beta, double k):
    cdef fnn_response_params p
    p.dtype, p.n, p.c, p.pixels, p.size = <fnn_dtype>dtype, shape[0], shape[1], shape[2], size
    p.alpha, p.beta, p.k = alpha, beta, k
    return p


def local_response_norm(tuple shape, Py_ssize_t size, double alpha, double beta, double k, x, y):
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef fnn_response_params p = response_params(dtype, shape, size, alpha, beta, k)
    cdef Buffer yb = acquire(y, p.n * p.c * p.pixels, dtype, True)
    cdef fnn_status status
    with nogil:
        status = fnn_local_response_norm(&p, xb.data, yb.data)
    check(status)


def local_response_norm_grad(tuple shape, Py_ssize_t size, double alpha, double beta, double k, gy, x, gx):
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef fnn_response_params p = response_params(dtype, shape, size, alpha, beta, k)
    cdef Buffer gyb = acquire(gy, p.n * p.c * p.pixels, dtype, False)
    cdef Buffer gxb = acquire(gx, p.n * p.c * p.pixels, dtype, True)
    cdef fnn_status status
    with nogil:
        status = fnn_local_response_norm_grad(&p, gyb.data, xb.data, gxb.data)
    check(status)


def dropout(x, y, double p, uint64_t seed):
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef Py_ssize_t n = xb.view.len // xb.view.itemsize
    cdef Buffer yb = acquire(y, n, dtype, True)
    with nogil:
        fnn_dropout(<fnn_dtype>dtype, n, p, seed, xb.data, yb.data)


LOSSES = {"squared": 0, "smooth_l1": 1, "logistic": 2}


def loss(int kind, double beta, x, target, weight, positive, losses):
    """The sum of the losses; losses may be None."""
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef Py_ssize_t n = xb.view.len // xb.view.itemsize
    cdef Buffer tb = acquire(target, n, dtype, False)
    cdef Buffer wb = acquire(weight, n, dtype, False)
    cdef Buffer pb = acquire(positive, n, dtype, False)
    cdef Buffer lb = acquire(losses, n, dtype, True)
    cdef fnn_status status
    cdef double total
    with nogil:
        status = fnn_loss(<fnn_dtype>dtype, kind, beta, n, xb.data, tb.data, wb.data, pb.data, lb.data, &total)
    check(status)
    return total


def loss_grad(int kind, double beta, double scale, gy, x, target, weight, positive, gx):
    """gy may be None: 1."""
    cdef Buffer xb = acquire(x, -1, -1, False)
    cdef int dtype = xb.dtype()
    cdef Py_ssize_t n = xb.view.len // xb.view.itemsize
    cdef Buffer gyb = acquire(gy, n, dtype, False)
    cdef Buffer tb = acquire(target, n, dtype, False)
    cdef Buffer wb = acquire(weight, n, dtype, False)
    cdef Buffer pb = acquire(positive, n, dtype, False)
    cdef Buffer gxb = acquire(gx, n, dtype, True)
    with nogil:
        fnn_loss_grad(<fnn_dtype>dtype, kind, beta, scale, n, gyb.data, xb.data, tb.data, wb.data, pb.data, gxb.data)
