"""What is written for TensorBoard, read back by TensorBoard."""

import io
import math
import time
from contextlib import closing, nullcontext

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lmgen.board.client import PAUSE, Writer
from lmgen.board.exchange import MOST
from lmgen.board.record import Board
from lmgen.errors import MissingError
from lmgen.generation.events import Step
from lmgen.generation.generate import generate_all
from lmgen.generation.options import Generation, changed
from lmgen.generation.prompts import Prompt
from lmgen.model import read
from lmgen.pictures.measures import measure
from lmgen.softmax import entropy, probabilities


@pytest.fixture
def writer():
    with closing(Writer()) as process:
        yield process


SCALARS = {
    *("word/surprisal", "word/rank", "word/perplexity", "softmax/entropy", "word/per_second"),
    *("softmax/top_1", "softmax/top_10", "softmax/top_100", "softmax/top_1000", "softmax/unknown", "softmax/no_word"),
}
LAYER = ("input", "forget", "output", "cells", "h")


def generate(model, folder, samples=1, histograms=False, prompts=None, **options):
    """Write some continuations; returns their words and ends, and the call's folder."""
    options = changed(Generation(), {"samples": samples, "max_words": 5, "seed": 1, "ignore_end": True, **options})
    with closing(Writer()) as writer:
        board = Board(writer, model, folder, histograms, many=prompts is not None)
        laid = board.lay(Prompt(words, options) for words in prompts or [["the", "cat"]])
        events = generate_all(model, ((prompt.words, prompt.options) for prompt in laid), steps=True)
        return list(board.follow(events)), board.run


def load(folder):
    events = EventAccumulator(str(folder), {"tensors": 0, "scalars": 0, "images": 0})
    events.Reload()
    return events


@pytest.fixture(scope="module")
def recorded(tiny_model, tmp_path_factory):
    events, run = generate(tiny_model, tmp_path_factory.mktemp("board"), histograms=True, temperature=0.5)
    return [event.text for event in events[:-1]], run


@pytest.fixture(scope="module")
def run(recorded):
    return load(recorded[1])


def texts(run, tag):
    return [event.tensor_proto.string_val[0].decode() for event in run.Tensors(tag)]


def test_a_run_is_named_from_prefix_seed_and_time_and_never_overwritten(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "20261122-201530")
    names = [generate(tiny_model, tmp_path)[1].name for _ in range(2)]

    assert names == ["the-cat-seed-1-20261122-201530", "the-cat-seed-1-20261122-201530-2"]


def test_every_word_has_its_scalars(recorded, run, tiny_model):
    words, _ = recorded
    assert set(run.Tags()["scalars"]) == SCALARS | {"word/mean_surprisal"}

    surprisal = [event.value for event in run.Scalars("word/surprisal")]
    for place, word in enumerate(words):
        shares = probabilities(tiny_model.logits(read(tiny_model, ["the", "cat", *words[:place]]).state)[0])
        assert surprisal[place] == pytest.approx(-math.log2(shares[tiny_model.vocabulary.id(word)]), abs=1e-4)
        assert run.Scalars("softmax/entropy")[place].value == pytest.approx(entropy(shares), abs=1e-4)
    assert run.Scalars("word/perplexity")[-1].value == pytest.approx(2 ** np.mean(surprisal), rel=1e-4)
    assert run.Scalars("word/mean_surprisal")[0].value == pytest.approx(np.mean(surprisal), rel=1e-4)
    assert [event.step for event in run.Scalars("word/rank")] == [0, 1, 2, 3, 4]


def test_one_softmax_is_measured_as_one_would_by_hand(tiny_words):
    from lmgen.text.vocabulary import Vocabulary

    shares = np.full(40, 1e-9)
    shares[[3, 4, 5, 2, 36]] = [0.5, 0.25, 0.125, 0.0625, 0.0625]  # 2 is <UNK>, 36 no word
    values, column = measure(np.log(shares).astype(np.float32), "sat", math.log(0.125), Vocabulary(tiny_words))

    assert values["word/surprisal"] == pytest.approx(3, abs=1e-5)
    assert values["word/rank"] == 3
    assert values["softmax/entropy"] == pytest.approx(1.875, abs=1e-5)
    assert (values["softmax/unknown"], values["softmax/no_word"]) == pytest.approx((0.0625, 0.0625), abs=1e-6)
    masses = [values[f"softmax/top_{count}"] for count in (1, 10, 100, 1000)]
    assert masses == pytest.approx([0.5, 1, 1, 1], abs=1e-6)
    assert column.words[:4] == ["the", "cat", "sat", "<UNK>"]
    assert column.share == pytest.approx(0.125)


