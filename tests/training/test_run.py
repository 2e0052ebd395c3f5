import itertools
import json
import shutil
import signal
import time
from dataclasses import replace

import filelock
import numpy as np
import pytest
import tensorflow as tf

from lmgen.checkpoint.check import open_checkpoint
from lmgen.checkpoint.folder import open_folder
from lmgen.checkpoint.manifest import Manifest
from lmgen.checkpoint.shape import Shape
from lmgen.cli import main
from lmgen.errors import IntegrityError, LmgenError, MissingError
from lmgen.text.vocabulary import Vocabulary
from lmgen.training.corpus import build_corpus
from lmgen.training.events import Trained, Validated
from lmgen.training.recipe import Budget, Recipe, rate_factor
from lmgen.training.run import _rounded
from lmgen.training.trainer import Progress, Trainer, read_snapshot, train_steps

from conftest import load, start_lmgen

SHAPE = Shape(filters=(4, 4, 4, 4, 4, 4, 4, 4), projection=16, cells=32, rows=64)
RECIPE = Recipe(SHAPE, words=53, window=8, batch=16, rate=0.02, warmup=10, candidates=64, frequent=8)
SMALL = [
    *("--window", 3, "--batch", 4, "--projection", 16, "--cells", 16, "--filters", "2,2,2,2,2,2,2,2"),
    *("--candidates", 16, "--frequent", 8),
]


def counting(sentences, first=0):
    """`n7 n8 n9 …`: from one word every following one is certain."""
    return [[f"n{(start + step) % 50}" for step in range(12)] for start in range(first, first + sentences)]


@pytest.fixture(scope="module")
def corpus():
    return build_corpus(counting(400), held_back=counting(10, first=3))


def new_trainer(corpus, **changes):
    return Trainer(replace(RECIPE, **changes), corpus, Vocabulary(corpus.types))


@pytest.fixture(scope="module")
def counted(corpus):
    trainer = new_trainer(corpus)
    events = list(train_steps(trainer, corpus.tokens, Budget(steps=400)))
    return trainer, events


def test_it_learns_to_count(counted, corpus):
    """The first word of a sentence is any of 50, so 13 predictions cost ln(50) / 13 = 0.3 nats at best."""
    trainer, events = counted

    assert events[0].loss > 3.5
    assert np.mean([event.loss for event in events[-10:]]) < 0.7
    assert trainer.validate(corpus.held_back).perplexity < 2.2


def test_validation_counts_words_and_sentence_ends(counted, corpus):
    assert counted[0].validate(corpus.held_back).targets == 10 * 13


def test_validation_is_the_full_softmax_s_as_the_session_engine_computes_it(counted, corpus, tmp_path):
    """`<UNK>` for what is outside the vocabulary, the memory empty at each sentence."""
    from lmgen.checkpoint.writer import write_model
    from lmgen.text.vocabulary import SENTENCE_END

    trainer, _ = counted
    weights = {name: value.numpy() for name, value in trainer.finished.items()}
    write_model(tmp_path, Manifest("m", "", "", SHAPE, 53), trainer.vocabulary, weights, 1)
    model, surprisals = load(str(tmp_path)), []
    for sentence in counting(10, first=3):
        state = model.start()
        for word, target in zip(["<S>", *sentence], [*sentence, SENTENCE_END], strict=True):
            state = model.advance(state, [word])
            logits = model.logits(state)[0][:53].astype(np.float64)
            surprisals.append(np.log(np.exp(logits).sum()) - logits[model.vocabulary.id(target)])

    expected = np.exp(np.mean(surprisals))
    assert trainer.validate(corpus.held_back).perplexity == pytest.approx(expected, rel=1e-4)


