import pytest

from lmgen.errors import UsageError
from lmgen.text.records import InputFormat, read_records

TREEBANK = """# newdoc id = n01
# sent_id = n01-1
# text = She can't go, it's 1 000.
1\tShe\t_\t_\t_\t_\t_\t_\t_\t_
2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\t_
2\tca\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
3\tn't\t_\t_\t_\t_\t_\t_\t_\t_
4\tgo\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
5\t,\t_\t_\t_\t_\t_\t_\t_\t_
6-7\tit's\t_\t_\t_\t_\t_\t_\t_\t_
6\tit\t_\t_\t_\t_\t_\t_\t_\t_
7\t's\t_\t_\t_\t_\t_\t_\t_\t_
7.1\tworth\t_\t_\t_\t_\t_\t_\t_\t_
8\t1 000\t_\t_\t_\t_\t_\t_\t_\tId=x|SpaceAfter=No
9\t.\t_\t_\t_\t_\t_\t_\t_\t_

# newpar
# sent_id = n01-2
1\tYes\t_\t_\t_\t_\t_\t_\t_\t_

# newdoc id = n02
1\tNo\t_\t_\t_\t_\t_\t_\t_\t_
"""


def read(tmp_path, name, text, kind=None, blank_lines=False):
    (tmp_path / name).write_text(text)
    return [record for record, _ in read_records(tmp_path / name, ["text"], InputFormat(kind), blank_lines)]


def test_a_sentence_of_conllu_is_what_its_forms_make_and_keeps_its_name(tmp_path):
    assert read(tmp_path, "a.conllu", TREEBANK) == [
        {"text": "She can't go, it's 1 000.", "sent_id": "n01-1", "doc_id": "n01"},
        {"text": "Yes", "sent_id": "n01-2", "doc_id": "n01"},
        {"text": "No", "sent_id": "", "doc_id": "n02"},
    ]


def test_documents_of_conllu_are_parted_as_by_blank_lines(tmp_path):
    records = read(tmp_path, "a.conllu", TREEBANK, blank_lines=True)

    assert [record.get("text", "") for record in records] == ["", "She can't go, it's 1 000.", "Yes", "", "No"]
    assert "doc_id" not in read(tmp_path, "b.conllu", TREEBANK.partition("newpar\n")[2])[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1 000.\n1", "1,000.\n1", "line 1: the forms make .*1 000.*, and # text is .*1,000"),
        ("4\tgo\t_", "4\tgo", "line 8 is not CoNLL-U, .*: 9 columns"),
        ("5\t,", "x\t,", "line 9 is not CoNLL-U, .*: the ID 'x'"),
    ],
)
def test_what_is_no_conllu_is_refused_with_its_line(tmp_path, old, new, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, "a.conllu", TREEBANK.replace(old, new))


def test_vertical_text_has_a_token_on_each_line_and_a_blank_line_between_sentences(tmp_path):
    records = read(tmp_path, "a.txt", "The\ncat\n.\n\nIt \r\nsat\n\n\n\nNo", "vertical", blank_lines=True)

    assert [record.get("text") for record in records] == ["The cat .", "It sat", None, None, "No"]


def test_a_line_of_vertical_text_with_columns_is_refused(tmp_path):
    with pytest.raises(UsageError, match="line 2 has several columns, where a token is due: name its columns"):
        read(tmp_path, "a.txt", "The\ncat\tNN\n", "vertical")
