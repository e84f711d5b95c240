/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/usage.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base/suggest.h"
#include "solver/progress.h"

error_t usage_checked(Status rc)
{
  return rc ? EINVAL : 0;
}

error_t usage_key(Usage *usage, int key, char *arg)
{
  switch (key) {
  case ARGP_KEY_ARG:
    if (usage->n_args == usage->n_wanted)
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

/* ---- swapped arguments --------------------------------------------------- */

static bool ends_in(const char *path, const char *suffix)
{
  const size_t n = strlen(path), m = strlen(suffix);
  return n >= m && !strcmp(path + n - m, suffix);
}

/* First character that is no blank, of a regular file (a pipe has only one reader);
 * 0 when there is none. */
static char first_character(const char *path)
{
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  FILE *f = fopen(path, "rb");
  if (!f) return 0;
  int c = fgetc(f);
  for (int n = 0; n < 4096 && c != EOF && isspace(c); n++)
    c = fgetc(f);
  fclose(f);
  return (char)(c == EOF ? 0 : c);
}

static bool looks_like_spec(const char *path)
{
  if (ends_in(path, ".vnnlib") || ends_in(path, ".vnnlib.gz")) return true;
  if (ends_in(path, ".onnx") || ends_in(path, ".onnx.gz")) return false;
  const char c = first_character(path);
  return c == '(' || c == ';';
}

static bool looks_like_net(const char *path)
{
  return ends_in(path, ".onnx") || ends_in(path, ".onnx.gz") ||
         ends_in(path, ".nnet") || ends_in(path, ".nnet.gz");
}

Status usage_check_order(const Usage *usage)
{
  const bool two = usage->n_wanted > 1;
  const char *wrong = NULL, *kind = NULL;
  if (looks_like_spec(usage->args[0])) {
    wrong = usage->args[0];
    kind = "specification";
  } else if (two && looks_like_net(usage->args[1])) {
    wrong = usage->args[1];
    kind = "network";
  }
  if (!wrong) return STATUS_OK;
  Err err = {0};
  status_fail(&err, STATUS_USAGE, "%s looks like a %s; expected: dualcert %s %s%s%s",
              wrong, kind, usage->command, usage->names[0], two ? " " : "",
              two ? usage->names[1] : "");
  return (Status)usage_report(&err);
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

const char *usage_suggest(const char *word, const char *const *words)
{
  return suggest_word(word, words);
}
