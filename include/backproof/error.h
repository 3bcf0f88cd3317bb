// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What went wrong, told to the caller. A function that can fail returns 0 or -1 (or NULL) and fills
 * the caller's struct error; errno never crosses a layer.
 */
#ifndef BACKPROOF_ERROR_H
#define BACKPROOF_ERROR_H

#include <stdint.h>

#define must_check __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))

enum error_class {
	ERROR_NONE = 0,
	ERROR_IO,	   /* the medium or the system failed: nothing is known of the content */
	ERROR_CORRUPT,	   /* the content contradicts itself, its format or its checksum */
	ERROR_UNSUPPORTED, /* well known or unknown, but no reader here */
	ERROR_ENCRYPTED,   /* recognised, and no key */
	ERROR_LIMIT,	   /* a budget, deadline or scratch limit was reached */
	ERROR_AMBIGUOUS,   /* two readings fit equally well */
	ERROR_BUSY,	   /* changed while it was read, or locked */
	ERROR_MISSING,	   /* it needs another file, which is not in the restore point */
	ERROR_INTERNAL,	   /* a fault of this program, memory included */
};

#define ERROR_NO_OFFSET INT64_C(-1)

struct error {
	enum error_class cls;
	int sys;	/* errno of the cause, or 0 */
	int64_t offset; /* byte offset in what was read, or ERROR_NO_OFFSET */
	const char *budget; /* of a limit that policy sets: the check of its finding, "budget.entries"; or NULL */
	char text[480]; /* one line, may hold untrusted names: escape before printing */
};

/* All three fill *e (NULL is allowed and ignored) and return -1, to be used as `return error_set(...)`. */
int error_set(struct error *e, enum error_class cls, int64_t offset, const char *fmt, ...)
	printf_like(4, 5);
/* Class IO (LIMIT for ENOSPC and EDQUOT, INTERNAL for ENOMEM), with errno's text appended. */
int error_sys(struct error *e, const char *fmt, ...) printf_like(2, 3);
/* LIMIT, of one that policy sets: `check` is a literal, "budget.<what>"; the text names the key to raise. */
int error_budget(struct error *e, const char *check, const char *fmt, ...) printf_like(3, 4);
/* Puts "<fmt>: " before the text that is there, if there is room for both. */
int error_prefix(struct error *e, const char *fmt, ...) printf_like(2, 3);
int error_nomem(struct error *e);
/* From now on what memory this process has is a budget of policy, and error_nomem says so. */
void error_memory_is_limited(void);

/* "io", "corrupt", ... as written in JSON. */
const char *error_class_name(enum error_class cls);

#endif
