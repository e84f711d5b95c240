# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove or refute properties of neural networks.

    import dualcert
    net = dualcert.Network("net.onnx")
    result = dualcert.verify(net, dualcert.Spec(net, "property.vnnlib"), timeout=60)
    print(result.verdict, result.bound)

A binding of libdualcert through ctypes: nothing is compiled, and numpy is not needed
(points may be arrays or any sequence of numbers).  dualcert.h says what every call
means.  While a call works, other Python threads run; Control-C cancels it.

The library is the first of: the path in $DUALCERT_LIBRARY, a file beside this module, the
one the system finds (`make install`), build/ of the source tree this module is in.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import threading
from typing import Any, Callable, Iterator, Sequence, TypeVar, Union

__all__ = [
    "Case",
    "Error",
    "Network",
    "Result",
    "Run",
    "Spec",
    "check",
    "option_names",
    "verify",
    "version",
]

ABI = 0

PathLike = Union[str, "os.PathLike[str]"]
LogFunction = Callable[[int, str], Any]


class Error(Exception):
    """Something is wrong with an argument, a file or the system.

    `status` is a number of sysexits.h, the same as the exit status of the program: 64
    usage, 65 data, 66 file not readable, 69 unsupported, 70 self-test failed, 71 no memory
    or thread, 73 and 74 output not writable.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


# ---- the library ---------------------------------------------------------------


def _candidates() -> Iterator[str]:
    name = f"libdualcert.so.{ABI}"
    here = os.path.dirname(os.path.abspath(__file__))
    if os.environ.get("DUALCERT_LIBRARY"):
        yield os.environ["DUALCERT_LIBRARY"]
        return
    if os.path.exists(os.path.join(here, name)):
        yield os.path.join(here, name)
    yield name
    yield os.path.join(here, os.pardir, "build", name)


_handle = ctypes.c_void_p
_text = ctypes.c_char_p
_size = ctypes.c_size_t
_double_p = ctypes.POINTER(ctypes.c_double)
_float_p = ctypes.POINTER(ctypes.c_float)
_size_p = ctypes.POINTER(_size)
_log_type = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)

# Every function of dualcert.h: its result and its arguments.
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "abi_version": (ctypes.c_int, []),
    "version": (_text, []),
    "status_name": (_text, [ctypes.c_int]),
    "network_new": (_handle, []),
    "network_free": (None, [_handle]),
    "network_read_file": (ctypes.c_int, [_handle, _text]),
    "network_read_memory": (ctypes.c_int, [_handle, _text, _text, _size]),
    "network_error": (_text, [_handle]),
    "network_inputs": (_size, [_handle]),
    "network_outputs": (_size, [_handle]),
    "network_neurons": (_size, [_handle]),
    "network_sha256": (_text, [_handle]),
    "network_eval": (ctypes.c_int, [_handle, _double_p, _size, _double_p, _size]),
    "network_eval_float": (ctypes.c_int, [_handle, _double_p, _size, _float_p, _size]),
    "spec_new": (_handle, []),
    "spec_free": (None, [_handle]),
    "spec_read_file": (ctypes.c_int, [_handle, _handle, _text]),
    "spec_read_memory": (ctypes.c_int, [_handle, _handle, _text, _text, _size]),
    "spec_error": (_text, [_handle]),
    "spec_cases": (_size, [_handle]),
    "spec_sha256": (_text, [_handle]),
    "options_new": (_handle, []),
    "options_free": (None, [_handle]),
    "options_set": (ctypes.c_int, [_handle, _text, _text]),
    "options_error": (_text, [_handle]),
    "options_name": (_text, [_size]),
    "options_log": (ctypes.c_int, [_handle, ctypes.c_int, _log_type, ctypes.c_void_p]),
    "verdict_name": (_text, [ctypes.c_int]),
    "reason_name": (_text, [ctypes.c_int]),
    "result_new": (_handle, []),
    "result_free": (None, [_handle]),
    "verify": (ctypes.c_int, [_handle, _handle, _handle, _handle]),
    "check": (ctypes.c_int, [_handle, _handle, _text, _handle]),
    "result_cancel": (None, [_handle]),
    "result_reset": (None, [_handle]),
    "result_error": (_text, [_handle]),
    "result_verdict": (ctypes.c_int, [_handle]),
    "result_reason": (ctypes.c_int, [_handle]),
    "result_seconds": (ctypes.c_double, [_handle]),
    "result_cases": (_size, [_handle]),
    "result_open_cases": (_size, [_handle]),
    "result_bound": (ctypes.c_double, [_handle]),
    "result_case_bound": (ctypes.c_double, [_handle, _size]),
    "result_case_best": (ctypes.c_double, [_handle, _size]),
    "result_case_line": (ctypes.c_int, [_handle, _size]),
    "result_input": (_double_p, [_handle, _size_p]),
    "result_output": (_double_p, [_handle, _size_p]),
    "result_output_float": (_float_p, [_handle, _size_p]),
    "result_kind": (_text, [_handle]),
    "result_case": (ctypes.c_int, [_handle]),
    "result_json": (_text, [_handle]),
    "result_witness": (_text, [_handle]),
    "result_evidence": (_text, [_handle]),
}


class _Library:
    """The functions of dualcert.h without their prefix; loaded by the first use."""

    _lock = threading.Lock()
    _loaded: ctypes.CDLL | None = None

    @classmethod
    def load(cls) -> ctypes.CDLL:
        with cls._lock:
            if cls._loaded is None:
                cls._loaded = cls._open()
        return cls._loaded

    @classmethod
    def _open(cls) -> ctypes.CDLL:
        why = []
        for path in _candidates():
            try:
                library = ctypes.CDLL(path)
            except OSError as error:
                why.append(str(error))
                continue
            for name, (result, arguments) in _SIGNATURES.items():
                function = getattr(library, f"dualcert_{name}")
                function.restype = result
                function.argtypes = arguments
            if library.dualcert_abi_version() != ABI:
                raise ImportError(f"{path}: another version of the interface")
            return library
        raise ImportError(
            "libdualcert not found; run `make install`, or set DUALCERT_LIBRARY to the "
            "path of libdualcert.so (" + "; ".join(why) + ")"
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self.load(), f"dualcert_{name}")


_lib = _Library()


def _str(text: bytes | None) -> str:
    return (text or b"").decode("utf-8", "replace")


def _check(status: int, text: bytes | None) -> None:
    if status:
        raise Error(status, _str(text) or _str(_lib.status_name(status)))


def _path(path: PathLike) -> bytes:
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError("a path with a NUL character")
    return encoded


def version() -> str:
    """The version of the library, such as "0.1.0"."""
    return _str(_lib.version())


def option_names() -> list[str]:
    """What `verify` takes as options, with "_" for "-"."""
    names: list[str] = []
    while (name := _lib.options_name(len(names))) is not None:
        names.append(_str(name).replace("-", "_"))
    return names


_T = TypeVar("_T", bound="_Handle")


class _Handle:
    """Owns one handle of the library; `close` or a `with` block frees it early."""

    _kind = ""
    _lock = threading.RLock()  # of the three below; the garbage collector may come back

    def __init__(self) -> None:
        self._handle: int | None = None
        self._calls = 0  # that use it now, on other threads
        self._closed = False
        self._handle = getattr(_lib, f"{self._kind}_new")()
        if not self._handle:
            raise MemoryError("libdualcert: no memory for a handle")

    def _get(self) -> int:
        if self._closed or self._handle is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._handle

    def _hold(self, more: int) -> None:
        with self._lock:
            self._calls += more
            unused = self._closed and not self._calls
        if unused:
            self._free()

    def _free(self) -> None:
        handle, self._handle = self._handle, None
        if handle:
            getattr(_lib, f"{self._kind}_free")(handle)

    def close(self) -> None:
        """Free it now, or when the last call that uses it ends; using it afterwards is a
        ValueError."""
        self._closed = True
        self._hold(0)

    def __enter__(self: _T) -> _T:
        self._get()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # at the end of the interpreter
            self.close()


# ---- networks and specifications -------------------------------------------------


class Network(_Handle):
    """A network: ONNX, .nnet or JSON, gzip too, from a path or from bytes.

    `name` of bytes is for messages, and its ending tells formats apart.
    """

    _kind = "network"

    def __init__(
        self,
        path: PathLike | None = None,
        *,
        data: bytes | None = None,
        name: str = "network",
    ) -> None:
        if (path is None) == (data is None):
            raise TypeError("a network needs a path or data")
        super().__init__()
        if path is not None:
            status = _lib.network_read_file(self._get(), _path(path))
        else:
            status = _lib.network_read_memory(
                self._get(), name.encode(), bytes(data or b""), len(data or b"")
            )
        _check(status, _lib.network_error(self._get()))

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(_lib.network_inputs(self._get()))

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return int(_lib.network_outputs(self._get()))

    @property
    def neurons(self) -> int:
        """Number of nonlinear neurons."""
        return int(_lib.network_neurons(self._get()))

    @property
    def sha256(self) -> str:
        """Digest of the file, 64 hexadecimal digits."""
        return _str(_lib.network_sha256(self._get()))

    def eval(self, x: Any, *, precision: str = "double") -> list[float]:
        """Outputs for the input x: a sequence or an array of any shape.

        precision is "double", or "float32": as a program in float32 computes them.
        """
        if precision not in ("double", "float32"):
            raise ValueError('precision is "double" or "float32"')
        numbers = _flat(x)
        if len(numbers) != self.inputs:
            raise Error(64, f"{len(numbers)} numbers for {self.inputs} inputs")
        point = (ctypes.c_double * len(numbers))(*numbers)
        single = precision == "float32"
        kind = ctypes.c_float if single else ctypes.c_double
        values = (kind * self.outputs)()
        function = _lib.network_eval_float if single else _lib.network_eval
        status = function(self._get(), point, len(point), values, len(values))
        _check(status, b"the input is not finite" if status == 64 else None)
        return list(values)


def _flat(x: Any) -> list[float]:
    if hasattr(x, "ravel"):  # an array of numpy, or what behaves like one
        return [float(v) for v in x.ravel()]
    flat: list[float] = []
    for v in x:
        if isinstance(v, Sequence) or hasattr(v, "ravel"):
            flat.extend(_flat(v))
        else:
            flat.append(float(v))
    return flat


class Spec(_Handle):
    """A specification for a network: VNN-LIB or JSON, gzip too.

    From a path, from text or bytes, or from a dict: the JSON form of docs/formats.md, such
    as {"center": x, "epsilon": 0.1, "label": 3}.
    """

    _kind = "spec"

    def __init__(
        self,
        network: Network,
        path: PathLike | None = None,
        *,
        data: str | bytes | dict[str, Any] | None = None,
        name: str = "specification",
    ) -> None:
        if (path is None) == (data is None):
            raise TypeError("a specification needs a path or data")
        super().__init__()
        if path is not None:
            status = _lib.spec_read_file(self._get(), network._get(), _path(path))
        else:
            content = _spec_bytes(data)
            status = _lib.spec_read_memory(
                self._get(), network._get(), name.encode(), content, len(content)
            )
        _check(status, _lib.spec_error(self._get()))

    @property
    def cases(self) -> int:
        """Cases of the unsafe set; 0: it is empty, and the property always holds."""
        return int(_lib.spec_cases(self._get()))

    @property
    def sha256(self) -> str:
        """Digest of the file, 64 hexadecimal digits."""
        return _str(_lib.spec_sha256(self._get()))


def _spec_bytes(data: Any) -> bytes:
    if isinstance(data, dict):
        plain = {k: _flat(v) if hasattr(v, "ravel") else v for k, v in data.items()}
        return json.dumps(plain, allow_nan=False).encode()
    return data.encode() if isinstance(data, str) else bytes(data)


# ---- verification ------------------------------------------------------------------


class Case:
    """One case of the unsafe set: its line in the specification, its proven lower bound
    (above 0: unreachable; -inf: nothing yet) and the smallest margin seen at a point."""

    __slots__ = ("best", "bound", "line")

    def __init__(self, line: int, bound: float, best: float) -> None:
        self.line = line
        self.bound = bound
        self.best = best

    def __repr__(self) -> str:
        return f"Case(line={self.line}, bound={self.bound:g}, best={self.best:g})"


class Result:
    """An answer; plain values, independent of the library's handles."""

    verdict: str  #: "verified", "falsified" or "unknown"
    reason: str | None  #: why unknown: "timeout", "memory", "incomplete", ...
    seconds: float
    bound: float  #: smallest proven margin of all cases
    cases: list[Case]
    input: list[float] | None  #: the counterexample, when falsified
    output: list[float] | None
    output_float32: list[float] | None
    kind: str | None  #: "robust", "borderline" or "untested"
    case: int | None  #: index of the case it violates
    witness: str  #: in the form of VNN-COMP; "" without one
    evidence: str  #: as JSON, for `dualcert witness`
    error: str  #: why a certificate was refused
    json: dict[str, Any]  #: what `dualcert verify --format json` writes

    def __init__(self, handle: int) -> None:
        reason = _lib.result_reason(handle)
        size = _size()

        def numbers(getter: Any) -> list[float] | None:
            array = getter(handle, ctypes.byref(size))
            return array[: size.value] if array else None

        self.verdict = _str(_lib.verdict_name(_lib.result_verdict(handle)))
        self.reason = _str(_lib.reason_name(reason)) if reason else None
        self.seconds = _lib.result_seconds(handle)
        self.bound = _lib.result_bound(handle)
        self.cases = [
            Case(
                _lib.result_case_line(handle, k),
                _lib.result_case_bound(handle, k),
                _lib.result_case_best(handle, k),
            )
            for k in range(_lib.result_cases(handle))
        ]
        self.input = numbers(_lib.result_input)
        self.output = numbers(_lib.result_output)
        self.output_float32 = numbers(_lib.result_output_float)
        self.kind = _str(_lib.result_kind(handle)) or None
        case = _lib.result_case(handle)
        self.case = case if case >= 0 else None
        self.witness = _str(_lib.result_witness(handle))
        self.evidence = _str(_lib.result_evidence(handle))
        self.error = _str(_lib.result_error(handle))
        text = _str(_lib.result_json(handle))
        self.json = json.loads(text) if text else {}

    def __repr__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"<Result {self.verdict}{why}, bound {self.bound:g}>"


