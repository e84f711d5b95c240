#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the networks and specifications of this folder, with reasons.

    python3 benchmarks/examples/make.py        writes next to itself

Needs numpy, onnx and scikit-learn (for its 8x8 digits); dualcert itself needs
nothing of this.  The expected verdicts do not come from dualcert:

    falsified   a counterexample found here by gradient descent, saved as .witness
    verified    a proof found here: linear bounds, propagated backwards, in double
                with a slack of SLACK; the brake network by splitting its input box
    unknown     neither was found; any verdict is welcome
"""

import csv
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
SLACK = 1e-5  # far above the rounding of the bounds below

# ---- networks: lists of (W, b) with a ReLU between two of them --------------


def forward(layers, x):
    for k, (W, b) in enumerate(layers):
        x = x @ W.T + b
        if k < len(layers) - 1:
            x = np.maximum(x, 0)
    return x


def gradient(layers, x, c):
    """c . y and its gradient in x, for rows x[m] and c[m]."""
    masks = []
    h = x
    for k, (W, b) in enumerate(layers):
        h = h @ W.T + b
        if k < len(layers) - 1:
            masks.append(h > 0)
            h = np.maximum(h, 0)
    value = (c * h).sum(1)
    g = c
    for k in range(len(layers) - 1, -1, -1):
        g = g @ layers[k][0]
        if k:
            g = g * masks[k - 1]
    return value, g


def train(shapes, forward_backward, x, t, epochs, rng, lr=3e-3, decay=1e-4):
    """Adam on parameters of the given shapes; returns them."""
    p = [rng.standard_normal(s) * np.sqrt(2 / np.prod(s[1:])) if len(s) > 1
         else np.zeros(s) for s in shapes]
    m = [np.zeros(s) for s in shapes]
    v = [np.zeros(s) for s in shapes]
    step = 0
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        rate = lr * (1 - epoch / epochs)
        for at in range(0, len(x), 64):
            batch = order[at:at + 64]
            grads = forward_backward(p, x[batch], t[batch], rng)
            step += 1
            for i, g in enumerate(grads):
                g = g + decay * p[i]
                m[i] = 0.9 * m[i] + 0.1 * g
                v[i] = 0.999 * v[i] + 0.001 * g * g
                p[i] = p[i] - rate * (m[i] / (1 - 0.9**step)) / (
                    np.sqrt(v[i] / (1 - 0.999**step)) + 1e-8)
    return p


def dense_step(loss_gradient, noise):
    """One gradient for p = [W0, b0, W1, b1, ...]."""

    def step(p, x, t, rng):
        h = [x + noise * rng.uniform(-1, 1, x.shape)]
        z = []
        for k in range(0, len(p), 2):
            z.append(h[-1] @ p[k].T + p[k + 1])
            h.append(np.maximum(z[-1], 0))
        g = loss_gradient(z[-1], t) / len(x)
        grads = [None] * len(p)
        for k in range(len(p) - 2, -1, -2):
            grads[k] = g.T @ h[k // 2]
            grads[k + 1] = g.sum(0)
            g = g @ p[k]
            if k:
                g = g * (z[k // 2 - 1] > 0)
        return grads

    return step


def softmax_gradient(z, t):
    e = np.exp(z - z.max(1, keepdims=True))
    g = e / e.sum(1, keepdims=True)
    g[np.arange(len(z)), t] -= 1
    return g


def conv_indices(c_in, size, stride):
    """For a 3x3 convolution with padding 1: which input (or -1) each output sees."""
    out = (size + 2 - 3) // stride + 1
    table = -np.ones((out * out, c_in * 9), dtype=int)
    for oy in range(out):
        for ox in range(out):
            for c in range(c_in):
                for ky in range(3):
                    for kx in range(3):
                        y, x = oy * stride + ky - 1, ox * stride + kx - 1
                        if 0 <= y < size and 0 <= x < size:
                            table[oy * out + ox, c * 9 + ky * 3 + kx] = (
                                c * size * size + y * size + x)
    return table, out


def conv_to_dense(W, b, table, n_in):
    """The matrix of a convolution, channel-major like a flattened ONNX tensor."""
    c_out, positions = len(W), len(table)
    big = np.zeros((c_out * positions, n_in))
    flat = W.reshape(c_out, -1)
    for o in range(c_out):
        for p in range(positions):
            for k in range(table.shape[1]):
                if table[p, k] >= 0:
                    big[o * positions + p, table[p, k]] += flat[o, k]
    return big, np.repeat(b, positions)


def conv_step(tables):
    """One gradient for p = [conv W, b, conv W, b, dense W, b]."""

    def patches(h, table):
        padded = np.concatenate([h, np.zeros((len(h), 1))], 1)  # index -1 is 0
        return padded[:, table]

    def step(p, x, t, rng):
        x = x + 0.1 * rng.uniform(-1, 1, x.shape)
        h, kept = x, []
        for i, table in enumerate(tables):
            W, b = p[2 * i], p[2 * i + 1]
            seen = patches(h, table)
            z = np.einsum("npk,ok->nop", seen, W.reshape(len(W), -1)) + b[:, None]
            kept.append((h, seen, z))
            h = np.maximum(z, 0).reshape(len(x), -1)
        W, b = p[-2:]
        g = softmax_gradient(h @ W.T + b, t) / len(x)
        grads = [None] * len(p)
        grads[-2], grads[-1] = g.T @ h, g.sum(0)
        g = g @ W
        for i in range(len(tables) - 1, -1, -1):
            before, seen, z = kept[i]
            W = p[2 * i]
            g = g.reshape(z.shape) * (z > 0)
            grads[2 * i] = np.einsum("nop,npk->ok", g, seen).reshape(W.shape)
            grads[2 * i + 1] = g.sum((0, 2))
            if i:
                spread = np.einsum("nop,ok->npk", g, W.reshape(len(W), -1))
                g = np.zeros((len(x), before.shape[1] + 1))
                np.add.at(g, (slice(None), tables[i]), spread)
                g = g[:, :-1]
        return grads

    return step


def float32(p):
    return [np.asarray(a, dtype=np.float32) for a in p]


# ---- proofs and counterexamples ---------------------------------------------


def lower_bound(layers, lo, hi, C, d):
    """Lower bounds of C y - d on the box: interval bounds met with backward bounds."""
    bounds = []
    for k in range(len(layers)):
        W, b = layers[k]
        both = np.concatenate([W, -W])
        low = backward(layers[:k], bounds, both, np.concatenate([b, -b]), lo, hi)
        bounds.append((low[:len(b)] - SLACK, -low[len(b):] + SLACK))
    return backward(layers, bounds[:-1], C, -d, lo, hi, last=True) - SLACK


def backward(layers, bounds, A, c, lo, hi, last=False):
    """Lower bounds of A h + c, h the last vector of `layers` (after its ReLU)."""
    for k in range(len(layers) - 1, -1, -1):
        if not (last and k == len(layers) - 1):
            l, u = bounds[k]
            wide = np.maximum(u - l, 1e-12)
            upper = np.where(l >= 0, 1.0, np.where(u <= 0, 0.0, u / wide))
            shift = np.where((l < 0) & (u > 0), -l * u / wide, 0.0)
            lower = np.where(l >= 0, 1.0, np.where(u <= 0, 0.0, (u > -l) * 1.0))
            c = c + np.minimum(A, 0) @ shift
            A = np.maximum(A, 0) * lower + np.minimum(A, 0) * upper
        W, b = layers[k]
        c = c + A @ b
        A = A @ W
    return c + np.maximum(A, 0) @ lo + np.minimum(A, 0) @ hi


def attack(layers, lo, hi, C, d, rng, restarts=40, steps=200):
    """The smallest C y - d over all rows that gradient descent finds, and where."""
    best, where = np.inf, None
    rate = (hi - lo) / 20
    for i in range(len(C)):
        x = np.clip(rng.uniform(lo, hi, (restarts, len(lo))), lo, hi)
        c = np.repeat(C[i:i + 1], restarts, 0)
        for step in range(steps + 1):
            value, g = gradient(layers, x, c)
            m = np.argmin(value)
            if value[m] - d[i] < best:
                best, where = value[m] - d[i], x[m].copy()
            x = np.clip(x - rate * np.sign(g) * (1 - step / (steps + 1)), lo, hi)
    return best, where


def split_proof(layers, lo, hi, C, d, depth=30):
    """Prove C y - d > 0 on the box by halving it; the number of boxes, or None."""
    if lower_bound(layers, lo, hi, C, d).max() > 0:
        return 1
    if depth == 0:
        return None
    i = np.argmax(hi - lo)
    middle = (lo[i] + hi[i]) / 2
    left, right = hi.copy(), lo.copy()
    left[i] = right[i] = middle
    a = split_proof(layers, lo, left, C, d, depth - 1)
    b = a and split_proof(layers, right, hi, C, d, depth - 1)
    return a + b if a and b else None


# ---- files ------------------------------------------------------------------


def decimal(x):
    return f"{x:.6f}".rstrip("0").rstrip(".") if x % 1 else f"{x:.1f}"


def write_onnx(name, nodes, weights, shape_in, shape_out):
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape_out)],
        [numpy_helper.from_array(a, n) for n, a in weights])
    model = helper.make_model(graph, producer_name="make.py",
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, HERE / f"{name}.onnx")


def write_vnnlib(name, comment, lo, hi, n_out, unsafe):
    lines = [f"; {line}" for line in comment]
    lines += [f"(declare-const X_{i} Real)" for i in range(len(lo))]
    lines += [f"(declare-const Y_{j} Real)" for j in range(n_out)]
    for i in range(len(lo)):
        lines.append(f"(assert (>= X_{i} {decimal(lo[i])}))")
        lines.append(f"(assert (<= X_{i} {decimal(hi[i])}))")
    lines.append(f"(assert {unsafe})")
    (HERE / f"{name}.vnnlib").write_text("\n".join(lines) + "\n")


def write_witness(name, layers, x, lo, hi):
    """x in float32, inside the box, in the notation of VNN-COMP."""
    x = np.float32(x)
    x = np.where(x < lo, np.nextafter(x, np.float32(np.inf)), x)
    x = np.where(x > hi, np.nextafter(x, np.float32(-np.inf)), x)
    assert (x >= lo).all() and (x <= hi).all()
    y = forward(layers, np.float64(x))
    pairs = [f"(X_{i} {float(v):.17g})" for i, v in enumerate(x)]
    pairs += [f"(Y_{j} {v:.9g})" for j, v in enumerate(y)]
    (HERE / f"{name}.witness").write_text("(" + "\n".join(pairs) + ")\n")
    return y


rows = []


def add(net, spec, expected, text, reason):
    rows.append([net, spec, expected, text, reason])
    print(f"{spec:28s} {expected:10s} {reason}")


def others(label):
    """Rows y_label - y_j for all j but the label, and zeros."""
    C = np.zeros((9, 10))
    C[:, label] = 1
    for r, j in enumerate(j for j in range(10) if j != label):
        C[r, j] = -1
    return C, np.zeros(9)


def scan(layers, x, label, rng):
    """The largest provable eps and the smallest that an attack breaks, in steps."""
    C, d = others(label)
    proved, broken = 0, None
    for k in range(1, 200):
        eps = k / 200
        lo, hi = np.maximum(x - eps, 0), np.minimum(x + eps, 1)
        if proved == (k - 1) / 200 and lower_bound(layers, lo, hi, C, d).min() > 0:
            proved = eps
        elif attack(layers, lo, hi, C, d, rng, 10, 60)[0] < 0:
            broken = eps
            break
    return proved, broken


def robustness(net, layers, image, x, label, rng):
    C, d = others(label)
    proved, broken = scan(layers, x, label, rng)
    for kind, eps in [("narrow", proved), ("between", round(0.9 * broken, 3)),
                      ("wide", round(1.2 * broken, 3))]:
        lo, hi = np.maximum(x - eps, 0), np.minimum(x + eps, 1)
        spec = f"{net}-{kind}"
        text = f"image {image} stays a {label} when every pixel moves by {eps:g}"
        literals = "\n".join(f"  (and (>= Y_{j} Y_{label}))"
                             for j in range(10) if j != label)
        write_vnnlib(spec, [text.capitalize() + ".",
                            "Unsafe: another digit scores at least as high."],
                     lo, hi, 10, f"(or\n{literals})")
        low = lower_bound(layers, lo, hi, C, d).min()
        best, where = attack(layers, lo, hi, C, d, rng)
        if kind == "narrow":
            assert low > 0
            add(f"{net}.onnx", f"{spec}.vnnlib", "verified", text,
                f"make.py proves a margin of {low:.3f} by backward bounds")
        elif kind == "wide":
            y = write_witness(spec, layers, where, lo, hi)
            digit = np.argmax(y)
            assert digit != label
            add(f"{net}.onnx", f"{spec}.vnnlib", "falsified", text,
                f"{spec}.witness is read as a {digit}")
        else:
            assert low < 0 < best
            add(f"{net}.onnx", f"{spec}.vnnlib", "unknown", text,
                f"backward bounds give {low:.2f} and the best attack {best:.3f}")
    return proved


def bias_field(layers, image, x, label, degree=2):
    """x (1 + sum t_ab u^a v^b): the network of t, in front of the first ReLU."""
    u, v = np.tile(np.linspace(-1, 1, 8), 8), np.repeat(np.linspace(-1, 1, 8), 8)
    D = np.stack([x * u**a * v**(total - a)
                  for total in range(degree + 1) for a in range(total, -1, -1)], 1)
    W, b = layers[0]
    behind = [(W @ D, b + W @ x)] + layers[1:]
    C, d = others(label)
    low = 0
    for k in range(1, 200):
        t = np.full(D.shape[1], k / 200)
        proved = lower_bound(behind, -t, t, C, d).min()
        if proved <= 0:
            break
        eps, low = k / 200, proved
    assert low > 0
    spec = {"center": [float(value) for value in x],
            "image": {"kind": "bias-field", "shape": [1, 8, 8], "degree": degree},
            "epsilon": eps, "label": label}
    (HERE / "digits-dense-bias.json").write_text(json.dumps(spec) + "\n")
    add("digits-dense.onnx", "digits-dense-bias.json", "verified",
        f"image {image} stays a {label} under a bias field of {D.shape[1]} terms up to "
        f"{eps:g} each", f"make.py proves a margin of {low:.3f} by backward bounds")


def main():
    digits = load_digits()
    x, t = digits.data / 16, digits.target
    test = slice(1500, None)
    rng = np.random.default_rng(0)

    # A dense network for digits, 64-32-32-10.
    p = float32(train([(32, 64), (32,), (32, 32), (32,), (10, 32), (10,)],
                      dense_step(softmax_gradient, 0.1), x[:1500], t[:1500], 60, rng))
    names = ["w1", "b1", "w2", "b2", "w3", "b3"]
    nodes = []
    value = "input"
    for k in range(3):
        out = "output" if k == 2 else f"z{k + 1}"
        nodes.append(helper.make_node("Gemm", [value, f"w{k + 1}", f"b{k + 1}"], [out],
                                      name=f"gemm{k + 1}", transB=1))
        if k < 2:
            value = f"x{k + 1}"
            nodes.append(helper.make_node("Relu", [out], [value], name=f"relu{k + 1}"))
    write_onnx("digits-dense", nodes, list(zip(names, p)), [1, 64], [1, 10])
    dense = [(np.float64(p[k]), np.float64(p[k + 1])) for k in (0, 2, 4)]
    print("digits-dense accuracy", (forward(dense, x[test]).argmax(1) == t[test]).mean())

    # A convolutional one: 8 and 16 channels of 3x3, the second with stride 2.
    first, size = conv_indices(1, 8, 1)
    second, size = conv_indices(8, size, 2)
    p = float32(train([(8, 1, 3, 3), (8,), (16, 8, 3, 3), (16,), (10, 16 * size**2), (10,)],
                      conv_step([first, second]), x[:1500], t[:1500], 20, rng))
    names = ["k1", "b1", "k2", "b2", "w3", "b3"]
    nodes = [
        helper.make_node("Conv", ["input", "k1", "b1"], ["z1"], name="conv1",
                         kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        helper.make_node("Relu", ["z1"], ["x1"], name="relu1"),
        helper.make_node("Conv", ["x1", "k2", "b2"], ["z2"], name="conv2",
                         kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["z2"], ["x2"], name="relu2"),
        helper.make_node("Flatten", ["x2"], ["f2"], name="flatten", axis=1),
        helper.make_node("Gemm", ["f2", "w3", "b3"], ["output"], name="gemm3", transB=1),
    ]
    write_onnx("digits-conv", nodes, list(zip(names, p)), [1, 1, 8, 8], [1, 10])
    conv = [conv_to_dense(np.float64(p[0]), np.float64(p[1]), first, 64),
            conv_to_dense(np.float64(p[2]), np.float64(p[3]), second, 8 * 64),
            (np.float64(p[4]), np.float64(p[5]))]
    print("digits-conv accuracy", (forward(conv, x[test]).argmax(1) == t[test]).mean())

    # A brake controller: distance in m, own speed in m/s -> acceleration in m/s^2.
    def law(s):
        distance, speed = s[:, 0], s[:, 1]
        need = speed**2 / (2 * np.maximum(distance - 2, 0.5))
        return np.clip(1.5 - 1.2 * need, -8, 2)[:, None]

    lo, hi = np.array([2.0, 0.0]), np.array([100.0, 30.0])
    s = rng.uniform(lo, hi, (20000, 2))
    centre, scale = (lo + hi) / 2, (hi - lo) / 2
    p = train([(24, 2), (24,), (24, 24), (24,), (1, 24), (1,)],
              dense_step(lambda z, t: 2 * (z - t) / 8, 0.0), (s - centre) / scale, law(s),
              40, rng, decay=1e-5)
    p[1] = p[1] - p[0] @ (centre / scale)  # physical units at the input
    p[0] = p[0] / scale
    p = float32(p)
    names = ["w1", "b1", "w2", "b2", "w3", "b3"]
    nodes = []
    value = "input"
    for k in range(3):
        out = "output" if k == 2 else f"z{k + 1}"
        nodes.append(helper.make_node("MatMul", [value, f"w{k + 1}"], [f"m{k + 1}"],
                                      name=f"matmul{k + 1}"))
        nodes.append(helper.make_node("Add", [f"m{k + 1}", f"b{k + 1}"], [out],
                                      name=f"add{k + 1}"))
        if k < 2:
            value = f"x{k + 1}"
            nodes.append(helper.make_node("Relu", [out], [value], name=f"relu{k + 1}"))
    write_onnx("brake", nodes,
               [(n, np.ascontiguousarray(a.T) if n[0] == "w" else a)
                for n, a in zip(names, p)], [1, 2], [1, 1])
    # A release that must be stopped: the same controller, but 15 % softer.
    weak = p[:4] + float32([np.float64(a) * 0.85 for a in p[4:]])
    write_monotonic()
    write_onnx("brake-weak", nodes,
               [(n, np.ascontiguousarray(a.T) if n[0] == "w" else a)
                for n, a in zip(names, weak)], [1, 2], [1, 1])
    weak = [(np.float64(weak[k]), np.float64(weak[k + 1])) for k in (0, 2, 4)]
    brake = [(np.float64(p[k]), np.float64(p[k + 1])) for k in (0, 2, 4)]
    print("brake mean error", np.abs(forward(brake, (s)) - law(s)).mean())

    # The three questions for every network.
    robust = {}
    for net, layers, image in [("digits-dense", dense, 1503), ("digits-conv", conv, 1512)]:
        label = int(t[image])
        assert forward(layers, x[image]).argmax() == label
        robust[net] = robustness(net, layers, image, x[image], label, rng)

    image = 1507
    eps = scan(dense, x[image], int(t[image]), rng)[0]
    label = int(t[image])
    C, d = others(label)
    low = lower_bound(dense, np.maximum(x[image] - eps, 0), np.minimum(x[image] + eps, 1),
                      C, d).min()
    assert low > 0
    write_json_robustness("digits-dense-robust", x[image], eps, label)
    add("digits-dense.onnx", "digits-dense-robust.json", "verified",
        f"image {image} stays a {label} when every pixel moves by {eps:g}",
        f"make.py proves a margin of {low:.3f} by backward bounds")

    bias_field(dense, image, x[image], label)

    lo, hi = np.array([10.0, 15.0]), np.array([20.0, 25.0])
    grid = np.stack(np.meshgrid(np.linspace(lo[0], hi[0], 201),
                                np.linspace(lo[1], hi[1], 201)), -1).reshape(-1, 2)
    top = forward(brake, grid).max()
    relaxed = -lower_bound(brake, lo, hi, np.array([[-1.0]]), np.array([0.0]))[0]
    print(f"brake: largest on a grid {top:.3f}, backward bound {relaxed:.3f}")
    limit = np.ceil(10 * relaxed) / 10
    assert forward(weak, grid).max() > limit + 0.1
    gate(dense, x, t)
    samples(x, t)
    for kind, limit in [("narrow", limit),
                        ("between", np.ceil(20 * (top + 0.15 * (relaxed - top))) / 20),
                        ("wide", np.floor(10 * (top - 0.2)) / 10)]:
        spec = f"brake-{kind}"
        text = f"10-20 m ahead at 15-25 m/s: acceleration below {limit:g} m/s2"
        write_vnnlib(spec, [text[0] + text[1:] + ".",
                            "X_0 distance in m; X_1 speed in m/s; Y_0 acceleration"],
                     lo, hi, 1, f"(>= Y_0 {decimal(limit)})")
        C, d = np.array([[-1.0]]), np.array([-limit])
        boxes = split_proof(brake, lo, hi, C, d) if kind != "wide" else None
        if kind == "wide":
            best, where = attack(brake, lo, hi, C, d, rng)
            y = write_witness(spec, brake, where, lo, hi)
            assert y[0] >= limit
            add("brake.onnx", f"{spec}.vnnlib", "falsified", text,
                f"{spec}.witness gives {y[0]:.3f}")
        else:
            assert boxes and (boxes == 1) == (kind == "narrow")
            add("brake.onnx", f"{spec}.vnnlib",
                "verified" if boxes == 1 else "verified?", text,
                f"make.py proves it on {boxes} box{'es' * (boxes > 1)}")

    # Written by hand: y = relu (x0 + x1) + relu (x0 - x1) on [-1, 1]^2, at most 2.
    # docs/life-of-a-query.md follows it through the program.
    (HERE / "hand.json").write_text("""\
{
  "input": 2,
  "layers": [
    {"type": "dense", "weights": [[1, 1], [1, -1]], "bias": [0, 0]},
    {"type": "relu"},
    {"type": "dense", "weights": [[1, 1]], "bias": [0]}
  ]
}
""")
    for kind, limit, expected, reason in [
            ("narrow", 3.5, "verified", "each ReLU is at most (z + 2) / 2: y <= x0 + 2 <= 3"),
            ("between", 2.5, "verified?", "y = max (0; 2 x0; x0 + x1; x0 - x1) <= 2"),
            ("wide", 1.5, "falsified", "y (1; 0) = 2")]:
        write_vnnlib(f"hand-{kind}", [f"The output stays below {limit}."],
                     [-1, -1], [1, 1], 1, f"(>= Y_0 {limit})")
        add("hand.json", f"hand-{kind}.vnnlib", expected,
            f"the output stays below {limit}", reason)

    with open(HERE / "examples.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["network", "specification", "expected", "in words", "reason"])
        for row in rows:
            assert all("," not in cell for cell in row)
            writer.writerow(row)


def write_monotonic():
    """VNN-LIB 2: two copies of the brake; a faster car must not brake less by 0.2."""
    with open("monotonic.vnnlib", "w") as f:
        f.write("""; f and g are the same brake at the same distance, g in the faster car.
