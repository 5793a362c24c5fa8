"""Checks what a source distribution and wheels hold: ``python .ci/check_dist.py FILE...``, run in the source tree."""

import pathlib
import re
import sys
import tarfile
import zipfile

WHEEL_LIMIT = 2 * 1024 * 1024  # bytes


def source_modules():
    """Every Python file and data file of the tree that must reach the wheel, by its name there."""
    names = {str(p) for p in pathlib.Path("fastnn").rglob("*.py*") if p.suffix in {".py", ".pyi"}}
    names |= {f"fastnn/{p}" for p in pathlib.Path("benchmarks").rglob("*.py")}
    names |= {f"fastnn/{p}" for p in pathlib.Path("benchmarks").rglob("*.txt")}
    names |= {str(p) for p in pathlib.Path("fastnn/datasets").glob("*.*")}
    headers = {"fastnn/include/fastnn.h", "fastnn/include/fastnn_roi.h"}
    return {n for n in names if "__pycache__" not in n} | {"fastnn/py.typed"} | headers


def check_wheel(path):
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
    problems = [f"{n} is missing: is its package listed in pyproject.toml?" for n in source_modules() - names]
    libraries = [n for n in names if re.search(r"\.(so|pyd|dylib|dll)(\.|$)", n)]
    if len(libraries) != 1 or not libraries[0].startswith("fastnn/_kernels/_core."):
        problems.append(f"one extension module and no other library expected, found {sorted(libraries)}")
    problems += [f"{n} does not belong in a wheel" for n in names if re.search(r"\.(c|pyx|pxi|html)$", n)]
    top_level = {n.split("/")[0] for n in names}
    problems += [f"unexpected top-level {n}" for n in top_level if n != "fastnn" and ".dist-info" not in n]
    if path.stat().st_size >= WHEEL_LIMIT:
        problems.append(f"{path.stat().st_size} bytes, the limit is {WHEEL_LIMIT}")
    return problems


def check_sdist(path):
    with tarfile.open(path) as sdist:
        names = {n.partition("/")[2] for n in sdist.getnames()}
    problems = [f"generated file {n}" for n in names if re.match(r"fastnn/.*\.(c|html|so|pyd)$", n)]
    needed = {str(p) for folder in ("csrc", "tests", "benchmarks") for p in pathlib.Path(folder).rglob("*.*")}
    needed |= {str(p) for p in pathlib.Path("fastnn").rglob("*.*")}
    needed |= {"LICENSE", "README.md", "CHANGELOG.md", "setup.py"}
    unwanted = re.compile(r"__pycache__|\.(so|pyd|o|html)$|fastnn/.*\.c$|tests/c/build|\.egg-info")
    return problems + [f"{n} is missing" for n in needed - names if not unwanted.search(n)]


def main(paths):
    failed = False
    for path in map(pathlib.Path, paths):
        problems = check_sdist(path) if path.name.endswith(".tar.gz") else check_wheel(path)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB, {'ok' if not problems else 'wrong'}")
        for problem in problems:
            print(f"  {problem}")
        failed |= bool(problems)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
