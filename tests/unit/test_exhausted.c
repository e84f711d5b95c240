/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No memory, at every moment: the n-th allocation of the whole program fails, for every
 * n, alone or with all that follow. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "net/base/mem.h"
#include "net/base/status.h"
#include "tests/support/make_onnx.h"
#include "tests/support/process.h"

/* ---- files ------------------------------------------------------------------------
 */

static char folder[] = "/tmp/dualcert-exhausted-XXXXXX";

static const char onnx_spec[] = "(declare-const X_0 Real)(declare-const X_1 Real)"
                                "(declare-const Y_0 Real)\n"
                                "(assert (and (>= X_0 -1) (<= X_0 1)))\n"
                                "(assert (and (>= X_1 -1) (<= X_1 1)))\n"
                                "(assert (or (>= Y_0 2.5) (<= Y_0 -0.1)))\n";

/* The true maximum is 2. */
static const char hard_spec[] = "(declare-const X_0 Real)(declare-const X_1 Real)"
                                "(declare-const Y_0 Real)(declare-const Y_1 Real)\n"
                                "(assert (and (>= X_0 -1) (<= X_0 1)))\n"
                                "(assert (and (>= X_1 -1) (<= X_1 1)))\n"
                                "(assert (>= Y_0 2.01))\n";

static const char false_spec[] = "(declare-const X_0 Real)(declare-const X_1 Real)"
                                 "(declare-const Y_0 Real)\n"
                                 "(assert (and (>= X_0 -1) (<= X_0 1)))\n"
                                 "(assert (and (>= X_1 -1) (<= X_1 1)))\n"
                                 "(assert (>= Y_0 1.5))\n";

static const char nnet[] = "// two inputs, two neurons, one output\n"
                           "2,2,1,2,\n2,2,1,\n0,\n-1,-1,\n1,1,\n0,0,0,\n1,1,1,\n"
                           "1,1,\n1,-1,\n0,\n0,\n1,1,\n0,\n";

static const char json_net[] =
    "{\"input\": 2, \"layers\": [{\"type\": \"dense\", \"weights\": [[1, 1], [1, -1]]},"
    "{\"type\": \"relu\"}, {\"type\": \"dense\", \"weights\": [[1, 1], [0, 1]]}]}";

static const char json_spec[] = "{\"center\": [0.1, 0.2], \"epsilon\": 0.05,"
                                " \"clip\": [0, 1], \"label\": 0}";

static void write_text(const char *name, const char *text)
{
  process_write(name, text, strlen(text));
}

static void write_onnx(void)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "x", 2, (int64_t[]){1, 2});
  make_onnx_floats(m, "w", 2, (int64_t[]){2, 2}, (float[]){1, 1, 1, -1});
  make_onnx_floats(m, "v", 2, (int64_t[]){2, 1}, (float[]){1, 1});
  make_onnx_node(m, "MatMul", "x w", "z");
  make_onnx_node(m, "Relu", "z", "h");
  make_onnx_node(m, "MatMul", "h v", "y");
  make_onnx_output(m, "y");
  File file = make_onnx_pack(m);
  process_write("net.onnx", file.data, file.size);
  file_free(&file);
  make_onnx_free(m);
}

static void open_folder(void)
{
  cr_assert(mkdtemp(folder) && chdir(folder) == 0);
  write_onnx();
  write_text("spec.vnnlib", onnx_spec);
  write_text("net.nnet", nnet);
  write_text("net.json", json_net);
  write_text("spec.json", json_spec);
  write_text("hard.vnnlib", hard_spec);
  write_text("false.vnnlib", false_spec);
  write_text("input.csv", "0.5,0.25\n");
}

