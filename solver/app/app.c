/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/app.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/mem.h"
#include "solver/app/cmd_bound.h"
#include "solver/app/cmd_convert.h"
#include "solver/app/cmd_eval.h"
#include "solver/app/cmd_gate.h"
#include "solver/app/cmd_info.h"
#include "solver/app/cmd_margin.h"
#include "solver/app/cmd_report.h"
#include "solver/app/cmd_suite.h"
#include "solver/app/cmd_supports.h"
#include "solver/app/cmd_verify.h"
#include "solver/app/cmd_witness.h"
#include "solver/app/usage.h"

#ifndef DUALCERT_VERSION
#define DUALCERT_VERSION "unknown"
#endif
#ifndef DUALCERT_MODE
#define DUALCERT_MODE "custom"
#endif
#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

typedef struct {
  const char *name;
  const char *title; /* argv[0] of the command, for messages */
  int (*run)(int argc, char **argv);
} Command;

static const Command commands[] = {
#define COMMAND(name, run, arguments, help) {name, "dualcert " name, run},
#include "solver/app/commands.def"
#undef COMMAND
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static const char doc[] =
    "Decide whether a neural network satisfies a specification.\n"
    "\n"
    "Commands:\n"
#define COMMAND(name, run, arguments, help)                                            \
  "  " name " " arguments "\n        " help "\n"
#include "solver/app/commands.def"
#undef COMMAND
    "  help COMMAND\n        the options of a command\n"
    "\v"
    "NET is an ONNX, .nnet or JSON file, SPEC a VNN-LIB or JSON file, both "
    "possibly compressed with gzip.\n"
    "Exit status: 0 verified or done, 1 falsified or no witness, 2 unknown, 64-74 "
    "errors "
    "(sysexits.h).";

const char *app_version(void)
{
  return DUALCERT_VERSION;
}

static void print_version(FILE *stream, struct argp_state *state)
{
  (void)state;
  fprintf(stream,
          "dualcert %s\n"
          "compiled with %s (%s)\n"
          "Licence GPL-3.0-or-later; there is no warranty.\n",
          DUALCERT_VERSION, COMPILER, DUALCERT_MODE);
}

enum { KEY_NAME = 0x100 };

static const struct argp_option app_options[] = {
    {"name", KEY_NAME, 0, 0, "Print the name of the program", 0},
    {0, 0, 0, 0, 0, 0},
};

/* The first word that is no option ends the parsing here. */
static error_t parse_word(int key, char *arg, struct argp_state *state)
{
  (void)arg;
  if (key == KEY_NAME) {
    puts("dualcert");
    exit(0);
  }
  if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
  *(int *)state->input = state->next - 1;
  state->next = state->argc;
  return 0;
}

static const Command *find(const char *name)
{
  for (size_t i = 0; i < N_COMMANDS; i++)
    if (!strcmp(commands[i].name, name)) return &commands[i];
  return NULL;
}

static int unknown_command(const char *name)
{
  const char *words[N_COMMANDS + 2] = {"help"};
  for (size_t i = 0; i < N_COMMANDS; i++)
    words[i + 1] = commands[i].name;
  const char *meant = usage_suggest(name, words);
  Err err = {0};
  if (access(name, F_OK) == 0)
    status_fail(&err, STATUS_USAGE,
                "'%s' is a file, not a command; to verify: dualcert verify NET SPEC",
                name);
  else if (meant)
    status_fail(&err, STATUS_USAGE, "unknown command '%s'; did you mean '%s'?", name,
                meant);
  else
    status_fail(&err, STATUS_USAGE, "unknown command '%s'; see 'dualcert --help'",
                name);
  return usage_report(&err);
}

/* Run a command on the arguments after its name. */
static int run(const Command *command, int n, char **args)
{
  char **argv = mem_array((size_t)n + 2, sizeof *argv);
  char *title = mem_strdup(command->title);
  argv[0] = title;
  for (int i = 0; i < n; i++)
    argv[i + 1] = args[i];
  argv[n + 1] = NULL;
  const int code = command->run(n + 1, argv);
  mem_free(title);
  mem_free(argv);
  return code;
}

static char program[] = "dualcert";

static int help(const struct argp *argp, int n, char **args)
{
  if (n == 0 || !strcmp(args[0], "help")) {
    argp_help(argp, stdout, ARGP_HELP_STD_HELP, program);
    return 0;
  }
  const Command *command = find(args[0]);
  if (!command) return unknown_command(args[0]);
  char option[] = "--help";
  char *argv[] = {option, NULL};
  return run(command, 1, argv);
}

int app_run(int argc, char **argv)
{
  argp_program_version_hook = print_version;
  argp_err_exit_status = STATUS_USAGE;
  const struct argp argp = {app_options, parse_word, "COMMAND ...", doc,
                            NULL,        NULL,       NULL};
  int word = 0;
  if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &word)) return STATUS_USAGE;
  if (!word) {
    argp_help(&argp, stderr, ARGP_HELP_SHORT_USAGE | ARGP_HELP_SEE, program);
    return STATUS_USAGE;
  }
  const int n = argc - word - 1;
  char **args = argv + word + 1;
  if (!strcmp(argv[word], "help")) return help(&argp, n, args);
  const Command *command = find(argv[word]);
  return command ? run(command, n, args) : unknown_command(argv[word]);
}