class _Options(_Handle):
    _kind = "options"

    def __init__(
        self,
        options: dict[str, Any],
        log: LogFunction | None,
        cancel: Callable[[], None],
    ) -> None:
        super().__init__()
        self._cancel = cancel
        for name, value in options.items():
            if value is None:
                continue
            typed = name.replace("_", "-").encode()
            status = _lib.options_set(self._get(), typed, _value(value))
            _check(status, _lib.options_error(self._get()))
        self.raised: BaseException | None = None
        self._call = _log_type(self._note)  # lives as long as the library may call it
        self._log = log
        if log is not None:
            _lib.options_log(self._get(), 2, self._call, None)

    def _note(self, _context: Any, level: int, text: bytes) -> None:
        try:
            if self._log is not None and self.raised is None:
                self._log(level, _str(text))
        except BaseException as error:  # raised again where `verify` returns
            self.raised = error
            self._cancel()


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"1" if value else b"0"
    if isinstance(value, (list, tuple)):
        return ",".join(str(v) for v in value).encode()
    if isinstance(value, os.PathLike):
        return _path(value)
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "surrogateescape")


class Run(_Handle):
    """One verification that other threads can cancel.

    with dualcert.Run() as run:
        threading.Timer(5, run.cancel).start()
        result = run.verify(net, spec)
    """

    _kind = "result"

    def cancel(self) -> None:
        """From any thread: `verify` returns soon, unknown ("interrupted") unless it has
        decided.  Before `verify`: it does not begin."""
        self._hold(1)
        try:
            if self._handle is not None:
                _lib.result_cancel(self._handle)
        finally:
            self._hold(-1)

    def verify(
        self,
        network: Network,
        spec: Spec,
        *,
        log: LogFunction | None = None,
        **options: Any,
    ) -> Result:
        """See dualcert.verify."""
        with _Options(options, log, self.cancel) as o:
            status = self._wait(_lib.verify, (network, spec, o, self))
            if o.raised is not None:
                raise o.raised
        _check(status, _lib.result_error(self._get()))
        return Result(self._get())

    def check(self, network: Network, spec: Spec, certificate: PathLike) -> Result:
        """See dualcert.check."""
        status = self._wait(_lib.check, (network, spec, _path(certificate), self))
        _check(status, _lib.result_error(self._get()))
        return Result(self._get())

    def _wait(self, function: Any, arguments: tuple[Any, ...]) -> int:
        """Call it on another thread: this one may be interrupted, by Control-C too.  That
        cancels the call; its handles live until it has ended."""
        handles = [a for a in arguments if isinstance(a, _Handle)]
        plain = [a._get() if isinstance(a, _Handle) else a for a in arguments]
        status: list[int] = []

        def call() -> None:
            try:
                status.append(function(*plain))
            finally:
                for handle in handles:
                    handle._hold(-1)

        thread = threading.Thread(target=call, daemon=True)
        for handle in handles:
            handle._hold(1)
        thread.start()
        try:
            # Without a limit, join cannot be interrupted on all systems.
            while thread.is_alive():
                thread.join(3600)
        except BaseException:
            self.cancel()
            thread.join(10)
            raise
        return status[0]


def verify(
    network: Network, spec: Spec, *, log: LogFunction | None = None, **options: Any
) -> Result:
    """Does the property hold?

    Options are those of `dualcert verify`, by name (`option_names`): timeout=60 (seconds),
    memory=2000 (MB), threads=4, seed=1, stages=["ibp", "crown"], split="input",
    semantics="float32", certificate="proof.cert", check=True, ...

    log(level, text) is called for each line of what the solver does, on another thread;
    level 1 is a note, 2 a detail.  What it raises cancels the call and is raised here.

    Raises Error; an unknown verdict is no error.
    """
    with Run() as run:
        return run.verify(network, spec, log=log, **options)


def check(network: Network, spec: Spec, certificate: PathLike) -> Result:
    """Does the certificate, a file from the option of that name, prove the property?

    The verdict is "verified" or "unknown", and then `error` of the result says why.
    """
    with Run() as run:
        return run.check(network, spec, certificate)
