from .distribution import (
    Distribution as Distribution,
    NextWord as NextWord,
    NextWords as NextWords,
    candidate_tokens as candidate_tokens,
    next_candidates as next_candidates,
    next_words as next_words,
    suffix_logprobs as suffix_logprobs,
)
from .evaluation import (
    Calibration as Calibration,
    Comparison as Comparison,
    Evaluation as Evaluation,
    Mean as Mean,
    sums_of as sums_of,
)
from .formats import (
    BASES as BASES,
    SENTENCE_COLUMNS as SENTENCE_COLUMNS,
    UNITS as UNITS,
    calibration_rows as calibration_rows,
    decimals as decimals,
    next_rows as next_rows,
    zoo_tokens as zoo_tokens,
)
from .lmzoo import (
    Predictions as Predictions,
    predicted as predicted,
    specification as specification,
    write_predictions as write_predictions,
)
from .measure import (
    OOV_INPUTS as OOV_INPUTS,
    ROWS as ROWS,
    Passage as Passage,
    Scoring as Scoring,
    as_input as as_input,
    read_together as read_together,
    runs_of as runs_of,
    windows_of as windows_of,
)
from .rows import ALL as ALL, COLUMNS as COLUMNS, Rows as Rows, score_rows as score_rows
from .score import (
    CONTEXTS as CONTEXTS,
    REDUCTIONS as REDUCTIONS,
    Scored as Scored,
    Sentence as Sentence,
    check_reduction as check_reduction,
    memories as memories,
    reduced as reduced,
    reduced_all as reduced_all,
    score_sentences as score_sentences,
)
from .selftest import Answer as Answer, answers as answers
from .sentences import (
    COLUMN as COLUMN,
    FILE_COLUMN as FILE_COLUMN,
    Layout as Layout,
    read_texts as read_texts,
    sentences_of as sentences_of,
    with_file as with_file,
    with_words as with_words,
)
from .shown import Surprisals as Surprisals
from .words import parts_of as parts_of
from .writers import (
    OTHERS as OTHERS,
    NoRows as NoRows,
    OtherWriter as OtherWriter,
    RowWriter as RowWriter,
    SentenceWriter as SentenceWriter,
    Writer as Writer,
)
