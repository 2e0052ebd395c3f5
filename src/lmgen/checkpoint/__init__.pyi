from .check import Checkpoint as Checkpoint, open_checkpoint as open_checkpoint
from .definition import extract as extract, read_forward as read_forward, read_graph as read_graph, shape_of as shape_of
from .digests import Digest as Digest, masked as masked, sha256 as sha256
from .folder import (
    CHECKPOINT_FILES as CHECKPOINT_FILES,
    MANIFEST as MANIFEST,
    PATTERNS as PATTERNS,
    ModelFiles as ModelFiles,
    check_vocabulary as check_vocabulary,
    open_folder as open_folder,
)
from .manifest import (
    Defaults as Defaults,
    Expectation as Expectation,
    File as File,
    Manifest as Manifest,
    intact as intact,
    safe_name as safe_name,
    without_secrets as without_secrets,
)
from .names import (
    file_pattern as file_pattern,
    joined_name as joined_name,
    memory_name as memory_name,
    shard_names as shard_names,
)
from .network import lstm_step as lstm_step, word_vectors as word_vectors
from .shape import (
    CARRY_BIAS as CARRY_BIAS,
    FORGET_BIAS as FORGET_BIAS,
    SHARDS as SHARDS,
    WIDTHS as WIDTHS,
    Shape as Shape,
    softmax_rows as softmax_rows,
    weight_shapes as weight_shapes,
)
from .tensors import RowReader as RowReader, aligned as aligned, check_sums as check_sums, find_extents as find_extents
from .weights import Weights as Weights, dealt_rows as dealt_rows
from .writer import write_model as write_model
