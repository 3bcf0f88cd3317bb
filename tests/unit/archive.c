// SPDX-License-Identifier: GPL-3.0-or-later
/* System archives: real ones from GNU tar and bsdtar, then damaged in every way that a header
 * allows. */
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>

#include "backproof/archive.h"
#include "backproof/digest.h"
#include "backproof/format.h"
#include "backproof/text.h"
#include "../../src/archive/member_path.h"
#include "../../src/archive/rows.h"
#include "../../src/archive/tar_header.h"
#include "test.h"

static char dir[256];

/* An upstream that delivers at most chunk bytes a read. */
struct slow {
	const uint8_t *data;
	size_t length, at, chunk;
	bool finished;
	int fail_finish;
};

static ssize_t slow_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct slow *s = self;
	(void)e;
	size_t n = s->length - s->at;
	n = n < cap ? n : cap;
	n = n < s->chunk ? n : s->chunk;
	memcpy(buf, s->data + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

static int slow_finish(void *self, struct error *e)
{
	struct slow *s = self;
	if (s->fail_finish)
		return error_set(e, ERROR_CORRUPT, 7, "bad trailer");
	s->finished = true;
	return 0;
}

static void slow_destroy(void *self)
{
	(void)self;
}

static const struct stream_ops slow_ops = {"slow", slow_read, slow_finish, slow_destroy};

/* What one archive held: a line a member, and the FNV hash of its data. */
struct listing {
	struct text text;
	uint64_t members, bytes;
	int opened, read, finished; /* 0 or -1 */
	struct error error;
};

static uint64_t fnv(uint64_t h, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static void read_members(struct archive_reader *r, struct listing *l, bool data)
{
	struct archive_member m;
	int got;
	while ((got = archive_reader_next(r, &m, &l->error)) == 1) {
		uint8_t buf[3001];
		uint64_t h = UINT64_C(0xcbf29ce484222325), total = 0;
		ssize_t n = 0;
		l->members++;
		CHECK_INT(m.entry.id, l->members);
		CHECK(m.native != NULL);
		text_printf(&l->text, "%d %s", (int)m.entry.type, m.entry.path);
		if (m.link)
			text_printf(&l->text, " -> %s", m.link);
		if (m.hardlink)
			text_printf(&l->text, " == %s", m.hardlink);
		if (m.escapes)
			text_put(&l->text, " ESCAPES");
		/* Holes of 8 GiB are too slow to hash here. */
		if (data && m.entry.size < GIB) {
			while ((n = archive_reader_data(r, buf, sizeof buf, &l->error)) > 0) {
				h = fnv(h, buf, (size_t)n);
				total += (uint64_t)n;
			}
			if (n == 0 && m.entry.type == ENTRY_FILE)
				CHECK_INT(total, m.entry.size);
			l->bytes += total;
		}
		text_printf(&l->text, " %llu %016llx\n", (unsigned long long)m.entry.size,
			    (unsigned long long)h);
		if (n < 0) {
			got = -1;
			break;
		}
	}
	l->read = got;
	/* A failure sticks. */
	if (got < 0)
		CHECK_INT(archive_reader_next(r, &m, &l->error), -1);
}

static struct listing list(const void *data, size_t length, size_t chunk, bool with_data)
{
	struct listing l = {.opened = -1, .read = -1, .finished = -1};
	struct slow s = {.data = data, .length = length, .chunk = chunk};
	autostream struct stream *up = stream_new(&slow_ops, &s, "test.tar", &l.error);
	NEED(up);
	struct archive_reader *r = archive_reader_open(up, &l.error);
	if (!r)
		return l;
	l.opened = 0;
	read_members(r, &l, with_data);
	if (l.read == 0)
		l.finished = archive_reader_finish(r, &l.error);
	else
		CHECK_INT(archive_reader_finish(r, &l.error), -1);
	CHECK(l.finished < 0 || s.finished);
	archive_reader_destroy(r);
	return l;
}

static int outcome(const void *data, size_t length, size_t chunk)
{
	struct listing l = list(data, length, chunk, true);
	int finished = l.finished;
	text_free(&l.text);
	if (finished < 0)
		CHECK(l.error.cls != ERROR_NONE && l.error.cls != ERROR_INTERNAL);
	return finished;
}

static int sh(const char *fmt, ...) printf_like(1, 2);
static int sh(const char *fmt, ...)
{
	char command[4096];
	va_list ap;
	va_start(ap, fmt);
	NEED(vsnprintf(command, sizeof command, fmt, ap) < (int)sizeof command);
	va_end(ap);
	return system(command);
}

static uint8_t *slurp(const char *name, size_t *length)
{
	char path[512];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	*length = (size_t)st.st_size;
	uint8_t *data = malloc(*length + 1);
	NEED(data && read(fd, data, *length) == (ssize_t)*length);
	return data;
}

static const size_t chunks[] = {1, 7, 512, MIB};

/* The same listing at each chunk size; finished. Returns it for one look more. */
static struct listing sound(const char *name)
{
	size_t length;
	autofree uint8_t *data = slurp(name, &length);
	struct listing first = list(data, length, MIB, true);
	if (first.finished < 0)
		fprintf(stderr, "%s: %s\n", name, first.error.text);
	CHECK_INT(first.finished, 0);
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
		struct listing l = list(data, length, chunks[i], true);
		CHECK_INT(l.finished, 0);
		CHECK_STR(text_str(&l.text), text_str(&first.text));
		text_free(&l.text);
		/* Members skipped, not read. */
		l = list(data, length, chunks[i], false);
		CHECK_INT(l.finished, 0);
		CHECK_INT(l.members, first.members);
		text_free(&l.text);
	}
	/* One byte less than the end mark: never finished. */
	size_t end = length;
	while (end && !data[end - 1])
		end--;
	end = (end + 511) / 512 * 512;
	CHECK_INT(outcome(data, end, MIB), -1);
	CHECK_INT(outcome(data, end + 512, MIB), -1);
	CHECK_INT(outcome(data, end + 1023, MIB), -1);
	return first;
}

/* The line of one file as listing has it. */
static char *line_of(const char *file, const char *as)
{
	char path[1024];
	struct stat st;
	snprintf(path, sizeof path, "%s/tree/%s", dir, file);
	NEED(stat(path, &st) == 0);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	NEED(fd >= 0);
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	uint8_t buf[4096];
	ssize_t n;
	while ((n = read(fd, buf, sizeof buf)) > 0)
		h = fnv(h, buf, (size_t)n);
	return text_format("0 %s %llu %016llx\n", as, (unsigned long long)st.st_size,
			   (unsigned long long)h);
}

static void check_file(const struct listing *l, const char *file)
{
	autofree char *line = line_of(file, file);
	if (!strstr(text_str(&l->text), line))
		fprintf(stderr, "missing: %sin:\n%s", line, text_str(&l->text));
	CHECK(strstr(text_str(&l->text), line) != NULL);
}

#define LONG100                                                                                    \
	"long-name-of-ninety-characters-0123456789-0123456789-0123456789-0123456789-0123456789-"   \
	"012"
#define LONG_DIR LONG100 "/" LONG100
#define LONG_FILE LONG_DIR "/" LONG100 "/file"

static void make_tree(void)
{
	NEED(sh("mkdir -p '%s/tree/etc/deep' '%s/tree/" LONG_DIR "/" LONG100 "'", dir, dir) == 0);
	NEED(sh("cd '%s/tree' && printf hello > etc/hostname && seq 1 2000 > etc/numbers && "
		"head -c 512 /dev/zero | tr '\\0' A > etc/block && : > etc/empty && "
		"ln -s ../etc/hostname etc/deep/link && ln etc/numbers etc/deep/hard && "
		"seq 1 77 > " LONG_FILE " && ln -s " LONG_FILE " etc/longlink && "
		"seq 5 > 'caf\xc3\xa9' && seq 6 > 'cafe\xcc\x81' && seq 7 > 'bad\xff' && "
		"mkfifo etc/pipe && touch -d @1234567890 etc/hostname && "
		"truncate -s 1M etc/sparse && printf data | dd of=etc/sparse bs=1 seek=300000 "
		"conv=notrunc 2>/dev/null && printf tail | dd of=etc/sparse bs=1 seek=700000 "
		"conv=notrunc 2>/dev/null",
		dir) == 0);
	/* More extents than fit into one block of them. */
	NEED(
	    sh("cd '%s/tree' && truncate -s 2M etc/holes && for i in $(seq 1 60); do "
	       "printf %%d $i | dd of=etc/holes bs=1 seek=$((i * 32768)) conv=notrunc 2>/dev/null; "
	       "done",
	       dir) == 0);
	if (geteuid() == 0)
		(void)sh("mknod '%s/tree/etc/null' c 1 3 2>/dev/null", dir);
}

static void check_tree(const struct listing *l)
{
	check_file(l, "etc/hostname");
	check_file(l, "etc/block");
	check_file(l, "etc/empty");
	check_file(l, "etc/sparse");
	check_file(l, "etc/holes");
	CHECK(strstr(text_str(&l->text), "2 etc/deep/link -> ../etc/hostname 0") != NULL);
	CHECK(strstr(text_str(&l->text), "1 etc 0") != NULL);
	CHECK(strstr(text_str(&l->text), "3 etc/pipe 0") != NULL);
	CHECK(strstr(text_str(&l->text), "caf\xc3\xa9 10 ") != NULL);
	CHECK(strstr(text_str(&l->text), "cafe\xcc\x81 12 ") != NULL);
	CHECK(strstr(text_str(&l->text), " == etc/") != NULL);
	CHECK(strstr(text_str(&l->text), "ESCAPES") == NULL);
}

static void gnu_formats(void)
{
	static const char *const formats[] = {"v7", "ustar", "gnu", "oldgnu", "pax"};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const char *f = formats[i];
		/* v7 has no place for long names, pipes and devices. */
		const char *without = strcmp(f, "v7") == 0	? "--exclude=long* --exclude=pipe "
								  "--exclude=null"
				      : strcmp(f, "ustar") == 0 ? "--exclude=" LONG100 " "
								  "--exclude=longlink"
								: "";
		NEED(sh("cd '%s' && tar --format=%s --sort=name %s -cf %s.tar -C tree .", dir, f,
			without, f) == 0);
		autofree char *name = text_format("%s.tar", f);
		struct listing l = sound(name);
		check_file(&l, "etc/hostname");
		check_file(&l, "etc/sparse");
		CHECK(strstr(text_str(&l.text), " == etc/deep/hard 0") != NULL);
		CHECK(strstr(text_str(&l.text), "caf\xc3\xa9 10 ") != NULL);
		CHECK(strstr(text_str(&l.text), "bad\xff 14 ") != NULL);
		if (i >= 2) {
			check_tree(&l);
			check_file(&l, LONG_FILE);
			CHECK(strstr(text_str(&l.text), "-> " LONG_FILE) != NULL);
		}
		text_free(&l.text);
	}
}

