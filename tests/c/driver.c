/* Checks csrc through its public header, without Python: every operation against loops written from its definition,
 * for float32 and float64, on every instruction set of this machine, with 1, 2 and 4 threads, from several threads at
 * once, nested and after a fork. Made to run under the sanitizers and under an emulator.
 *
 *   driver [--need ISA] [--random N] [--every N] [--fork 0]
 *
 * --need fails when ISA cannot run here (so that a cross build cannot pass by testing nothing); --random sets the
 * number of random shapes per operation; --every takes one in N variants of a convolution; --fork 0 leaves out the fork checks, for emulators that cannot.
 * Exit status: 0 when all passed. */
#include "naive.h"
#include "modes.h"
#include "ops.h"
#include "parallel.h"
#include "winograd.h"
#include "rows.h"
#include "norms.h"
#include "roi.h"

static void one_isa(int random_shapes) {
    conv_group(random_shapes);
    winograd_group();
    mode_group(random_shapes);
    gemm_group(random_shapes);
    pool_group(random_shapes);
    row_group();
    rows_group(random_shapes);
    norms_group(random_shapes);
    roi_group(random_shapes);
    layout_group();
    thread_group();
}

int main(int argc, char **argv) {
    static const char *const names[] = {"scalar", "neon", "avx2", "avx512"};
    const char *need = NULL;
    int random_shapes = 40, with_fork = 1, found = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--need")) need = argv[i + 1];
        if (!strcmp(argv[i], "--random")) random_shapes = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--every") && atoi(argv[i + 1]) > 0) every = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--fork")) with_fork = atoi(argv[i + 1]);
    }
    fnn_init();
    process_group();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!fnn_has_isa(names[i])) continue;
        check(fnn_use_isa(names[i]) && !strcmp(fnn_active_isa(), names[i]), "cannot activate %s", names[i]);
        found |= need && !strcmp(need, names[i]);
        one_isa(random_shapes);
    }
    check(!need || found, "this machine cannot run %s", need);
    if (with_fork) {
        fork_group();
    } else {
        printf("fork: skipped on request\n");
        skipped++;
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}
