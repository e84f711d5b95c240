/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dualcert.h -- the C interface of libdualcert: neural networks proved or refuted.
 *
 *     dualcert_network *net = dualcert_network_new ();
 *     dualcert_spec *spec = dualcert_spec_new ();
 *     dualcert_result *result = dualcert_result_new ();
 *     if (dualcert_network_read_file (net, "net.onnx"))
 *       fprintf (stderr, "%s\n", dualcert_network_error (net));
 *     else if (dualcert_spec_read_file (spec, net, "property.vnnlib"))
 *       fprintf (stderr, "%s\n", dualcert_spec_error (spec));
 *     else if (dualcert_verify (net, spec, NULL, result))
 *       fprintf (stderr, "%s\n", dualcert_result_error (result));
 *     else
 *       puts (dualcert_verdict_name (dualcert_result_verdict (result)));
 *     dualcert_result_free (result);
 *     dualcert_spec_free (spec);
 *     dualcert_network_free (net);
 *
 * Needs C99, C11 or C++.  Link with `pkg-config --cflags --libs dualcert`.
 *
 * STATUS.  Functions that can fail return a dualcert_status: 0, or a number of
 * sysexits.h, the same as the exit status of the program.  What went wrong is then one
 * text, by _error of the handle that was to change.  Giving up is no failure: a time or
 * memory limit and dualcert_result_cancel make the verdict unknown, with a reason.
 * NULL where a handle is needed is refused with DUALCERT_USAGE; getters then return 0,
 * NULL or NaN.
 *
 * THREADS.  There is no state outside handles.  A function changes the handle it is
 * named after (dualcert_verify: the result) and reads the others, so threads may share
 * networks, specifications and options that nobody changes meanwhile.  Only
 * dualcert_result_cancel may be called while another thread is using the handle.
 *
 * WHERE THE WORK IS DONE.  Each call that reads, evaluates, verifies or checks works on
 * threads of its own, with all signals blocked, round-to-nearest arithmetic and the "C"
 * locale, whatever the caller has set.  The library installs no signal handler and no
 * timer, writes nothing to stdout or stderr, and does not end the process, with one
 * exception: a bug in the library that is noticed (say, one point proved safe and found
 * unsafe) writes a line to stderr and aborts, for no verdict could be trusted then.
 *
 * MEMORY.  Running out of memory, the limit of an option or the system's, ends the
 * call, not the process: dualcert_verify with the verdict unknown
 * (DUALCERT_REASON_MEMORY), everything else with DUALCERT_SYSTEM.  All that the call
 * had allocated is freed.
 *
 * Texts and arrays that a function returns belong to the handle and last until it is
 * changed or freed.  Texts are UTF-8 if paths and names in files are.
 */
#ifndef DUALCERT_H
#define DUALCERT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DUALCERT_API
#if defined __GNUC__
#define DUALCERT_API __attribute__((visibility("default")))
#else
#define DUALCERT_API
#endif
#endif

/* Changes when programs must be compiled again. */
#define DUALCERT_ABI 0

/* DUALCERT_ABI of the library that is loaded, and its version, "0.1.0". */
DUALCERT_API int dualcert_abi_version(void);
DUALCERT_API const char *dualcert_version(void);

typedef enum dualcert_status {
  DUALCERT_OK = 0,
  DUALCERT_USAGE = 64,       /* an argument or option is wrong */
  DUALCERT_DATA = 65,        /* a file is malformed or contradicts another one */
  DUALCERT_NO_INPUT = 66,    /* a file cannot be read */
  DUALCERT_UNSUPPORTED = 69, /* well-formed, but outside what dualcert supports */
  DUALCERT_INTERNAL = 70,    /* the arithmetic of this machine failed a self-test */
  DUALCERT_SYSTEM = 71,      /* no memory, or no thread could be made */
  DUALCERT_CREATE = 73,      /* an output file cannot be written */
  DUALCERT_IO = 74           /* a read or write failed half-way */
} dualcert_status;

/* "data error", "unsupported", ...; never NULL. */
DUALCERT_API const char *dualcert_status_name(int status);

/* ---- networks ------------------------------------------------------------ */

typedef struct dualcert_network dualcert_network;

/* Empty; NULL when there is no memory.  _free: NULL is fine. */
DUALCERT_API dualcert_network *dualcert_network_new(void);
DUALCERT_API void dualcert_network_free(dualcert_network *network);

/* Read ONNX, .nnet or JSON, gzip too, in place of what was there.  From memory: `name`
 * is for messages, and its ending tells formats apart as that of a path does; the bytes
 * are not used afterwards.  After a failure the network is empty. */
DUALCERT_API int dualcert_network_read_file(dualcert_network *network,
                                            const char *path);
DUALCERT_API int dualcert_network_read_memory(dualcert_network *network,
                                              const char *name, const void *data,
                                              size_t size);

