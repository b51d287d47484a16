"""Trains the same network by PyTorch, as a laboratory would on a CPU: batches of 75, Adam, dihedral augmentation.

usage: peer.py LIST.csv EPOCHS [--channels-last]     prints patches a second of each epoch

The patches are decoded and turned to floats before the clock starts. They are turned a batch at a time by one symmetry,
which is cheaper than one a patch.
"""

import csv
import pathlib
import sys
import time

import numpy as np
import torch
from PIL import Image


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        channels = [3, 8, 16, 32, 64]
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(inputs, outputs, 3) for inputs, outputs in zip(channels, channels[1:]))
        self.hidden = torch.nn.Linear(1024, 100)
        self.dropout = torch.nn.Dropout(0.25)
        self.last = torch.nn.Linear(100, 2)

    def forward(self, x):
        for convolution in self.convolutions:
            x = torch.nn.functional.max_pool2d(torch.relu(convolution(x)), 2)
        x = self.dropout(torch.relu(self.hidden(x.flatten(1))))
        return torch.log_softmax(self.last(x), 1)


def load(path):
    folder = pathlib.Path(path).with_suffix("")
    rows = list(csv.DictReader(open(path)))
    pixels = np.stack([np.asarray(Image.open(folder / f"{row['id']}.png").convert("RGB")) for row in rows])
    return torch.tensor(pixels.transpose(0, 3, 1, 2) / np.float32(255)), torch.tensor([int(r["label"]) for r in rows])


def turned(batch):
    symmetry = int(torch.randint(8, ()))
    if symmetry & 1:
        batch = batch.flip(3)
    if symmetry & 2:
        batch = batch.flip(2)
    return batch.transpose(2, 3) if symmetry & 4 else batch


def main(path, epochs, channels_last):
    torch.manual_seed(0)
    patches, labels = load(path)
    network = Network()
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(epochs):
        start = time.perf_counter()
        for some in torch.randperm(len(labels)).split(75):
            batch = turned(patches[some])
            if channels_last:
                batch = batch.contiguous(memory_format=torch.channels_last)
            adam.zero_grad()
            torch.nn.functional.nll_loss(network(batch), labels[some]).backward()
            adam.step()
        print(f"{len(labels) / (time.perf_counter() - start):.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), "--channels-last" in sys.argv)
