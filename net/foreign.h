/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/foreign.h -- files that people pass by mistake, recognised by their first bytes,
 * so that the message can say what the file is and what to do. */
#ifndef NET_FOREIGN_H
#define NET_FOREIGN_H

#include <stddef.h>

/* What data[0..size) is and how it becomes usable: "a PyTorch file; export the model
 * with torch.onnx.export".  NULL when nothing is recognised.  Static text. */
const char *foreign_kind(const char *data, size_t size);

#endif
