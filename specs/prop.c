/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/prop.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "specs/image.h"

Prop *prop_new(const char *path, int n_in, int n_out)
{
  STATUS_REQUIRE(n_in > 0 && n_out > 0, "a property needs inputs and outputs");
  Prop *prop = mem_zero(1, sizeof *prop);
  prop->path = mem_strdup(path);
  prop->n_in = n_in;
  prop->n_out = n_out;
  return prop;
}

void prop_free_rows(PropRow *rows, int n_rows)
{
  for (int j = 0; j < n_rows; j++) {
    mem_free(rows[j].var);
    mem_free(rows[j].coef);
  }
  mem_free(rows);
}

void prop_free(Prop *prop)
{
  if (!prop) return;
  for (int k = 0; k < prop->n_cases; k++)
    prop_free_rows(prop->cases[k].rows, prop->cases[k].n_rows);
  for (int k = 0; k < prop->n_boxes; k++)
    box_free(&prop->boxes[k]);
  for (int k = 0; k < prop->n_points; k++)
    mem_free(prop->points[k].decimal);
  mem_free(prop->points);
  mem_free(prop->cases);
  mem_free(prop->boxes);
  mem_free(prop->hash);
  mem_free(prop->slot);
  mem_free(prop->path);
  image_free(prop->image);
  if (prop->scope) scope_free_all(prop->scope);
  mem_free(prop->scope);
  extend_reset(&prop->extend);
  mem_free(prop);
}

/* The slot that holds an equal box, or the free one where it belongs. */
static size_t find_slot(const Prop *prop, const Box *box, uint64_t hash)
{
  const size_t mask = prop->n_slots - 1;
  size_t at = (size_t)hash & mask;
  for (; prop->slot[at] >= 0; at = (at + 1) & mask) {
    const int k = prop->slot[at];
    if (prop->hash[k] == hash && box_equal(&prop->boxes[k], box)) break;
  }
  return at;
}

static void grow_slots(Prop *prop)
{
  prop->n_slots = prop->n_slots ? prop->n_slots * 2 : 16;
  mem_free(prop->slot);
  prop->slot = mem_array(prop->n_slots, sizeof *prop->slot);
  for (size_t at = 0; at < prop->n_slots; at++)
    prop->slot[at] = -1;
  for (int k = 0; k < prop->n_boxes; k++) {
    /* Known boxes are distinct: no comparison is needed. */
    size_t at = (size_t)prop->hash[k] & (prop->n_slots - 1);
    while (prop->slot[at] >= 0)
      at = (at + 1) & (prop->n_slots - 1);
    prop->slot[at] = k;
  }
}

int prop_add_box(Prop *prop, const Box *box)
{
  STATUS_REQUIRE(box->n == prop->n_in, "the box must have one range per input");
  for (int i = 0; i < box->n; i++)
    STATUS_REQUIRE(isfinite(box->lo[i]) && isfinite(box->hi[i]) &&
                       box->lo[i] <= box->hi[i],
                   "the box must be finite and not empty");
  if (2 * ((size_t)prop->n_boxes + 1) > prop->n_slots) grow_slots(prop);
  const uint64_t hash = box_hash(box);
  const size_t at = find_slot(prop, box, hash);
  if (prop->slot[at] >= 0) return prop->slot[at];
  STATUS_REQUIRE(prop->n_boxes < INT_MAX / 2, "too many boxes");
  if (prop->n_boxes == prop->boxes_room) {
    prop->boxes_room = prop->boxes_room ? prop->boxes_room * 2 : 4;
    const size_t room = (size_t)prop->boxes_room;
    prop->boxes = mem_grow(prop->boxes, room, sizeof *prop->boxes);
    prop->hash = mem_grow(prop->hash, room, sizeof *prop->hash);
  }
  prop->boxes[prop->n_boxes] = box_copy(box);
  prop->hash[prop->n_boxes] = hash;
  prop->slot[at] = prop->n_boxes;
  return prop->n_boxes++;
}

/* The point of that place, or NULL. */
static PropPoint *find_point(const Prop *prop, int box, int input)
{
  int from = 0, to = prop->n_points;
  while (from < to) {
    const int mid = from + (to - from) / 2;
    PropPoint *const p = &prop->points[mid];
    if (p->box == box && p->input == input) return p;
    if (p->box < box || (p->box == box && p->input < input))
      from = mid + 1;
    else
      to = mid;
  }
  return NULL;
}