static void close_folder(void)
{
  static const char *const names[] = {"net.onnx",    "spec.vnnlib", "net.nnet",
                                      "net.json",    "spec.json",   "input.csv",
                                      "hard.vnnlib", "false.vnnlib"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unlink(names[i]);
  cr_assert(chdir("/") == 0 && rmdir(folder) == 0);
}

TestSuite(exhausted, .init = open_folder, .fini = close_folder, .timeout = 300);

/* ---- runs -------------------------------------------------------------------------
 */

/* Shared with the child. */
typedef struct {
  size_t fail_at; /* 0: never */
  bool for_good;
  size_t before, after; /* counters of allocations */
} Plan;

static void prepare(void *context)
{
  Plan *plan = context;
  plan->before = mem_n_allocs();
  mem_fail_at(plan->fail_at, plan->for_good);
}

static void finish(void *context)
{
  ((Plan *)context)->after = mem_n_allocs();
  mem_fail_at(0, false);
}

static int count_lines(const char *text)
{
  int n = 0;
  for (; *text; text++)
    n += *text == '\n';
  return n;
}

typedef struct {
  const char *words; /* of the command line */
  int code;          /* with all the memory it wants */
  const char *out;   /* what stdout starts with then */
} Command;

static bool is_definite(const Process *p)
{
  return strstr(p->out, "verified") || strstr(p->out, "falsified") ||
         !strncmp(p->out, "sat", 3) || !strncmp(p->out, "unsat", 5);
}

/* Either the process says that there was no memory, in one line, or the failed
 * allocation came after the answer was known: returns true then. */
static bool has_answered(const Command *c, const Process *p, const Plan *plan)
{
  const char *how = plan->for_good ? "from there on" : "once";
  if (p->code == c->code && !strncmp(p->out, c->out, strlen(c->out))) return true;
  cr_assert(p->code == STATUS_OS || p->code == 2,
            "%s: allocation %zu fails %s: exit status %d, stdout '%s', stderr '%s'",
            c->words, plan->fail_at, how, p->code, p->out, p->err);
  cr_assert(!is_definite(p), "%s: allocation %zu fails %s: '%s'", c->words,
            plan->fail_at, how, p->out);
  if (p->code == STATUS_OS)
    cr_assert(!*p->out && count_lines(p->err) == 1 && strstr(p->err, "memory"),
              "%s: allocation %zu fails %s: '%s' '%s'", c->words, plan->fail_at, how,
              p->out, p->err);
  else
    cr_assert(*p->out && !*p->err, "%s: allocation %zu fails %s: '%s' '%s'", c->words,
              plan->fail_at, how, p->out, p->err);
  return false;
}

/* So many of the last allocations may come after the answer is known: whether a witness
 * is robust is asked when the verdict is out. */
enum { LATE = 30 };

/* The sanitizers make a process cost a hundred times as much. */
static size_t stride_of(size_t total)
{
  return strcmp(DUALCERT_MODE, "asan") ? 1 : 1 + total / 60;
}

static void starve(const Command *c, bool for_good)
{
  Plan *plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  cr_assert_neq(plan, MAP_FAILED);
  *plan = (Plan){.for_good = for_good};
  Process p = process_run(c->words, prepare, finish, plan);
  cr_assert(p.code == c->code && !strncmp(p.out, c->out, strlen(c->out)),
            "%s: exit status %d, stdout '%s', stderr '%s'", c->words, p.code, p.out,
            p.err);
  process_free(&p);
  const size_t total = plan->after - plan->before, stride = stride_of(total);
  cr_assert(total > 10, "%s: %zu allocations", c->words, total);
  for (size_t n = 1; n <= total; n += stride) {
    plan->fail_at = n;
    p = process_run(c->words, prepare, finish, plan);
    const bool answered = has_answered(c, &p, plan);
    cr_assert(!answered || n + LATE > total, "%s: allocation %zu of %zu is not missed",
              c->words, n, total);
    process_free(&p);
  }
  munmap(plan, sizeof *plan);
}

static void starve_both_ways(const Command *c)
{
  starve(c, false);
  starve(c, true);
}

Test(exhausted, verify_with_an_onnx_network)
{
  starve_both_ways(
      &(Command){"verify --threads=1 net.onnx spec.vnnlib", 0, "verified"});
}

Test(exhausted, verify_in_the_form_of_competitions)
{
  starve_both_ways(&(Command){
      "verify --threads=1 --format=vnncomp net.nnet false.vnnlib", 1, "sat"});
}

Test(exhausted, verify_with_json_everywhere)
{
  starve_both_ways(&(Command){"verify --threads=1 --format=json net.json spec.json", 0,
                              "{\n  \"verdict\": \"verified\""});
}

Test(exhausted, verify_that_splits_neurons)
{
  starve_both_ways(&(Command){"verify --threads=1 --split=activation --contract=0 "
                              "--stages=ibp,crown,split net.json hard.vnnlib",
                              0, "verified"});
}

Test(exhausted, verify_that_splits_inputs)
{
  starve_both_ways(&(Command){
      "verify --threads=2 --split=input --stages=ibp,crown,split net.json hard.vnnlib",
      0, "verified"});
}

Test(exhausted, bound)
{
  starve_both_ways(&(Command){"bound --threads=1 --method=lp net.json hard.vnnlib", 0,
                              "case,method,lower,seconds,iterations\n0,lp,-0."});
}

Test(exhausted, info)
{
  starve_both_ways(&(Command){"info net.onnx", 0, ""});
}

/* The same files, compressed. */
Test(exhausted, verify_with_gzip)
{
  static const char *const names[] = {"net.nnet.gz", "hard.vnnlib.gz"};
  static const char *const texts[] = {nnet, onnx_spec};
  for (int i = 0; i < 2; i++) {
    gzFile f = gzopen(names[i], "wb");
    cr_assert(f && gzputs(f, texts[i]) > 0 && gzclose(f) == Z_OK);
  }
  starve_both_ways(
      &(Command){"verify --threads=1 net.nnet.gz hard.vnnlib.gz", 0, "verified"});
  for (int i = 0; i < 2; i++)
    unlink(names[i]);
}

Test(exhausted, eval)
{
  starve_both_ways(&(Command){"eval net.nnet input.csv", 0, ""});
}
