/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/file.h"
#include "specs/jsonspec.h"

/* 2 inputs, 3 outputs; `"` is written as `'` to be readable. */
static Prop *parse(const char *path, const char *text, Err *err)
{
  char buffer[2048];
  snprintf(buffer, sizeof buffer, "%s", text);
  for (char *c = buffer; *c; c++)
    if (*c == '\'') *c = '"';
  File f = {.data = buffer, .size = strlen(buffer)};
  return jsonspec_parse(path, &f, 2, 3, err);
}

static Prop *good(const char *text)
{
  Err err = {0};
  Prop *p = parse("spec.json", text, &err);
  cr_assert(p, "%s", err.text);
  return p;
}

Test(jsonspec, a_label_gives_one_case_per_other_class_on_one_box)
{
  Prop *p = good("{'norm':'linf','epsilon':0.25,'center':[0.5,1],'label':1}");
  cr_assert_eq(p->n_boxes, 1);
  cr_assert_eq(p->n_cases, 2);
  const Box *b = &p->boxes[0];
  cr_assert(b->lo[0] == 0.25 && b->hi[0] == 0.75 && b->lo[1] == 0.75 &&
            b->hi[1] == 1.25);
  cr_assert(b->in_lo[0] == 0.25 && b->in_hi[0] == 0.75);
  const PropRow *r = p->cases[0].rows;
  cr_assert(r->n == 2 && r->var[0] == 0 && r->var[1] == 1);
  cr_assert(r->coef[0] == -1 && r->coef[1] == 1 && r->rhs_lo == 0 && r->rhs_hi == 0);
  r = p->cases[1].rows;
  cr_assert(r->var[0] == 1 && r->var[1] == 2 && r->coef[0] == 1 && r->coef[1] == -1);
  cr_assert_not(r->strict);
  prop_free(p);
}

Test(jsonspec, ends_are_rounded_outward_and_inward)
{
  Prop *p = good("{'epsilon':0.1,'center':[0.7,[0.3]],'label':0}");
  const Box *b = &p->boxes[0];
  for (int i = 0; i < 2; i++) {
    const __float128 c = i ? 0.3 : 0.7, e = 0.1;
    cr_assert((__float128)b->lo[i] <= c - e && c - e <= (__float128)b->in_lo[i]);
    cr_assert((__float128)b->in_hi[i] <= c + e && c + e <= (__float128)b->hi[i]);
    cr_assert_leq(b->lo[i], (double)(float)(double)(c - e));
    cr_assert_geq(b->hi[i], (double)(float)(double)(c + e));
    cr_assert_lt(b->hi[i] - b->in_hi[i], 1e-7);
  }
  prop_free(p);
}

Test(jsonspec, clip_takes_numbers_or_arrays)
{
  Prop *p = good("{'epsilon':[1,2],'center':[0.5,0.5],'clip':[0,[0.75,1]],'label':0}");
  const Box *b = &p->boxes[0];
  cr_assert(b->lo[0] == 0 && b->hi[0] == 0.75 && b->lo[1] == 0 && b->hi[1] == 1);
  cr_assert(b->in_lo[1] == 0 && b->in_hi[1] == 1);
  prop_free(p);
}

Test(jsonspec, unsafe_is_an_or_of_conjunctions)
{
  Prop *p =
      good("{'lower':[0,-1],'upper':[1,1],'unsafe':["
           "{'rows':[{'coef':{'2':-1,'0':2},'rhs':0.5},{'coef':[0,1,0],'rhs':-1}]},"
           "{'rows':[{'coef':[1,1,1],'rhs':0}]}]}");
  cr_assert_eq(p->n_cases, 2);
  cr_assert_eq(p->cases[0].n_rows, 2);
  const PropRow *r = &p->cases[0].rows[0];
  cr_assert(r->n == 2 && r->var[0] == 0 && r->var[1] == 2);
  cr_assert(r->coef[0] == 2 && r->coef[1] == -1 && r->rhs_lo == 0.5 &&
            r->rhs_hi == 0.5);
  r = &p->cases[0].rows[1];
  cr_assert(r->n == 1 && r->var[0] == 1 && r->rhs_lo == -1);
  cr_assert_eq(p->cases[1].rows[0].n, 3);
  prop_free(p);
}

