// SPDX-License-Identifier: GPL-3.0-or-later
/* Every kind of VMDK gives the same disk; damage is told, or changes nothing. */
#include "vmdk_help.h"

#define DIR "fixtures/vmdk"

extern const struct format image_vmdk;

static uint8_t *disk;
static size_t disk_size;

static void load_all(struct files *x)
{
	static const char *const names[] = {"flat.vmdk",  "flat-flat.vmdk", "single.vmdk", "stream.vmdk",     "footer.vmdk", "split.vmdk",
					    "split-s001.vmdk", "base.vmdk", "child.vmdk",  "snap.vmdk", "snap-delta.vmdk"};
	files_init(x, &image_vmdk);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		files_load(x, DIR, names[i]);
}

/* How it went with what is in x now: nothing was noticed, and what was read is the disk or is not. */
enum went { REFUSED, NOTICED, SAME, WRONG };

static enum went try(struct files *x, const char *name, bool *covered, struct error *e)
{
	struct error why = {0};
	*covered = false;
	enum went went = REFUSED;
	const struct image *im = file_image(x, name, false, &why);
	if (im) {
		struct file *file = file_named(x, name);
		uint8_t *p = disk_bytes(im->disks.items[0].source, 100000, &why);
		bool same = p && source_size(im->disks.items[0].source) == disk_size && !memcmp(p, disk, disk_size);
		if (im->ops->verify && im->ops->verify(&file->image, name, &x->f, &x->b, covered, &why) < 0)
			went = REFUSED;
		else
			went = !p ? REFUSED : !all_held(&x->f) ? NOTICED : same ? SAME : WRONG;
		CHECK(!*covered || same);
		free(p);
	}
	if (e)
		*e = why;
	return went;
}

static void test_kinds(void)
{
	static const struct {
		const char *name, *id, *parent;
		bool covered;
	} kinds[] = {
	    {"flat.vmdk", NULL, "", false},	   {"single.vmdk", NULL, "", false}, {"stream.vmdk", NULL, "", true},
	    {"footer.vmdk", "7e57ab1e", "", true}, {"split.vmdk", NULL, "", false},  {"child.vmdk", NULL, "base.vmdk", false},
	    {"snap.vmdk", "7e57ab1e", "base.vmdk", false},
	};
	static const size_t steps[] = {511, 4096, 65536, 70000, 1 << 20};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct files x;
		struct error e = {0};
		bool covered;
		load_all(&x);
		CHECK_INT(try(&x, kinds[i].name, &covered, &e), SAME);
		CHECK_STR(e.text, "");
		CHECK_INT(covered, kinds[i].covered);
		const struct image *im = file_image(&x, kinds[i].name, false, &e);
		NEED(im);
		CHECK_STR(im->parent, kinds[i].parent);
		CHECK(strlen(im->id) == 8 && (!kinds[i].id || !strcmp(im->id, kinds[i].id)));
		CHECK_INT(found(&x.f, "vmdk.chain", OUTCOME_HELD), *kinds[i].parent ? 1 : 0);
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
			uint8_t *p = disk_bytes(im->disks.items[0].source, steps[k], &e);
			CHECK(p && !memcmp(p, disk, disk_size));
			free(p);
		}
		files_free(&x);
	}
}

