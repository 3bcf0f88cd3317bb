// SPDX-License-Identifier: GPL-3.0-or-later
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "backproof/budget.h"

#define MEMINFO "/proc/meminfo"

/* What a confined process may not open any more it has kept open. */
static int meminfo = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of its offset; for others it does no harm */
static uint64_t group_room; /* what memory_available said of the control group; 0: nothing */
static bool kept;

static int number_in(char *text, const char *key, uint64_t *out)
{
	size_t skip = strlen(key);
	char *state = NULL;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		unsigned long long n;
		if (strncmp(line, key, skip))
			continue;
		if (sscanf(line + skip, "%llu", &n) != 1)
			break;
		*out = n;
		return 0;
	}
	return -1;
}

/* No read of a backup: tests that fail those leave these alone. */
static size_t read_start(int fd, char *to, size_t room)
{
	size_t have = 0;
	ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? 0 : 1;
	while (n && have < room) {
		n = read(fd, to + have, room - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return 0;
		have += (size_t)n;
	}
	return have;
}

int system_number(const char *path, const char *key, uint64_t *out)
{
	char text[8192];
	bool memory = kept && !strcmp(path, MEMINFO);
	autoclose int own = memory ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (!memory && own < 0)
		return -1;
	pthread_mutex_lock(&lock);
	size_t n = read_start(memory ? meminfo : own, text, sizeof text - 1);
	pthread_mutex_unlock(&lock);
	if (!n)
		return -1;
	text[n] = '\0';
	return number_in(text, key, out);
}

/* What the process's control group leaves; 0: it says nothing. */
static uint64_t room_in_group(void)
{
	char line[4096] = "", path[4200];
	uint64_t limit, used;
	/* "0::/system.slice/backup.service": version 2; limits of the groups above it are theirs to keep. */
	FILE *in = fopen("/proc/self/cgroup", "re");
	while (in && fgets(line, sizeof line, in) && strncmp(line, "0::", 3))
		line[0] = '\0';
	if (in)
		fclose(in);
	if (strncmp(line, "0::/", 4))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
	if (system_number(path, "", &limit) < 0)
		return 0; /* "max", or not there */
	snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.current", line + 3);
	/* What it has in the page cache counts as used, and can be had all the same. */
	if (system_number(path, "", &used) == 0 && used < limit / 2)
		limit -= used;
	else
		limit /= 2;
	return limit;
}

uint64_t memory_available(void)
{
	uint64_t free_kib, limit = kept ? group_room : room_in_group(), all = 0;
	if (system_number(MEMINFO, "MemAvailable:", &free_kib) == 0)
		all = free_kib * KIB;
	return limit && (!all || limit < all) ? limit : all;
}

void system_keep(void)
{
	meminfo = open(MEMINFO, O_RDONLY | O_CLOEXEC);
	group_room = room_in_group();
	kept = true;
}