Test(jsonspec, where_adds_its_rows_to_every_case)
{
  Prop *p = good("{'lower':[0,0],'upper':[1,1],'label':1,'where':[{'coef':{'1':2},"
                 "'rhs':1},{'coef':[-3,0.5],'rhs':0.25}]}");
  cr_assert_eq(p->n_out, 3 + 2);
  cr_assert_eq(p->extend.n, 2);
  /* Outputs 3 and 4 are copies of inputs 0 and 1. */
  cr_assert(p->extend.item[0].a == 0 && p->extend.item[0].b == -1);
  cr_assert(p->extend.item[1].a == 1 && p->extend.item[1].b == -1);
  for (int k = 0; k < 2; k++) {
    cr_assert_eq(p->cases[k].n_rows, 3);
    const PropRow *r = p->cases[k].rows;
    cr_assert(r[0].n == 2 && r[0].var[1] < 3);
    cr_assert(r[1].n == 1 && r[1].var[0] == 4 && r[1].coef[0] == 2 && r[1].rhs_hi == 1);
    cr_assert(r[2].n == 2 && r[2].var[0] == 3 && r[2].var[1] == 4);
    cr_assert(r[2].coef[0] == -3 && r[2].coef[1] == 0.5 && r[2].rhs_lo == 0.25);
  }
  prop_free(p);
}

Test(jsonspec, vectors_come_from_csv_files_beside_the_specification)
{
  const char *const csv = "/tmp/dualcert-spec.csv";
  const char *const text = "0.5, 0.25\r\n\n1e-1;-3\n";
  Err err = {0};
  cr_assert_eq(file_write(csv, text, strlen(text), &err), STATUS_OK);
  Prop *p = parse(
      "/tmp/x.json",
      "{'center':{'csv':'dualcert-spec.csv','row':1},'epsilon':0,'label':2}", &err);
  cr_assert(p, "%s", err.text);
  cr_assert_eq(p->boxes[0].in_lo[0], 0.1);
  cr_assert_eq(p->boxes[0].in_hi[1], -3);
  prop_free(p);
  p = parse(
      "elsewhere/x.json",
      "{'lower':{'csv':'/tmp/dualcert-spec.csv','row':0},'upper':[1,1],'label':2}",
      &err);
  cr_assert(p, "%s", err.text);
  cr_assert_eq(p->boxes[0].lo[1], 0.25);
  prop_free(p);
  static const struct {
    const char *center, *text;
  } bad[] = {
      {"'dualcert-spec.csv'", "at least 3 numbers, but the network has 2 inputs"},
      {"{'csv':'dualcert-spec.csv','row':2}", "has 2 rows, no row 2"},
      {"{'csv':'dualcert-spec.csv'}", "$.center.row: expected an integer"},
      {"{'csv':'dualcert-spec.csv','row':0,'col':1}", "unknown key \"col\""},
      {"{'row':0}", "$.center: expected the name"},
      {"'none.csv'", "/tmp/none.csv: No such file"},
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    char spec[256];
    snprintf(spec, sizeof spec, "{'center':%s,'epsilon':0,'label':2}", bad[k].center);
    cr_assert_null(parse("/tmp/x.json", spec, &err));
    cr_assert(strstr(err.text, bad[k].text), "%s", err.text);
    status_reset(&err);
  }
  cr_assert_eq(file_write(csv, "1\n3,x,\n", 8, &err), STATUS_OK);
  cr_assert_null(parse("/tmp/x.json",
                       "{'center':{'csv':'dualcert-spec.csv','row':0},'epsilon':0,"
                       "'label':2}",
                       &err));
  cr_assert_str_eq(err.text, "/tmp/dualcert-spec.csv:1:1: row 0 has 1 numbers, but the "
                             "network has 2 inputs");
  status_reset(&err);
  cr_assert_null(parse("/tmp/x.json",
                       "{'center':{'csv':'dualcert-spec.csv','row':1},'epsilon':0,"
                       "'label':2}",
                       &err));
  cr_assert_str_eq(err.text,
                   "/tmp/dualcert-spec.csv:2:3: expected a finite decimal number");
  status_reset(&err);
  unlink(csv);
}

#define AT  "'center':[0.5,0.5],"
#define BOX "'lower':[0,0],'upper':[1,1],"