def test_masses_are_those_of_a_full_sort():
    from lmgen.pictures.measures import _masses

    shares = np.random.default_rng(0).dirichlet(np.full(5000, 0.05)).astype(np.float32)
    ordered = np.sort(shares.astype(np.float64))[::-1]

    assert _masses(shares) == pytest.approx([ordered[:count].sum() for count in (1, 10, 100, 1000)], rel=1e-5)


def test_prefix_continuation_and_likeliest_words_are_texts(recorded, run):
    words, _ = recorded

    assert texts(run, "text/prefix") == ["the cat"]
    assert len(texts(run, "text/continuation")) == 1
    tables = texts(run, "text/top_10")
    assert len(tables) == 5
    assert tables[0].startswith(f"**{words[0]}**")
    assert tables[0].count("\n| ") == 11


def test_words_are_shown_as_they_are_not_as_markdown():
    import markdown

    from lmgen.board.summaries import plain

    shown = markdown.markdown(plain("a *b* <UNK> | `c` _d_ caf\udce9 &"))

    assert shown == "<p>a &#42;b&#42; &#60;UNK&#62; &#124; &#96;c&#96; &#95;d&#95; caf? &#38;</p>"


@pytest.mark.parametrize(
    ("tag", "steps", "size"),
    [
        ("softmax/most_likely", [3, 4], (300, 215)),
        ("softmax/step", [0, 1, 2, 3, 4], (300, 215)),
        ("softmax/whole", [4], (300, 16 + 2 * 199)),
        ("text/surprisal", [0], (300, 215)),
    ],
)
def test_pictures_are_of_the_size_at_which_they_are_shown(run, tag, steps, size):
    events = run.Images(tag)
    pictures = [Image.open(io.BytesIO(event.encoded_image_string)) for event in events]

    assert [event.step for event in events] == steps
    assert {picture.size for picture in pictures} == {size}
    assert {(event.width, event.height) for event in events} == {size}


def test_the_graph_is_the_forward_pass(run, released_folder, tmp_path):
    from conftest import load as load_model

    released = load(generate(load_model(str(released_folder)), tmp_path, prompts=[["the"]])[1])
    for shown in (run, released):
        names = {node.name for node in shown.Graph().node}
        assert {"char_inputs_in", "softmax_out", "lstm/lstm_0/concat_2", "char_embedding/cnn_7/Conv2D"} <= names
        assert not any(name.startswith(("save/", "gradients", "states_init")) for name in names)


def test_histograms_tell_of_the_softmax_and_the_lstm(run):
    expected = {"logprobs/model", "logprobs/sampled", *(f"lstm_{layer}/{name}" for layer in (0, 1) for name in LAYER)}
    assert expected <= set(run.Tags()["tensors"])

    from tensorboard.util.tensor_util import make_ndarray

    counts = {tag: [make_ndarray(event.tensor_proto) for event in run.Tensors(tag)] for tag in expected}
    assert all(len(events) == 5 for events in counts.values())
    assert counts["lstm_0/forget"][0][:, 2].sum() == 24
    assert counts["lstm_0/h"][0][:, 2].sum() == 16
    assert counts["logprobs/model"][0][:, 2].sum() == 40
    assert counts["logprobs/sampled"][0][:, 2].sum() == 30  # neither the marks nor rows without a word
    assert counts["lstm_1/output"][0][0, 0] >= 0
    assert counts["lstm_1/output"][0][-1, 1] <= 1


