// SPDX-License-Identifier: GPL-3.0-or-later
/* Hostile files for every witness: an answer, with a reason unless it is HELD, and the same one twice. */
#include <sys/mman.h>

#include "backproof/witness.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A name that each row accepts, in the order of the registry. */
	static const char *const names[] = {"boot/initrd.img", "a.gz",	"a.xz",	 "a.zst",
					    "a.bz2",	       "a.lz4", "a.zip", "a.png",
					    "a.db", "Windows/System32/a.dll", "a",   "a.edb", "a.mdf",
					    "boot/vmlinuz-6.1.0-13-amd64"};
	size_t count;
	const struct witness *const *rows = witness_rows(&count);
	if (count != ARRAY_SIZE(names))
		abort();
	for (size_t i = 0; i < count; i++) {
		enum outcome o[2];
		if (!rows[i]->recognise(names[i], data, size < 512 ? size : 512))
			continue;
		int fd = memfd_create("fuzz", MFD_CLOEXEC);
		if (fd < 0 || write(fd, data, size) != (ssize_t)size)
			abort();
		for (int k = 0; k < 2; k++) {
			struct error e = {.cls = ERROR_NONE};
			o[k] = rows[i]->check(fd, size, names[i], &e);
			if ((o[k] != OUTCOME_HELD && o[k] != OUTCOME_BROKEN && o[k] != OUTCOME_SKIPPED) ||
			    (o[k] != OUTCOME_HELD && !e.text[0])) {
				fprintf(stderr, "%s: %s (%s)\n", rows[i]->name, outcome_name(o[k]), e.text);
				abort();
			}
		}
		if (o[0] != o[1])
			abort();
		close(fd);
	}
	return 0;
}

MUTATE_MAIN(5000, "fixtures/witness/*[!h]", "fixtures/windows/edb/*", "fixtures/windows/pe/*")
