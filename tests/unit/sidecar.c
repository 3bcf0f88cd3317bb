// SPDX-License-Identifier: GPL-3.0-or-later
/* What the real tools write is read right, what is garbage is named, what is uncovered is found. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backproof/sidecar.h"
#include "backproof/text.h"
#include "test.h"

/* What the fixtures' files held; openssl writes names as they are. */
static const struct {
	const char *name, *content;
} contents[] = {
	{"a b", "hello"},	{"new\nline", "x"},    {"back\\slash", "y"}, {"ünï (1) = 2", "z"},
	{"sub/plain", "plain"}, {"./disk.img", "disk"}, {"disk.img", "disk"}, {"piped", "disk"},
	{"bare", "disk"},
};

static void digest_of(enum digest_kind k, const char *text, uint8_t out[DIGEST_MAX])
{
	struct error e;
	struct digest *d = digest_new(k, &e);
	NEED(d);
	digest_update(d, text, strlen(text));
	NEED(digest_final(d, out, &e) == 0);
	digest_destroy(d);
}

static const char *hex_of(enum digest_kind k, const char *text)
{
	static char buf[4][2 * DIGEST_MAX + 1];
	static int next;
	uint8_t raw[DIGEST_MAX];
	digest_of(k, text, raw);
	return hex_encode(raw, digest_size(k), buf[next++ % 4]);
}

struct tally {
	size_t right, wrong;
	unsigned kinds;
	char last[300];
};

static int count_line(void *ctx, unsigned line, enum digest_kind kind, const uint8_t *digest,
		      const char *name)
{
	struct tally *t = ctx;
	uint8_t want[DIGEST_MAX];
	(void)line;
	snprintf(t->last, sizeof t->last, "%s", name);
	t->kinds |= 1u << kind;
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		if (strcmp(name, contents[i].name))
			continue;
		digest_of(kind, contents[i].content, want);
		if (memcmp(want, digest, digest_size(kind)))
			break;
		t->right++;
		return 0;
	}
	t->wrong++;
	return 0;
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	NEED(f);
	char *buf = malloc(65536);
	NEED(buf);
	*len = fread(buf, 1, 65536, f);
	fclose(f);
	return buf;
}

static void expect_file(const char *file, size_t right, size_t bad, int kind)
{
	char path[300];
	struct tally t = {0};
	struct error e = {0};
	size_t len;
	snprintf(path, sizeof path, "fixtures/sidecar/%s", file);
	char *data = slurp(path, &len);
	size_t got = sidecar_parse(data, len, path, count_line, &t, &e);
	if (got != bad || t.right != right || t.wrong ||
	    (kind >= 0 && t.kinds != (right ? 1u << kind : 0))) {
		fprintf(stderr, "%s: bad %zu, right %zu, wrong %zu, kinds %x (%s)\n", file, got,
			t.right, t.wrong, t.kinds, e.text);
		test_bad_here++;
	}
	free(data);
}

static void real_tools(void)
{
	static const char *const upper[] = {"MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "B2"};
	static const char *const lower[] = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "b2"};
	char name[64];
	for (int k = 0; k < DIGEST_FSVERITY; k++) {
		snprintf(name, sizeof name, "%sSUMS", upper[k]);
		expect_file(name, 6, 0, k);
		snprintf(name, sizeof name, "tag-%s.txt", lower[k]);
		expect_file(name, 6, 0, k);
		snprintf(name, sizeof name, "disk.img.%s", lower[k]);
		expect_file(name, 1, 0, k);
		snprintf(name, sizeof name, "openssl-%s.txt", k == DIGEST_BLAKE2B ? "blake2b512" : lower[k]);
		expect_file(name, 4, 0, k);
	}
	expect_file("openssl-r.txt", 1, 0, DIGEST_SHA256);
	expect_file("piped.sha256", 1, 0, DIGEST_SHA256);
	expect_file("piped.sha512", 1, 0, DIGEST_SHA512);
	expect_file("bare.sha256", 1, 0, DIGEST_SHA256);
	expect_file("windows.sha256sum", 1, 0, DIGEST_SHA256);
	expect_file("machine.mf", 2, 0, -1);
	expect_file("FSVERITYSUMS", 5, 0, DIGEST_FSVERITY);
	expect_file("disk.img.fsverity", 1, 0, DIGEST_FSVERITY);
	expect_file("bare.fsverity", 1, 0, DIGEST_FSVERITY);
	expect_file("sha512.fsverity", 0, 1, -1);
	expect_file("short.b2", 0, 1, -1);
	expect_file("short-tag.txt", 0, 1, -1);
	expect_file("crc.txt", 0, 1, -1);
	expect_file("utf16.sha256sum", 1, 0, DIGEST_SHA256);
	expect_file("certutil.sha256", 1, 0, DIGEST_SHA256);
	expect_file("get-filehash.sha256", 1, 0, DIGEST_SHA256);
}

