// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Registry hives of Windows, read-only, from memory: "regf" files, major version 1, minor 3 to 6
 * (libregf's "Windows NT Registry File format"). Untrusted: every offset is checked where it is used,
 * every list is bounded by the cell it lies in, and paths are walked down, never around.
 */
#ifndef SUBJECT_HIVE_H
#define SUBJECT_HIVE_H

#include "backproof/base.h"

struct hive {
	const uint8_t *data; /* borrowed */
	size_t end;	     /* bytes of base block and bins */
	uint32_t root;	     /* cell of the root key */
	bool dirty;	     /* not all that was logged is in it: .LOG1 and .LOG2 have the rest */
	int64_t written;     /* seconds since 1970 UTC: the newer of base block and root key; 0: none */
};

/*
 * Checks the base block with its checksum, the chain of bins and the cells that fill them, to the last
 * byte. CORRUPT, with the offset, when any is not as it must be; h->dirty is set also then.
 */
int hive_open(struct hive *h, const void *data, size_t length, struct error *e) must_check;

/* The key below `key` by a path with "\\"; case of ASCII is ignored. 1 found, 0 not there, -1 CORRUPT. */
int hive_key(const struct hive *h, uint32_t key, const char *path, uint32_t *out, struct error *e) must_check;

struct hive_value {
	char name[768]; /* UTF-8; "" is the default value */
	uint32_t type;
	uint32_t length;
	const uint8_t *data; /* NULL: it is in pieces (db), and not looked at here */
	uint8_t inside[4];   /* where data points when the value holds it itself */
};
/* Returning non-zero stops: < 0 with e filled fails, > 0 ends early and is returned. */
typedef int hive_value_fn(void *ctx, const struct hive_value *v, struct error *e);
/* All values of a key: what fn said, or 0 at the end. */
int hive_values(const struct hive *h, uint32_t key, hive_value_fn *fn, void *ctx, struct error *e) must_check;

/* A text value (REG_SZ, REG_EXPAND_SZ) as UTF-8, trimmed; NULL in *out when there is none or it is empty. */
int hive_text(const struct hive *h, uint32_t key, const char *name, char **out, struct error *e) must_check;
/* A REG_DWORD: 1 and the number, 0 there is none, -1. */
int hive_number(const struct hive *h, uint32_t key, const char *name, uint32_t *out, struct error *e) must_check;

/* 100 ns since 1601 to seconds since 1970; 0 for none. */
int64_t filetime_seconds(uint64_t filetime);

#endif
