// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is cached is asked of the kernel a granule at a time, before the granule is first read: a sample of a large
 * image asks for little, and nothing is asked twice. Asking must cost next to nothing where all is cached, so one page
 * is asked about first; only where that is missing the others are counted (cachestat, or mincore before Linux 6.5).
 * Both know a map that was never touched: nothing is read through it, and a failing disk can't kill us.
 */
#include "backproof/footprint.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "backproof/budget.h"
#include "system.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

#define GRANULE (2 * MIB)
#define GRANULES_MAX (16 * MIB) /* of larger files the granules are larger */
#define AHEAD 8			/* granules: where they are read in their order, so many are asked about at once */
#define PAGE UINT64_C(4096)	/* the smallest there is */

enum state {
	STATE_UNKNOWN,
	STATE_OTHERS, /* some of it was there */
	STATE_ABSENT, /* nothing of it was, or it has been dropped */
	STATE_OURS,   /* nothing of it was, and it is read, or may be read ahead */
};

struct footprint {
	int fd;
	uint64_t size, granule, count;
	uint64_t reach; /* granules behind the one that is read, into which the kernel may read ahead */
	bool told;	/* by mincore */
	_Atomic uint8_t *states;
	_Atomic uint64_t hand; /* where to go on dropping */
	_Atomic uint64_t ours; /* granules */
};

/* What all footprints hold, and may. */
static _Atomic uint64_t held;
static _Atomic uint64_t most;
static pthread_once_t most_once = PTHREAD_ONCE_INIT;

static void set_most(void)
{
	most = memory_available() / 8;
}

void footprint_limit(uint64_t bytes)
{
	pthread_once(&most_once, set_most);
	most = bytes;
}

static bool may_do_as_owner(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & 1u << CAP_FOWNER);
}

/* The kernel tells the owner of a file and who may write it; to others it says that all is cached. */
static bool is_told(int fd, const struct stat *st)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return st->st_uid == geteuid() || may_do_as_owner() || faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/*
 * Bytes. Of a reader who says that he reads one after the other, twice of what is set is read ahead; and the next such
 * piece is begun when he comes to the beginning of this one.
 */
static uint64_t read_ahead_of(dev_t device)
{
	static const char *const places[] = {"/sys/class/bdi/%u:%u/read_ahead_kb",
					     "/sys/dev/block/%u:%u/queue/read_ahead_kb",
					     "/sys/dev/block/%u:%u/../queue/read_ahead_kb"};
	char path[96];
	uint64_t kib = 4096; /* btrfs, which has no device of its own */
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof path, places[i], major(device), minor(device));
		if (system_number(path, "", &kib) == 0)
			break;
	}
	return 4 * (kib < MIB ? kib : MIB) * KIB;
}

