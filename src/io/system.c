// SPDX-License-Identifier: GPL-3.0-or-later
#include "system.h"

#include <stdio.h>

#include "backproof/budget.h"

int system_number(const char *path, const char *key, uint64_t *out)
{
	char line[256];
	size_t skip = strlen(key);
	int rc = -1;
	FILE *in = fopen(path, "re");
	if (!in)
		return -1;
	while (rc < 0 && fgets(line, sizeof line, in)) {
		unsigned long long n;
		if (strncmp(line, key, skip))
			continue;
		if (sscanf(line + skip, "%llu", &n) != 1)
			break;
		*out = n;
		rc = 0;
	}
	fclose(in);
	return rc;
}

uint64_t memory_available(void)
{
	char line[4096] = "", path[4200];
	uint64_t free_kib, limit, used, all = 0;
	if (system_number("/proc/meminfo", "MemAvailable:", &free_kib) == 0)
		all = free_kib * KIB;
	/* "0::/system.slice/backup.service": version 2; limits of the groups above it are theirs to keep. */
	FILE *in = fopen("/proc/self/cgroup", "re");
	while (in && fgets(line, sizeof line, in) && strncmp(line, "0::", 3))
		line[0] = '\0';
	if (in)
		fclose(in);
	if (strncmp(line, "0::/", 4))
		return all;
	line[strcspn(line, "\n")] = '\0';
	snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
	if (system_number(path, "", &limit) < 0)
		return all; /* "max", or not there */
	snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.current", line + 3);
	/* What it has in the page cache counts as used, and can be had all the same. */
	if (system_number(path, "", &used) == 0 && used < limit / 2)
		limit -= used;
	else
		limit /= 2;
	return !all || limit < all ? limit : all;
}
