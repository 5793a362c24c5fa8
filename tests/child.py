"""Work done in another process: a fork of this one, or a fresh interpreter."""

import os
import signal
import subprocess
import sys
import traceback
import warnings

import pytest

TIMEOUT = 120  # seconds


def forked(work, items=("",)):
    """Call `work` with each item in a forked child: a crash or an exception there is a failure here.

    The child prints each item before its turn: the last line of a failure's output names the culprit.
    """
    if not hasattr(os, "fork"):
        pytest.skip("needs os.fork")
    with warnings.catch_warnings():
        # Python 3.12 and later warn of forks beside threads; that they work is one of the things tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            for item in items:
                print(item, flush=True)
                work(item)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        pytest.fail(f"died of {name}: memory outside the arrays was touched")
    assert os.waitstatus_to_exitcode(status) == 0, "wrong result in the child"


def python(code, **environment):
    """(exit status, stdout, stderr) of `code` in a fresh interpreter; a variable given as None is unset."""
    changed = os.environ | {name: str(value) for name, value in environment.items() if value is not None}
    unset = [name for name, value in environment.items() if value is None]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={name: value for name, value in changed.items() if name not in unset},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    return done.returncode, done.stdout.strip(), done.stderr


def output_of(code, **environment):
    """What `code` prints in a fresh interpreter that must succeed."""
    status, out, err = python(code, **environment)
    assert status == 0, err
    return out
