/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/clock.h -- seconds since an arbitrary start, monotonic. */
#ifndef NET_BASE_CLOCK_H
#define NET_BASE_CLOCK_H

double clock_now(void);

#endif