/* Why the last call failed, one or several lines; "" when it did not. */
DUALCERT_API const char *dualcert_network_error(const dualcert_network *network);

/* Numbers of inputs, outputs and nonlinear neurons; 0 while it is empty.  Digest of the
 * file as it was stored, 64 hexadecimal digits; "" while it is empty. */
DUALCERT_API size_t dualcert_network_inputs(const dualcert_network *network);
DUALCERT_API size_t dualcert_network_outputs(const dualcert_network *network);
DUALCERT_API size_t dualcert_network_neurons(const dualcert_network *network);
DUALCERT_API const char *dualcert_network_sha256(const dualcert_network *network);

/* y[n_y] = network (x[n_x]), in double precision, or, for eval_float, as a program in
 * float32 computes it (x is rounded to float32 first).  Fails USAGE when a length is
 * not that of the network, x is not finite, or the network is empty; SYSTEM. */
DUALCERT_API int dualcert_network_eval(const dualcert_network *network, const double *x,
                                       size_t n_x, double *y, size_t n_y);
DUALCERT_API int dualcert_network_eval_float(const dualcert_network *network,
                                             const double *x, size_t n_x, float *y,
                                             size_t n_y);

/* ---- specifications ------------------------------------------------------ */

typedef struct dualcert_spec dualcert_spec;

DUALCERT_API dualcert_spec *dualcert_spec_new(void);
DUALCERT_API void dualcert_spec_free(dualcert_spec *spec);

/* Read VNN-LIB or JSON, gzip too, for that network, which need not outlive it.  A JSON
 * specification with "image" or "where" is UNSUPPORTED: it is about another network. */
DUALCERT_API int dualcert_spec_read_file(dualcert_spec *spec,
                                         const dualcert_network *network,
                                         const char *path);
DUALCERT_API int dualcert_spec_read_memory(dualcert_spec *spec,
                                           const dualcert_network *network,
                                           const char *name, const void *data,
                                           size_t size);
DUALCERT_API const char *dualcert_spec_error(const dualcert_spec *spec);

/* Cases of the unsafe set: the property holds when each is proved unreachable.  0 while
 * it is empty, and when the unsafe set is: then the property holds for every network.
 */
DUALCERT_API size_t dualcert_spec_cases(const dualcert_spec *spec);
DUALCERT_API const char *dualcert_spec_sha256(const dualcert_spec *spec);

/* ---- options ------------------------------------------------------------- */

typedef struct dualcert_options dualcert_options;

/* All at their defaults: real semantics, no limits, as many threads as processors. */
DUALCERT_API dualcert_options *dualcert_options_new(void);
DUALCERT_API void dualcert_options_free(dualcert_options *options);

/* Set `--name=value` of `dualcert verify`: timeout (seconds), memory (MB of 2^20 bytes:
 * of network, specification and this call together), threads, seed, stages, split,
 * semantics, certificate (a path), and those of effort.  "check" is "1" or "0": whether
 * to check the certificate before saying verified.  Fails USAGE; the value stays as it
 * was. */
DUALCERT_API int dualcert_options_set(dualcert_options *options, const char *name,
                                      const char *value);
DUALCERT_API const char *dualcert_options_error(const dualcert_options *options);

/* Names that dualcert_options_set takes, for index 0, 1, ...; NULL after the last. */
DUALCERT_API const char *dualcert_options_name(size_t index);

/* What dualcert_verify does, line by line.  Level 1: notes about the specification and
 * the like; 2: also each stage, and once a second where a search is.  `text` is one
 * line without its end, which lasts as long as the call.  Called on a thread of the
 * library, one call at a time for one dualcert_verify and none after its return; it may
 * call dualcert_result_cancel, and must not call longjmp or let a C++ exception out. */
typedef void dualcert_log(void *context, int level, const char *text);

/* level 0 or log NULL: nothing, as at the start.  Fails USAGE: level outside 0..2. */
DUALCERT_API int dualcert_options_log(dualcert_options *options, int level,
                                      dualcert_log *log, void *context);

/* ---- verification -------------------------------------------------------- */

typedef struct dualcert_result dualcert_result;

typedef enum dualcert_verdict {
  DUALCERT_UNKNOWN = 0,
  DUALCERT_VERIFIED = 1, /* proved: no input of the specification is unsafe */
  DUALCERT_FALSIFIED = 2 /* a counterexample was found and replayed */
} dualcert_verdict;

typedef enum dualcert_reason {
  DUALCERT_REASON_NONE = 0,
  DUALCERT_REASON_TIMEOUT = 1,
  DUALCERT_REASON_MEMORY = 2,
  DUALCERT_REASON_INCOMPLETE = 3, /* the methods that were allowed have been tried */
  DUALCERT_REASON_NODES = 4,      /* option max-nodes */
  DUALCERT_REASON_OVERFLOW = 5,   /* float32 arithmetic might overflow */
  DUALCERT_REASON_INTERRUPTED = 6,
  DUALCERT_REASON_REJECTED = 7 /* a certificate was not accepted */
} dualcert_reason;