/* No cut of any file of a disk goes unnoticed, unless what is cut off was padding. */
static void test_cuts(void)
{
	static const struct {
		const char *open, *cut;
	} cases[] = {{"single.vmdk", "single.vmdk"}, {"stream.vmdk", "stream.vmdk"}, {"footer.vmdk", "footer.vmdk"},
		     {"split.vmdk", "split-s001.vmdk"}, {"flat.vmdk", "flat-flat.vmdk"}, {"snap.vmdk", "snap-delta.vmdk"},
		     {"flat.vmdk", "flat.vmdk"}, {"snap.vmdk", "snap.vmdk"}, {"snap.vmdk", "base.vmdk"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct files x;
		bool covered;
		load_all(&x);
		struct file *file = file_named(&x, cases[i].cut);
		size_t full = file->len, step = full < 1000 ? 1 : 1536 + 7;
		for (size_t len = 0; len < full; len += step) {
			file->len = len;
			CHECK(try(&x, cases[i].open, &covered, NULL) != WRONG);
			files_close(&x);
		}
		file->len = full - 1;
		CHECK(try(&x, cases[i].open, &covered, NULL) != WRONG);
		file->len = full;
		files_free(&x);
	}
}

/*
 * One bit anywhere in a stream, or in the metadata of a sparse extent: told, or nothing changed. What
 * carries no checksum at all, the content of other grains, can't be told.
 */
static void test_flips(void)
{
	static const struct {
		const char *open, *damage;
		size_t from, to, step;
	} cases[] = {{"footer.vmdk", "footer.vmdk", 0, 2048, 1},	 {"footer.vmdk", "footer.vmdk", 65536, 77824, 3},
		     {"stream.vmdk", "stream.vmdk", 0, 2048, 1},	 {"stream.vmdk", "stream.vmdk", 10000, 80000, 31},
		     {"stream.vmdk", "stream.vmdk", 65536, 65600, 1},	 {"single.vmdk", "single.vmdk", 0, 2048, 1},
		     {"single.vmdk", "single.vmdk", 10240, 20480, 13},	 {"split.vmdk", "split-s001.vmdk", 0, 128, 1},
		     {"split.vmdk", "split-s001.vmdk", 10240, 20480, 13}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct files x;
		bool covered;
		load_all(&x);
		struct file *file = file_named(&x, cases[i].damage);
		for (size_t at = cases[i].from; at < cases[i].to && at < file->len; at += cases[i].step) {
			uint8_t bit = (uint8_t)(1 << (at * 5 + at / 8) % 8);
			file->p[at] ^= bit;
			if (try(&x, cases[i].open, &covered, NULL) == WRONG) {
				fprintf(stderr, "%s: byte %zu\n", cases[i].damage, at);
				CHECK(!"a flip was not told");
			}
			file->p[at] ^= bit;
			files_close(&x);
		}
		files_free(&x);
	}
}

/* A bit of every compressed grain in turn: verify alone tells, of that one; and so it does after all was read. */
static void test_each_grain(void)
{
	static const char *const names[] = {"stream.vmdk", "footer.vmdk"};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		struct files x;
		size_t grains = 0;
		load_all(&x);
		struct file *file = file_named(&x, names[k]);
		for (size_t at = 512; at + 16 < file->len; at += 512) {
			size_t len = get_le32(file->p + at + 8);
			/* A marker with a zlib stream behind it. */
			if (!len || len > file->len - at - 12 || (file->p[at + 12] & 15) != 8 ||
			    (file->p[at + 12] * 256 + file->p[at + 13]) % 31)
				continue;
			grains++;
			for (size_t i = 0; i < 6; i++) {
				struct error e = {0};
				bool covered = true;
				size_t byte = at + 12 + (i == 5 ? len - 1 : i * len / 5);
				file->p[byte] ^= 0x10;
				const struct image *im = file_image(&x, names[k], false, &e);
				NEED(im);
				if (i % 2)
					free(disk_bytes(im->disks.items[0].source, 65536, &e));
				CHECK_INT(im->ops->verify(&file->image, "x", &x.f, &x.b, &covered, &e), 0);
				CHECK(!covered);
				CHECK_INT(found(&x.f, "vmdk.grains", OUTCOME_BROKEN), 1);
				CHECK_INT(found(&x.f, "vmdk.grains", OUTCOME_HELD), 0);
				vec_each(&x.f, it) if (it->outcome == OUTCOME_BROKEN) CHECK_INT(it->offset, at);
				file->p[byte] ^= 0x10;
				files_close(&x);
			}
		}
		CHECK(grains > 2);
		files_free(&x);
	}
}

static enum went with(const char *name, size_t at, const void *bytes, size_t len, struct error *e)
{
	struct files x;
	bool covered;
	load_all(&x);
	struct file *file = file_named(&x, name);
	NEED(at + len <= file->len);
	memcpy(file->p + at, bytes, len);
	enum went went = try(&x, !strncmp(name, "snap", 4) ? "snap.vmdk" : name, &covered, e);
	files_free(&x);
	return went;
}

