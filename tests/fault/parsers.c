// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Every reader on small real files while the Nth read of what it reads, or the Nth allocation, fails: it says that it
 * failed, or what it says was not touched by it. A disk that can't be read is not called damaged.
 *
 *     parsers [WORD]...        only cases whose path has one of the words
 *     RUNS=1000: so many failures of each kind and case (or each of them, where there are fewer)
 */
#include <errno.h>
#include <execinfo.h>
#include <sys/mman.h>

#include "backproof/archive.h"
#include "backproof/format.h"
#include "backproof/fs.h"
#include "backproof/volume.h"
#include "backproof/volume_group.h"
#include "backproof/witness.h"
#include "fixture.h"

enum kind { ALLOCATION, READ, KINDS, NONE };
static _Atomic uint64_t calls[KINDS + 1];
static _Atomic bool fired;
static uint64_t fail_at;
static enum kind failing = NONE;

static const char *const kind_names[KINDS] = {"allocation", "read"};

static bool fails(enum kind k)
{
	if (++calls[k] != fail_at || failing != k)
		return false;
	fired = true;
	if (getenv("TRACE")) { /* to be read with addr2line */
		void *frames[16];
		backtrace_symbols_fd(frames, backtrace(frames, 16), 2);
	}
	errno = k == ALLOCATION ? ENOMEM : EIO;
	return true;
}

#include "wrap.h"
WRAP_MEMORY(ALLOCATION)
WRAP_FILES(READ, KINDS, KINDS)
WRAP(KINDS, int, -1, fsync, (int fd), (fd))

/* A file in memory whose reads fail when it is their turn. */
static int failing_read(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	if (fails(READ))
		return error_set(e, ERROR_IO, (int64_t)off, "read error: Input/output error");
	memcpy(buf, (uint8_t *)self + off, len);
	return 0;
}

static const struct source_ops failing_ops = {.kind = "failing", .read_at = failing_read};

/* What came of one run. */
struct outcome_of {
	bool fine;   /* nothing was said against it */
	bool broken; /* it was called damaged */
	uint64_t hash; /* of all that was read */
	struct error e;
};

struct case_of {
	const char *path, *type;
	void (*look)(const struct case_of *c, struct outcome_of *o);
	uint8_t *data;
	size_t size;
};

static void add(struct outcome_of *o, const void *p, size_t len)
{
	o->hash = o->hash * 31 + hash_bytes(p, len);
}

static struct source *open_case(const struct case_of *c, struct outcome_of *o)
{
	return source_new(&failing_ops, c->data, c->size, "image", &o->e);
}

static bool is_broken(const struct findings *f)
{
	return findings_proof(f, PROOF_STRUCTURE) == OUTCOME_BROKEN ||
	       findings_proof(f, PROOF_INTEGRITY) == OUTCOME_BROKEN;
}

/* No proof speaks against it, and nothing was lost. */
static bool is_held(const struct findings *f, struct outcome_of *o)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].outcome != OUTCOME_HELD && f->items[i].outcome != OUTCOME_SKIPPED) {
			snprintf(o->e.text, sizeof o->e.text, "%s: %.300s", f->items[i].check,
				 f->items[i].detail ? f->items[i].detail : "");
			return false;
		}
	return !f->lost;
}

static int read_stream(struct stream *s, struct outcome_of *o)
{
	static uint8_t buf[64 * 1024];
	ssize_t n;
	while ((n = stream_read_full(s, buf, sizeof buf, &o->e)) > 0)
		add(o, buf, (size_t)n);
	return n < 0 ? -1 : stream_finish(s, &o->e);
}

static int read_source(struct source *s, struct outcome_of *o)
{
	static uint8_t buf[64 * 1024];
	uint64_t total = source_size(s);
	for (uint64_t at = 0, n; at < total && at < 64 * MIB; at += n) {
		struct extent x;
		if (source_extent_at(s, at, &x, &o->e) < 0)
			return -1;
		n = x.length;
		if (x.zero)
			continue;
		n = n < sizeof buf ? n : sizeof buf;
		if (source_read_at(s, at, buf, (size_t)n, &o->e) < 0)
			return -1;
		if (!is_zero(buf, (size_t)n)) {
			add(o, &at, sizeof at);
			add(o, buf, (size_t)n);
		}
	}
	return 0;
}

/* File systems: opened, verified, gone through, every file and attribute read. */
struct walk {
	struct fs *fs;
	struct outcome_of *o;
	bool random; /* files can be read at random */
	unsigned entries;
};