static size_t parse(const char *text, const char *name, struct tally *t, struct error *e)
{
	memset(t, 0, sizeof *t);
	memset(e, 0, sizeof *e);
	return sidecar_parse(text, strlen(text), name, count_line, t, e);
}

static void bad_lines(void)
{
	struct tally t;
	struct error e;
	const char *sha = hex_of(DIGEST_SHA256, "disk"), *md5 = hex_of(DIGEST_MD5, "disk");
	char line[1024];
	static const struct {
		const char *pattern; /* %s is the digest */
		const char *says;
	} lines[] = {
		{"hello\n", "not a digest line"},
		{"%s  C:\\disk.img\n", "Windows"},
		{"%s  \\\\nas\\disk.img\n", "Windows"},
		{"%s  ../disk.img\n", "leaves"},
		{"%s  sub/../../disk.img\n", "leaves"},
		{"%s  sub/..\n", "leaves"},
		{"%sa  disk.img\n", "hexadecimal"},
		{"g%s  disk.img\n", "not a digest line"},
		{"%s\tdisk.img\n", "not a digest line"},
		{"SHA256 (disk.img) = %s0\n", "hexadecimal"},
		{"SHA512 (disk.img) = %s\n", "64 hexadecimal digits where sha512 has 128"},
		{"SHA3-256 (disk.img) = %s\n", "not supported"},
		{"SHA256 () = %s\n", "no file name"},
		{"SHA256 (disk.img) %s\n", "not a digest line"},
		{"SHA256 (disk.img) = %s more\n", "not a digest line"},
		{"\\%s  disk\\x.img\n", "bad escape"},
		{"\\%s  disk.img\\\n", "bad escape"},
		{"%s\n", "names no file"},
		{"%s  -\n", "names no file"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof line, lines[i].pattern, sha);
#pragma GCC diagnostic pop
		CHECK_INT(parse(line, "SHA256SUMS", &t, &e), 1);
		if (!strstr(e.text, lines[i].says) || !strstr(e.text, "line 1:")) {
			fprintf(stderr, "%s -> %s\n", line, e.text);
			test_bad_here++;
		}
		CHECK_INT(t.right + t.wrong, 0);
	}
	/* A digest cut to the length of a weaker kind */
	snprintf(line, sizeof line, "%.32s  disk.img\n", sha);
	CHECK_INT(parse(line, "disk.img.sha256", &t, &e), 1);
	CHECK(strstr(e.text, "32 hexadecimal digits where sha256 has 64"));
	/* The name of the list says nothing: the length tells */
	snprintf(line, sizeof line, "%s  disk.img\n", md5);
	CHECK_INT(parse(line, "CHECKSUMS", &t, &e), 0);
	CHECK_INT(t.right, 1);
	snprintf(line, sizeof line, "%.30s  disk.img\n", md5);
	CHECK_INT(parse(line, "CHECKSUMS", &t, &e), 1);
	/* What fsverity prints means its digest only where the sidecar's name says so */
	const char *tree = hex_of(DIGEST_FSVERITY, "disk");
	static const struct {
		const char *sidecar, *pattern;
		size_t right;
		const char *says; /* NULL: a good line */
	} verity[] = {
		{"disk.img.fsverity", "sha256:%s disk.img\n", 1, NULL},
		{"disk.img.fsverity", "sha256:%s\n", 1, NULL},
		{"disk.img.fsverity", "%s\n", 1, NULL},
		{"disk.img.fsverity", "%s  disk.img\n", 1, NULL},
		{"disk.img.FSVERITY", "sha256:%s disk.img\r\n", 1, NULL},
		{"fsveritysums.txt", "sha256:%s disk.img\n", 1, NULL},
		{"fsveritysums.txt", "sha256:%s\n", 0, "names no file"},
		{"disk.img.fsverity", "sha256:%s /srv/backup/disk.img\n", 1, NULL},
		{"disk.img.fsverity", "sha256:%s ../disk.img\n", 1, NULL},
		{"disk.img.fsverity", "%s  sub/disk.img\n", 1, NULL},
		{"disk.img.fsverity", "%s *D:\\backup\\disk.img\n", 1, NULL},
		{"disk.img.fsverity", "sha256:%s ../disk.img2\n", 0, "leaves"},
		{"disk.img.fsverity", "sha256:%s D:\\disk.img2\n", 0, "Windows"},
		{"disk.img.fsverity", "sha256:%s0 disk.img\n", 0, "65 hexadecimal digits where fsverity has 64"},
		{"disk.img.fsverity", "sha256:%.63s disk.img\n", 0, "63 hexadecimal digits where fsverity has 64"},
		{"disk.img.fsverity", "sha256:%.20s disk.img\n", 0, "not a digest line"},
		{"disk.img.fsverity", "sha256: %s disk.img\n", 0, "not a digest line"},
		{"disk.img.fsverity", "sha256:%sdisk.img\n", 0, "not a digest line"},
		{"disk.img.fsverity", "sha512:%s disk.img\n", 0, "SHA-512"},
		{"disk.img.fsverity", "md5:%s disk.img\n", 0, "not a digest line"},
		{"disk.img.sha256", "sha256:%s disk.img\n", 0, "NAME.fsverity"},
		{"CHECKSUMS", "sha256:%s disk.img\n", 0, "NAME.fsverity"},
		{"SHA256SUMS", "sha256:%s disk.img\n", 0, "NAME.fsverity"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(verity); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof line, verity[i].pattern, tree);
#pragma GCC diagnostic pop
		size_t bad = parse(line, verity[i].sidecar, &t, &e);
		if (bad != (verity[i].says != NULL) || t.right != verity[i].right || t.wrong ||
		    (bad && !strstr(e.text, verity[i].says)) || (!bad && t.kinds != 1u << DIGEST_FSVERITY)) {
			fprintf(stderr, "%s: %s -> %s\n", verity[i].sidecar, line, e.text);
			test_bad_here++;
		}
	}
	/* One good line does not excuse the garbage */
	snprintf(line, sizeof line, "x\n%s  disk.img\n\ny\n", sha);
	CHECK_INT(parse(line, "SHA256SUMS", &t, &e), 2);
	CHECK_INT(t.right, 1);
	CHECK(strstr(e.text, "line 1:"));
	CHECK_INT(e.offset, 0);
	snprintf(line, sizeof line, "# note\n%s  disk.img\nzzz\n", sha);
	CHECK_INT(parse(line, "SHA256SUMS", &t, &e), 1);
	CHECK(strstr(e.text, "line 3:"));
	CHECK_INT(e.offset, 7 + 64 + 2 + 9);
}

