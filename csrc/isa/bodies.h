/* Every kernel body and, from kernels.def, the table of this dialect's instances. */
#define FNN_NAME(kernel) FNN_CAT(FNN_CAT(fnn_##kernel, __), FNN_ISA)
#define FNN_NV (FNN_BLOCK / FNN_VF) /* words of one 16-channel block */

#include "../kernels/activation.h"
#include "../kernels/elementary.h"
#include "../kernels/activation_rows.h"
#include "../kernels/tile.h"
#include "../kernels/depthwise.h"
#include "../kernels/depthwise_grad.h"
#include "../kernels/winograd.h"
#include "../kernels/layout.h"
#include "../kernels/pack.h"
#include "../kernels/planes.h"
#include "../kernels/norm.h"
#include "../kernels/layer_norm.h"
#include "../kernels/response.h"
#include "../kernels/dropout.h"
#include "../kernels/loss.h"
#include "../kernels/pool.h"
#include "../kernels/rows.h"
#include "../kernels/resample.h"
#include "../kernels/box_pool.h"
#include "../kernels/box_overlap.h"
#include "../kernels/softmax.h"
#include "../kernels/sums.h"
#include "../kernels/update.h"

const fnn_kernel_table FNN_NAME(kernels) = {
    .word = FNN_VF,
    .wide_rows = FNN_WIDE_ROWS,
    .tile_rows = FNN_TILE_ROWS,
    .tile_panels = FNN_TILE_PANELS(FNN_TILE_ROWS),
#define FNN_KERNEL(name, arguments) .name = FNN_NAME(name),
#include "../kernels.def"
#undef FNN_KERNEL
};