static int add_xattr(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)e;
	add(ctx, name, strlen(name));
	add(ctx, value, len);
	return 0;
}

static int read_file(struct walk *w, const struct fs_entry *it, struct error *e)
{
	int rc = -1;
	if (w->entries % 4 == 1 && w->random) {
		autosource struct source *s = fs_open_source(w->fs, it, e);
		if (!s)
			return -1;
		rc = read_source(s, w->o);
	} else {
		autostream struct stream *s = fs_open_file(w->fs, it, e);
		if (!s)
			return -1;
		rc = read_stream(s, w->o);
	}
	if (rc < 0)
		*e = w->o->e;
	return rc;
}

static int visit(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct walk *w = ctx;
	struct fs_entry again;
	add(w->o, it->path, strlen(it->path));
	w->entries++;
	if (w->entries % 3 == 0 && fs_lookup(w->fs, it->path, false, &again, e) != 1)
		return -1;
	if (fs_xattrs(w->fs, it, add_xattr, w->o, e) < 0)
		return -1;
	if (it->type == ENTRY_LINK) {
		autofree char *target = fs_read_link(w->fs, it, e);
		if (!target)
			return -1;
		add(w->o, target, strlen(target));
	}
	if (it->type != ENTRY_FILE || it->size > 8 * MIB || read_file(w, it, e) == 0)
		return 0;
	/* NTFS keeps files that it can't read here; what it says of them belongs to what it says. */
	if (e->cls != ERROR_UNSUPPORTED)
		return -1;
	add(w->o, e->text, strlen(e->text));
	return 0;
}

static int subvolume(void *ctx, const struct fs_subvolume *s, struct error *e)
{
	struct walk *w = ctx;
	add(w->o, s->path, strlen(s->path));
	struct fs *fs = fs_open_subvolume(w->fs, s->path, s->id, e);
	if (!fs)
		return -1;
	struct walk inner = {fs, w->o, w->random, 0};
	int rc = fs_walk(fs, "", NULL, visit, &inner, e);
	fs_destroy(fs);
	return rc;
}

static void look_fs(const struct case_of *c, struct outcome_of *o)
{
	struct findings f;
	struct budget b;
	int64_t newest = 0;
	budget_init(&b);
	if (findings_init(&f) < 0)
		return;
	autosource struct source *src = open_case(c, o);
	autodestroy(fs_destroy_auto) struct fs *fs = src ? fs_open(c->type, src, "image", &f, &o->e) : NULL;
	struct walk w = {fs, o, fs_for_type(c->type)->open_source != NULL, 0};
	struct extent x;
	bool fine = fs && fs_verify(fs, &f, &b, INT64_MAX, &newest, &o->e) == 0;
	fine = fine && fs_walk(fs, "", &b, visit, &w, &o->e) == 0;
	fine = fine && fs_scrub(fs, &f, &b, &o->e) >= 0;
	if (fine && fs_has_subvolumes(fs))
		fine = fs_subvolumes(fs, subvolume, &w, &o->e) == 0;
	for (uint64_t at = 0; fine && at < c->size; at += x.length) {
		int told_so = fs_used_at(fs, at, &x, &o->e);
		fine = told_so >= 0;
		if (told_so != 1)
			break;
		add(o, &x, sizeof x.length);
		add(o, &x.zero, 1);
	}
	o->fine = fine && is_held(&f, o) && !fs_info(fs)->stale_view;
	o->broken = is_broken(&f);
	findings_free(&f);
}

/* Images, with what lies beside them. */
static struct beside {
	char directory[200];
	struct source *sources[8];
	uint8_t *data[8];
	struct image images[8];
	size_t count;
	struct image_context *context;
} beside;

static struct source *companion_source(void *ctx, const char *name, struct error *e)
{
	struct beside *b = ctx;
	char path[400];
	size_t size;
	if (b->count == ARRAY_SIZE(b->sources)) {
		error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "too many");
		return NULL;
	}
	snprintf(path, sizeof path, "%s/%s.zst", b->directory, companion_base(name));
	enum kind was = failing;
	failing = NONE;
	uint8_t *data = access(path, F_OK) == 0 ? fixture_zst(path, &size) : NULL;
	if (!data) {
		path[strlen(path) - 4] = 0;
		data = fixture_file(path, &size);
	}
	failing = was;
	if (!data) {
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not there", name);
		return NULL;
	}
	struct source *s = source_new(&failing_ops, data, size, name, e);
	if (!s) {
		free(data);
		return NULL;
	}
	b->data[b->count] = data;
	return b->sources[b->count++] = s;
}

