# SPDX-License-Identifier: GPL-3.0-or-later
# make [MODE=release|debug|asan|gcov] [CC=clang]
#      [all|lib|demo|test|lint|micro|mpi|install|dist|clean]
#
# make fuzz [SECONDS=60]
#
# `make demo` and `make test` do everything, installing Debian packages included.
# `make` builds build/dualcert, build/dualcert-check and build/libdualcert.so; other modes
# build them in build/MODE/.

MODE ?= release
O    := build/$(MODE)

CC   ?= cc
STD  := -std=c11 -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200809L
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wpointer-arith -Wwrite-strings -Wfloat-conversion
# Set by `make lint`: warnings are errors for us, not for a user's newer compiler.
WERROR ?=
# docs/numerics.md: error terms assume IEEE arithmetic without contraction.
FLOAT := -ffp-contract=off -fno-fast-math
# The same objects make the programs and libdualcert.so, which exports solver/api/ only.
PIC   := -fPIC -fvisibility=hidden
ARCH  ?=

FLAGS_release := -O3 -g -DNDEBUG
FLAGS_debug   := -O0 -g3
FLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                 -fno-sanitize-recover=all
FLAGS_gcov    := -O0 -g --coverage
# Only for `make fuzz`, which sets CC=clang.
FLAGS_fuzz    := -O2 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
                 -fsanitize=address,undefined,float-cast-overflow
ifeq ($(filter $(MODE),release debug asan gcov fuzz),)
$(error unknown MODE '$(MODE)'; use release, debug, asan, gcov or fuzz)
endif

VERSION  := 0.1.0
CPPFLAGS += -I. -I$(O)/gen -DDUALCERT_VERSION='"$(VERSION)"' -DDUALCERT_MODE='"$(MODE)"'
CFLAGS_  := $(STD) $(WARN) $(WERROR) $(FLOAT) $(PIC) $(ARCH) $(FLAGS_$(MODE)) $(CFLAGS)
LIBS     := -lglpk -lopenblas -lgmp -lcjson -lprotobuf-c -lsqlite3 -lz -lmd -lm -lpthread

# Ground floor first; tests/check-layers enforces the direction of includes.
LAYERS := net/base net specs specs/check bounds solver solver/api solver/batch solver/report \
          solver/app
