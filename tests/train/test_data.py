"""Batches: order, resuming, threads that come and go, what is refused."""

import signal
import threading
import time

import child
import numpy as np
import pytest

from fastnn import train

X, Y = np.arange(23 * 2).reshape(23, 2), np.arange(23)


def jitter(x, generator):
    return x + generator.random(x.shape)


def passes(loader, n):
    return [[(x.copy(), y.copy()) for x, y in loader] for _ in range(n)]


def same(a, b):
    return len(a) == len(b) and all(
        (p == q).all() for one, two in zip(a, b, strict=True) for p, q in zip(one, two, strict=True)
    )


def prefetch_threads():
    return [t for t in threading.enumerate() if t.name == "fastnn-prefetch"]


def test_every_row_comes_once_in_an_order_of_its_own():
    loader = train.DataLoader(X, Y, batch_size=5, shuffle=True, seed=3)
    first, second = passes(loader, 2)
    for epoch in (first, second):
        assert len(epoch) == len(loader) == 5 and [len(y) for _, y in epoch] == [5, 5, 5, 5, 3]
        assert sorted(np.concatenate([y for _, y in epoch])) == list(range(23))
        assert all((x == X[y]).all() for x, y in epoch)
    assert not same(first, second)


def test_prefetching_changes_no_bit():
    def make(depth):
        return train.DataLoader(X, Y, batch_size=4, shuffle=True, seed=1, transform=jitter, prefetch=depth)

    wanted = passes(make(0), 3)
    for depth in (1, 2, 9):
        assert all(same(a, b) for a, b in zip(passes(make(depth), 3), wanted, strict=True))


@pytest.mark.parametrize("taken", [0, 2, 6])
def test_a_resumed_loader_gives_the_batches_that_were_left(taken):
    def make():
        return train.DataLoader(X, Y, batch_size=4, shuffle=True, seed=1, transform=jitter)

    wanted = passes(make(), 3)
    loader = make()
    passes(loader, 1)
    running = iter(loader)
    for _ in range(taken):
        next(running)
    state = loader.state_dict()
    other = train.DataLoader(X, Y, batch_size=4, shuffle=True, seed=99, transform=jitter, prefetch=0)
    other.load_state_dict(state)
    found = passes(other, 2 if taken < 6 else 1)
    assert same(found[0], (wanted[1][taken:] if taken < 6 else wanted[2]))
    assert taken == 6 or same(found[1], wanted[2])


def test_a_pass_left_early_is_followed_by_another_epoch_and_leaves_no_thread():
    loader = train.DataLoader(X, Y, batch_size=4, shuffle=True, seed=1)
    wanted = passes(train.DataLoader(X, Y, batch_size=4, shuffle=True, seed=1), 2)
    for _ in loader:
        break
    assert not prefetch_threads()
    assert same(passes(loader, 1)[0], wanted[1])


def test_what_a_transform_raises_arrives_in_order():
    def fails(x, generator):
        if 8 in x:
            raise KeyError("eight")
        return x

    seen = []
    with pytest.raises(KeyError, match="eight"):
        for x in train.DataLoader(np.arange(20), batch_size=4, transform=fails, prefetch=3):
            seen.append(int(x[0]))
    assert seen == [0, 4] and not prefetch_threads()


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="sends a signal to a thread")
def test_ctrl_c_leaves_no_thread():
    def slow(x, generator):
        time.sleep(0.05)
        return x

    main = threading.main_thread().ident
    timer = threading.Timer(0.08, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in train.DataLoader(np.arange(400), batch_size=1, transform=slow):
            pass
    timer.join()
    assert not prefetch_threads()


def test_a_fork_makes_batches_of_its_own_and_refuses_the_old_ones():
    loader = train.DataLoader(X, Y, batch_size=4)
    running = iter(loader)
    next(running)

    def work(_):
        assert len(list(loader)) == 6
        with pytest.raises(RuntimeError, match="fork"):
            next(running)

    child.forked(work)
    assert len(list(running)) == 5


def test_a_process_ends_while_batches_wait():
    code = "from fastnn import train; b = iter(train.DataLoader(list(range(99)), batch_size=1)); print(next(b))"
    assert child.output_of(code) == "[0]"


def test_sequences_of_unequal_lengths():
    words = [np.arange(n) for n in (3, 1, 2)]
    (padded, lengths), labels = next(
        iter(train.DataLoader(words, [7, 8, 9], batch_size=3, collate=train.pad_sequence))
    )
    assert padded.T.tolist() == [[0, 1, 2], [0, 0, 0], [0, 1, 0]]
    assert lengths.tolist() == [3, 1, 2] and labels.tolist() == [7, 8, 9]


def test_a_stream_of_tokens_is_cut_without_loss():
    stream = train.TokenStream(np.arange(100), batch_size=3, length=7)
    pieces = list(stream)
    inputs, targets = (np.concatenate(part) for part in zip(*pieces, strict=True))
    assert len(pieces) == len(stream) == 5 and inputs.shape == (33, 3)
    assert (inputs.T.reshape(-1) == np.arange(99)).all() and (targets == inputs + 1).all()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: train.DataLoader(X[:0]), "empty"),
        (lambda: train.DataLoader(X, Y[:9]), "23 inputs and 9 targets"),
        (lambda: train.DataLoader(X, batch_size=0), "batch_size must be positive"),
        (lambda: train.DataLoader(X, batch_size=24, drop_last=True), "no batch of 24 in a set of 23"),
        (lambda: train.DataLoader([np.zeros(2), np.zeros(3)]), "collate"),
        (lambda: train.DataLoader(X).load_state_dict({"seed": 0, "epoch": 0, "batch": 1}), "batch 1"),
        (lambda: train.DataLoader(X).load_state_dict({"epoch": 0}), "seed, epoch and batch"),
        (lambda: train.pad_sequence([]), "at least one"),
        (lambda: train.pad_sequence([np.zeros((2, 3)), np.zeros((2, 4))]), "first dimension"),
        (lambda: train.TokenStream(np.arange(4), batch_size=4, length=2), "4 lanes"),
        (lambda: train.prefetch([], -1), "negative"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_batch_larger_than_the_set_is_the_set():
    assert [len(x) for x in train.DataLoader(X, batch_size=100)] == [23]