static void limits(void)
{
	struct tally t = {0};
	struct error e = {0};
	size_t big = 16 * MIB + 1;
	char *data = malloc(big);
	NEED(data);
	memset(data, '#', big);
	CHECK_INT(sidecar_parse(data, big, "SHA256SUMS", count_line, &t, &e), 1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	memset(data, 'a', 20000);
	data[20000] = '\n';
	CHECK_INT(sidecar_parse(data, 20001, "SHA256SUMS", count_line, &t, &e), 1);
	CHECK(strstr(e.text, "too long"));
	CHECK_INT(sidecar_parse("ab\0c\n", 5, "SHA256SUMS", count_line, &t, &e), 1);
	CHECK(strstr(e.text, "NUL"));
	CHECK_INT(sidecar_parse("", 0, "SHA256SUMS", count_line, &t, &e), 0);
	free(data);
}

/* A directory tree for the loader: ROOT/repo/point/... */
static char root[200];

static void make(const char *name, const char *fmt, ...) printf_like(2, 3);
static void make(const char *name, const char *fmt, ...)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", root, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(path, 0755);
		*p = '/';
	}
	FILE *f = fopen(path, "w");
	NEED(f);
	va_list ap;
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

static void fresh(void)
{
	if (*root) {
		char cmd[300];
		snprintf(cmd, sizeof cmd, "rm -rf '%s'", root);
		NEED(system(cmd) == 0);
	}
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%s/sidecar.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	NEED(mkdtemp(root));
}

