#!/usr/bin/env python3
"""Writes the weight files of this folder with the real libraries: PyTorch 1.13 and, where it is installed,
safetensors. The answers in expected.json come from the tensors themselves, as float32 bit patterns.

    apt-get install python3-torch
    python3 make_weights_fixtures.py            # the .pt files and expected.json
    python3 make_weights_fixtures.py safetensors  # the .safetensors files, needs numpy and safetensors only
"""
import json
import sys
from collections import OrderedDict

SHAPES = [
    ("conv1.weight", (2, 3, 3, 3)), ("conv1.bias", (2,)),
    ("conv2.weight", (3, 2, 3, 3)), ("conv2.bias", (3,)),
    ("conv10.weight", (2, 3, 3, 3)), ("conv10.bias", (2,)),
    ("fc1.weight", (4, 8)), ("fc1.bias", (4,)),
    ("fc2.weight", (2, 4)), ("fc2.bias", (2,)),
]


def write_safetensors():
    import numpy
    from safetensors.numpy import save_file

    expected = json.load(open("expected.json"))["tensors"]
    tensors = {
        t["name"]: numpy.array(t["bits"], dtype=numpy.uint32).view(numpy.float32).reshape(t["shape"]) for t in expected
    }
    save_file(tensors, "small.safetensors")
    save_file(tensors, "metadata.safetensors", metadata={"format": "pt", "note": "é \" \\ \n"})
    save_file({"conv1.weight": numpy.zeros((2, 2), numpy.float16)}, "half.safetensors")


def write_pytorch():
    import torch

    torch.manual_seed(20260)
    state = OrderedDict((name, torch.randn(shape)) for name, shape in SHAPES)
    state["fc2.bias"][0] = -0.0
    state["fc2.bias"][1] = 2.0**-140  # subnormal
    state._metadata = OrderedDict([("", {"version": 1}), ("conv1", {"version": 1})])
    stream = {"_use_new_zipfile_serialization": False}
    torch.save(state, "small_archive.pt")
    torch.save(state, "small_stream.pt", **stream)
    torch.save(dict(state), "small_plain_dictionary.pt")

    base = torch.arange(24, dtype=torch.float32)
    views = OrderedDict(
        transposed=base.clone().reshape(4, 6).t(), offset=base.clone()[5:11], stepped=base.clone()[1::3].reshape(2, 4),
        scalar=torch.tensor(7.0))
    torch.save(views, "views_archive.pt")
    torch.save(views, "views_stream.pt", **stream)

    def refused(name, value, **options):
        torch.save(value, f"refused_{name}.pt", **options)

    weight = torch.ones(2, 2)
    refused("half", {"w": weight.half()})
    refused("int64", {"w": weight, "num_batches_tracked": torch.tensor(0)})
    refused("checkpoint", {"epoch": 3, "model_state_dict": {"w": weight}})
    refused("parameter", {"w": torch.nn.Parameter(weight)})
    refused("module", torch.nn.Linear(2, 2))
    refused("shared", {"a": weight, "b": weight})
    refused("expanded", {"w": torch.ones(1).expand(3)})
    refused("nan", {"w": torch.tensor([1.0, float("nan")])})
    refused("infinite", {"w": torch.tensor([1.0, float("-inf")])}, **stream)
    refused("empty", OrderedDict())
    refused("zero_sized", {"w": torch.ones(0, 3)})
    refused("tensor_alone", weight)
    refused("list", [weight])
    refused("number_as_name", {1: weight})
    refused("protocol_4", {"w": weight}, pickle_protocol=4)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), "refused_script.pt")

    def answers(state):
        return [
            {"name": name, "shape": list(t.shape),
             "bits": [int(b) & 0xFFFFFFFF for b in t.contiguous().view(-1).view(torch.int32).tolist()]}
            for name, t in state.items()
        ]

    json.dump({"tensors": answers(state), "views": answers(views)}, open("expected.json", "w"), separators=(",", ":"))


write_safetensors() if sys.argv[1:] == ["safetensors"] else write_pytorch()