static const struct image *companion(void *ctx, const char *name, bool raw, struct error *e)
{
	struct beside *b = ctx;
	struct source *s = companion_source(ctx, name, e);
	if (!s)
		return NULL;
	struct image *im = &b->images[b->count - 1];
	const struct format *row = NULL;
	if (!raw && format_identify_source(s, FORMAT_IMAGE, &row, e) < 0)
		return NULL;
	if (!row || !row->open_image) {
		struct source *all = source_window(s, 0, source_size(s), name, e);
		return all && image_add_disk(im, NULL, all, e) == 0 ? im : NULL;
	}
	return row->open_image(s, b->context, im, e) < 0 ? NULL : im;
}

static void look_image(const struct case_of *c, struct outcome_of *o)
{
	static const struct companions companions = {&beside, companion_source, companion};
	struct findings f;
	struct budget b;
	struct image im = {0};
	const struct format *row = NULL;
	bool covered = false;
	budget_init(&b);
	if (findings_init(&f) < 0)
		return;
	snprintf(beside.directory, sizeof beside.directory, "%.*s", (int)(strrchr(c->path, '/') - c->path), c->path);
	struct image_context context = {.subject = "image", .f = &f, .companions = &companions, .budget = &b};
	beside.context = &context;
	autosource struct source *src = open_case(c, o);
	bool fine = src && format_identify_source(src, FORMAT_IMAGE, &row, &o->e) == 0 && row && row->open_image &&
		    row->open_image(src, &context, &im, &o->e) == 0;
	if (fine && im.ops && im.ops->verify)
		fine = im.ops->verify(&im, "image", &f, &b, &covered, &o->e) == 0;
	vec_each(&im.disks, d) fine = fine && read_source(d->source, o) == 0;
	if (fine) {
		add(o, im.id, strlen(im.id));
		add(o, im.parent, strlen(im.parent));
	}
	o->fine = fine && is_held(&f, o);
	o->broken = is_broken(&f);
	image_close(&im);
	while (beside.count) {
		beside.count--;
		image_close(&beside.images[beside.count]);
		source_destroy(beside.sources[beside.count]);
		free(beside.data[beside.count]);
		memset(&beside.images[beside.count], 0, sizeof beside.images[0]);
	}
	findings_free(&f);
}

/* Compressed files: from front to back, then at random where they are in pieces. */
static void look_codec(const struct case_of *c, struct outcome_of *o)
{
	size_t stem;
	struct codec_info info = {0};
	const struct format *row = format_by_suffix(c->path, &stem);
	autosource struct source *src = open_case(c, o);
	NEED(row && row->decode);
	autostream struct stream *up = src ? stream_from_source(src, &o->e) : NULL;
	autostream struct stream *s = up ? row->decode(up, &info, &o->e) : NULL;
	if (s)
		up = NULL;
	bool fine = s && read_stream(s, o) == 0;
	struct source *random = NULL;
	if (fine && row->open_random)
		fine = row->open_random(src, &random, &o->e) >= 0 && (!random || read_source(random, o) == 0);
	source_destroy(random);
	add(o, &info, sizeof info);
	o->fine = fine;
	o->broken = !fine && o->e.cls == ERROR_CORRUPT;
}

static void look_archive(const struct case_of *c, struct outcome_of *o)
{
	uint8_t buf[4096];
	struct archive_member m;
	autosource struct source *src = open_case(c, o);
	autostream struct stream *up = src ? stream_from_source(src, &o->e) : NULL;
	autodestroy(archive_reader_destroy_auto) struct archive_reader *r = up ? archive_reader_open(up, &o->e) : NULL;
	int got = -1;
	ssize_t n = 0;
	while (n >= 0 && r && (got = archive_reader_next(r, &m, &o->e)) == 1) {
		add(o, m.entry.path, strlen(m.entry.path));
		while ((n = archive_reader_data(r, buf, sizeof buf, &o->e)) > 0)
			add(o, buf, (size_t)n);
	}
	o->fine = n == 0 && got == 0 && archive_reader_finish(r, &o->e) == 0;
	o->broken = !o->fine && o->e.cls == ERROR_CORRUPT;
}

static void look_disk(const struct case_of *c, struct outcome_of *o)
{
	struct findings f;
	struct disk_layout d = {0};
	if (findings_init(&f) < 0)
		return;
	autosource struct source *src = open_case(c, o);
	bool fine = src && disk_scan(src, "disk", &d, &f, &o->e) == 0;
	for (size_t i = 0; fine && i < d.count; i++) {
		add(o, &d.items[i].offset, sizeof d.items[i].offset);
		add(o, &d.items[i].size, sizeof d.items[i].size);
		add(o, &d.items[i].content, sizeof d.items[i].content);
	}
	o->fine = fine && is_held(&f, o);
	o->broken = is_broken(&f);
	disk_layout_free(&d);
	findings_free(&f);
}

