"""Who may import whom: the storeys of the package, and those of the C core below it."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE, CSRC = ROOT / "fastnn", ROOT / "csrc"

# Sub-package -> the sub-packages that it may import besides itself.
MAY_USE = {
    "_kernels": set(),
    "ops": {"_kernels", "_device_array", "cuda"},
    "cuda": {"_device_array"},
    "autograd": {"ops"},
    "nn": {"autograd", "ops"},
    "train": {"nn", "autograd"},
    "models": {"nn", "autograd", "ops"},
    "detection": {"nn", "autograd", "ops"},
    "segmentation": {"nn", "autograd", "ops"},
    "viz": set(),
    "datasets": set(),
}
# Imported only inside functions.
OPTIONAL = {
    "joblib", "llvmlite", "matplotlib", "mpi4py", "numba", "onnx", "torch", "PIL", "scipy", "threadpoolctl", "tqdm",
}  # fmt: skip


def imports(path, source=None):
    """(module, inside a function) of every import of a file; `from fastnn import x` counts as fastnn.x."""
    found = []

    def visit(node, inside):
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        inside = inside or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")  # never run
        if isinstance(node, ast.Import):
            found.extend((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(ROOT).with_suffix("").parts[: -node.level]
                base = ".".join(filter(None, [*package, node.module]))
            deeper = base == "fastnn" or (ROOT / base.replace(".", "/")).is_dir()
            found.extend((f"{base}.{alias.name}" if deeper else base, inside) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(path.read_text() if source is None else source), False)
    return found


def storey(module):
    """The sub-package of a module of fastnn: "ops" for "fastnn.ops.conv", "" for fastnn itself."""
    parts = module.split(".")
    known = len(parts) > 1 and ((PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").is_file())
    return parts[1] if known else ""


def modules(package):
    return sorted((PACKAGE / package).rglob("*.py"))


def test_every_package_has_a_rule():
    found = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert found <= set(MAY_USE) | {"examples", "interop", "graph", "onnx"}, "add the package to MAY_USE"


@pytest.mark.parametrize("package", MAY_USE)
def test_packages_import_only_what_lies_below(package):
    for path in modules(package):
        used = {storey(module) for module, _ in imports(path) if module.split(".")[0] == "fastnn"}
        wrong = used - MAY_USE[package] - {package}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_optional_modules_are_imported_inside_functions():
    for path in sorted(PACKAGE.rglob("*.py")):
        for module, inside in imports(path):
            eager = not inside and (module.split(".")[0] in OPTIONAL or storey(module) == "cuda")
            assert not eager or path.relative_to(PACKAGE).parts[0] == "cuda", f"{path.name} imports {module} eagerly"


def test_the_core_needs_numpy_alone():
    allowed = set(sys.stdlib_module_names) | {"numpy", "fastnn"} | OPTIONAL
    for path in sorted(PACKAGE.rglob("*.py")):
        wrong = {module.split(".")[0] for module, _ in imports(path)} - allowed
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_the_oracle_imports_numpy_alone():
    assert {module for module, _ in imports(ROOT / "tests" / "naive.py")} == {"numpy"}
    for path in (ROOT / "tests").glob("naive_*.py"):
        assert {module.split(".")[0] for module, _ in imports(path)} <= {"numpy", "naive", "itertools", "math"}


def test_cython_knows_the_public_header_and_no_python_of_fastnn():
    for path in sorted((PACKAGE / "_kernels").glob("*.p[yx]*")):
        text = path.read_text()
        if path.suffix not in (".pyx", ".pxi", ".pxd"):
            continue
        for header in re.findall(r'extern from "([^"]+)"', text):
            assert header == "fastnn.h", f"{path.name} includes {header}"
        python = re.findall(r"^\s*(?:from|import)\s+(fastnn\S*)", text, re.MULTILINE)
        assert not python, f"{path.name} imports {python}"
        assert not re.search(r"^\s*cimport numpy|numpy/arrayobject", text, re.MULTILINE), path.name


# ---- the C core ----------------------------------------------------------------------------------------
INTRINSICS = r"\b_mm\d*_\w+|\b__m(?:128|256|512)\w*|\bv(?:ld|st|fma|add|mul)\w*q_\w+|<\w*(?:intrin|neon|sve)\.h>"
ISA_NAMES = r"avx|sse\d|neon|\bfma3\b|x86|aarch64|arm64"
ALLOCATION = r"\b(?:malloc|calloc|realloc|free|alloca|aligned_alloc|posix_memalign|fnn_alloc|fnn_free)\s*\("
THREADING = r"pthread|\bthrd_|threads\.h|stdatomic|_Atomic|\bfnn_(?:parallel|run)\w*\s*\("


def code(path):
    """A C file without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.DOTALL)


def includes(path):
    return re.findall(r'#\s*include\s+["<]([^">]+)[">]', code(path))


def sources(folder):
    return sorted(path for path in (CSRC / folder).iterdir() if path.suffix in (".c", ".h"))


TABLE = {"bodies.h", "dispatch.h", "kernels.def"}  # what makes the bodies a table

needs_csrc = pytest.mark.skipif(not CSRC.is_dir(), reason="csrc is not beside the tests")


@needs_csrc
def test_c_ops_use_no_vectors():
    for path in sources("ops"):
        assert not re.search(INTRINSICS, code(path)), path.name
        for header in includes(path):
            assert "simd/" not in header and "kernels/" not in header and "isa/" not in header, path.name


@needs_csrc
@pytest.mark.parametrize(
    "what, pattern",
    [
        ("instruction sets", ISA_NAMES),
        ("intrinsics", INTRINSICS),
        ("allocation", ALLOCATION),
        ("threads", THREADING),
    ],
)
def test_kernel_bodies_know_nothing_of(what, pattern):
    for path in sources("kernels"):
        override = re.search(r"_(avx2|avx512|neon)\.h$", path.name)  # hand-tuned, for one instruction set
        if override and what in ("instruction sets", "intrinsics"):
            continue
        found = re.search(pattern, code(path), re.IGNORECASE if what == "instruction sets" else 0)
        assert not found, f"{path.name} has {found.group()!r}"


@needs_csrc
def test_isa_files_only_bring_a_dialect_and_the_bodies_together():
    for path in sources("isa"):
        for header in includes(path):
            parts = header.removeprefix("../")
            wanted = parts.startswith(("simd/", "kernels/")) or parts in TABLE
            assert wanted, f"{path.name} includes {header}"


@needs_csrc
def test_the_core_knows_no_python_and_no_build_machine():
    for path in sorted(CSRC.rglob("*.[ch]")):
        assert "Python.h" not in includes(path), path.name
        assert "/sys/devices" not in code(path), path.name
    for name in ("setup.py", "pyproject.toml", "Makefile"):
        if (ROOT / name).is_file():
            assert not re.search(r"-march=|-mcpu=|-mavx|-ffast-math|-Ofast", (ROOT / name).read_text()), name


# ---- the tests of this file ----------------------------------------------------------------------------
def test_imports_are_found_wherever_they_hide():
    source = "import a.b\nfrom fastnn import ops, cpu\n"
    source += "def f():\n    from . import _checks\n    from ..nn import module\n"
    found = imports(PACKAGE / "ops" / "conv.py", source)
    assert ("a.b", False) in found and ("fastnn.ops", False) in found and ("fastnn.cpu", False) in found
    assert any(module.startswith("fastnn.ops") and inside for module, inside in found)
    assert any(module.startswith("fastnn.nn") and inside for module, inside in found)
