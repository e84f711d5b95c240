/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/margin.h"

#include <math.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "solver/certify.h"
#include "solver/progress.h"
#include "solver/solve.h"

/* Bounds alone divide until this near; what is left needs everything anyway. */
#define COARSE 0.1

/* Radii below and above these parts of the first one are not worth a search. */
#define SMALLEST 0x1p-30
#define LARGEST  0x1p+30
#define FARTHEST 0x1p+1000 /* twice that is a double */

/* Beside undecided radii the lower end is not made as precise. */
#define BESIDE_UNDECIDED 4

enum {
  BOUNDS_ALONE = STAGE_ATTACK | STAGE_IBP | STAGE_CROWN | STAGE_DUAL,
  MOST_STEPS = 200,
  PULL_STEPS = 20,
  ATTACK_FACTOR = 4 /* restarts where only the attack is left */
};

/* A proven bound of the worst case, at a radius. */
typedef struct {
  double radius, bound;
} Sample;

typedef struct {
  const Net *net;
  const Family *family;
  const MarginPlan *plan;
  const Stop *stop;
  Margin *m;
  Err *err;
  double most;               /* no radius above */
  double unproved;           /* smallest radius that bounds alone did not prove */
  double tried_lo, tried_hi; /* radii that everything left undecided lie in between */
  Sample above, below;       /* bounds > 0 and < 0; their radii are NAN at first */
} Search;

/* ---- what is known ------------------------------------------------------- */

static bool is_whole(const Search *s)
{
  return !strcmp(s->family->norm, "l0");
}

static Status contradiction(Search *s)
{
  return status_fail(s->err, STATUS_INTERNAL,
                     "%s: radius %.17g was verified, but a counterexample lies at "
                     "%.17g; please report this",
                     s->family->path, s->m->lower, s->m->upper);
}

static Status raise_lower(Search *s, double radius)
{
  pthread_mutex_lock(&s->m->lock);
  s->m->lower = fmax(s->m->lower, radius);
  s->m->is_certified = s->plan->certificate != NULL;
  pthread_mutex_unlock(&s->m->lock);
  return s->m->lower >= s->m->upper ? contradiction(s) : STATUS_OK;
}

static void leave_undecided(Search *s, double radius)
{
  s->tried_lo = radius;
  s->tried_hi = fmax(s->tried_hi, radius);
  pthread_mutex_lock(&s->m->lock);
  s->m->undecided = radius;
  pthread_mutex_unlock(&s->m->lock);
}

static void count_step(Search *s)
{
  pthread_mutex_lock(&s->m->lock);
  s->m->n_steps++;
  pthread_mutex_unlock(&s->m->lock);
}

/* x is a counterexample, if its replay in the set of its own distance says so.  That it
 * says no has not been seen and no test can make it: distances are rounded up and sets
 * nested, which tests/unit/test_family.c looks at.  But x may have been moved since it
 * was replayed, and `upper` shall not rest on the arithmetic of distances alone. */
static Status take_witness(Search *s, const double *x)
{
  const double radius = family_distance(s->family, x);
  const size_t bytes = (size_t)s->family->n * sizeof *x;
  if (!(radius < s->m->upper)) return STATUS_OK;
  Prop *prop = family_prop(s->family, radius, s->err);
  if (!prop) return s->err->code;
  Witness w = {0};
  if (witness_replay(s->net, prop, x, &w)) {
    double *mine = s->m->x ? s->m->x : mem_doubles((size_t)s->family->n);
    pthread_mutex_lock(&s->m->lock);
    memcpy(mine, x, bytes);
    s->m->x = mine;
    s->m->n = s->family->n;
    s->m->upper = radius;
    pthread_mutex_unlock(&s->m->lock);
    witness_reset(&w);
  }
  prop_free(prop);
  return s->m->lower >= s->m->upper ? contradiction(s) : STATUS_OK;
}

