# Buffers in and arrays out.

cdef class Buffer:
    """A contiguous view of an array for the length of one call; an absent one (None) has data NULL."""
    cdef Py_buffer view
    cdef void *data
    cdef bint held

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)

    cdef int dtype(self) except -1:
        cdef char code = self.view.format[0] if self.view.format != NULL else 0
        if code == b"f" and self.view.format[1] == 0:
            return FNN_F32
        if code == b"d" and self.view.format[1] == 0:
            return FNN_F64
        raise TypeError(f"expected a native float32 or float64 buffer, got format {self.view.format!r}")


cdef Buffer acquire(object array, Py_ssize_t elements, int dtype, bint writable):
    """A view of exactly `elements` elements of `dtype` (-1: any)."""
    cdef Buffer buffer = Buffer.__new__(Buffer)
    if array is None:
        return buffer
    PyObject_GetBuffer(array, &buffer.view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (PyBUF_WRITABLE if writable else 0))
    buffer.held = True
    if dtype >= 0 and buffer.dtype() != dtype:
        raise TypeError("arrays of different dtypes in one call")
    if elements >= 0 and buffer.view.len != elements * buffer.view.itemsize:
        raise ValueError(f"expected {elements} elements, the buffer has {buffer.view.len // buffer.view.itemsize}")
    buffer.data = buffer.view.buf
    return buffer


cdef inline Py_ssize_t image_size(Py_ssize_t n, Py_ssize_t c, Py_ssize_t h, Py_ssize_t w, int layout) noexcept:
    return n * ((c + 15) // 16 * 16 if layout == FNN_BLOCKED else c) * h * w


cdef int check(fnn_status status) except -1:
    if status != FNN_OK:
        raise MemoryError("not enough memory for the scratch space of this call")
    return 0


cdef class Memory:
    """Owner of an aligned block for a NumPy array made over it."""
    cdef void *data
    cdef Py_ssize_t size

    def __dealloc__(self):
        fnn_free(self.data)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.data, self.size, 0, flags)


_ndarray = np.ndarray
_np_empty = np.empty


def empty(tuple shape, dtype, Py_ssize_t size_bytes):
    """An uninitialised array of `size_bytes` bytes in all, 64-byte aligned once it is large enough to matter."""
    if size_bytes < 16384:
        return _np_empty(shape, dtype)
    cdef Memory memory = Memory.__new__(Memory)
    memory.data = fnn_alloc(size_bytes)
    if memory.data == NULL:
        raise MemoryError(f"cannot allocate an array of shape {shape}")
    memory.size = size_bytes
    return _ndarray(shape, dtype, memory)
