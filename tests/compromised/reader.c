// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A reader that has been taken over. This object is linked into build/backproof-compromised, which is the program
 * otherwise: it stands before the function that asks what a disk holds (-Wl,--wrap=content_probe), deep below the reading
 * of a backup, and does there what the backup tells it to, with all that a reader has: its memory, its descriptors, its
 * socket to the gate. A backup tells by its first bytes, which file systems leave to boot loaders:
 *
 *     backproof-exploit NAME ARGUMENT\0
 *
 * An attempt that got what it wanted ends the reader with 77, one that was refused with 66; the gate tells both. One that
 * lies to the gate does not end it.
 */
#include "attempt.h"

#include <errno.h>
#include <fcntl.h>

#include "backproof/volume.h"

int __real_content_probe(struct source *src, struct content *out, struct error *e);
int __wrap_content_probe(struct source *src, struct content *out, struct error *e);

static const struct attempt *const lists[] = {attempts_break_out, attempts_lie, attempts_restore};

void obey(char *order)
{
	char *argument = strchr(order, ' ');
	if (argument)
		*argument++ = '\0';
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
		for (const struct attempt *a = lists[l]; a->name; a++)
			if (!strcmp(a->name, order)) {
				errno = 0;
				_exit(a->run(argument ? argument : "") ? ATTEMPT_WORKED : ATTEMPT_REFUSED);
			}
	_exit(ATTEMPT_UNKNOWN);
}

int __wrap_content_probe(struct source *src, struct content *out, struct error *e)
{
	static const char magic[] = ORDER_MAGIC;
	char order[512];
	struct error ignored;
	uint64_t size = source_size(src);
	if (size >= sizeof order && source_read_at(src, 0, order, sizeof order, &ignored) == 0 &&
	    !memcmp(order, magic, sizeof magic - 1)) {
		order[sizeof order - 1] = '\0';
		if (!seal_lie(order + sizeof magic - 1))
			obey(order + sizeof magic - 1);
	}
	return __real_content_probe(src, out, e);
}