/* ---- towards the centre -------------------------------------------------- */

static bool is_witness(const Search *s, const Prop *prop, const double *x)
{
  Witness w = {0};
  const bool is = witness_replay(s->net, prop, x, &w);
  if (is) witness_reset(&w);
  return is;
}

/* On the way to the centre: divide between what is none and what is one, which x
 * becomes. */
static void pull(const Search *s, const Prop *prop, double *x)
{
  const size_t n = (size_t)s->family->n;
  double *const from = mem_doubles(2 * n), *const moved = from + n;
  double no = fmax(0, s->m->lower / family_distance(s->family, x)), yes = 1;
  memcpy(from, x, n * sizeof *x);
  for (int k = 0; k < PULL_STEPS && yes - no > s->plan->precision / 8; k++) {
    const double f = (no + yes) / 2;
    for (size_t i = 0; i < n; i++) {
      const double c = family_origin(s->family, (int)i);
      moved[i] = c + f * (from[i] - c);
    }
    witness_snap(s->net, &prop->boxes[0], moved);
    if (is_witness(s, prop, moved)) {
      yes = f;
      memcpy(x, moved, n * sizeof *x);
    } else {
      no = f;
    }
  }
  mem_free(from);
}

/* Inputs go back to the centre, one by one, where that changes nothing. */
static void drop(const Search *s, const Prop *prop, double *x)
{
  for (int i = 0; i < s->family->n; i++) {
    const double was = x[i];
    if (was == family_origin(s->family, i)) continue;
    x[i] = family_origin(s->family, i);
    if (!is_witness(s, prop, x)) x[i] = was;
  }
}

static Status falsified(Search *s, const Prop *prop, const Witness *w)
{
  double *const x = mem_doubles((size_t)s->family->n);
  memcpy(x, w->x, (size_t)s->family->n * sizeof *x);
  Status rc = take_witness(s, x);
  if (!rc && s->m->upper > 0) {
    if (is_whole(s))
      drop(s, prop, x);
    else
      pull(s, prop, x);
    rc = take_witness(s, x);
  }
  mem_free(x);
  return rc;
}

/* ---- one radius ---------------------------------------------------------- */

static Status write_spec(Search *s, double radius)
{
  Text text = {0};
  family_text(s->family, radius, &text);
  const Status rc = file_write(s->plan->spec, text.s, text.n, s->err);
  text_free(&text);
  return rc;
}

/* A radius counts as certified when everything that was asked for has been written. */
static Status verified(Search *s, double radius, const Certified *c)
{
  if (s->plan->certificate && !c->is_written)
    return status_fail(s->err, STATUS_IO, "%s: the certificate could not be finished",
                       s->plan->certificate);
  if (s->plan->spec && write_spec(s, radius)) return s->err->code;
  return raise_lower(s, radius);
}

static void remember_bound(Search *s, double radius, double bound)
{
  if (!isfinite(bound)) return;
  if (bound > 0 && !(s->above.radius > radius)) s->above = (Sample){radius, bound};
  if (bound < 0 && !(s->below.radius < radius)) s->below = (Sample){radius, bound};
}

static void say(const Search *s, double radius, const Result *r)
{
  progress_say(2, "radius %g: %s, %.2f s", radius, result_verdict_word(r->verdict),
               r->seconds);
  progress_line("margin: radius %g %s, %d tried", radius,
                result_verdict_word(r->verdict), s->m->n_steps);
}

static Status solve(Search *s, double radius, const Prop *prop, const Options *o,
                    const Stop *stop, Result *r)
{
  Proof *proof = NULL;
  Certified certified = {0};
  if (certify_begin(s->net, prop, o, &proof, s->err)) return s->err->code;
  solve_property(s->net, prop, o, stop, proof, r);
  certify_end(proof, s->net, prop, o, r, &certified, s->err);
  proof_free(proof);
  if (s->err->code) return s->err->code;
  count_step(s);
  if (r->verdict == RESULT_VERIFIED) return verified(s, radius, &certified);
  if (r->verdict == RESULT_FALSIFIED) return falsified(s, prop, &r->witness);
  return STATUS_OK;
}