/* "verified", ...; "timeout", ...; "none", also for unknown numbers. */
DUALCERT_API const char *dualcert_verdict_name(int verdict);
DUALCERT_API const char *dualcert_reason_name(int reason);

/* Without a verdict: unknown. */
DUALCERT_API dualcert_result *dualcert_result_new(void);
DUALCERT_API void dualcert_result_free(dualcert_result *result);

/* Does the property hold?  options NULL: the defaults.  The result is replaced.  Every
 * verdict, unknown included, is a success.  Fails USAGE: something is NULL or empty, or
 * the specification is not for a network of this size; UNSUPPORTED: semantics float32
 * and a network it is not known of; CREATE, IO: the certificate (the verdict is there
 * all the same if the property was decided); INTERNAL, SYSTEM. */
DUALCERT_API int dualcert_verify(const dualcert_network *network,
                                 const dualcert_spec *spec,
                                 const dualcert_options *options,
                                 dualcert_result *result);

/* Does the file `certificate`, from the option of that name, prove the property?  The
 * verdict becomes verified, or unknown (DUALCERT_REASON_REJECTED) and
 * dualcert_result_error says why.  "semantics" of dualcert_result_json is what it is
 * about: real numbers, or every execution in float32.  The checker shares no code with
 * the search.  Fails
 * when there is nothing to judge: NO_INPUT, IO, DATA, UNSUPPORTED; and as above. */
DUALCERT_API int dualcert_check(const dualcert_network *network,
                                const dualcert_spec *spec, const char *certificate,
                                dualcert_result *result);

/* From any thread, also before dualcert_verify begins: it ends soon, unknown
 * (DUALCERT_REASON_INTERRUPTED) unless it had decided.  dualcert_check ends only before
 * it begins.  Holds for all calls with this result until dualcert_result_reset. */
DUALCERT_API void dualcert_result_cancel(dualcert_result *result);

/* As after dualcert_result_new. */
DUALCERT_API void dualcert_result_reset(dualcert_result *result);

DUALCERT_API const char *dualcert_result_error(const dualcert_result *result);
DUALCERT_API int dualcert_result_verdict(const dualcert_result *result);
DUALCERT_API int dualcert_result_reason(const dualcert_result *result);
DUALCERT_API double dualcert_result_seconds(const dualcert_result *result);

/* Cases and how many of them are not proved.  0 after dualcert_check. */
DUALCERT_API size_t dualcert_result_cases(const dualcert_result *result);
DUALCERT_API size_t dualcert_result_open_cases(const dualcert_result *result);

/* Proven lower bound of the margin of case k, and the smallest over all cases: how far
 * from unsafe outputs stay, in the units of the specification's inequalities; above 0:
 * proved.  -INFINITY: nothing is proved yet; +INFINITY for no cases; NaN: no such
 * case. */
DUALCERT_API double dualcert_result_bound(const dualcert_result *result);
DUALCERT_API double dualcert_result_case_bound(const dualcert_result *result, size_t k);

/* The smallest margin seen at any input of case k; +INFINITY: none was looked at. */
DUALCERT_API double dualcert_result_case_best(const dualcert_result *result, size_t k);

/* Line of case k in the specification's file; 0: no such case. */
DUALCERT_API int dualcert_result_case_line(const dualcert_result *result, size_t k);

/* The counterexample of a falsified property: n numbers each, n = 0 and NULL otherwise.
 * Input; output in double precision; output as a program in float32 computes it. */
DUALCERT_API const double *dualcert_result_input(const dualcert_result *result,
                                                 size_t *n);
DUALCERT_API const double *dualcert_result_output(const dualcert_result *result,
                                                  size_t *n);
DUALCERT_API const float *dualcert_result_output_float(const dualcert_result *result,
                                                       size_t *n);

/* "robust": unsafe in every float32 program, whatever its order of summation;
 * "borderline": some may round it to safe; "untested".  "" without a counterexample. */
DUALCERT_API const char *dualcert_result_kind(const dualcert_result *result);

/* The case it violates; -1 without a counterexample. */
DUALCERT_API int dualcert_result_case(const dualcert_result *result);

/* All of this and more as JSON, as `dualcert verify --format json` writes it; the
 * counterexample in the form of VNN-COMP, and with evidence as JSON, as
 * `dualcert verify --witness` writes it.  "" when there is none. */
DUALCERT_API const char *dualcert_result_json(const dualcert_result *result);
DUALCERT_API const char *dualcert_result_witness(const dualcert_result *result);
DUALCERT_API const char *dualcert_result_evidence(const dualcert_result *result);

#ifdef __cplusplus
}
#endif

#endif
