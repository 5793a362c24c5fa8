"""Checkpoints: the safetensors format both ways, hostile files, and saves that are cut short."""

import ast
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastnn
from fastnn import nn
from fastnn.autograd import Tensor
from fastnn.train import load_checkpoint, save_checkpoint

DTYPES = ["f8", "f4", "f2", "c8", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]


def arrays():
    rng = np.random.default_rng(0)
    found = {f"{d}.{n}": rng.integers(0, 2, s).astype(d) for d in DTYPES for n, s in (("x", (3, 5)), ("y", (7,)))}
    return found | {"number": np.array(2.5), "empty": np.zeros((0, 4), np.float32), "größe": np.ones(1)}


def assert_equal(found, expected):
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].shape == value.shape and found[name].dtype == value.dtype, name
        np.testing.assert_array_equal(found[name], value, err_msg=name)


# ---- there and back ------------------------------------------------------------------------------------
def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "file"
    save_checkpoint(path, arrays(), {"epoch": "3", "ключ": "値"})
    found = load_checkpoint(path)
    assert_equal(found, arrays())
    assert found.metadata == {"epoch": "3", "ключ": "値"}
    assert all(value.flags.writeable and value.dtype.isnative for value in found.values())


def test_odd_memory_is_saved_right(tmp_path):
    base = np.arange(24.0).reshape(4, 6)
    odd = {"strided": base[::2, ::-3], "fortran": np.asfortranarray(base), "big": base.astype(">f4")}
    save_checkpoint(tmp_path / "file", odd)
    found = load_checkpoint(tmp_path / "file")
    for name, value in odd.items():
        np.testing.assert_array_equal(found[name], value)


def test_modules_and_tensors_are_saved(tmp_path):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(4, 2))
    save_checkpoint(tmp_path / "module", model)
    assert_equal(load_checkpoint(tmp_path / "module"), model.state_dict())
    save_checkpoint(tmp_path / "tensors", {"t": Tensor([1.0, 2.0]), "list": [1, 2]})
    assert load_checkpoint(tmp_path / "tensors")["t"].tolist() == [1, 2]
    other = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(4, 2))
    other.load_state_dict(load_checkpoint(tmp_path / "module"))
    assert_equal(other.state_dict(), model.state_dict())


def test_the_safetensors_package_reads_ours(tmp_path):
    safetensors = pytest.importorskip("safetensors")
    numpy_api = pytest.importorskip("safetensors.numpy")
    values = {name: value for name, value in arrays().items() if value.dtype != np.complex64}
    save_checkpoint(tmp_path / "file", values, {"made": "here"})
    assert_equal(numpy_api.load_file(tmp_path / "file"), values)
    with safetensors.safe_open(tmp_path / "file", "np") as file:
        assert file.metadata() == {"made": "here"}


def test_we_read_what_the_safetensors_package_writes(tmp_path):
    numpy_api = pytest.importorskip("safetensors.numpy")
    values = {name: value for name, value in arrays().items() if value.dtype != np.complex64}
    numpy_api.save_file(values, tmp_path / "file", {"made": "there"})
    found = load_checkpoint(tmp_path / "file")
    assert_equal(found, values)
    assert found.metadata == {"made": "there"}


def test_the_file_is_laid_out_as_the_format_says(tmp_path):
    save_checkpoint(tmp_path / "file", {"a": np.array([1], np.uint8), "b": np.array([2.0])})
    raw = (tmp_path / "file").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    assert length % 8 == 0 and raw[8:9] == b"{"
    header = json.loads(raw[8 : 8 + length])
    assert header["b"] == {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}  # wide dtypes first: aligned
    assert header["a"] == {"dtype": "U8", "shape": [1], "data_offsets": [8, 9]}
    assert raw[8 + length :] == struct.pack("<dB", 2.0, 1)


def test_bfloat16_becomes_float32(tmp_path):
    bits = np.array([0x3F80, 0xC020, 0x7F80], np.uint16)  # 1, -2.5, infinity
    write(tmp_path / "file", {"x": entry("BF16", [3], 0, 6)}, bits.tobytes())
    found = load_checkpoint(tmp_path / "file")["x"]
    assert found.dtype == np.float32 and found.tolist() == [1, -2.5, np.inf]


@pytest.mark.parametrize(
    "state, metadata, message",
    [
        ({"x": np.array(["text"])}, None, "x has dtype"),
        ({"x": np.array([object()])}, None, "x has dtype object"),
        ({3: np.ones(2)}, None, "3 cannot be the name"),
        ({"__metadata__": np.ones(2)}, None, "'__metadata__' cannot be the name"),
        ({"x": np.ones(2)}, {"epoch": 3}, "metadata must map strings to strings"),
    ],
)
def test_what_cannot_be_saved_is_named_and_nothing_is_written(tmp_path, state, metadata, message):
    with pytest.raises(TypeError, match=f"save_checkpoint: .*{message}"):
        save_checkpoint(tmp_path / "file", state, metadata)
    assert list(tmp_path.iterdir()) == []


