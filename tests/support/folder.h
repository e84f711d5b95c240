/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/folder.h -- a temporary folder with files, for tests of what reads
 * them. */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

#include <stddef.h>

#include "tests/support/make_onnx.h"

/* One for each test, in its process; folder_remove takes it away with all its files. */
void folder_make(void);
void folder_remove(void);

/* Its path, and that of a file in it: owned. */
const char *folder_path(void);
char *folder_file(const char *name);

void folder_write(const char *name, const void *data, size_t size);
void folder_write_text(const char *name, const char *text);

/* The model is freed. */
void folder_write_model(const char *name, MakeOnnx *m);

#endif
