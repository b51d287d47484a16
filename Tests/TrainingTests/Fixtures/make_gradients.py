"""Makes the gradients that the trainer's are compared with: apt-get install python3-torch; python3 make_gradients.py

gradients.json       networks of random weights, one of them the shipped model, with a batch of noise each: the mean
                     negative log-likelihood, weighted by patch, and its gradient by every tensor, by PyTorch's autograd
                     in double precision. Of tensors over 20,000 values every 97th is kept.
Numbers are little-endian and in base64. Noise: x = 1664525 x + 1013904223 mod 2^32, of which the highest byte, from
x = the case's number.
"""

import base64
import json
import pathlib
import struct

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent
SHIPPED = FOLDER.parents[2] / "models" / "sentinode-baseline-1.safetensors"

# name, side, channels after the input's three, kernel sides, hidden widths, patches
CASES = [
    ("odd sides, channels that are no multiple of eight", 27, [5, 11], [3, 3], [13], 3),
    ("one convolution, no hidden layer", 8, [2], [3], [], 1),
    ("kernels of one, two and five", 31, [9, 17, 3], [5, 1, 2], [6, 20], 10),
    ("rows of taps of 3, 6 and 12 vectors", 46, [8, 16, 32, 8], [3, 3, 3, 3], [12], 9),
    ("rows of taps of more vectors than registers", 14, [40, 8], [3, 3], [9], 8),
    ("the shipped model", 96, None, None, None, 5),
]


def read_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    names = [f"{kind}{number}.{part}" for kind, count in (("conv", 4), ("fc", 2)) for number in range(1, count + 1)
             for part in ("weight", "bias")]
    values = data[8 + length :]
    return [(n, np.frombuffer(values[slice(*header[n]["data_offsets"])], "<f4").reshape(header[n]["shape"])) for n in names]


def random_tensors(random, side, channels, kernels, hidden):
    tensors, inputs = [], 3
    for number, (outputs, kernel) in enumerate(zip(channels, kernels), 1):
        shape = (outputs, inputs, kernel, kernel)
        tensors += [(f"conv{number}", shape, inputs * kernel * kernel)]
        inputs, side = outputs, (side - kernel + 1) // 2
    inputs *= side * side
    for number, outputs in enumerate(hidden + [2], 1):
        tensors += [(f"fc{number}", (outputs, inputs), inputs)]
        inputs = outputs
    result = []
    for name, shape, fan_in in tensors:
        bound = (3 / fan_in) ** 0.5
        result.append((name + ".weight", random.uniform(-bound, bound, shape).astype(np.float32)))
        result.append((name + ".bias", random.uniform(-0.1, 0.3, shape[0]).astype(np.float32)))
    return result


def noise(seed, count):
    x, values = seed, bytearray()
    for _ in range(count):
        x = (1664525 * x + 1013904223) % 2**32
        values.append(x >> 24)
    return np.frombuffer(bytes(values), np.uint8)


def text(values, kind):
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()


def batch(number, random, side, patches):
    """Patches as floats, labels and shares of the loss."""
    pixels = noise(number, patches * side * side * 3).reshape(patches, side, side, 3)
    labels = torch.tensor([(3 * index + number) % 5 % 2 for index in range(patches)])
    shares = random.uniform(0.2, 2, patches)
    return torch.tensor(pixels.transpose(0, 3, 1, 2).astype(np.float64) / 255), labels, torch.tensor(shares / shares.sum())


def losses(parameters, x, labels):
    """Negative log-likelihoods of the family's network."""
    convolutions = sum(p.dim() == 4 for p in parameters)
    for index in range(convolutions):
        x = torch.nn.functional.conv2d(x, parameters[2 * index], parameters[2 * index + 1])
        x = torch.nn.functional.max_pool2d(torch.relu(x), 2)
    x = x.flatten(1)
    for index in range(convolutions, len(parameters) // 2):
        x = torch.nn.functional.linear(x, parameters[2 * index], parameters[2 * index + 1])
        if index < len(parameters) // 2 - 1:
            x = torch.relu(x)
    return torch.nn.functional.nll_loss(torch.log_softmax(x, 1), labels, reduction="none")


def case(number, name, side, channels, kernels, hidden, patches):
    random = np.random.default_rng(number)
    tensors = read_safetensors(SHIPPED) if channels is None else random_tensors(random, side, channels, kernels, hidden)
    images, labels, shares = batch(number, random, side, patches)
    parameters = [torch.tensor(values.astype(np.float64), requires_grad=True) for _, values in tensors]
    found = losses(parameters, images, labels)
    (found * shares).sum().backward()
    gradients = [p.grad.numpy().ravel() for p in parameters]
    steps = [97 if len(g) > 20000 else 1 for g in gradients]
    return {
        "name": name, "number": number, "side": side, "labels": labels.tolist(), "shares": shares.tolist(),
        "losses": found.detach().tolist(),
        "tensors": [
            {"name": n, "shape": list(v.shape), "values": None if channels is None else text(v, "<f4"), "step": step,
             "gradient": text(g[::step], "<f4")}
            for (n, v), g, step in zip(tensors, gradients, steps)
        ],
    }


if __name__ == "__main__":
    cases = [case(number, *rest) for number, rest in enumerate(CASES, 1)]
    (FOLDER / "gradients.json").write_text(json.dumps(cases))