def test_several_continuations_are_runs_side_by_side(tiny_model, tmp_path):
    run = generate(tiny_model, tmp_path, samples=2)[1]
    many = generate(tiny_model, tmp_path, samples=2, prompts=[["the"], ["sat"]])[1]

    def runs(folder):
        return sorted({str(path.parent.relative_to(folder)) for path in folder.rglob("*tfevents*")})

    assert runs(run) == [".", "sample-0", "sample-1"]
    assert runs(many) == [
        ".",
        *(f"prompt-{prompt}/sample-{sample}" for prompt in ("0-the", "1-sat") for sample in (0, 1)),
    ]


def test_sampling_options_stand_beside_the_mean_surprisal(recorded):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    events = load(recorded[1])
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = HParamsPluginData.FromString(content).session_start_info.hparams

    assert (values["prompt"].string_value, values["seed"].number_value) == ("the cat", 1)
    assert values["temperature"].number_value == 0.5
    assert values["order"].string_value.startswith("repetition,")
    assert events.SummaryMetadata("_hparams_/session_end_info")


def test_an_interruption_leaves_whole_files(writer, tiny_model, tmp_path):
    board = Board(writer, tiny_model, tmp_path)
    options = changed(Generation(), {"ignore_end": True, "seed": 1})
    laid = ((prompt.words, prompt.options) for prompt in board.lay([Prompt(["the"], options)]))
    events = board.follow(generate_all(tiny_model, laid, steps=True))
    words = [next(events).text for _ in range(3)]
    events.close()

    run = load(board.run)
    assert texts(run, "text/continuation") == [" ".join(words)]
    assert len(run.Images("softmax/most_likely")) == 1


def test_what_is_written_can_be_seen_before_the_end(writer, tiny_model, tmp_path):
    board = Board(writer, tiny_model, tmp_path)
    laid = ((prompt.words, prompt.options) for prompt in board.lay([Prompt(["the"], Generation(seed=1))]))
    events = board.follow(generate_all(tiny_model, laid, steps=True))
    next(events)
    time.sleep(2 * PAUSE)
    next(events)

    deadline = time.monotonic() + 60
    while "word/surprisal" not in load(board.run).Tags()["scalars"]:
        assert time.monotonic() < deadline
    events.close()


def test_a_folder_that_cannot_be_written_is_told(writer, tiny_model, tmp_path):
    board = Board(writer, tiny_model, tmp_path)
    laid = [(prompt.words, prompt.options) for prompt in board.lay([Prompt(["the"], Generation(samples=2))])]
    (board.run / "sample-1").write_text("in the way")

    with pytest.raises(MissingError, match="cannot write into .*: File exists"):
        list(board.follow(generate_all(tiny_model, laid, steps=True)))


def test_a_writer_that_is_killed_ends_the_call_with_a_word(writer, tiny_model, tmp_path):
    board = Board(writer, tiny_model, tmp_path)
    laid = ((prompt.words, prompt.options) for prompt in board.lay([Prompt(["the"], Generation())]))
    events = board.follow(generate_all(tiny_model, laid, steps=True))
    next(events)
    writer._child.process.kill()

    with pytest.raises(MissingError, match="the writing process has ended"):
        list(events)


def test_a_call_after_one_whose_writer_was_killed_is_written(writer, tiny_model, tmp_path):
    writer.start()
    writer._child.process.kill()
    options = Generation(max_words=3)
    for ends in (pytest.raises(MissingError), nullcontext()):
        board = Board(writer, tiny_model, tmp_path)
        with ends:
            laid = [(prompt.words, prompt.options) for prompt in board.lay([Prompt(["the"], options)])]
            list(board.follow(generate_all(tiny_model, laid, steps=True)))

    assert load(board.run).Scalars("word/rank")


def test_more_words_than_there_are_slots_wait_for_free_ones(writer, tiny_model, tmp_path):
    """And none is told the rank of another."""
    board = Board(writer, tiny_model, tmp_path)
    list(board.lay([Prompt([], Generation())]))
    rows = [np.arange(40, dtype=np.float32) % (2 + number % 30) for number in range(2 * MOST)]
    word = tiny_model.vocabulary.word(10)
    list(board.follow(Step(0, 0, word, -3.0, row, row, ()) for row in rows))

    ranks = [1 + np.count_nonzero(row > row[10]) for row in rows]
    assert [event.value for event in load(board.run).Scalars("word/rank")] == ranks


