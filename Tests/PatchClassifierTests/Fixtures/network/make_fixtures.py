"""Makes the answers that the network's tests compare with: pip install numpy mpmath; python make_fixtures.py

networks.json        small networks of random weights with a few random patches each, and the log-probabilities that
                     NumPy computes in double precision from the definition of the network, in PyTorch's layout; and
                     the bits of those that the arithmetics `direct-1` and `winograd-1` give, step by step.
logarithms.json      exp, ln(1 + x) and log-softmax by mpmath with 60 digits, rounded to the nearest double.
"""

import json
import pathlib

import mpmath
import numpy as np

FOLDER = pathlib.Path(__file__).parent
mpmath.mp.dps = 60

# name, side, given side or null, channels after the input's three, kernel sides, hidden widths
NETWORKS = [
    ("odd sides, channels that are no multiple of eight", 27, 27, [5, 11], [3, 3], [13]),
    ("one convolution, no hidden layer", 8, None, [2], [3], []),
    ("kernels of one, two and five", 31, 31, [9, 17, 3], [5, 1, 2], [6, 20]),
    ("vectors of every width at once", 22, None, [8, 24, 56], [3, 3, 1], [40, 12]),
    ("the family's depth on a smaller patch", 46, None, [4, 6, 8, 10], [3, 3, 3, 3], [12]),
]


def convolution(x, weight, bias):
    """x [channels, y, x]; cross-correlation without padding, as torch.nn.Conv2d."""
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(1, 2))
    return np.einsum("cyxij,ocij->oyx", windows, weight) + bias[:, None, None]


def pooled(x):
    """2x2 maximum, an odd last row or column dropped, as torch.nn.MaxPool2d(2)."""
    half = x.shape[1] // 2
    return x[:, : 2 * half, : 2 * half].reshape(len(x), half, 2, half, 2).max(axis=(2, 4))


def log_probabilities(tensors, convolutions, patch):
    x = patch.transpose(2, 0, 1).astype(np.float64) / 255
    pairs = [(tensors[i].astype(np.float64), tensors[i + 1].astype(np.float64)) for i in range(0, len(tensors), 2)]
    for weight, bias in pairs[:convolutions]:
        x = pooled(np.maximum(convolution(x, weight, bias), 0))
    x = x.reshape(-1)
    for index, (weight, bias) in enumerate(pairs[convolutions:]):
        x = weight @ x + bias
        if index < len(pairs) - convolutions - 1:
            x = np.maximum(x, 0)
    return x - x.max() - np.log(np.exp(x - x.max()).sum())


def fma(a, b, c):
    """a * b + c of float32 arrays, rounded once: the product is exact in double, the sum is rounded to odd (Boldo and
    Melquiond, Emulation of a FMA and correctly rounded sums, 2008), and that to float32."""
    product, c = a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64)
    total = product + c
    back = total - product
    error = (product - (total - back)) + (c - back)
    is_even = (total.view(np.int64) & 1) == 0
    towards = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    return np.where((error != 0) & is_even, towards, total).astype(np.float32)


def winograd(x, weight, bias):
    """Pooled outputs of a 3x3 convolution before ReLU, as `winograd-1` computes them; x [channel, y, x] in float32."""
    g = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    def combined(rows):  # from left to right, in double
        return lambda three: rows[0] * three[0] + rows[1] * three[1] + rows[2] * three[2]
    kernel = weight.astype(np.float64).transpose(2, 3, 0, 1)
    half = [[combined(g[i])([kernel[y, x] for y in range(3)]) for x in range(3)] for i in range(4)]
    u = [[combined(g[j])(half[i]).astype(np.float32) for j in range(4)] for i in range(4)]
    side = (x.shape[1] - 2) // 2
    d = [[x[:, i : i + 2 * side - 1 : 2, j : j + 2 * side - 1 : 2] for j in range(4)] for i in range(4)]

    def inward(a, b, c, d):
        return [a - c, b + c, c - b, b - d]

    def outward(a, b, c, d):
        return [(a + b) + c, (b - c) - d]
    columns = [inward(*(d[i][j] for i in range(4))) for j in range(4)]
    v = [inward(*(columns[j][i] for j in range(4))) for i in range(4)]
    m = [[np.zeros((len(weight), side, side), np.float32) for _ in range(4)] for _ in range(4)]
    for channel in range(len(x)):
        for i in range(4):
            for j in range(4):
                m[i][j] = fma(v[i][j][None, channel], u[i][j][:, channel][:, None, None], m[i][j])
    halves = [outward(*(m[i][j] for i in range(4))) for j in range(4)]
    outputs = [outward(*(halves[j][row] for j in range(4))) for row in range(2)]
    most = np.maximum(np.maximum(*outputs[0]), np.maximum(*outputs[1]))
    return most + bias[:, None, None]