static void test_damage(void)
{
	struct error e;
	/* Copied as text: the line ends were changed. */
	CHECK_INT(with("single.vmdk", 75, "\n", 1, &e), REFUSED);
	CHECK(e.cls == ERROR_CORRUPT && strstr(e.text, "as text"));
	/* Not closed. */
	CHECK_INT(with("single.vmdk", 72, "\1", 1, &e), NOTICED);
	/* An unknown version, an unknown flag. */
	CHECK_INT(with("single.vmdk", 4, "\4", 1, &e), REFUSED);
	CHECK_INT(e.cls, ERROR_UNSUPPORTED);
	CHECK_INT(with("single.vmdk", 11, "\1", 1, &e), REFUSED);
	CHECK_INT(e.cls, ERROR_UNSUPPORTED);
	/* Two VMFS grains in one place, one on a table, one behind the end. */
	CHECK_INT(with("snap-delta.vmdk", 4096 + 12, "\x28\0\0\0", 4, &e), REFUSED);
	CHECK(e.cls == ERROR_CORRUPT && strstr(e.text, "one place"));
	CHECK_INT(with("snap-delta.vmdk", 4096 + 12, "\x10\0\0\0", 4, &e), REFUSED);
	CHECK(e.cls == ERROR_CORRUPT && strstr(e.text, "metadata"));
	CHECK_INT(with("snap-delta.vmdk", 4096 + 12, "\xff\xff\0\0", 4, &e), REFUSED);
	CHECK(e.cls == ERROR_CORRUPT && strstr(e.text, "cut"));
	/* A grain that the footer's map lost, and one whose marker names another sector. */
	struct files x;
	bool covered;
	load_all(&x);
	struct file *footer = file_named(&x, "footer.vmdk");
	size_t table = footer->len - 3 * 512 - 2 * 512 - 2048;
	CHECK_INT(get_le32(footer->p + table), 128);
	memset(footer->p + table, 0, 4);
	CHECK_INT(try(&x, "footer.vmdk", &covered, &e), NOTICED);
	CHECK(!covered && found(&x.f, "vmdk.grains", OUTCOME_BROKEN) == 1);
	files_close(&x);
	footer->p[table] = 128;
	footer->p[128 * 512] = 0x80;
	CHECK_INT(try(&x, "footer.vmdk", &covered, &e), REFUSED);
	CHECK(e.cls == ERROR_CORRUPT && strstr(e.text, "another"));
	files_free(&x);
}

#define HEAD "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"custom\"\n"
#define ORPHAN "# Disk DescriptorFile\nversion=1\nCID=1\ncreateType=\"custom\"\n"

static void refused(const char *text, enum error_class cls, const char *why)
{
	struct files x;
	struct error e = {0};
	load_all(&x);
	files_text(&x, "a.vmdk", text);
	CHECK(!file_image(&x, "a.vmdk", false, &e));
	if (e.cls != cls || !strstr(e.text, why))
		fprintf(stderr, "%s: %s, not %s\n", text, e.text, why);
	CHECK_INT(e.cls, cls);
	CHECK(strstr(e.text, why));
	files_free(&x);
}

static void test_descriptors(void)
{
	static char many[600000];
	refused(HEAD, ERROR_CORRUPT, "no extent");
	refused(HEAD "RW 0 ZERO\n", ERROR_CORRUPT, "line 6");
	refused(HEAD "XW 8 ZERO\n", ERROR_CORRUPT, "line 6");
	refused(HEAD "RW 99999999999999999999 ZERO\n", ERROR_CORRUPT, "line 6");
	refused(HEAD "RW 18014398509481983 ZERO\nRW 9 ZERO\n", ERROR_CORRUPT, "8 EiB");
	refused(HEAD "RW 8 FLAT \"gone.vmdk\" 0\n", ERROR_MISSING, "gone.vmdk");
	refused(HEAD "RW 8 FLAT \"../../../etc/passwd\" 0\n", ERROR_MISSING, "passwd");
	refused(HEAD "RW 8 FLAT \"C:\\vm\\gone-flat.vmdk\" 0\n", ERROR_MISSING, "gone-flat.vmdk");
	refused(HEAD "RW 8 FLAT flat-flat.vmdk 0\n", ERROR_CORRUPT, "quotes");
	refused(HEAD "RW 8 FLAT \"flat-flat.vmdk\" 0 7\n", ERROR_CORRUPT, "behind");
	refused(HEAD "RW 8 FLAT \"flat-flat.vmdk\" 18446744073709551615\n", ERROR_CORRUPT, "cut");
	refused(HEAD "RW 8000 FLAT \"flat-flat.vmdk\" 0\n", ERROR_CORRUPT, "cut");
	refused(HEAD "RW 8 FLAT \"flat-flat.vmdk\" 0\nRW 8 FLAT \"flat-flat.vmdk\" 7\n", ERROR_CORRUPT, "twice");
	refused(HEAD "RW 557 SPARSE \"split-s001.vmdk\"\nRW 557 SPARSE \"split-s001.vmdk\"\n", ERROR_CORRUPT, "twice");
	refused(HEAD "RW 5570 SPARSE \"split-s001.vmdk\"\n", ERROR_CORRUPT, "557");
	refused(HEAD "RW 8 SPARSE \"a.vmdk\"\n", ERROR_CORRUPT, "inside its header");
	refused(HEAD "RW 8 SESPARSE \"x-sesparse.vmdk\"\n", ERROR_UNSUPPORTED, "SESPARSE");
	refused(HEAD "RW 8 VMFSRDM \"x-rdm.vmdk\"\n", ERROR_UNSUPPORTED, "VMFSRDM");
	refused(HEAD "NOACCESS 8 FLAT \"flat-flat.vmdk\" 0\n", ERROR_UNSUPPORTED, "may not be read");
	refused(HEAD "parentFileNameHint=\"base.vmdk\"\nRW 8 ZERO\n", ERROR_CORRUPT, "base.vmdk");
	refused(HEAD "CID=1\nRW 8 ZERO\n", ERROR_CORRUPT, "twice");
	refused(ORPHAN "RW 8 ZERO\n", ERROR_CORRUPT, "parentCID");
	refused(ORPHAN "parentCID=2\nRW 8 ZERO\n", ERROR_CORRUPT, "does not name");
	refused(ORPHAN "parentCID=2\nparentFileNameHint=\"/vm/gone.vmdk\"\nRW 8 ZERO\n", ERROR_MISSING, "gone.vmdk");
	refused(ORPHAN "parentCID=1\nparentFileNameHint=\"a.vmdk\"\nRW 8 ZERO\n", ERROR_CORRUPT, "itself");
	refused("# Disk DescriptorFile\nversion=9\n", ERROR_UNSUPPORTED, "version");
	size_t n = (size_t)sprintf(many, "%s", HEAD);
	while (n < sizeof many - 100)
		n += (size_t)sprintf(many + n, "RW 1 SPARSE \"split-s001.vmdk\"\n");
	refused(many, ERROR_CORRUPT, "twice");
}

