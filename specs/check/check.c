/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/check.h"

#include <string.h>

#include "net/base/json.h"
#include "net/base/mem.h"
#include "net/base/text.h"
#include "net/rounded.h"
#include "specs/check/certificate.h"
#include "specs/check/regions.h"
#include "specs/check/signs.h"
#include "specs/check/trees.h"

typedef struct {
  const Net *net;
  const Prop *prop;
  bool exact;
  Block block;
  CheckReport *report;
  bool *seen; /* bool seen[query_count]: queries checked */
  int query;  /* the one under check, or -1 */
} Script;

/* ---- the two lines at the start -------------------------------------------------- */

static Status check_digest(const Script *s, const cJSON *head, const char *key,
                           const char *file, const char *digest, Err *err)
{
  const cJSON *const value = json_get(json_get(head, key), "sha256");
  if (!cJSON_IsString(value))
    return status_fail(err, STATUS_DATA, "its head has no sha256 of the %s", key);
  if (strcmp(value->valuestring, digest))
    return status_fail(err, STATUS_DATA,
                       "it is about a %s with sha256 %.64s, but %s has %s", key,
                       value->valuestring, file, digest);
  (void)s;
  return STATUS_OK;
}

static Status check_count(const Script *s, const cJSON *head, const char *key, int n,
                          Err *err)
{
  int value = 0;
  const Status rc = json_int(s->block.path, "$", head, key, 0, 2147483647, &value, err);
  if (rc) return rc;
  return value == n ? STATUS_OK
                    : status_fail(err, STATUS_DATA, "it is about %d %s, there are %d",
                                  value, key, n);
}

/* The network that is checked: the function over the reals, or one that encloses what
 * float32 computes. */
static Status check_semantics(const Script *s, const cJSON *head, Err *err)
{
  const cJSON *const value = json_get(head, "semantics");
  if (!cJSON_IsString(value))
    return status_fail(err, STATUS_DATA, "its head has no semantics");
  s->report->is_float32 = !strcmp(value->valuestring, "float32");
  if (s->report->is_float32) return rounded_check(s->net, err);
  if (strcmp(value->valuestring, "real"))
    return status_fail(err, STATUS_UNSUPPORTED,
                       "semantics '%.40s': this program checks 'real' and 'float32'",
                       value->valuestring);
  return STATUS_OK;
}

static Status check_head(Script *s, Err *err)
{
  static const char *const keys[] = {
      "program", "network", "specification", "semantics", "queries", "cases", NULL};
  const File file = {.data = s->block.head, .size = strlen(s->block.head)};
  cJSON *const head = json_parse(s->block.path, &file, err);
  if (!head) return STATUS_DATA;
  Status rc = cJSON_IsObject(head)
                  ? json_only_keys(s->block.path, "$", head, keys, err)
                  : status_fail(err, STATUS_DATA, "its head is no JSON object");
  if (!rc) rc = check_semantics(s, head, err);
  if (!rc) rc = check_digest(s, head, "network", s->net->path, s->net->sha256, err);
  if (!rc)
    rc = check_digest(s, head, "specification", s->prop->path, s->prop->sha256, err);
  if (!rc) rc = check_count(s, head, "queries", query_count(s->prop), err);
  if (!rc) rc = check_count(s, head, "cases", s->prop->n_cases, err);
  const cJSON *const program = json_get(head, "program");
  if (cJSON_IsString(program)) s->report->program = mem_strdup(program->valuestring);
  json_free(head);
  return rc;
}

/* ---- one query ---------------------------------------------------------------------
 */

static Status read_closings(const Work *w, Cursor *c, Closing *closing, int *n,
                            Err *err)
{
  *n = 0;
  while (c->at < c->end && *n < LINEAR_MOST_ROWS) {
    Closing *const one = &closing[(*n)++];
    one->index = block_below(c, w->query->n_cases);
    if (c->bad) return status_fail(err, STATUS_DATA, "block B: no such case");
    const Status rc = advice_multipliers(c, w->plan->net, w->layout,
                                         work_n_rows(w, one->index), 0, &one->m, err);
    if (rc) return rc;
  }
  return STATUS_OK;
}