; Unsafe: g brakes less than f by more than 0.2 m/s2.
(vnnlib-version <2.0>)
(declare-network f
  (declare-input X_f real [1,2])
  (declare-output Y_f real [1,1]))
(declare-network g (equal-to f)
  (declare-input X_g real [1,2])
  (declare-output Y_g real [1,1]))
(assert (and (>= X_f[0,0] 10.0) (<= X_f[0,0] 20.0)))
(assert (and (>= X_f[0,1] 15.0) (<= X_f[0,1] 25.0)))
(assert (== X_g[0,0] X_f[0,0]))
(assert (and (>= X_g[0,1] X_f[0,1]) (<= X_g[0,1] 25.0)))
(assert (> Y_g[0,0] (+ Y_f[0,0] 0.2)))
""")


def gate(layers, x, t, eps=0.05):
    """Manifests for `dualcert gate`: one that passes, one whose brake is too soft."""
    C = [others(label)[0] for label in range(10)]
    lines = []
    for image in range(1503, 1700):
        lo, hi = np.maximum(x[image] - eps, 0), np.minimum(x[image] + eps, 1)
        proved = lower_bound(layers, lo, hi, C[t[image]], np.zeros(9)).min() > 0.1
        if proved and len(lines) < 4:
            lines.append(",".join([str(t[image])] + [f"{v:g}" for v in x[image]]))
    assert len(lines) == 4  # so all four are robust
    (HERE / "digits.csv").write_text("\n".join(lines) + "\n")
    for name, brake in [("gate", "brake.onnx"), ("gate-bad", "brake-weak.onnx")]:
        manifest = {
            "version": 1,
            "name": "release",
            "limits": {"timeout": 60, "memory": 2000},
            "require": ["certificate"],
            "checks": [
                {"name": "brakes hard",
                 "description": "10-20 m ahead at 15-25 m/s it brakes by 5.2 m/s2 or more",
                 "networks": brake,
                 "specifications": "brake-narrow.vnnlib"},
                {"name": "reads digits",
                 "description": f"digits stay what they are when every pixel moves by {eps}",
                 "networks": "digits-dense.onnx",
                 "specifications": [{"robustness": {
                     "data": "digits.csv", "rows": [0, "2-3"],
                     "epsilon": eps, "clip": [0, 1]}}]}]}
        (HERE / f"{name}.json").write_text(json.dumps(manifest, indent=2) + "\n")


def samples(x, t):
    """The first 20 images the digits networks were not trained on, as they come."""
    lines = [",".join([str(t[k])] + [f"{v:g}" for v in x[k]]) for k in range(1500, 1520)]
    (HERE / "digits-test.csv").write_text("\n".join(lines) + "\n")


def write_json_robustness(name, x, eps, label):
    # docs/formats.md describes the keys.
    spec = {"norm": "linf", "center": [float(v) for v in x], "epsilon": eps,
            "clip": [0, 1], "label": label}
    (HERE / f"{name}.json").write_text(json.dumps(spec) + "\n")


if __name__ == "__main__":
    main()
