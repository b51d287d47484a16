"""Computes the patches of `classify --json` from an exported file, and says how far the answers are apart."""
import json
import sys

import numpy as np
from PIL import Image


def pytorch(path):
    import torch

    state = torch.load(path)
    names = [name[:-7] for name in state if name.endswith(".weight")]

    def answers(pixels):
        x = torch.tensor(pixels)
        for name in (name for name in names if state[name + ".weight"].dim() == 4):
            x = torch.max_pool2d(torch.relu(torch.conv2d(x, state[name + ".weight"], state[name + ".bias"])), 2)
        x = x.flatten(1)
        linears = [name for name in names if state[name + ".weight"].dim() == 2]
        for name in linears:
            x = torch.nn.functional.linear(x, state[name + ".weight"], state[name + ".bias"])
            if name != linears[-1]:
                x = torch.relu(x)
        return torch.log_softmax(x, 1).numpy()

    return f"PyTorch {torch.__version__}", answers


def onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return f"ONNX Runtime {onnxruntime.__version__}", lambda pixels: session.run(None, {"patches": pixels})[0]


kind, path, listed = sys.argv[1:]
name, answers = {"pytorch": pytorch, "onnx": onnx}[kind](path)
lines = [json.loads(line) for line in open(listed)]
worst = 0.0
for start in range(0, len(lines), 64):
    batch = lines[start:start + 64]
    pixels = np.stack([np.asarray(Image.open(line["file"]).convert("RGB")) for line in batch])
    found = answers((pixels.transpose(0, 3, 1, 2) / np.float32(255)).astype(np.float32))
    ours = np.array([[line["log_p_normal"], line["log_p_tumor"]] for line in batch])
    worst = max(worst, float(np.max(np.abs(np.exp(found.astype(float)) - np.exp(ours)))))
print(f"{name}, {path.rsplit('/', 1)[-1]}: {len(lines)} patches, probabilities at most {worst:.2e} apart")
assert worst < 1e-5, "more than 1e-5"