static void sparse_formats(void)
{
	static const char *const options[] = {
	    "--format=gnu -S", "--format=oldgnu -S", "--format=pax -S",
	    "--format=pax --sparse-version=0.0 -S", "--format=pax --sparse-version=0.1 -S"};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		NEED(sh("cd '%s' && tar %s --sort=name -cf sparse.tar -C tree .", dir,
			options[i]) == 0);
		struct listing l = sound("sparse.tar");
		check_tree(&l);
		text_free(&l.text);
	}
}

static void huge_sparse_member(void)
{
	static const char *const options[] = {"--format=gnu", "--format=pax"};
	NEED(sh("cd '%s' && mkdir -p huge && truncate -s 9G huge/disk && printf x | "
		"dd of=huge/disk bs=1 seek=9000000000 conv=notrunc 2>/dev/null && seq 3 > huge/z",
		dir) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		NEED(sh("cd '%s' && tar -S --sort=name %s -cf huge.tar -C huge .", dir,
			options[i]) == 0);
		struct listing l = sound("huge.tar");
		CHECK(strstr(text_str(&l.text), "0 disk 9663676416 ") != NULL);
		CHECK(strstr(text_str(&l.text), "0 z 6 ") != NULL);
		text_free(&l.text);
	}
	NEED(sh("rm -r '%s/huge'", dir) == 0);
}

