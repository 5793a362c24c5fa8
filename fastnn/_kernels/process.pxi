# What concerns the whole process: instruction sets, threads, the machine's limits.

def kernel_names():
    """Names of all kernels, in the order of csrc/kernels.def."""
    names = []
    while fnn_kernel_name(<int>len(names)) != NULL:
        names.append(fnn_kernel_name(<int>len(names)).decode())
    return names


def has_isa(str name):
    return fnn_has_isa(name.encode())


def use_isa(str name):
    return fnn_use_isa(name.encode())


def active_isa():
    return fnn_active_isa().decode()


def set_num_threads(int n):
    fnn_set_num_threads(n)


def get_num_threads():
    return fnn_get_num_threads()


def set_spin_us(int us):
    fnn_set_spin_us(us)


def live_workers():
    return fnn_live_workers()


def fma_peak(int threads):
    """GFLOP/s of independent multiply-adds in registers on `threads` threads, measured now."""
    cdef double result
    with nogil:
        result = fnn_fma_peak(threads)
    return result


def copy_bandwidth(int threads):
    """GB/s, reads and writes together, of copying 64 MiB on `threads` threads, measured now."""
    cdef double result
    with nogil:
        result = fnn_copy_bandwidth(threads)
    return result
