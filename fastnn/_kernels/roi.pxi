# Regions of interest, boxes, resampling and embedding.

cdef extern from "fastnn.h" nogil:
    ctypedef struct fnn_roi_params:
        fnn_dtype dtype
        Py_ssize_t n, c, h, w, k, oh, ow
        double scale
        Py_ssize_t sampling
        bint aligned
        int layout
    ctypedef struct fnn_interpolate_params:
        fnn_dtype dtype
        Py_ssize_t n, c, h, w, oh, ow
        int mode, align_corners
        double step_h, step_w
        int layout
    fnn_status fnn_roi_align(const fnn_roi_params *p, const void *x, const void *boxes, void *y)
    fnn_status fnn_roi_align_grad_input(const fnn_roi_params *p, const void *gy, const void *boxes, void *gx)
    fnn_status fnn_roi_pool(const fnn_roi_params *p, const void *x, const void *boxes, void *y, int64_t *indices)
    fnn_status fnn_roi_pool_grad_input(const fnn_roi_params *p, const void *gy, const void *x, const void *y,
                                       const void *boxes, void *gx)
    fnn_status fnn_box_iou(fnn_dtype, Py_ssize_t m, Py_ssize_t n, const void *a, const void *b, void *iou)
    fnn_status fnn_nms(fnn_dtype, Py_ssize_t k, const void *boxes, const int64_t *order, Py_ssize_t segments,
                       const int64_t *start, double threshold, signed char *keep)
    fnn_status fnn_interpolate(const fnn_interpolate_params *p, const void *x, void *y)
    fnn_status fnn_interpolate_grad_input(const fnn_interpolate_params *p, const void *gy, void *gx)
    void fnn_embedding(fnn_dtype, Py_ssize_t k, Py_ssize_t width, const int64_t *index, const void *weight, void *y)
    void fnn_embedding_grad_weight(fnn_dtype, Py_ssize_t k, Py_ssize_t rows, Py_ssize_t width, const int64_t *index,
                                   Py_ssize_t padding, const void *gy, void *gw)

RESAMPLE_MODES = {"nearest": 0, "nearest-exact": 1, "linear": 2, "cubic": 3}


@cython.final
cdef class RoiParams:
    """The geometry of one call of roi_align or roi_pool."""
    cdef fnn_roi_params c
    cdef readonly tuple y_shape

    def __init__(self, tuple x_shape, tuple y_shape, double scale, Py_ssize_t sampling, bint aligned):
        self.c.n, self.c.c, self.c.h, self.c.w = x_shape
        self.c.k, _, self.c.oh, self.c.ow = y_shape
        self.c.scale, self.c.sampling, self.c.aligned = scale, sampling, aligned
        self.y_shape = y_shape

    cdef Py_ssize_t x_size(self, int layout) noexcept:
        return image_size(self.c.n, self.c.c, self.c.h, self.c.w, layout)

    cdef Py_ssize_t y_size(self, int layout) noexcept:
        return image_size(self.c.k, self.c.c, self.c.oh, self.c.ow, layout)


cdef const int64_t *int64s(const int64_t[::1] array, Py_ssize_t elements) except? NULL:
    """The elements of an array that the caller holds."""
    if array.shape[0] != elements:
        raise ValueError(f"expected {elements} integers, the buffer has {array.shape[0]}")
    return &array[0] if elements else NULL


