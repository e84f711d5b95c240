/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/jsonrows.h -- the unsafe set of a specification in JSON, and rows over its
 * inputs: members "label", "unsafe" and "where" of specs/jsonspec.h.
 */
#ifndef SPECS_JSONROWS_H
#define SPECS_JSONROWS_H

#include "net/base/json.h"
#include "specs/prop.h"

/* Append the cases, all in box `box`, of a text with either label or unsafe.
 * prop->n_out is that of the network; where rows speak of inputs, prop->extend gets
 * copies of these and n_out as many outputs more. Fails DATA naming the key,
 * UNSUPPORTED for too many rows in too many cases. */
Status jsonrows_read(const char *path, const cJSON *root, int box, Prop *prop,
                     Err *err);

#endif
