#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""certify NET SPEC CERTIFICATE -- prove it, and let the checker look at the proof.

Lines of the log go to stderr; Control-C, or a Run's cancel from another thread, stops it.
"""

import sys
import threading

import dualcert


def main() -> int:
    if len(sys.argv) != 4:
        print("usage: certify.py NET SPEC CERTIFICATE", file=sys.stderr)
        return 64
    net = dualcert.Network(sys.argv[1])
    spec = dualcert.Spec(net, sys.argv[2])
    with dualcert.Run() as run:
        timer = threading.Timer(60, run.cancel)
        timer.start()
        result = run.verify(
            net,
            spec,
            certificate=sys.argv[3],
            log=lambda level, text: print(text, file=sys.stderr),
        )
        timer.cancel()
    print(result.verdict, result.reason or "")
    if result.verdict != "verified":
        return 1
    checked = dualcert.check(net, spec, sys.argv[3])
    print("certificate", f"refused: {checked.error}" if checked.error else "accepted")
    return 0 if checked.verdict == "verified" else 1


if __name__ == "__main__":
    sys.exit(main())
