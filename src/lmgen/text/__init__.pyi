from .alignment import Span as Span, region_spans as region_spans, token_spans as token_spans, word_spans as word_spans
from .lines import (
    ERRORS as ERRORS,
    Faults as Faults,
    lines_of as lines_of,
    read_lines as read_lines,
    words_of as words_of,
)
from .nearest import meant as meant, unknown_word as unknown_word
from .output_file import (
    check_output as check_output,
    make_folder as make_folder,
    open_output as open_output,
    open_rows as open_rows,
    whole_file as whole_file,
    whole_folder as whole_folder,
)
from .records import (
    BY_LINE as BY_LINE,
    INPUT_KINDS as INPUT_KINDS,
    TABLES as TABLES,
    InputFormat as InputFormat,
    Record as Record,
    kind_of as kind_of,
    names_of as names_of,
    read_records as read_records,
)
from .tables import (
    KINDS as KINDS,
    Row as Row,
    begin_rows as begin_rows,
    cell as cell,
    clean as clean,
    joined as joined,
    own_name as own_name,
    plain as plain,
    write_rows as write_rows,
)
from .tokenizer import (
    Detokenizer as Detokenizer,
    detokenize_sentences as detokenize_sentences,
    split_words as split_words,
    tokenize as tokenize,
)
from .unicode import visible as visible
from .vocabulary import (
    FREQUENT_WORDS as FREQUENT_WORDS,
    LITERAL as LITERAL,
    MARKS as MARKS,
    NO_WORD as NO_WORD,
    SENTENCE_END as SENTENCE_END,
    SENTENCE_START as SENTENCE_START,
    UNKNOWN as UNKNOWN,
    WORD_LENGTH as WORD_LENGTH,
    Lines as Lines,
    Vocabulary as Vocabulary,
)
