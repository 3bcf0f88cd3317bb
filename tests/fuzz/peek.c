// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is looked into before there is a restore point, of each kind: looking ends, and what is said has no name in it that
 * leads elsewhere, or it is refused with a reason.
 */
#include <sys/mman.h>

#include "backproof/peek.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	if (fd < 0)
		fd = memfd_create("peek", MFD_CLOEXEC);
	NEED(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	for (int kind = 0; kind < PEEK_KINDS; kind++) {
		struct strings out = {0};
		struct error e = {0};
		int rc = peek((enum peek_kind)kind, fd, &out, &e);
		NEED(rc == 0 || (!out.count && e.cls != ERROR_NONE && e.cls != ERROR_INTERNAL && *e.text));
		for (size_t i = kind == PEEK_DOMAIN ? 1 : 0; i < out.count; i++) {
			const char *name = out.items[i] + (kind == PEEK_EXPORT); /* behind its letter */
			NEED(kind == PEEK_LOG || kind == PEEK_NOTES || (!strchr(name, '/') && strcmp(name, "..")));
		}
		strings_free(&out);
	}
	return 0;
}

MUTATE_MAIN(3000, "fixtures/qcow2/*.qcow2")
