/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/mem.h"
#include "net/base/text.h"

static char path[32];

void folder_make(void)
{
  snprintf(path, sizeof path, "/tmp/folder-XXXXXX");
  STATUS_REQUIRE(mkdtemp(path), "a temporary folder is needed");
}

static void empty(const char *folder)
{
  DIR *dir = opendir(folder);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    Text name = {0};
    text_add(&name, "%s/%s", folder, e->d_name);
    if (unlink(name.s) != 0) empty(name.s);
    text_free(&name);
  }
  if (dir) closedir(dir);
  rmdir(folder);
}

void folder_remove(void)
{
  empty(path);
}

const char *folder_path(void)
{
  return path;
}

char *folder_file(const char *name)
{
  Text full = {0};
  text_add(&full, "%s/%s", path, name);
  return full.s;
}

void folder_write(const char *name, const void *data, size_t size)
{
  Err err = {0};
  char *full = folder_file(name);
  STATUS_REQUIRE(!file_write(full, data, size, &err), "the test's files are writable");
  mem_free(full);
}

void folder_write_text(const char *name, const char *text)
{
  folder_write(name, text, strlen(text));
}

void folder_write_model(const char *name, MakeOnnx *m)
{
  File file = make_onnx_pack(m);
  folder_write(name, file.data, file.size);
  file_free(&file);
  make_onnx_free(m);
}
