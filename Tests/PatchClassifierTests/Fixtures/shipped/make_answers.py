#!/usr/bin/python3
"""Writes what PyTorch computes from shipped weights for artificial patches, as a CSV of their name beside it.

usage: make_answers.py WEIGHTS PATCHES
PATCHES is what `sentinode synthesize --count 40 --seed 5 --out PATCHES` wrote. Needs python3-torch, python3-pil and
python3-numpy. Input is RGB / 255; there is no dropout in what is computed here.
"""

import csv
import json
import pathlib
import struct
import sys

import numpy
import torch
from PIL import Image
from torch.nn import functional


def tensors(path):
    """A safetensors file: the length of a JSON header, the header, the values."""
    content = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header, values = json.loads(content[8 : 8 + length]), content[8 + length :]
    return {
        name: torch.from_numpy(
            numpy.frombuffer(values[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).copy())
        for name, entry in header.items() if name != "__metadata__"
    }


def log_probabilities(weights, patch):
    layers = sorted(name.removesuffix(".weight") for name in weights if name.endswith(".weight"))
    values = patch
    for layer in (name for name in layers if weights[f"{name}.weight"].ndim == 4):
        values = functional.conv2d(values, weights[f"{layer}.weight"], weights[f"{layer}.bias"])
        values = functional.max_pool2d(functional.relu(values), 2)
    values = values.flatten(1)
    linear = [name for name in layers if weights[f"{name}.weight"].ndim == 2]
    for layer in linear:
        values = functional.linear(values, weights[f"{layer}.weight"], weights[f"{layer}.bias"])
        values = values if layer == linear[-1] else functional.relu(values)
    return functional.log_softmax(values, 1)[0].tolist()


weights = tensors(sys.argv[1])
folder = pathlib.Path(sys.argv[2])
with open(pathlib.Path(__file__).parent / f"{pathlib.Path(sys.argv[1]).stem}.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["number", "label", "log_p_normal", "log_p_tumor"])
    for number, row in enumerate(csv.DictReader(open(folder / "labels.csv"))):
        pixels = numpy.asarray(Image.open(folder / f"{row['id']}.png").convert("RGB"), numpy.float32) / 255
        patch = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
        writer.writerow([number, row["label"], *(f"{value:.9g}" for value in log_probabilities(weights, patch))])
