"""The LiteRT engine against NumPy in float64 and the session engine, on our graph and on the released one."""

import contextlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from lmgen.checkpoint.folder import open_folder
from lmgen.checkpoint.names import shards
from lmgen.checkpoint.writer import write_checkpoint
from lmgen.engines.litert import LiteRTModel
from lmgen.engines.litert_files import FACTS, PRECISIONS, VERSION, Converted, beside, cached, find_converted
from lmgen.engines.placement import Placement
from lmgen.engines.plain import look_inside
from lmgen.engines.session import SessionModel
from lmgen.engines.weight_cache import HEADER
from lmgen.errors import IntegrityError, MissingError, UsageError
from lmgen.export import litert as conversion
from lmgen.export.flatbuffer import Template
from lmgen.export.litert import convert, part_bounds
from lmgen.export.templates import _file, _product_in_two
from lmgen.store.home import home

import reference
from conftest import load, random_weights

WORDS = ["the", "cat", "never-seen", "voilà", "<S>", "</S>", "x" * 60]


def converted(folder, *precisions):
    """The folder, with files of some precisions beside the checkpoint."""
    files = open_folder(folder)
    for precision in precisions:
        list(convert(files, beside(files, precision), precision))
    return folder


@pytest.fixture(scope="module")
def tiny_converted(tiny_folder, tmp_path_factory):
    return converted(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("converted") / "tiny"), *PRECISIONS)


@pytest.fixture(scope="module")
def released_converted(released_folder, tmp_path_factory):
    return converted(shutil.copytree(released_folder, tmp_path_factory.mktemp("converted") / "released"), "float32")