/* Decide one radius with these stages; *verdict is unknown where that fails. */
static Status try_radius(Search *s, double radius, unsigned stages, int attack_factor,
                         Verdict *verdict)
{
  Options o = *s->plan->options;
  Stop stop;
  Result r;
  *verdict = RESULT_UNKNOWN;
  Prop *prop = family_prop(s->family, radius, s->err);
  if (!prop) return s->err->code;
  o.stages &= stages;
  o.attack_restarts *= attack_factor;
  o.certificate = s->plan->certificate;
  stop_init(&stop, s->plan->step_seconds);
  stop.parent = s->stop;
  result_init(&r, prop);
  if (o.check) result_withhold(&r);
  Status rc = solve(s, radius, prop, &o, &stop, &r);
  *verdict = r.verdict;
  say(s, radius, &r);
  remember_bound(s, radius, result_worst(&r));
  result_reset(&r);
  prop_free(prop);
  return rc;
}

/* ---- which radius next --------------------------------------------------- */

static bool goes_on(const Search *s)
{
  return !s->err->code && s->m->n_steps < MOST_STEPS && !stop_why(s->stop) &&
         s->m->lower < s->most && s->m->upper > 0;
}

static bool is_near(const Search *s, double lo, double hi, double precision)
{
  if (!(hi < INFINITY)) return false;
  if (is_whole(s)) return hi - lo <= 1;
  return hi - lo <= precision * hi || hi < s->family->start * SMALLEST;
}

/* Between lo and hi: in the middle, or nearer to `aim` (NAN: none), but always some way
 * from both ends. */
static double between(const Search *s, double lo, double hi, double aim)
{
  const double width = hi - lo;
  double r = aim >= lo && aim <= hi ? aim : lo + width / 2;
  r = fmin(fmax(r, lo + width / 8), hi - width / 8);
  return is_whole(s) ? fmin(fmax(floor(r), lo + 1), hi - 1) : r;
}

/* Beyond lo, where nothing above is known. */
static double beyond(const Search *s, double lo)
{
  return fmin(s->most, lo > 0 ? 2 * lo : s->family->start);
}

/* Where the line through the bounds is 0. */
static double zero_of_bounds(const Search *s)
{
  const Sample *a = &s->above, *b = &s->below;
  if (!(a->radius < b->radius)) return NAN;
  return a->radius + (b->radius - a->radius) * a->bound / (a->bound - b->bound);
}

/* ---- the search ---------------------------------------------------------- */

/* Lines that end on the same side again and again are slow: every other step halves. */
static Status bounds_alone(Search *s)
{
  Status rc = STATUS_OK;
  for (bool halve = false; !rc && goes_on(s); halve = !halve) {
    const double lo = fmax(s->m->lower, 0), hi = fmin(s->m->upper, s->unproved);
    if (is_near(s, lo, hi, COARSE)) break;
    const double aim = halve ? NAN : zero_of_bounds(s);
    const double r = hi < INFINITY ? between(s, lo, hi, aim) : beyond(s, lo);
    Verdict verdict;
    rc = try_radius(s, r, BOUNDS_ALONE, 1, &verdict);
    if (verdict == RESULT_UNKNOWN) s->unproved = fmin(s->unproved, r);
  }
  return rc;
}

static Status everything(Search *s)
{
  Status rc = STATUS_OK;
  while (!rc && goes_on(s)) {
    const double lo = fmax(s->m->lower, 0), hi = fmin(s->m->upper, s->tried_lo);
    const double precision =
        s->plan->precision * (s->tried_lo < s->m->upper ? BESIDE_UNDECIDED : 1);
    if (is_near(s, lo, hi, precision)) break;
    const double r = hi < INFINITY ? between(s, lo, hi, NAN) : beyond(s, lo);
    Verdict verdict;
    rc = try_radius(s, r, STAGE_ALL, 1, &verdict);
    if (verdict == RESULT_UNKNOWN) leave_undecided(s, r);
  }
  return rc;
}

