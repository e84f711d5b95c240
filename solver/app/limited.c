/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/limited.h"

#include "solver/app/usage.h"

int limited_run(const Limited *l)
{
  Err err = {0};
  const Stop *stop = limits_begin(&l->limits, &err);
  if (!stop) return usage_report(&err);
  int code;
  if (l->load(&err)) {
    limits_claim();
    code = usage_report(&err);
  } else {
    code = l->work(stop, &err);
  }
  limits_end();
  l->clean_up();
  return code;
}
