/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/assignment.h -- a counterexample as text, in the form of its specification.
 *
 *     VNN-LIB 1.0   ((X_0 v) ... (Y_0 v) ...)          specs/witness.h
 *     VNN-LIB 2     X_f float32 [1,2]                  every tensor of every network in
 *                   1                                  the order of declaration, its
 *                   0.75                               elements row-major, one a line
 *                   Y_f float32 [1,1]
 *                   1.75
 *
 * or one ONNX TensorProto for each tensor, DIR/NAME.pb.
 *
 * Numbers are %.17g; an input that must be a decimal which is no double is printed as
 * it is written in the specification.  Outputs are those of the float32 evaluation
 * where the model is float32.
 */
#ifndef SPECS_ASSIGNMENT_H
#define SPECS_ASSIGNMENT_H

#include "net/base/text.h"
#include "net/net.h"
#include "specs/witness.h"

/* Append the text. */
void assignment_print(const Net *net, const Witness *w, Text *out);

/* Write the files; DIR is made when it is missing.  Fails CREATE, IO. */
Status assignment_write(const Net *net, const Witness *w, const char *dir, Err *err);

/* Read either form, perhaps after the word `sat`, into x[inputs of the network].  Every
 * declared input must be given once; outputs and hidden values are ignored.  In the
 * first form X_i is the i-th declared input of a specification in VNN-LIB 2.  Fails
 * DATA, also when inputs that the specification equates differ. */
Status assignment_parse(const char *path, const char *text, size_t size,
                        const Prop *prop, double *x, Err *err);

/* Declared inputs become those of the network.  Fails DATA as above. */
Status assignment_reduce(const char *path, const Prop *prop, const double *declared,
                         double *x, Err *err);

/* Inputs as the specification counts them, and the input of the network that stands for
 * one; outputs that it declares. */
int assignment_n_inputs(const Prop *prop);
int assignment_input(const Prop *prop, int declared);
int assignment_n_outputs(const Prop *prop);

#endif