/* Above radii that stay undecided. */
static Status attack_alone(Search *s)
{
  Status rc = STATUS_OK;
  while (!rc && goes_on(s) && s->tried_hi < s->m->upper && s->tried_lo <= s->tried_hi) {
    const double lo = s->tried_hi, hi = s->m->upper;
    if (lo >= s->most || is_near(s, lo, hi, s->plan->precision)) break;
    const double r = hi < INFINITY ? between(s, lo, hi, NAN) : beyond(s, lo);
    Verdict verdict;
    rc = try_radius(s, r, STAGE_ATTACK, ATTACK_FACTOR, &verdict);
    if (verdict == RESULT_UNKNOWN) s->tried_hi = r;
  }
  return rc;
}

/* The centre itself: anything else is about sets around it. */
static Status at_center(Search *s)
{
  Verdict verdict;
  const Status rc = try_radius(s, 0, STAGE_ALL, 1, &verdict);
  if (!rc && verdict == RESULT_UNKNOWN) leave_undecided(s, 0);
  return rc;
}

static MarginState state_of(const Search *s)
{
  const Margin *const m = s->m;
  if (m->upper <= 0) return MARGIN_WRONG;
  if (m->lower >= s->most && m->lower >= 0) return MARGIN_EVERYWHERE;
  if (m->lower >= 0 && m->upper < INFINITY &&
      (is_whole(s) ? m->upper - m->lower <= 1
                   : m->upper - m->lower <= s->plan->precision * m->upper))
    return MARGIN_CLOSE;
  return MARGIN_WIDE;
}

static double most_radius(const MarginPlan *plan, const Family *family)
{
  const double most = fmin(plan->most, family_reach(family));
  return fmin(most, fmin(family->start * LARGEST, FARTHEST));
}

Status margin_search(const Net *net, const Family *family, const MarginPlan *plan,
                     const Stop *stop, Margin *m, Err *err)
{
  const double start = clock_now();
  Search s = {.net = net,
              .family = family,
              .plan = plan,
              .stop = stop,
              .m = m,
              .err = err,
              .most = most_radius(plan, family),
              .unproved = INFINITY,
              .tried_lo = INFINITY,
              .above = {NAN, 0},
              .below = {NAN, 0}};
  Status rc = at_center(&s);
  if (!rc && m->lower == 0) rc = bounds_alone(&s);
  if (!rc && m->lower >= 0) rc = everything(&s);
  if (!rc) rc = attack_alone(&s);
  /* It may have found one below what had stayed undecided. */
  if (!rc && m->lower >= 0) rc = everything(&s);
  pthread_mutex_lock(&m->lock);
  m->why = stop_why(stop);
  m->seconds = clock_now() - start;
  m->state = state_of(&s);
  pthread_mutex_unlock(&m->lock);
  return rc;
}

/* ---- brackets ------------------------------------------------------------ */

void margin_init(Margin *m)
{
  *m = (Margin){.lower = -1, .upper = INFINITY, .undecided = INFINITY};
  pthread_mutex_init(&m->lock, NULL);
}

void margin_reset(Margin *m)
{
  mem_free(m->x);
  pthread_mutex_destroy(&m->lock);
  *m = (Margin){0};
}

double margin_width(const Margin *m)
{
  if (m->upper == 0) return 0;
  return m->lower >= 0 && m->upper < INFINITY ? (m->upper - m->lower) / m->upper
                                              : INFINITY;
}

const char *margin_word(MarginState state)
{
  static const char *const words[] = {"unfinished", "close", "wrong", "everywhere",
                                      "wide"};
  return words[state];
}
