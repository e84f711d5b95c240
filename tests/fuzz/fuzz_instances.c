/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of instances as VNN-COMP has them. */
#include "solver/batch/instances.h"

#include <math.h>
#include <string.h>

#include "specs/netlist.h"
#include "tests/fuzz/target.h"

static void check(const Instances *list)
{
  TARGET_REQUIRE(list->n > 0 && list->n_duplicates >= 0);
  for (int k = 0; k < list->n; k++) {
    const Instance *const i = &list->all[k];
    TARGET_REQUIRE(i->timeout > 0 && isfinite(i->timeout) && i->position == k + 1);
    TARGET_REQUIRE(*i->category && *i->net && *i->spec);
    if (i->network[0] == '[') {
      NetList nets;
      Err err = {0};
      TARGET_REQUIRE(netlist_is(i->net) && !netlist_parse(i->net, &nets, &err));
      netlist_reset(&nets);
    }
    for (int j = 0; j < k && list->n < 50; j++)
      TARGET_REQUIRE(strcmp(list->all[j].network, i->network) != 0 ||
                     strcmp(list->all[j].property, i->property) != 0);
  }
}

static void body(const File *file)
{
  TargetFile f = target_file(file);
  Err err = {0};
  Instances list;
  const Status rc = instances_load(f.path, &list, &err);
  TARGET_REQUIRE(rc == err.code);
  target_check_error(f.path, rc ? NULL : file, &err, 1);
  if (!rc) check(&list);
  instances_free(&list);
  status_reset(&err);
  target_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
