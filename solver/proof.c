/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* O_TMPFILE */
#include "solver/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "specs/check/certificate.h"

/* A block is written once it has so many bytes. */
#define FULL_BLOCK ((size_t)1 << 20)

struct Proof {
  char *path; /* NULL: nobody wants the file */
  char reading[40];
  FILE *file;
  bool failed;
  ProofText block;   /* records of `tag` that have not been written */
  int tag, last_tag; /* 0: nothing in work; of the last block written */
  int n_queries;
  /* the query in work */
  const Net *net; /* what bounds are about now; borrowed, may be gone at the end */
  int n_nodes;    /* of it */
  int *node;      /* int node[net->n_nodes]: the query's node; -1: linear */
  int **element;  /* int element[k][size_k], NULL: the same */
  const Packed *layout;
  ProofText scratch;
  int last_element; /* of the differences in a list */
};

/* ---- bytes ----------------------------------------------------------------- */

static unsigned char *more(ProofText *text, size_t n)
{
  if (text->n + n > text->room) {
    text->room = 2 * (text->n + n) + 64;
    text->at = mem_grow(text->at, text->room, 1);
  }
  text->n += n;
  return text->at + text->n - n;
}

void proof_text_free(ProofText *text)
{
  mem_free(text->at);
  *text = (ProofText){.n = 0};
}

void proof_byte(ProofText *text, int byte)
{
  *more(text, 1) = (unsigned char)byte;
}

void proof_number(ProofText *text, size_t number)
{
  for (; number >= 128; number >>= 7)
    proof_byte(text, (int)(number & 127) | 128);
  proof_byte(text, (int)number);
}

static void little_endian(ProofText *text, uint64_t bits, int n)
{
  unsigned char *at = more(text, (size_t)n);
  for (int i = 0; i < n; i++)
    at[i] = (unsigned char)(bits >> 8 * i);
}

void proof_f32(ProofText *text, double x)
{
  const float f = (float)x;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  little_endian(text, bits, 4);
}

void proof_f64(ProofText *text, double x)
{
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  little_endian(text, bits, 8);
}

void proof_bytes(ProofText *text, const void *bytes, size_t n)
{
  if (n) memcpy(more(text, n), bytes, n);
}

static void real(ProofText *text, bool exact, double x)
{
  if (exact)
    proof_f64(text, x);
  else
    proof_f32(text, x);
}

/* ---- the file -------------------------------------------------------------- */

static FILE *open_nameless(const char *path, Err *err)
{
  const char *slash = strrchr(path, '/');
  char *folder =
      slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
  const int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  const int why = errno;
  mem_free(folder);
  if (fd >= 0) return fdopen(fd, "w+b");
  /* A file system without such files. */
  FILE *file = why == EOPNOTSUPP || why == EISDIR ? tmpfile() : NULL;
  if (!file)
    status_fail(err, STATUS_CREATE, "%s: cannot be written: %s", path, strerror(why));
  return file;
}

static void close_file(void *file)
{
  fclose(file);
}

static void write_bytes(Proof *p, const void *bytes, size_t n)
{
  if (n && fwrite(bytes, 1, n, p->file) != n) p->failed = true;
}

void proof_flush(Proof *p)
{
  if (!p->tag) return;
  size_t packed;
  unsigned char *to = file_deflate(p->block.at, p->block.n, &packed);
  p->scratch.n = 0;
  proof_byte(&p->scratch, p->tag);
  little_endian(&p->scratch, p->block.n, 4);
  little_endian(&p->scratch, packed, 4);
  write_bytes(p, p->scratch.at, p->scratch.n);
  write_bytes(p, to, packed);
  mem_free(to);
  p->block.n = 0;
  p->last_tag = p->tag;
  p->tag = 0;
}

static ProofText *block_of(Proof *p, int tag)
{
  if (p->tag != tag || p->block.n > FULL_BLOCK) proof_flush(p);
  p->tag = tag;
  return &p->block;
}

void proof_fail(Proof *p)
{
  p->failed = true;
}