# ---- hostile files -------------------------------------------------------------------------------------
def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def write(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


F2 = entry("F32", [2], 0, 8)
EIGHT = b"\0" * 8
HOSTILE = {
    "empty file": (b"", "header length: the file has 0 bytes"),
    "short length": (b"\1\0\0", "header length: the file has 3 bytes"),
    "header beyond the file": (({}, b"", 3), "header length: 3, but only 2 bytes follow"),
    "huge header": (({}, b"", 2**63), "header length: 9223372036854775808 is more than 100000000"),
    "header over the limit": (({}, b"", 10**8 + 1), "header length: 100000001 is more than"),
    "no JSON": ((b"{nope}",), "header: no JSON"),
    "cut JSON": ((b'{"a": {"dtype": "F32"',), "header: no JSON"),
    "no UTF-8": ((b'{"\xff": 1}',), "header: no UTF-8 at byte 2"),
    "nested": ((b"[" * 100_000,), "header: nested too deeply"),
    "not an object": ((b"[1, 2]",), "header: must be a JSON object"),
    "duplicate name": ((b'{"a": 1, "a": 2}',), "header: 'a' comes twice"),
    "duplicate field": ((b'{"a": {"dtype": "F32", "dtype": "F64"}}',), "header: 'dtype' comes twice"),
    "many digits": ((b'{"a": {"dtype": "U8", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 0]}}',), "a: shape"),
    "metadata": (({"__metadata__": {"a": 1}},), "__metadata__: must map strings to strings"),
    "metadata list": (({"__metadata__": ["a"]},), "__metadata__: must map"),
    "entry": (({"a": [1]},), "a: must have dtype, shape and data_offsets"),
    "field missing": (({"a": {"dtype": "F32", "shape": [0]}},), "a: must have dtype"),
    "field extra": (({"a": F2 | {"more": 1}}, EIGHT), "a: must have dtype"),
    "dtype": (({"a": entry("F33", [2], 0, 8)}, EIGHT), "a: dtype: 'F33' is not known"),
    "dtype number": (({"a": entry(7, [2], 0, 8)}, EIGHT), "a: dtype: '7' is not known"),
    "shape": (({"a": entry("F32", 2, 0, 8)}, EIGHT), "a: shape: must be a list"),
    "negative size": (({"a": entry("F32", [-2], 0, 8)}, EIGHT), "a: shape: must be a list"),
    "two negative sizes": (({"a": entry("F32", [-2, -1], 0, 8)}, EIGHT), "a: shape: must be a list"),
    "fraction": (({"a": entry("F32", [2.0], 0, 8)}, EIGHT), "a: shape: must be a list"),
    "truth value": (({"a": entry("U8", [True], 0, 1)}, b"\0"), "a: shape: must be a list"),
    "huge size": (({"a": entry("F32", [2**62], 0, 8)}, EIGHT), "a: data_offsets: 8 bytes, shape and dtype need"),
    "overflow": (({"a": entry("U8", [2**32, 2**32], 0, 0)},), "need 18446744073709551616"),
    "more than 64 bits": (({"a": entry("U8", [2**64], 0, 0)},), "a: shape: must be a list"),
    "huge and nothing": (({"a": entry("U8", [0, 2**62, 2**62], 0, 0)},), "a: shape: .* more than NumPy can hold"),
    "many dimensions": (({"a": entry("U8", [1] * 33, 0, 1)}, b"\0"), "a: shape: must be a list of at most 32"),
    "offsets": (({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0]}}, b"\0"), "a: data_offsets: must be two"),
    "offsets backwards": (({"a": entry("U8", [1], 1, 0)}, b"\0"), r"a: data_offsets: \[1, 0\] is no range"),
    "negative offset": (({"a": entry("U8", [1], -1, 0)}, b"\0"), "a: data_offsets: must be two sizes"),
    "beyond the file": (({"a": entry("F32", [3], 0, 12)}, EIGHT), r"a: data_offsets: \[0, 12\] is no range within 8"),
    "too few bytes": (({"a": entry("F32", [2], 0, 4)}, EIGHT), "a: data_offsets: 4 bytes, shape and dtype need 8"),
    "overlap": (
        ({"a": F2, "b": entry("F32", [1], 4, 8)}, EIGHT),
        r"b: data_offsets: \[4, 8\] overlaps the array before",
    ),
    "same range": (({"a": F2, "b": F2}, EIGHT), "b: data_offsets: .* overlaps"),
    "gap": (({"a": entry("U8", [1], 0, 1), "b": entry("U8", [1], 3, 4)}, b"\0" * 4), "b: .* leaves a gap of 2 bytes"),
    "gap in front": (({"a": entry("U8", [1], 1, 2)}, b"\0" * 2), "a: .* leaves a gap of 1 bytes"),
    "data left over": (({"a": F2}, EIGHT + b"\0"), "data: the arrays end at 8, the file's data at 9"),
    "data without arrays": (({}, b"\0"), "data: the arrays end at 0"),
    "truth of 2": (({"a": entry("BOOL", [2], 0, 2)}, b"\1\2"), "a: BOOL holds a byte that is neither"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_file_and_field(tmp_path, name):
    content, message = HOSTILE[name]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content) if isinstance(content, bytes) else write(path, *content)
    with pytest.raises(ValueError, match=message) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(f"load_checkpoint: {path}: ")


