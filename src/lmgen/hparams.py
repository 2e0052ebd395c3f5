"""Sampling options against mean surprisal, for TensorBoard's HParams."""

import time
from dataclasses import asdict
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import (
    DATA_TYPE_FLOAT64,
    DATA_TYPE_STRING,
    STATUS_SUCCESS,
    Experiment,
    HParamInfo,
    MetricInfo,
    MetricName,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.hparams.summary_v2 import hparams_pb

from lmgen.generate import Generation

MEAN = "word/mean_surprisal"
"""The tag of a continuation's result, in bits."""

FIRST = ("temperature", "top_k", "top_p", "min_p", "typical")
"""Options that TensorBoard is to show first, as it does those said to differ."""


def experiment() -> Summary.Value:
    """What columns there are: every sampling option, and the result."""
    infos = [
        HParamInfo(
            name=name, type=DATA_TYPE_STRING if isinstance(value, str) else DATA_TYPE_FLOAT64, differs=name in FIRST
        )
        for name, value in _values(Generation()).items()
    ]
    result = MetricInfo(name=MetricName(tag=MEAN), display_name="mean surprisal, bits")
    about = Experiment(hparam_infos=infos, metric_infos=[result], time_created_secs=time.time())
    return _value(metadata.EXPERIMENT_TAG, experiment=about)


def begun(options: Generation, group: str) -> Summary.Value:
    """A continuation begins; TensorBoard averages over those of a group."""
    return hparams_pb(_values(options), trial_id=group).value[0]


def done() -> Summary.Value:
    """It is complete."""
    about = SessionEndInfo(status=STATUS_SUCCESS, end_time_secs=time.time())
    return _value(metadata.SESSION_END_INFO_TAG, session_end_info=about)


def _values(options: Generation) -> dict[str, Any]:
    return {**asdict(options.sampling), "order": ",".join(options.sampling.order)}


def _value(tag: str, **content) -> Summary.Value:
    return Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(HParamsPluginData(**content)))