void prop_note_point(Prop *prop, int box, int input, const char *text, int n)
{
  if (n > PROP_MAX_DECIMAL) text = NULL;
  PropPoint *const known = find_point(prop, box, input);
  if (known) {
    const bool same = text && known->decimal && strlen(known->decimal) == (size_t)n &&
                      !memcmp(known->decimal, text, (size_t)n);
    if (!same) {
      mem_free(known->decimal);
      known->decimal = NULL;
    }
    return;
  }
  const PropPoint *const last =
      prop->n_points ? prop->points + prop->n_points - 1 : NULL;
  STATUS_REQUIRE(!last || last->box < box || (last->box == box && last->input < input),
                 "points must be noted in order");
  STATUS_REQUIRE(prop->n_points < INT_MAX / 2, "too many points");
  if (prop->n_points == prop->points_room) {
    prop->points_room = prop->points_room ? prop->points_room * 2 : 4;
    prop->points =
        mem_grow(prop->points, (size_t)prop->points_room, sizeof *prop->points);
  }
  prop->points[prop->n_points++] =
      (PropPoint){box, input, text ? mem_strndup(text, (size_t)n) : NULL};
}

const char *prop_decimal(const Prop *prop, int box, int input)
{
  const PropPoint *const p = find_point(prop, box, input);
  return p ? p->decimal : NULL;
}

void prop_add_case(Prop *prop, int box, PropRow *rows, int n_rows, int line)
{
  STATUS_REQUIRE(box >= 0 && box < prop->n_boxes, "no such box");
  STATUS_REQUIRE(prop->n_cases < INT_MAX / 2, "too many cases");
  if (prop->n_cases == prop->cases_room) {
    prop->cases_room = prop->cases_room ? prop->cases_room * 2 : 4;
    prop->cases = mem_grow(prop->cases, (size_t)prop->cases_room, sizeof *prop->cases);
  }
  prop->cases[prop->n_cases++] =
      (PropCase){.box = box, .n_rows = n_rows, .rows = rows, .line = line};
}

/* new_index[k] for every box that has a case, in the old order, -1 for the others;
 * count[new] is the number of its cases. */
static int number_boxes(Prop *prop, int *new_index, int *count)
{
  int *uses = mem_zero((size_t)prop->n_boxes + 1, sizeof *uses);
  for (int k = 0; k < prop->n_cases; k++)
    uses[prop->cases[k].box]++;
  int n = 0;
  for (int b = 0; b < prop->n_boxes; b++) {
    new_index[b] = n;
    if (uses[b]) {
      count[n] = uses[b];
      prop->boxes[n++] = prop->boxes[b];
    } else {
      new_index[b] = -1;
      box_free(&prop->boxes[b]);
    }
  }
  mem_free(uses);
  return n;
}

static void renumber_points(Prop *prop, const int *new_index)
{
  int n = 0;
  for (int k = 0; k < prop->n_points; k++) {
    PropPoint p = prop->points[k];
    p.box = new_index[p.box];
    if (p.box < 0)
      mem_free(p.decimal);
    else
      prop->points[n++] = p;
  }
  prop->n_points = n;
}

void prop_finish(Prop *prop)
{
  mem_free(prop->slot);
  mem_free(prop->hash);
  prop->slot = NULL;
  prop->hash = NULL;
  prop->n_slots = 0;
  const size_t room = (size_t)prop->n_boxes + 1;
  int *new_index = mem_zero(room, sizeof *new_index);
  int *next = mem_zero(room, sizeof *next);
  prop->n_boxes = number_boxes(prop, new_index, next);
  renumber_points(prop, new_index);
  for (int b = 0, start = 0; b < prop->n_boxes; b++) {
    const int n = next[b];
    next[b] = start;
    start += n;
  }
  PropCase *sorted = mem_array((size_t)prop->n_cases + 1, sizeof *sorted);
  for (int k = 0; k < prop->n_cases; k++) {
    PropCase c = prop->cases[k];
    c.box = new_index[c.box];
    sorted[next[c.box]++] = c;
  }
  mem_free(prop->cases);
  prop->cases = sorted;
  prop->cases_room = prop->n_cases + 1;
  mem_free(new_index);
  mem_free(next);
}
