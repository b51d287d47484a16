"""Times what a worker would compute with other libraries, on one core, and prints one line a figure as
kernel-benchmark does: what, how, microseconds a patch.

usage: peers.py onnxruntime|openvino MODEL.onnx FOLDER [NOTE]    with the packages of PyPI; the note goes into the name
       peers.py pillow MODEL.onnx FOLDER
       peers.py torch WEIGHTS.safetensors FOLDER                 with Debian's python3-torch
"""

import glob
import io
import json
import struct
import sys
import time

import numpy

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
MOST = 512


def microseconds(patches, body, runs=9):
    """The median of several runs, after one that is not counted."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        body()
        times.append((time.perf_counter() - start) / patches * 1e6)
    return sorted(times[1:])[runs // 2]


def say(what, how, value):
    print(f"{what},{how},{value:.2f}", flush=True)


def pngs(folder):
    return [open(path, "rb").read() for path in sorted(glob.glob(folder + "/*.png"))[:MOST]]


def decode(png):
    from PIL import Image
    return numpy.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def planes(folder):
    """[patch][channel][y][x], 0 to 1."""
    return numpy.stack([decode(png).astype(numpy.float32).transpose(2, 0, 1) / 255 for png in pngs(folder)])


def time_network(name, patches, prepare):
    """`prepare(batch)` gives a function that classifies an array of so many patches: log-probabilities, normal and tumour."""
    for batch in BATCHES:
        classify = prepare(batch)
        pieces = [numpy.ascontiguousarray(patches[start:start + batch]) for start in range(0, len(patches), batch)]
        if batch == BATCHES[0]:
            answers = [float(tumor) for piece in pieces for _, tumor in numpy.array(classify(piece)).tolist()]
            print(f"answers,{name}," + " ".join(f"{tumor:.9g}" for tumor in answers))
        say("network", f"{name} batch {batch}", microseconds(len(patches), lambda: [classify(piece) for piece in pieces]))


def onnxruntime(model, folder, note=""):
    import onnxruntime as runtime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    time_network(f"ONNX Runtime {runtime.__version__}{note}", planes(folder),
                 lambda batch: lambda piece: session.run(None, {"patches": piece})[0])


def openvino(model, folder, note=""):
    import openvino as vino
    version = vino.__version__.split("-")[0]

    def prepare(batch):
        network = vino.Core().read_model(model)
        network.reshape([batch, 3, 96, 96])
        # In float32, as everybody else: with its default it would round to bfloat16 where the CPU can.
        request = vino.Core().compile_model(network, "CPU", {
            "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()

        def classify(piece):
            request.set_input_tensor(vino.Tensor(piece))
            request.infer()
            return request.get_output_tensor().data
        return classify
    time_network(f"OpenVINO {version}{note}", planes(folder), prepare)


def torch(weights, folder):
    import torch as framework
    framework.set_num_threads(1)
    with open(weights, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    values = {name: framework.tensor(numpy.frombuffer(
        data[slice(*field["data_offsets"])], numpy.float32).reshape(field["shape"]).copy())
        for name, field in header.items() if name != "__metadata__"}
    layers = []
    for name in sorted({name.rsplit(".", 1)[0] for name in values}, key=lambda name: ("conv" not in name, name)):
        weight, bias = values[f"{name}.weight"], values[f"{name}.bias"]
        layer = framework.nn.Conv2d(weight.shape[1], weight.shape[0], 3) if weight.ndim == 4 else framework.nn.Linear(
            weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = weight, bias
        if weight.ndim == 2 and not any(isinstance(before, framework.nn.Flatten) for before in layers):
            layers.append(framework.nn.Flatten())
        layers += [layer, framework.nn.ReLU()] + ([framework.nn.MaxPool2d(2)] if weight.ndim == 4 else [])
    layers[-1] = framework.nn.LogSoftmax(1)
    with framework.inference_mode():
        model = framework.nn.Sequential(*layers).eval()
        time_network(f"PyTorch {framework.__version__}", planes(folder),
                     lambda batch: lambda piece: model(framework.from_numpy(piece)))


def pillow(_, folder):
    import PIL
    images = pngs(folder)
    say("decoding", f"Pillow {PIL.__version__}", microseconds(len(images), lambda: [decode(png) for png in images]))


if __name__ == "__main__":
    {"onnxruntime": onnxruntime, "openvino": openvino, "torch": torch, "pillow": pillow}[sys.argv[1]](*sys.argv[2:])
