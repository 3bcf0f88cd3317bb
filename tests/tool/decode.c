// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Drains a compressed file through its codec, in a thread ahead of which its bytes are read, as a check does it,
 * and says how long that took.
 *
 *     decode [-c] FILE...     -c: writes what comes out to standard output
 */
#include <sys/resource.h>
#include <time.h>

#include "backproof/format.h"
#include "backproof/pool.h"

static double seconds(const struct timespec *t)
{
	return (double)t->tv_sec + (double)t->tv_nsec / 1e9;
}

static double cpu(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static int drain(struct stream *s, bool copy, struct error *e)
{
	const uint8_t *data;
	ssize_t n;
	while ((n = stream_lend(s, &data, e)) > 0)
		if (copy && fwrite(data, 1, (size_t)n, stdout) != (size_t)n)
			return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "standard output");
	return n < 0 ? -1 : stream_finish(s, e);
}

static int decode(const char *path, bool copy, struct error *e)
{
	struct codec_info info;
	const struct format *row;
	struct timespec from, to;
	struct rusage before, after;
	autosource struct source *src = source_open_file(path, e);
	if (!src || format_identify_source(src, FORMAT_CODEC, &row, e) < 0)
		return -1;
	if (!row || !row->decode)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "no codec for it");
	clock_gettime(CLOCK_MONOTONIC, &from);
	getrusage(RUSAGE_SELF, &before);
	autostream struct stream *raw = stream_from_source(src, e);
	autostream struct stream *up = raw ? stream_ahead(raw, 20, MIB, e) : NULL;
	if (!up)
		return -1;
	raw = NULL;
	autostream struct stream *s = row->decode(up, &info, e);
	if (!s)
		return -1;
	up = NULL;
	int rc = drain(s, copy, e);
	clock_gettime(CLOCK_MONOTONIC, &to);
	getrusage(RUSAGE_SELF, &after);
	fprintf(stderr, "%s: %.2f s, %.2f s of processors, %llu bytes", path, seconds(&to) - seconds(&from),
		cpu(&after) - cpu(&before), (unsigned long long)stream_offset(s));
	if (rc == 0)
		fprintf(stderr, ", %llu members, %llu unchecked", (unsigned long long)info.members,
			(unsigned long long)info.unchecked);
	fprintf(stderr, ", %u wide, at most %ld MiB\n", pool_width(), after.ru_maxrss / 1024);
	return rc;
}

int main(int argc, char **argv)
{
	bool copy = argc > 1 && !strcmp(argv[1], "-c");
	struct error e = {0};
	int bad = argc < 2 + copy;
	if (bad)
		fprintf(stderr, "usage: decode [-c] FILE...\n");
	for (int i = 1 + copy; i < argc; i++)
		if (decode(argv[i], copy, &e) < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], e.text);
			bad = 1;
		}
	return bad;
}