/* c->type: the other member, or NULL. */
static void look_group(const struct case_of *c, struct outcome_of *o)
{
	struct findings f;
	struct volume_set set = {0};
	size_t size = 0;
	enum kind was = failing;
	failing = NONE;
	autofree uint8_t *other = c->type ? fixture_zst(c->type, &size) : NULL;
	failing = was;
	if (findings_init(&f) < 0)
		return;
	autosource struct source *one = open_case(c, o);
	autosource struct source *two = other ? source_new(&failing_ops, other, size, "two", &o->e) : NULL;
	struct volume_member m[2] = {{one, "one"}, {two, "two"}};
	bool fine = one && (two || !other) && volume_groups_assemble(m, other ? 2 : 1, &set, &f, &o->e) == 0;
	for (size_t i = 0; fine && i < set.count; i++)
		fine = read_source(set.items[i].source, o) == 0;
	add(o, &set.count, sizeof set.count);
	o->fine = fine && is_held(&f, o);
	o->broken = is_broken(&f);
	volume_set_free(&set);
	findings_free(&f);
}

static void look_witness(const struct case_of *c, struct outcome_of *o)
{
	const char *path = c->type ? c->type : strrchr(c->path, '/') + 1; /* what lies in "fixtures" is test data */
	const struct witness *w = witness_for(path, c->data, c->size < 4096 ? c->size : 4096);
	if (!w)
		return;
	autoclose int fd = memfd_create("witness", MFD_CLOEXEC);
	NEED(fd >= 0 && write(fd, c->data, c->size) == (ssize_t)c->size);
	enum outcome got = w->check(fd, c->size, path, &o->e);
	add(o, &got, sizeof got);
	o->fine = got == OUTCOME_HELD;
	o->broken = got == OUTCOME_BROKEN;
}

static struct case_of cases[] = {
	{"fixtures/ext_small/csum.img", "ext4", look_fs},
	{"fixtures/ext_small/inline.img", "ext4", look_fs},
	{"fixtures/ext_small/ext2.img", "ext2", look_fs},
	{"fixtures/ext/csum3.img.zst", "ext4", look_fs},
	{"fixtures/ext/async1.img.zst", "ext4", look_fs},
	{"fixtures/ext/journal-data.img.zst", "ext4", look_fs},
	{"fixtures/ext/rich/*.img.zst", "ext4", look_fs},
	{"fixtures/ext/orphan*.img.zst", "ext4", look_fs},
	{"fixtures/btrfs/plain.img.zst", "btrfs", look_fs},
	{"fixtures/btrfs/log.img.zst", "btrfs", look_fs},
	{"fixtures/btrfs/busy.img.zst", "btrfs", look_fs},
	{"fixtures/exfat/c4096.img.zst", "exfat", look_fs},
	{"fixtures/ntfs/c4096.img.zst", "ntfs", look_fs},
	{"fixtures/ntfs/s4096.img.zst", "ntfs", look_fs},
	{"fixtures/ntfs/compact/compact.img.zst", "ntfs", look_fs},
	{"fixtures/xfs/dirty.zst", "xfs", look_fs},
	{"fixtures/xfs/small-blocks.zst", "xfs", look_fs},
	{"fixtures/xfs/wide.zst", "xfs", look_fs},
	{"fixtures/fat/*.head", "vfat", look_fs},
	{"fixtures/fat/*.img.zst", "vfat", look_fs},
	{"fixtures/wim/t*.wim", "wim", look_fs},
	{"fixtures/wim/unix.wim", "wim", look_fs},
	{"fixtures/wim/tiny*", NULL, look_image},
	{"fixtures/vdi/*.vdi", NULL, look_image},
	{"fixtures/qcow2/*.qcow2", NULL, look_image},
	{"fixtures/vmdk/*.vmdk", NULL, look_image},
	{"fixtures/vhd/*vhd.zst", NULL, look_image},
	{"fixtures/vhdx/*vhdx.zst", NULL, look_image},
	{"fixtures/vma/*.vma", NULL, look_image},
	{"fixtures/partclone/*.zst", NULL, look_image},
	{"fixtures/partclone/*.pcl", NULL, look_image},
	{"fixtures/ova/*.ova", NULL, look_image},
	{"fixtures/codec/*.gz", NULL, look_codec},
	{"fixtures/codec/*.xz", NULL, look_codec},
	{"fixtures/codec/*.zst", NULL, look_codec},
	{"fixtures/codec/*.bz2", NULL, look_codec},
	{"fixtures/codec/*.lz4", NULL, look_codec},
	{"fixtures/codec/*.lzo", NULL, look_codec},
	{"fixtures/archive/*.tar", NULL, look_archive},
	{"fixtures/volume/*.disk", NULL, look_disk},
	{"fixtures/lvm/pv1.zst", "fixtures/lvm/pv2.zst", look_group},
	{"fixtures/md/corpus/*", NULL, look_group},
	{"fixtures/witness/*[!h]", NULL, look_witness},
	{"fixtures/windows/edb/*.edb", "a.edb", look_witness},
	{"fixtures/windows/pe/*", "Windows/System32/a.dll", look_witness},
};