@pytest.fixture(scope="module")
def parted(tiny_folder, tmp_path_factory):
    """The same, its softmax in three parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "FREQUENT_ROWS", 16)
        patch.setattr(conversion, "PART_ROWS", 16)
        return converted(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("converted") / "parted"), *PRECISIONS)


@pytest.fixture
def copy(tiny_converted, tmp_path):
    return shutil.copytree(tiny_converted, tmp_path / "copy")


@pytest.mark.parametrize("name", ["tiny_converted", "released_converted"])
def test_float32_agrees_with_numpy_and_the_session_to_1e_5(name, request, tiny_weights):
    """Logits and memories of seven texts of twenty words."""
    folder, variables = str(request.getfixturevalue(name)), shards(tiny_weights)
    model, session = load(folder, "litert"), load(folder, "session")
    state, other = model.start(len(WORDS)), session.start(len(WORDS))
    expected = [np.zeros((len(WORDS), 40))] * 2
    for step in range(20):
        words = np.roll(WORDS, step).tolist()
        state, other = model.advance(state, words), session.advance(other, words)
        expected = reference.advance(variables, expected, model.vocabulary.all_char_ids(words))
        assert np.abs(model.logits(state) - reference.logits(variables, expected)).max() < 1e-5
        assert np.abs(model.logits(state) - session.logits(other)).max() < 1e-5
        assert np.abs(np.array(state) - expected).max() < 1e-5


def test_the_default_model_is_embedded_converted_and_close_to_float32():
    """Of ten texts of eight words: a divergence of less than 0.01 nats a word on average."""
    fast, session = load("mini", "litert", precision="fast"), load("mini", "session")
    texts = ["The president said that he would not be".split(), "I love that I can write with it".split()] * 5
    state, other = fast.start(10), session.start(10)
    divergences = []
    for place, words in enumerate(zip(*texts, strict=True)):
        words = np.roll(words, place).tolist()
        state, other = fast.advance(state, words), session.advance(other, words)
        log_p, log_q = (log_softmax(model.logits(memory)) for model, memory in ((session, other), (fast, state)))
        divergences.append((np.exp(log_p) * (log_p - log_q)).sum(1))
    assert 0 < np.mean(divergences) < 0.01


def log_softmax(logits):
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


@pytest.mark.parametrize("name", ["tiny_converted", "parted"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_text_has_the_same_numbers_alone_and_in_any_batch(name, request, precision):
    """To the last bit: else the same seed could write other words in a larger batch."""
    model = load(str(request.getfixturevalue(name)), "litert", precision=precision)
    words = [f"word{number}" for number in range(33)]
    for rows in (1, 2, 3, 4, 5, 7, 8, 16, 31, 32, 33):
        state = model.advance(model.start(rows), words[:rows])
        alone = model.advance(model.start(), words[rows - 1 : rows])
        assert all(np.array_equal(layer[-1], other[0]) for layer, other in zip(state, alone, strict=True))
        assert np.array_equal(model.logits(state)[-1], model.logits(alone)[0])


def test_rounding_activations_to_int8_costs_nothing(tmp_path):
    """With a matrix that int8 holds exactly, only rounding x to int8 could tell the product from a float32 one."""
    rng = np.random.default_rng(0)
    matrix = rng.integers(-127, 128, (64, 48)).astype(np.float32)
    matrix[0] = 127
    x = rng.normal(size=(9, 64)).astype(np.float32)
    errors = {}
    for name, product in (("plain", tf.matmul), ("in two", _product_in_two)):
        inputs = [tf.TensorSpec([None, 64], tf.float32, "x")]
        file = _file(lambda x, product=product: {"y": product(x, matrix)}, inputs, Template("softmax", "int8"))
        interpreter = Interpreter(model_content=file)
        interpreter.allocate_tensors()
        errors[name] = np.abs(interpreter.get_signature_runner()(x=x)["y"] - x @ matrix).max()

    assert errors["plain"] > 1
    assert errors["in two"] < errors["plain"] / 50


@pytest.mark.parametrize("precision", ["exact", "float32"])
def test_a_large_softmax_is_cut_into_parts(parted, tiny_converted, precision):
    found = find_converted(open_folder(parted), precision)
    assert [path.name for path in found.softmax] == ["softmax-0.tflite", "softmax-1.tflite", "softmax-2.tflite"]

    whole, parts = (load(str(folder), "litert", precision=precision) for folder in (tiny_converted, parted))
    assert np.array_equal(parts.logits(whole.start(3)), whole.logits(whole.start(3)))


def test_only_rare_words_see_a_rounded_h_and_little_of_it(parted, tiny_converted):
    """A 255th of h's width, halved, is the most that each of its numbers loses."""
    whole, parts = (load(str(folder), "litert", precision="fast") for folder in (tiny_converted, parted))
    state = whole.advance(whole.advance(whole.start(7), WORDS), WORDS[::-1])
    hidden = whole.hidden(state)
    lost = np.abs(whole.logits(state) - parts.logits(state))

    assert not lost[:, :16].any()
    rare = whole.vocabulary.words[16:]
    most = (
        np.ptp(hidden, 1)[:, None]
        / 255
        / 2
        * np.abs(look_inside(whole).output_vectors(list(map(whole.vocabulary.id, rare)))).sum(1)
    )
    assert lost[:, 16:].max() > 1e-6
    assert (lost[:, 16 : 16 + len(rare)] < most * 1.1).all()


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        (40, [40]),
        (5_000, [5_000]),
        (5_008, [5_000, 8]),
        (30_000, [5_000, 25_000]),
        (793_472, [5_000, *[100_000] * 7, 88_472]),
    ],
)
def test_parts_of_a_softmax_cover_it(rows, parts):
    bounds = part_bounds(rows)

    assert [end - begin for begin, end in bounds] == parts
    assert [begin for begin, _ in bounds] == [0, *(end for _, end in bounds[:-1])]