static Status close_cases(Work *w, const Block *block, Err *err)
{
  Cursor c = block_cursor(block);
  Closing closing[LINEAR_MOST_ROWS];
  while (c.at < c.end) {
    int n;
    const Status rc = read_closings(w, &c, closing, &n, err);
    if (rc) return rc;
    work_bound(w, &w->state, closing, n);
    for (int k = 0; k < n; k++) {
      if (!(closing[k].bound > 0))
        return status_fail(err, STATUS_DATA, "case %d: bound %.6g is not above 0",
                           closing[k].index, closing[k].bound);
      w->closed[closing[k].index] = true;
    }
  }
  return STATUS_OK;
}

static Status check_pass(Work *w, const Block *block, Err *err)
{
  Cursor c = block_cursor(block);
  const int first = block_below(&c, w->plan->n_nodes);
  if (c.bad || c.at != c.end)
    return status_fail(err, STATUS_DATA, "block C: a pass from no node");
  pass_run(w->pass, &w->state, first, NULL, true);
  return STATUS_OK;
}

static Status end_query(const Work *w, const Block *block, Err *err)
{
  if (block->size) return status_fail(err, STATUS_DATA, "block E is not empty");
  for (int k = 0; k < w->query->n_cases; k++)
    if (!w->closed[k]) return status_fail(err, STATUS_DATA, "case %d is not closed", k);
  return STATUS_OK;
}

/* Do the block where the script is, and go to the next one. */
static Status do_block(Work *w, Block *block, Err *err)
{
  Status rc = STATUS_OK;
  switch (block->tag) {
  case CERTIFICATE_SLOPES:
    return trees_slopes(w, block, err);
  case CERTIFICATE_REFINE:
    return trees_refine(w, block, err);
  case CERTIFICATE_PASS:
    rc = check_pass(w, block, err);
    break;
  case CERTIFICATE_LAYOUT:
    advice_hints_clear(&w->hints);
    rc = advice_layout_read(w->layout, w->plan->net, block_cursor(block), err);
    break;
  case CERTIFICATE_CLOSE:
    rc = close_cases(w, block, err);
    break;
  case CERTIFICATE_BOXES:
    rc = regions_check(w, block, err);
    break;
  case CERTIFICATE_SIGNS:
    rc = signs_check(w, block, err);
    break;
  case EOF:
    return status_fail(err, STATUS_DATA, "the file ends inside the query");
  default:
    return status_fail(err, STATUS_DATA, "a block with tag %d has no place here",
                       block->tag);
  }
  return rc ? rc : block_next(block, err);
}

static void add_counts(Script *s, const Work *w)
{
  s->report->n_leaves += w->leaves;
  s->report->n_bounds += w->pass->bound->done;
}

/* The work begins anew on the network with ReLUs for maxima; closed cases stay closed.
 */
static Status take_relus(Script *s, Work *w, Query *relus, Err *err)
{
  Cursor c = block_cursor(&s->block);
  const int n_nodes = block_n(&c);
  const Query *const query = w->query;
  if (c.bad || c.at != c.end || relus->net || !query_relus(query, relus) ||
      n_nodes != relus->net->n_nodes)
    return status_fail(err, STATUS_DATA, "block M: no such network");
  bool *const closed = w->closed;
  w->closed = NULL;
  add_counts(s, w);
  work_end(w);
  work_start(w, relus, s->exact);
  mem_free(w->closed);
  w->closed = closed;
  return block_next(&s->block, err);
}

static Status run_query(Script *s, Work *w, Query *relus, Err *err)
{
  Block *const block = &s->block;
  Status rc = block_next(block, err);
  while (!rc && block->tag != CERTIFICATE_END_QUERY) {
    if (w->state.empty)
      return status_fail(err, STATUS_DATA,
                         "two proven bounds exclude each other on a box that is not "
                         "empty: please report this");
    rc = block->tag == CERTIFICATE_RELUS ? take_relus(s, w, relus, err)
                                         : do_block(w, block, err);
  }
  return rc ? rc : end_query(w, block, err);
}

