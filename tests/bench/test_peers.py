"""A peer that is wrong, broken, hanging or absent is named, and never timed."""

from __future__ import annotations

import pytest
from bench_parts import NUMPY, SMALL, UP, benchmarks, part, peers

timing, processes = part("timing"), part("processes")

PEER = """
import os
import time
from {package}.peers import Job
from {package}.peers.numpy_ import Library as Right

def version():
    return "1"

class Library(Right):
    def conv(self, case):
        job = super().conv(case)
        {body}
"""
BODIES = {
    "wrong": "return Job(lambda: job.run() * 1.01, job.fetch)",
    "raises": "raise RuntimeError('no such layer')",
    "dies": "os._exit(3)",
    "hangs": "time.sleep(60)",
    "refuses": "raise NotImplementedError('no form of it')",
}


@pytest.fixture
def peer(tmp_path, monkeypatch):
    """Make a peer out of a body of `Library.conv`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(name: str):
        text = PEER.format(package=benchmarks.__name__, body=BODIES[name])
        (tmp_path / f"peer_{name}.py").write_text(text)
        return peers.Peer(name, f"peer_{name}")

    return make


def test_numpy_is_not_held_to_another_processor(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    env = processes.environment(3, isa="scalar")
    assert "OPENBLAS_CORETYPE" not in env
    assert (env["OPENBLAS_NUM_THREADS"], env["OMP_NUM_THREADS"], env["FASTNN_ISA"]) == ("3", "3", "scalar")
    pytest.importorskip("threadpoolctl")
    with processes.started([NUMPY], threads=1) as runners:
        assert "Prescott" not in (runners.blas or "")


def test_wrong_and_broken_peers_are_refused_and_the_others_timed(peer):
    field = [peer("wrong"), peer("raises"), peer("dies"), peer("refuses"), NUMPY]
    with processes.started(field, threads=1) as runners:
        row = timing.measure(runners, SMALL, rounds=2)
        again = timing.measure(runners, UP, rounds=1, only=["dies", "numpy"])
    assert again.peers["dies"].problem == row.peers["dies"].problem
    assert list(again.peers) == ["dies", "numpy"]
    problems = {name: result.problem for name, result in row.peers.items()}
    assert problems["wrong"].startswith("wrong: error")
    assert problems["raises"] == "failed: RuntimeError: no such layer"
    assert problems["dies"].startswith("failed: process ended with status 3")
    assert problems["refuses"] == "cannot: no form of it"
    assert problems["numpy"] is None
    assert len(row.peers["numpy"].samples) == 2
    assert not any(row.peers[name].samples for name in ("wrong", "raises", "dies", "refuses"))


def test_a_peer_that_hangs_is_ended(peer, monkeypatch):
    with processes.started([peer("hangs")], threads=1) as runners:
        monkeypatch.setattr(processes, "TIMEOUT", 0.5)
        row = timing.measure(runners, SMALL, rounds=1)
    assert row.peers["hangs"].problem == "failed: no answer within 0 s"


def test_absent_peers_are_named():
    absent = peers.Peer("absent", "no.such.module", requires=("no_such_module",))
    broken = peers.Peer("broken", "no_such_module")
    with processes.started([absent, broken], threads=1) as runners:
        assert not runners.workers
    assert runners.absent["absent"] == "missing (no module no_such_module)"
    assert runners.absent["broken"].startswith("failed to start: ModuleNotFoundError")
