// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader was given, when it has ended: whether it is what it was, and whether that much of it was read. */
#include "reader_keeper.h"

#include <errno.h>

bool reader_keeper_fits(const struct reader_keeper *k, size_t index, uint64_t size)
{
	bool fits = false;
	vec_each(&k->files, it) if (it->index == index)
		fits = !S_ISREG(it->st.st_mode) || (uint64_t)it->st.st_size == size;
	return fits;
}

/* Bytes that are no holes. */
static uint64_t data_of(const struct kept *it)
{
	uint64_t sum = 0;
	off_t end = it->st.st_size;
	for (off_t at = 0; at < end;) {
		off_t data = lseek(it->fd, at, SEEK_DATA), hole = data < 0 ? -1 : lseek(it->fd, data, SEEK_HOLE);
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0 || hole <= data)
			return (uint64_t)end;
		sum += (uint64_t)((hole < end ? hole : end) - data);
		at = hole;
	}
	return sum;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static int judge_file(const struct kept *it, const char *path, struct error *e)
{
	struct stat now;
	if (!S_ISREG(it->st.st_mode))
		return 0;
	if (stat(path, &now) < 0)
		return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s: was removed or renamed while it was read", path);
	if (now.st_dev == it->st.st_dev && now.st_ino == it->st.st_ino && now.st_size == it->st.st_size &&
	    same_time(now.st_mtim, it->st.st_mtim) && same_time(now.st_ctim, it->st.st_ctim))
		return 0;
	return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s: was changed while it was read", path);
}

int reader_keeper_judge(struct reader_keeper *k, const struct restore_point *point, const struct reader_file *files,
			uint64_t kernel_bytes, struct error *e)
{
	uint64_t least = 0, exact = 0;
	autofree bool *seen = calloc(point->count + 1, sizeof *seen);
	if (!seen)
		return error_nomem(e);
	vec_each(&k->files, it)
	{
		if (it->index == SIZE_MAX)
			continue;
		if (judge_file(it, point->items[it->index].path, e) < 0)
			return -1;
		if (seen[it->index] || !files[it->index].read_whole || !S_ISREG(it->st.st_mode))
			continue;
		uint64_t blocks = (uint64_t)it->st.st_blocks * 512, size = (uint64_t)it->st.st_size;
		seen[it->index] = true;
		least += blocks < size ? blocks : size;
	}
	for (size_t i = 0; i < point->count; i++)
		if (files[i].read_whole && !seen[i] && point->items[i].size)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "it says that it has read %s, and has never asked for it",
					 point->items[i].path);
	if (kernel_bytes >= least)
		return 0;
	/* Blocks that were reserved and never written read as holes. */
	memset(seen, 0, point->count * sizeof *seen);
	vec_each(&k->files, it)
	{
		if (it->index == SIZE_MAX || seen[it->index] || !files[it->index].read_whole ||
		    !S_ISREG(it->st.st_mode))
			continue;
		seen[it->index] = true;
		exact += data_of(it);
	}
	return kernel_bytes >= exact ? 0
				     : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
						 "it says that it has read %llu bytes, and the kernel gave it %llu",
						 (unsigned long long)exact, (unsigned long long)kernel_bytes);
}