struct loaded {
	struct restore_point point;
	struct point_file files[4];
	char paths[4][600];
	struct sidecars s;
	struct findings f;
};

/* names: up to four files below ROOT, NULL-terminated */
static void load(struct loaded *l, const char *const *names)
{
	struct error e = {0};
	memset(l, 0, sizeof *l);
	for (; names[l->point.count]; l->point.count++) {
		size_t i = l->point.count;
		snprintf(l->paths[i], sizeof l->paths[i], "%s/%s", root, names[i]);
		l->files[i].path = l->paths[i];
	}
	l->point.items = l->files;
	NEED(findings_init(&l->f) == 0);
	CHECK_INT(sidecars_load(&l->point, &l->s, &l->f, &e), 0);
}

static void unload(struct loaded *l)
{
	sidecars_free(&l->s);
	findings_free(&l->f);
}

static size_t found(const struct loaded *l, const char *check, enum outcome o)
{
	size_t n = 0;
	for (size_t i = 0; i < l->f.count; i++)
		n += !strcmp(l->f.items[i].check, check) && l->f.items[i].outcome == o;
	return n;
}

#define LOAD(l, ...) load((l), (const char *const[]){__VA_ARGS__, NULL})

static void expect(struct loaded *l, size_t lines, size_t findings, const char *check)
{
	size_t broken = check ? found(l, check, OUTCOME_BROKEN) : 0;
	if (l->s.count != lines || l->f.count != findings || (check && broken != findings)) {
		fprintf(stderr, "%zu lines, %zu findings\n", l->s.count, l->f.count);
		for (size_t i = 0; i < l->f.count; i++)
			fprintf(stderr, "  %s %s: %s\n", l->f.items[i].check,
				outcome_name(l->f.items[i].outcome), l->f.items[i].detail);
		test_bad_here++;
	}
	unload(l);
}

static void beside_a_file(void)
{
	struct loaded l;
	fresh();
	make("p/a.img.zst", "x");
	LOAD(&l, "p/a.img.zst");
	expect(&l, 0, 0, NULL);

	make("p/a.img.zst.sha256", "%s  a.img.zst\n", hex_of(DIGEST_SHA256, "x"));
	make("p/a.img.zst.md5", "MD5 (./a.img.zst) = %s\n", hex_of(DIGEST_MD5, "x"));
	make("p/b.img.zst.sha256", "garbage\n"); /* of another file: none of our business */
	LOAD(&l, "p/a.img.zst");
	CHECK(l.s.count == 2 && !l.s.items[0].content && l.s.items[0].kind == DIGEST_SHA256 &&
	      l.s.items[1].kind == DIGEST_MD5 && l.s.items[0].line == 1);
	CHECK_INT(l.s.paths.count, 2);
	expect(&l, 2, 0, NULL);

	make("p/a.img.zst.sha512", "%s\n", hex_of(DIGEST_SHA512, "x"));
	make("p/a.img.sha1", "%s  a.img\n", hex_of(DIGEST_SHA1, "decoded"));
	LOAD(&l, "p/a.img.zst");
	CHECK(l.s.count == 4);
	for (size_t i = 0; i < l.s.count; i++)
		CHECK_INT(l.s.items[i].content, l.s.items[i].kind == DIGEST_SHA1);
	expect(&l, 4, 0, NULL);

	/* With an a.img beside, its digest is its own. */
	make("p/a.img", "other");
	LOAD(&l, "p/a.img.zst");
	expect(&l, 3, 0, NULL);

	make("q/a.img.zst", "x");
	make("q/a.img", "other");
	make("q/a.img.sha256", "%s  a.img\n", hex_of(DIGEST_SHA256, "other"));
	LOAD(&l, "q/a.img.zst");
	expect(&l, 0, 0, NULL);

	make("p/a.img.zst.sha256", "%s  a.img.zst\njunk\n", hex_of(DIGEST_SHA256, "x"));
	LOAD(&l, "p/a.img.zst");
	expect(&l, 3, 1, "sidecar.format");
	make("p/a.img.zst.sha256", "\n");
	LOAD(&l, "p/a.img.zst");
	expect(&l, 2, 1, "sidecar.format");
	make("p/a.img.zst.sha256", "%s  a.img.zst\n%s  ./a.img.zst\n", hex_of(DIGEST_SHA256, "x"),
	     hex_of(DIGEST_SHA256, "y"));
	LOAD(&l, "p/a.img.zst");
	expect(&l, 4, 1, "sidecar.conflict");
}