#include <glob.h>

static unsigned long runs, told, untouched;

static int64_t slow;
static void one_run(struct case_of *c, enum kind k, uint64_t n, const struct outcome_of *truth)
{
	struct outcome_of o = {0};
	calls[ALLOCATION] = calls[READ] = 0;
	fired = false;
	failing = k;
	fail_at = n;
	slow -= monotonic_ns();
	c->look(c, &o);
	slow += monotonic_ns();
	failing = NONE;
	runs++;
	if (!fired)
		return;
	told += !o.fine;
	untouched += o.fine;
	const char *wrong = NULL;
	if (truth->fine && o.fine && o.hash != truth->hash)
		wrong = "all was fine, and something else was read";
	else if (!truth->fine && o.fine)
		wrong = "what was not fine is";
	else if (!truth->broken && o.broken)
		wrong = "called damaged";
	if (wrong) {
		test_bad_here++;
		fprintf(stderr, "%s, %s %llu: %s: %s\n", c->path, kind_names[k],
			(unsigned long long)n, wrong, o.e.text);
	}
}

/* All of the first calls, then some of the others. */
static void sweep(struct case_of *c, uint64_t most, const char *only)
{
	struct outcome_of truth = {0};
	size_t length = strlen(c->path);
	c->data = length > 4 && !strcmp(c->path + length - 4, ".zst") && c->look != look_codec && c->look != look_witness
			  ? fixture_zst(c->path, &c->size)
			  : fixture_file(c->path, &c->size);
	NEED(c->data);
	for (enum kind k = ALLOCATION; k < KINDS; k++) {
		calls[ALLOCATION] = calls[READ] = 0;
		memset(&truth, 0, sizeof truth);
		c->look(c, &truth);
		uint64_t count = calls[k], seed = k;
		struct rng rng = {seed};
		if (only && !strncmp(only, kind_names[k], strlen(kind_names[k])))
			one_run(c, k, strtoull(strchr(only, ' '), NULL, 10), &truth);
		for (uint64_t n = 1; !only && n <= count && n <= most; n++)
			one_run(c, k, count <= most || n <= most / 2 ? n : 1 + rng_below(&rng, count), &truth);
	}
	if (getenv("VERBOSE"))
		fprintf(stderr, "%s: %lld ms in all, %s, %llu reads\n", c->path, (long long)slow / 1000000,
			truth.fine ? "fine" : truth.broken ? "broken" : truth.e.text, (unsigned long long)calls[READ]);
	free(c->data);
	c->data = NULL;
}

static int argc_;
static char **argv_;

static bool is_wanted(const char *path)
{
	bool any = argc_ < 2;
	for (int i = 1; i < argc_; i++)
		any |= strstr(path, argv_[i]) != NULL;
	return any;
}

static void failures_are_told(void)
{
	const char *wide = getenv("RUNS"), *only = getenv("ONLY"); /* ONLY="allocation 34": this one alone */
	uint64_t most = wide ? strtoull(wide, NULL, 10) : 24;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		glob_t g = {0};
		NEED(glob(cases[i].path, 0, NULL, &g) == 0);
		for (size_t n = 0; n < g.gl_pathc; n++) {
			struct case_of c = cases[i];
			c.path = g.gl_pathv[n];
			if (is_wanted(c.path))
				sweep(&c, most, only);
		}
		globfree(&g);
	}
	CHECK(told > runs / 2);
}

int main(int argc, char **argv)
{
	argc_ = argc;
	argv_ = argv;
	RUN(failures_are_told);
	fprintf(stderr, "%lu runs, %lu told, %lu made no difference\n", runs, told, untouched);
	return test_done();
}