/* An extent alone is no disk: what is needed is said. */
static void test_alone(void)
{
	struct files x;
	struct error e = {0};
	load_all(&x);
	CHECK(!file_image(&x, "split-s001.vmdk", false, &e));
	CHECK(e.cls == ERROR_MISSING && strstr(e.text, "descriptor"));
	CHECK(!file_image(&x, "snap-delta.vmdk", false, &e));
	CHECK(e.cls == ERROR_MISSING && strstr(e.text, "descriptor"));
	files_free(&x);
}

static void test_mixed(void)
{
	struct files x;
	struct error e = {0};
	load_all(&x);
	files_text(&x, "a.vmdk", HEAD "rw 10 flat \"flat-flat.vmdk\" 0\r\nRW 300 ZERO\r\nRDONLY 5 FLAT \"x/flat-flat.vmdk\" 20\r\n"
				      "RW 557 SPARSE \"split-s001.vmdk\"\r\nddb.x = \"y\"\r\nchangeTrackPath=\"gone-ctk.vmdk\"\r\n");
	const struct image *im = file_image(&x, "a.vmdk", false, &e);
	NEED(im);
	uint8_t *p = disk_bytes(im->disks.items[0].source, 5000, &e);
	NEED(p);
	CHECK_INT(source_size(im->disks.items[0].source), (10 + 300 + 5 + 557) * 512);
	CHECK(!memcmp(p, disk, 5120) && is_zero(p + 5120, 300 * 512) && !memcmp(p + 310 * 512, disk + 20 * 512, 5 * 512) &&
	      !memcmp(p + 315 * 512, disk, disk_size));
	CHECK_INT(found(&x.f, "vmdk.capacity", OUTCOME_BROKEN), 1); /* most of the flat file is left out */
	free(p);
	files_free(&x);
}

/* A parent that was written to since. */
static void test_chain(void)
{
	struct files x;
	bool covered;
	load_all(&x);
	struct file *base = file_named(&x, "base.vmdk");
	uint8_t *cid = memmem(base->p, base->len, "CID=0badcafe", 12);
	NEED(cid);
	cid[4] = '1';
	CHECK_INT(try(&x, "snap.vmdk", &covered, NULL), NOTICED);
	CHECK_INT(found(&x.f, "vmdk.chain", OUTCOME_BROKEN), 1);
	files_free(&x);
}

static void test_third_party(void)
{
	struct files x;
	struct error e = {0};
	files_init(&x, &image_vmdk);
	files_load(&x, "fixtures/third-party", "ext2.vmdk");
	const struct image *im = file_image(&x, "ext2.vmdk", false, &e);
	NEED(im);
	uint8_t *p = disk_bytes(im->disks.items[0].source, 65536, &e);
	CHECK(p && source_size(im->disks.items[0].source) == 4 * MIB && get_le16(p + 1024 + 56) == 0xef53);
	CHECK(p && !memcmp(p + 1024 + 120, "ext2_test", 10));
	CHECK(all_held(&x.f));
	CHECK_STR(im->id, "dc80b6c7");
	free(p);
	files_free(&x);
}

int main(void)
{
	struct files x;
	load_all(&x);
	struct file *raw = file_named(&x, "flat-flat.vmdk");
	disk = raw->p;
	disk_size = raw->len;
	RUN(test_kinds);
	RUN(test_cuts);
	RUN(test_flips);
	RUN(test_each_grain);
	RUN(test_damage);
	RUN(test_descriptors);
	RUN(test_alone);
	RUN(test_mixed);
	RUN(test_chain);
	RUN(test_third_party);
	files_free(&x);
	return test_done();
}
