// SPDX-License-Identifier: GPL-3.0-or-later
/* Expert Witness images of one and of several segments; every damage is told. */
#include <dirent.h>
#include <sys/stat.h>

#include "backproof/digest.h"
#include "backproof/format.h"
#include "test.h"

extern const struct format image_ewf;

static char dir[200];

struct opened {
	struct findings f;
	struct source *sources[64];
	size_t count;
	struct source *src;
	struct image im;
	struct error e;
	bool ok, covered, read;
	uint8_t *p;
};

static struct source *bytes(void *ctx, const char *name, struct error *e)
{
	struct opened *o = ctx;
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, companion_base(name));
	if (access(path, F_OK) < 0) {
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not there", companion_base(name));
		return NULL;
	}
	NEED(o->count < 64);
	return o->sources[o->count++] = source_open_file(path, e);
}

/* Opens, verifies and reads. */
static void run(struct opened *o, const char *path)
{
	struct companions companions = {o, bytes, NULL};
	const char *base = companion_base(path);
	memset(o, 0, sizeof *o);
	NEED(findings_init(&o->f) == 0);
	o->src = source_open_file(path, &o->e);
	NEED(o->src);
	struct image_context c = {base, path, &o->f, &companions, NULL};
	o->ok = image_ewf.open_image(o->src, &c, &o->im, &o->e) == 0;
	if (!o->ok)
		return;
	struct source *d = o->im.disks.items[0].source;
	NEED(o->im.ops->verify(&o->im, base, &o->f, NULL, &o->covered, &o->e) == 0);
	o->p = malloc(source_size(d));
	NEED(o->p);
	o->read = source_read_at(d, 0, o->p, source_size(d), &o->e) == 0;
}

static void end(struct opened *o)
{
	image_close(&o->im);
	source_destroy(o->src);
	for (size_t i = 0; i < o->count; i++)
		source_destroy(o->sources[i]);
	findings_free(&o->f);
	free(o->p);
}

static bool fine(const struct opened *o)
{
	bool held = o->ok && o->read && o->covered;
	vec_each(&o->f, x)
		held &= x->outcome == OUTCOME_HELD || x->outcome == OUTCOME_SKIPPED;
	return held;
}

static void test_third_party(void)
{
	static const struct {
		const char *path, *label;
	} images[] = {{"fixtures/third-party/ext2.E01", "ext2_test"}, {"fixtures/third-party/image.E01", ""}};
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct opened o;
		run(&o, images[i].path);
		CHECK_STR(o.e.text, "");
		CHECK(fine(&o) && o.p && get_le16(o.p + 1024 + 56) == 0xef53);
		CHECK(o.p && !strncmp((char *)o.p + 1024 + 120, images[i].label, strlen(images[i].label)));
		end(&o);
	}
}

static uint8_t *content(const char *path, size_t *len)
{
	FILE *in = fopen(path, "r");
	NEED(in);
	uint8_t *p = malloc(8 << 20);
	NEED(p);
	*len = fread(p, 1, 8 << 20, in);
	fclose(in);
	return p;
}

static void put(const char *path, const uint8_t *p, size_t len)
{
	remove(path); /* a file that is cut and written again is flushed by some file systems */
	FILE *out = fopen(path, "w");
	NEED(out && fwrite(p, 1, len, out) == len && fclose(out) == 0);
}

