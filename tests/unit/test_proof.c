/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of the solver, judged by the checker: all of them are accepted, and what
 * is left of a damaged one proves nothing false. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "solver/solve.h"
#include "specs/check/certificate.h"
#include "specs/check/check.h"
#include "tests/support/nets.h"
#include "tests/support/normalised.h"
#include "tests/support/proofs.h"
#include "tests/support/props.h"

/* The sanitizers make everything slow. */
#define SANITIZED (!strcmp(DUALCERT_MODE, "asan"))

static const char zeros[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* A network with a box, and below each output what sampling has seen of it. */
typedef struct {
  Net *net;
  double lo[64], hi[64], least[16];
  double both; /* smallest maximum of outputs 0 and 1 */
  int n_out;
} Asked;

static Asked asked(Net *net, double radius, Prng *prng)
{
  Asked a = {.net = net, .both = INFINITY, .n_out = net_out_size(net)};
  const int n = net_in_size(net);
  double x[64], y[64];
  cr_assert(n <= 64 && a.n_out <= 16);
  memcpy(net->sha256, zeros, sizeof zeros);
  nets_box(n, radius, prng, a.lo, a.hi);
  for (int i = 0; i < 16; i++)
    a.least[i] = INFINITY;
  for (int t = 0; t < 400; t++) {
    nets_sample(n, a.lo, a.hi, prng, x);
    eval_double(net, x, y);
    for (int i = 0; i < a.n_out; i++)
      a.least[i] = fmin(a.least[i], y[i]);
    a.both = fmin(a.both, fmax(y[0], y[a.n_out > 1]));
  }
  return a;
}

/* Unsafe: an output is below what was seen of it, by `gap`; or 0 and 1 together are. */
static Prop *property(const Asked *a, double gap)
{
  int first[18], var[18];
  double rhs[18];
  const int n = a->n_out > 3 ? 3 : a->n_out;
  for (int k = 0; k < n; k++) {
    first[k] = var[k] = k;
    rhs[k] = a->least[k] - gap;
  }
  first[n] = var[n] = n;
  var[n] = 0;
  var[n + 1] = a->n_out > 1;
  rhs[n] = rhs[n + 1] = a->both - gap;
  first[n + 1] = n + 2;
  Prop *prop = props_below(a->net, a->lo, a->hi, n + 1, first, var, rhs);
  memcpy(prop->sha256, zeros, sizeof zeros);
  return prop;
}

static void path_of(char *path)
{
  snprintf(path, 64, "/tmp/dualcert-proof-%d", (int)getpid());
}

/* Proves, checks, and asks the same certificate for what is false. */
static bool stands(Asked *a, const Options *options, double gap, int t)
{
  char path[64], reason[200];
  Prop *prop = property(a, gap), *lie = property(a, -1e-3 * (1 + fabs(a->least[0])));
  path_of(path);
  const bool verified = proofs_make(a->net, prop, options, path, 5);
  if (verified) {
    cr_assert(proofs_accepted(path, a->net, prop, false, reason), "net %d: %s", t,
              reason);
    cr_assert(!proofs_accepted(path, a->net, lie, false, reason),
              "net %d: proves what is false", t);
    unlink(path);
  }
  prop_free(prop);
  prop_free(lie);
  return verified;
}

static Options variant(int v)
{
  Options o;
  options_init(&o);
  o.threads = 1 + v % 2;
  o.attack_restarts = 4;
  o.split = v % 3 == 0 ? SPLIT_INPUT : SPLIT_ACTIVATION;
  o.contract = v % 5 == 4 ? 2 : v % 5 == 3 ? 0 : 1;
  o.retighten = v % 7 < 3 ? v % 7 : 2;
  o.refine_leaves = v % 4 ? 0 : 16;
  if (v % 8 == 7) o.stages &= ~(unsigned)STAGE_DUAL;
  return o;
}

/* Scales behind matrices, images made from few inputs: bounds/fuse.h changes nearly all
 * of these. */
enum { NORMALISED = NETS_CURVED + 1 };

static Net *some_net(int kind, int size, Prng *prng)
{
  if (kind != NORMALISED) return nets_random((NetsKind)kind, size, 1, prng);
  const Normalised how = {.mode = EXTREME_ORDINARY,
                          .blurred = prng_below(prng, 2),
                          .few_inputs = prng_below(prng, 2)};
  return normalised_net(&how, prng);
}

static void all_stand(int kind, int nets, double radius, int least)
{
  Prng prng = prng_init(700 + (unsigned)kind);
  int verified = 0;
  if (SANITIZED) {
    nets /= 5;
    least /= 6;
  }
  for (int t = 0; t < nets; t++) {
    Asked a = asked(some_net(kind, 5 + t % 5, &prng), radius, &prng);
    const Options options = variant(t);
    const double gap[3] = {0.02, 0.2, 1};
    verified += stands(&a, &options, gap[t % 3] * (1 + fabs(a.least[0])), t);
    net_free(a.net);
  }
  cr_assert(verified >= least, "only %d verified", verified);
}

Test(proof, certificates_of_dense_nets_stand, .timeout = 240)
{
  all_stand(NETS_DENSE, 150, 0.7, 90);
}

Test(proof, certificates_of_residual_nets_stand, .timeout = 240)
{
  all_stand(NETS_RESIDUAL, 100, 0.7, 60);
}

Test(proof, certificates_of_convolutions_stand, .timeout = 240)
{
  all_stand(NETS_CONV, 80, 0.5, 50);
}

Test(proof, certificates_of_curves_and_products_stand, .timeout = 240)
{
  all_stand(NETS_CURVED, 100, 0.3, 40);
}

Test(proof, certificates_of_normalised_nets_stand, .timeout = 240)
{
  all_stand(NORMALISED, 80, 0.2, 40);
}

/* ---- damage ------------------------------------------------------------------ */

/* A certificate taken apart. */
typedef struct {
  char head[600];
  int n;
  int tag[400];
  unsigned char *data[400];
  size_t size[400];
} Parts;

static size_t number(const unsigned char *at)
{
  return at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

static Parts take_apart(const char *path)
{
  Parts p = {.n = 0};
  File file;
  Err err = {0};
  cr_assert_eq(file_read(path, FILE_MAX_BYTES, &file, &err), STATUS_OK);
  const char *end = strchr(strchr(file.data, '\n') + 1, '\n') + 1;
  memcpy(p.head, file.data, (size_t)(end - file.data));
  const unsigned char *at = (const unsigned char *)end,
                      *last = (const unsigned char *)file.data + file.size;
  for (; at < last; p.n++) {
    cr_assert(p.n < 400);
    p.tag[p.n] = *at;
    p.size[p.n] = number(at + 1);
    const size_t packed = number(at + 5);
    p.data[p.n] = mem_alloc(p.size[p.n] + 1);
    cr_assert(file_inflate(at + 9, packed, p.data[p.n], p.size[p.n]));
    at += 9 + packed;
  }
  file_free(&file);
  return p;
}

static void put_together(const Parts *p, const char *path, int without)
{
  FILE *f = fopen(path, "wb");
  fputs(p->head, f);
  for (int i = 0; i < p->n; i++) {
    size_t packed;
    if (i == without) continue;
    unsigned char *data = file_deflate(p->data[i], p->size[i], &packed);
    fputc(p->tag[i], f);
    for (int k = 0; k < 4; k++)
      fputc((int)(p->size[i] >> 8 * k & 255), f);
    for (int k = 0; k < 4; k++)
      fputc((int)(packed >> 8 * k & 255), f);
    fwrite(data, 1, packed, f);
    mem_free(data);
  }
  fclose(f);
}

static void parts_free(Parts *p)
{
  for (int i = 0; i < p->n; i++)
    mem_free(p->data[i]);
}

/* Without these nothing is proved; others are advice, which may be more than enough. */
static bool is_needed(int tag)
{
  return tag != CERTIFICATE_PASS && tag != CERTIFICATE_LAYOUT &&
         tag != CERTIFICATE_SLOPES && tag != CERTIFICATE_REFINE &&
         tag != CERTIFICATE_CLOSE && tag != CERTIFICATE_BOX_EVENT;
}

static void damage(const char *path, const Net *net, const Prop *prop, const Prop *lie,
                   Prng *prng)
{
  char reason[200];
  Parts p = take_apart(path);
  for (int i = 0; i < p.n; i++) {
    put_together(&p, path, i);
    const bool fine = proofs_accepted(path, net, prop, false, reason);
    cr_assert(!fine || !is_needed(p.tag[i]), "without block %c", p.tag[i]);
    cr_assert(!proofs_accepted(path, net, lie, false, reason));
  }
  for (int t = 0; t < (SANITIZED ? 60 : 300); t++) {
    const int i = (int)(prng_unit(prng) * p.n);
    if (!p.size[i]) continue;
    unsigned char *byte = &p.data[i][(size_t)(prng_unit(prng) * (double)p.size[i])],
                  was = *byte;
    *byte = (unsigned char)(prng_unit(prng) * 256);
    put_together(&p, path, -1);
    proofs_accepted(path, net, prop, false, reason); /* ends */
    cr_assert(!proofs_accepted(path, net, lie, false, reason), "block %c, byte %d",
              p.tag[i], (int)(byte - p.data[i]));
    *byte = was;
  }
  parts_free(&p);
}

Test(proof, damaged_certificates_prove_nothing_false, .timeout = 240)
{
  Prng prng = prng_init(760);
  char path[64];
  int verified = 0;
  path_of(path);
  for (int t = 0; t < (SANITIZED ? 6 : 24); t++) {
    const int sizes[4] = {3, 8, 8, 2};
    Asked a = asked(nets_dense(sizes, 4, 1.2, &prng), 1, &prng);
    Prop *prop = property(&a, 0.05), *lie = property(&a, -0.01);
    const Options options = variant(t);
    if (proofs_make(a.net, prop, &options, path, 5)) {
      damage(path, a.net, prop, lie, &prng);
      verified++;
    }
    unlink(path);
    prop_free(prop);
    prop_free(lie);
    net_free(a.net);
  }
  cr_assert(verified >= (SANITIZED ? 3 : 12), "only %d verified", verified);
}

/* Another box, another network, other digests. */
Test(proof, a_certificate_is_about_one_question)
{
  Prng prng = prng_init(761);
  char path[64], reason[200];
  const int sizes[4] = {3, 8, 8, 2};
  path_of(path);
  Asked a = asked(nets_dense(sizes, 4, 1.2, &prng), 0.4, &prng);
  Prop *prop = property(&a, 0.5);
  Options options;
  options_init(&options);
  cr_assert(proofs_make(a.net, prop, &options, path, 20));
  cr_assert(proofs_accepted(path, a.net, prop, false, reason), "%s", reason);
  prop->sha256[5] = '1';
  cr_assert(!proofs_accepted(path, a.net, prop, false, reason));
  prop->sha256[5] = '0';
  a.net->sha256[63] = '1';
  cr_assert(!proofs_accepted(path, a.net, prop, false, reason));
  a.net->sha256[63] = '0';
  a.hi[0] += 40;
  a.lo[1] -= 40;
  Prop *wide = property(&a, 0.5);
  cr_assert(!proofs_accepted(path, a.net, wide, false, reason));
  unlink(path);
  prop_free(prop);
  prop_free(wide);
  net_free(a.net);
}