void proof_append(Proof *p, int tag, const ProofText *text)
{
  ProofText *block = block_of(p, tag);
  proof_bytes(block, text->at, text->n);
  STATUS_REQUIRE(block->n <= CERTIFICATE_BLOCK, "a record fits a block");
}

Status proof_open(const char *path, const Net *net, const Prop *prop,
                  const char *semantics, Proof **proof, Err *err)
{
  FILE *file = path ? open_nameless(path, err) : tmpfile();
  *proof = NULL;
  if (!file && !path)
    return status_fail(err, STATUS_CREATE, "no temporary file for the certificate: %s",
                       strerror(errno));
  if (!file) return err->code;
  mem_guard(close_file, file);
  Proof *p = *proof = mem_zero(1, sizeof *p);
  p->path = path ? mem_strdup(path) : NULL;
  snprintf(p->reading, sizeof p->reading, "/proc/self/fd/%d", fileno(file));
  p->file = file;
  fprintf(file,
          CERTIFICATE_MAGIC
          "{\"program\": \"dualcert " DUALCERT_VERSION "\", \"network\": {\"sha256\": "
          "\"%s\"}, \"specification\": {\"sha256\": \"%s\"}, \"semantics\": \"%s\", "
          "\"queries\": %d, \"cases\": %d}\n",
          net->sha256, prop->sha256, semantics, query_count(prop), prop->n_cases);
  return STATUS_OK;
}

Status proof_finish(Proof *p, Err *err)
{
  proof_flush(p);
  proof_number(block_of(p, CERTIFICATE_END), (size_t)p->n_queries);
  proof_flush(p);
  if (p->failed || fflush(p->file))
    return status_fail(err, STATUS_IO, "%s: no room for the certificate",
                       p->path ? p->path : "--check");
  return STATUS_OK;
}

const char *proof_reading_path(const Proof *p)
{
  return p->reading;
}

Status proof_publish(Proof *p, Err *err)
{
  return file_copy(p->file, p->path, err);
}

static void forget_net(Proof *p)
{
  for (int k = 0; p->element && k < p->n_nodes; k++)
    mem_free(p->element[k]);
  mem_free(p->element);
  mem_free(p->node);
  p->element = NULL;
  p->node = NULL;
  p->net = NULL;
  p->layout = NULL;
}

void proof_free(Proof *p)
{
  if (!p) return;
  forget_net(p);
  mem_unguard(p->file);
  fclose(p->file);
  proof_text_free(&p->block);
  proof_text_free(&p->scratch);
  mem_free(p->path);
  mem_free(p);
}

/* ---- networks ----------------------------------------------------------------- */

/* Bounds are about the network itself. */
static void start_net(Proof *p, const Net *net)
{
  const size_t n = (size_t)net->n_nodes;
  forget_net(p);
  p->net = net;
  p->n_nodes = net->n_nodes;
  p->node = mem_array(n, sizeof *p->node);
  p->element = mem_zero(n, sizeof *p->element);
  for (int k = 0; k < net->n_nodes; k++)
    p->node[k] = net_is_nonlinear(&net->nodes[k]) ? k : -1;
}

void proof_relus(Proof *p, const Query *relus)
{
  start_net(p, relus->net);
  proof_number(block_of(p, CERTIFICATE_RELUS), (size_t)relus->net->n_nodes);
  proof_flush(p);
}

void proof_query(Proof *p, int q, const Query *query)
{
  start_net(p, query->net);
  ProofText *text = block_of(p, CERTIFICATE_QUERY);
  proof_number(text, (size_t)q);
  proof_number(text, (size_t)query->net->n_nodes);
  proof_number(text, (size_t)query->n_cases);
  proof_flush(p);
  p->n_queries++;
}

void proof_end_query(Proof *p)
{
  block_of(p, CERTIFICATE_END_QUERY);
  proof_flush(p);
  forget_net(p);
}

/* Node k of `net` is node origin[k] of the network so far, its elements are
 * kept[k][..] of that, or all. */
