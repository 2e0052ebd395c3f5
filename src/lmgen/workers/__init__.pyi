from .cluster import LOCAL as LOCAL, ray_workers as ray_workers
from .jobs import (
    AnyJob as AnyJob,
    Embed as Embed,
    Part as Part,
    Predict as Predict,
    ScoreTexts as ScoreTexts,
    Task as Task,
)
from .parts import DELIMITERS as DELIMITERS, Joiner as Joiner, Parts as Parts
from .pool import (
    Alone as Alone,
    Failed as Failed,
    FailedShardsError as FailedShardsError,
    Pool as Pool,
    Worker as Worker,
)
from .processes import LocalWorker as LocalWorker, ThisProcess as ThisProcess
from .shards import LARGEST as LARGEST, Shard as Shard, shards_of as shards_of