static void bsdtar_formats(void)
{
	static const char *const formats[] = {"--format ustar", "--format gnutar", "--format pax",
					      ""};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		bool ustar = i == 0;
		NEED(sh("cd '%s' && LC_ALL=C.UTF-8 bsdtar %s %s -cf bsd.tar -C tree . 2>bsd.err || "
			"grep -q "
			"'bad' bsd.err",
			dir, formats[i],
			ustar ? "--exclude " LONG100 " --exclude longlink" : "") == 0);
		struct listing l = sound("bsd.tar");
		check_tree(&l);
		if (!ustar)
			check_file(&l, LONG_FILE);
		text_free(&l.text);
	}
}

/* Names in pax headers are UTF-8: their bytes come out in any locale, decomposed accents too. */
static void names_in_any_locale(void)
{
	size_t length;
	autofree uint8_t *data = slurp("pax.tar", &length);
	struct listing c = list(data, length, MIB, true);
	CHECK_INT(c.finished, 0);
	CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL);
	struct listing utf8 = list(data, length, MIB, true);
	setlocale(LC_ALL, "C");
	CHECK_INT(utf8.finished, 0);
	CHECK_STR(text_str(&utf8.text), text_str(&c.text));
	text_free(&c.text);
	text_free(&utf8.text);
}