def test_arrays_may_stand_in_the_header_in_any_order(tmp_path):
    header = {"late": entry("U8", [1], 1, 2), "none": entry("F32", [0], 1, 1), "early": entry("U8", [1], 0, 1)}
    write(tmp_path / "file", header, b"\5\6")
    found = load_checkpoint(tmp_path / "file")
    assert list(found) == ["late", "none", "early"] and found["late"].tolist() == [6]


def test_every_truncation_is_refused(tmp_path):
    path = tmp_path / "file"
    save_checkpoint(path, {"a": np.ones(3, np.float32), "b": np.ones((2, 2))})
    raw = path.read_bytes()
    for size in range(len(raw)):
        path.write_bytes(raw[:size])
        with pytest.raises(ValueError, match="load_checkpoint"):
            load_checkpoint(path)


def valid_bytes():
    header = {"__metadata__": {"k": "v"}, "a": entry("F32", [2, 3], 0, 24), "b": entry("I16", [4], 24, 32)}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(range(32))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


@given(st.data())
def test_damaged_files_are_read_or_refused_but_nothing_else(scratch, data):
    raw = bytearray(valid_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert"])):
            case "set":
                raw[at] = data.draw(st.integers(0, 255))
            case "cut":
                del raw[at : at + data.draw(st.integers(1, 9))]
            case "insert":
                raw[at:at] = data.draw(st.binary(min_size=1, max_size=9))
        if not raw:
            break
    scratch.write_bytes(raw)
    try:
        found = load_checkpoint(scratch)
    except ValueError as error:
        assert str(error).startswith("load_checkpoint: ")
    else:
        assert sum(value.nbytes for value in found.values()) <= 2 * len(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
sizes = st.sampled_from([0, 1, 2, 3, 8, 2**31, 2**62, 2**64, -1])
entries = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "U8", "BF16", "BOOL", "F4"]) | json_values,
        "shape": st.lists(sizes, max_size=3) | json_values,
        "data_offsets": st.lists(sizes, max_size=3) | json_values,
    }
)


@given(st.dictionaries(st.text(max_size=3), entries | json_values, max_size=3), st.binary(max_size=16))
def test_invented_headers_are_read_or_refused_but_nothing_else(scratch, header, data):
    write(scratch, header, data)
    try:
        load_checkpoint(scratch)
    except ValueError as error:
        assert str(error).startswith("load_checkpoint: ")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none")


def test_a_pickle_is_not_executed(tmp_path):
    import pickle

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    (tmp_path / "file").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError):
        load_checkpoint(tmp_path / "file")
    assert not (tmp_path / "executed").exists()


# ---- atomic saves --------------------------------------------------------------------------------------
def test_a_save_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "file"
    save_checkpoint(path, {"a": np.ones(3)})
    path.chmod(0o640)
    save_checkpoint(path, {"a": np.zeros(3)})
    assert not load_checkpoint(path)["a"].any() and list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 or os.name == "nt"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"")
    try:
        (tmp_path / "link").symlink_to(tmp_path / "real")
    except OSError:
        pytest.skip("no links here")
    save_checkpoint(tmp_path / "link", {"a": np.ones(3)})
    assert (tmp_path / "link").is_symlink() and load_checkpoint(tmp_path / "real")["a"].all()


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, function):
    def fail(*args):
        raise OSError("disk full")

    path = tmp_path / "file"
    save_checkpoint(path, {"a": np.ones(3)})
    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"a": np.zeros(3)})
    monkeypatch.undo()
    assert load_checkpoint(path)["a"].all() and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_an_os_error(tmp_path):
    with pytest.raises(OSError):
        save_checkpoint(tmp_path / "none" / "file", {"a": np.ones(3)})
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        save_checkpoint(tmp_path / "folder", {"a": np.ones(3)})
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


SAVE_FOREVER = """
import sys, numpy as np
from fastnn.train import save_checkpoint
value = 0
while True:
    value += 1
    save_checkpoint(sys.argv[1], {"a": np.full(200_000, value, np.float64), "b": np.full(3, value)})
    print(value, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_saves_leave_a_complete_file(tmp_path):
    path = tmp_path / "file"
    rng = np.random.default_rng(0)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, path], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(float(rng.uniform(0, 0.03)))
            process.send_signal(signal.SIGKILL)
        found = load_checkpoint(path)
        assert (found["a"] == found["b"][0]).all()


def test_pickles_are_read_by_the_restricted_reader_alone():
    forbidden = {"pickle", "_pickle", "dill", "shelve", "marshal"}
    for path in Path(fastnn.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not (forbidden - ({"pickle"} if path.name == "_pth.py" else set())) & names, path
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
                assert node.attr in ("Unpickler", "UnpicklingError"), path  # the base of the restricted reader
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert options.get("allow_pickle") == "False", path
