/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_report.h"

#include <stdio.h>
#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/text.h"
#include "solver/app/app.h"
#include "solver/app/usage.h"
#include "solver/report/markdown.h"
#include "solver/report/page.h"
#include "solver/report/runs.h"

typedef struct {
  Usage usage;
  const char *html, *markdown, *title;
  char **results, **references; /* of argv; owned arrays */
  int n_results, n_references;
} Args;

enum { KEY_HTML = 0x100, KEY_MARKDOWN, KEY_REFERENCE, KEY_TITLE };

static const struct argp_option options[] = {
    {"html", KEY_HTML, "FILE", 0, "Write one self-contained page there", 0},
    {"markdown", KEY_MARKDOWN, "FILE", 0, "Write the tables as Markdown there", 0},
    {"reference", KEY_REFERENCE, "[NAME=]FILE", 0,
     "Results of other tools, for scatter plots and to compare verdicts: a "
     "results.csv, or a "
     "CSV with a header and a column 'tool'; may be given several times",
     0},
    {"title", KEY_TITLE, "TEXT", 0, "The heading of the page", 0},
    {0, 0, 0, 0, 0, 0},
};

static void append(char ***list, int *n, char *arg)
{
  *list = mem_grow(*list, (size_t)*n + 1, sizeof **list);
  (*list)[(*n)++] = arg;
}

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Args *a = state->input;
  switch (key) {
  case KEY_HTML:
    a->html = arg;
    return 0;
  case KEY_MARKDOWN:
    a->markdown = arg;
    return 0;
  case KEY_TITLE:
    a->title = arg;
    return 0;
  case KEY_REFERENCE:
    append(&a->references, &a->n_references, arg);
    return 0;
  case ARGP_KEY_ARG:
    append(&a->results, &a->n_results, arg);
    return 0;
  case ARGP_KEY_END:
    if (!a->n_results)
      return usage_checked(
          status_fail(&a->usage.err, STATUS_USAGE,
                      "report: RESULTS is missing; see 'dualcert report --help'"));
    if (!a->html && !a->markdown)
      return usage_checked(status_fail(&a->usage.err, STATUS_USAGE,
                                       "report: --html FILE or --markdown FILE is "
                                       "missing; '-' is stdout"));
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const char doc[] =
    "Make a page of the results of many runs: counts, plots, and what is known of each."
    "\v"
    "RESULTS are files of 'dualcert suite' (results.jsonl), of VNN-COMP (results.csv), "
    "or of 'verify --format json' and 'gate'. Files with the same NAME are one set; "
    "the "
    "first set is what the report is about, the others are curves beside it. NAME is "
    "'dualcert' where none is given. Exit status: 0, or 64-74 for errors.";

/* "NAME=FILE": a copy of NAME, and *path behind it.  A "=" inside of a path is none. */
static char *split_name(char *arg, const char *otherwise, const char **path)
{
  char *const equal = strchr(arg, '='), *const slash = strchr(arg, '/');
  if (!equal || equal == arg || (slash && slash < equal)) {
    *path = arg;
    return mem_strdup(otherwise);
  }
  *path = equal + 1;
  return mem_strndup(arg, (size_t)(equal - arg));
}

static Status read_all(const Args *a, Runs *runs, Runs *reference, Err *err)
{
  Status rc = STATUS_OK;
  for (int i = 0; i < a->n_results && !rc; i++) {
    const char *path;
    char *const name = split_name(a->results[i], "dualcert", &path);
    rc = runs_read(runs, name, path, err);
    mem_free(name);
  }
  for (int i = 0; i < a->n_references && !rc; i++) {
    const char *path;
    char *const name = split_name(a->references[i], "reference", &path);
    rc = runs_read_tools(reference, name, path, err);
    mem_free(name);
  }
  return rc;
}

static Status write_all(const Args *a, const Report *report, Err *err)
{
  Text out = {0};
  Status rc = STATUS_OK;
  if (a->html) {
    page_print(report, &out);
    rc = file_write(a->html, out.s, out.n, err);
  }
  text_free(&out);
  if (a->markdown && !rc) {
    markdown_print(report, &out);
    rc = file_write(a->markdown, out.s, out.n, err);
  }
  text_free(&out);
  return rc;
}

/* What was left out is said on stderr as well. */
static void say_notes(const Text *notes)
{
  for (const char *s = notes->s ? notes->s : ""; *s;) {
    const size_t n = strcspn(s, "\n");
    fprintf(stderr, "note: %.*s\n", (int)n, s);
    s += n + (s[n] == '\n');
  }
}

int cmd_report_run(int argc, char **argv)
{
  Args a = {.usage = {.command = "report"}};
  const struct argp argp = {options, parse_key, "[NAME=]RESULTS...", doc, NULL,
                            NULL,    NULL};
  int code = (int)usage_parse(&argp, argc, argv, &a.usage, &a);
  if (!code) {
    Err err = {0};
    Runs runs = {0}, reference = {0};
    if (!read_all(&a, &runs, &reference, &err)) {
      const Report report = {&runs, &reference, a.title, app_version()};
      say_notes(&runs.notes);
      say_notes(&reference.notes);
      write_all(&a, &report, &err);
    }
    runs_free(&runs);
    runs_free(&reference);
    if (err.code) code = usage_report(&err);
  }
  mem_free(a.results);
  mem_free(a.references);
  return code;
}
