/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/networks.h"

#include <string.h>

#include "net/base/mem.h"

static void push(Networks *a, const char *name, const char *path)
{
  a->nets = mem_grow(a->nets, (size_t)a->n + 1, sizeof *a->nets);
  a->nets[a->n++] = (ProblemNet){name, path};
}

Status networks_add(Networks *a, const char *value, Err *err)
{
  const char *const equals = strchr(value, '=');
  if (!equals || equals == value || !equals[1])
    return status_fail(err, STATUS_USAGE, "--network: expected NAME=FILE, found '%s'",
                       value);
  a->names = mem_grow(a->names, (size_t)a->n_names + 1, sizeof *a->names);
  char *const name = mem_strndup(value, (size_t)(equals - value));
  a->names[a->n_names++] = name;
  push(a, name, equals + 1);
  return STATUS_OK;
}

Status networks_positional(Networks *a, const char *net, Err *err)
{
  if (!netlist_is(net)) {
    push(a, NULL, net);
    return STATUS_OK;
  }
  const Status rc = netlist_parse(net, &a->list, err);
  for (int k = 0; !rc && k < a->list.n; k++)
    push(a, a->list.nets[k].name, a->list.nets[k].path);
  return rc;
}

void networks_reset(Networks *a)
{
  for (int k = 0; k < a->n_names; k++)
    mem_free(a->names[k]);
  mem_free(a->names);
  mem_free(a->nets);
  netlist_reset(&a->list);
  *a = (Networks){0};
}
