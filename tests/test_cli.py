"""The command line: the demonstration from training to the table, other data, and wrong input in one line."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import _demo, _demo_data, _demo_kernels, cli
from fastnn.train import load_checkpoint, save_checkpoint

ROOT = Path(fastnn.__file__).parents[1]


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """An empty current folder, from which a child finds the same package; little time for measuring."""
    monkeypatch.chdir(tmp_path)
    found = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), found])))
    monkeypatch.setattr(_demo_kernels, "_BUDGET", 0.001)


def images(shape, n_train=60, n_test=20, classes=3, dtype=np.uint8):
    """Images whose brightness tells their class, as the arrays of an .npz file."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", n_train), ("test", n_test)):
        y = np.arange(n) % classes
        bright = 60 * y.reshape(n, *[1] * len(shape))
        arrays |= {f"x_{part}": (rng.integers(0, 60, (n, *shape)) + bright).astype(dtype), f"y_{part}": y}
    return arrays


GOOD = images((8, 8))


@pytest.fixture
def saved():
    """A file as the demo saves it for the digits, without the training."""
    data = _demo_data.load(None)
    model = _demo.network(1, 8, 8, 10)
    _demo._save("saved", model, data, _demo_data.Scaling.of(data.x_train))
    return "saved"


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "fastnn", *arguments], capture_output=True, text=True, timeout=120)


# ---- the demonstration ---------------------------------------------------------------------------------
def test_the_demo_learns_the_digits_in_time_and_a_new_process_knows_them(capfd):
    started = time.perf_counter()
    assert cli.main(["demo"]) == 0
    assert time.perf_counter() - started < 30
    out, err = capfd.readouterr()
    assert err == ""  # no progress bar where there is no terminal
    accuracy = float(out.split("held-out accuracy ")[1].split("%")[0])
    assert accuracy >= 98
    assert out.count("\nepoch ") == 8 and out.count("this is ") == _demo.EXAMPLES
    assert Path(_demo.WEIGHTS).is_file() and "conv2 grad input" in out and "speed-up" in out


def test_json_is_all_that_is_printed(capfd):
    assert cli.main(["demo", "--epochs", "1", "--json", "--save", "w", "--seed", "7"]) == 0
    out, err = capfd.readouterr()
    found = json.loads(out)
    assert err == "" and found["epochs"] == 1 and len(found["history"]["loss"]) == 1
    assert found["weights"] == "w" and len(found["examples"]) == 5 and found["held_out"]["accuracy"] > 0.7
    assert all(row["fastnn_ms"] > 0 and row["numpy_ms"] > 0 for row in found["kernels"])


