"""The words that Numba lacks, as LLVM instructions. `_simulated` has the same words as Python functions."""

# mypy: disable-error-code="import-untyped,import-not-found,no-untyped-def"

from math import erf, exp, expm1, log, log1p, tanh

from llvmlite import ir
from numba import cuda
from numba.cuda import types
from numba.cuda.extending import intrinsic, register_jitable

helper = register_jitable  # marks functions that kernels call

__all__ = ["barrier", "erf", "exp", "expm1", "helper", "log", "log1p", "product", "tanh", "udiv"]


@register_jitable
def barrier():
    """cuda.syncthreads, for helpers: in the simulator `cuda` means something in the module of a kernel alone."""
    cuda.syncthreads()


@intrinsic
def udiv(typingctx, a, b):
    """a // b of non-negative integers below 2**31: one 32-bit division, where Python's rounding costs a 64-bit one."""
    word = ir.IntType(32)

    def codegen(context, builder, signature, args):
        left, right = (builder.trunc(arg, word) for arg in args)
        return builder.zext(builder.udiv(left, right), ir.IntType(64))

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def product(typingctx, a, b):
    """a * b of two floats, rounded: never contracted with a sum into a fused multiply-add."""

    def codegen(context, builder, signature, args):
        kind = args[0].type
        name = "llvm.nvvm.mul.rn.d" if signature.return_type == types.float64 else "llvm.nvvm.mul.rn.f"
        function = builder.module.declare_intrinsic(name, (), ir.FunctionType(kind, (kind, kind)))
        return builder.call(function, args)

    return a(a, a), codegen
