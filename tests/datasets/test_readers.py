"""Readers of data sets: right files are read, wrong ones are a clear error."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pytest
from real_data import real_data

from fastnn import datasets, train


def idx(array, code=8):
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype, code", [("u1", 8), ("i1", 9), ("i2", 11), ("i4", 12), ("f4", 13), ("f8", 14)])
def test_idx(tmp_path, dtype, code, packed):
    wanted = np.arange(24).reshape(2, 3, 4).astype(dtype)
    content = idx(wanted, code)
    (tmp_path / "file").write_bytes(gzip.compress(content) if packed else content)
    found = datasets.read_idx(tmp_path / "file")
    assert found.dtype == np.dtype(dtype) and (found == wanted).all()


GOOD = idx(np.arange(6, dtype=np.uint8))
HUGE = bytes([0, 0, 14, 4]) + b"\xff" * 16


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "begins with nothing"),
        (b"\x89PNG1234", "begins with 89504e47"),
        (bytes([0, 0, 7, 1, 0, 0, 0, 0]), "no idx file"),
        (GOOD[:6], "header ends"),
        (GOOD[:-1], "5 follow"),
        (GOOD + b"x", "more follow"),
        (HUGE + b"x" * 64, "64 follow"),
        (gzip.compress(HUGE + b"x" * 64), "64 follow"),
        (gzip.compress(GOOD)[:-9], "file"),
        (bytes([0, 0, 8, 40]) + struct.pack(">40I", *[1] * 40) + b"x", "more than 32"),
    ],
)
def test_hostile_idx_files(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s)read_idx: .*file.*{message}"):
        datasets.read_idx(tmp_path / "file")


def test_mnist_files(tmp_path):
    images, labels = np.arange(2 * 28 * 28).reshape(2, 28, 28).astype(np.uint8), np.array([3, 1], np.uint8)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    split = datasets.load_mnist(tmp_path)
    assert (split.x_test == images).all() and split.y_train.tolist() == [3, 1]
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(images[:1]))
    with pytest.raises(ValueError, match="do not belong together"):
        datasets.load_mnist(tmp_path)
    with pytest.raises(FileNotFoundError):
        datasets.load_mnist(tmp_path / "nowhere")


def npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def test_npz(tmp_path):
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "scalar": np.array(3),
        "none": np.zeros((0, 4), np.float32),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "set.npz", **arrays)
        found = datasets.load_npz(tmp_path / "set.npz")
        assert list(found) == list(arrays)
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
            found[name][...] = 1  # one's own, to be changed


@pytest.mark.parametrize(
    "content, message",
    [
        (npy(np.zeros(3))[:-1], "needs 24 bytes, 23 follow"),
        (npy(np.zeros(3)).replace(b"(3,)", b"(9999999999999,)".ljust(4))[:200], "follow|header"),
        (b"no array", "magic"),
    ],
)
def test_hostile_npz_files(tmp_path, content, message):
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(ValueError, match=f"load_npz: .*x.npy: .*({message})"):
        datasets.load_npz(tmp_path / "set.npz")


def test_npz_with_objects_is_refused(tmp_path):
    np.savez(tmp_path / "set.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="x.npy: holds Python objects"):
        datasets.load_npz(tmp_path / "set.npz")
    (tmp_path / "set.npz").write_bytes(b"PK no archive")
    with pytest.raises(ValueError, match="load_npz: .*archive"):
        datasets.load_npz(tmp_path / "set.npz")


@pytest.fixture
def pictures(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    for label, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        (tmp_path / label).mkdir()
        for i in range(2):
            image.new("RGB", (8, 6), colour).save(tmp_path / label / f"{i}.png")
    (tmp_path / "red" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_image_folders(pictures):
    images = datasets.ImageFolder(pictures)
    assert images.classes == ["blue", "red"] and images.labels.tolist() == [0, 0, 1, 1] and len(images) == 4
    assert images[:].shape == (4, 3, 6, 8) and images[3][:, 0, 0].tolist() == [255, 0, 0]
    resized = datasets.ImageFolder(pictures, size=(4, 5), mode="L")
    assert resized[[0, 2]].shape == (2, 1, 4, 5)
    for x, y in train.DataLoader(images, images.labels, batch_size=3, shuffle=True):
        assert (x[:, 0, 0, 0] == 255 * y).all()


def test_image_folders_that_are_wrong(pictures):
    with pytest.raises(ValueError, match="no sub-folders"):
        datasets.ImageFolder(pictures / "red")
    (pictures / "blue" / "0.png").write_bytes((pictures / "red" / "0.png").read_bytes()[:40])
    with pytest.raises(ValueError, match=r"blue.0\.png"):
        datasets.ImageFolder(pictures)[0]
    from PIL import Image

    Image.new("L", (3, 3)).save(pictures / "red" / "1.png")
    with pytest.raises(ValueError, match="one size"):
        datasets.ImageFolder(pictures)[2:]


def test_real_mnist():
    mnist = datasets.load_npz(real_data("mnist.npz"))
    assert mnist["x_train"].shape == (60000, 28, 28) and mnist["x_train"].dtype == np.uint8
    mean, std = train.channel_stats(mnist["x_train"][:, None])
    assert abs(mean[0] / 255 - 0.1307) < 1e-4 and abs(std[0] / 255 - 0.3081) < 1e-4
