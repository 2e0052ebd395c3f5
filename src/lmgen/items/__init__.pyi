from .accuracy import SUMMARY_COLUMNS as SUMMARY_COLUMNS, Accuracy as Accuracy, Tally as Tally
from .choices import (
    CHOICE_COLUMNS as CHOICE_COLUMNS,
    Choices as Choices,
    Chosen as Chosen,
    Item as Item,
    choice_rows as choice_rows,
    choose_sentences as choose_sentences,
)
from .reading import BLIMP as BLIMP, Candidates as Candidates, item_files as item_files, read_items as read_items
from .regions import (
    ITEM_COLUMNS as ITEM_COLUMNS,
    PREDICTION_COLUMNS as PREDICTION_COLUMNS,
    REGION_COLUMNS as REGION_COLUMNS,
    MeasuredItem as MeasuredItem,
    item_rows as item_rows,
    measure_suite as measure_suite,
    prediction_rows as prediction_rows,
    region_rows as region_rows,
)
from .suites import Suite as Suite, read_suite as read_suite
