// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The same of who looks into files before there is a restore point: it has another socket and other lies. Orders of its own
 * come first; what a reader may be told to try, it may, too.
 */
#include <time.h>
#include <unistd.h>

#include "attempt.h"
#include "backproof/peek.h"

int __real_peek_here(enum peek_kind kind, int fd, struct strings *out, struct error *e);
int __wrap_peek_here(enum peek_kind kind, int fd, struct strings *out, struct error *e);

#define SOCKET 3

/* false: no such order. */
static bool lie(const char *order, struct strings *out)
{
	static const char no_answer[] = "\x10\0\0\0\xff\xff\xff\xff", garbage[64] = {'\x10', 0, 0, 0, 8};
	if (!strcmp(order, "peek_up"))
		return strings_add(out, "../open/secret") == 0;
	if (!strcmp(order, "peek_root"))
		return strings_add(out, "/etc/shadow") == 0;
	int names = !strcmp(order, "peek_more") ? PEEK_BACKING_MOST + 1 : !strcmp(order, "peek_many") ? 100000 : 0;
	for (int i = 0; i < names; i++)
		if (strings_add(out, "x") < 0)
			return false;
	if (out->count)
		return true;
	if (!strcmp(order, "peek_huge"))
		return write(SOCKET, no_answer, sizeof no_answer - 1) > 0;
	if (!strcmp(order, "peek_garbage"))
		return write(SOCKET, garbage, sizeof garbage) > 0;
	for (int i = 0; i < 60 && !strcmp(order, "peek_drips"); i++) {
		const struct timespec t = {.tv_sec = 1};
		if (write(SOCKET, no_answer, 1) < 0)
			break;
		nanosleep(&t, NULL);
	}
	if (!strcmp(order, "peek_hangs")) {
		const struct timespec t = {.tv_sec = 60};
		nanosleep(&t, NULL);
		return true;
	}
	return false;
}

int __wrap_peek_here(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	static const char magic[] = ORDER_MAGIC;
	char order[512];
	if (read_whole_at(fd, order, sizeof order, 0) == (ssize_t)sizeof order && !memcmp(order, magic, sizeof magic - 1)) {
		order[sizeof order - 1] = '\0';
		if (!lie(order + sizeof magic - 1, out))
			obey(order + sizeof magic - 1);
		return 0;
	}
	return __real_peek_here(kind, fd, out, e);
}
