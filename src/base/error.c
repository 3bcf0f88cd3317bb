// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *e, enum error_class cls, int64_t offset, const char *fmt, ...)
{
	if (!e)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	e->cls = cls;
	e->sys = 0;
	e->offset = offset;
	e->budget = NULL;
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return -1;
}

int error_budget(struct error *e, const char *check, const char *fmt, ...)
{
	if (!e)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	*e = (struct error){.cls = ERROR_LIMIT, .offset = ERROR_NO_OFFSET, .budget = check};
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return -1;
}

static enum error_class class_of(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERROR_LIMIT;
	case ENOMEM:
		return ERROR_INTERNAL;
	default:
		return ERROR_IO;
	}
}

int error_sys(struct error *e, const char *fmt, ...)
{
	int sys = errno;
	if (!e)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	e->cls = class_of(sys);
	e->sys = sys;
	e->offset = ERROR_NO_OFFSET;
	e->budget = NULL;
	int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->text)
		snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", strerror(sys));
	return -1;
}

/* Of a cause met through a hundred files, the cause is what has to be told. */
int error_prefix(struct error *e, const char *fmt, ...)
{
	if (!e)
		return -1;
	char prefix[sizeof e->text];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(prefix, sizeof prefix, fmt, ap);
	va_end(ap);
	size_t len = strlen(e->text);
	if (n < 0 || (size_t)n + 2 + len >= sizeof e->text)
		return -1;
	memmove(e->text + n + 2, e->text, len + 1);
	memcpy(e->text, prefix, (size_t)n);
	memcpy(e->text + n, ": ", 2);
	return -1;
}

static bool memory_is_limited;

void error_memory_is_limited(void)
{
	memory_is_limited = true;
}

/* INTERNAL in either case: whoever meets it has to give up, whatever the reason is called. */
int error_nomem(struct error *e)
{
	error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
		  memory_is_limited ? "out of memory (memory_limit)" : "out of memory");
	if (e && memory_is_limited)
		e->budget = "budget.memory";
	return -1;
}

const char *error_class_name(enum error_class cls)
{
	static const char *const names[] = {
		[ERROR_NONE] = "none",		 [ERROR_IO] = "io",
		[ERROR_CORRUPT] = "corrupt",	 [ERROR_UNSUPPORTED] = "unsupported",
		[ERROR_ENCRYPTED] = "encrypted", [ERROR_LIMIT] = "limit",
		[ERROR_AMBIGUOUS] = "ambiguous", [ERROR_BUSY] = "busy",
		[ERROR_MISSING] = "missing",	 [ERROR_INTERNAL] = "internal",
	};
	return names[cls];
}
