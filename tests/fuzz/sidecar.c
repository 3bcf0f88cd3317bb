// SPDX-License-Identifier: GPL-3.0-or-later
/* Hostile sidecars: whatever is accepted is a digest of a name that leads nowhere else. */
#include "backproof/sidecar.h"
#include "mutate.h"

static int on_line(void *ctx, unsigned line, enum digest_kind kind, const uint8_t *digest,
		   const char *name)
{
	(void)digest;
	size_t *good = ctx;
	size_t n = strlen(name);
	if (!line || kind >= DIGEST_KINDS || !n || !strcmp(name, "..") ||
	    !strncmp(name, "../", 3) || strstr(name, "/../") ||
	    (n > 3 && !strcmp(name + n - 3, "/..")))
		abort();
	++*good;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"SHA256SUMS", "a/disk.img.sha512", "disk.b2", "vm.mf",
					   "disk.img.fsverity", "FSVERITYSUMS"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t good = 0, lines = 1;
		struct error e = {.cls = ERROR_NONE};
		size_t bad = sidecar_parse((const char *)data, size, names[i], on_line, &good, &e);
		for (size_t k = 0; k < size; k++)
			lines += data[k] == '\n';
		if (good + bad > lines || (bad && (!e.text[0] || e.cls == ERROR_NONE)))
			abort();
	}
	return 0;
}

MUTATE_MAIN(8000, "fixtures/sidecar/*[!h]")
