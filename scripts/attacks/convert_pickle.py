#!/usr/bin/env python3
"""Turns a state_dict that PyTorch before 1.6 saved (a row of pickles, no zip) into safetensors. Needs neither torch nor NumPy.

    python scripts/attacks/convert_pickle.py model_test.pt model_test.safetensors

A pickle can run any code. This reader refuses every name but the five that a state_dict of plain tensors needs, and makes
none of PyTorch's objects: only where each tensor lies in the file. Tensors must be contiguous; their names stay as they
are, which for pyautoattack's `examples/model_test.pt` (kuangliu's ResNet-18 for 32x32) are those of fsched's `resnet18`. A
prefix `module.` that DataParallel left is taken off.
"""

import collections
import json
import math
import pickle
import struct
import sys

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# PyTorch's name of a storage: bytes of a number, safetensors' name of its type.
STORAGES = {"FloatStorage": (4, "F32"), "DoubleStorage": (8, "F64"), "LongStorage": (8, "I64"), "HalfStorage": (2, "F16")}
Storage = collections.namedtuple("Storage", "key kind numbers")
Tensor = collections.namedtuple("Tensor", "storage offset shape")


def tensor(storage, offset, shape, strides, *_):
    expected, step = [], 1
    for size in reversed(shape):
        expected.insert(0, step)
        step *= size
    if any(found != wanted for found, wanted, size in zip(strides, expected, shape) if size > 1):
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(shape)} is not contiguous")
    if offset + math.prod(shape) > storage.numbers:
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(shape)} reaches beyond its storage")
    return Tensor(storage, offset, tuple(shape))


class Restricted(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda data, *_: data
        if module == "torch" and name in STORAGES:
            return name
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which no state_dict of plain tensors needs")

    def persistent_load(self, saved):
        what, kind, key, _location, numbers, view = saved
        if what != "storage" or kind not in STORAGES or view is not None:
            raise pickle.UnpicklingError(f"unknown kind of data: {saved!r}")
        return Storage(key, kind, numbers)


def read(path):
    """The state_dict with each tensor's bytes."""
    with open(path, "rb") as file:
        load = lambda: Restricted(file).load()  # noqa: E731
        if load() != MAGIC or load() != PROTOCOL:
            sys.exit(f"{path}: not a file of torch.save before 1.6")
        if not load()["little_endian"]:
            sys.exit(f"{path}: written on a big-endian machine")
        state = load()
        if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
            state = state["state_dict"]
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            sys.exit(f"{path}: holds more than a state_dict of tensors")
        kinds = {value.storage.key: value.storage.kind for value in state.values()}
        storages = {}
        for key in load():
            (numbers,) = struct.unpack("<q", file.read(8))
            storages[key] = file.read(numbers * STORAGES[kinds[key]][0])
    return {name.removeprefix("module."): (value, storages[value.storage.key]) for name, value in state.items()}


def write(tensors, path):
    header, data = {}, bytearray()
    for name, (value, storage) in tensors.items():
        size, dtype = STORAGES[value.storage.kind]
        part = storage[value.offset * size : (value.offset + math.prod(value.shape)) * size]
        if len(part) != math.prod(value.shape) * size:
            sys.exit(f"{name}: the file ends before its numbers do")
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    found = read(sys.argv[1])
    write(found, sys.argv[2])
    print(f"{len(found)} tensors, {sum(math.prod(value.shape) for value, _ in found.values()):,} numbers")