static void go_on_with(Proof *p, const Net *net, const int *origin,
                       const int *const *kept)
{
  const size_t n = (size_t)net->n_nodes;
  int *node = mem_array(n, sizeof *node), last = -1;
  int **element = mem_zero(n, sizeof *element);
  for (int k = 0; k < net->n_nodes; k++) {
    const int old = origin[k];
    node[k] = -1;
    if (!net_is_nonlinear(&net->nodes[k])) continue;
    STATUS_REQUIRE(old > last, "nonlinear nodes come from others, in order");
    last = old;
    node[k] = p->node[old];
    const int *few = kept ? kept[k] : NULL;
    if (!few && !p->element[old]) continue;
    element[k] = mem_array((size_t)net->nodes[k].size, sizeof **element);
    for (int i = 0; i < net->nodes[k].size; i++)
      element[k][i] = proof_element(p, old, few ? few[i] : i);
  }
  forget_net(p);
  p->net = net;
  p->n_nodes = net->n_nodes;
  p->node = node;
  p->element = element;
}

void proof_fused(Proof *p, const Net *net, const int *origin)
{
  go_on_with(p, net, origin, NULL);
}

void proof_reduced(Proof *p, const Net *net, const ReduceOrigin *origin)
{
  go_on_with(p, net, origin->node, origin->kept);
}

int proof_node(const Proof *p, int k)
{
  return p->node[k];
}

int proof_element(const Proof *p, int k, int i)
{
  return p->element[k] ? p->element[k][i] : i;
}

/* ---- records --------------------------------------------------------------- */

/* A number of an ascending list, whose last one was *last. */
static void ascending(ProofText *text, int number, int *last)
{
  proof_number(text, (size_t)(number - *last));
  *last = number;
}

void proof_pass(Proof *p)
{
  proof_number(block_of(p, CERTIFICATE_PASS), 1);
  proof_flush(p);
}

void proof_layout(Proof *p, const Packed *packed)
{
  ProofText *text = block_of(p, CERTIFICATE_LAYOUT);
  int last_node = 0;
  p->layout = packed;
  for (int k = 0; k < packed->net->n_nodes; k++) {
    if (!packed->n_open[k]) continue;
    int last = 0;
    ascending(text, p->node[k], &last_node);
    proof_number(text, (size_t)packed->n_open[k]);
    for (int i = 0; i < packed->n_open[k]; i++)
      ascending(text, proof_element(p, k, packed->open[k][i]), &last);
  }
  proof_flush(p);
}

static void input_header(Proof *p, ProofText *text, int k, int factor, int count)
{
  proof_number(text, (size_t)p->node[k]);
  proof_number(text, (size_t)factor);
  proof_number(text, (size_t)count);
  p->last_element = 0;
}

void proof_slope_row(const Proof *p, ProofText *text, int k, int j,
                     const unsigned char *row)
{
  const size_t known = packed_width(p->layout, j), wanted = packed_width(p->layout, k);
  proof_bytes(text, row, known);
  for (size_t i = known; i < wanted; i++)
    proof_byte(text, 0);
}

static void hints_of(Proof *p, const Hints *hints, const Bounds *b, int k, int factor)
{
  const int j = p->net->nodes[k].in[factor], size = p->net->nodes[j].size;
  int count = 0;
  for (int i = 0; i < size; i++)
    if (bounds_is_open(b, j, 0, i) && packed_hints_row(hints, j, i, 1)) count += 2;
  if (!count) return;
  ProofText *text = block_of(p, CERTIFICATE_SLOPES);
  input_header(p, text, k, factor, count);
  for (int i = 0; i < size; i++)
    for (int sign = 1; sign >= -1; sign -= 2) {
      const unsigned char *row = packed_hints_row(hints, j, i, sign);
      if (!row || !bounds_is_open(b, j, 0, i)) continue;
      ascending(text, proof_element(p, k, i), &p->last_element);
      proof_byte(text, sign < 0);
      proof_slope_row(p, text, k, j, row);
    }
}

