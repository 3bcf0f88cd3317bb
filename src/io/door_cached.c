// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What of a file is in the page cache. Asking must cost next to nothing where all is, so one page is asked about first;
 * only where that is missing the others are counted (cachestat, or mincore before Linux 6.5). Both know a map that was
 * never touched: nothing is read through it, and a failing disk can't kill us.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "door.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

#define PAGE UINT64_C(4096) /* the smallest there is */

static bool may_do_as_owner(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & 1u << CAP_FOWNER);
}

/* The kernel tells the owner of a file and who may write it; to others mincore says that all is cached. */
static bool is_told(int fd, const struct stat *st)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return st->st_uid == geteuid() || may_do_as_owner() || faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/* 1: some of it is cached, 0: nothing is, -1: the kernel does not say. */
static int count_cached(int fd, uint64_t off, uint64_t len)
{
	struct {
		uint64_t off, len;
	} range = {off, len};
	struct {
		uint64_t cached, dirty, written, evicted, lately;
	} told = {0};
	if (syscall(SYS_cachestat, fd, &range, &told, 0u) < 0)
		return -1;
	return told.cached > 0;
}

/* The same of len bytes that are mapped at map. */
static int look_at_map(uint8_t *map, uint64_t len)
{
	unsigned char pages[512];
	for (uint64_t at = 0; at < len; at += sizeof pages * PAGE) {
		uint64_t n = len - at < sizeof pages * PAGE ? len - at : sizeof pages * PAGE;
		memset(pages, 0, (n + PAGE - 1) / PAGE);
		if (mincore(map + at, n, pages) < 0)
			return -1;
		for (size_t i = 0; i * PAGE < n; i++)
			if (pages[i] & 1)
				return 1;
	}
	return 0;
}

static uint8_t look_at_one(int fd, uint64_t off, uint64_t len, uint8_t *map)
{
	if (map && look_at_map(map, 1) > 0)
		return 1;
	int rc = count_cached(fd, off, len);
	if (rc < 0 && map)
		rc = look_at_map(map, len);
	return rc > 0;
}

void door_look_cached(int fd, uint64_t off, uint64_t granule, size_t count, uint8_t *out)
{
	struct stat st;
	memset(out, 0, count);
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || off >= (uint64_t)st.st_size)
		return;
	uint64_t left = (uint64_t)st.st_size - off, all = left / granule < count ? left : count * granule;
	void *map = is_told(fd, &st) ? mmap(NULL, all, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, (off_t)off)
				     : MAP_FAILED;
	for (size_t i = 0; i < count && i * granule < all; i++) {
		uint64_t at = i * granule, len = all - at < granule ? all - at : granule;
		out[i] = look_at_one(fd, off + at, len, map == MAP_FAILED ? NULL : (uint8_t *)map + at);
	}
	if (map != MAP_FAILED)
		munmap(map, all);
}
