/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "solver/progress.h"

error_t usage_checked(Status rc)
{
  return rc ? EINVAL : 0;
}

error_t usage_key(Usage *usage, int key, char *arg)
{
  switch (key) {
  case ARGP_KEY_ARG:
    if (usage->n_args == usage->n_wanted + usage->n_optional)
      return usage_checked(status_fail(&usage->err, STATUS_USAGE,
                                       "%s: unexpected argument '%s'", usage->command,
                                       arg));
    usage->args[usage->n_args++] = arg;
    return 0;
  case ARGP_KEY_END:
    if (usage->n_args < usage->n_wanted)
      return usage_checked(status_fail(
          &usage->err, STATUS_USAGE, "%s: %s is missing; see 'dualcert %s --help'",
          usage->command, usage->names[usage->n_args], usage->command));
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

Status usage_parse(const struct argp *argp, int argc, char **argv, Usage *usage,
                   void *input)
{
  argp_err_exit_status = STATUS_USAGE;
  if (!argp_parse(argp, argc, argv, 0, NULL, input) && !usage->err.code)
    return STATUS_OK;
  if (!usage->err.code)
    status_fail(&usage->err, STATUS_USAGE, "%s: cannot parse the command line",
                usage->command);
  usage_report(&usage->err);
  return STATUS_USAGE;
}

/* ---- messages ------------------------------------------------------------ */

int usage_report(Err *err)
{
  progress_end();
  const int code = (int)err->code;
  for (const char *line = err->text ? err->text : status_name(err->code); *line;) {
    const size_t n = strcspn(line, "\n");
    fprintf(stderr, "dualcert: %.*s\n", (int)n, line);
    line += n + (line[n] == '\n');
  }
  status_reset(err);
  return code;
}

#define MAX_WORD 31

/* Levenshtein's distance of two short words. */
static int distance(const char *a, const char *b)
{
  const int n = (int)strlen(a), m = (int)strlen(b);
  if (n > MAX_WORD || m > MAX_WORD) return MAX_WORD;
  int row[MAX_WORD + 1];
  for (int j = 0; j <= m; j++)
    row[j] = j;
  for (int i = 1; i <= n; i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= m; j++) {
      int best = diagonal + (a[i - 1] != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[m];
}

const char *usage_suggest(const char *word, const char *const *words)
{
  const char *best = NULL;
  int least = 3;
  for (int i = 0; words[i]; i++) {
    const bool prefix = *word && !strncmp(word, words[i], strlen(word));
    const int d = prefix ? 0 : distance(word, words[i]);
    if (d < least) {
      least = d;
      best = words[i];
    }
  }
  return best;
}
