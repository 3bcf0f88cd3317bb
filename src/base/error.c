// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/error.h"

#include <errno.h>
#include <stdarg.h>
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
	int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->text)
		snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", strerror(sys));
	return -1;
}

int error_prefix(struct error *e, const char *fmt, ...)
{
	if (!e)
		return -1;
	char old[sizeof e->text];
	memcpy(old, e->text, sizeof old);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->text - 2) {
		e->text[n] = ':';
		e->text[n + 1] = ' ';
		size_t room = sizeof e->text - (size_t)n - 2;
		size_t len = strnlen(old, room - 1);
		memcpy(e->text + n + 2, old, len);
		e->text[n + 2 + (int)len] = 0;
	}
	return -1;
}

int error_nomem(struct error *e)
{
	return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "out of memory");
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
