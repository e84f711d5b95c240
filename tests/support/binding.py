# SPDX-License-Identifier: GPL-3.0-or-later
"""What dualcert.py promises, tested by tests/cli/python.sh: binding.py EXAMPLES."""

import array
import gc
import json
import math
import os
import random
import signal
import sys
import threading
import unittest

import dualcert

EXAMPLES = sys.argv.pop()

# y = max (0, x0 + x1) + max (0, x0 - x1) on [-1, 1]^2: at most 2.
NET = json.dumps(
    {
        "input": 2,
        "layers": [
            {"type": "dense", "weights": [[1, 1], [1, -1]]},
            {"type": "relu"},
            {"type": "dense", "weights": [[1, 1]]},
        ],
    }
).encode()


def spec_text(limit):
    return (
        "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
        "(assert (and (>= X_0 -1) (<= X_0 1) (>= X_1 -1) (<= X_1 1)))"
        f"(assert (>= Y_0 {limit}))"
    )


def read(path):
    with open(path, "rb") as file:
        return file.read()


def hard():
    """A question that takes hours."""
    rng = random.Random(7)
    sizes = [40, 80, 80, 80, 80, 1]
    layers = []
    for n, m in zip(sizes, sizes[1:]):
        weights = [[round(rng.uniform(-1, 1), 4) for _ in range(n)] for _ in range(m)]
        layers += [{"type": "dense", "weights": weights}, {"type": "relu"}]
    net = dualcert.Network(data=json.dumps({"input": 40, "layers": layers[:-1]}).encode())
    text = "".join(f"(declare-const X_{i} Real)" for i in range(40))
    text += "(declare-const Y_0 Real)(assert (>= Y_0 30000))"
    text += "".join(f"(assert (and (>= X_{i} -1) (<= X_{i} 1)))" for i in range(40))
    return net, dualcert.Spec(net, data=text)


signal.signal(signal.SIGINT, signal.default_int_handler)  # shells may ignore it


