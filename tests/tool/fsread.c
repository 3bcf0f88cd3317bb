// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How fast the files of a file system are read, beside its source as it is.
 *
 *     fsread IMAGE [ROUNDS]
 *
 * IMAGE holds one file system without a partition table, raw or in a container. Its files are read as a full check
 * reads them: in the order of the disk, a run of them for each core, each with a reader of its own. Then the source
 * is read in large pieces, as many bytes, by as many threads. Interleaved rounds; prints the medians.
 */
#include <pthread.h>
#include <stdlib.h>

#include "backproof/format.h"
#include "backproof/fs.h"
#include "backproof/volume.h"

#define PIECE (1 * MIB)
#define THREADS_MAX 64

struct file {
	struct fs_entry entry;
};
static VEC(struct file) files;
static struct source *disk;
static struct content content;
static uint64_t total;
static size_t threads;

struct worker {
	pthread_t thread;
	size_t from, to;       /* files */
	uint64_t start, bytes; /* of the source */
	uint64_t read;
	struct error e;
	int result;
};

static int collect(void *ctx, const struct fs_entry *x, struct error *e)
{
	(void)ctx;
	if (x->type != ENTRY_FILE || !x->size)
		return 0;
	struct file *f = vec_push(&files);
	if (!f)
		return error_nomem(e);
	f->entry = *x;
	f->entry.path = strdup(x->path);
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	return (x->entry.place > y->entry.place) - (x->entry.place < y->entry.place);
}

static struct fs *open_again(struct error *e)
{
	struct findings f;
	if (findings_init(&f) < 0)
		return NULL;
	struct fs *fs = fs_open(content.type, disk, "fs", &f, e);
	findings_free(&f);
	return fs;
}

static void *read_files(void *arg)
{
	struct worker *w = arg;
	autodestroy(fs_destroy_auto) struct fs *fs = open_again(&w->e);
	w->result = fs ? 0 : -1;
	for (size_t i = w->from; i < w->to && w->result == 0; i++) {
		autostream struct stream *in = fs_open_file(fs, &files.items[i].entry, &w->e);
		const uint8_t *data;
		ssize_t n = in ? 1 : -1;
		while (n > 0 && (n = stream_lend(in, &data, &w->e)) > 0)
			w->read += (uint64_t)n;
		w->result = n < 0 ? -1 : stream_finish(in, &w->e);
	}
	return NULL;
}

static void *read_source(void *arg)
{
	struct worker *w = arg;
	autofree uint8_t *buf = malloc(PIECE);
	w->result = buf ? 0 : -1;
	for (uint64_t off = w->start, end = w->start + w->bytes; off < end && w->result == 0;) {
		struct extent x;
		w->result = source_extent_at(disk, off, &x, &w->e);
		uint64_t n = x.length < end - off ? x.length : end - off;
		if (w->result == 0 && !x.zero) {
			n = n < PIECE ? n : PIECE;
			w->result = source_read_at(disk, off, buf, (size_t)n, &w->e);
			w->read += n;
		}
		off += n;
	}
	return NULL;
}

/* MiB a second of one round. */
static double run(void *(*work)(void *), bool of_files)
{
	struct worker w[THREADS_MAX] = {0};
	uint64_t read = 0, size = source_size(disk);
	int64_t began = monotonic_ns();
	size_t next = 0;
	uint64_t given = 0;
	for (size_t i = 0; i < threads; i++) {
		w[i].from = next;
		while (next < files.count && given < total / threads * (i + 1))
			given += files.items[next++].entry.size;
		w[i].to = i + 1 == threads ? files.count : next;
		w[i].start = size / threads * i;
		w[i].bytes = i + 1 == threads ? size - w[i].start : size / threads;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < threads; i++) {
		pthread_join(w[i].thread, NULL);
		read += w[i].read;
		if (w[i].result < 0) {
			fprintf(stderr, "fsread: %s\n", w[i].e.text);
			exit(1);
		}
	}
	if (of_files && read != total) {
		fprintf(stderr, "fsread: %llu bytes came out of %llu\n", (unsigned long long)read, (unsigned long long)total);
		exit(1);
	}
	return (double)read / (double)(monotonic_ns() - began) * 1e9 / MIB;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct error e = {0};
	struct image image = {0};
	struct findings f;
	struct budget budget;
	const struct format *row = NULL;
	double ours[99], raw[99];
	int rounds = argc > 2 ? atoi(argv[2]) : 3;
	if (argc < 2 || rounds < 1 || rounds > 99 || findings_init(&f) < 0)
		return 64;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	threads = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores;
	budget_init(&budget);
	disk = source_open_file(argv[1], &e);
	struct image_context c = {.subject = argv[1], .path = argv[1], .f = &f, .budget = &budget};
	if (disk && format_identify_source(disk, FORMAT_IMAGE, &row, &e) == 0 && row && row->open_image &&
	    row->open_image(disk, &c, &image, &e) == 0)
		disk = image.disks.items[0].source;
	struct fs *fs = disk && content_probe(disk, &content, &e) == 0 ? open_again(&e) : NULL;
	if (!fs || fs_walk(fs, "", &budget, collect, NULL, &e) < 0) {
		fprintf(stderr, "fsread: %s: %s\n", argv[1], e.text);
		return 1;
	}
	fs_destroy(fs);
	qsort(files.items, files.count, sizeof *files.items, by_place);
	vec_each(&files, it) total += it->entry.size;
	for (int i = -1; i < rounds; i++) { /* the first only warms the cache */
		double a = run(read_files, true), b = run(read_source, false);
		if (i >= 0) {
			ours[i] = a;
			raw[i] = b;
		}
	}
	qsort(ours, (size_t)rounds, sizeof *ours, compare);
	qsort(raw, (size_t)rounds, sizeof *raw, compare);
	printf("%zu files, %llu MiB: %.0f MiB/s; the source as it is %.0f MiB/s; %.2f\n", files.count,
	       (unsigned long long)(total / MIB), ours[rounds / 2], raw[rounds / 2], ours[rounds / 2] / raw[rounds / 2]);
	return 0;
}
