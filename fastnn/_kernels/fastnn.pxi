# csrc/fastnn.h as Cython sees it; the header documents every argument.

cdef extern from "fastnn.h" nogil:
    ctypedef enum fnn_dtype:
        FNN_F32
        FNN_F64
    ctypedef enum fnn_layout:
        FNN_NCHW
        FNN_BLOCKED
        FNN_NHWC
    ctypedef enum fnn_method:
        FNN_AUTO
        FNN_DIRECT
        FNN_IM2COL
        FNN_WINOGRAD2
        FNN_WINOGRAD4
    ctypedef enum fnn_status:
        FNN_OK
        FNN_NO_MEMORY
    ctypedef struct fnn_conv_params:
        fnn_dtype dtype
        Py_ssize_t n, c, d, h, w, oc, od, oh, ow, kd, kh, kw, sd, sh, sw, pd, ph, pw, dd, dh, dw, groups
        int padding_mode
        int x_layout, y_layout, method, activation
        double alpha, beta
    ctypedef struct fnn_pool_params:
        fnn_dtype dtype
        Py_ssize_t n, c
        Py_ssize_t size[3]
        Py_ssize_t out[3]
        Py_ssize_t kernel[3]
        Py_ssize_t stride[3]
        Py_ssize_t padding[3]
        Py_ssize_t dilation[3]
        int adaptive, layout, count_include_pad
        double divisor, power
        int rectified

    ctypedef struct fnn_norm_params:
        fnn_dtype dtype
        Py_ssize_t n, c, pixels
        int layout
        Py_ssize_t groups
        int training
        double eps
    ctypedef struct fnn_response_params:
        fnn_dtype dtype
        Py_ssize_t n, c, pixels, size
        double alpha, beta, k

    int FNN_SGD, FNN_ADAGRAD, FNN_RMSPROP, FNN_ADAM
    ctypedef struct fnn_update:
        int rule, maximize, nesterov
        double l1, weight_decay, shrink, momentum, dampening, beta1, beta2, eps
    ctypedef struct fnn_updated:
        Py_ssize_t n
        void *p
        const void *g
        void *state[3]
        double lr, scale
        int first

    ctypedef struct fnn_im2col_params:
        fnn_dtype dtype
        Py_ssize_t n, c, h, w, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw
    ctypedef struct fnn_pad_params:
        fnn_dtype dtype
        int mode
        double value
        Py_ssize_t outer
        Py_ssize_t size[3]
        Py_ssize_t before[3]
        Py_ssize_t after[3]
        Py_ssize_t unit

    void fnn_init()
    bint fnn_use_isa(const char *name)
    const char *fnn_active_isa()
    bint fnn_has_isa(const char *name)
    const char *fnn_kernel_name(int i)
    void fnn_set_num_threads(int n)
    int fnn_get_num_threads()
    void fnn_set_spin_us(int us)
    int fnn_live_workers()
    void *fnn_alloc(size_t size)
    void fnn_free(void *p)
    double fnn_fma_peak(int threads)
    double fnn_copy_bandwidth(int threads)

    void fnn_block(fnn_dtype, Py_ssize_t n, Py_ssize_t c, Py_ssize_t h, Py_ssize_t w, const void *x, void *y)
    void fnn_unblock(fnn_dtype, Py_ssize_t n, Py_ssize_t c, Py_ssize_t h, Py_ssize_t w, const void *x, void *y)

    const char *fnn_conv_refusal(const fnn_conv_params *p, bint transposed, fnn_method method)
    fnn_method fnn_conv_method(const fnn_conv_params *p, bint transposed, bint packed)
    const char *fnn_conv_algorithm_name(const fnn_conv_params *p, bint transposed)
    size_t fnn_conv_packed_size(const fnn_conv_params *p, bint transposed)
    void fnn_conv_pack(const fnn_conv_params *p, bint transposed, const void *weight, void *packed)
    void fnn_conv_transform(const fnn_conv_params *p, bint transposed, const void *direct, void *packed)
    fnn_status fnn_conv(const fnn_conv_params *p, const void *x, const void *packed, const void *bias,
                        const void *residual, void *y)
    fnn_status fnn_conv_unpacked(const fnn_conv_params *p, const void *x, const void *weight, const void *bias,
                                 const void *residual, void *y)
    fnn_status fnn_conv_transpose(const fnn_conv_params *p, const void *x, const void *packed, const void *bias,
                                  const void *residual, void *y)
    fnn_status fnn_conv_transpose_unpacked(const fnn_conv_params *p, const void *x, const void *weight,
                                           const void *bias, const void *residual, void *y)
    fnn_status fnn_conv_grad_weight(const fnn_conv_params *p, const void *gy, const void *x, void *gw)

    fnn_status fnn_im2col(const fnn_im2col_params *p, const void *x, void *cols)
    fnn_status fnn_col2im(const fnn_im2col_params *p, const void *cols, void *x)
    fnn_status fnn_pad(const fnn_pad_params *p, const void *x, void *y)
    fnn_status fnn_pad_grad_input(const fnn_pad_params *p, const void *gy, void *gx)
    void fnn_channel_sum(fnn_dtype, int layout, Py_ssize_t n, Py_ssize_t c, Py_ssize_t hw, const void *x, void *out)

    size_t fnn_gemm_packed_size(Py_ssize_t k, Py_ssize_t n)
    void fnn_gemm_pack(fnn_dtype, Py_ssize_t k, Py_ssize_t n, const void *b, Py_ssize_t row, Py_ssize_t column,
                       void *packed)
    fnn_status fnn_gemm(fnn_dtype, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void *a, Py_ssize_t row,
                        Py_ssize_t column, const void *packed, const void *bias, int activation, double alpha,
                        double beta, void *c)

    fnn_status fnn_gemm_unpacked(fnn_dtype, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void *a, Py_ssize_t row,
                                 Py_ssize_t column, const void *b, Py_ssize_t b_row, Py_ssize_t b_column,
                                 const void *bias, int activation, double alpha, double beta, void *c)

    bint fnn_pool_has_taps(const fnn_pool_params *p)
    fnn_status fnn_max_pool(const fnn_pool_params *p, const void *x, void *y, uint8_t *taps, int64_t *indices)
    fnn_status fnn_max_pool_grad_taps(const fnn_pool_params *p, const void *gy, const uint8_t *taps, const void *y,
                                      void *gx)
    fnn_status fnn_max_pool_grad_input(const fnn_pool_params *p, const void *gy, const void *x, const void *y,
                                       void *gx)
    fnn_status fnn_avg_pool(const fnn_pool_params *p, const void *x, void *y)
    fnn_status fnn_avg_pool_grad_input(const fnn_pool_params *p, const void *gy, void *gx)
    fnn_status fnn_lp_pool(const fnn_pool_params *p, const void *x, void *y)
    fnn_status fnn_lp_pool_grad_input(const fnn_pool_params *p, const void *gy, const void *x, const void *y, void *gx)
    Py_ssize_t fnn_bad_index(const int64_t *indices, Py_ssize_t n, Py_ssize_t size)
    void fnn_max_unpool(fnn_dtype, Py_ssize_t volumes, Py_ssize_t n, Py_ssize_t size, const void *x,
                        const int64_t *indices, void *y)
    void fnn_max_unpool_grad_input(fnn_dtype, Py_ssize_t volumes, Py_ssize_t n, Py_ssize_t size, const void *gy,
                                   const int64_t *indices, void *gx)

    void fnn_activate(fnn_dtype, int activation, double alpha, double beta, Py_ssize_t n, const void *x, void *y)
    void fnn_activate_grad(fnn_dtype, int activation, double alpha, double beta, Py_ssize_t n, const void *gy,
                           const void *x, void *gx)
    void fnn_softmax(fnn_dtype, int logarithm, Py_ssize_t rows, Py_ssize_t n, const void *x, void *y)
    void fnn_softmax_grad(fnn_dtype, int logarithm, Py_ssize_t rows, Py_ssize_t n, const void *gy, const void *y,
                          void *gx)

    fnn_status fnn_batch_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias,
                              double *mean, double *var, void *y)
    fnn_status fnn_batch_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                                   const double *mean, const double *var, void *gx, void *gw, void *gb)
    void fnn_group_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias, double *mean,
                        double *var, void *y)
    fnn_status fnn_group_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                                   const double *mean, const double *var, void *gx, void *gw, void *gb)
    void fnn_layer_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias, double *mean,
                        double *var, void *y)
    fnn_status fnn_layer_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                                   const double *mean, const double *var, void *gx, void *gw, void *gb)
    fnn_status fnn_local_response_norm(const fnn_response_params *p, const void *x, void *y)
    fnn_status fnn_local_response_norm_grad(const fnn_response_params *p, const void *gy, const void *x, void *gx)
    void fnn_dropout(fnn_dtype, Py_ssize_t n, double p, uint64_t seed, const void *x, void *y)

    fnn_status fnn_loss(fnn_dtype, int kind, double beta, Py_ssize_t n, const void *x, const void *target,
                        const void *weight, const void *positive, void *losses, double *sum)
    void fnn_loss_grad(fnn_dtype, int kind, double beta, double scale, Py_ssize_t n, const void *gy, const void *x,
                       const void *target, const void *weight, const void *positive, void *gx)

    void fnn_update_step(const fnn_update *u, fnn_dtype, Py_ssize_t count, const fnn_updated *parameters)