static void times_and_owners(void)
{
	struct error e;
	size_t length;
	autofree uint8_t *data = slurp("pax.tar", &length);
	struct slow s = {.data = data, .length = length, .chunk = MIB};
	autostream struct stream *up = stream_new(&slow_ops, &s, "t", &e);
	NEED(up);
	struct archive_reader *r = archive_reader_open(up, &e);
	struct archive_member m;
	bool seen = false;
	NEED(r);
	CHECK_INT(archive_reader_finish(r, &e), -1);
	CHECK_INT(e.cls, ERROR_INTERNAL);
	while (archive_reader_next(r, &m, &e) == 1) {
		if (!strcmp(m.entry.path, "etc/hostname")) {
			seen = true;
			CHECK_INT(m.entry.mtime, 1234567890);
			CHECK(m.entry.ctime > 1234567890);
			CHECK_INT(m.entry.mode & S_IFMT, S_IFREG);
			CHECK_INT(m.entry.uid, geteuid());
		}
		if (m.entry.type == ENTRY_DIR)
			CHECK_INT(m.entry.mode & S_IFMT, S_IFDIR);
	}
	CHECK(seen);
	CHECK_INT(archive_reader_finish(r, &e), 0);
	CHECK_INT(archive_reader_next(r, &m, &e), 0);
	archive_reader_destroy(r);
}

static void upstream_must_finish(void)
{
	struct error e;
	size_t length;
	autofree uint8_t *data = slurp("gnu.tar", &length);
	struct slow s = {.data = data, .length = length, .chunk = MIB, .fail_finish = 1};
	autostream struct stream *up = stream_new(&slow_ops, &s, "t", &e);
	NEED(up);
	struct archive_reader *r = archive_reader_open(up, &e);
	struct archive_member m;
	NEED(r);
	while (archive_reader_next(r, &m, &e) == 1)
		;
	CHECK_INT(archive_reader_finish(r, &e), -1);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	CHECK_INT(e.offset, 7);
	CHECK_INT(archive_reader_finish(r, &e), -1);
	archive_reader_destroy(r);
}

/* --- archives built by hand --- */

static void put_header(struct text *t, const char *name, char type, uint64_t size, const char *link,
		       const char *magic)
{
	uint8_t h[512] = {0};
	char number[16];
	unsigned sum = 0;
	strncpy((char *)h, name, 100);
	memcpy(h + 100,
	       "0000644\0"
	       "0000000\0"
	       "0000000",
	       24);
	snprintf(number, sizeof number, "%011llo", (unsigned long long)size);
	memcpy(h + 124, number, 12);
	memcpy(h + 136, "00000000000", 12);
	h[156] = (uint8_t)type;
	if (link)
		strncpy((char *)h + 157, link, 100);
	memcpy(h + 257, magic, 8);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	snprintf(number, sizeof number, "%06o", sum);
	memcpy(h + 148, number, 7);
	text_put_bytes(t, h, 512);
}

static void put_data(struct text *t, const void *p, size_t n)
{
	static const uint8_t zeros[512];
	text_put_bytes(t, p, n);
	text_put_bytes(t, zeros, (512 - n % 512) % 512);
}

static void put_end(struct text *t)
{
	static const uint8_t zeros[1024];
	text_put_bytes(t, zeros, 1024);
}

#define USTAR                                                                                      \
	"ustar\0"                                                                                  \
	"00"
#define GNU "ustar  "
#define OLD "\0\0\0\0\0\0\0"

static void put_pax(struct text *t, const char *records, size_t n)
{
	put_header(t, "x", 'x', n, NULL, USTAR);
	put_data(t, records, n);
}

static struct listing built(struct text *t)
{
	NEED(!t->failed);
	struct listing l = list(t->data, t->length, 700, true);
	text_free(t);
	return l;
}

static void expect(struct text *t, const char *text)
{
	struct listing l = built(t);
	if (l.finished < 0)
		fprintf(stderr, "%s\n", l.error.text);
	CHECK_INT(l.finished, 0);
	if (!strstr(text_str(&l.text), text))
		fprintf(stderr, "%s", text_str(&l.text));
	CHECK(strstr(text_str(&l.text), text) != NULL);
	text_free(&l.text);
}

static void expect_failure(struct text *t, enum error_class cls, const char *text)
{
	struct listing l = built(t);
	CHECK_INT(l.finished, -1);
	CHECK_INT(l.error.cls, cls);
	if (!strstr(l.error.text, text))
		fprintf(stderr, "not \"%s\": %s\n", text, l.error.text);
	CHECK(strstr(l.error.text, text) != NULL);
	text_free(&l.text);
}

static void empty_archive(void)
{
	struct text t = {0};
	put_end(&t);
	struct listing l = built(&t);
	CHECK_INT(l.finished, 0);
	CHECK_INT(l.members, 0);
	text_free(&l.text);
	CHECK_INT(outcome("", 0, 1), -1);
	uint8_t zeros[512] = {0};
	CHECK_INT(outcome(zeros, 512, 512), -1);
	CHECK_INT(outcome(zeros, 100, 512), -1);
}

