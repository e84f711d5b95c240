/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/nnet.h -- the .nnet text format of ACAS Xu (Kyle Julian, Stanford, 2016).
 *
 *     // comments: every line that contains "//" is skipped, as are blank ones
 *     n_layers, n_inputs, n_outputs, largest layer,
 *     size of the input, size of layer 1, ..., size of layer n_layers,
 *     0,                                   a flag without meaning
 *     smallest value of each input,
 *     largest value of each input,
 *     mean of each input, mean of the outputs,
 *     range of each input, range of the outputs,
 *     for each layer: one line of weights for each neuron, one bias per line
 *
 * Trailing commas are optional.  Older files have two more entries in the four
 * lines of units; the output's mean and range are always the last.  ReLU follows
 * every layer but the last.
 *
 * The Net works on normalised numbers and has no normalisation layers; Net.units
 * holds the conversion.  Weights are decimals, and the network is *defined* as the
 * one with the nearest doubles, as every program that runs such a file has it.
 */
#ifndef NET_NNET_H
#define NET_NNET_H

#include "net/base/file.h"
#include "net/base/status.h"
#include "net/net.h"

/* Returns an owned Net (net_free) with sha256 empty, or NULL with err set: DATA
 * naming the line. */
Net *nnet_read(const char *path, const File *file, Err *err);

#endif