/* Blocks in succession are one pass: another one needs something in between. */
static void begin_pass(Proof *p, int tag)
{
  proof_flush(p);
  if (p->last_tag == tag) block_of(p, CERTIFICATE_CLOSE);
  block_of(p, tag);
}

void proof_hints(Proof *p, const Hints *hints, const Bounds *b,
                 bool (*wanted)(const void *context, int node), const void *context)
{
  begin_pass(p, CERTIFICATE_SLOPES);
  for (int k = 0; k < p->net->n_nodes; k++)
    for (int f = 0; net_is_nonlinear(&p->net->nodes[k]) && f < p->net->nodes[k].n_in;
         f++)
      if (wanted(context, p->net->nodes[k].in[f])) hints_of(p, hints, b, k, f);
  proof_flush(p);
}

static void add_slopes(const Proof *p, const ProofBound *bound, ProofText *text)
{
  const Packed *layout = p->layout;
  const int end = p->net->n_nodes - 1;
  if (bound->none || !bound->alpha) return;
  if (!bound->exact) {
    unsigned char *row = more(text, packed_width(layout, end));
    packed_store(layout, end, bound->alpha, bound->r, row);
    return;
  }
  for (int k = 0; k < end; k++)
    for (int i = 0; i < layout->n_open[k]; i++)
      proof_f64(text, bound->alpha[k][(size_t)bound->r * (size_t)p->net->nodes[k].size +
                                      (size_t)layout->open[k][i]]);
}

static int flags_of(const ProofBound *bound)
{
  const int rows = bound->row >= 0 ? CERTIFICATE_ONE_ROW
                   : bound->exact  ? CERTIFICATE_WEIGHTS_F64
                                   : CERTIFICATE_WEIGHTS_F32;
  const int slopes = bound->none     ? CERTIFICATE_SLOPES_NONE
                     : !bound->alpha ? CERTIFICATE_SLOPES_DEFAULT
                     : bound->exact  ? CERTIFICATE_SLOPES_F64
                                     : CERTIFICATE_SLOPES_U8;
  const int betas = bound->n_listed   ? CERTIFICATE_BETAS_LIST
                    : !bound->n_betas ? CERTIFICATE_BETAS_NONE
                    : bound->exact    ? CERTIFICATE_BETAS_F64
                                      : CERTIFICATE_BETAS_F32;
  return rows | slopes | betas;
}

void proof_bound(const Proof *p, const ProofBound *bound, ProofText *text)
{
  proof_byte(text, flags_of(bound));
  if (bound->row >= 0)
    proof_number(text, (size_t)bound->row);
  else
    for (int j = 0; j < bound->count; j++)
      real(text, bound->exact, bound->weight[j]);
  add_slopes(p, bound, text);
  if (!bound->n_listed) {
    for (int i = 0; i < bound->n_betas; i++)
      real(text, bound->exact, bound->beta[i]);
    return;
  }
  proof_number(text, (size_t)bound->n_listed);
  for (int i = 0; i < bound->n_listed; i++) {
    proof_number(text, (size_t)p->node[bound->node[i]]);
    proof_number(text, (size_t)proof_element(p, bound->node[i], bound->index[i]));
    proof_f64(text, bound->beta[i]);
  }
}

void proof_case(Proof *p, int k, const ProofBound *bound)
{
  ProofText *text = block_of(p, CERTIFICATE_CLOSE);
  proof_number(text, (size_t)k);
  proof_bound(p, bound, text);
}

void proof_refine_begin(Proof *p)
{
  begin_pass(p, CERTIFICATE_REFINE);
}

void proof_refine_input(Proof *p, int k, int factor, int count)
{
  ProofText *text = block_of(p, CERTIFICATE_REFINE);
  input_header(p, text, k, factor, count);
}

void proof_refine_tree(Proof *p, int k, int i, int sign, const ProofText *tree)
{
  ascending(&p->block, proof_element(p, k, i), &p->last_element);
  proof_byte(&p->block, sign < 0);
  proof_bytes(&p->block, tree->at, tree->n);
}

void proof_refine_end(Proof *p)
{
  proof_flush(p);
}
