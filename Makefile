# SPDX-License-Identifier: Apache-2.0
# `make check` is what CI runs; the others are its parts and what takes longer. Programs and objects go to build/.

PYTHON ?= .venv/bin/python
CC ?= gcc
CLANG ?= clang
CLANG_FORMAT ?= clang-format
FUZZ_SECONDS ?= 30
RUNS ?= 10000000
BENCH_FLAGS ?=

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Werror
# -iquote and not -I: csrc/limits.h must not hide the system's <limits.h>.
CPPFLAGS_C = -std=gnu11 -D_GNU_SOURCE -iquote csrc -iquote bpf -MMD -MP
# Linked libraries and flags of the release build are named once, in pyxdp_dns/build_native.py.
LTO = $(shell $(PYTHON) -c 'from pyxdp_dns.build_native import LTO_FLAGS; print(*LTO_FLAGS)')
LIBS = $(shell $(PYTHON) -c 'from pyxdp_dns.build_native import LIBRARIES; print(*("-l" + name for name in LIBRARIES))')
SIGNING_LIBS = $(shell $(PYTHON) -c 'from pyxdp_dns.build_native import SIGNING_LIBRARIES; print(*("-l" + name for name in SIGNING_LIBRARIES))')

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_asan = -O1 -g $(WARNINGS) $(SANITIZE)
FLAGS_tsan = -O1 -g $(WARNINGS) -fsanitize=thread
FLAGS_fuzz = -O1 -g $(SANITIZE) -fsanitize=fuzzer-no-link
FLAGS_gcc = -O2 $(WARNINGS)
# A flexible array member inside another structure is an extension of GNU C, which the engine is written in.
FLAGS_clang = -O2 $(WARNINGS) -Wno-gnu-variable-sized-type-not-at-end

ENGINE = $(wildcard csrc/*.c)
# Linked into tests and fuzz targets beside the engine; the programs that answer have none of it.
SIGNING = $(wildcard csrc/signing/*.c)
TESTED = $(ENGINE) $(SIGNING)
C_TESTS = $(patsubst tests/csrc/%.c,%,$(wildcard tests/csrc/test_*.c))
# Programs in which threads share memory also run under ThreadSanitizer.
THREAD_TESTS = $(filter %_threads,$(C_TESTS))
FUZZERS = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
C_SOURCES = $(wildcard csrc/*.[ch] csrc/signing/*.[ch] bpf/*.[ch] tests/csrc/*.[ch] tests/fuzz/*.[ch] bench/*.[ch])

.PHONY: all build check format format-check lint types test check-c strict fuzz fuzz-long bench clean
.SECONDARY:
.DELETE_ON_ERROR:

all: build

build:
	$(PYTHON) -W ignore setup.py -q build_ext --inplace
	$(PYTHON) -m compileall -q pyxdp_dns control

check: build format-check lint types strict test

format:
	$(PYTHON) -m ruff format .
	$(if $(C_SOURCES),$(CLANG_FORMAT) -i $(C_SOURCES))

format-check:
	$(PYTHON) -m ruff format --check .
	$(if $(C_SOURCES),$(CLANG_FORMAT) --dry-run --Werror $(C_SOURCES))

lint:
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

# The C test programs alone, under ASAN and UBSAN, those with threads also under TSAN.
check-c: $(C_TESTS:%=run-asan-%) $(THREAD_TESTS:%=run-tsan-%)

run-asan-%: build/asan/%
	$<

# TSAN's shadow memory needs addresses that are not too random.
run-tsan-%: build/tsan/%
	setarch -R $<

strict: $(TESTED:%.c=build/gcc/%.o) $(TESTED:%.c=build/clang/%.o)

fuzz: $(FUZZERS:%=build/fuzz/%)
	scripts/run-fuzzers --seconds $(FUZZ_SECONDS) $(FUZZERS)

fuzz-long: $(FUZZERS:%=build/fuzz/%)
	scripts/run-fuzzers --runs $(RUNS) $(FUZZERS)

bench: build
	$(PYTHON) -m bench $(BENCH_FLAGS)

clean:
	rm -rf build pyxdp_dns/_native.c pyxdp_dns/_signing.c pyxdp_dns/_native*.so pyxdp_dns/_signing*.so

build/asan/%.o: %.c
	@mkdir -p $(@D)
	gcc $(CPPFLAGS_C) $(FLAGS_asan) -c -o $@ $<

build/tsan/%.o: %.c
	@mkdir -p $(@D)
	gcc $(CPPFLAGS_C) $(FLAGS_tsan) -c -o $@ $<

build/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS_C) $(FLAGS_fuzz) -c -o $@ $<

build/gcc/%.o: %.c
	@mkdir -p $(@D)
	gcc $(CPPFLAGS_C) $(FLAGS_gcc) -c -o $@ $<

build/clang/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS_C) $(FLAGS_clang) -c -o $@ $<

build/asan/test_%: build/asan/tests/csrc/test_%.o $(TESTED:%.c=build/asan/%.o)
	gcc $(FLAGS_asan) -o $@ $^ $(LIBS) $(SIGNING_LIBS)

build/tsan/test_%: build/tsan/tests/csrc/test_%.o $(TESTED:%.c=build/tsan/%.o)
	gcc $(FLAGS_tsan) -o $@ $^ $(LIBS) $(SIGNING_LIBS)

build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o $(TESTED:%.c=build/fuzz/%.o)
	$(CLANG) $(SANITIZE) -fsanitize=fuzzer -o $@ $^ $(LIBS) $(SIGNING_LIBS)

# Measured programs: built as the extension is, but for the address space, of which valgrind has less.
build/bench/%: bench/%.c $(ENGINE)
	@mkdir -p $(@D)
	gcc -std=gnu11 -D_GNU_SOURCE -O2 $(LTO) -g -iquote csrc -iquote bpf '-DXD_TABLE_MAP_BYTES=(UINT64_C(1) << 34)' -o $@ $^ $(LIBS)

-include $(wildcard build/*/*/*.d build/*/*/*/*.d)
