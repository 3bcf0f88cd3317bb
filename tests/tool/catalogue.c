// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The newest restore point of many hosts, and nothing read of any image: what an audit does before its first check.
 *   catalogue LAYOUT MATCH DIRECTORY PREFIX COUNT      MATCH "-": none; hosts are PREFIX00000 and so on
 * Prints how many of the hosts have a restore point, the bytes of the newest ones, and the peak of its memory.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "backproof/catalog.h"
#include "backproof/gate.h"
#include "backproof/pool.h"

struct all {
	struct catalog_index *index;
	const char *prefix;
	atomic_uint_fast64_t found, bytes, failed;
};

static void one(void *ctx, size_t i)
{
	struct all *a = ctx;
	struct catalog c;
	struct error e;
	char host[128];
	snprintf(host, sizeof host, "%.100s%05zu", a->prefix, i);
	if (catalog_index_newest(a->index, host, 1, &c, &e) < 0) {
		if (!a->failed++)
			fprintf(stderr, "%s: %s\n", host, e.text);
		return;
	}
	a->found += c.count > 0;
	for (size_t k = 0; c.count && k < c.items[0].count; k++)
		a->bytes += c.items[0].items[k].size;
	catalog_free(&c);
}

/* KiB. What getrusage says may be its parent's. */
static unsigned long peak(void)
{
	char line[200];
	unsigned long n = 0;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmHWM: %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	struct error e;
	struct all a = {.prefix = argc == 6 ? argv[4] : ""};
	if (argc != 6) {
		fprintf(stderr, "usage: catalogue LAYOUT MATCH DIRECTORY PREFIX COUNT\n");
		return 64;
	}
	struct repository r = {.name = argv[3], .path = argv[3], .layout = argv[1]};
	r.match = strcmp(argv[2], "-") ? argv[2] : NULL;
	/* As the program does: what lies in files is looked into by a process of its own. */
	gate_readers(getenv("BACKPROOF"));
	a.index = catalog_index_open(&r, NULL, &e);
	if (!a.index) {
		fprintf(stderr, "%s\n", e.text);
		return 20;
	}
	pool_each(strtoul(argv[5], NULL, 10), one, &a);
	catalog_index_destroy(a.index);
	printf("%llu hosts, %llu bytes, %llu failed, peak %lu KiB\n", (unsigned long long)a.found, (unsigned long long)a.bytes,
	       (unsigned long long)a.failed, peak());
	return a.failed ? 20 : 0;
}