MAIN   := solver/app/main.c
CHECK  := specs/check/main.c
# Only in dualcert-mpi.
MPI    := solver/batch/mpi.c solver/app/main_mpi.c
SRC    := $(filter-out $(MAIN) $(CHECK) $(MPI),$(wildcard $(LAYERS:%=%/*.c)))
# What the checker of certificates is made of: no search, no BLAS.
TRUST  := $(filter-out bounds/% solver/%,$(SRC))
UNIT   := $(wildcard tests/unit/*.c tests/support/*.c)
GEN    := $(O)/gen/onnx.pb-c

# One fuzz target each, in tests/fuzz/fuzz_NAME.c (docs/testing.md).
FUZZ := certificate \
  csv \
  instances \
  journal \
  jsonnet \
  jsonspec \
  manifest \
  nnet \
  numbers \
  onnx \
  reader \
  samples \
  vnnlib \
  vnnlib2 \
  witness
obj     = $(patsubst %.c,$(O)/%.o,$(1))

PROGRAM := $(if $(filter release,$(MODE)),build/dualcert,$(O)/dualcert)
CHECKER := $(dir $(PROGRAM))dualcert-check
MICRO   := $(dir $(PROGRAM))micro

all: $(PROGRAM) $(CHECKER) lib

# ---- build ------------------------------------------------------------------

ONNX_PROTO_DIR ?= $(firstword $(wildcard /usr/include/onnx /usr/local/include/onnx))

$(GEN).c: Makefile
	@mkdir -p $(@D)
	@test -n "$(ONNX_PROTO_DIR)" || { \
	  echo "onnx.proto not found: run 'make packages' (or set ONNX_PROTO_DIR)"; exit 1; }
	protoc-c --proto_path=$(ONNX_PROTO_DIR) --c_out=$(@D) onnx.proto
$(GEN).h: $(GEN).c

# Generated code follows its generator's style, not ours.
$(GEN).o: $(GEN).c
	$(CC) $(STD) $(PIC) $(FLAGS_$(MODE)) $(COVER) $(CFLAGS) -I$(O)/gen -MMD -MP -c -o $@ $<

# Sums of products in any order and fused, as in BLAS (docs/numerics.md).
$(O)/bounds/conv.o: CFLAGS_ += -ffp-contract=fast

OBJS := $(call obj,$(SRC)) $(GEN).o

# Generated before anything may include it; from then on the .d files know who does.
$(call obj,$(SRC) $(CHECK) $(MPI) $(UNIT) benchmarks/micro.c $(wildcard tests/fuzz/*.c)): | $(GEN).h

$(PROGRAM): $(OBJS) $(call obj,$(MAIN))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $^ $(LIBS)

$(CHECKER): $(call obj,$(TRUST) $(CHECK)) $(GEN).o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $^ -lgmp -lcjson -lprotobuf-c -lz -lmd -lm

# dualcert whose `suite` is spread over machines; needs libopenmpi-dev.
MPICC  ?= mpicc
MPIRUN := $(dir $(PROGRAM))dualcert-mpi
$(call obj,$(MPI)): private CC = $(MPICC)
$(MPIRUN): $(OBJS) $(call obj,$(MPI))
	@mkdir -p $(@D)
	$(MPICC) $(CFLAGS_) $(LDFLAGS) -o $@ $^ $(LIBS)

mpi: $(MPIRUN)

$(O)/unit: $(OBJS) $(call obj,$(UNIT))
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $^ -lcriterion -lmpfr $(LIBS)

# ---- the library ---------------------------------------------------------------

SOVERSION  := 0
LIBRARY    := $(dir $(PROGRAM))libdualcert.so
LIBRARY_SO := $(LIBRARY).$(SOVERSION)
LIBRARY_A  := $(dir $(PROGRAM))libdualcert.a
API_MAP    := solver/api/dualcert.map
# All but many runs, pages and the command line.
LIB_OBJS   := $(call obj,$(filter-out solver/batch/% solver/report/% solver/app/%,$(SRC))) \
              $(GEN).o

lib: $(LIBRARY) $(LIBRARY_A)

$(LIBRARY_SO): $(LIB_OBJS) $(API_MAP)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -Wl,-soname,libdualcert.so.$(SOVERSION) \
	  -Wl,--version-script=$(API_MAP) -Wl,-z,defs -o $@ $(LIB_OBJS) $(LIBS)
$(LIBRARY): $(LIBRARY_SO)
	ln -sf $(notdir $<) $@

# One object with the names of solver/api/dualcert.h: the others are nobody's business.
LD      ?= ld
OBJCOPY ?= objcopy
$(LIBRARY_A): $(LIB_OBJS)
	@mkdir -p $(@D)
	$(LD) -r -o $(O)/libdualcert.o $(LIB_OBJS)
	$(OBJCOPY) --localize-hidden --wildcard --localize-symbol='*.resolver' $(O)/libdualcert.o
	rm -f $@
	$(AR) rcs $@ $(O)/libdualcert.o

# ---- tests -----------------------------------------------------------------------

# Fuzz targets.  Without libFuzzer replay.c runs stored inputs through them; with it,
# mutate_NAME.c changes inputs with knowledge of their format, where there is one.
FUZZ_SHARED := tests/fuzz/target.c tests/fuzz/invariants.c tests/fuzz/formula.c \
  tests/support/sameprop.c
ifeq ($(MODE),fuzz)
FUZZ_LINK    := -fsanitize=fuzzer
fuzz_sources  = $(FUZZ_SHARED) tests/fuzz/fuzz_$(1).c $(wildcard tests/fuzz/mutate_$(1).c)
else
FUZZ_LINK    :=
fuzz_sources  = $(FUZZ_SHARED) tests/fuzz/fuzz_$(1).c tests/fuzz/replay.c
endif
FUZZ_PROGRAMS := $(FUZZ:%=$(O)/fuzz/%)
# Coverage steers towards what readers do, not towards what bounds make of it.  Noting
# the operands of comparisons costs half the time where numbers are computed, and there
# it is of no use.
ifeq ($(MODE),fuzz)
COMPUTES := $(wildcard net/lower*.c) $(patsubst %,net/%.c,act curve draft eval fold shape)
$(call obj,$(filter net/% specs/% solver/batch/%,$(SRC))) $(GEN).o: COVER := -fsanitize=fuzzer-no-link
$(call obj,$(COMPUTES)): COVER := -fsanitize-coverage=inline-8bit-counters,pc-table
endif

.SECONDEXPANSION:
$(FUZZ_PROGRAMS): $(O)/fuzz/%: $(OBJS) $$(call obj,$$(call fuzz_sources,$$*))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(FUZZ_LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

# How fast the passes of bounds/ are; benchmarks/count counts their instructions.
$(MICRO): $(OBJS) $(call obj,benchmarks/micro.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $^ $(LIBS)

micro: $(MICRO)

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_) $(COVER) -MMD -MP -c -o $@ $<

# ---- the two commands of the README -----------------------------------------

# Installs what is missing on Debian and Ubuntu, or prints the one apt command.
packages:
	@tests/install-packages

demo: packages
	@$(MAKE) --no-print-directory -sq all || echo 'building dualcert and its library, about a minute'
	@$(MAKE) --no-print-directory -s all
	@benchmarks/demo $(PROGRAM)

test: packages
	@$(MAKE) --no-print-directory check

# Where there is MPI its program is tested too.
check: $(if $(and $(filter release,$(MODE)),$(shell command -v $(MPICC))),$(MPIRUN))
check: $(PROGRAM) $(CHECKER) lib $(O)/unit $(MICRO) $(FUZZ_PROGRAMS)
	tests/run-unit $(O)/unit
	tests/run-fuzz replay $(FUZZ_PROGRAMS)
	tests/run-cli $(PROGRAM)
	tests/check-readme $(PROGRAM)

# Look for new crashes, SECONDS per target.
SECONDS ?= 60
fuzz:
	@tests/run-fuzz check-clang || exit 0; \
	  $(MAKE) --no-print-directory -s MODE=fuzz CC=clang fuzz-programs && \
	  tests/run-fuzz search $(SECONDS) $(FUZZ:%=build/fuzz/fuzz/%)
fuzz-programs: $(FUZZ_PROGRAMS)

# With CI set, the tools it needs are installed first.
lint:
	tests/lint $(if $(CI),--install)

# ---- the rest ----------------------------------------------------------------

# From the tables in net/; tests/run-cli notices when it is stale.
docs/operators.md: net/operators.def net/act.def $(PROGRAM)
	$(PROGRAM) info --operators >$@

# ---- installing ------------------------------------------------------------------

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
BASH_DIR   ?= $(PREFIX)/share/bash-completion/completions
ZSH_DIR    ?= $(PREFIX)/share/zsh/site-functions

INSTALLED := $(PREFIX)/bin/dualcert \
  $(PREFIX)/bin/dualcert-check \
  $(LIBDIR)/libdualcert.so.$(SOVERSION) \
  $(LIBDIR)/libdualcert.so \
  $(LIBDIR)/libdualcert.a \
  $(LIBDIR)/pkgconfig/dualcert.pc \
  $(INCLUDEDIR)/dualcert.h \
  $(MANDIR)/man1/dualcert.1 \
  $(MANDIR)/man1/dualcert-check.1 \
  $(MANDIR)/man3/libdualcert.3 \
  $(BASH_DIR)/dualcert \
  $(BASH_DIR)/dualcert-check \
  $(ZSH_DIR)/_dualcert

PC_WORDS := -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
  -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
  -e 's|@LIBS@|$(LIBS)|'

install: $(PROGRAM) $(CHECKER) lib
	install -d $(sort $(dir $(INSTALLED:%=$(DESTDIR)%)))
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/dualcert
	install -m 755 $(CHECKER) $(DESTDIR)$(PREFIX)/bin/dualcert-check
	install -m 644 $(LIBRARY_SO) $(DESTDIR)$(LIBDIR)/libdualcert.so.$(SOVERSION)
	ln -sf libdualcert.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libdualcert.so
	install -m 644 $(LIBRARY_A) $(DESTDIR)$(LIBDIR)/libdualcert.a
	install -m 644 solver/api/dualcert.h $(DESTDIR)$(INCLUDEDIR)/dualcert.h
	sed $(PC_WORDS) solver/api/dualcert.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/dualcert.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/dualcert.pc
	install -m 644 docs/dualcert.1 docs/dualcert-check.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 docs/libdualcert.3 $(DESTDIR)$(MANDIR)/man3/
	install -m 644 docs/completion/dualcert.bash $(DESTDIR)$(BASH_DIR)/dualcert
	ln -sf dualcert $(DESTDIR)$(BASH_DIR)/dualcert-check
	install -m 644 docs/completion/_dualcert $(DESTDIR)$(ZSH_DIR)/_dualcert
	@[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || :

uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)%)

# The same bytes for the same files: what git knows, or, without git, everything but
# build/.  SOURCE_DATE_EPOCH dates the files, otherwise the last commit or the newest file.
DIST ?= build/dualcert-$(VERSION).tar.gz
dist:
	@mkdir -p $(dir $(DIST))
	@list=$$(mktemp) && trap 'rm -f "$$list"' EXIT && \
	if [ -e .git ]; then git ls-files -z >$$list; \
	else find . -path ./build -prune -o -type f -print0 | sed -z 's,^\./,,' >$$list; fi && \
	date=$${SOURCE_DATE_EPOCH:-$$( [ -e .git ] && git log -1 --format=%ct || \
	  xargs -0 stat -c %Y <$$list | sort -n | tail -n 1)} && \
	tar --create --no-recursion --sort=name --format=gnu --mtime=@$$date --owner=0 --group=0 \
	  --numeric-owner --mode=u+rw,go+r-w,a-s --transform='s,^,dualcert-$(VERSION)/,S' \
	  --null --files-from=$$list | gzip -n9 >$(DIST)
	@echo $(DIST)

clean:
	rm -rf build

.PHONY: all lib packages demo test check fuzz fuzz-programs lint micro mpi install uninstall \
  dist clean
-include $(patsubst %.o,%.d,$(OBJS) $(call obj,$(MAIN) $(CHECK) $(MPI) $(UNIT) benchmarks/micro.c \
  $(wildcard tests/fuzz/*.c)))