def test_one_process_writes_call_after_call_of_any_model(writer, tiny_model, released_folder, tmp_path):
    from conftest import load as load_model

    for model in (tiny_model, load_model(str(released_folder)), tiny_model):
        board = Board(writer, model, tmp_path)
        laid = ((prompt.words, prompt.options) for prompt in board.lay([Prompt(["the"], Generation(max_words=2))]))
        list(board.follow(generate_all(model, laid, steps=True)))
        assert load(board.run).Images("softmax/most_likely")


def test_any_stream_of_steps_can_be_recorded(writer, tiny_model, tmp_path):
    """Of words that were read, for one: no event but steps is needed."""
    board = Board(writer, tiny_model, tmp_path)
    list(board.lay([Prompt([], Generation())]))
    context = read(tiny_model, [])
    logits = tiny_model.logits(context.state)[0]

    assert list(board.follow([Step(0, 0, "the", -3.0, logits, logits, context.state)])) == []
    assert load(board.run).Scalars("word/rank")[0].value >= 1


def test_scored_texts_are_runs_that_tell_the_same_surprisals(lmgen, writer_folder, tmp_path):
    """Of three sentences with the memory carried on, each in a folder of its own."""
    text = tmp_path / "text.txt"
    text.write_text("the cat sat\nnever seen\nthe\n")
    arguments = [
        "surprisal",
        text,
        "-m",
        writer_folder,
        "--context",
        "stream",
        "--no-renormalize",
        "--columns",
        "surprisal",
    ]

    result = lmgen(*arguments, "--board", tmp_path / "board")

    assert (result.exit_code, result.out) == (0, lmgen(*arguments).out)
    [folder] = (tmp_path / "board").iterdir()
    assert f"for TensorBoard: {folder}" in result.err
    names = ("prompt-0-the-cat-sat", "prompt-1-never-seen", "prompt-2-the")
    assert folder.name.startswith("the-cat-sat-2")  # no seed: nothing was drawn
    told = [event.value for name in names for event in load(folder / name).Scalars("word/surprisal")]
    assert told == pytest.approx([float(line) for line in result.out.split()[1:]], abs=1e-3)


def test_samples_are_the_same_words_with_and_without(lmgen, writer_folder, tmp_path):
    command = ["complete", "-m", writer_folder, "the cat", "-n", 3, "--seed", 4]
    plain, recorded = lmgen(*command), lmgen(*command, "--board", tmp_path / "runs")

    assert recorded.out == plain.out
    assert recorded.err.startswith(f"for TensorBoard: {tmp_path / 'runs'}")


def test_without_a_folder_runs_go_where_serve_board_looks(lmgen, writer_folder, tmp_path):
    assert lmgen("complete", "-m", writer_folder, "the cat", "--board").exit_code == 0

    assert len(list((tmp_path / "home" / "state" / "board").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--beam", 2, "--board", "runs"], 2, "lmgen: --board shows how words are drawn"),
        (["--board", "file"], 3, "lmgen: cannot write into file"),
    ],
)
def test_what_cannot_be_recorded_is_told(lmgen, writer_folder, tmp_path, monkeypatch, arguments, exit_code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    result = lmgen("complete", "-m", writer_folder, "the cat", *arguments)

    assert (result.exit_code, result.out) == (exit_code, "")
    assert result.err.startswith(message)
    assert len(result.err.splitlines()) == 1


def test_shared_memory_that_cannot_be_had_is_told(writer, tiny_model, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(27, "File too large")

    monkeypatch.setattr("os.ftruncate", refuse)
    board = Board(writer, tiny_model, tmp_path)
    laid = [(prompt.words, prompt.options) for prompt in board.lay([Prompt(["the"], Generation(seed=1))])]

    with pytest.raises(MissingError, match="File too large, for the memory that both processes share"):
        list(board.follow(generate_all(tiny_model, laid, steps=True)))