@pytest.mark.parametrize("shape", [(13, 7), (8, 8, 3), (4, 9, 10)])
def test_other_images_work(shape, capfd):
    np.savez("images.npz", **images(shape))
    assert cli.main(["demo", "--data", "images.npz", "--epochs", "6", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["held_out"]["accuracy"] > 0.9


def test_floats_and_many_classes_work(capfd):
    np.savez("images.npz", **images((6, 6), 130, 26, classes=13, dtype=np.float64))
    assert cli.main(["demo", "--data", "images.npz", "--epochs", "1"]) == 0
    assert "13 classes" in capfd.readouterr().out


def test_examples_are_those_of_the_saved_network(capfd):
    np.savez("images.npz", **images((8, 8)))
    cli.main(["demo", "--data", "images.npz", "--epochs", "6", "--json"])
    examples = json.loads(capfd.readouterr().out)["examples"]
    assert cli.main(["classify", "--weights", _demo.WEIGHTS, "--data", "images.npz", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == examples
    assert all(example["says"] == example["is"] for example in examples)


@pytest.mark.parametrize("moment", ["training", "saving"])
def test_an_interrupt_is_one_line(moment, monkeypatch, capfd):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    if moment == "training":
        monkeypatch.setattr(fastnn.train.SGD, "step", interrupt)
    else:
        monkeypatch.setattr(_demo, "_save", interrupt)
    np.savez("images.npz", **GOOD)
    assert cli.main(["demo", "--data", "images.npz", "--epochs", "1"]) == 130
    err = capfd.readouterr().err
    assert "interrupted" in err and err.count("\n") == 1 and not Path(_demo.WEIGHTS).exists()


def test_a_wrong_kernel_would_be_noticed(monkeypatch, capfd):
    relu = _demo_kernels.ops.relu
    monkeypatch.setattr(_demo_kernels.ops, "relu", lambda x: _demo_kernels.ops.blocked(relu(x).numpy() + 0.1))
    with pytest.raises(RuntimeError, match="relu1: differs from the reference"):
        _demo_kernels.measure(1, 8, 8, 10, 4)


# ---- wrong input ---------------------------------------------------------------------------------------
BAD = {
    "missing": ({"x_train": GOOD["x_train"]}, "no array y_train, x_test, y_test; there are x_train"),
    "flat": (GOOD | {"x_train": GOOD["x_train"][:, 0, 0]}, r"x_train has shape \(60,\)"),
    "objects": (GOOD | {"x_train": np.array([{}, {}], object)}, "x_train is no plain array"),
    "text": (GOOD | {"x_train": np.array([["a"]])}, "images must be numbers"),
    "label floats": (GOOD | {"y_train": GOOD["y_train"] * 1.0}, "labels must be integers"),
    "label negative": (GOOD | {"y_test": GOOD["y_test"] - 1}, "y_test has label -1"),
    "label unknown": (GOOD | {"y_test": GOOD["y_test"] + 7}, "y_test has label 9, y_train only up to 2"),
    "label huge": (GOOD | {"y_train": GOOD["y_train"] * 10**12}, "labels up to 2000000000000"),
    "label unsigned": (GOOD | {"y_train": GOOD["y_train"].astype("u8") + 2**63}, "y_train has label"),
    "one class": (GOOD | {"y_train": GOOD["y_train"] * 0, "y_test": GOOD["y_test"] * 0}, "labels up to 0"),
    "too few labels": (GOOD | {"y_test": GOOD["y_test"][:3]}, r"y_test has shape \(3,\), \(20,\) is needed"),
    "NaN": (GOOD | {"x_test": GOOD["x_test"] * np.nan}, "x_test holds NaN"),
    "no images": (GOOD | {"x_train": GOOD["x_train"][:0], "y_train": GOOD["y_train"][:0]}, "at least one image"),
    "tiny images": (GOOD | {"x_train": GOOD["x_train"][:, :3]}, "at least one image of 4x4"),
    "other size": (GOOD | {"x_test": GOOD["x_test"][:, :7]}, r"x_train has images of \(1, 8, 8\), x_test of \(1, 7"),
}


def fails(arguments, capfd, status=2):
    """The one line on stderr of a command that must fail."""
    assert cli.main(arguments) == status
    err = capfd.readouterr().err
    assert err.startswith("fastnn: ") and err.count("\n") == 1 and "Traceback" not in err
    return err


@pytest.mark.parametrize("name", BAD)
def test_bad_arrays_are_named_in_one_line(name, capfd):
    arrays, message = BAD[name]
    np.savez("bad.npz", **arrays)
    assert re.search(f"bad.npz: .*{message}", fails(["demo", "--data", "bad.npz"], capfd))


def test_damaged_files_are_named_in_one_line(capfd):
    np.savez("good.npz", **GOOD)
    raw = Path("good.npz").read_bytes()
    flipped = bytearray(raw)
    flipped[300] ^= 255
    for content in (b"", b"hello", raw[: len(raw) // 2], flipped, b"PK\3\4" + raw[4:90]):
        Path("bad.npz").write_bytes(content)
        assert "bad.npz: " in fails(["demo", "--data", "bad.npz"], capfd)
    np.save("array.npy", GOOD["x_train"])
    assert "array.npy: one array, not an .npz" in fails(["demo", "--data", "array.npy"], capfd)
    assert "none.npz: No such file" in fails(["demo", "--data", "none.npz"], capfd)
    assert "directory" in fails(["demo", "--data", "."], capfd)


@pytest.mark.parametrize("target", [".", "none/file"])
def test_a_place_that_cannot_be_written_is_named_before_the_training(target, capfd, monkeypatch):
    monkeypatch.setattr(_demo, "_train", lambda *args: pytest.fail("trained first"))
    assert f"cannot write {target}" in fails(["demo", "--save", target], capfd)


def test_weights_that_do_not_fit_are_named(saved, capfd):
    assert "none: No such file" in fails(["classify", "--weights", "none"], capfd)
    save_checkpoint("other", {"a": np.ones(3)})
    assert "other: not a file that fastnn demo has saved" in fails(["classify", "--weights", "other"], capfd)
    Path("cut").write_bytes(Path("other").read_bytes()[:-1])
    assert "cut: " in fails(["classify", "--weights", "cut"], capfd)
    np.savez("images.npz", **images((9, 9)))
    message = fails(["classify", "--weights", saved, "--data", "images.npz"], capfd)
    assert "images are (1, 9, 9), the network in saved takes (1, 8, 8)" in message


@pytest.mark.parametrize(
    "change",
    [
        {"height": 10**9},
        {"channels": 2},
        {"classes": -1},
        {"width": "8"},
        {"mean": [1.0, 2.0]},
        {"mean": ["x"]},
        {"deviation": None},
        {"classes": 10.0},
    ],
    ids=str,
)
def test_a_forged_description_is_refused(change, saved, capfd):
    checkpoint = load_checkpoint(saved)
    about = json.loads(checkpoint.metadata["fastnn demo"]) | change
    save_checkpoint("forged", checkpoint, {"fastnn demo": json.dumps(about)})
    assert "forged: " in fails(["classify", "--weights", "forged"], capfd)


@pytest.mark.parametrize(
    "arguments", [[], ["nothing"], ["demo", "--epochs", "0"], ["demo", "--epochs", "x"], ["info", "x"]]
)
def test_wrong_arguments_end_with_status_2(arguments, capfd):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2 and "usage: fastnn" in capfd.readouterr().err


def test_other_failures_are_one_line_too(monkeypatch, capfd):
    monkeypatch.setattr(_demo, "_train", lambda *args: (_ for _ in ()).throw(FloatingPointError("the loss is nan")))
    assert "the loss is nan" in fails(["demo"], capfd, status=1)


# ---- the other commands --------------------------------------------------------------------------------
def test_info(capfd):
    assert cli.main(["info"]) == 0
    text = capfd.readouterr().out
    assert fastnn.__version__ in text and fastnn.cpu.active() in text
    assert cli.main(["info", "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert facts["isa"] in facts["isas"] and facts["fastnn"] == fastnn.__version__
    assert Path(facts["include"], "fastnn.h").is_file()


def test_the_module_is_the_command():
    done = run("--version")
    assert done.returncode == 0 and done.stdout == f"fastnn {fastnn.__version__}\n"
    done = run("demo", "--data", "none.npz")
    assert done.returncode == 2 and done.stderr == "fastnn: none.npz: No such file or directory\n"


@pytest.mark.skipif(os.name == "nt", reason="needs pipes of Unix")
def test_a_reader_that_goes_away_is_no_traceback():
    with subprocess.Popen(
        [sys.executable, "-m", "fastnn", "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert b"Traceback" not in err


def test_bench_hands_over_to_the_benchmarks(capfd):
    with pytest.raises(SystemExit) as caught:
        cli.main(["bench", "--help"])
    assert caught.value.code == 0 and "conv" in capfd.readouterr().out


def test_bench_says_where_there_are_no_benchmarks(monkeypatch, capfd):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(fastnn, "__file__", str(Path("somewhere", "fastnn", "__init__.py").resolve()))
    assert "the benchmarks are not installed" in fails(["bench", "conv"], capfd, status=1)


# ---- its parts -----------------------------------------------------------------------------------------
def test_images_are_scaled_to_mean_0_and_deviation_1():
    x = images((3, 8, 8))["x_train"]
    scaled = _demo_data.Scaling.of(x).apply(x)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std((0, 2, 3)), 1, rtol=1e-5)
    flat = np.full((2, 1, 4, 4), 7, np.uint8)
    assert not _demo_data.Scaling.of(flat).apply(flat).any()


def test_small_sets_get_shifted_copies():
    x = np.zeros((2, 1, 4, 4), np.uint8)
    x[:, 0, 1, 2] = 9
    more, labels = _demo_data.training_set(x, np.array([0, 1]))
    places = {tuple(np.argwhere(image[0])[0].tolist()) for image in more}
    assert more.shape == (10, 1, 4, 4) and labels.tolist() == [0, 1] * 5
    assert places == {(1, 2), (2, 2), (0, 2), (1, 3), (1, 1)}
    large = np.zeros((_demo_data._FEW_IMAGES, 1, 4, 4), np.uint8)
    assert _demo_data.training_set(large, np.zeros(len(large)))[0] is large


def test_drawings():
    image = np.array([[[0, 16], [8, 16], [0, 0]]], np.uint8)
    lines = _demo_data.draw(image)
    assert lines == ["  @@", lines[1], "    "] and lines[1][0] not in " @"
    assert len(_demo_data.draw(np.zeros((3, 100, 40), np.uint8))) <= 16
    blocks = [["ab", "cd"], ["ef", "gh"], ["ij", "kl"]]
    assert _demo_data.side_by_side(blocks, 9) == "ab  ef\ncd  gh\nij\nkl"
