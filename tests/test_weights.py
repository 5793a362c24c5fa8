"""`fastnn.load`: what PyTorch wrote, and files that were made or damaged to do harm."""

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

import fastnn
from fastnn import models, nn, train

MAGIC = 0x1950A86A20F9469CFC6C


def archive(path, program, parts=(), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("a/data.pkl", program)
        for name, data in parts:
            made.writestr(f"a/{name}", data)
    return path


def text(value):
    """As the instruction that pushes it."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def storage(key="0", count=4, kind="FloatStorage"):
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + number(count) + b"tQ"


def number(value):
    return b"I%d\n" % value


def tensor(size, stride, offset=0, **options):
    """A program that makes one tensor."""
    sizes = [b"(" + b"".join(map(number, each)) + b"t" for each in (size, stride)]
    made = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(**options) + number(offset) + sizes[0] + sizes[1]
    return b"\x80\x02" + made + b"I00\nccollections\nOrderedDict\n)RtR."


FOUR = [("data/0", np.arange(4, dtype="<f4").tobytes())]


def test_a_tensor_written_by_hand(tmp_path):
    found = fastnn.load(archive(tmp_path / "x", tensor((2, 2), (1, 2)), FOUR))
    np.testing.assert_array_equal(found, [[0, 2], [1, 3]])
    assert found.dtype == np.float32


class Harm:
    def __init__(self, function, *args):
        self.made = function, args

    def __reduce__(self):
        return self.made


HARM = {
    "posix.system|nt.system": Harm(os.system, "touch harm"),
    "builtins.eval": Harm(eval, "open('harm', 'w')"),
    "builtins.getattr": Harm(getattr, "text", "join"),
    "builtins.exec": {"layer.weight": [OrderedDict(a=(1, Harm(exec, "open('harm', 'w')")))]},
}


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", HARM)
def test_what_is_forbidden_is_named_and_not_run(name, protocol, serial, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = pickle.dumps(HARM[name], protocol, fix_imports=False)
    if serial:
        head = [pickle.dumps(value, 2) for value in (MAGIC, 1001, {"little_endian": True})]
        (tmp_path / "x").write_bytes(b"".join(head) + program)
    else:
        archive("x", program)
    with pytest.raises(ValueError, match=rf"x: refers to ({name}), which is not allowed"):
        fastnn.load("x")
    assert not os.path.exists("harm")


GLOBALS = {
    "dotted": (b"\x80\x04\x8c\x05torch\x8c\x0enn.Module.eval\x93.", "refers to torch.nn.Module.eval"),
    "dunder": (b"\x80\x02ctorch._utils\n__builtins__\n.", "refers to torch._utils.__builtins__"),
    "instance": (b"(ios\nsystem\n.", "refers to os.system"),
    "extension": (b"\x80\x02\x82\x01.", "EXT1"),
    "memo": (b"\x80\x02Nr\xff\xff\xff\x7f.", "remembers 2147483647 things"),
    "setting attributes": (b"\x80\x02ctorch\nFloatStorage\n}X\x04\x00\x00\x00nameX\x01\x00\x00\x00Osb.", "damaged"),
    "slots": (b"\x80\x02ctorch\nFloatStorage\n(N}X\x04\x00\x00\x00nameX\x01\x00\x00\x00Ostb.", "damaged"),
    "a function": (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n.", "holds a _Call"),
    "cycle": (b"\x80\x02]q\x00h\x00a.", "damaged: RecursionError"),
    "no storage": (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.", "no storage"),
    "truncated": (b"\x80\x02]q", "x: "),
    "out of bounds": (tensor((4,), (1,), offset=1), "reaches beyond the 4 elements"),
    "stride": (tensor((2, 2), (1, 3)), "reaches beyond the 4 elements"),
    "negative": (tensor((2,), (-1,), offset=3), r"stride \(-1,\)"),
    "negative offset": (tensor((2,), (1,), offset=-1), "offset -1"),
    "repeated": (tensor((1 << 40,), (0,)), "larger than its storage"),
    "huge": (tensor((1 << 61, 1 << 61), (1, 1)), "larger than its storage"),
    "too large a storage": (tensor((4,), (1,), count=1 << 40), "16 bytes, 1099511627776 elements need"),
    "no part": (tensor((4,), (1,), key="../7"), "has no part a/data/../7"),
    "object dtype": (tensor((4,), (1,), kind="ObjectStorage"), "refers to torch.ObjectStorage"),
}


@pytest.mark.parametrize("name", GLOBALS)
def test_programs_made_by_hand_are_refused(name, tmp_path):
    program, words = GLOBALS[name]
    with pytest.raises(ValueError, match=words):
        fastnn.load(archive(tmp_path / "x", program, FOUR))
    # Nothing that is shared was changed by it.
    assert fastnn.load(archive(tmp_path / "y", tensor((4,), (1,)), FOUR)).sum() == 6


def test_archives_that_would_grow_are_refused(tmp_path):
    bomb = archive(tmp_path / "x", tensor((4,), (1,)), [("data/0", bytes(1 << 24))], zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="is compressed"):
        fastnn.load(bomb)
    with zipfile.ZipFile(tmp_path / "z", "w") as made:
        made.writestr("other", "")
    with pytest.raises(ValueError, match=r"there must be one data\.pkl"):
        fastnn.load(tmp_path / "z")
    laughs = b"\x80\x02]q\x00" + b"".join(b"]q%c(h%ch%ce" % (i, i - 1, i - 1) for i in range(1, 60)) + b"."
    assert len(fastnn.load(archive(tmp_path / "l", laughs))) == 2


def test_safetensors_are_read_too(tmp_path):
    model = models.lenet()
    train.save_checkpoint(tmp_path / "m.safetensors", model)
    other = models.lenet()
    other.load_state_dict(fastnn.load(tmp_path / "m.safetensors"))
    assert all((other.state_dict()[name] == value).all() for name, value in model.state_dict().items())
    with pytest.raises(FileNotFoundError):
        fastnn.load(tmp_path / "nothing")


@pytest.mark.parametrize("form", ["zip", "serial"])
def test_what_pytorch_saves(form, tmp_path):
    torch = pytest.importorskip("torch")
    base = torch.arange(12.0).reshape(3, 4)
    kinds = ["float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    state = {kind: torch.tensor([0, 1, 3]).to(getattr(torch, kind)) for kind in kinds}
    state |= {"t": base.t(), "row": base[1, 1:], "one": torch.tensor(3.5), "none": torch.zeros(0, 2)}
    state |= {"parameter": torch.nn.Parameter(base), "epoch": [3, (None, "x")]}
    state |= {"net": torch.nn.BatchNorm2d(3).state_dict()}
    torch.save(state, tmp_path / "x", _use_new_zipfile_serialization=form == "zip")
    found = fastnn.load(tmp_path / "x")
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            wanted = value.detach()
            wanted = wanted.float() if value.dtype in (torch.float16, torch.bfloat16) else wanted
            np.testing.assert_array_equal(found[name], wanted.numpy(), strict=True)
    assert found["epoch"] == [3, (None, "x")] and list(found["net"]) == list(state["net"])
    nn.BatchNorm2d(3).load_state_dict(found["net"])


@pytest.mark.parametrize("form", ["zip", "serial"])
def test_damaged_files_are_errors_and_never_anything_else(form, tmp_path):
    torch = pytest.importorskip("torch")
    whole = io.BytesIO()
    state = torch.nn.Linear(3, 2).state_dict()
    torch.save(state, whole, _use_new_zipfile_serialization=form == "zip")
    data, rng, path = whole.getvalue(), np.random.default_rng(0), tmp_path / "x"
    for i in range(300):
        damaged = bytearray(data)
        if i % 3 == 0:
            damaged = damaged[: rng.integers(len(data))]
        else:
            for at in rng.integers(0, len(data), 1 + i % 4):
                damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            found = fastnn.load(path)
        except ValueError as error:
            assert "x: " in str(error)
        else:
            assert isinstance(found, (dict, list, tuple, str, int, float, np.ndarray, type(None)))
