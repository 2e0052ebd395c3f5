"""Sampling options against mean surprisal, for TensorBoard's HParams."""

import time
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT
from tensorboard.plugins.hparams.api_pb2 import (
    DATA_TYPE_FLOAT64,
    DATA_TYPE_STRING,
    STATUS_SUCCESS,
    Experiment,
    HParamInfo,
    MetricInfo,
    MetricName,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

MEAN = "word/mean_surprisal"
"""The tag of a continuation's result, in bits."""
NOTHING = TensorProto(dtype=DT_FLOAT, tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=0)]))
"""The value of what is all in its metadata."""
FIRST = ("prompt", "seed", "temperature", "top_k", "top_p", "min_p", "typical")
"""Options that TensorBoard is to show first, as it does those said to differ."""


def experiment(options: dict[str, Any]) -> Summary.Value:
    """What columns there are: every sampling option, and the result."""
    infos = [
        HParamInfo(
            name=name, type=DATA_TYPE_STRING if isinstance(value, str) else DATA_TYPE_FLOAT64, differs=name in FIRST
        )
        for name, value in options.items()
    ]
    result = MetricInfo(name=MetricName(tag=MEAN), display_name="mean surprisal, bits")
    about = Experiment(hparam_infos=infos, metric_infos=[result], time_created_secs=time.time())
    return _value("experiment", experiment=about)


def begun(options: dict[str, Any], group: str) -> Summary.Value:
    """A continuation begins; TensorBoard averages over those of a group."""
    about = SessionStartInfo(group_name=group, start_time_secs=time.time())
    for name, value in options.items():
        setattr(about.hparams[name], "string_value" if isinstance(value, str) else "number_value", value)
    return _value("session_start_info", session_start_info=about)


def done() -> Summary.Value:
    """It is complete."""
    about = SessionEndInfo(status=STATUS_SUCCESS, end_time_secs=time.time())
    return _value("session_end_info", session_end_info=about)


def _value(name: str, **content) -> Summary.Value:
    data = SummaryMetadata.PluginData(plugin_name="hparams", content=HParamsPluginData(**content).SerializeToString())
    return Summary.Value(tag=f"_hparams_/{name}", metadata=SummaryMetadata(plugin_data=data), tensor=NOTHING)
