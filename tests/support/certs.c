/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"
#include "specs/check/check.h"
#include "specs/query.h"

Certs certs_new(const Net *net, const Prop *prop)
{
  Certs c = {0};
  char head[1024];
  snprintf(head, sizeof head,
           "%s{\"program\": \"test 1\", \"network\": {\"sha256\": \"%s\"}, "
           "\"specification\": {\"sha256\": \"%s\"}, \"semantics\": \"real\", "
           "\"queries\": %d, \"cases\": %d}\n",
           CERTIFICATE_MAGIC, net->sha256, prop->sha256, query_count(prop),
           prop->n_cases);
  c.head = strdup(head);
  return c;
}

void certs_free(Certs *c)
{
  for (int k = 0; k < c->n_blocks; k++)
    free(c->block[k].data);
  free(c->block);
  free(c->head);
  free(c->data);
  *c = (Certs){0};
}

void certs_u8(Certs *c, int value)
{
  if (c->n == c->room) {
    c->room = c->room ? 2 * c->room : 256;
    c->data = realloc(c->data, c->room);
    cr_assert(c->data);
  }
  c->data[c->n++] = (uint8_t)value;
}

void certs_n(Certs *c, unsigned long value)
{
  for (; value > 127; value >>= 7)
    certs_u8(c, (int)(value & 127) | 128);
  certs_u8(c, (int)value);
}

static void little(Certs *c, uint64_t bits, int n)
{
  for (int k = 0; k < n; k++)
    certs_u8(c, (int)(bits >> (8 * k) & 255));
}

void certs_f32(Certs *c, double value)
{
  const float f = (float)value;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  little(c, bits, 4);
}

void certs_f64(Certs *c, double value)
{
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  little(c, bits, 8);
}

void certs_block(Certs *c, int tag)
{
  c->block = realloc(c->block, (size_t)(c->n_blocks + 1) * sizeof *c->block);
  cr_assert(c->block);
  if (!c->data) c->data = malloc(1);
  c->block[c->n_blocks++] = (CertsBlock){.tag = tag, .data = c->data, .n = c->n};
  c->data = NULL;
  c->n = c->room = 0;
}

void certs_query(Certs *c, int q, int n_nodes, int n_cases)
{
  certs_n(c, (unsigned long)q);
  certs_n(c, (unsigned long)n_nodes);
  certs_n(c, (unsigned long)n_cases);
  certs_block(c, CERTIFICATE_QUERY);
}

void certs_pass(Certs *c, int first)
{
  certs_n(c, (unsigned long)first);
  certs_block(c, CERTIFICATE_PASS);
}

void certs_close_row(Certs *c, int index, int row)
{
  certs_n(c, (unsigned long)index);
  certs_u8(c, 0);
  certs_n(c, (unsigned long)row);
  certs_block(c, CERTIFICATE_CLOSE);
}

void certs_end(Certs *c, int n_queries)
{
  certs_n(c, (unsigned long)n_queries);
  certs_block(c, CERTIFICATE_END);
}

uint8_t *certs_bytes(const Certs *c, size_t *n)
{
  size_t room = strlen(c->head);
  for (int k = 0; k < c->n_blocks; k++)
    room += 9 + compressBound((uLong)c->block[k].n);
  uint8_t *const bytes = malloc(room);
  cr_assert(bytes);
  memcpy(bytes, c->head, strlen(c->head));
  *n = strlen(c->head);
  for (int k = 0; k < c->n_blocks; k++) {
    const CertsBlock *const b = &c->block[k];
    uLongf packed = compressBound((uLong)b->n);
    cr_assert_eq(compress2(bytes + *n + 9, &packed, b->data, (uLong)b->n, 1), Z_OK);
    bytes[*n] = (uint8_t)b->tag;
    for (int i = 0; i < 4; i++) {
      bytes[*n + 1 + (size_t)i] = (uint8_t)(b->n >> (8 * i));
      bytes[*n + 5 + (size_t)i] = (uint8_t)(packed >> (8 * i));
    }
    *n += 9 + packed;
  }
  return bytes;
}

static bool accepted_bytes(const uint8_t *bytes, size_t n, const Net *net,
                           const Prop *prop, bool exact, char **why)
{
  char path[] = "/tmp/dualcert-test.XXXXXX";
  const int fd = mkstemp(path);
  cr_assert(fd >= 0);
  cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
  close(fd);
  CheckReport report;
  Err err = {0};
  const Status rc = check_certificate(path, net, prop, exact, &report, &err);
  unlink(path);
  const bool accepted = !rc && report.is_accepted;
  cr_assert(accepted || (rc ? err.text : report.reason), "a refusal without a reason");
  if (why) *why = accepted ? NULL : mem_strdup(rc ? err.text : report.reason);
  check_report_reset(&report);
  status_reset(&err);
  return accepted;
}

bool certs_accepted_bytes(const uint8_t *bytes, size_t n, const Net *net,
                          const Prop *prop, char **why)
{
  const bool accepted = accepted_bytes(bytes, n, net, prop, false, why);
  if (!accepted) return false;
  char *exactly = NULL;
  accepted_bytes(bytes, n, net, prop, true, &exactly);
  cr_assert(!exactly, "accepted, but not in exact arithmetic: %s", exactly);
  return true;
}

bool certs_accepted_exactly(const Certs *c, const Net *net, const Prop *prop)
{
  size_t n;
  uint8_t *const bytes = certs_bytes(c, &n);
  const bool accepted = accepted_bytes(bytes, n, net, prop, true, NULL);
  free(bytes);
  return accepted;
}

bool certs_accepted(const Certs *c, const Net *net, const Prop *prop, char **why)
{
  size_t n;
  uint8_t *const bytes = certs_bytes(c, &n);
  const bool accepted = certs_accepted_bytes(bytes, n, net, prop, why);
  free(bytes);
  return accepted;
}