static Status do_query(Script *s, Err *err)
{
  Cursor c = block_cursor(&s->block);
  const int q = block_n(&c), n_nodes = block_n(&c), n_cases = block_n(&c);
  if (c.bad || c.at != c.end || q >= query_count(s->prop))
    return status_fail(err, STATUS_DATA, "block Q: no such query");
  if (s->seen[q]) return status_fail(err, STATUS_DATA, "query %d is there twice", q);
  s->seen[q] = true;
  s->query = q;
  Query query;
  const char *where;
  if (!s->report->is_float32)
    query_build(s->net, s->prop, q, &query);
  else if (!query_build_float32(s->net, s->prop, q, &query, &where))
    return status_fail(err, STATUS_DATA, "float32 may overflow in node '%s'", where);
  Status rc = STATUS_OK;
  if (n_nodes != query.net->n_nodes || n_cases != query.n_cases) {
    rc = status_fail(err, STATUS_DATA, "%d nodes and %d cases, there are %d and %d",
                     n_nodes, n_cases, query.net->n_nodes, query.n_cases);
  } else {
    Work work;
    Query relus = {0};
    work_start(&work, &query, s->exact);
    rc = run_query(s, &work, &relus, err);
    add_counts(s, &work);
    work_end(&work);
    query_reset(&relus);
  }
  if (!rc) {
    s->report->n_queries++;
    s->report->n_cases += n_cases;
    s->query = -1;
  }
  query_reset(&query);
  return rc;
}

static Status end_script(Script *s, Err *err)
{
  Cursor c = block_cursor(&s->block);
  const int n = block_n(&c), n_queries = query_count(s->prop);
  if (c.bad || c.at != c.end || n != n_queries)
    return status_fail(err, STATUS_DATA, "block Z: expected the number of queries, %d",
                       n_queries);
  for (int q = 0; q < n_queries; q++)
    if (!s->seen[q]) return status_fail(err, STATUS_DATA, "query %d is missing", q);
  const Status rc = block_next(&s->block, err);
  if (rc) return rc;
  return s->block.tag == EOF
             ? STATUS_OK
             : status_fail(err, STATUS_DATA, "something follows the end");
}

static Status run_script(Script *s, Err *err)
{
  for (;;) {
    Status rc = block_next(&s->block, err);
    if (rc) return rc;
    switch (s->block.tag) {
    case CERTIFICATE_QUERY:
      rc = do_query(s, err);
      break;
    case CERTIFICATE_END:
      return end_script(s, err);
    case EOF:
      return status_fail(err, STATUS_DATA, "the file ends without block Z");
    default:
      return status_fail(err, STATUS_DATA, "a block that belongs to no query");
    }
    if (rc) return rc;
  }
}

Status check_certificate(const char *path, const Net *net, const Prop *prop, bool exact,
                         CheckReport *report, Err *err)
{
  *report = (CheckReport){0};
  Script s = {.net = net, .prop = prop, .exact = exact, .report = report, .query = -1};
  Err no = {0};
  Status rc = block_open(&s.block, path, err);
  if (!rc) {
    s.seen = mem_zero((size_t)query_count(prop) + 1, sizeof *s.seen);
    rc = check_head(&s, &no);
    if (!rc) rc = run_script(&s, &no);
    if (rc == STATUS_DATA) {
      Text text = {0};
      if (s.query >= 0) text_add(&text, "query %d, ", s.query);
      text_add(&text, "%s", no.text);
      report->reason = mem_strdup(text.s);
      text_free(&text);
      rc = STATUS_OK;
    } else if (rc) {
      status_fail(err, rc, "%s: %s", path, no.text);
    } else {
      report->is_accepted = true;
    }
  }
  status_reset(&no);
  mem_free(s.seen);
  block_close(&s.block);
  return rc;
}

void check_report_reset(CheckReport *report)
{
  mem_free(report->reason);
  mem_free(report->program);
  *report = (CheckReport){0};
}
