// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to stored EWF images, with the Adler-32 of descriptors, tables and chunks made right again for some. What
 * must hold: opening and reading end; what is covered by its digests was read; and where no checksum was mended, it is
 * the content that was stored.
 */
#include <fcntl.h>

#include "backproof/finding.h"
#include "backproof/format.h"
#include "patches.h"

#ifdef HAVE_LIBEWF
extern const struct format image_ewf;

static char dir[64], path[80];

static void leave(void)
{
	unlink(path);
	rmdir(dir);
}

static uint32_t adler(const uint8_t *p, size_t len)
{
	uint32_t a = 1, b = 0;
	for (size_t i = 0; i < len; i++) {
		a = (a + p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

/* By the sections as they are now. */
static void mend(struct patched *p, size_t where)
{
	size_t at = 13;
	for (int n = 0; n < 64 && p->stored >= 76 && at <= p->stored - 76; n++) {
		const uint8_t *s = p->data + at;
		uint64_t next = get_le64(s + 16), size = get_le64(s + 24);
		size_t body = at + 76, len = size > 76 && size - 76 <= p->stored - body ? (size_t)size - 76 : 0;
		if (where >= at && where < body)
			patch_le32(p, at + 72, adler(s, 72));
		if (len && where >= body && where < body + len) {
			if (!memcmp(s, "table", 5) && len >= 24) {
				size_t entries = get_le32(p->data + body), to = body + 24 + 4 * entries;
				patch_le32(p, body + 20, adler(p->data + body, 20));
				if (entries < len / 4 && to + 4 <= body + len)
					patch_le32(p, to, adler(p->data + body + 24, 4 * entries));
			} else if (len > 4) { /* volume, data, digest, hash */
				patch_le32(p, body + len - 4, adler(p->data + body, len - 4));
			}
			return;
		}
		if (next <= at)
			return;
		at = (size_t)next;
	}
}

static struct source *none(void *ctx, const char *name, struct error *e)
{
	(void)ctx;
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not there", companion_base(name));
	return NULL;
}

/* What was stored. */
struct truth {
	uint8_t *data;
	uint64_t size;
};

/* truth: what it is compared with, or where it goes while that is empty. Returns whether it could be read. */
static bool content(const uint8_t *data, size_t size, struct truth *truth, bool *covered, bool *same)
{
	struct companions companions = {NULL, none, NULL};
	struct findings f;
	struct error e = {0};
	struct image im = {0};
	bool first = !truth->data, read = false;
	if (!*dir) {
		snprintf(dir, sizeof dir, "%s/ewf-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
		NEED(mkdtemp(dir));
		snprintf(path, sizeof path, "%s/image.E01", dir);
		atexit(leave);
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	NEED(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	NEED(findings_init(&f) == 0);
	*covered = *same = false;
	autosource struct source *src = source_open_file(path, &e);
	NEED(src);
	struct image_context c = {"image.E01", path, &f, &companions, NULL};
	if (image_ewf.open_image(src, &c, &im, &e) == 0) {
		struct source *d = im.disks.items[0].source;
		static uint8_t buf[1 << 20];
		if (im.ops->verify(&im, "image.E01", &f, NULL, covered, &e) < 0)
			*covered = false;
		read = source_size(d) <= 32 * MIB;
		if (first) {
			truth->size = source_size(d);
			truth->data = malloc(truth->size + 1);
			NEED(truth->data);
		}
		*same = truth->size == source_size(d);
		for (uint64_t at = 0, n; read && at < source_size(d); at += n) {
			n = source_size(d) - at < sizeof buf ? source_size(d) - at : sizeof buf;
			read = source_read_at(d, at, buf, (size_t)n, &e) == 0;
			if (first)
				memcpy(truth->data + at, buf, (size_t)n);
			*same = *same && !memcmp(truth->data + at, buf, (size_t)n);
		}
		if (*covered && !read && source_size(d) <= 32 * MIB)
			abort();
		vec_each(&f, x) *covered &= x->outcome == OUTCOME_HELD || x->outcome == OUTCOME_SKIPPED;
	} else if (e.cls == ERROR_NONE || !e.text[0]) {
		abort();
	}
	image_close(&im);
	findings_free(&f);
	*same = *same && read;
	return read;
}

static void look_at(const struct patched *p)
{
	static struct truth truths[16];
	bool covered, same;
	if (!truths[p->which].data) {
		autofree uint8_t *plain = patch_as_stored(p);
		NEED(content(plain, p->stored, &truths[p->which], &covered, &same) && covered && same);
	}
	content(p->data, p->size, &truths[p->which], &covered, &same);
	if (covered && !p->mended && !same) {
		fprintf(stderr, "%s: covered by its digests, but other content\n", p->path);
		abort();
	}
}
#else
static void mend(struct patched *p, size_t at)
{
	(void)p, (void)at;
}
static void look_at(const struct patched *p)
{
	(void)p;
}
#endif

PATCHES_MAIN(120, "fixtures/third-party/*.E01")
