"""The exact precision against float32: its bound, its choices, and where it needs all logits."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from lmgen.checkpoint.folder import open_folder
from lmgen.checkpoint.manifest import Manifest
from lmgen.checkpoint.shape import Shape
from lmgen.checkpoint.writer import write_model
from lmgen.engines.exact import Int8Screen
from lmgen.engines.litert_files import beside
from lmgen.export.litert import convert
from lmgen.export.quantise import error_norms, quantised
from lmgen.generation.draw import Nucleus, choose_below
from lmgen.generation.events import Word
from lmgen.generation.generate import generate_all, generate_from
from lmgen.generation.options import Generation
from lmgen.generation.samplers import top_p
from lmgen.generation.sampling import Sampling, reach
from lmgen.model import Reach, follow, read
from lmgen.softmax import probabilities
from lmgen.text.vocabulary import Vocabulary

from conftest import load, random_weights

SHAPE = Shape(filters=(2, 2, 2, 2, 4, 4, 8, 8), projection=64, cells=24, rows=4096)
SIZE = SHAPE.projection


def gaussian(rng):
    return rng.normal(size=(1024, SIZE)) * rng.uniform(0.1, 3, (1024, 1))


def heavy_tailed(rng):
    return np.clip(rng.standard_t(1.5, size=(1024, SIZE)), -1e4, 1e4)


def one_large_number(rng):
    rows = rng.normal(size=(512, SIZE)) * 1e-2
    rows[np.arange(512), rng.integers(0, SIZE, 512)] = rng.uniform(10, 1000, 512)
    return rows


def worst_rounded(rng):
    """All numbers but one lie in the middle of two that int8 can keep."""
    rows = (rng.integers(-127, 127, (512, SIZE)) + 0.5) / 127
    rows[:, 0] = 1
    return rows * rng.choice([1e-6, 1, 1e3], (512, 1))


def alike(rng):
    """Zeros, equal numbers, and numbers that differ in their last bit."""
    rows = np.repeat(rng.normal(size=(1024, 1)), SIZE, 1)
    rows[:16] = 0
    return rows * (1 + 2.0**-23 * rng.integers(0, 3, rows.shape))


@pytest.fixture(scope="module")
def softmax():
    rng = np.random.default_rng(0)
    rows = np.concatenate([make(rng) for make in (gaussian, heavy_tailed, one_large_number, worst_rounded, alike)])
    return rng.permutation(rows.astype(np.float32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, softmax):
    """A model with such a softmax, in two precisions."""
    words = ["</S>", "<S>", "<UNK>", *(f"word{number}" for number in range(4088))]
    folder, weights = tmp_path_factory.mktemp("exact"), random_weights(SHAPE)
    weights |= {"softmax/W": softmax}
    write_model(folder, Manifest("x", "Random.", "CC0-1.0", SHAPE, len(words)), Vocabulary(words), weights, 1)
    files = open_folder(folder)
    for precision in ("exact", "float32"):
        list(convert(files, beside(files, precision), precision))
    return folder


@pytest.fixture(scope="module")
def exact(folder):
    return load(str(folder), "litert", precision="exact")


@pytest.fixture(scope="module")
def float32(folder):
    return load(str(folder), "litert")


@pytest.fixture(scope="module")
def hidden(softmax):
    """Outputs of the top layer: ordinary, heavy-tailed, lopsided, and along the errors of rows."""
    rng = np.random.default_rng(1)
    values, scales = quantised(softmax)
    errors = (softmax - values * scales[:, None].astype(np.float64))[rng.integers(0, 4096, 128)]
    kinds = (
        rng.normal(size=(64, SIZE)),
        rng.standard_t(1.5, size=(64, SIZE)) * 10,
        rng.uniform(0, 1, (32, SIZE)),
        np.eye(SIZE)[:16] * 3,
        np.zeros((1, SIZE)),
        errors / np.linalg.norm(errors, axis=1, keepdims=True).clip(1e-30) * rng.uniform(0.1, 10, (128, 1)),
    )
    return np.concatenate(kinds).astype(np.float32)


def test_no_logit_of_a_million_is_farther_from_float32_than_the_bound(exact, float32, softmax, hidden):
    everything = np.arange(len(softmax))
    near, sums = exact.near(hidden), float32.logits_of(hidden)
    real = hidden.astype(np.float64) @ softmax.T.astype(np.float64) + exact.far(everything, np.zeros(SIZE, np.float32))
    bounds = np.stack([margins.of(everything, row) for margins, row in zip(exact.margins(hidden), near, strict=True)])

    assert near.size > 1_000_000
    assert (np.abs(near - real) <= bounds).all()
    assert (np.abs(near - sums) <= bounds).all()
    tightest = np.abs(near - real).max(1) / bounds.max(1)
    assert tightest.max() > 0.5, "errors along the rows' own come near the bound: it is no idle one"


def test_norms_are_not_rounded_down(softmax):
    values, scales = quantised(softmax)
    kept = values * scales[:, None].astype(np.longdouble)

    lost, size = error_norms(softmax)

    assert (lost >= np.sqrt(((softmax - kept) ** 2).sum(1))).all()
    assert (size >= np.sqrt((kept**2).sum(1))).all()


def test_the_top_100_are_float32_s(exact, float32, hidden):
    near, sums = exact.near(hidden), float32.logits_of(hidden)
    for row, margins in enumerate(exact.margins(hidden)):
        screen = Int8Screen(exact, near[row], hidden[row], margins)
        words = screen.settle_reach(np.zeros(len(near[row]), np.float32), Reach(count=100))
        best = np.sort(sums[row])[-100]
        settled = screen.logits[words]
        assert set(np.flatnonzero(sums[row] > best + 1e-4 * abs(best))) <= set(words)
        assert np.allclose(np.sort(settled)[-100:], np.sort(sums[row])[-100:], rtol=1e-4, atol=1e-5)


def test_few_words_are_candidates_where_rows_are_ordinary(folder, exact):
    rng = np.random.default_rng(2)
    state = exact.advance(exact.start(20), [f"word{number}" for number in rng.integers(0, 4000, 20)])

    counts = [len(screen.settle_reach(np.zeros(4096, np.float32), Reach(10))) for screen in exact.screen(state)]

    assert np.mean(counts) < 400


WAYS = {
    "greedy": Sampling(temperature=0),
    "top-k": Sampling(top_k=40),
    "hot top-k": Sampling(top_k=100, temperature=1.7),
    "top-k and all after it": Sampling(top_k=50, top_p=0.9, min_p=0.01, typical=0.95, temperature=0.8),
    "min-p": Sampling(min_p=0.02, temperature=1.3),
    "greedy top-p": Sampling(temperature=0, top_p=0.5),
    "typical": Sampling(typical=0.9),
    "mirostat": Sampling(mirostat=2),
    "penalties": Sampling(repetition_penalty=1.2, top_k=10),
}


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    """The default model with files of two more precisions."""
    import conftest

    folder = shutil.copytree(conftest.ROOT / "models" / "mini", tmp_path_factory.mktemp("mini") / "mini")
    files = open_folder(folder)
    for precision in ("exact", "float32"):
        list(convert(files, beside(files, precision), precision))
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_a_hundred_words_are_those_of_float32_with_the_same_seed(mini, way):
    """And of nine hundred steps in all, nine ways."""
    options = Generation(samples=5, max_words=20, seed=3, sampling=WAYS[way])
    options = replace(options, constraints=replace(options.constraints, ignore_end=True))

    exact, float32 = (load(str(mini), "litert", precision=precision) for precision in ("exact", "float32"))

    assert written(exact, options) == written(float32, options)


def written(model, options):
    context = read(model, ["The", "president"])
    return [(event.sample, event.text) for event in generate_from(model, context, options) if isinstance(event, Word)]


@pytest.mark.parametrize("sampling", [Sampling(top_k=20), Sampling(), Sampling(temperature=0.7)])
def test_a_word_is_the_same_whatever_else_is_told_of_it(mini, sampling):
    """With alternatives all logits are computed, without them a few."""
    model = load(str(mini), "litert", precision="exact")
    options = Generation(max_words=10, seed=1, sampling=sampling)

    assert written(model, options) == written(model, replace(options, alternatives=3, measure=True))


def test_words_drawn_from_all_are_the_same_beside_samples_that_need_all_logits(mini):
    model = load(str(mini), "litert", precision="exact")
    free, limited = Generation(max_words=10, seed=1), Generation(max_words=10, sampling=Sampling(top_p=0.9))

    [*alone] = generate_all(model, [([], free)])
    beside = [event for event in generate_all(model, [([], free), ([], limited)]) if event.prompt == 0]

    assert [event.text for event in alone[:-1]] == [event.text for event in beside[:-1]]


def test_an_audited_draw_has_its_interval_in_float32_s_distribution(mini):
    """Special tokens and padding rows are never drawn."""
    model, reference = (load(str(mini), "litert", precision=precision) for precision in ("exact", "float32"))
    options = Generation(max_words=20, seed=3, sampling=Sampling(temperature=0.8), audit=True)
    words = [event for event in generate_all(model, [(["The"], options)]) if isinstance(event, Word)]
    context = read(reference, ["The"])
    for word in words:
        logits = reference.logits(context.state)[0].astype(np.float64) / 0.8
        logits[len(reference.vocabulary) :] = logits[
            [reference.vocabulary.id(mark) for mark in ("<S>", "<UNK>")]
        ] = -np.inf
        shares = np.exp(logits - logits.max())
        reached = np.cumsum(shares) / shares.sum()
        place = reference.vocabulary.id(word.text)
        draw, low, high = word.interval

        assert high == pytest.approx(reached[place], abs=1e-5)
        assert high - low == pytest.approx(shares[place] / shares.sum(), rel=1e-3)
        assert low <= draw < high
        context = replace(context, state=follow(reference, context.state, [word.text]))


def test_no_logit_is_above_its_ceiling(exact, float32, hidden):
    near, sums = exact.near(hidden), float32.logits_of(hidden)
    ceilings = np.stack([margins.bounds(row)[1] for margins, row in zip(exact.margins(hidden), near, strict=True)])
    everything = np.arange(near.shape[1])
    bounds = np.stack([margins.of(everything, row) for margins, row in zip(exact.margins(hidden), near, strict=True)])

    assert (sums <= ceilings).all()
    assert (ceilings - (near + bounds) <= 1e-5 * (np.abs(near) + bounds)).all(), "no idle one"


def test_what_is_ruled_out_is_far_below_all_else(exact, hidden):
    allowed = exact.near(hidden[:1])[0]
    allowed[7] = -np.inf

    assert max(bound[7] for bound in exact.margins(hidden[:1])[0].bounds(allowed)) < -1e29


@pytest.mark.parametrize(("temperature", "p"), [(1.0, 1.0), (1.5, 1.0), (1.5, 0.8)])
def test_draws_from_all_words_or_top_p_are_distributed_as_float32_has_it(exact, float32, temperature, p):
    """A wrong distribution would fail: that of the int8 logits does, which are wrong by up to 0.7 here."""
    h = np.random.default_rng(1).normal(size=(1, SIZE)).astype(np.float32) * np.float32(0.01)
    state = tuple(np.concatenate([np.zeros((1, SHAPE.cells), np.float32), h], 1) for _ in range(SHAPE.layers))
    [screen], rng = exact.screen(state), np.random.default_rng(1)
    shares, near = (
        probabilities(top_p(logits / temperature, p)) for logits in (float32.logits(state)[0], screen.logits)
    )
    bounds = screen.bounds(screen.logits)

    def settle(words):
        screen.settle(words)
        return screen.logits[words]

    keeps = Nucleus(bounds, settle, temperature, p).keeps if p < 1 else None
    drawn = [choose_below(bounds[1], settle, temperature, rng, keeps).index for _ in range(3000)]

    assert misfit(drawn, shares) < 4
    assert misfit(drawn, near) > 10


@pytest.mark.parametrize("scale", [1, 0.01])
@pytest.mark.parametrize(("temperature", "p"), [(0.7, 0.3), (1.0, 0.3), (0.7, 0.9), (1.0, 0.9), (1.0, 0.999)])
def test_top_p_by_bounds_keeps_the_words_that_it_keeps_of_float32_logits(exact, float32, hidden, temperature, p, scale):
    """At the smaller scale, where bounds are as near as in a trained model, they say it of most words alone."""
    settled = []
    for h in hidden[:3] * np.float32(scale):
        state = tuple(np.concatenate([np.zeros(SHAPE.cells, np.float32), h])[None] for _ in range(SHAPE.layers))
        expected = top_p(float32.logits(state)[0] / np.float32(temperature), p) > -np.inf
        words = [*np.random.default_rng(1).choice(len(expected), 20, replace=False).tolist(), int(expected.argmax())]
        for word in words:
            [screen] = exact.screen(state)

            def settle(words, screen=screen):
                settled.append(len(words))
                screen.settle(words)
                return screen.logits[words]

            nucleus = Nucleus(screen.bounds(screen.logits.copy()), settle, temperature, p)
            assert nucleus.keeps(word) == expected[word]
    assert scale == 1 or np.mean(np.array(settled) > 1) < 0.3


def misfit(drawn, shares):
    """How far draws are from what they are to be: the chi-squared statistic in standard deviations; rare words count as one."""
    expected, counts = shares * len(drawn), np.bincount(drawn, minlength=len(shares))
    often = expected >= 5
    observed = np.append(counts[often], counts[~often].sum())
    expected = np.append(expected[often], max(expected[~often].sum(), 1e-9))
    freedom = len(observed) - 1
    return (((observed - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom)


def test_constraints_shift_what_is_in_reach(exact, float32):
    options = Generation(max_words=30, seed=1, sampling=Sampling(top_k=5))
    options = replace(options, constraints=replace(options.constraints, bias=("word7=1000000",), ban=("word9",)))

    texts = {text for _, text in written(exact, options)}

    assert texts == {"word7"}


def test_what_a_choice_depends_on():
    assert reach(Sampling()) is None
    assert reach(Sampling(temperature=0)) == Reach(1)
    assert reach(Sampling(temperature=0, typical=0.9)) is None
    assert reach(Sampling(temperature=0.5, top_k=40, typical=0.9)) == Reach(40)
    assert reach(Sampling(top_p=0.9)) is None
    assert reach(Sampling(repetition_penalty=1.1, top_k=40)) is None
    assert reach(Sampling(temperature=2, min_p=0.1)).nats == pytest.approx(2 * np.log(10), rel=1e-5)


def test_all_logits_are_float32_s(exact, float32, hidden):
    """In a batch and alone, to the last bit."""
    found = exact.logits_of(hidden[:40])

    assert np.allclose(found, float32.logits_of(hidden[:40]), rtol=1e-4, atol=1e-3)
    assert np.array_equal(exact.logits_of(hidden[7:8])[0], found[7])