static void names_and_links(void)
{
	struct text t = {0};
	put_header(&t, "./a/./b//c", '0', 3, NULL, USTAR);
	put_data(&t, "abc", 3);
	put_end(&t);
	expect(&t, "0 a/b/c 3 ");
	put_header(&t, "/etc/passwd", '0', 0, NULL, USTAR);
	put_end(&t);
	expect(&t, "0 etc/passwd ESCAPES 0 ");
	put_header(&t, "a/../../x", '0', 0, NULL, GNU);
	put_end(&t);
	expect(&t, "0 a/../../x ESCAPES 0 ");
	put_header(&t, "..a/b..", '0', 0, NULL, GNU);
	put_end(&t);
	expect(&t, "0 ..a/b.. 0 ");
	put_header(&t, "l", '1', 0, "../../x", GNU);
	put_end(&t);
	expect(&t, "0 l == ../../x ESCAPES 0 ");
	put_header(&t, "old-style-dir/", 0, 0, NULL, OLD);
	put_end(&t);
	expect(&t, "1 old-style-dir 0 ");
	put_header(&t, "", '0', 0, NULL, USTAR);
	put_end(&t);
	expect_failure(&t, ERROR_CORRUPT, "no name");
	put_header(&t, ".", '0', 0, NULL, USTAR);
	put_end(&t);
	expect(&t, "0  ESCAPES 0 ");
}

static void path_limits(void)
{
	struct error e;
	bool escapes = false;
	autofree char *name = malloc(MEMBER_PATH_MAX + 2);
	NEED(name);
	memset(name, 'a', MEMBER_PATH_MAX + 1);
	name[MEMBER_PATH_MAX + 1] = 0;
	CHECK(member_path(name, &escapes, &e) == NULL);
	CHECK_INT(e.cls, ERROR_LIMIT);
	autofree char *path = member_path("/..//./", &escapes, &e);
	CHECK_STR(path, "..");
	CHECK(escapes);
}

/* A size in the header of what has no data is ignored in old archives, and obeyed for pax hard
 * links. */
static void sizes_of_what_has_no_data(void)
{
	struct text t = {0};
	for (const char *types = "23456"; *types; types++) {
		put_header(&t, "d", *types, 4096, "target", USTAR);
		put_header(&t, "f", '0', 2, NULL, USTAR);
		put_data(&t, "ok", 2);
		put_end(&t);
		expect(&t, "0 f 2 ");
	}
	const char *const magics[] = {OLD, USTAR, GNU};
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		put_header(&t, "f", '0', 2, NULL, magics[i]);
		put_data(&t, "ok", 2);
		put_header(&t, "h", '1', 2, "f", magics[i]);
		put_header(&t, "g", '0', 2, NULL, magics[i]);
		put_data(&t, "ok", 2);
		put_end(&t);
		expect(&t, "0 h == f 0 ");
	}
	put_pax(&t, "13 comment=a\n", 13);
	put_header(&t, "h", '1', 2, "f", USTAR);
	put_data(&t, "ok", 2);
	put_header(&t, "g", '0', 1, NULL, USTAR);
	put_data(&t, "x", 1);
	put_end(&t);
	expect(&t, "0 h == f 2 ");
}

/* GNU tar's list of a directory, in its own form. */
static void increments(void)
{
	static const struct {
		const char *list;
		size_t length;
		bool left_out;
	} rows[] = {
		{"Yf\0DNd\0Yg\0\0", 12, false}, {"\0", 1, false},	{"Yf\0\0Ng\0\0", 8, false},
		{"YN\0Nf\0\0", 7, true},	  {"Nf\0\0", 4, true}, {"N", 1, true},
	};
	struct text t = {0};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put_header(&t, "d/", 'D', rows[i].length, NULL, GNU);
		put_data(&t, rows[i].list, rows[i].length);
		put_header(&t, "d/f", '0', 1, NULL, GNU);
		put_data(&t, "x", 1);
		put_end(&t);
		if (rows[i].left_out)
			expect_failure(&t, ERROR_UNSUPPORTED, "increment");
		else
			expect(&t, "1 d 0 ");
	}
}

