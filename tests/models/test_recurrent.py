"""The language model and the classifier of sequences: lengths, carried state, sampling."""

from itertools import islice

import numpy as np
import pytest
import tolerance

from fastnn import models, nn, train
from fastnn.autograd import cross_entropy, no_grad
from fastnn.models.recurrent import choose, detach_state

PERIOD = np.array([0, 1, 2, 3, 2, 1])


def periodic(steps, batch=6):
    """A wave that each sequence of the batch enters at another place: [steps + 1, batch]."""
    return PERIOD[(np.arange(steps + 1)[:, None] + np.arange(batch)) % len(PERIOD)]


@pytest.fixture(scope="module")
def trained():
    """A model that knows the wave from sequences of 12."""
    nn.init.manual_seed(0)
    model, codes = models.CharLSTM(4, 24, num_layers=1), periodic(12)
    optimiser = train.SGD(model.parameters(), lr=1.0)
    for _ in range(150):
        optimiser.zero_grad()
        logits, _ = model(codes[:-1])
        cross_entropy(logits.reshape((-1, 4)), codes[1:].ravel()).backward()
        optimiser.step()
    return model.eval()


def test_a_model_trained_on_short_sequences_runs_on_ones_ten_times_longer(trained):
    codes = periodic(120)
    with no_grad():
        logits, _ = trained(codes[:-1])
    right = logits.numpy().argmax(-1) == codes[1:]
    assert right[2:].all()  # after two symbols the wave's direction is known


def test_state_carried_over_gives_what_one_long_call_gives(trained):
    codes = periodic(40)[:-1]
    with no_grad():
        whole, _ = trained(codes)
        first, state = trained(codes[:15])
        second, _ = trained(codes[15:], detach_state(state))
    tolerance.assert_close(np.concatenate([first.numpy(), second.numpy()]), whole.numpy(), "rnn", 24)


def test_samples_follow_the_model_and_the_seed(trained):
    start = PERIOD[:4]
    expected = PERIOD[np.arange(4, 64) % len(PERIOD)]
    np.testing.assert_array_equal(trained.sample(start, 60, temperature=0), expected)
    np.testing.assert_array_equal(trained.sample(start, 60, top_k=1), expected)
    hot = trained.sample(start, 60, temperature=5.0, seed=1)
    np.testing.assert_array_equal(hot, trained.sample(start, 60, temperature=5.0, seed=1))
    assert (hot != expected).any() and list(islice(trained.stream(start, temperature=5.0, seed=1), 60)) == list(hot)
    assert trained.sample(start, 0).shape == (0,)


def test_draws_have_the_probabilities_of_the_softmax():
    logits, rng = np.log(np.array([0.1, 0.2, 0.3, 0.4], np.float32)), np.random.default_rng(0)
    counts = np.bincount([choose(logits, 1.0, None, rng) for _ in range(4000)], minlength=4)
    np.testing.assert_allclose(counts / 4000, [0.1, 0.2, 0.3, 0.4], atol=0.03)
    among = np.bincount([choose(logits, 1.0, 2, rng) for _ in range(4000)], minlength=4)
    np.testing.assert_allclose(among / 4000, [0, 0, 3 / 7, 4 / 7], atol=0.03)


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"start": []}, TypeError, "symbols must be integers"),
        ({"start": np.zeros(0, int)}, ValueError, "start must be a sequence"),
        ({"start": [4]}, ValueError, r"0\.\.3, found 4\.\.4"),
        ({"start": [1], "temperature": -1}, ValueError, "temperature must not be negative"),
        ({"start": [1], "temperature": float("nan")}, ValueError, "temperature"),
        ({"start": [1], "top_k": 0}, ValueError, "top_k must be positive"),
    ],
)
def test_wrong_arguments_of_sampling(trained, options, error, words):
    with pytest.raises(error, match=words):
        trained.stream(**options)


def test_what_lies_beyond_a_sequence_does_not_count():
    nn.init.manual_seed(0)
    model = models.SequenceClassifier(9, 3, 8, bidirectional=True).eval()
    codes = np.random.default_rng(0).integers(0, 9, (7, 2))
    other = codes.copy()
    other[4:, 1] = 0
    with no_grad():
        one, two = (model(c, np.array([7, 4])).numpy() for c in (codes, other))
        alone = model(codes[:4, 1:]).numpy()
    tolerance.assert_same(one, two)
    tolerance.assert_close(one[1:], alone, "rnn", 8)
