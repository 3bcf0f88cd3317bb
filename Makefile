# SPDX-License-Identifier: GPL-3.0-or-later
# Built into $(BUILD). SAN=address,undefined or SAN=thread gives a sanitizer build (use another BUILD).
BUILD   ?= build
ifeq ($(origin CC),default)
CC      := gcc
endif
PREFIX  ?= /usr/local
VERSION := 0.1.0

REQUIRED := libarchive libcrypto blkid libzstd jansson sqlite3 libseccomp
OPTIONAL := zlib liblzma liblz4 libisal libdeflate ext2fs libntfs-3g hivex libewf lzo2

ifneq ($(filter-out demo test bench bench-profile coverage fault-matrix setup clean uninstall deb,$(or $(MAKECMDGOALS),all)),)
MISSING := $(foreach p,$(REQUIRED),$(if $(shell pkg-config --exists $(p) 2>/dev/null && echo y),,$(p)))
ifneq ($(strip $(MISSING)),)
$(error missing development packages: $(MISSING); run `make setup` as root)
endif
endif
FOUND := $(strip $(foreach p,$(REQUIRED) $(OPTIONAL),$(if $(shell pkg-config --exists $(p) 2>/dev/null && echo y),$(p))))
# Debian's libbz2 has no .pc file.
# ... and its libwim's asks for FUSE, which reading does not need.
WIM := $(shell printf '\#include <wimlib.h>\n' | $(CC) -E - >/dev/null 2>&1 && echo y)
BZ2 := $(shell printf '\#include <bzlib.h>\n' | $(CC) -E - >/dev/null 2>&1 && echo y)

upper = $(shell echo $(1) | tr a-z- A-Z_)
HAVE    := $(foreach p,$(FOUND),-DHAVE_$(call upper,$(p))) $(if $(BZ2),-DHAVE_BZ2) $(if $(WIM),-DHAVE_WIM)
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-missing-field-initializers $(WERROR)
OPT     ?= -O2 -g
CFLAGS  ?= $(OPT)
override CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DVERSION='"$(VERSION)"' -Iinclude $(HAVE) \
	$(if $(FOUND),$(shell pkg-config --cflags $(FOUND)))
override CFLAGS += -std=gnu11 $(WARN) -fno-strict-aliasing -pthread $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
ifeq ($(SAN),)
override CPPFLAGS += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
override CFLAGS += -fstack-protector-strong -fPIE
override LDFLAGS += -pie -Wl,-z,relro,-z,now
endif
# COVERAGE=y (of `make coverage`): clang counts at the level of the source, so that no optimiser takes part; the counters
# live in a file that is mapped, so that whoever ends by _exit or a signal has been counted as well.
ifneq ($(COVERAGE),)
override CFLAGS += -fPIC -fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic -mllvm \
	-runtime-counter-relocation -Wno-unused-command-line-argument
endif
LIBS := $(if $(FOUND),$(shell pkg-config --libs $(FOUND))) $(if $(BZ2),-lbz2) $(if $(WIM),-lwim) -lm

