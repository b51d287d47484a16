"""Writes the shipped weights as the ONNX graph that PyTorch would export. Usage: export_onnx.py WEIGHTS OUT"""

import sys

import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

weights = load_file(sys.argv[1])
convolutions = sorted({name.rsplit(".", 1)[0] for name, value in weights.items() if value.ndim == 4})
linears = sorted({name.rsplit(".", 1)[0] for name, value in weights.items() if value.ndim == 2})
nodes, last = [], "patch"


def add(kind, inputs, **attributes):
    global last
    name = f"{kind}_{len(nodes)}"
    nodes.append(helper.make_node(kind, inputs, [name], **attributes))
    last = name


for layer in convolutions:
    add("Conv", [last, f"{layer}.weight", f"{layer}.bias"])
    add("Relu", [last])
    add("MaxPool", [last], kernel_shape=[2, 2], strides=[2, 2])
add("Flatten", [last], axis=1)
for number, layer in enumerate(linears):
    add("Gemm", [last, f"{layer}.weight", f"{layer}.bias"], transB=1)
    if number + 1 < len(linears):
        add("Relu", [last])
add("LogSoftmax", [last], axis=1)
graph = helper.make_graph(
    nodes, "patch", [helper.make_tensor_value_info("patch", TensorProto.FLOAT, ["batch", 3, 96, 96])],
    [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["batch", 2])],
    [numpy_helper.from_array(value, name) for name, value in weights.items()])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[2])