def test_an_interrupted_conversion_goes_on_where_it_was(tiny_folder, tmp_path):
    files = open_folder(shutil.copytree(tiny_folder, tmp_path / "copy"))
    target = beside(files, "float32")
    steps = convert(files, target, "float32")
    assert [next(steps) for _ in range(3)] == [("checksums", 5), ("vectors.tflite", 5), ("memory.tflite", 5)]
    steps.close()
    assert find_converted(files, "float32") is None
    [partial] = files.folder.glob(".partial-*/vectors.tflite")
    made = partial.stat().st_mtime_ns

    list(convert(files, target, "float32"))

    assert (target / "vectors.tflite").stat().st_mtime_ns == made
    assert find_converted(files, "float32")
    assert not list(files.folder.glob(".partial*"))


def test_files_of_another_checkpoint_are_not_used(copy, tiny_shape):
    write_checkpoint(copy, random_weights(tiny_shape, seed=1), step=8)

    assert find_converted(open_folder(copy), "fast") is None
    assert isinstance(load(str(copy), precision="fast"), SessionModel)


def test_files_of_another_version_are_not_used(copy):
    facts = copy / "litert-fast" / FACTS
    facts.write_text(facts.read_text().replace(f"version = {VERSION}", f"version = {VERSION - 1}"))

    assert find_converted(open_folder(copy), "fast") is None


@pytest.mark.parametrize("name", ["vectors.tflite", "memory.tflite", "softmax-0.tflite"])
@pytest.mark.parametrize("harm", ["cut", "gone", "wrong"])
def test_damaged_files_are_refused_by_name(copy, name, harm):
    path = copy / "litert-fast" / name
    size = path.stat().st_size
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9] if harm == "cut" else b"\0" * size)

    with pytest.raises(IntegrityError, match=f"{name} is damaged: make it again with `lmgen convert`"):
        load(str(copy), precision="fast")


def test_facts_that_are_no_facts_are_refused(copy):
    (copy / "litert-fast" / FACTS).write_text("version")

    with pytest.raises(IntegrityError, match=r"converted\.toml is damaged"):
        load(str(copy), precision="fast")


def test_a_checkpoint_with_values_that_are_not_finite_is_not_converted(tiny_folder, tiny_weights, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "copy")
    write_checkpoint(folder, {**tiny_weights, "softmax/b": np.full(40, np.nan, np.float32)}, step=7)

    with pytest.raises(IntegrityError, match="softmax/b in ckpt-softmax8 holds values that are not finite"):
        converted(folder, "fast")
    assert not beside(open_folder(folder), "fast").exists()


def test_a_checkpoint_with_a_wrong_bit_is_not_converted(tiny_folder, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "copy")
    content = bytearray((folder / "ckpt-softmax3").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "ckpt-softmax3").write_bytes(content)

    with pytest.raises(IntegrityError, match="ckpt-softmax3 is damaged"):
        converted(folder, "fast")


def test_a_vocabulary_larger_than_the_softmax_is_refused(copy):
    (copy / "model.toml").unlink()
    [vocabulary] = copy.glob("vocab-*.txt")
    vocabulary.write_text("</S>\n<S>\n<UNK>\n" + "".join(f"word{number}\n" for number in range(41)))

    with pytest.raises(IntegrityError, match="do not belong together"):
        load(str(copy), "litert", precision="fast")


def test_the_engine_is_the_fastest_there_is_unless_a_device_is_asked_for(tiny_converted, tiny_folder):
    assert isinstance(load(str(tiny_converted)), LiteRTModel)
    assert isinstance(load(str(tiny_converted), placement=Placement(threads=1)), LiteRTModel)
    assert isinstance(load(str(tiny_converted), placement=Placement(devices=("cpu:0",))), SessionModel)
    assert isinstance(load(str(tiny_folder)), SessionModel)


def test_what_litert_cannot_do_is_told(tiny_converted, tiny_folder):
    with pytest.raises(MissingError, match=r"lmgen convert .* --precision fast"):
        load(str(tiny_folder), "litert", precision="fast")
    with pytest.raises(UsageError, match="leave out --engine litert"):
        load(str(tiny_converted), "litert", placement=Placement(devices=("cpu:0",)))
    with pytest.raises(UsageError, match="no engine"):
        load("mini", "tpu")