static void only_others(void)
{
	struct loaded l;
	fresh();
	make("p/a.img.zst", "x");
	make("p/a.img.zst.sha256", "%s  renamed.img.zst\n", hex_of(DIGEST_SHA256, "x"));
	LOAD(&l, "p/a.img.zst");
	CHECK(l.f.count && l.f.items[0].blame == BLAME_INCOMPLETE);
	CHECK(l.f.count && strstr(l.f.items[0].detail, "p/a.img.zst.sha256 was read)"));
	expect(&l, 0, 1, "sidecar.coverage");
	/* Cut in the middle of the name */
	make("p/a.img.zst.sha256", "%s  a.img.z", hex_of(DIGEST_SHA256, "x"));
	LOAD(&l, "p/a.img.zst");
	expect(&l, 0, 1, "sidecar.coverage");
}

static void lists(void)
{
	struct loaded l;
	fresh();
	make("r/p/sda.img", "x");
	make("r/p/sdb.img", "y");
	make("r/p/SHA256SUMS", "%s  sda.img\n%s *sdb.img\n%s  gone.img\n", hex_of(DIGEST_SHA256, "x"),
	     hex_of(DIGEST_SHA256, "y"), hex_of(DIGEST_SHA256, "z"));
	LOAD(&l, "r/p/sda.img", "r/p/sdb.img", "r/p/SHA256SUMS");
	expect(&l, 2, 0, NULL);
	/* One disk is not listed. */
	make("r/p/SHA256SUMS", "%s  sda.img\n", hex_of(DIGEST_SHA256, "x"));
	LOAD(&l, "r/p/sda.img", "r/p/sdb.img");
	CHECK(l.f.count == 1 && strstr(l.f.items[0].subject, "sdb.img"));
	expect(&l, 1, 1, "sidecar.coverage");
	/* None is. */
	make("r/p/SHA256SUMS", "%s  other.img\n", hex_of(DIGEST_SHA256, "x"));
	LOAD(&l, "r/p/sda.img", "r/p/sdb.img");
	expect(&l, 0, 2, "sidecar.coverage");
	/* A weaker list covers both. */
	make("r/p/MD5SUMS", "%s  sda.img\n%s  sdb.img\n", hex_of(DIGEST_MD5, "x"), hex_of(DIGEST_MD5, "y"));
	LOAD(&l, "r/p/sda.img", "r/p/sdb.img");
	expect(&l, 2, 0, NULL);
}

static void list_above(void)
{
	struct loaded l;
	fresh();
	make("r/p/sda.img", "x");
	make("r/sha256sum.txt", "junk\n%s  q/sda.img\n", hex_of(DIGEST_SHA256, "x"));
	LOAD(&l, "r/p/sda.img");
	expect(&l, 0, 0, NULL); /* lists none of ours: its garbage is not ours either */
	make("r/sha256sum.txt", "%s  ./p//sda.img\n", hex_of(DIGEST_SHA256, "x"));
	LOAD(&l, "r/p/sda.img");
	expect(&l, 1, 0, NULL);
	make("r/sha256sum.txt", "junk\n%s  p/sda.img\n", hex_of(DIGEST_SHA256, "x"));
	LOAD(&l, "r/p/sda.img");
	expect(&l, 1, 1, "sidecar.format");
	/* By a relative path with ".." in it, from inside the tree */
	char cwd[1000], dir[300];
	NEED(getcwd(cwd, sizeof cwd));
	snprintf(dir, sizeof dir, "%s/r/p", root);
	NEED(chdir(dir) == 0);
	make("r/sha256sum.txt", "%s  p/sda.img\n", hex_of(DIGEST_SHA256, "x"));
	memset(&l, 0, sizeof l);
	struct error e;
	l.files[0].path = (char[]){"../p/sda.img"};
	l.point = (struct restore_point){.items = l.files, .count = 1};
	NEED(findings_init(&l.f) == 0);
	CHECK_INT(sidecars_load(&l.point, &l.s, &l.f, &e), 0);
	NEED(chdir(cwd) == 0);
	expect(&l, 1, 0, NULL);
}