def roi_align(RoiParams params, int layout, x, boxes, y):
    cdef fnn_roi_params p = params.c
    cdef Buffer xb = acquire(x, params.x_size(layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer bb = acquire(boxes, p.k * 5, dtype, False)
    cdef Buffer yb = acquire(y, params.y_size(layout), dtype, True)
    cdef fnn_status status
    p.dtype, p.layout = <fnn_dtype>dtype, layout
    with nogil:
        status = fnn_roi_align(&p, xb.data, bb.data, yb.data)
    check(status)


def roi_align_grad_input(RoiParams params, int layout, gy, boxes, gx):
    cdef fnn_roi_params p = params.c
    cdef Buffer gyb = acquire(gy, params.y_size(layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer bb = acquire(boxes, p.k * 5, dtype, False)
    cdef Buffer gxb = acquire(gx, params.x_size(layout), dtype, True)
    cdef fnn_status status
    p.dtype, p.layout = <fnn_dtype>dtype, layout
    with nogil:
        status = fnn_roi_align_grad_input(&p, gyb.data, bb.data, gxb.data)
    check(status)


def roi_pool(RoiParams params, int layout, x, boxes, y, indices):
    cdef fnn_roi_params p = params.c
    cdef Buffer xb = acquire(x, params.x_size(layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer bb = acquire(boxes, p.k * 5, dtype, False)
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
        status = fnn_roi_pool(&p, xb.data, bb.data, yb.data, positions)
    check(status)


def roi_pool_grad_input(RoiParams params, int layout, gy, x, y, boxes, gx):
    cdef fnn_roi_params p = params.c
    cdef Buffer gyb = acquire(gy, params.y_size(layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer xb = acquire(x, params.x_size(layout), dtype, False)
    cdef Buffer yb = acquire(y, params.y_size(layout), dtype, False)
    cdef Buffer bb = acquire(boxes, p.k * 5, dtype, False)
    cdef Buffer gxb = acquire(gx, params.x_size(layout), dtype, True)
    cdef fnn_status status
    p.dtype, p.layout = <fnn_dtype>dtype, layout
    with nogil:
        status = fnn_roi_pool_grad_input(&p, gyb.data, xb.data, yb.data, bb.data, gxb.data)
    check(status)


def box_iou(a, b, iou, Py_ssize_t m, Py_ssize_t n):
    cdef Buffer ab = acquire(a, m * 4, -1, False)
    cdef int dtype = ab.dtype()
    cdef Buffer bb = acquire(b, n * 4, dtype, False)
    cdef Buffer yb = acquire(iou, m * n, dtype, True)
    cdef fnn_status status
    with nogil:
        status = fnn_box_iou(<fnn_dtype>dtype, m, n, ab.data, bb.data, yb.data)
    check(status)


def nms(boxes, order, start, double threshold, keep):
    """`keep`, int8, says of each box in the order, segment by segment, whether it stays."""
    cdef Py_ssize_t k = order.shape[0], segments = start.shape[0] - 1
    cdef Buffer bb = acquire(boxes, k * 4, -1, False)
    cdef const int64_t *order_data = int64s(order, k)
    cdef const int64_t *start_data = int64s(start, segments + 1)
    cdef signed char[::1] kept = keep
    cdef int dtype = bb.dtype()
    cdef fnn_status status
    if kept.shape[0] != k:
        raise ValueError("keep has the wrong size")
    if k == 0:
        return
    with nogil:
        status = fnn_nms(<fnn_dtype>dtype, k, bb.data, order_data, segments, start_data, threshold, &kept[0])
    check(status)


cdef fnn_interpolate_params interpolate_params(tuple x_shape, tuple size, int mode, bint align_corners, tuple step,
                                               int layout):
    cdef fnn_interpolate_params p
    p.n, p.c, p.h, p.w = x_shape
    p.oh, p.ow = size
    p.mode, p.align_corners, p.layout = mode, align_corners, layout
    p.step_h, p.step_w = step
    return p


def interpolate(tuple x_shape, tuple size, int mode, bint align_corners, tuple step, int layout, x, y):
    cdef fnn_interpolate_params p = interpolate_params(x_shape, size, mode, align_corners, step, layout)
    cdef Buffer xb = acquire(x, image_size(p.n, p.c, p.h, p.w, layout), -1, False)
    cdef int dtype = xb.dtype()
    cdef Buffer yb = acquire(y, image_size(p.n, p.c, p.oh, p.ow, layout), dtype, True)
    cdef fnn_status status
    p.dtype = <fnn_dtype>dtype
    with nogil:
        status = fnn_interpolate(&p, xb.data, yb.data)
    check(status)


def interpolate_grad_input(tuple x_shape, tuple size, int mode, bint align_corners, tuple step, int layout, gy, gx):
    cdef fnn_interpolate_params p = interpolate_params(x_shape, size, mode, align_corners, step, layout)
    cdef Buffer gyb = acquire(gy, image_size(p.n, p.c, p.oh, p.ow, layout), -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer gxb = acquire(gx, image_size(p.n, p.c, p.h, p.w, layout), dtype, True)
    cdef fnn_status status
    p.dtype = <fnn_dtype>dtype
    with nogil:
        status = fnn_interpolate_grad_input(&p, gyb.data, gxb.data)
    check(status)


def embedding(index, weight, y, Py_ssize_t k, Py_ssize_t rows, Py_ssize_t width):
    """`index`: int64, each in 0..rows-1."""
    cdef const int64_t *indices = int64s(index, k)
    cdef Buffer wb = acquire(weight, rows * width, -1, False)
    cdef int dtype = wb.dtype()
    cdef Buffer yb = acquire(y, k * width, dtype, True)
    with nogil:
        fnn_embedding(<fnn_dtype>dtype, k, width, indices, wb.data, yb.data)


def embedding_grad_weight(index, gy, gw, Py_ssize_t k, Py_ssize_t rows, Py_ssize_t width, Py_ssize_t padding):
    cdef const int64_t *indices = int64s(index, k)
    cdef Buffer gyb = acquire(gy, k * width, -1, False)
    cdef int dtype = gyb.dtype()
    cdef Buffer gwb = acquire(gw, rows * width, dtype, True)
    with nogil:
        fnn_embedding_grad_weight(<fnn_dtype>dtype, k, rows, width, indices, padding, gyb.data, gwb.data)