/* One byte in many places, and many cuts: it is never fine, unless the content is the same. */
static void damage(const char *first, const char *file, size_t step)
{
	struct opened o;
	size_t len, size;
	uint8_t *p = content(file, &len);
	run(&o, first);
	CHECK(fine(&o));
	NEED(o.ok);
	size = source_size(o.im.disks.items[0].source);
	uint8_t *good = o.p;
	o.p = NULL;
	end(&o);
	for (size_t at = 3; at < len; at += step) {
		p[at] ^= 0x10;
		put(file, p, len);
		p[at] ^= 0x10;
		run(&o, first);
		if (fine(&o))
			CHECK(source_size(o.im.disks.items[0].source) == size && !memcmp(o.p, good, size));
		if (o.ok && o.read && source_size(o.im.disks.items[0].source) == size && memcmp(o.p, good, size)) {
			fprintf(stderr, "%s: byte %zu was given as if it were good\n", file, at);
			CHECK(!"damage was read");
		}
		end(&o);
	}
	for (size_t cut = 0; cut < len; cut += step * 3) {
		put(file, p, cut);
		run(&o, first);
		CHECK(!o.ok && (o.e.cls == ERROR_CORRUPT || o.e.cls == ERROR_UNSUPPORTED));
		end(&o);
	}
	put(file, p, len);
	free(p);
	free(good);
}

static char *in_dir(const char *name)
{
	static char path[4][512];
	static int i;
	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
	return path[i];
}

static void test_damage(void)
{
	size_t len;
	uint8_t *p = content("fixtures/third-party/image.E01", &len);
	put(in_dir("a.E01"), p, len);
	free(p);
	damage(in_dir("a.E01"), in_dir("a.E01"), 29);
}

static void test_segments(void)
{
	char command[1000];
	size_t len;
	struct opened o;
	snprintf(command, sizeof command,
		 "cd '%s' && head -c 3500000 /dev/urandom >disk.raw && truncate -s 3500032 disk.raw && "
		 "ewfacquire -u -q -c none -f encase6 -S 1048576 -d sha1 -t seg disk.raw >log 2>&1 </dev/null",
		 dir);
	if (system(command) != 0)
		fprintf(stderr, "ewfacquire failed: see %s\n", command);
	uint8_t *raw = content(in_dir("disk.raw"), &len);
	run(&o, in_dir("seg.E01"));
	CHECK_STR(o.e.text, "");
	CHECK(fine(&o) && source_size(o.im.disks.items[0].source) == len && !memcmp(o.p, raw, len));
	CHECK_INT(o.count, 3);
	end(&o);
	/* The second one alone; one of them gone; two changed places. */
	run(&o, in_dir("seg.E02"));
	CHECK(!o.ok && o.e.cls == ERROR_MISSING && strstr(o.e.text, "first"));
	end(&o);
	rename(in_dir("seg.E03"), in_dir("away"));
	run(&o, in_dir("seg.E01"));
	CHECK(!o.ok && o.e.cls == ERROR_MISSING && strstr(o.e.text, "seg.E03"));
	end(&o);
	rename(in_dir("seg.E02"), in_dir("seg.E03"));
	rename(in_dir("away"), in_dir("seg.E02"));
	run(&o, in_dir("seg.E01"));
	CHECK(!o.ok && o.e.cls == ERROR_CORRUPT);
	end(&o);
	rename(in_dir("seg.E02"), in_dir("away"));
	rename(in_dir("seg.E03"), in_dir("seg.E02"));
	rename(in_dir("away"), in_dir("seg.E03"));
	damage(in_dir("seg.E01"), in_dir("seg.E02"), 270001);
	free(raw);
}

/* Inside something that is not a file, libewf can't get at it. */
static void test_memory(void)
{
	size_t len;
	struct error e = {0};
	struct image im = {0};
	struct findings f;
	uint8_t *p = content("fixtures/third-party/ext2.E01", &len);
	struct source *src = source_memory(p, len, "x.E01", &e);
	NEED(src && findings_init(&f) == 0);
	struct image_context c = {"x.E01", NULL, &f, NULL, NULL};
	CHECK(image_ewf.open_image(src, &c, &im, &e) < 0);
	CHECK_INT(e.cls, ERROR_UNSUPPORTED);
	image_close(&im);
	source_destroy(src);
	findings_free(&f);
	free(p);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char command[300];
	snprintf(dir, sizeof dir, "%s/backproof-ewf-XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(dir));
	RUN(test_third_party);
	RUN(test_damage);
	RUN(test_segments);
	RUN(test_memory);
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command) != 0 || test_done();
}
