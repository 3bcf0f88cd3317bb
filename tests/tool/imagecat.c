// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Writes a disk of an image, for tests that compare with other tools.
 *
 *     imagecat [-n DISK] [-o FILE] [-c] [-i] IMAGE [COMPANION...]
 *
 * -n: which disk, from 0 on. -o: into a file, zeros left as holes; else to standard output. -c: the format's own
 * checksums are verified too. -i: only lists the disks. Companions are found by the last part of their name, as the
 * program does. Findings go to standard error. 0: all of the disk was read, and nothing was found that is not HELD
 * or SKIPPED; 1: it was read, and something was found; 2: it could not be read.
 */
#include <fcntl.h>

#include "backproof/format.h"

#define CHUNK (4 * MIB)

struct opened {
	const char *path;
	struct source *source;
	struct image image;
	bool is_open, opening, raw;
};

static struct opened *files;
static size_t file_count;
static struct findings findings;
static struct budget budget;
static struct companions companions;

static struct source *bytes_of(struct opened *o, struct error *e)
{
	if (!o->source)
		o->source = source_open_file(o->path, e);
	return o->source;
}

static const struct image *image_of(struct opened *o, bool raw, struct error *e)
{
	const struct format *format = NULL;
	if (o->is_open && o->raw == raw)
		return &o->image;
	if (o->opening || o->is_open) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s leads back to itself", o->path);
		return NULL;
	}
	struct source *src = bytes_of(o, e);
	if (!src || (!raw && format_identify_source(src, FORMAT_IMAGE, &format, e) < 0))
		return NULL;
	struct image_context c = {o->path, o->path, &findings, &companions, &budget};
	o->opening = true;
	int rc = 0;
	if (format && !format->open_image)
		rc = error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s: no reader", format->name);
	else if (format)
		rc = format->open_image(src, &c, &o->image, e);
	else if (!(rc = image_add_disk(&o->image, NULL, src, e)))
		o->image.disks.items[0].borrowed = true;
	o->image.format = format;
	o->opening = false;
	if (rc < 0) {
		image_close(&o->image);
		return NULL;
	}
	o->is_open = true;
	o->raw = raw;
	return &o->image;
}

static struct opened *find(const char *name, struct error *e)
{
	const char *base = companion_base(name);
	for (size_t i = 0; i < file_count; i++)
		if (!strcmp(companion_base(files[i].path), base))
			return &files[i];
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "it needs %s, which is not there", base);
	return NULL;
}

static struct source *companion_bytes_of(void *ctx, const char *name, struct error *e)
{
	struct opened *o = find(name, e);
	(void)ctx;
	return o ? bytes_of(o, e) : NULL;
}

static const struct image *companion_image_of(void *ctx, const char *name, bool raw, struct error *e)
{
	struct opened *o = find(name, e);
	(void)ctx;
	return o ? image_of(o, raw, e) : NULL;
}

static int put(int fd, const uint8_t *p, size_t len, struct error *e)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0)
			return error_sys(e, "writing");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put_zeros(int fd, uint64_t len, struct error *e)
{
	static const uint8_t zeros[64 * KIB];
	for (; len; len -= len < sizeof zeros ? len : sizeof zeros)
		if (put(fd, zeros, len < sizeof zeros ? (size_t)len : sizeof zeros, e) < 0)
			return -1;
	return 0;
}

static int copy(struct source *s, int fd, bool holes, struct error *e)
{
	uint64_t size = source_size(s);
	autofree uint8_t *buf = malloc(CHUNK);
	if (!buf)
		return error_nomem(e);
	for (uint64_t at = 0; at < size;) {
		struct extent x;
		if (source_extent_at(s, at, &x, e) < 0)
			return -1;
		if (!x.zero && x.length > CHUNK)
			x.length = CHUNK;
		if (x.zero && holes) {
			if (lseek(fd, (off_t)x.length, SEEK_CUR) < 0)
				return error_sys(e, "seeking");
		} else if (x.zero) {
			if (put_zeros(fd, x.length, e) < 0)
				return -1;
		} else if (source_read_at(s, at, buf, (size_t)x.length, e) < 0 ||
			   put(fd, buf, (size_t)x.length, e) < 0) {
			return -1;
		}
		at += x.length;
	}
	return holes && ftruncate(fd, (off_t)size) < 0 ? error_sys(e, "truncating") : 0;
}

static bool tell(void)
{
	bool bad = findings.lost;
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *it = &findings.items[i];
		bad |= it->outcome != OUTCOME_HELD && it->outcome != OUTCOME_SKIPPED;
		fprintf(stderr, "%s %s %s: %s\n", outcome_name(it->outcome), it->check, it->subject,
			it->detail ? it->detail : "");
	}
	return bad;
}

static int run(size_t disk, const char *to, bool check, bool list, struct error *e)
{
	const struct image *im = image_of(&files[0], false, e);
	if (!im)
		return -1;
	if (list) {
		for (size_t i = 0; i < im->disks.count; i++)
			printf("%zu %llu %s\n", i, (unsigned long long)source_size(im->disks.items[i].source),
			       im->disks.items[i].name ? im->disks.items[i].name : "-");
		for (size_t i = 0; i < im->notes.count; i++)
			printf("note %zu %s\n", im->notes.items[i].length, im->notes.items[i].name);
		printf("id %s\nparent %s\nmade %lld\nhost %s\n", im->id, im->parent, (long long)im->made, im->host);
		return 0;
	}
	bool covered = false;
	if (check && im->ops && im->ops->verify &&
	    im->ops->verify(&files[0].image, files[0].path, &findings, &budget, &covered, e) < 0)
		return -1;
	if (check)
		fprintf(stderr, "covered %d\n", covered);
	if (disk >= im->disks.count)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "there are %zu disks", im->disks.count);
	autoclose int fd = to ? open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : dup(STDOUT_FILENO);
	if (fd < 0)
		return error_sys(e, "%s", to ? to : "standard output");
	return copy(im->disks.items[disk].source, fd, to != NULL, e);
}

int main(int argc, char **argv)
{
	struct error e = {0};
	const char *to = NULL;
	bool check = false, list = false;
	size_t disk = 0;
	for (int o; (o = getopt(argc, argv, "n:o:ci")) != -1;) {
		if (o == 'n')
			disk = strtoul(optarg, NULL, 10);
		else if (o == 'o')
			to = optarg;
		else if (o == 'c')
			check = true;
		else if (o == 'i')
			list = true;
		else
			return 64;
	}
	file_count = (size_t)(argc - optind);
	files = calloc(file_count + 1, sizeof *files);
	if (!file_count || !files || findings_init(&findings) < 0)
		return 64;
	budget_init(&budget);
	companions = (struct companions){NULL, companion_bytes_of, companion_image_of};
	for (size_t i = 0; i < file_count; i++)
		files[i].path = argv[optind + (int)i];
	int rc = run(disk, to, check, list, &e);
	bool bad = tell();
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", error_class_name(e.cls), e.text);
	/* A child before its parents: it reads from them. */
	for (size_t i = 0; i < file_count; i++)
		image_close(&files[i].image);
	for (size_t i = 0; i < file_count; i++)
		source_destroy(files[i].source);
	findings_free(&findings);
	free(files);
	return rc < 0 ? 2 : bad;
}
