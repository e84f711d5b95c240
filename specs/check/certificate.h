/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/certificate.h -- constants of the certificate format,
 * docs/certificates.md.
 */
#ifndef SPECS_CHECK_CERTIFICATE_H
#define SPECS_CHECK_CERTIFICATE_H

#define CERTIFICATE_MAGIC "dualcert-certificate 1\n"

/* No block inflates to more. */
#define CERTIFICATE_BLOCK ((size_t)1 << 26)

/* Tags of blocks. */
enum {
  CERTIFICATE_QUERY = 'Q',
  CERTIFICATE_PASS = 'C',
  CERTIFICATE_LAYOUT = 'L',
  CERTIFICATE_SLOPES = 'S',
  CERTIFICATE_REFINE = 'R',
  CERTIFICATE_CLOSE = 'B',
  CERTIFICATE_BOXES = 'X',
  CERTIFICATE_BOX_EVENT = 'x',
  CERTIFICATE_BOX_TREE = 'y',
  CERTIFICATE_SIGNS = 'A',
  CERTIFICATE_SIGN_EVENT = 'a',
  CERTIFICATE_SIGN_TREE = 'b',
  CERTIFICATE_END_QUERY = 'E',
  CERTIFICATE_END = 'Z'
};

/* Flags of multipliers. */
enum {
  CERTIFICATE_ONE_ROW = 0,
  CERTIFICATE_WEIGHTS_F32 = 1,
  CERTIFICATE_WEIGHTS_F64 = 2,
  CERTIFICATE_ROWS_MASK = 3,
  CERTIFICATE_SLOPES_DEFAULT = 0 << 2,
  CERTIFICATE_SLOPES_U8 = 1 << 2,
  CERTIFICATE_SLOPES_F64 = 2 << 2,
  CERTIFICATE_SLOPES_NONE = 3 << 2,
  CERTIFICATE_SLOPES_MASK = 3 << 2,
  CERTIFICATE_BETAS_NONE = 0 << 4,
  CERTIFICATE_BETAS_F32 = 1 << 4,
  CERTIFICATE_BETAS_F64 = 2 << 4,
  CERTIFICATE_BETAS_LIST = 3 << 4,
  CERTIFICATE_BETAS_MASK = 3 << 4
};

/* Types of events of a search by assumptions. */
enum {
  CERTIFICATE_EVENT_PASS = 1,
  CERTIFICATE_EVENT_CLOSE = 2,
  CERTIFICATE_EVENT_NARROW = 3,
  CERTIFICATE_EVENT_EMPTY = 4
};

#endif