static void pax_records(void)
{
	struct text t = {0};
	/* The record's size counts, not the header's. */
	put_pax(&t, "9 size=3\n", 9);
	put_header(&t, "f", '0', 0, NULL, USTAR);
	put_data(&t, "abc", 3);
	put_header(&t, "g", '0', 1, NULL, USTAR);
	put_data(&t, "x", 1);
	put_end(&t);
	expect(&t, "0 f 3 ");
	/* A capability: the value has NUL and newline bytes. */
	static const char cap[] = "36 SCHILY.xattr.security.c=\x01\0\0\x02\n\0\0\0\n";
	NEED(sizeof cap - 1 == 36);
	put_pax(&t, cap, 36);
	put_header(&t, "ping", '0', 1, NULL, USTAR);
	put_data(&t, "x", 1);
	put_end(&t);
	expect(&t, "0 ping 1 ");
	/* GNU tar's list of a directory: what it leaves out makes it an increment. */
	static const char list[] = "24 GNU.dumpdir=Yf\0DNd\0\0\n", left[] = "23 GNU.dumpdir=YN\0Nf\0\0\n";
	NEED(sizeof list - 1 == 24 && sizeof left - 1 == 23);
	put_pax(&t, list, 24);
	put_header(&t, "d", '5', 0, NULL, USTAR);
	put_end(&t);
	expect(&t, "1 d 0 ");
	put_pax(&t, left, 23);
	put_header(&t, "d", '5', 0, NULL, USTAR);
	put_end(&t);
	expect_failure(&t, ERROR_UNSUPPORTED, "increment");
	static const struct {
		const char *records;
		enum error_class cls;
		const char *text;
	} bad[] = {
	    {"9 size=3X", ERROR_CORRUPT, "does not lead to its end"},
	    {"99 size=3\n", ERROR_CORRUPT, "does not lead to its end"},
	    {"size=3\n", ERROR_CORRUPT, "begin with its length"},
	    {"9 size=x\n", ERROR_CORRUPT, "not a number"},
	    {"29 size=99999999999999999999\n", ERROR_CORRUPT, ""},
	    {"28 size=9223372036854775800\n", ERROR_CORRUPT, "impossible"},
	    {"9 size 3\n", ERROR_CORRUPT, "no keyword"},
	    {"5 =a\n", ERROR_CORRUPT, "no keyword"},
	    {"0 size=3\n", ERROR_CORRUPT, ""},
	    {"18446744073709551617 size=3\n", ERROR_CORRUPT, ""},
	    {"22 SUN.holesdata= 1 2\n", ERROR_UNSUPPORTED, "holes"},
	    {"22 GNU.sparse.major=2\n", ERROR_UNSUPPORTED, "holes"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_pax(&t, bad[i].records, strlen(bad[i].records));
		put_header(&t, "f", '0', 3, NULL, USTAR);
		put_data(&t, "abc", 3);
		put_end(&t);
		expect_failure(&t, bad[i].cls, bad[i].text);
	}
	put_header(&t, "g", 'g', 9, NULL, USTAR);
	put_data(&t, "9 size=3\n", 9);
	put_header(&t, "f", '0', 0, NULL, USTAR);
	put_end(&t);
	expect_failure(&t, ERROR_UNSUPPORTED, "global header");
	put_header(&t, "g", 'g', 13, NULL, USTAR);
	put_data(&t, "13 comment=a\n", 13);
	put_header(&t, "f", '0', 0, NULL, USTAR);
	put_end(&t);
	expect(&t, "0 f 0 ");
	/* The end mark, or the end, where the member of an extended header should be. */
	put_pax(&t, "9 size=3\n", 9);
	put_end(&t);
	expect_failure(&t, ERROR_CORRUPT, "without a member");
	put_pax(&t, "9 size=3\n", 9);
	expect_failure(&t, ERROR_CORRUPT, "cut inside a header");
	put_header(&t, "x", 'x', 2 * MIB, NULL, USTAR);
	put_end(&t);
	expect_failure(&t, ERROR_LIMIT, "1 MiB");
}

static void odd_members(void)
{
	struct text t = {0};
	put_header(&t, "label", 'V', 0, NULL, GNU);
	put_header(&t, "f", '0', 0, NULL, GNU);
	put_end(&t);
	expect(&t, "0 f 0 ");
	put_header(&t, "f", '7', 1, NULL, USTAR);
	put_data(&t, "x", 1);
	put_end(&t);
	expect(&t, "0 f 1 ");
	put_header(&t, "dumpdir/", 'D', 5, NULL, GNU);
	put_data(&t, "Yabc\0", 5);
	put_end(&t);
	expect(&t, "1 dumpdir 0 ");
	for (const char *types = "MNS"; *types; types++) {
		put_header(&t, "f", *types, 5, NULL, USTAR);
		put_data(&t, "abcde", 5);
		put_end(&t);
		expect_failure(&t, ERROR_UNSUPPORTED, "");
	}
	/* Sparse, but the map is not there. */
	put_header(&t, "f", 'S', 5, NULL, GNU);
	put_data(&t, "abcde", 5);
	put_end(&t);
	expect_failure(&t, ERROR_CORRUPT, "map");
}

static void map_of_format_1_0(void)
{
	static const char records[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
				      "27 GNU.sparse.realsize=100\n";
	static const struct {
		const char *map;
		size_t stored;
		enum error_class cls; /* ERROR_NONE: sound */
	} cases[] = {
	    {"2\n10\n3\n50\n2\n", 517, ERROR_NONE},
	    {"1\n10\n5\n", 517, ERROR_NONE},
	    {"0\n", 512, ERROR_NONE},
	    {"2\n10\n3\n50\n3\n", 517, ERROR_CORRUPT}, /* more than is stored */
	    {"2\n10\n3\n50\n1\n", 517, ERROR_CORRUPT}, /* less */
	    {"2\n50\n3\n10\n2\n", 517, ERROR_CORRUPT}, /* out of order */
	    {"2\n10\n3\n12\n2\n", 517, ERROR_CORRUPT}, /* overlapping */
	    {"1\n98\n5\n", 517, ERROR_CORRUPT},	       /* behind the end of the file */
	    {"2\n10\n3\n50x\n2\n", 517, ERROR_CORRUPT},
	    {"\n10\n3\n", 517, ERROR_CORRUPT},
	    {"9\n10\n3\n50\n2\n", 517, ERROR_CORRUPT},
	    {"1\n9223372036854775807\n5\n", 517, ERROR_CORRUPT},
	    {"99999999999\n1\n5\n", 517, ERROR_LIMIT},
	    {"1\n10\n0\n", 0, ERROR_CORRUPT},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct text t = {0};
		put_pax(&t, records, sizeof records - 1);
		put_header(&t, "f", '0', cases[i].stored, NULL, USTAR);
		if (cases[i].stored) {
			put_data(&t, cases[i].map, strlen(cases[i].map));
			put_data(&t, "abcde", cases[i].stored - 512);
		}
		put_end(&t);
		if (cases[i].cls == ERROR_NONE)
			expect(&t, "0 f 100 ");
		else
			expect_failure(&t, cases[i].cls, "");
	}
}

static void behind_the_end_mark(void)
{
	struct text t = {0};
	for (int i = 0; i < 2; i++) {
		put_header(&t, "f", '0', 1, NULL, USTAR);
		put_data(&t, "x", 1);
		put_end(&t);
	}
	struct listing l = list(t.data, t.length, 512, true);
	CHECK_INT(l.members, 1);
	CHECK_INT(l.read, 0);
	CHECK_INT(l.finished, -1);
	CHECK_INT(l.error.cls, ERROR_CORRUPT);
	CHECK_INT(l.error.offset, 2048);
	text_free(&l.text);
	/* A lone zero block in the middle: GNU tar and libarchive would stop there. */
	memmove(t.data + 1536, t.data + 2048, t.length - 2048);
	t.length -= 512;
	expect_failure(&t, ERROR_CORRUPT, "lone block");
	/* Padding of any number of whole zero blocks is fine; half a block is a cut. */
	put_header(&t, "f", '0', 0, NULL, USTAR);
	for (int i = 0; i < 10; i++)
		put_end(&t);
	size_t length = t.length;
	for (size_t n = 512 + 1024; n <= length; n += 64)
		CHECK_INT(outcome(t.data, n, MIB), n % 512 ? -1 : 0);
	for (size_t at = 512 + 1024; at < length; at += 333) {
		t.data[at] = 1;
		CHECK_INT(outcome(t.data, length, MIB), -1);
		t.data[at] = 0;
	}
	text_free(&t);
}

/* A small archive with every kind of block; marks tells headers (1) from the rest (0). */
static uint8_t *small_archive(const char *options, size_t *length)
{
	size_t n;
	NEED(sh("rm -rf '%s/small' && mkdir '%s/small' && cd '%s/small' && printf hello > a && ln "
		"a b && "
		"ln -s a c && mkdir d && truncate -s 20000 e && printf x | dd of=e bs=1 seek=9000 "
		"conv=notrunc 2>/dev/null && printf z > " LONG100 LONG100 " && cd .. && "
		"tar --sort=name -b 1 -S %s -cf small.tar -C small .",
		dir, dir, dir, options) == 0);
	uint8_t *data = slurp("small.tar", &n);
	*length = n;
	return data;
}

static const char *const small_options[] = {"--format=gnu", "--format=pax"};

static void every_truncation(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(small_options); k++) {
		size_t length;
		autofree uint8_t *data = small_archive(small_options[k], &length);
		CHECK_INT(outcome(data, length, MIB), 0);
		for (size_t n = 0; n < length; n++) {
			/* Its own memory, so that a sanitizer sees a read past the end. */
			autofree uint8_t *cut = malloc(n + 1);
			NEED(cut);
			memcpy(cut, data, n);
			CHECK_INT(outcome(cut, n, n % 2 ? MIB : 512), -1);
		}
		for (size_t n = 0; n < length; n += 509)
			CHECK_INT(outcome(data, n, 7), -1);
	}
}

/*
 * Every bit of every block: one in a header, a sparse map's block or the end mark must be noticed.
 * What passes is data, padding, or text in a pax or long-name body, none of which a tar file can
 * vouch for.
 */
static void every_bit(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(small_options); k++) {
		size_t length, headers = 0, passed = 0;
		autofree uint8_t *data = small_archive(small_options[k], &length);
		for (size_t at = 0; at < length; at += 512) {
			bool header = tar_checksum_fits(data + at, true);
			bool strict = header || at + 1024 >= length;
			headers += header;
			for (size_t bit = 0; bit < 512 * 8; bit += strict ? 1 : 61) {
				data[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
				int got = outcome(data, length, MIB);
				data[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
				if (strict && got == 0)
					fprintf(stderr, "unnoticed: bit %zu of the header at %zu\n",
						bit, at);
				CHECK(!strict || got < 0);
				passed += got == 0;
			}
		}
		CHECK(headers >= 7);
		CHECK(passed > 0);
	}
}

/* Damage of any kind anywhere: no crash, no hang, and never more than a failure. */
static void random_damage(void)
{
	struct rng rng = {42};
	for (size_t k = 0; k < ARRAY_SIZE(small_options); k++) {
		size_t length;
		autofree uint8_t *data = small_archive(small_options[k], &length);
		autofree uint8_t *copy = malloc(length);
		NEED(copy);
		for (int i = 0; i < 2000; i++) {
			memcpy(copy, data, length);
			for (uint64_t n = 1 + rng_below(&rng, 8); n; n--)
				copy[rng_below(&rng, length)] = (uint8_t)rng_next(&rng);
			/* Half of them with checksums made right again, to get past them. */
			for (size_t at = 0; i % 2 && at < length; at += 512) {
				unsigned sum = 0;
				if (!tar_checksum_fits(data + at, true))
					continue;
				memset(copy + at + 148, ' ', 8);
				for (size_t j = 0; j < 512; j++)
					sum += copy[at + j];
				char digits[16];
				snprintf(digits, sizeof digits, "%06o", sum);
				memcpy(copy + at + 148, digits, 7);
			}
			(void)outcome(copy, length, 1 + rng_below(&rng, 2000));
		}
	}
}

static int bid_of(const struct format *f, const void *data, size_t n)
{
	struct probe p = {.head = data, .head_length = n, .size = n};
	return f->bid(&p);
}

static void bids(void)
{
	static const char *const formats[] = {"ustar", "gnu", "oldgnu", "pax", "v7"};
	uint8_t zeros[1024] = {0};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		size_t length;
		autofree char *name = text_format("%s.tar", formats[i]);
		autofree uint8_t *data = slurp(name, &length);
		CHECK_INT(bid_of(&archive_tar, data, 1024), i == 4 ? 30 : 90);
		CHECK_INT(bid_of(&archive_cpio, data, 1024), 0);
		CHECK_INT(bid_of(&archive_tar, data, 511), 0);
		data[0] ^= 4;
		CHECK_INT(bid_of(&archive_tar, data, 1024), 0);
	}
	CHECK_INT(bid_of(&archive_tar, zeros, sizeof zeros), 0);
	CHECK_INT(bid_of(&archive_cpio, zeros, sizeof zeros), 0);
	static const char *const kinds[] = {"newc", "crc", "odc"};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t length;
		NEED(sh("cd '%s/tree/etc' && echo hostname | cpio --quiet -o -H %s > ../../x.cpio",
			dir, kinds[i]) == 0);
		autofree uint8_t *data = slurp("x.cpio", &length);
		CHECK_INT(bid_of(&archive_cpio, data, length), 90);
		CHECK_INT(bid_of(&archive_tar, data, length), 0);
		CHECK_INT(bid_of(&archive_cpio, data, 50), 0);
		data[7] = 'x';
		CHECK_INT(bid_of(&archive_cpio, data, length), 0);
	}
	CHECK(archive_cpio.product != NULL);
	CHECK(archive_tar.product == NULL);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof dir, "%s/backproof-archive.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(dir));
	setlocale(LC_ALL, "C");
	make_tree();
	RUN(gnu_formats);
	RUN(sparse_formats);
	RUN(huge_sparse_member);
	RUN(bsdtar_formats);
	RUN(names_in_any_locale);
	RUN(times_and_owners);
	RUN(upstream_must_finish);
	RUN(empty_archive);
	RUN(names_and_links);
	RUN(path_limits);
	RUN(sizes_of_what_has_no_data);
	RUN(pax_records);
	RUN(increments);
	RUN(odd_members);
	RUN(map_of_format_1_0);
	RUN(behind_the_end_mark);
	RUN(every_truncation);
	RUN(every_bit);
	RUN(random_damage);
	RUN(bids);
	sh("chmod -R u+w '%s'; rm -rf '%s'", dir, dir);
	return test_done();
}
