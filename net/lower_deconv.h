/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_deconv.h -- ConvTranspose, 1-D to 3-D, as a CONV and a MAP.
 *
 * Along one axis, with stride s, padding p and kernel w of K taps (a dilated kernel
 * is one with zeros between its taps),
 *
 *     y[o] = sum over i, k with i s + k = o + p of x[i] w[k].
 *
 * With o + p = s q + r, 0 <= r < s, that is sum_t x[q - t] w[r + s t]: for every phase
 * r an ordinary convolution at stride 1 with T = ceil (K / s) taps.  All s phases of
 * both axes are output channels of one CONV, and a MAP puts them where they belong.
 * Compared with zeros stuffed between the elements of x this saves a factor s per axis.
 * A third axis is folded into channels as in net/lower_conv.h.
 */
#ifndef NET_LOWER_DECONV_H
#define NET_LOWER_DECONV_H

#include "net/lower_ctx.h"

Status lower_deconv(Lower *l, const OnnxNode *node);

#endif