Test(jsonspec, every_mistake_names_its_key)
{
  static const struct {
    const char *text, *fragment;
    Status code;
  } bad[] = {
      {"{", "s:1:", STATUS_DATA},
      {"{'label':0,\n 'lower':[0,,0]}", "s:2:", STATUS_DATA},
      {"[]", "$: expected an object", STATUS_DATA},
      {"{}", "either \"label\" or \"unsafe\"", STATUS_DATA},
      {"{" BOX "'label':0,'unsafe':[]}", "either \"label\" or \"unsafe\"", STATUS_DATA},
      {"{" BOX "'lable':0}", "unknown key \"lable\"", STATUS_DATA},
      {"{" BOX "'label':0,'label':1}", "\"label\" is given twice", STATUS_DATA},
      {"{" BOX "'label':3}", "$.label: expected an integer from 0 to 2", STATUS_DATA},
      {"{" BOX "'label':-1}", "$.label", STATUS_DATA},
      {"{" BOX "'label':0.5}", "$.label", STATUS_DATA},
      {"{" BOX "'label':'0'}", "$.label", STATUS_DATA},
      {"{'label':0}", "either \"center\" and \"epsilon\"", STATUS_DATA},
      {"{" BOX "'center':[0,0],'label':0}", "either \"center\"", STATUS_DATA},
      {"{'center':[0,0],'label':0}", "$.epsilon: is missing", STATUS_DATA},
      {"{'epsilon':1,'label':0}", "$.center: is missing", STATUS_DATA},
      {"{'lower':[0,0],'label':0}", "$.upper: is missing", STATUS_DATA},
      {"{'center':[0,0],'epsilon':-1,'label':0}", "$.epsilon: must not be",
       STATUS_DATA},
      {"{'center':[0,0],'epsilon':'1','label':0}", "$.epsilon", STATUS_DATA},
      {"{'center':[0,0],'epsilon':1e999,'label':0}", "$.epsilon", STATUS_DATA},
      {"{'center':[0,0],'epsilon':[1],'label':0}", "$.epsilon: has 1 numbers",
       STATUS_DATA},
      {"{'center':[1e308,0],'epsilon':1e308,'label':0}", "exceeds", STATUS_DATA},
      {"{'center':[0],'epsilon':1,'label':0}",
       "$.center: has 1 numbers, but the network has 2 inputs", STATUS_DATA},
      {"{'center':[0,0,0],'epsilon':1,'label':0}", "has 3 numbers", STATUS_DATA},
      {"{'center':[0,null],'epsilon':1,'label':0}", "$.center: expected an array",
       STATUS_DATA},
      {"{'center':3,'epsilon':1,'label':0}", "$.center: expected an array",
       STATUS_DATA},
      {"{'center':'','epsilon':1,'label':0}", "$.center: expected the name",
       STATUS_DATA},
      {"{" BOX "'norm':'l3','label':0}", "$.norm", STATUS_UNSUPPORTED},
      {"{" BOX "'norm':'l2','label':0}", "$.norm: a ball has", STATUS_DATA},
      {"{" AT "'norm':'l2','label':0}", "$.epsilon: is missing", STATUS_DATA},
      {"{" AT "'norm':'l2','epsilon':-1,'label':0}",
       "$.epsilon: expected a number >= 0", STATUS_DATA},
      {"{" AT "'norm':'l1','epsilon':[1,1],'label':0}",
       "$.epsilon: expected a number >= 0", STATUS_DATA},
      {"{" AT "'norm':'l0','epsilon':1.5,'clip':[0,1],'label':0}",
       "$.epsilon: l0 counts inputs", STATUS_DATA},
      {"{" AT "'norm':'l0','epsilon':3,'clip':[0,1],'label':0}",
       "$.epsilon: l0 counts inputs", STATUS_DATA},
      {"{" AT "'norm':'l0','epsilon':1,'label':0}", "$.clip: is missing", STATUS_DATA},
      {"{" AT "'norm':'l2','epsilon':1,'clip':[[1.5,1.5],3],'label':0}",
       "does not reach", STATUS_DATA},
      {"{" AT "'norm':'l0','epsilon':1,'clip':[2,3],'label':0}", "does not reach",
       STATUS_DATA},
      {"{" BOX "'norm':3,'label':0}", "$.norm", STATUS_UNSUPPORTED},
      {"{" BOX "'clip':0,'label':0}", "$.clip: expected [low, high]", STATUS_DATA},
      {"{" BOX "'clip':[0,1,2],'label':0}", "$.clip", STATUS_DATA},
      {"{" BOX "'clip':[0,'1'],'label':0}", "$.clip[1]", STATUS_DATA},
      {"{" BOX "'clip':[2,3],'label':0}", "the range of input 0 is empty", STATUS_DATA},
      {"{'lower':[0,1],'upper':[1,0.5],'label':0}", "the range of input 1 is empty",
       STATUS_DATA},
      {"{" BOX "'unsafe':[]}", "$.unsafe: expected an array of at least", STATUS_DATA},
      {"{" BOX "'unsafe':{}}", "$.unsafe", STATUS_DATA},
      {"{" BOX "'unsafe':[3]}", "$.unsafe[0]: expected an object", STATUS_DATA},
      {"{" BOX "'unsafe':[{'row':[]}]}", "$.unsafe[0]: unknown key", STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[]}]}", "$.unsafe[0].rows: expected", STATUS_DATA},
      {"{" BOX "'unsafe':[{}]}", "$.unsafe[0].rows: expected", STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'coef':[1,1,1]}]}]}",
       "$.unsafe[0].rows[0].rhs: expected a finite number", STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0}]}]}", "$.unsafe[0].rows[0].coef",
       STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0,'coef':[1]}]}]}",
       "$.unsafe[0].rows[0].coef: has 1 numbers, but the network has 3 outputs",
       STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0,'coef':[0,0,0]}]}]}", "are zero",
       STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0,'coef':{'3':1}}]}]}", "\"0\" to \"2\"",
       STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0,'coef':{'01':1}}]}]}", "\"0\" to \"2\"",
       STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0,'coef':{'':1}}]}]}", "\"0\" to \"2\"",
       STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0,'coef':{'99999999999999999999':1}}]}]}",
       "\"0\" to \"2\"", STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0,'coef':{'1':'a'}}]}]}", "of output 1",
       STATUS_DATA},
      {"{" BOX "'unsafe':[{'rows':[{'rhs':0,'coef':{},'strict':true}]}]}", "\"strict\"",
       STATUS_DATA},
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    Err err = {0};
    Prop *p = parse("s", bad[k].text, &err);
    cr_assert_null(p, "accepted: %s", bad[k].text);
    cr_expect(strstr(err.text, bad[k].fragment), "%s\n  %s", bad[k].text, err.text);
    cr_expect_eq(err.code, bad[k].code, "%s", bad[k].text);
    cr_expect_null(strchr(err.text, '\n'));
    status_reset(&err);
  }
}