int footprint_open(int fd, const struct stat *st, struct footprint **out, struct error *e)
{
	*out = NULL;
	if (!S_ISREG(st->st_mode) || st->st_size <= 0)
		return 0;
	struct footprint *f = calloc(1, sizeof *f);
	if (!f)
		return error_nomem(e);
	pthread_once(&most_once, set_most);
	f->fd = fd;
	f->size = (uint64_t)st->st_size;
	for (f->granule = GRANULE; f->size / f->granule >= GRANULES_MAX;)
		f->granule *= 2;
	f->count = (f->size - 1) / f->granule + 1;
	f->reach = f->count > 1 ? (read_ahead_of(st->st_dev) - 1) / f->granule + 1 : 0;
	f->told = is_told(fd, st);
	/* Most of it is never touched when little is read. */
	void *states = mmap(NULL, f->count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (states == MAP_FAILED) {
		free(f);
		return error_nomem(e);
	}
	f->states = states;
	*out = f;
	return 0;
}

/* 1: some of it is cached, 0: nothing is, -1: the kernel does not say. */
static int count_cached(const struct footprint *f, uint64_t off, uint64_t len)
{
	struct {
		uint64_t off, len;
	} range = {off, len};
	struct {
		uint64_t cached, dirty, written, evicted, lately;
	} told = {0};
	if (syscall(SYS_cachestat, f->fd, &range, &told, 0u) < 0)
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

static enum state look_at_one(const struct footprint *f, uint64_t index, uint8_t *map)
{
	uint64_t off = index * f->granule, len = f->size - off < f->granule ? f->size - off : f->granule;
	if (map && look_at_map(map, 1) > 0)
		return STATE_OTHERS;
	int rc = count_cached(f, off, len);
	if (rc < 0 && map)
		rc = look_at_map(map, len);
	return rc > 0 ? STATE_OTHERS : STATE_ABSENT;
}

/* What others have brought in is told from what we did by being asked about before we read: who asks first counts. */
static void look_at(struct footprint *f, uint64_t first, uint64_t end)
{
	uint64_t off = first * f->granule, len = (end * f->granule < f->size ? end * f->granule : f->size) - off;
	uint8_t *map = f->told ? mmap(NULL, len, PROT_NONE, MAP_SHARED | MAP_NORESERVE, f->fd, (off_t)off) : MAP_FAILED;
	for (uint64_t i = first; i < end; i++) {
		uint8_t unknown = STATE_UNKNOWN;
		if (f->states[i] != STATE_UNKNOWN)
			continue;
		uint8_t state = look_at_one(f, i, map == MAP_FAILED ? NULL : map + (i - first) * f->granule);
		atomic_compare_exchange_strong(&f->states[i], &unknown, state);
	}
	if (map != MAP_FAILED)
		munmap(map, len);
}

/* Drops granules first .. end, which have been given up as ours. */
static void drop(struct footprint *f, uint64_t first, uint64_t end)
{
	if (first == end)
		return;
	held -= (end - first) * f->granule;
	f->ours -= end - first;
	(void)posix_fadvise(f->fd, (off_t)(first * f->granule), (off_t)((end - first) * f->granule),
			    POSIX_FADV_DONTNEED);
}

static bool give_up(struct footprint *f, uint64_t index)
{
	uint8_t ours = STATE_OURS;
	return atomic_compare_exchange_strong(&f->states[index], &ours, STATE_ABSENT);
}

/* One of ours that comes first behind the one that went last. Not the present one. */
static void drop_oldest(struct footprint *f, uint64_t present)
{
	for (uint64_t n = 0; n < f->count && f->ours > 1; n++) {
		uint64_t i = f->hand++ % f->count;
		if (i != present && give_up(f, i)) {
			drop(f, i, i + 1);
			return;
		}
	}
}

void footprint_before(struct footprint *f, uint64_t off, uint64_t len)
{
	if (!f || !len || off >= f->size)
		return;
	uint64_t first = off / f->granule, last = ((len > f->size - off ? f->size : off + len) - 1) / f->granule;
	uint64_t end = f->count - 1 - last <= f->reach ? f->count : last + 1 + f->reach;
	for (uint64_t i = first; i < end; i++) {
		uint8_t absent = STATE_ABSENT;
		if (f->states[i] == STATE_UNKNOWN) {
			/* The one that is read was asked about when others before it were. */
			uint64_t more = i > first ? AHEAD : 0;
			look_at(f, i, f->count - end < more ? f->count : end + more);
		}
		if (f->states[i] != STATE_ABSENT || !atomic_compare_exchange_strong(&f->states[i], &absent, STATE_OURS))
			continue;
		f->ours++;
		held += f->granule;
		if (most && held > most)
			drop_oldest(f, i);
	}
}

void footprint_close(struct footprint *f)
{
	if (!f)
		return;
	uint64_t first = 0, i;
	for (i = 0; i < f->count; i++)
		if (!give_up(f, i)) {
			drop(f, first, i);
			first = i + 1;
		}
	drop(f, first, i);
	munmap((void *)f->states, f->count);
	free(f);
}
