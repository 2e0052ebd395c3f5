from .address import short_address as short_address
from .client import Writer as Writer
from .curves import record_training as record_training
from .door import LOCAL as LOCAL
from .launch import dismiss as dismiss, start_early as start_early
from .projector import frequent as frequent, known as known, write_vectors as write_vectors
from .record import Board as Board, record_scored as record_scored
from .serve import announced as announced, has_runs as has_runs, running as running, start_board as start_board
