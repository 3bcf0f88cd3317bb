// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is cached is asked of the kernel a granule at a time, before the granule is first read: a sample of a large
 * image asks for little, and nothing is asked twice.
 */
#include "backproof/footprint.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "backproof/budget.h"
#include "backproof/door.h"
#include "system.h"

#define GRANULE (2 * MIB)
#define GRANULES_MAX (16 * MIB) /* of larger files the granules are larger */
#define AHEAD 8			/* granules: where they are read in their order, so many are asked about at once */
#define LOOK_MOST 64		/* granules that are asked about in one question */

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
	_Atomic uint8_t *states;
	_Atomic uint64_t hand; /* where to go on dropping */
	_Atomic uint64_t ours; /* granules */
};

/* What all footprints hold, and may. */
static _Atomic uint64_t held;
static _Atomic uint64_t most;
static pthread_once_t most_once = PTHREAD_ONCE_INIT;

/* Where the kernel's own files can't be read any more. */
static uint64_t assumed;

void footprint_assume_ahead(uint64_t bytes)
{
	assumed = bytes;
}

static void set_most(void)
{
	most = memory_available() / 8;
}

void footprint_limit(uint64_t bytes)
{
	pthread_once(&most_once, set_most);
	most = bytes;
}

/*
 * Bytes. Of a reader who says that he reads one after the other, twice of what is set is read ahead; and the next such
 * piece is begun when he comes to the beginning of this one.
 */
uint64_t footprint_ahead(dev_t device)
{
	static const char *const places[] = {"/sys/class/bdi/%u:%u/read_ahead_kb",
					     "/sys/dev/block/%u:%u/queue/read_ahead_kb",
					     "/sys/dev/block/%u:%u/../queue/read_ahead_kb"};
	char path[96];
	if (assumed)
		return assumed;
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
	f->reach = f->count > 1 ? (footprint_ahead(st->st_dev) - 1) / f->granule + 1 : 0;
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

/* What others have brought in is told from what we did by being asked about before we read: who asks first counts. */
static void look_at(struct footprint *f, uint64_t first, uint64_t end)
{
	uint8_t cached[LOOK_MOST];
	for (uint64_t i = first; i < end;) {
		size_t count = end - i < LOOK_MOST ? (size_t)(end - i) : LOOK_MOST;
		door_cached(f->fd, i * f->granule, f->granule, count, cached);
		for (size_t k = 0; k < count; k++, i++) {
			uint8_t unknown = STATE_UNKNOWN;
			atomic_compare_exchange_strong(&f->states[i], &unknown,
						       cached[k] ? STATE_OTHERS : STATE_ABSENT);
		}
	}
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