class Binding(unittest.TestCase):
    def setUp(self):
        self.net = dualcert.Network(data=NET, name="net.json")

    def spec(self, limit):
        return dualcert.Spec(self.net, data=spec_text(limit))

    def test_sizes_and_outputs(self):
        self.assertEqual((self.net.inputs, self.net.outputs, self.net.neurons), (2, 1, 2))
        for x in ([0.25, -0.75], (0.25, -0.75), array.array("d", [0.25, -0.75]), [[0.25], [-0.75]]):
            self.assertEqual(self.net.eval(x), [1.0])
        self.assertEqual(self.net.eval([0.25, -0.75], precision="float32"), [1.0])
        for x in ([1], [1, math.nan], [1, 2, 3]):
            with self.assertRaises(dualcert.Error) as caught:
                self.net.eval(x)
            self.assertEqual(caught.exception.status, 64)

    def test_numpy_arrays(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("no numpy")
        self.assertEqual(self.net.eval(numpy.array([[0.25, -0.75]], dtype="f4")), [1.0])
        spec = {"center": numpy.array([0.0, 0.0]), "epsilon": 0.1, "label": 0}
        net = dualcert.Network(data=NET.replace(b"[[1, 1]]}]}", b"[[1, 1], [0, 0]]}]}"))
        self.assertEqual(dualcert.Spec(net, data=spec).cases, 1)

    def test_verdicts(self):
        proved = dualcert.verify(self.net, self.spec(2.01), threads=1)
        self.assertEqual((proved.verdict, proved.reason), ("verified", None))
        self.assertTrue(0 < proved.bound <= 0.0101)
        self.assertEqual(len(proved.cases), 1)
        self.assertEqual(proved.json["options"]["threads"], 1)
        refuted = dualcert.verify(self.net, self.spec(1.5))
        x0, x1 = refuted.input
        self.assertEqual(refuted.verdict, "falsified")
        self.assertGreaterEqual(max(0, x0 + x1) + max(0, x0 - x1), 1.5)
        self.assertEqual(refuted.case, 0)
        self.assertIn("(X_0", refuted.witness)

    def test_options(self):
        self.assertIn("max_nodes", dualcert.option_names())
        result = dualcert.verify(self.net, self.spec(2.01), stages=["ibp"], max_nodes=5)
        self.assertEqual((result.verdict, result.reason), ("unknown", "incomplete"))
        self.assertEqual(result.json["options"]["max_nodes"], 5)
        for wrong in ({"no_such": 1}, {"timeout": "soon"}, {"split": "x"}, {"format": "json"}):
            with self.assertRaises(dualcert.Error) as caught:
                dualcert.verify(self.net, self.spec(2.01), **wrong)
            self.assertEqual(caught.exception.status, 64)

    def test_errors(self):
        for make, status in (
            (lambda: dualcert.Network("/none/at/all"), 66),
            (lambda: dualcert.Network(data=b"{"), 65),
            (lambda: dualcert.Spec(self.net, data="(assert"), 65),
            (lambda: dualcert.Spec(self.net, "/none/at/all"), 66),
        ):
            with self.assertRaises(dualcert.Error) as caught:
                make()
            self.assertEqual(caught.exception.status, status)
            self.assertTrue(str(caught.exception))
        with self.assertRaises(TypeError):
            dualcert.Network()
        with self.net as net:
            pass
        with self.assertRaises(ValueError):
            net.inputs

    def test_log_and_its_exceptions(self):
        lines = []
        dualcert.verify(self.net, self.spec(2.01), log=lambda k, t: lines.append((k, t)))
        self.assertTrue(lines and all(k in (1, 2) and t for k, t in lines))
        net, spec = hard()

        def stop(level, text):
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            dualcert.verify(net, spec, log=stop)

    def test_cancel_from_another_thread(self):
        net, spec = hard()
        with dualcert.Run() as run:
            begun = threading.Event()
            thread = threading.Thread(target=lambda: (begun.wait(), run.cancel()))
            thread.start()
            result = run.verify(net, spec, log=lambda level, text: begun.set())
            thread.join()
            self.assertEqual(result.reason, "interrupted")

    def test_control_c(self):
        net, spec = hard()
        lines = []

        def interrupt(level, text):
            lines.append(text)
            if len(lines) == 1:
                os.kill(os.getpid(), signal.SIGINT)

        with self.assertRaises(KeyboardInterrupt):
            dualcert.verify(net, spec, log=interrupt)
        with self.assertRaises(ValueError):
            net.close()
            dualcert.verify(net, spec)
        self.assertEqual(dualcert.verify(self.net, self.spec(2.01)).verdict, "verified")

    def test_limits(self):
        net, spec = hard()
        self.assertEqual(dualcert.verify(net, spec, timeout=0.1).reason, "timeout")
        self.assertEqual(dualcert.verify(net, spec, memory=16).reason, "memory")

    def test_two_threads(self):
        answers = {}

        def ask(limit):
            answers[limit] = dualcert.verify(self.net, self.spec(limit)).verdict

        limits = [1.25, 1.5, 1.75, 2.01, 2.25, 2.5]
        threads = [threading.Thread(target=ask, args=(limit,)) for limit in limits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for limit in limits:
            self.assertEqual(answers[limit], "verified" if limit > 2 else "falsified")

    def test_files(self):
        net = dualcert.Network(os.path.join(EXAMPLES, "brake.onnx"))
        spec = dualcert.Spec(net, os.path.join(EXAMPLES, "brake-narrow.vnnlib"))
        self.assertEqual(len(net.sha256), 64)
        net_again = dualcert.Network(
            data=read(os.path.join(EXAMPLES, "brake.onnx")), name="brake.onnx"
        )
        self.assertEqual(net.sha256, net_again.sha256)
        self.assertEqual(dualcert.verify(net_again, spec).verdict, "verified")

    def test_handles_may_die_in_any_order(self):
        spec = self.spec(2.01)
        del self.net
        gc.collect()
        net = dualcert.Network(data=NET)
        self.assertEqual(dualcert.verify(net, spec).verdict, "verified")


if __name__ == "__main__":
    unittest.main()
