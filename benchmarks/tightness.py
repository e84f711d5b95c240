#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounds of auto_LiRPA on one network and one VNN-LIB specification, as CSV.

    benchmarks/tightness.py NET SPEC [--iterations N] [--threads N] [--runs N]

The lines `method,case,lower,seconds`: crown (auto_LiRPA's CROWN), fixed (slopes
optimised over those intermediate bounds), joint (its CROWN-Optimized, which optimises
the slopes of the intermediate bounds too).  A case is a disjunct of the unsafe set
C y <= d, its bound the largest of its rows' lower bounds of C y - d on the box.
Seconds are the least of N runs, each with a bounded module of its own that was made
before the clock started; loading and converting are not counted.  With one thread they
are processor time, which other programs disturb least, else wall time.

Needs torch, auto_LiRPA, onnx, onnx2pytorch and onnxruntime (see benchmarks/tightness).
Nothing else of the project needs Python.
"""
import argparse
import gzip
import re
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from auto_LiRPA import BoundedModule, BoundedTensor  # noqa: E402
from auto_LiRPA.perturbations import PerturbationLpNorm  # noqa: E402
from onnx2pytorch import ConvertModel  # noqa: E402


def read(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        return file.read()


# ---- the specification ----------------------------------------------------------


def expressions(text):
    """The S-expressions of a file, as nested lists of words."""
    stack = [[]]
    for word in re.findall(r"[()]|[^\s()]+", re.sub(r";[^\n]*", "", text)):
        if word == "(":
            stack.append([])
        elif word == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    return stack[0]


def linear(term):
    """A term as {variable: coefficient}, the constant under None."""
    if isinstance(term, str):
        return {term: 1.0} if term[0] in "XY" else {None: float(term)}
    parts = [linear(t) for t in term[1:]]
    if term[0] == "*":
        by = [p for p in parts if set(p) <= {None}]
        rest = [p for p in parts if not set(p) <= {None}] or [by.pop()]
        scale = 1.0
        for p in by:
            scale *= p[None]
        return {v: scale * c for v, c in rest[0].items()}
    total = {}
    for k, p in enumerate(parts):
        sign = -1 if term[0] == "-" and (k or len(parts) == 1) else 1
        for v, c in p.items():
            total[v] = total.get(v, 0.0) + sign * c
    return total


def disjuncts(formula):
    """A formula as a list of conjunctions, each a list of {variable: c} <= 0."""
    if formula[0] == "or":
        return [d for part in formula[1:] for d in disjuncts(part)]
    if formula[0] == "and":
        result = [[]]
        for part in formula[1:]:
            result = [a + b for a in result for b in disjuncts(part)]
        return result
    op, a, b = formula
    if op in (">=", ">"):
        a, b = b, a
    return [[linear(["-", a, b])]]


def specification(text, n_in, n_out):
    """The box (lo, hi) and, for each case, its rows (coefficients, right-hand side)."""
    lo, hi = np.full(n_in, -np.inf), np.full(n_in, np.inf)
    cases = [[]]
    for e in expressions(text):
        if e[0] != "assert":
            continue
        cases = [a + b for a in cases for b in disjuncts(e[1])]
    found = []
    for k, case in enumerate(cases):
        rows, l, h = [], lo.copy(), hi.copy()
        for atom in case:
            rest = {v: c for v, c in atom.items() if v is not None and c != 0}
            const = atom.get(None, 0.0)
            if all(v[0] == "X" for v in rest):
                ((v, c),) = rest.items()
                i = int(v[2:])
                if c > 0:
                    h[i] = min(h[i], -const / c)
                else:
                    l[i] = max(l[i], -const / c)
            else:
                row = np.zeros(n_out)
                for v, c in rest.items():
                    row[int(v[2:])] = c
                rows.append((row, -const))
        found.append((l, h, rows))
        if k and (np.any(l != found[0][0]) or np.any(h != found[0][1])):
            sys.exit("tightness.py: the cases have different boxes")
    return found[0][0], found[0][1], [rows for _, _, rows in found]


# ---- the network ----------------------------------------------------------------


def load(path):
    """The model in torch, its input shape and a function that runs the original."""
    model = onnx.load_model_from_string(read(path))
    weights = {w.name for w in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in weights]
    shape = [d.dim_value or 1 for d in inputs[0].type.tensor_type.shape.dim]
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for i in [i for i in model.graph.input if i.name in weights]:
        model.graph.input.remove(i)

    def original(x):
        return session.run(None, {inputs[0].name: x})[0]

    return ConvertModel(model, experimental=True).eval(), shape, original


# ---- bounds ---------------------------------------------------------------------


class Question:
    def __init__(self, args):
        self.model, shape, original = load(args.net)
        n_out = original(np.zeros(shape, np.float32)).size
        lo, hi, cases = specification(
            read(args.spec).decode(), int(np.prod(shape)), n_out
        )
        self.lo = torch.tensor(lo.reshape(shape), dtype=torch.float32)
        self.hi = torch.tensor(hi.reshape(shape), dtype=torch.float32)
        self.rows = [(k, row, rhs) for k, case in enumerate(cases) for row, rhs in case]
        self.c = torch.tensor(
            np.stack([row for _, row, _ in self.rows])[None], dtype=torch.float32
        )
        self.n_cases = len(cases)
        self.clock = time.process_time if args.threads == 1 else time.perf_counter
        self.optimize = {"iteration": args.iterations}
        self.middle = (self.lo + self.hi) / 2
        want = original(self.middle.numpy()).ravel()
        with torch.no_grad():
            got = self.model(self.middle).numpy().ravel()
        if not np.allclose(want, got, rtol=1e-3, atol=1e-4):
            sys.exit("tightness.py: the converted network computes something else")

    def module(self):
        net = BoundedModule(
            self.model, torch.zeros_like(self.middle), bound_opts=self.options
        )
        box = PerturbationLpNorm(norm=np.inf, x_L=self.lo, x_U=self.hi)
        return net, BoundedTensor(self.middle, box)

    def compute(self, method):
        """The lower bounds of all rows and the seconds."""
        net, x = self.module()
        start = self.clock()
        known = None
        if method in ("crown", "fixed"):
            with torch.no_grad():
                lower, _ = net.compute_bounds(
                    x=(x,), C=self.c, method="CROWN", bound_upper=False
                )
        if method == "fixed":
            # What the nonlinear nodes read, as CROWN left it.
            known = {
                node.name: [node.lower.detach().clone(), node.upper.detach().clone()]
                for node in net._modules.values()
                if getattr(node, "lower", None) is not None
                and getattr(node, "upper", None) is not None
                and node.perturbed
                and node.name not in net.root_name + [net.final_name]
            }
        if method != "crown":
            lower, _ = net.compute_bounds(
                x=(x,),
                C=self.c,
                method="CROWN-Optimized",
                bound_upper=False,
                **({"intermediate_layer_bounds": known} if known else {}),
            )
        seconds = self.clock() - start
        return lower.detach().double().numpy().ravel(), seconds

    def compute_somehow(self, method, runs):
        """`runs` results of compute, with the first options that work.

        auto_LiRPA 0.3 fails on some networks with its defaults: alphas for unstable
        neurons only, convolutions in patches.
        """
        every = {"sparse_features_alpha": False, "sparse_spec_alpha": False}
        matrix = {"conv_mode": "matrix", "sparse_conv_intermediate_bounds": False}
        # After a Transpose it takes views that do not exist; a copy is the same.
        view = torch.Tensor.view
        for more in ({}, every, {**every, **matrix}):
            torch.Tensor.view = torch.Tensor.reshape if "conv_mode" in more else view
            self.options = {"optimize_bound_args": self.optimize, **more}
            try:
                return [self.compute(method) for _ in range(runs)]
            except Exception as error:
                print(f"{method} {more}: {error!r}", file=sys.stderr)
        return []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("net")
    parser.add_argument("spec")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    question = Question(args)
    print("method,case,lower,seconds")
    for method in ("crown", "fixed", "joint"):
        results = question.compute_somehow(method, args.runs)
        if not results:
            continue
        best = [-np.inf] * question.n_cases
        for (k, _, rhs), lower in zip(question.rows, results[0][0]):
            best[k] = max(best[k], lower - rhs)
        seconds = min(s for _, s in results)
        for k in range(question.n_cases):
            print(f"{method},{k},{best[k]:.9g},{seconds:.6f}")
        sys.stdout.flush()


main()
