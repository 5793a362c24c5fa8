# Steps of optimisers: one call for all parameters of a group.

UPDATES = {"sgd": FNN_SGD, "adagrad": FNN_ADAGRAD, "rmsprop": FNN_RMSPROP, "adam": FNN_ADAM}


def update_step(int rule, dict options, list p, list g, list states, list lr, list scale, list first):
    """One step on the parameters p in place: gradients g, up to three lists of states, lr, scale and first of each.

    `options` are fields of fnn_update; scale and first may be None.
    """
    cdef fnn_update u = options
    u.rule = rule
    cdef Py_ssize_t i, j, count = len(p), n
    cdef Memory memory = Memory.__new__(Memory)
    memory.data = fnn_alloc(max(count, 1) * sizeof(fnn_updated))
    if memory.data == NULL:
        raise MemoryError("not enough memory for the scratch space of this call")
    cdef fnn_updated *t = <fnn_updated *>memory.data
    cdef list held = []
    cdef Buffer buffer
    cdef int dtype = -1
    for i in range(count):
        buffer = acquire(p[i], -1, dtype, True)
        held.append(buffer)
        dtype = buffer.dtype()
        n = buffer.view.len // buffer.view.itemsize
        t[i].n, t[i].p, t[i].lr = n, buffer.data, lr[i]
        t[i].scale = 1 if scale is None else scale[i]
        t[i].first = first is not None and first[i]
        buffer = acquire(g[i], n, dtype, False)
        held.append(buffer)
        t[i].g = buffer.data
        for j in range(3):
            t[i].state[j] = NULL
        for j in range(len(states)):
            if states[j] is not None:
                buffer = acquire((<list>states[j])[i], n, dtype, True)
                held.append(buffer)
                t[i].state[j] = buffer.data
    if count:
        with nogil:
            fnn_update_step(&u, <fnn_dtype>dtype, count, t)