SOURCES := $(filter-out src/cli/main.c src/cli/reopen.c src/plugin/check_backproof.c,$(shell find src -name '*.c' | sort))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
# What is of the program alone, and not of its library.
MAIN := $(BUILD)/src/cli/main.o $(BUILD)/src/cli/reopen.o
# What can't be tested without a library is not built, and tests/run counts it as skipped.
NEEDS_zlib    := unit/witness unit/witness_zip unit/witness_shapes unit/frames fuzz/frames
NEEDS_liblzma := unit/witness unit/frames unit/xz_blocks
NEEDS_liblz4  := unit/witness
NEEDS_libntfs-3g := unit/ntfs unit/ntfs_lists unit/ntfs_log unit/ntfs_files unit/ntfs_fields unit/ntfs_compact unit/ntfs_order unit/ntfs_edges unit/databases fuzz/ntfs fault/windows
NEEDS_libewf  := unit/ewf
NEEDS_ext2fs  := unit/ext unit/ext_fields unit/jbd2 unit/fs_common unit/databases unit/windows_volumes fault/windows fuzz/ext fuzz/ext_small fault/gate fuzz/whole fuzz/compare
UNTESTED := $(foreach p,zlib liblzma liblz4 ext2fs libewf libntfs-3g,$(if $(filter $(p),$(FOUND)),,$(NEEDS_$(p))))
UNTESTED += $(if $(WIM),,unit/wim unit/wim_fields fuzz/wim fuzz/wim_volume)
UNTESTED += $(if $(filter zlib libisal,$(FOUND)),,unit/package fuzz/codec)
TESTS   := $(patsubst %.c,$(BUILD)/%,$(filter-out $(UNTESTED:%=tests/%.c),$(wildcard tests/unit/*.c \
	tests/conformance/*.c tests/fault/*.c tests/fuzz/*.c tests/tool/*.c)))

.PHONY: all setup check test demo bench bench-profile coverage fault-matrix lint clean install uninstall deb tests thread-tests fuzz fuzz-all
COMPLETIONS := $(patsubst %,$(BUILD)/completion/backproof.%,bash zsh fish)
all: $(BUILD)/backproof $(BUILD)/check_backproof $(COMPLETIONS)

# With one shared library in the place of a hundred copies there is one set of counters. (The commands call main.c.)
LIBRARY := $(if $(COVERAGE),$(BUILD)/libbackproof.so) $(BUILD)/libbackproof.a

$(BUILD)/backproof: $(if $(FAULTS),$(BUILD)/backproof-faults,$(MAIN) $(LIBRARY))
	@echo "  LINK  $@"
	@$(if $(FAULTS),ln -f $< $@,$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS))

# What it does not need of the library's libraries it is not bound to.
$(BUILD)/check_backproof: $(BUILD)/src/plugin/check_backproof.o $(LIBRARY)
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS)

# The program knows its commands and options best.
$(COMPLETIONS): $(BUILD)/completion/backproof.%: $(BUILD)/backproof
	@mkdir -p $(@D)
	@echo "  MAKE  $@"
	@$< completion $* >$@.new && mv $@.new $@

$(BUILD)/libbackproof.a: $(OBJECTS)
	@echo "  AR    $@"
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/libbackproof.so: $(filter-out $(BUILD)/src/cli/%,$(OBJECTS))
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(filter-out -pie,$(LDFLAGS)) -shared -Wl,-soname,$(abspath $@) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: tests/%.c $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	@$(CC) $(CPPFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(LIBRARY) $(LIBS)

tests: $(TESTS)

# make fuzz TARGET=codec TIME=60: a driver of tests/fuzz under libFuzzer (tests/fuzz/README.md)
TIME ?= 60
fuzz:
	tests/fuzz/run $(BUILD) $(TARGET) $(TIME)

# make fuzz-all TIME=3600: each target until it has had so many seconds of a processor, and a table of what came of it
fuzz-all:
	tests/fuzz/run $(BUILD) all $(TIME)

$(BUILD)/target-%: tests/fuzz/%.c $(BUILD)/libbackproof.a
	@echo "  FUZZ  $<"
	@$(CC) $(CPPFLAGS) -DBACKPROOF_LIBFUZZER -Itests $(subst fuzzer-no-link,fuzzer,$(CFLAGS)) \
		$(if $(AFL),-fsanitize=fuzzer) $(LDFLAGS) -MMD -MP \
		-o $@ $< $(BUILD)/libbackproof.a $(LIBS)

# Whose inputs are lists of changes (tests/fuzz/no_cmp.h).
LISTS := btrfs btrfs_volume ewf exfat ext fat_volume ntfs vhd wim_volume xfs
$(LISTS:%=$(BUILD)/target-%): private override LDFLAGS += $(foreach of,cmp const_cmp,$(foreach bytes,1 2 4 8,\
	-Wl,--wrap=__sanitizer_cov_trace_$(of)$(bytes)))

comma := ,
# The calls that fault injection takes over, in our own objects only.
WRAPPED := malloc calloc realloc strdup strndup pread64 pwrite64 archive_write_data archive_write_header \
	fsync ftruncate64
$(BUILD)/tests/fault/%: private override LDFLAGS += $(WRAPPED:%=-Wl,--wrap=%)
# A shared library has resolved its own calls already.
$(BUILD)/tests/fault/%: private LIBRARY := $(BUILD)/libbackproof.a
$(BUILD)/tests/fault/gate: private override LDFLAGS += -Wl,--wrap=source_give_up
$(BUILD)/tests/fault/seal: private override LDFLAGS += -Wl,--wrap=write,--wrap=renameat
$(BUILD)/tests/fault/passes: private override LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=%,vasprintf __vasprintf_chk read \
	fstat64 EVP_MD_CTX_new EVP_DigestFinal_ex EVP_DigestSignInit EVP_DigestSign EVP_DigestVerifyInit \
	EVP_DigestVerify EVP_Digest BIO_new BIO_new_mem_buf PEM_write_bio_PUBKEY PEM_write_bio_PrivateKey i2d_PUBKEY \
	EVP_PKEY_get_raw_public_key EVP_PKEY_new_raw_public_key RAND_bytes)
$(BUILD)/tests/fault/catalog: private override LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=%,vasprintf __vasprintf_chk stat64 \
	lstat64 fstat64 fstatat64 realpath openat64 open64 __openat64_2 __open64_2 opendir fdopendir fopen64 readdir64)
$(BUILD)/tests/fault/policy: private override LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=%,vasprintf __vasprintf_chk read stat64 \
	fstat64 EVP_MD_CTX_new EVP_DigestUpdate EVP_DigestFinal_ex)

# Both ends of the protocol, with calls that fail on demand (tests/unit/reader_help.h).
READER_WRAPPED := malloc calloc realloc strdup strndup fstat64 stat64 fstatat64 readlink openat64 opendir fdopendir \
	readdir64 fopen64 socketpair recv sendmsg recvmsg prctl pthread_create poll waitpid geteuid fchdir flock fcntl64 lseek64 monotonic_ns \
	posix_spawn posix_spawn_file_actions_init posix_spawn_file_actions_addopen \
	posix_spawn_file_actions_adddup2 confine_account confine_process scratch_give
$(BUILD)/tests/unit/reader_%: private override LDFLAGS += $(READER_WRAPPED:%=-Wl,--wrap=%)
$(BUILD)/tests/unit/reader_%: private LIBRARY := $(BUILD)/libbackproof.a

# The program with faults under it (tests/fault/README.md): the same objects, with some calls put before the system's.
# FAULTS=1 makes it the program itself.
FAULTS_WRAPPED := malloc calloc realloc reallocarray strdup strndup posix_memalign \
	asprintf vasprintf __asprintf_chk __vasprintf_chk
FAULTS_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fault/under/*.c))
$(FAULTS_OBJECTS): private override CPPFLAGS += -U_FORTIFY_SOURCE -U_FILE_OFFSET_BITS
$(BUILD)/tests/fault/under/calls.o: tests/fault/under/calls.list

$(BUILD)/backproof-faults: $(MAIN) $(FAULTS_OBJECTS) $(BUILD)/libbackproof.a
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) $(FAULTS_WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

# The program whose reader does what a backup tells it to (tests/compromised): the same objects, and one call taken over.
COMPROMISED := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/compromised/*.c))
$(BUILD)/backproof-compromised: $(BUILD)/src/cli/main.o $(COMPROMISED) $(BUILD)/libbackproof.a
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=content_probe -Wl,--wrap=peek_here \
		-Wl,--wrap=reader_seal_put -o $@ $^ $(LIBS)

# Needs root (or sudo) only when a package is missing.
setup:
	packaging/setup build

# These do their own set-up first, so the building runs in a make of its own afterwards.
demo:
	packaging/setup demo
	$(MAKE) --no-print-directory all
	tests/demo.sh $(BUILD)/backproof

test:
	packaging/setup test
	$(MAKE) --no-print-directory check WERROR=-Werror

check: lint all tests $(BUILD)/backproof-faults $(BUILD)/backproof-compromised
	$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan SAN=thread OPT='-O1 -g' thread-tests
	tests/run $(BUILD)

thread-tests: $(filter $(BUILD)/tests/conformance/% $(BUILD)/tests/fault/% $(BUILD)/tests/unit/pool $(BUILD)/tests/unit/stream,$(TESTS))

# Includes point downward only; no file outgrows its room.
lint:
	tests/lint

# What a check takes beside what one would type instead; QUICK=1: two minutes. It does its own set-up.
bench:
	packaging/setup bench
	$(MAKE) --no-print-directory all $(patsubst %,$(BUILD)/tests/tool/%,imagecat fsread catalogue)
	tests/bench $(BUILD)

# Where the time goes of the rows that decoders bind, by perf. Needs the data of `make bench DATA=DIR`.
bench-profile:
	packaging/setup bench
	$(MAKE) --no-print-directory BUILD=$(BUILD)/profile OPT='-O2 -g -fno-omit-frame-pointer' all
	tests/bench-profile $(BUILD)/profile

# Lines and branches that the tests take (see tests/coverage); QUICK=1: without the command-line tests.
coverage:
	packaging/setup coverage
	$(MAKE) --no-print-directory CC=clang COVERAGE=y BUILD=$(BUILD)/coverage OPT='-O2 -g' all tests
	tests/coverage $(BUILD)/coverage

# Every fault of a list against every kind of backup; QUICK=1: a minute. It does its own set-up.
fault-matrix:
	packaging/setup test
	$(MAKE) --no-print-directory all
	tests/fault-matrix $(BUILD) $(if $(QUICK),--quick) $(if $(SEED),--seed $(SEED))

# What is installed stands in packaging/files: PARTS of it, below PREFIX. Nothing is built again that is built.
PARTS   ?= core
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
INSTALL = BUILD='$(BUILD)' PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' UNITDIR='$(UNITDIR)' \
	ZSHDIR='$(ZSHDIR)' packaging/install
install: all
	@$(INSTALL) $(PARTS)
uninstall:
	@$(INSTALL) --uninstall $(PARTS)

# Debian packages into $(BUILD)/deb, made of this tree as it is.
deb:
	packaging/setup deb
	packaging/deb $(BUILD)/deb

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
