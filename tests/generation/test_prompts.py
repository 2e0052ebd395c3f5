import pytest

from lmgen.errors import MissingError, UsageError
from lmgen.generation.options import Generation
from lmgen.generation.prompts import read_prompts
from lmgen.text.tokenizer import split_words


@pytest.fixture
def read(tmp_path):
    def run(name, text, tokenized=False):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(read_prompts(path, Generation(seed=3), split_words(tokenized)))

    return run


def test_a_text_has_a_prefix_a_line_and_an_empty_line_begins_a_sentence(read):
    prompts = read("prefixes.txt", "It's a\n\nthe voilà\n")

    assert [prompt.words for prompt in prompts] == [["It", "'s", "a"], [], ["the", "voilà"]]
    assert {prompt.options.seed for prompt in prompts} == {3}


def test_words_can_be_given_as_they_are(read):
    assert read("prefixes.txt", "don't (you)\n", tokenized=True)[0].words == ["don't", "(you)"]


def test_json_lines_set_their_own_options_and_keep_their_other_keys(read):
    [first, second] = read(
        "items.jsonl", '{"prefix": "the cat", "id": 7, "temperature": 0.5, "max_words": 4}\n\n{"prefix": ""}\n'
    )

    assert (first.words, first.extra) == (["the", "cat"], {"id": 7})
    assert (first.options.sampling.temperature, first.options.max_words, first.options.seed) == (0.5, 4, 3)
    assert second.options == Generation(seed=3)


@pytest.mark.parametrize(("name", "comma"), [("items.csv", ","), ("items.tsv", "\t")])
def test_columns_of_a_table_are_passed_through(read, name, comma):
    rows = [["item", "prefix", "condition"], ["1", "the cat", "a"], ["2", '"the, dog"', "b"]]

    prompts = read(name, "".join(comma.join(row) + "\n" for row in rows))

    assert prompts[0].words == ["the", "cat"]
    assert prompts[0].extra == {"item": "1", "condition": "a"}
    assert prompts[1].words == ["the", ",", "dog"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("items.csv", "item,text\n1,a\n", "no column 'prefix', only item, text"),
        ("items.csv", "", "no column 'prefix', only none"),
        ("items.jsonl", '{"prefix": "a"}\nprefix\n', "line 2 is not JSON"),
        ("items.jsonl", '{"text": "a"}\n', "line 1 is not a JSON object with a text 'prefix'"),
        ("items.jsonl", '{"prefix": "a", "top_p": 3}\n', "line 1: top-p must be above 0"),
        ("items.jsonl", '{"prefix": "a", "top_k": "x"}\n', "line 1: top-k must be a whole number, not 'x'"),
        ("prefixes.txt", b"good\n\xff\n", "not UTF-8 text: line 2, byte 1"),
        ("prefixes.txt", b"a\0b\n", "line 1 holds a NUL byte"),
        ("prefixes.txt", "a\n" + "words " * 1_700_000, "line 2: a text of 10,200,000 characters is too long"),
        ("items.jsonl", '{"prefix": "%s"}' % ("a " * 5_000_000), "line 1: a text of 10,000,000 characters"),
        ("items.csv", "prefix\n" + "words " * 1_700_000, "is not a row of a table: field larger"),
    ],
)
def test_an_item_that_will_not_do_is_refused_with_its_place(read, name, text, told):
    with pytest.raises(UsageError, match=told):
        read(name, text)


@pytest.mark.parametrize("name", ["prefixes.txt", "items.csv"])
def test_a_prefix_of_100_000_words_is_taken(read, name):
    [prompt] = read(name, ("prefix\n" if name == "items.csv" else "") + "word " * 100_000, tokenized=True)

    assert len(prompt.words) == 100_000


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(MissingError, match="cannot read"):
        list(read_prompts(tmp_path / "absent.txt", Generation(), str.split))
