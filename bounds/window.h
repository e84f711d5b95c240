/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/window.h -- the part of a convolutional network that a few neurons depend on.
 *
 * A pre-activation in a convolutional network depends on a window of every earlier
 * image, its receptive field.  A backward bound computed on whole images multiplies and
 * relaxes mostly zeros.  For a tile of neurons, side x side places of node j with all
 * channels, the window of each earlier node is the smallest rectangle that they read,
 * and the rectangles are a network of their own: the same convolutions on smaller
 * images, with other padding.  That network computes the same numbers, so its bounds,
 * from the same intervals, are bounds of the neurons; nothing new has to be trusted.
 * (Coefficients in windows are the "patches" of auto_LiRPA, Xu et al. 2020, and the
 * dependence sets of GPUPoly, Mueller et al. 2021.)
 *
 * Nodes are images [channel][y][x]; a dense node is one where a convolution reads it,
 * and reads all of its own input.  Where a node is no image, or of another kind, all of
 * it and of what it reads belongs to the window.
 */
#ifndef BOUNDS_WINDOW_H
#define BOUNDS_WINDOW_H

#include "bounds/bounds.h"
#include "net/net.h"

/* The images of a network.  Made once, then only read. */
typedef struct WindowPlan WindowPlan;
WindowPlan *window_plan_new(const Net *net); /* the net is borrowed */
void window_plan_free(WindowPlan *plan);     /* NULL is fine */

/* The side of the tiles with which n_rows objectives on node j, spread over all places,
 * are estimated to cost least; 0 where whole images cost hardly more. */
int window_side(const WindowPlan *plan, int j, int n_rows);

/* Tiles of that side on node j, and the one of element i. */
int window_n_tiles(const WindowPlan *plan, int j, int side);
int window_tile(const WindowPlan *plan, int j, int side, int i);

/* Places of an image from (y0, x0) to before (y1, x1). */
typedef struct {
  int y0, x0, y1, x1;
} WindowRect;

typedef struct {
  Net *net;      /* its last node is node j; borrows weights of the whole network */
  int *node;     /* int node[net->n_nodes]: which node of the whole network each is, */
  int **element; /* int element[k][size_k]: and which element of that each is */
  WindowRect tile;
  int h, w; /* of the image j */
} Window;

/* Node j must be an image. */
Window *window_new(const WindowPlan *plan, int j, int side, int tile);
void window_free(Window *w); /* NULL is fine */

/* Element i of node j, which lies in the tile, as an element of the last node here. */
int window_index(const Window *w, int i);

/* What b, of the whole network, knows about box t, without cuts.  Owned by the caller.
 * `op` belongs to w->net. */
Bounds *window_bounds(const Window *w, Linop *op, const Bounds *b, int t);

#endif