Test(jsonspec, other_norms_give_a_ball_in_its_box)
{
  Prop *p =
      good("{'norm':'l2','epsilon':0.25,'center':[0.5,1],'clip':[0,1],'label':1}");
  const Box *b = &p->boxes[0];
  cr_assert(b->ball && b->ball->norm == BALL_L2 && b->ball->radius == 0.25);
  cr_assert(b->ball->c[0] == 0.5 && b->ball->c[1] == 1);
  cr_assert(b->in_lo[0] == 0.25 && b->in_hi[0] == 0.75 && b->in_lo[1] == 0.75 &&
            b->in_hi[1] == 1);
  prop_free(p);
  p = good("{'norm':'l1','epsilon':0.25,'center':[0.5,1],'label':1}");
  cr_assert_eq(p->boxes[0].ball->norm, BALL_L1);
  cr_assert(p->boxes[0].in_hi[1] == 1.25);
  prop_free(p);
  p = good("{'norm':'l0','epsilon':1,'center':[0.5,1],'clip':[[0,-1],2],'label':1}");
  b = &p->boxes[0];
  cr_assert(b->ball->norm == BALL_L0 && b->ball->k == 1);
  cr_assert(b->in_lo[0] == 0 && b->in_lo[1] == -1 && b->in_hi[0] == 2);
  const double one[2] = {0.5, -1}, two[2] = {0.25, 0};
  cr_assert(box_contains(b, one));
  cr_assert_not(box_contains(b, two));
  prop_free(p);
}
