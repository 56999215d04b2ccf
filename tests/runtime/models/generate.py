#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make the test networks of this directory: NAME.onnx, and for those that
compile NAME.in.npy and NAME.out.npy (float32, computed here by PyTorch or NumPy).

    generate.py [DIRECTORY]

Needs python3-torch and python3-onnx; the tests themselves need only the
files, which are kept in the repository. All weights are random.
"""

import copy
import io
import os
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

FLOAT = TensorProto.FLOAT
out_dir = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(1)
torch.manual_seed(1)
torch.set_num_threads(1)


def path(name):
    return os.path.join(out_dir, name)


def save(name, model, x=None, y=None):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    model.producer_version = ""
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
    with open(path(name + ".onnx"), "wb") as file:
        file.write(model.SerializeToString())
    if x is not None:
        np.save(path(name + ".in.npy"), np.ascontiguousarray(x, dtype=np.float32))
        np.save(path(name + ".out.npy"), np.ascontiguousarray(y, dtype=np.float32))


def walk(steps, batch, size, scale=1.0):
    """A slowly changing input, as a sensor gives it."""
    x = np.cumsum(rng.normal(size=(steps, batch, size)) * 0.3, axis=0) + rng.normal(size=(1, batch, size))
    return (np.tanh(x / 2) * 2 * scale).astype(np.float32)


# --- exported by PyTorch -----------------------------------------------------

def export(name, module, inputs, names, outputs, opset=13, dynamic=None, x=None):
    """@x: [steps][batch][elements] as the runtime takes it, if it is not the first input."""
    module.eval()
    with torch.no_grad():
        y = module(*inputs)
    buf = io.BytesIO()
    torch.onnx.export(module, inputs, buf, input_names=names, output_names=outputs, opset_version=opset, dynamic_axes=dynamic)
    y = (y[0] if isinstance(y, tuple) else y).numpy()
    save(name, onnx.load_from_string(buf.getvalue()), inputs[0].numpy() if x is None else x, y)


class Gru(nn.Module):
    """A GRU, and what @head makes of (y, h)."""

    def __init__(self, size, hidden, layers=1, head=None, **options):
        super().__init__()
        self.gru = nn.GRU(size, hidden, layers, **options)
        self.head = head

    def forward(self, x, h0=None):
        y, h = self.gru(x, h0)
        return self.head(y, h) if self.head else y


class Head(nn.Module):
    def __init__(self, pick, *modules):
        super().__init__()
        self.pick = pick
        self.net = nn.Sequential(*modules)

    def forward(self, y, h):
        return self.net(self.pick(y, h))


TIME = {"x": {0: "T"}, "y": {0: "T"}}
TIME_BATCH = {"x": {0: "T", 1: "B"}, "y": {0: "T", 1: "B"}}


def tensor(x):
    return torch.from_numpy(x)


def torch_models():
    x13 = tensor(walk(15, 1, 13))
    export("gru_odd", Gru(13, 20), (x13,), ["x"], ["y"], dynamic=TIME)
    export("gru_opset9", Gru(13, 20), (x13,), ["x"], ["y"], opset=9, dynamic=TIME)
    export("gru_opset17", Gru(13, 20), (x13,), ["x"], ["y"], opset=17, dynamic=TIME)
    export("gru_fixed", Gru(13, 20), (x13,), ["x"], ["y"])
    export("gru_nobias", Gru(8, 16, 2, bias=False), (tensor(walk(12, 1, 8)),), ["x"], ["y"], dynamic=TIME)
    export("gru3", Gru(5, 20, 3), (tensor(walk(12, 1, 5)),), ["x"], ["y"], dynamic=TIME)
    export("gru_batch", Gru(12, 16, 2), (tensor(walk(9, 3, 12)),), ["x"], ["y"], dynamic=TIME_BATCH)
    batch_first = {"x": {0: "B", 1: "T"}, "y": {0: "B", 1: "T"}}
    x = walk(10, 2, 6)
    export("gru_batch_first", Gru(6, 24, 2, batch_first=True, head=Head(lambda y, h: y, nn.Linear(24, 3))),
           (tensor(x.transpose(1, 0, 2).copy()),), ["x"], ["y"], opset=17, dynamic=batch_first)
    states = {"x": {0: "T"}, "y": {0: "T"}}
    export("gru_states", Gru(7, 18, 2, head=lambda y, h: (y, h)), (tensor(walk(11, 1, 7)), torch.zeros(2, 1, 18)), ["x", "h0"], ["y", "hn"],
           dynamic=states)
    last_models()
    dense_models()


def last_models():
    time = {"x": {0: "T"}}
    export("last_linear", Gru(9, 22, 2, head=Head(lambda y, h: y[-1], nn.Linear(22, 4))), (tensor(walk(14, 1, 9)),), ["x"], ["y"], dynamic=time)
    export("last_hidden", Gru(9, 22, 2, head=Head(lambda y, h: h[-1], nn.Linear(22, 12), nn.ReLU(), nn.Linear(12, 4), nn.LogSoftmax(-1))),
           (tensor(walk(14, 1, 9)),), ["x"], ["y"], dynamic=time)
    export("last_slice", Gru(9, 22, head=Head(lambda y, h: y[-1:], nn.Linear(22, 4), nn.Softmax(-1))), (tensor(walk(14, 1, 9)),), ["x"], ["y"],
           dynamic=time)
    export("last_argmax", Gru(9, 22, head=Head(lambda y, h: torch.softmax(y[-1], -1).argmax(-1))), (tensor(walk(14, 1, 9)),), ["x"], ["y"],
           dynamic=time)
    batch_first = {"x": {0: "B", 1: "T"}, "y": {0: "B"}}
    x = walk(14, 2, 9).transpose(1, 0, 2).copy()
    export("last_batch_first", Gru(9, 22, 2, batch_first=True, head=Head(lambda y, h: y[:, -1], nn.Linear(22, 4))), (tensor(x),), ["x"], ["y"],
           dynamic=batch_first)
    export("last_only", Gru(9, 22, head=lambda y, h: h), (tensor(walk(14, 1, 9)),), ["x"], ["y"], dynamic=time)


class Sandwich(nn.Module):
    def __init__(self):
        super().__init__()
        self.before = nn.Linear(11, 20)
        self.gru1 = nn.GRU(20, 28)
        self.between = nn.Linear(28, 10)
        self.gru2 = nn.GRU(10, 17)
        self.after = nn.Linear(17, 3)

    def forward(self, x):
        y = self.gru1(torch.tanh(self.before(x)))[0]
        y = self.gru2(torch.relu(self.between(y)))[0]
        return torch.sigmoid(self.after(y))


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(6, 16)
        self.register_buffer("mean", torch.tensor([100.0, -5.0, 0.0, 2.0, 40.0, 7.0]))
        self.register_buffer("std", torch.tensor([30.0, 2.0, 1.0, 4.0, 20.0, 3.0]))

    def forward(self, x):
        return self.gru((x - self.mean) / self.std)[0]


def mlp(*modules):
    return nn.Sequential(*modules)


def dense_models():
    export("dense_gru_dense", Sandwich(), (tensor(walk(13, 1, 11)),), ["x"], ["y"], dynamic=TIME)
    norm = Normalised()
    export("normalised", norm, (tensor(walk(13, 1, 6)) * norm.std + norm.mean,), ["x"], ["y"], dynamic=TIME)
    rows = {"x": {0: "B"}, "y": {0: "B"}}
    x = tensor(walk(1, 8, 10)[0])
    export("mlp", mlp(nn.Linear(10, 30), nn.ReLU(), nn.Linear(30, 18), nn.Tanh(), nn.Linear(18, 5), nn.Sigmoid()), (x,), ["x"], ["y"], dynamic=rows)
    norm = nn.BatchNorm1d(30)
    with torch.no_grad():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.normal_()
    net = mlp(nn.Linear(10, 30), norm, nn.ReLU(), nn.Linear(30, 1))
    export("mlp_norm", net, (x,), ["x"], ["y"], dynamic=rows)
    big = mlp(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))
    with torch.no_grad():
        big[0].weight *= 60
        big[2].weight *= 40
    export("mlp_large", big, (x * 50,), ["x"], ["y"], dynamic=rows)


# --- written by hand, in the forms of other exporters -------------------------

def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Weights:
    """Of one ONNX GRU: z, r, h."""

    def __init__(self, size, hidden, scale=0.4, bias=True):
        self.w = (rng.normal(size=(1, 3 * hidden, size)) * scale).astype(np.float32)
        self.r = (rng.normal(size=(1, 3 * hidden, hidden)) * scale / 2).astype(np.float32)
        self.b = (rng.normal(size=(1, 6 * hidden)) * 0.3 * bias).astype(np.float32)
        self.hidden = hidden

    def run(self, x, h=None):
        n = self.hidden
        h = np.zeros((x.shape[1], n), np.float32) if h is None else h
        ys = []
        for step in x:
            a = step @ self.w[0].T + self.b[0, :3 * n]
            c = h @ self.r[0].T + self.b[0, 3 * n:]
            z, r = sigmoid(a[:, :n] + c[:, :n]), sigmoid(a[:, n:2 * n] + c[:, n:2 * n])
            h = z * h + (1 - z) * np.tanh(a[:, 2 * n:] + r * c[:, 2 * n:])
            ys.append(h)
        return np.stack(ys)

    def initializers(self, prefix="", dtype=np.float32):
        return [numpy_helper.from_array(v.astype(dtype), prefix + k) for k, v in (("W", self.w), ("R", self.r), ("B", self.b))]


def ints(name, *values):
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, initializers=(), opset=13, **options):
    graph = helper.make_graph(nodes, "test", inputs, outputs, initializer=list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="test", ir_version=7, **options)


def gru_node(weights, inputs=("x", "W", "R", "B"), outputs=("y", ""), **attributes):
    options = {"hidden_size": weights.hidden, "linear_before_reset": 1, "name": "gru"}
    options.update(attributes)
    return helper.make_node("GRU", list(inputs), list(outputs), **{k: v for k, v in options.items() if v is not None})


def hand_models():
    w = Weights(12, 16)
    x = walk(10, 1, 12)
    y = w.run(x)
    xin, yout = value("x", ["T", 1, 12]), value("y", ["T", 1, 1, 16])
    y4 = y[:, None]
    save("gru_bare", model([gru_node(w)], [xin], [yout], w.initializers()), x, y4)
    half = copy.copy(w)
    half.w, half.r, half.b = (v.astype(np.float16).astype(np.float32) for v in (w.w, w.r, w.b))
    save("weights_half", model([gru_node(w)], [xin], [yout], w.initializers(dtype=np.float16)), x, half.run(x)[:, None])
    save("weights_double", model([gru_node(w)], [xin], [yout], w.initializers(dtype=np.float64)), x, y4)
    typed = [helper.make_tensor(t.name, FLOAT, t.dims, numpy_helper.to_array(t).ravel().tolist()) for t in w.initializers()]
    save("weights_float_data", model([gru_node(w)], [xin], [yout], typed), x, y4)
    constants = [helper.make_node("Constant", [], [t.name], value=t) for t in w.initializers()]
    save("weights_constant_nodes", model(constants + [gru_node(w)], [xin], [yout]), x, y4)
    as_inputs = [value(t.name, list(t.dims)) for t in w.initializers()]
    save("weights_also_inputs", model([gru_node(w)], [xin] + as_inputs, [yout], w.initializers()), x, y4)
    save("lens_full", model([gru_node(w, ("x", "W", "R", "B", "lens"))], [value("x", [10, 1, 12])], [yout],
                            w.initializers() + [numpy_helper.from_array(np.array([10], np.int32), "lens")]), x, y4)
    expand = [helper.make_node("Shape", ["x"], ["shape"]), helper.make_node("Gather", ["shape", "one"], ["batch"]),
              helper.make_node("Concat", ["one", "batch", "units"], ["dims"], axis=0), helper.make_node("Expand", ["zero", "dims"], ["h0"]),
              gru_node(w, ("x", "W", "R", "B", "", "h0"))]
    save("state_expand", model(expand, [value("x", ["T", "B", 12])], [value("y", ["T", 1, "B", 16])], w.initializers() +
                               [ints("one", 1), ints("units", 16), numpy_helper.from_array(np.zeros((1, 1, 1), np.float32), "zero")]), x, y4)
    h0 = (rng.normal(size=(1, 1, 16)) * 0.5).astype(np.float32)
    save("state_constant", model([gru_node(w, ("x", "W", "R", "B", "", "h0"))], [xin], [yout],
                                 w.initializers() + [numpy_helper.from_array(h0, "h0")]), x, w.run(x, h0[0])[:, None])
    keras_models()
    no_op_models(w, x, y4, xin, yout)


def keras_models():
    """Batch first, Y squeezed and transposed back, dense layer as Reshape, MatMul, Add, Reshape."""
    w = Weights(7, 24)
    dense = (rng.normal(size=(24, 5)) * 0.3).astype(np.float32)
    bias = rng.normal(size=5).astype(np.float32)
    x = walk(9, 2, 7)
    y = w.run(x) @ dense + bias
    nodes = [helper.make_node("Transpose", ["x"], ["xt"], perm=[1, 0, 2]), gru_node(w, ("xt", "W", "R", "B"), ("y4", "yh")),
             helper.make_node("Squeeze", ["y4", "one"], ["y3"]), helper.make_node("Transpose", ["y3"], ["yt"], perm=[1, 0, 2]),
             helper.make_node("Shape", ["yt"], ["shape"]), helper.make_node("Slice", ["shape", "zero", "two"], ["lead"]),
             helper.make_node("Concat", ["lead", "five"], ["back"], axis=0), helper.make_node("Reshape", ["yt", "flat"], ["rows"]),
             helper.make_node("MatMul", ["rows", "D"], ["m"], name="dense"), helper.make_node("Add", ["m", "b"], ["a"]),
             helper.make_node("Reshape", ["a", "back"], ["y"])]
    consts = [ints("one", 1), ints("zero", 0), ints("two", 2), ints("five", 5), ints("flat", -1, 24), numpy_helper.from_array(dense, "D"),
              numpy_helper.from_array(bias, "b")]
    save("keras", model(nodes, [value("x", ["B", "T", 7])], [value("y", ["B", "T", 5])], w.initializers() + consts),
         x.transpose(1, 0, 2), y.transpose(1, 0, 2))
    nodes = [helper.make_node("Transpose", ["x"], ["xt"], perm=[1, 0, 2]), gru_node(w, ("xt", "W", "R", "B"), ("", "yh")),
             helper.make_node("Squeeze", ["yh", "zero"], ["last"]), helper.make_node("Gemm", ["last", "Dt", "b"], ["g"], transB=1, alpha=0.5, beta=2.0),
             helper.make_node("Softmax", ["g"], ["y"])]
    g = w.run(x)[-1] @ dense * 0.5 + 2 * bias
    e = np.exp(g - g.max(-1, keepdims=True))
    save("keras_last", model(nodes, [value("x", ["B", "T", 7])], [value("y", ["B", 5])],
                             w.initializers() + consts + [numpy_helper.from_array(dense.T.copy(), "Dt")]), x.transpose(1, 0, 2),
         e / e.sum(-1, keepdims=True))


def no_op_models(w, x, y4, xin, yout):
    nodes = [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("Cast", ["a"], ["b"], to=FLOAT), gru_node(w, ("b", "W", "R", "B"), ("c", "")),
             helper.make_node("Dropout", ["c", "half"], ["y", "mask"]), helper.make_node("Conv", ["x", "x"], ["dead"], name="dead")]
    half = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    save("no_ops", model(nodes, [xin], [yout], w.initializers() + [half]), x, y4)


# --- refused -----------------------------------------------------------------

def refused_gru(name, weights=None, inputs=("x", "W", "R", "B"), shape=("T", 1, 12), extra=(), more_inputs=(), **attributes):
    w = weights or Weights(12, 16)
    save("bad_" + name, model([gru_node(w, inputs, **attributes)], [value("x", list(shape))] + list(more_inputs),
                              [value("y", ["T", 1, 1, w.hidden])], w.initializers() + list(extra)))


def refused_models():
    refused_gru("before_reset", linear_before_reset=0)
    refused_gru("no_before_reset", linear_before_reset=None)
    refused_gru("reverse", direction="reverse")
    refused_gru("clip", clip=3.0)
    refused_gru("activations", activations=["Sigmoid", "Relu"])
    refused_gru("alpha", activation_alpha=[1.0])
    refused_gru("layout", layout=1)
    refused_gru("lens", inputs=("x", "W", "R", "B", "lens"), shape=(10, 1, 12), extra=[numpy_helper.from_array(np.array([9], np.int32), "lens")])
    refused_gru("lens_input", inputs=("x", "W", "R", "B", "lens"), more_inputs=[value("lens", [1], TensorProto.INT32)])
    refused_gru("shape", weights=Weights(11, 16))
    refused_gru("hidden_size", hidden_size=17)
    refused_gru("initial_rows", inputs=("x", "W", "R", "B", "", "h0"), shape=("T", 2, 12),
                extra=[numpy_helper.from_array(rng.normal(size=(1, 2, 16)).astype(np.float32), "h0")])
    refused_gru("state_shape", inputs=("x", "W", "R", "B", "", "h0"), more_inputs=[value("h0", [1, 1, 15])])
    w = Weights(12, 16)
    save("bad_integer_input", model([gru_node(w)], [value("x", ["T", 1, 12], TensorProto.INT64)], [value("y", None)], w.initializers()))
    save("bad_dynamic_weights", model([gru_node(w)], [value("x", ["T", 1, 12]), value("W", [1, 48, 12])], [value("y", None)], w.initializers()[1:]))
    wide = model([helper.make_node("MatMul", ["x", "D"], ["y"], name="wide")], [value("x", ["B", 4])], [value("y", None)],
                 [helper.make_tensor("D", FLOAT, [4, 1032], [0.0] * 4 * 1032)])
    save("bad_wide", wide)
    nan = w.initializers()
    nan[0] = numpy_helper.from_array(np.full_like(w.w, np.nan), "W")
    save("bad_nan", model([gru_node(w)], [value("x", ["T", 1, 12])], [value("y", None)], nan))
    refused_graphs(w)
    refused_files(w)


def refused_graphs(w):
    x, y = [value("x", ["T", 1, 12])], [value("y", None)]
    squeeze = helper.make_node("Squeeze", ["y4", "one"], ["y3"])
    base = [gru_node(w, outputs=("y4", "yh")), squeeze]
    consts = w.initializers() + [ints("one", 1), ints("last", -1), ints("first", 0)]
    lstm = helper.make_node("LSTM", ["x", "W", "R"], ["y", ""], hidden_size=16, name="lstm")
    save("bad_lstm", model([lstm], x, y, consts))
    d = numpy_helper.from_array((rng.normal(size=(16, 12)) * 0.3).astype(np.float32), "D")
    two = [helper.make_node("MatMul", ["y3", "D"], ["y"], name="head1"), helper.make_node("MatMul", ["y3", "D"], ["z"], name="head2")]
    save("bad_branch", model(base + two, x, y + [value("z", None)], consts + [d]))
    save("bad_residual", model(base + [helper.make_node("Add", ["y3", "y3"], ["y"], name="add")], x, y, consts))
    middle = [two[0], helper.make_node("Relu", ["y"], ["z"])]
    save("bad_two_outputs", model(base + middle, x, y + [value("z", None)], consts + [d]))
    soft = [helper.make_node("Softmax", ["y3"], ["s"]), helper.make_node("MatMul", ["s", "D"], ["y"], name="head")]
    save("bad_softmax_middle", model(base + soft, x, y, consts + [d]))
    mean = [helper.make_node("ReduceMean", ["y3"], ["y"], axes=[0], name="mean")]
    save("bad_mean", model(base + mean, x, y, consts))
    gather = [helper.make_node("Gather", ["y3", "first"], ["y"], name="pick", axis=0)]
    save("bad_first_step", model(base + gather, x, y, consts))
    again = Weights(16, 16)
    second = [helper.make_node("Slice", ["y3", "last", "end"], ["tail"]), gru_node(again, ("tail", "W2", "R2", "B2"), name="gru2")]
    save("bad_gru_after_last", model(base + second, x, y, consts + [ints("end", 2**31 - 1)] +
                                     [numpy_helper.from_array(numpy_helper.to_array(t), t.name + "2") for t in again.initializers()]))
    transposed = [helper.make_node("Transpose", ["x"], ["xt"], perm=[2, 1, 0], name="flip"), gru_node(w, ("xt", "W", "R", "B"))]
    save("bad_axes", model(transposed, [value("x", [12, 1, 12])], y, consts))
    custom = gru_node(w)
    custom.domain = "com.example"
    save("bad_domain", model([custom], x, y, consts))
    save("bad_opset", model([gru_node(w)], x, y, consts, opset=22))
    save("bad_order", model(list(reversed(base)), x, [value("y3", None)], consts))
    deep_stack()


def deep_stack():
    nodes, consts, name = [], [], "x"
    for i in range(9):
        consts.append(numpy_helper.from_array((rng.normal(size=(16, 16)) * 0.2).astype(np.float32), "D%d" % i))
        nodes.append(helper.make_node("MatMul", [name, "D%d" % i], ["y%d" % i], name="dense%d" % i))
        name = "y%d" % i
    save("bad_deep", model(nodes, [value("x", ["B", 16])], [value("y8", None)], consts))


def refused_files(w):
    external = w.initializers()
    external[0].ClearField("raw_data")
    external[0].data_location = TensorProto.EXTERNAL
    entry = external[0].external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    save("bad_external", model([gru_node(w)], [value("x", ["T", 1, 12])], [value("y", None)], external))
    short = w.initializers()
    short[0].raw_data = short[0].raw_data[:-4]
    save("bad_short", model([gru_node(w)], [value("x", ["T", 1, 12])], [value("y", None)], short))
    fill = [helper.make_node("ConstantOfShape", ["dims"], ["W"], name="huge"), gru_node(w)]
    save("bad_huge", model(fill, [value("x", ["T", 1, 12])], [value("y", None)], w.initializers()[1:] + [ints("dims", 2**40, 2**40)]))


# --- for the profile without capability bits ------------------------------------

def published(name, sizes, clip=True, recurrent_bias=False, scale=0.4, size=8):
    nodes, consts, source = [], [], "x"
    x = walk(12, 1, size)
    y = x
    for i, hidden in enumerate(sizes):
        w = Weights(size, hidden, scale)
        if clip:
            w.w, w.r, w.b = (np.round(np.clip(v, -1, 127 / 128) * 128) / 128 for v in (w.w, w.r, w.b))
        if not recurrent_bias:
            w.b[0, 5 * hidden:] = 0
        w.b[0, 3 * hidden:5 * hidden] = 0
        consts += [numpy_helper.from_array(v.astype(np.float32), k + str(i)) for k, v in (("W", w.w), ("R", w.r), ("B", w.b))]
        nodes.append(gru_node(w, (source, "W%d" % i, "R%d" % i, "B%d" % i), ("y4_%d" % i, ""), name="gru%d" % i))
        nodes.append(helper.make_node("Squeeze", ["y4_%d" % i, "one"], ["y%d" % i]))
        source, size, y = "y%d" % i, hidden, w.run(y)
    save(name, model(nodes, [value("x", ["T", 1, x.shape[2]])], [value(source, ["T", 1, size])], consts + [ints("one", 1)]), x, y)


def published_models():
    published("published", [16, 16])
    published("published_grow", [16, 24, 24, 32])
    published("published_odd", [13, 20], size=5)
    published("published_shrink", [24, 16])
    published("published_five", [16] * 5)
    published("published_weights", [16], clip=False, scale=1.5)
    published("published_rbh", [16], recurrent_bias=True)


def relu_models():
    """Relu on what a GRU gives, as tutorials have it; and at the very end."""
    batch_first = {"x": {0: "B", 1: "T"}, "y": {0: "B"}}
    x = walk(14, 2, 9).transpose(1, 0, 2).copy()
    export("relu_between", Gru(9, 22, 2, batch_first=True, head=Head(lambda y, h: torch.relu(y[:, -1]), nn.Linear(22, 4))), (tensor(x),), ["x"],
           ["y"], dynamic=batch_first)
    export("relu_end", Gru(9, 22, head=Head(lambda y, h: torch.relu(y))), (tensor(walk(14, 1, 9)),), ["x"], ["y"], dynamic=TIME)


torch_models()
hand_models()
refused_models()
published_models()
relu_models()