def bits(tensors, convolutions, patch, by_winograd):
    """Bits of the log-probabilities of `direct-1` or `winograd-1`, as patch_network.h defines them."""
    x = patch.transpose(2, 0, 1).astype(np.float32)
    for layer in range(convolutions):
        weight, bias = tensors[2 * layer], tensors[2 * layer + 1]
        if layer == 0:
            weight = weight * (np.float32(1) / np.float32(255))
        outputs, inputs, kernel, _ = weight.shape
        if by_winograd and layer > 0 and kernel == 3:
            x = np.maximum(winograd(x, weight, bias), 0)
            continue
        side = x.shape[1] - kernel + 1
        total = np.broadcast_to(bias[:, None, None], (outputs, side, side))
        for ky in range(kernel):
            for kx in range(kernel):
                for channel in range(inputs):
                    window = x[None, channel, ky : ky + side, kx : kx + side]
                    total = fma(window, weight[:, channel, ky, kx][:, None, None], total)
        x = np.maximum(pooled(total), 0)
    x = x.reshape(-1)
    for layer in range(convolutions, len(tensors) // 2):
        weight, total = tensors[2 * layer], tensors[2 * layer + 1]
        for index, value in enumerate(x):
            total = fma(value, weight[:, index], total)
        x = np.maximum(total, 0) if layer < len(tensors) // 2 - 1 else total
    return [int(np.float32(value).view(np.uint32)) for value in log_softmax(x.tolist())]


def log_softmax(logits):
    """Rounded to the nearest double."""
    total = mpmath.log(sum(mpmath.exp(mpmath.mpf(value)) for value in logits))
    return [float(mpmath.mpf(value) - total) for value in logits]


def made_network(generator, name, side, given, channels, kernels, hidden):
    tensors, inputs, size = [], 3, side
    for outputs, kernel in zip(channels, kernels):
        # He's initialisation keeps the activations of every layer of one size.
        deviation = np.sqrt(2 / (inputs * kernel * kernel))
        tensors += [generator.normal(0, deviation, (outputs, inputs, kernel, kernel)), generator.normal(0, 0.1, outputs)]
        inputs, size = outputs, (size - kernel + 1) // 2
    inputs *= size * size
    for outputs in hidden + [2]:
        tensors += [generator.normal(0, np.sqrt(2 / inputs), (outputs, inputs)), generator.normal(0, 0.1, outputs)]
        inputs = outputs
    # 1/1024 steps are exact in float32 and short in decimal.
    tensors = [(np.round(tensor * 1024) / 1024).astype(np.float32) for tensor in tensors]
    patches = [generator.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(3)]
    patches += [np.zeros((side, side, 3), np.uint8), np.full((side, side, 3), 255, np.uint8)]
    return {
        "name": name,
        "side": side,
        "given_side": given,
        "tensors": [{"shape": list(t.shape), "values": t.ravel().tolist()} for t in tensors],
        "patches": [patch.tobytes().hex() for patch in patches],
        "log_probabilities": [log_probabilities(tensors, len(channels), patch).tolist() for patch in patches],
        "bits": {
            name: [bits(tensors, len(channels), patch, name == "winograd-1") for patch in patches]
            for name in ("direct-1", "winograd-1")
        },
    }


def logarithms(generator):
    exponents = [0.0, -1e-300, -1e-16, -0.1, -0.34657359027997264, -0.34657359027997275, -1.0, -103.0, -707.9, -708.0]
    exponents += (-np.exp(generator.uniform(-8, 6.5, 400))).tolist()
    fractions = [0.0, 1e-300, 1e-17, 0.5, 1.0] + generator.uniform(0, 1, 100).tolist()
    fractions += np.exp(generator.uniform(-40, 0, 100)).tolist()
    logits = [(0, 0), (1, 1), (-3.5, 3.5), (0, 1e-7), (20, -20), (0, 60), (1e4, 0), (-1e30, 1e30)]
    logits += generator.normal(0, 4, (200, 2)).tolist()
    logits = [[float(np.float32(value)) for value in pair] for pair in logits]

    return {
        "exp": [[x, float(mpmath.exp(mpmath.mpf(x)))] for x in exponents],
        "log1p": [[x, float(mpmath.log1p(mpmath.mpf(x)))] for x in fractions],
        "log_softmax": [[pair, log_softmax(pair)] for pair in logits],
    }


if __name__ == "__main__":
    generator = np.random.default_rng(1)
    networks = [made_network(generator, *network) for network in NETWORKS]
    (FOLDER / "networks.json").write_text(json.dumps(networks, separators=(",", ":")) + "\n")
    (FOLDER / "logarithms.json").write_text(json.dumps(logarithms(generator), separators=(",", ":")) + "\n")