static void manifests(void)
{
	struct loaded l;
	fresh();
	make("vm/web01.ovf", "x");
	make("vm/web01-disk1.vmdk", "y");
	make("vm/db01.mf", "SHA256(db01.ovf)= %s\n", hex_of(DIGEST_SHA256, "x"));
	make("vm/web01.mf", "SHA256(web01.ovf)= %s\nSHA256(web01-disk1.vmdk)= %s\n",
	     hex_of(DIGEST_SHA256, "x"), hex_of(DIGEST_SHA256, "y"));
	LOAD(&l, "vm/web01-disk1.vmdk");
	expect(&l, 1, 0, NULL);
	LOAD(&l, "vm/web01.ovf", "vm/web01-disk1.vmdk");
	expect(&l, 2, 0, NULL);
	make("vm/web01.mf", "%s", "");
	LOAD(&l, "vm/web01.ovf", "vm/web01-disk1.vmdk");
	CHECK_INT(found(&l, "sidecar.format", OUTCOME_BROKEN), 1);
	CHECK_INT(found(&l, "sidecar.coverage", OUTCOME_BROKEN), 2);
	unload(&l);
}

static void odd_files(void)
{
	struct loaded l;
	char to[600];
	fresh();
	make("p/a.img", "x");
	make("keep/sum", "%s  a.img\n", hex_of(DIGEST_SHA256, "x"));
	snprintf(to, sizeof to, "%s/p/a.img.sha256", root);
	NEED(symlink("../keep/sum", to) == 0);
	LOAD(&l, "p/a.img");
	expect(&l, 1, 0, NULL);
	NEED(unlink(to) == 0 && symlink("nowhere", to) == 0);
	LOAD(&l, "p/a.img");
	CHECK_INT(found(&l, "sidecar.read", OUTCOME_UNREADABLE), 1);
	unload(&l);
	NEED(unlink(to) == 0 && mkfifo(to, 0600) == 0); /* must not hang */
	LOAD(&l, "p/a.img");
	CHECK_INT(found(&l, "sidecar.read", OUTCOME_UNREADABLE), 1);
	unload(&l);
	NEED(unlink(to) == 0);
	if (geteuid() != 0) {
		make("p/a.img.sha256", "x");
		NEED(chmod(to, 0) == 0);
		LOAD(&l, "p/a.img");
		CHECK_INT(found(&l, "sidecar.read", OUTCOME_UNREADABLE), 1);
		unload(&l);
		NEED(unlink(to) == 0);
	}
	int fd = open(to, O_WRONLY | O_CREAT, 0644);
	NEED(fd >= 0 && ftruncate(fd, 1 << 30) == 0);
	close(fd);
	LOAD(&l, "p/a.img");
	CHECK_INT(found(&l, "sidecar.format", OUTCOME_BROKEN), 1);
	CHECK_INT(found(&l, "sidecar.coverage", OUTCOME_BROKEN), 1);
	unload(&l);
}

/* The same line many times, and many that differ, cost neither memory nor time. */
static void flood(void)
{
	struct loaded l;
	struct text t = {0};
	fresh();
	make("p/a.img", "x");
	for (int i = 0; i < 20000; i++)
		text_printf(&t, "%064x  a.img\n", i % 5000);
	make("p/a.img.sha256", "%s", text_str(&t));
	LOAD(&l, "p/a.img");
	CHECK(l.s.count <= 16 && l.s.count > 1);
	CHECK(found(&l, "sidecar.conflict", OUTCOME_BROKEN) > 0);
	unload(&l);
	text_free(&t);
}

int main(void)
{
	RUN(real_tools);
	RUN(bad_lines);
	RUN(limits);
	RUN(beside_a_file);
	RUN(only_others);
	RUN(lists);
	RUN(list_above);
	RUN(manifests);
	RUN(odd_files);
	RUN(flood);
	char cmd[300];
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", root);
	NEED(system(cmd) == 0);
	return test_done();
}