def test_the_rate_rises_over_the_warmup_and_falls_to_zero_with_the_budget():
    places = ((0, 0), (4, 0), (9, 0), (50, 0.5), (80, 0.85), (90, 0.925), (99, 1))
    averaged = [rate_factor(RECIPE, step, spent) for step, spent in places]
    falling = [rate_factor(replace(RECIPE, average=False), step, spent) for step, spent in places]

    assert averaged == pytest.approx([0.1, 0.5, 1, 1, 1, 0.5, 0])
    assert falling == pytest.approx([0.1, 0.5, 1, 0.5, 0.15, 0.075, 0])


def test_a_budget_is_spent_by_steps_or_by_hours():
    assert Budget(steps=10).spent(5, 1e9) == 0.5
    assert Budget(hours=2).spent(10**9, 3600) == 0.5
    assert Budget(steps=10).spent(20, 0) == 1


def test_a_snapshot_goes_on_exactly_where_it_was(corpus, tmp_path):
    """In float32 the resumed run's losses are those of a run that was never stopped."""
    budget = Budget(steps=24)
    first, whole = new_trainer(corpus), []
    for event in train_steps(first, corpus.tokens, budget):
        whole.append(event.loss)
        if event.step == 10:
            first.save(tmp_path / "snapshot.npz", {})

    again = new_trainer(corpus)
    again.restore(tmp_path / "snapshot.npz")
    rest = [event.loss for event in train_steps(again, corpus.tokens, budget)]

    assert again.progress.step == 24
    assert rest == pytest.approx(whole[11:], rel=1e-3)  # a step is reported when the next one has begun


def test_a_damaged_or_absent_snapshot_is_refused(corpus, tmp_path):
    path = tmp_path / "snapshot.npz"
    with pytest.raises(MissingError, match="nothing to resume"):
        read_snapshot(path)
    new_trainer(corpus).save(path, {})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(IntegrityError, match="damaged"):
        read_snapshot(path)


def test_progress_counts_from_nothing_and_is_kept_in_a_snapshot(corpus, tmp_path):
    """400 sentences of 12 words and a boundary are 5,200 tokens: 40 windows of 8 from 16 streams, and the rest."""
    trainer = new_trainer(corpus)
    events = list(train_steps(trainer, corpus.tokens, Budget(steps=42)))
    trainer.save(tmp_path / "snapshot.npz", {})
    again = new_trainer(corpus)
    again.restore(tmp_path / "snapshot.npz")

    assert [(event.step, event.tokens) for event in events] == [(step, step * 8 * 16) for step in range(1, 43)]
    seconds = [0.0, *(event.seconds for event in events)]
    assert all(earlier < later for earlier, later in itertools.pairwise(seconds))
    assert trainer.progress == Progress(42, 42 * 8 * 16, seconds[-1], (1, 2))
    assert again.progress == trainer.progress


@pytest.mark.parametrize("changes", [{"optimizer": "adam"}, {"average": False, "candidates": 40}])
def test_every_recipe_learns(corpus, changes):
    """Also from candidates that are not all words."""
    trainer = new_trainer(corpus, **changes)
    events = list(train_steps(trainer, corpus.tokens, Budget(steps=200)))

    assert len(trainer.vocabulary) > 40
    assert np.mean([event.loss for event in events[-10:]]) < 1.5
    assert (trainer.finished is trainer.weights) is ("average" in changes)


def test_what_is_finished_is_the_average_of_the_weights(counted):
    trainer, _ = counted

    differences = [
        np.abs(trainer.finished[name].numpy() - value.numpy()).max() for name, value in trainer.weights.items()
    ]
    assert 0 < max(differences) < 0.1


def test_a_step_that_gives_no_number_leaves_everything_as_it_was(corpus):
    trainer = new_trainer(corpus)
    [first, *_] = train_steps(trainer, corpus.tokens, Budget(steps=2))
    before = {name: value.numpy() for name, value in {**trainer.weights, **trainer._slots}.items()}
    trainer.weights["softmax/b"].assign(np.full(64, np.nan, np.float32))

    with pytest.raises(LmgenError, match="step 3 gave no number"):
        list(train_steps(trainer, corpus.tokens, Budget(steps=4)))

    assert trainer.progress.step == 2
    for name, value in {**trainer.weights, **trainer._slots}.items():
        if name != "softmax/b":
            np.testing.assert_array_equal(value.numpy(), before[name])
    assert np.isfinite(first.loss)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "counting.txt"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in counting(400)))
    return path


