// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader was given, when it has ended: whether it is what it was, and whether that much of it was read. */
#include "reader_keeper.h"

#include <errno.h>

#include "backproof/source.h"

int reader_keeper_fd(const struct reader_keeper *k, size_t index)
{
	vec_each(&k->files, it) if (it->index == index)
		return it->fd;
	return -1;
}

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
		if (S_ISREG(it->st.st_mode) && source_still_at(point->items[it->index].path, &it->st, e) < 0)
			return -1;
		/* One of them that stands at its path is kept once. */
		if (!files[it->index].read_whole || !S_ISREG(it->st.st_mode))
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
	vec_each(&k->files, it)
		if (it->index != SIZE_MAX && files[it->index].read_whole && S_ISREG(it->st.st_mode))
			exact += data_of(it);
	return kernel_bytes >= exact ? 0
				     : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
						 "it says that it has read %llu bytes, and the kernel gave it %llu",
						 (unsigned long long)exact, (unsigned long long)kernel_bytes);
}

void reader_keeper_note(const struct reader_keeper *k, struct host_result *out)
{
	vec_each(&k->files, it)
	{
		struct proved_file *to = it->index < out->files.count ? &out->files.items[it->index] : NULL;
		if (!to || to->is_opened)
			continue;
		to->is_opened = true;
		to->opened = it->st;
	}
}