def test_packed_weights_are_kept_and_change_no_number(large, tiny_converted):
    first, second = (load(str(large), "litert", precision="fast") for _ in range(2))
    state = second.advance(second.start(3), WORDS[:3])

    assert sorted(path.name for path in packed_folder().iterdir()) == [
        *("digest", "made-of", "memory.packed", "softmax-0.packed", "vectors.packed", "words.vectors")
    ]
    assert np.array_equal(first.logits(state), second.logits(state))


def test_small_models_are_not_packed_in_files(tiny_converted):
    load(str(tiny_converted), "litert", precision="fast")

    assert not (home() / "packed").exists()


@pytest.mark.parametrize("harm", ["cut", "gone", "zeros", "digest"])
def test_damaged_packed_weights_are_made_anew(large, harm):
    model = load(str(large), "litert", precision="fast")
    expected = model.logits(model.start())
    path = packed_folder() / "softmax-0.packed"
    whole = path.read_bytes()
    if harm == "gone":
        path.unlink()
    elif harm == "digest":
        (packed_folder() / "digest").write_bytes(b"\xff")
    else:
        path.write_bytes(whole[:-99] if harm == "cut" else whole[:100] + bytes(len(whole) - 100))

    again = load(str(large), "litert", precision="fast")

    assert np.array_equal(again.logits(again.start()), expected)
    assert len(path.read_bytes()) == len(whole)


def test_the_list_of_packed_weights_is_read_at_every_start(large):
    """Damage that leaves size and time as they were is not read where the weights are, but where it could lead astray."""
    model = load(str(large), "litert", precision="fast")
    expected = model.logits(model.start())
    path = packed_folder() / "softmax-0.packed"
    _, begin, length = HEADER.unpack(path.read_bytes()[: HEADER.size])
    for place in (0, 9, begin, begin + length - 1):
        with as_it_was(path), path.open("r+b") as file:
            file.seek(place)
            file.write(b"\xff")
        again = load(str(large), "litert", precision="fast")
        assert np.array_equal(again.logits(again.start()), expected)
        assert path.read_bytes()[place] != 0xFF


@contextlib.contextmanager
def as_it_was(path):
    """What is done to a file leaves its time."""
    state = path.stat()
    yield
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_packed_weights_of_another_checkpoint_are_made_anew(large, tiny_shape):
    """XNNPACK itself would take them: it looks at names and sizes alone."""
    model = load(str(large), "litert", precision="fast")
    write_checkpoint(large, random_weights(tiny_shape, seed=1), step=8)
    converted(large, "fast")

    other, session = load(str(large), "litert", precision="fast"), load(str(large), "session")

    assert np.abs(other.logits(other.start()) - session.logits(session.start())).max() < 0.1
    assert np.abs(other.logits(other.start()) - model.logits(model.start())).max() > 0.1


@pytest.mark.parametrize("free", [0, None])
def test_a_cache_without_room_or_rights_costs_time_alone(large, free, monkeypatch):
    if free is None:
        monkeypatch.setenv("LMGEN_HOME", "/dev/null/none")
    else:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))

    model, session = load(str(large), "litert", precision="fast"), load(str(large), "session")

    assert np.abs(model.logits(model.start()) - session.logits(session.start())).max() < 0.1
    assert not list(Path(home()).glob("packed/*/*.packed"))


@pytest.fixture
def large(copy, monkeypatch):
    """A model as if it were large."""
    monkeypatch.setattr("lmgen.engines.litert.LEAST_BYTES", 0)
    return copy


def packed_folder():
    [folder] = (home() / "packed").glob("[!.]*")
    return folder


def test_files_in_the_cache_are_found(tiny_folder, released_folder):
    files = open_folder(tiny_folder)

    list(convert(files, cached(files, "float32"), "float32"))

    assert isinstance(find_converted(files, "float32"), Converted)
    assert find_converted(open_folder(released_folder), "exact") is None
