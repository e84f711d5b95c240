/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app.h"

int main(int argc, char **argv)
{
  return app_run(argc, argv);
}
