/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/style.h -- the constant parts of a page.
 *
 * Colours are custom properties, one list for light and one for dark.  Texts have a
 * contrast of at least 4.5 : 1 against what is behind them and curves 3 : 1 (WCAG AA);
 * tests/cli/report.sh computes that from the page.
 */
#ifndef SOLVER_REPORT_STYLE_H
#define SOLVER_REPORT_STYLE_H

/* Content of <style>. */
extern const char style_sheet[];

/* Content of <script>: finds runs by name, sorts tables, opens the run that a link
 * points to.  The page is complete without it. */
extern const char style_script[];

/* Base64 of the SHA-256 digest of style_script: the only script that the page's content
 * security policy lets run. */
extern const char style_script_digest[];

#endif