def test_training_writes_a_model_that_completes_and_scalars_for_tensorboard(lmgen, text, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = tmp_path / "counter"

    trained = lmgen(
        "train", text, "--out", folder, "--steps", 400, "--rate", 0.02, *SMALL, "--batch", 16, "--cells", 32
    )

    assert trained.exit_code == 0, trained.err
    assert trained.out.startswith(f"{folder}: validation perplexity ")
    manifest = Manifest.load(folder / "model.toml")
    assert (manifest.name, manifest.words, manifest.training["steps"]) == ("counter", 53, 400)
    completed = lmgen("complete", "n4 n5 n6", "-m", folder, "-t", 0, "--max-words", 3)
    assert completed.out == "n4 n5 n6 n7 n8 n9\n"
    shown = json.loads(lmgen("models", "show", folder, "--format", "json").out)
    assert shown["training"]["recipe"]["batch"] == 16
    board = EventAccumulator(str(folder / "training" / "board"))
    board.Reload()
    assert {"train/loss", "train/rate", "validation/perplexity"} <= set(board.Tags()["scalars"])


@pytest.fixture(scope="module")
def trained(text, tmp_path_factory):
    """A training of two steps that has ended. No test may change it."""
    folder = tmp_path_factory.mktemp("trained") / "m"
    options = ("--steps", "2", *SMALL, "--temperature", 0.5, "--context", "stream")
    assert main(list(map(str, ("train", text, "--out", folder, *options)))) == 0
    return folder


def test_after_kill_9_training_goes_on_from_the_snapshot(lmgen, text, tmp_path):
    folder = tmp_path / "m"
    first = start_lmgen("train", text, "--out", folder, "--steps", 100_000, *SMALL, env=_fast_snapshots())
    _wait_for(folder / "training" / "snapshot.npz", first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    at = _snapshot_step(folder)

    resumed = lmgen("train", "--resume", "--out", folder, "--steps", at + 5)

    assert resumed.exit_code == 0, resumed.err
    assert Manifest.load(folder / "model.toml").training["steps"] == at + 5


def test_ctrl_c_leaves_a_snapshot(text, tmp_path):
    folder = tmp_path / "m"
    process = start_lmgen("train", text, "--out", folder, "--steps", 100_000, *SMALL, env=_fast_snapshots())
    _wait_for(folder / "training" / "snapshot.npz", process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"Traceback" not in err
    assert f"--resume --out {folder}".encode() in err
    assert _snapshot_step(folder) > 0


def _fast_snapshots():
    import os

    return {**os.environ, "LMGEN_TRAIN_SNAPSHOT_MINUTES": "0.01"}


def _wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _snapshot_step(folder):
    with np.load(folder / "training" / "snapshot.npz") as stored:
        return json.loads(str(stored["facts"]))["progress"]["step"]


@pytest.mark.parametrize(
    "content, arguments, exit_code, message",
    [
        (b"", [], 2, "too short"),
        (b"only one sentence\n", [], 2, "too short"),
        (b"\xff\xff\n", [], 2, "not UTF-8"),
        (b"a\0b\n", [], 2, "NUL byte"),
        (None, [], 3, "cannot read"),
        (b"words\n" * 99, ["--filters", "1,2"], 2, "eight"),
        (b"words\n" * 99, ["--cells", "13"], 2, "multiple of 8"),
        (b"words\n" * 99, ["--steps", "5", "--hours", "1"], 2, "not both"),
        (b"words\n" * 99, ["--valid", "/nowhere.txt"], 3, "cannot read"),
    ],
)
def test_a_text_or_option_that_will_not_do_is_one_clear_line(lmgen, tmp_path, content, arguments, exit_code, message):
    text = tmp_path / "text.txt"
    if content is not None:
        text.write_bytes(content)

    result = lmgen("train", text, "--out", tmp_path / "m", "--steps", 5, *SMALL, *arguments)

    assert (result.exit_code, result.out) == (exit_code, "")
    assert message in result.err.splitlines()[-1]
    assert not (tmp_path / "m" / "model.toml").exists()


def test_a_folder_with_a_model_is_left_as_it_is(lmgen, text, tiny_folder, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "tiny")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    refused = lmgen("train", text, "--out", folder, "--steps", 2, *SMALL)

    assert (refused.exit_code, refused.err) == (
        2,
        f"lmgen: {folder} holds a model, and stays as it is: choose another --out\n",
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["my model", "modèle", ".hidden"])
def test_a_folder_whose_name_is_none_of_a_model_needs_another_at_once(lmgen, text, tmp_path, name):
    refused = lmgen("train", text, "--out", tmp_path / name, "--steps", 2, *SMALL)

    assert refused.exit_code == 2
    assert "--name" in refused.err
    assert not (tmp_path / name).exists()


def test_such_a_folder_s_model_may_have_a_name_of_its_own(lmgen, text, tmp_path):
    folder = tmp_path / "my model"

    assert lmgen("train", text, "--out", folder, "--name", "mine", "--steps", 1, *SMALL).exit_code == 0
    assert Manifest.load(folder / "model.toml").name == "mine"


def test_two_trainings_in_one_folder_are_kept_apart(lmgen, trained):
    with filelock.FileLock(trained / "training" / "lock"):
        refused = lmgen("train", "--resume", "--out", trained, "--steps", 4)

    assert refused.exit_code == 2
    assert f"another process trains in {trained}" in refused.err


def test_what_was_settled_at_the_beginning_cannot_be_changed_by_resume(lmgen, trained):
    refused = lmgen("train", "--resume", "--out", trained, "--steps", 4, "--cells", 32)

    assert refused.exit_code == 2
    assert "--cells was settled when the training began" in refused.err


def test_the_model_says_how_it_is_to_be_used_and_has_bfloat16_s_precision(trained):
    files = open_folder(trained)

    assert (files.carries, files.defaults.temperature, files.defaults.top_p) == (True, 0.5, 0.95)
    weights = open_checkpoint(files).weights["lstm/lstm_0/W"]
    assert not (weights.view(np.uint32) & 0xFFFF).any()


def test_rounding_goes_to_the_nearest_of_bfloat16_s_numbers():
    numbers = np.random.default_rng(0).normal(size=1000).astype(np.float32)

    np.testing.assert_array_equal(_rounded(numbers), tf.cast(tf.cast(numbers, tf.bfloat16), tf.float32).numpy())


def test_training_without_text_or_time_is_a_usage_error(lmgen, text, tmp_path):
    assert lmgen("train", "--out", tmp_path / "m", "--steps", 5).exit_code == 2
    assert lmgen("train", text, "--out", tmp_path / "m").exit_code == 2
    assert lmgen("train", "--resume", "--out", tmp_path / "m").exit_code == 3


def test_a_training_is_not_begun_over_another(lmgen, text, trained):
    before = (trained / "training" / "snapshot.npz").read_bytes()

    again = lmgen("train", text, "--out", trained, "--steps", 1, *SMALL)

    assert again.exit_code == 2
    assert "holds a training already" in again.err
    assert (trained / "training" / "snapshot.npz").read_bytes() == before
    assert lmgen("train", text, "--resume", "--out", trained).exit_code == 2


def test_a_run_tells_steps_validations_and_snapshots(corpus, tmp_path):
    from lmgen.training.run import About, Run

    (tmp_path / "training").mkdir()
    run = Run(tmp_path, corpus, RECIPE, About("m", "", "", Budget(steps=3)))

    kinds = [type(event) for event in run.events()]

    assert kinds == [Trained, Trained, Trained, Validated]
    assert (tmp_path / "model.toml").exists()
