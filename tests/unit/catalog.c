// SPDX-License-Identifier: GPL-3.0-or-later
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "backproof/catalog.h"
#include "backproof/text.h"
#include "../../src/catalog/pattern.h"

static char root[64];

/* Stands before the C library's, to count what is looked at, and to let a file vanish before it is. */
static _Atomic size_t looks;
static const char *vanished = "";

int fstatat(int dir, const char *restrict name, struct stat *restrict st, int flags)
{
	looks++;
	if (*vanished && strstr(name, vanished)) {
		errno = ENOENT;
		return -1;
	}
	return (int)syscall(SYS_newfstatat, dir, name, st, flags);
}

static void clear(void)
{
	char cmd[400];
	snprintf(cmd, sizeof cmd, "chmod -R u+rwx %s; rm -rf %s && mkdir %s", root, root, root);
	NEED(system(cmd) == 0);
}

static const char *full(const char *name)
{
	static char path[400];
	snprintf(path, sizeof path, "%s/%s", root, name);
	return path;
}

/* An empty file (or one of size bytes) of that age; its directories too. */
static void put_sized(const char *name, int64_t mtime, int64_t size)
{
	char path[400];
	snprintf(path, sizeof path, "%s", full(name));
	for (char *s = path + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		NEED(mkdir(path, 0755) == 0 || errno == EEXIST);
		*s = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	NEED(fd >= 0 && ftruncate(fd, size) == 0);
	struct timespec t[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
	NEED(futimens(fd, t) == 0);
	close(fd);
}

static void put(const char *name, int64_t mtime)
{
	put_sized(name, mtime, 0);
}

static int64_t at(const char *rfc3339)
{
	int64_t t = 0;
	NEED(parse_rfc3339(rfc3339, &t) == 0);
	return t;
}

/* The points as text: "label[disk.part=name disk...];..." newest first; then "|partial". */
static char *show(const struct catalog *c)
{
	struct text t = {0};
	vec_each(c, p) {
		text_printf(&t, "%s%s[", p == c->items ? "" : ";", p->label);
		vec_each(p, f)
			text_printf(&t, "%s%s%s%s", f == p->items ? "" : " ", f->disk ? f->disk : "",
				    f->part ? "." : "", f->part ? f->part : "");
		text_put(&t, "]");
	}
	for (size_t i = 0; i < c->partial.count; i++)
		text_printf(&t, "|%s", c->partial.items[i] + strlen(root) + 1);
	static char out[2000];
	snprintf(out, sizeof out, "%s", text_str(&t));
	text_free(&t);
	return out;
}

static const char *from(const char *name, const char *host)
{
	static char out[2000];
	struct strings paths = {0};
	struct catalog c;
	struct error e;
	NEED(strings_add(&paths, full(name)) == 0);
	if (catalog_from_paths(&paths, host, &c, &e) < 0 || catalog_settle(&c, 0, &e) < 0)
		snprintf(out, sizeof out, "error %s: %.400s", error_class_name(e.cls), e.text);
	else
		snprintf(out, sizeof out, "%s", show(&c));
	catalog_free(&c);
	strings_free(&paths);
	return out;
}

static const char *find(const char *match, const char *host, const char *only)
{
	static char out[2000];
	struct repository r = {.name = (char *)"r", .path = root, .layout = (char *)"files",
			       .match = (char *)match};
	struct catalog c;
	struct error e;
	struct catalog_index *x = catalog_index_open(&r, only, &e);
	if (!x || catalog_index_find(x, host, &c, &e) < 0)
		snprintf(out, sizeof out, "error %s: %.400s", error_class_name(e.cls), e.text);
	else {
		snprintf(out, sizeof out, "%s", show(&c));
		catalog_free(&c);
	}
	catalog_index_destroy(x);
	return out;
}

static bool matches(const char *pattern, const char *name, const char *host, struct pattern_match *m)
{
	struct error e;
	static const struct captures none;
	struct pattern *p = pattern_new(pattern, &e);
	if (!p)
		fprintf(stderr, "%s\n", e.text);
	NEED(p);
	bool yes = pattern_match(p, 0, name, host, &none, m);
	pattern_free(p);
	return yes;
}

static void test_patterns(void)
{
	struct pattern_match m;
	CHECK(matches("*.img", "a.img", NULL, &m));
	CHECK(!matches("*.img", "a.imgx", NULL, &m));
	CHECK(matches("[a-c]?x[!0-9]", "b1xy", NULL, &m));
	CHECK(!matches("[a-c]?x[!0-9]", "b1x2", NULL, &m));
	CHECK(matches("[]]", "]", NULL, &m));
	CHECK(matches("\\*\\{", "*{", NULL, &m));
	CHECK(!matches("\\*", "x", NULL, &m));
	CHECK(matches("{host}.img", "WEB01.img", "web01", &m));
	CHECK(!matches("{host}.img", "web011.img", "web01", &m));
	CHECK(matches("{host}-{date}-{disk}.img", "web-01-2026-11-21-nvme0n1.img", "web-01", &m));
	CHECK_STR(m.captures.disk, "nvme0n1");
	CHECK(!matches("{host}-{date}.img", "web-01-2026-11-21.img", "web", &m));
	CHECK(matches("{disk}{part}.img", "sda1.img", NULL, &m));
	CHECK_STR(m.captures.disk, "sda");
	CHECK_STR(m.captures.part, "1");
	CHECK(matches("{host}-{disk}.img", "web01-drive-scsi0.img", "web01", &m));
	CHECK_STR(m.captures.disk, "drive-scsi0");
	/* What follows is a piece of another host's name. */
	CHECK(!matches("{host}-{disk}.img", "web-01-sda.img", "web", &m));
	CHECK(!matches("{host}*.img", "web10.img", "web1", &m));
	CHECK(!matches("{host}-*.img", "web-01-full.img", "web", &m));
	CHECK(!matches("{host}*.img", "web01.example.com-full.img", "web01", &m));
	CHECK(matches("{host}-*.img", "web01-2026-11-21.img", "web01", &m));
	CHECK(matches("{host}*.img", "web01-001.img", "web01", &m));
	CHECK(matches("*-{host}.img", "backup-web01.img", "web01", &m));
	CHECK(!matches("*{host}.img", "backup-web01.img", "01", &m));
	/* Long names take no long time. */
	char name[256];
	memset(name, 'a', 255);
	name[255] = 0;
	CHECK(!matches("*a*a*a*a*a*a*a*a*a*a*a*b", name, NULL, &m));
	for (int i = 1; i < 255; i += 2)
		name[i] = '-';
	CHECK(!matches("{host}-*-{disk}-*-*-*{part}x", name, NULL, &m));
}

static void test_bad_patterns(void)
{
	static const struct {
		const char *pattern, *why;
	} bad[] = {
		{"", "relative"},	      {"/a", "relative"},	   {"a//b", "empty component"},
		{"a/", "empty component"},    {"../a", "no components"},   {"a/**/b", "** is not supported"},
		{"{host", "{ without }"},     {"host}", "} without {"},	   {"{hosts}", "did you mean {host}?"},
		{"{x_y_z}", "there are"},     {"[a", "[ without ]"},	   {"[a/b]", "[ without ]"},
		{"{time}", "without {date}"}, {"{date}{date}", "twice"},   {"{host}{disk}", "separator"},
		{"a\\", "nothing behind"},    {"{disk}{host}", "separator"},
	};
	struct error e;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct pattern *p = pattern_new(bad[i].pattern, &e);
		CHECK(!p);
		CHECK_INT(e.cls, ERROR_CORRUPT);
		if (p || !strstr(e.text, bad[i].why))
			fprintf(stderr, "%s: %s\n", bad[i].pattern, p ? "accepted" : e.text);
		CHECK(!p && strstr(e.text, bad[i].why));
		pattern_free(p);
	}
	bool has_host = true;
	CHECK(catalog_match_check("*.img", &has_host, &e) == 0 && !has_host);
	CHECK(catalog_match_check("a/{host}.img", &has_host, &e) == 0 && has_host);
}

static void test_dates(void)
{
	struct pattern_match m;
	static const char *const good[] = {"2026-11-21", "20261121", "2026_11_21", "2026.11.21",
					   "2028-02-29"};
	static const char *const wrong[] = {"2026-13-40", "2026-02-29", "2026-11_21", "21-11-2026",
					    "2026-1-2",	  "1970-01-01", "2026-00-10", "20261100"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		CHECK(matches("{date}", good[i], NULL, &m));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK(!matches("{date}", wrong[i], NULL, &m));
	static const char *const clocks[] = {"030405", "03:04:05", "03-04-05", "03_04_05", "03.04.05",
					     "0304",   "03:04",	   "03-04",    "030405Z"};
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		char name[40];
		snprintf(name, sizeof name, "20261121T%s", clocks[i]);
		CHECK(matches("{date}T{time}", name, NULL, &m));
		CHECK_INT(m.captures.civil.hour, 3);
		CHECK_INT(m.captures.civil.minute, 4);
		CHECK_INT(m.captures.civil.second, i < 5 || i == 8 ? 5 : 0);
		CHECK_INT(m.captures.civil.has_zone, i == 8);
	}
	CHECK(!matches("{date}T{time}", "20261121T2400", NULL, &m));
	CHECK(!matches("{date}T{time}", "20261121T0360", NULL, &m));
	CHECK(!matches("{date}T{time}", "20261121T03:04-05", NULL, &m));
}

static void named(const char *name, const char *first, const char *last)
{
	struct civil c = {0};
	struct span s;
	int64_t a = 0, b = 0;
	if (name_time_find(name, strlen(name), &c, &s))
		civil_range(&c, &a, &b);
	if (a != (first ? at(first) : 0) || b != (last ? at(last) : 0))
		fprintf(stderr, "%s: %lld %lld\n", name, (long long)a, (long long)b);
	CHECK_INT(a, first ? at(first) : 0);
	CHECK_INT(b, last ? at(last) : 0);
}

static void test_times(void)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	civil_zone();
	named("web01-2026-11-21T030000Z.img.zst", "2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z");
	named("web01_20261121-0300.img", "2026-11-21T02:00:00Z", "2026-11-21T02:00:00Z");
	named("vzdump-lxc-101-2026_11_21-03_00_00.tar.zst", "2026-11-21T02:00:00Z",
	      "2026-11-21T02:00:00Z");
	named("2026-11-21 03:00", "2026-11-21T02:00:00Z", "2026-11-21T02:00:00Z");
	named("20261121030001.img", "2026-11-21T02:00:01Z", "2026-11-21T02:00:01Z");
	named("2026-07-21T03:00:00+09:00", "2026-07-20T18:00:00Z", "2026-07-20T18:00:00Z");
	named("2026-07-21T03:00:00-05:00", "2026-07-21T08:00:00Z", "2026-07-21T08:00:00Z");
	named("backup20260721.img", "2026-07-20T22:00:00Z", "2026-07-21T21:59:59Z");
	/* The day that has 25 hours. */
	named("2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z");
	/* 02:30 comes twice that night, and in spring not at all. */
	named("2026-10-25T0230", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z");
	named("2026-10-25T0330", "2026-10-25T02:30:00Z", "2026-10-25T02:30:00Z");
	named("2026-03-29T0230", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z");
	named("2026-03-29T0330", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z");
	named("2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z");
	named("2026-11-21-1234567", "2026-11-20T23:00:00Z", "2026-11-21T22:59:59Z");
	named("120261121.img", NULL, NULL);
	named("2026112103.img", NULL, NULL);
	named("20261340.img", NULL, NULL);
	named("1763694000.img", NULL, NULL);
	named("web01.img", NULL, NULL);
	setenv("TZ", "UTC", 1);
	civil_zone();
	named("web01_20261121-0300.img", "2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z");
}

static void test_partial_names(void)
{
	static const char *const yes[] = {"a.tmp",	   "a.img.part",  "a.PARTIAL", "a.filepart",
					  "a.crdownload",  "a.img~",	  "a.swp",     ".nfs000001",
					  ".a.img.Xy12Zq", ".hidden.img", "a.vma.dat", "#a#",
					  "a.temp",	   "a.incomplete", "a.inprogress", "a.unfinished",
					  "a.download",	   "a.aria2",	  "a.TAR.DAT"};
	static const char *const no[] = {"a.img", "part.img", "a.part1.img", "tmp", "a.dat", "~a.img", "a.parts"};
	char out[NAME_LIMIT + 1];
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		CHECK(is_partial_name(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		CHECK(!is_partial_name(no[i]));
	CHECK(partial_finished_name(".web01.img.zst.Xy12Zq", out));
	CHECK_STR(out, "web01.img.zst");
	CHECK(partial_finished_name("web01.img.part", out));
	CHECK_STR(out, "web01.img");
	CHECK(partial_finished_name(".web01.img.part", out));
	CHECK_STR(out, "web01.img");
	CHECK(!partial_finished_name("web01.img", out));
}

static void test_kinds(void)
{
	size_t stem;
	struct span s;
	static const char *const images[] = {"a.img",	"a.raw.zst", "a.TGZ",	      "a.tar.gz", "a.qcow2",
					     "a.E01",	"a.E17",     "a.img.zst.aa",  "a.raw.001", "a.vma.lzo",
					     "a-s001.vmdk", "sda1.ext4-ptcl-img.gz.aa"};
	static const char *const beside[] = {"a.img.sha256", "SHA256SUMS", "SHA256SUMS.asc", "a.img.zst.seal",
					     "a.log",	     "a.vma.notes", "a.json",	     "sha256sum.txt",
					     "a.manifest", "a.img.zst.0123456789abcdef.seal-tree"};
	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		CHECK_INT(name_kind(images[i], strlen(images[i]), &stem, &s), NAME_IMAGE);
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
		CHECK_INT(name_kind(beside[i], strlen(beside[i]), &stem, &s), NAME_BESIDE);
	CHECK_INT(name_kind("a.zst", 5, &stem, &s), NAME_COMPRESSED);
	CHECK_INT(name_kind("a.db", 4, &stem, &s), NAME_OTHER);
	CHECK_INT(name_kind(".img", 4, &stem, &s), NAME_OTHER);
}

static void test_hosts_in_names(void)
{
#define RANK(name, host) name_host_rank(name, strlen(name), host)
	CHECK_INT(RANK("web01-2026-11-21.img", "web01"), 3);
	CHECK_INT(RANK("WEB01.img.zst", "web01"), 3);
	CHECK_INT(RANK("backup_web01_sda.img", "web01"), 3);
	CHECK_INT(RANK("web011.img", "web01"), 0);
	CHECK_INT(RANK("web-01-2026.img", "web"), 0);
	CHECK_INT(RANK("web01-003.img", "web01"), 3);
	CHECK_INT(RANK("web01.example.com-x.img", "web01.example.com"), 3);
	CHECK_INT(RANK("web01-x.img", "web01.example.com"), 2);
	CHECK_INT(RANK("web01.example.com-x.img", "web01"), 1);
	CHECK_INT(RANK("www.web01.img", "web01"), 0);
	CHECK_INT(RANK("backup.web01.img", "web01"), 3);
	CHECK_INT(RANK("10.0.0.1.img", "10.0.0.1"), 3);
	CHECK_INT(RANK("10.0.0.1.img", "10.0.0.2"), 0);
	CHECK_INT(RANK("10.0.0.11.img", "10.0.0.1"), 0);
	CHECK_INT(RANK("10.0.0.1.5.img", "10.0.0.1"), 0);
#define BESIDE(name, host) name_host_has_neighbour(name, strlen(name), host)
	static const char *const clear[] = {
		"web01", "web01.img.zst", "web01-2026-11-21.img", "backup_web01_sda.img", "2026-11-21_web01.img",
		"web01-003.img", "web01.vda.qcow2", "web01-incr-2026-11-21.qcow2", "web01_data-2026-11-21.img", "web01_root.img", "db01.img",
		"WEB01-full.img", "web01.ovf", "web01-disk.ovf", "web01-flat.vmdk", "web01-prepatch-2026-11-21.img", "web011.img", "web01.example.com-x.img",
	};
	static const char *const longer[] = {
		"web01-db.img", "web01_db-2026-11-21.img", "prod-web01.img", "web01-x", "backup-web01-db-2026.img",
		"web01-db.ovf", "web01-db.ova",
	};
#define ELSEWHERE(name, host) name_host_elsewhere(name, strlen(name), host)
	static const char *const other_domains[] = {
		"web01.other.org", "web01.other.org.img.zst", "WEB01.other.org-2026-11-21.img", "2026-11-21_web01.other.org_sda.img",
		"web01.example.org", "web01.other-corp.org.img.zst", "web01.eu.dc1.other.org.img", "web01.data.other.org.img",
		"web01.other.org-prepatch.img", "web01.dc1.other.lan", "web01.my-own-corp.de_2026-11-21.img.zst", "web01.a.b.com",
	};
	static const char *const none[] = {
		"web01", "web01.img.zst", "web01.lvm.img", "web01.example.com", "web01.example.com-sda.img", "web01.2026.11.21.img",
		"web01.vg0.root.img", "web01.vg0.data1.img", "web01.1.org", "web01.other.o", "web01.other.", "web01.", "www.web01.other.org",
		"web011.other.org", "web01-other.org.img", "web01.other.img.zst", "web01.disk.org.img", "web02.other.org.img",
		"web01.lvm.thin.img.zst", "web01.vg.lv_root.img.zst", "web01.ubuntu.noble.img.zst", "web01.img.monday.zst",
		"web01.esx.thin.vmdk", "web01.rhel.prod.img", "web01.ntfs.partclone.img", "web01.xfs.lv_root.img", "web01.my-org.img",
		"web01.eu1.other.img",
	};
	for (size_t i = 0; i < ARRAY_SIZE(other_domains); i++) {
		CHECK(ELSEWHERE(other_domains[i], "web01.example.com"));
		CHECK(!ELSEWHERE(other_domains[i], "web01"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		CHECK(!ELSEWHERE(none[i], "web01.example.com"));
	CHECK(!ELSEWHERE("10.other.org", "10.0.0.1") && !ELSEWHERE("web01.other.org", ".com"));
	for (size_t i = 0; i < ARRAY_SIZE(clear); i++)
		CHECK(!BESIDE(clear[i], "web01"));
	for (size_t i = 0; i < ARRAY_SIZE(longer); i++)
		CHECK(BESIDE(longer[i], "web01"));
	CHECK(BESIDE("web01-db.img", "web01.example.com") && BESIDE("web01.example.com-db.img", "web01.example.com"));
	CHECK(!BESIDE("web01.img", "web01.example.com") && !BESIDE("web01.example.com.img", "web01.example.com"));
}

static void test_names_of_machines(void)
{
	CHECK(name_is_hosts("WEB01", "web01") && name_is_hosts("web01.example.org", "Web01") && name_is_hosts("web01", "web01.example.org"));
	CHECK(!name_is_hosts("web01-test", "web01") && !name_is_hosts("web01.a.org", "web01.b.org") && !name_is_hosts("web011", "web01"));
	CHECK(name_is_hosts("10.0.0.1", "10.0.0.1") && !name_is_hosts("10", "10.0.0.1") && !name_is_hosts("10.0.0.1", "10"));
	static const char *const full[] = {"web01.example.org", "web01.lan", "web01.LOCAL", "web01.dc1.example.com", "web01.my-own.de"};
	static const char *const other[] = {"web01", "web01.", ".example.org", "web01.old", "web01.test", "web01.2", "web01.old.2",
					    "web01.copy.old", "10.0.0.1", "web01.a.copy", "web01-test.old", ""};
	for (size_t i = 0; i < ARRAY_SIZE(full); i++)
		CHECK(name_has_domain(full[i]));
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		CHECK(!name_has_domain(other[i]));
}

static void test_match_grouping(void)
{
	clear();
	put("web01/2026-11-20/sda.img.zst", 10);
	put("web01/2026-11-20/sdb.img.zst", 11);
	put("web01/2026-11-21/sda.img.zst", 20);
	put("web01/2026-11-21/sdb.img.zst", 21);
	put("web01/2026-11-21/sda.img.zst.sha256", 21);
	put("web01/2026-13-40/sda.img.zst", 99);
	put("db01/2026-11-21/sda.img.zst", 30);
	put("stray.img.zst", 30);
	/* All files of a dated directory are one backup... */
	CHECK_STR(find("{host}/{date}/*.img.zst", "web01", NULL),
		  "web01/2026-11-21[sda sdb];web01/2026-11-20[sda sdb]");
	CHECK_STR(find("{host}/{date}/{disk}.img.zst", "Web01", "web01"),
		  "web01/2026-11-21/*.img.zst[sda sdb];web01/2026-11-20/*.img.zst[sda sdb]");
	CHECK_STR(find("{host}/{date}/*.img.zst", "web02", NULL), "");
	CHECK_STR(find("{host}/{date}/*.img.zst", "db01", "web01"), "");
	CHECK_STR(find("{host}/{date}/*.img.gz", "web01", NULL), "");
	/* ... unless their names hold clocks, */
	put("app/2026-11-21/0300-sda.img", 1);
	put("app/2026-11-21/0300-sdb.img", 1);
	put("app/2026-11-21/1500-sda.img", 2);
	CHECK_STR(find("{host}/{date}/*.img", "app", NULL), "app/2026-11-21[sda];app/2026-11-21[sda sdb]");
	/* or the same disk twice. */
	put("mail/2026-11-21/full-sda.img", 1);
	put("mail/2026-11-21/old-sda.img", 2);
	CHECK_STR(find("{host}/{date}/*.img", "mail", NULL),
		  "mail/2026-11-21/old.img[sda];mail/2026-11-21/full.img[sda]");
	/* Without a date each text of the glob is its own, but for disks. */
	put("ns1/monday.img", 1);
	put("ns1/tuesday-sda.img", 2);
	put("ns1/tuesday-sdb.img", 3);
	CHECK_STR(find("{host}/*.img", "ns1", NULL), "ns1/tuesday.img[sda sdb];ns1/monday.img[]");
	/* Disks and partitions in directories. */
	put("p/2026-11-21/sda/1.img", 1);
	put("p/2026-11-21/sda/2.img", 1);
	put("p/2026-11-21/sdb/1.img", 1);
	CHECK_STR(find("{host}/{date}/{disk}/{part}.img", "p", NULL), "p/2026-11-21//*.img[sda.1 sda.2 sdb.1]");
}

static void test_flat_match(void)
{
	clear();
	put("web01-2026-11-21-sda.img", 5);
	put("web01-2026-11-21-sdb.img", 6);
	put("web01-2026-11-21T0500-sda.img", 7);
	put("web-01-2026-11-22-sda.img", 7);
	put("web-2026-11-19-sda.img", 8);
	put("db01-2026-11-21-sda.img", 9);
	put("2026-11-21/web01.img", 9);
	put("2026-11-22/web01.img", 9);
	put("2026-11-22/web02.img", 9);
	CHECK_STR(find("{host}-{date}-{disk}.img", "web01", NULL), "web01-2026-11-21.img[sda sdb]");
	CHECK_STR(find("{host}-{date}T{time}-{disk}.img", "web01", NULL), "web01-2026-11-21T0500.img[sda]");
	CHECK_STR(find("{host}-{date}-{disk}.img", "web", NULL), "web-2026-11-19.img[sda]");
	CHECK_STR(find("{host}-{date}-{disk}.img", "web-01", "web-01"), "web-01-2026-11-22.img[sda]");
	CHECK_STR(find("{host}-{date}-{disk}.img", "01", NULL), "");
	CHECK_STR(find("{date}/{host}.img", "web01", NULL), "2026-11-22[];2026-11-21[]");
	CHECK_STR(find("{date}/{host}.img", "WEB02", NULL), "2026-11-22[]");
	/* A host's name that no separator bounds is found as well. */
	put("x_web01_20261121.raw", 1);
	put("xweb0120261121.raw", 1);
	CHECK_STR(find("x{host}{date}.raw", "web01", NULL), "xweb0120261121.raw[]");
	CHECK_STR(find("x_{host}_{date}.raw", "web01", NULL), "x_web01_20261121.raw[]");
}

static void test_no_host_in_match(void)
{
	struct repository r = {.name = (char *)"r", .path = root, .match = (char *)"*.img",
			       .host = (char *)"web01"};
	struct catalog c;
	struct error e;
	clear();
	put("a.img", 1);
	struct catalog_index *x = catalog_index_open(&r, NULL, &e);
	NEED(x);
	/* Twice: the index must not be used up. */
	for (int i = 0; i < 2; i++) {
		NEED(catalog_index_find(x, "WEB01", &c, &e) == 0);
		CHECK_INT(c.count, 1);
		catalog_free(&c);
	}
	NEED(catalog_index_find(x, "web02", &c, &e) == 0);
	CHECK_INT(c.count, 0);
	catalog_index_destroy(x);
}

static void test_order_and_times(void)
{
	struct repository r = {.name = (char *)"r", .path = root, .match = (char *)"{host}/*"};
	struct catalog c;
	struct error e;
	clear();
	put("h/2026-11-20.img", 500);
	put("h/2026-11-21T0300Z.img", 100);
	put("h/2026-11-21.img", 900);
	put("h/plain.img", 2000000000);
	struct catalog_index *x = catalog_index_open(&r, "h", &e);
	NEED(x && catalog_index_find(x, "h", &c, &e) == 0);
	CHECK_STR(show(&c),
		  "h/plain.img[];h/2026-11-21T0300Z.img[];h/2026-11-21.img[];h/2026-11-20.img[]");
	CHECK_INT(c.items[0].named_from, 0);
	CHECK_INT(c.items[0].named_to, 0);
	CHECK_INT(c.items[0].order, 2000000000);
	CHECK_INT(c.items[1].named_from, at("2026-11-21T03:00:00Z"));
	CHECK_INT(c.items[1].named_to, c.items[1].named_from);
	CHECK_INT(c.items[2].named_to - c.items[2].named_from, 86399);
	CHECK_INT(c.items[2].order, at("2026-11-21T00:00:00Z"));
	NEED(catalog_settle(&c, 2, &e) == 0);
	CHECK_INT(c.items[2].items[0].mtime, 900);
	catalog_free(&c);
	catalog_index_destroy(x);
}

static void test_partial_files(void)
{
	clear();
	put("web01/web01-2026-11-20.img", 100);
	put("web01/web01-2026-11-21.img.part", 200);
	put("web01/.web01-2026-11-22.img.Ab12Cd", 300);
	put("web01/web01-2026-11-19.img.tmp", 50);
	put("web01/notes.tmp", 500);
	const char *want = "web01/web01-2026-11-20.img[]|web01/.web01-2026-11-22.img.Ab12Cd"
			   "|web01/web01-2026-11-21.img.part";
	CHECK_STR(find("{host}/{host}-{date}.img", "web01", NULL), want);
	CHECK_STR(find(NULL, "web01", NULL), want);
	CHECK_STR(from("web01", "web01"), want + strlen("web01/"));
	/* Of flat repositories too; and unfinished directories. */
	put("db01-2026-11-20.img.part", 1);
	CHECK_STR(find("{host}-{date}.img", "db01", NULL), "|db01-2026-11-20.img.part");
	put("app/2026-11-21.partial/sda.img", 1);
	CHECK_STR(find("{host}/{date}/*.img", "app", NULL), "|app/2026-11-21.partial");
	CHECK_STR(find("{host}/*/*.img", "app", NULL), "|app/2026-11-21.partial");
	CHECK_STR(from("app", "app"), "|app/2026-11-21.partial");
}

static void test_links(void)
{
	clear();
	put("web01/2026-11-21.img", 100);
	NEED(symlink("2026-11-21.img", full("web01/latest.img")) == 0);
	NEED(symlink("nowhere.img", full("web01/broken.img")) == 0);
	put("elsewhere/x.img", 50);
	NEED(symlink("../elsewhere/x.img", full("web01/other.img")) == 0);
	CHECK_STR(find("{host}/*.img", "web01", NULL), "web01/2026-11-21.img[];web01/other.img[]");
	CHECK_STR(from("web01", "web01"), "2026-11-21.img[];other.img[]");
	/* A directory that is a link is not entered, but not passed over in silence either. */
	NEED(symlink("web01", full("web02")) == 0);
	CHECK(strstr(find("{host}/*.img", "web02", NULL), "error unsupported"));
	CHECK(strstr(find(NULL, "web02", NULL), "web02 is a link to a directory"));
	NEED(symlink("2026-11-21", full("web01/current")) == 0);
	CHECK_STR(find("{host}/*.img", "web01", NULL), "web01/2026-11-21.img[];web01/other.img[]");
	/* One that the user names is followed. */
	CHECK_STR(from("web02", "web02"), "2026-11-21.img[];other.img[]");
}

static void test_guess_directory(void)
{
	clear();
	/* Two disks in one directory, older sets, things beside them. */
	put("web01/web01-2026-11-21-sda.img.zst", 20);
	put("web01/web01-2026-11-21-sdb.img.zst", 21);
	put("web01/web01-20261120-sda.img.zst", 10);
	put("web01/web01-2026-11-20-sdb.img.zst", 11);
	put("web01/web01-2026-11-21.log", 99);
	put("web01/SHA256SUMS", 99);
	CHECK_STR(from("web01", "web01"), "web01-2026-11-21.img.zst[sda sdb];web01-20261120.img.zst[sda sdb]");
	/* Dated directories. */
	put("d/2026-11-21/sda1.img", 1);
	put("d/2026-11-21/sda2.img", 1);
	put("d/2026-11-21/nvme0n1p1.img", 1);
	put("d/20261120-0300/sda.img", 1);
	CHECK_STR(from("d", "d"), "2026-11-21[nvme0n1.1 sda.1 sda.2];20261120-0300[sda]");
	CHECK_STR(from("d/2026-11-21", "d"), "2026-11-21[nvme0n1.1 sda.1 sda.2]");
	/* Disks as people and machines call them. */
	put("vm/vm-101-disk-0.qcow2", 1);
	put("vm/vm-101-disk-1.qcow2", 1);
	CHECK_STR(from("vm", "vm"), "vm-101.qcow2[0 1]");
	put("u/disk-part1.img", 1);
	put("u/sda-part3.img", 1);
	CHECK_STR(from("u", "u"), "*.img[sda.3];disk-part1.img[]");
	put("parts/root.img", 1);
	put("parts/boot.img", 1);
	CHECK_STR(from("parts", "x"), "*.img[.boot .root]");
	/* Split files and extents are one backup. */
	put("s/disk.img.zst.aa", 1);
	put("s/disk.img.zst.ab", 1);
	put("s/b.vmdk", 0);
	put("s/b-flat.vmdk", 0);
	CHECK_STR(from("s", "x"), "disk.img.zst[ ];b.vmdk[ ]");
	/* Their letters may mean something else, where they are not the ones behind others. */
	put("late/disk.img.zst.bq", 1);
	put("late/disk.img.zst.br", 1);
	put("late/disk.img.zst.me", 1);
	put("late/disk.img.zst.mf", 1);
	put("late/disk.img.zst.ok", 1);
	CHECK_STR(from("late", "x"), "disk.img.zst[   ]");
	/* Weekdays are different backups. */
	put("w/monday.img", 1);
	put("w/tuesday.img", 2);
	CHECK_STR(from("w", "x"), "tuesday.img[];monday.img[]");
	/* The same name and time twice are two. */
	put("t/web-20261121.img", 1);
	put("t/web-2026-11-21.img", 2);
	CHECK_STR(from("t", "x"), "web-2026-11-21.img[];web-20261121.img[]");
	/* Large files without a known name, if there is nothing better. */
	put_sized("n/backup", 1, 2 << 20);
	put_sized("n/small", 1, 100);
	CHECK_STR(from("n", "x"), "backup[]");
	put("n/x.img", 0);
	CHECK_STR(from("n", "x"), "x.img[]");
	CHECK_STR(from("d/20261120-0300/sda.img", "d"), "*.img[sda]");
}

static void test_guess_hosts(void)
{
	clear();
	put("all/web01-2026-11-20.img", 1);
	put("all/web02-2026-11-21.img", 2);
	put("all/web011-2026-11-22.img", 3);
	put("all/db01/2026-11-21/sda.img", 3);
	put("all/db01/2026-11-21/sdb.img", 3);
	CHECK_STR(from("all", "web01"), "web01-2026-11-20.img[]");
	CHECK_STR(from("all", "web02.example.com"), "web02-2026-11-21.img[]");
	CHECK_STR(from("all", "db01"), "db01/2026-11-21[sda sdb]");
	/* Nothing names it: all of them may be its own. */
	CHECK(strstr(from("all", "mail"), "web011-2026-11-22.img"));
	CHECK_STR(from("all/db01", "db01"), "2026-11-21[sda sdb]");
	/* The same as a repository without pattern: exact names only. */
	char saved[sizeof root];
	memcpy(saved, root, sizeof root);
	strcat(root, "/all");
	CHECK_STR(find(NULL, "web01", NULL), "web01-2026-11-20.img[]");
	CHECK_STR(find(NULL, "web02.example.com", NULL), "");
	CHECK_STR(find(NULL, "db01", "db01"), "db01/2026-11-21[sda sdb]");
	CHECK_STR(find(NULL, "mail", NULL), "");
	memcpy(root, saved, sizeof root);
	/* Three levels below the top, no more. */
	put("deep/a/b/x.img", 1);
	put("deep/a/b/c/y.img", 1);
	CHECK_STR(from("deep", "deep"), "a/b/x.img[]");
	CHECK_STR(find(NULL, "deep", NULL), "deep/a/b/x.img[]");
	/* But the newest may be in a directory for each year, month and day, or for each host somewhere. */
	put("deep/2026/11/22/x.img", 2);
	put("deep/2026/11/23/x.img", 3);
	put("deep/2026/11/24/files/x.img", 4);
	CHECK_STR(from("deep", "deep"), "2026/11/23[];2026/11/22[];a/b/x.img[]");
	CHECK_STR(find(NULL, "deep", NULL), "deep/2026/11/23[];deep/2026/11/22[];deep/a/b/x.img[]");
	put("site/dc1/rack2/web01/2026-11-23/sda.img", 1);
	put("site/dc1/rack2/web02/2026-11-24/sda.img", 1);
	put("site/web01-2026-11-22.img", 2);
	CHECK_STR(from("site", "web01"), "dc1/rack2/web01/2026-11-23[sda];web01-2026-11-22.img[]");
	put("site/dc1/web01/2026/11/24/0300/sda.img", at("2026-11-24T06:00:00Z"));
	put("site/dc1/web01/2026/11/24/0300/1/sda.img", at("2026-11-25T06:00:00Z"));
	CHECK_STR(from("site", "web01"),
		  "dc1/web01/2026/11/24[sda];dc1/rack2/web01/2026-11-23[sda];web01-2026-11-22.img[]");
}

/* A directory for each year, month and day: files whose times were lost on the way are told by it all the same. */
static void test_date_pieces(void)
{
	static const struct {
		const char *path, *day;
		size_t used;
	} rows[] = {
		{"2026/11/23", "2026-11-23T12:00:00Z", 10},
		{"2026/11/23/sda.img", "2026-11-23T12:00:00Z", 10},
		{"2026-11/23/", "2026-11-23T12:00:00Z", 10},
		{"2026/11-23", "2026-11-23T12:00:00Z", 10},
		{"2026/11/23_2200/x", "2026-11-23T22:00:00Z", 15},
		{"2026/11/23T22:00:00Z", "2026-11-23T22:00:00Z", 20},
		{"2026-11-23", NULL, 0},
		{"2026/11/23.img", NULL, 0},
		{"2026/11/23-web01/x", NULL, 0},
		{"2026/11/231/x", NULL, 0},
		{"2026/11/2", NULL, 0},
		{"2026/13/01", NULL, 0},
		{"2026/02/29", NULL, 0},
		{"12026/11/23", NULL, 0},
		{"", NULL, 0},
	};
	setenv("TZ", "UTC", 1);
	civil_zone();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct civil c = {0};
		int64_t a, b;
		CHECK_INT(name_date_pieces(rows[i].path, &c), rows[i].used);
		civil_range(&c, &a, &b);
		CHECK(rows[i].day ? at(rows[i].day) >= a && at(rows[i].day) <= b : !b);
	}
	static const char *const pieces[] = {"2026", "web01/2026", "2026/11", "2026-11", "a/2026/11", "2026/11/23"};
	static const char *const others[] = {"11", "web01/11", "20260", "1026", "2026/11/23/x", "2026/13", "", "x/2026/a"};
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		CHECK(name_is_piece(pieces[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		CHECK(!name_is_piece(others[i]));
	clear();
	/* The oldest was copied last. */
	put("web01/2026/11/21/sda.img", at("2026-11-24T09:00:00Z"));
	put("web01/2026/11/21/sdb.img", at("2026-11-24T09:00:00Z"));
	put("web01/2026/11/23/sda.img", at("2026-11-24T08:00:00Z"));
	put("web01/2026/11/23/sdb.img", at("2026-11-24T08:00:00Z"));
	put("web01/2026/10/30/sda.img", at("2026-11-24T09:00:00Z"));
	put("web01/2025/12/31/sda.img", at("2026-11-24T09:30:00Z"));
	CHECK_STR(from("web01", "web01"), "2026/11/23[sda sdb];2026/11/21[sda sdb];2026/10/30[sda];2025/12/31[sda]");
	CHECK_STR(from("", "web01"),
		  "web01/2026/11/23[sda sdb];web01/2026/11/21[sda sdb];web01/2026/10/30[sda];web01/2025/12/31[sda]");
	CHECK_STR(find(NULL, "web01", NULL),
		  "web01/2026/11/23[sda sdb];web01/2026/11/21[sda sdb];web01/2026/10/30[sda];web01/2025/12/31[sda]");
	CHECK_STR(find("{host}/*/*/*/*.img", "web01", NULL),
		  "web01/2026/11/23[sda sdb];web01/2026/11/21[sda sdb];web01/2026/10/30[sda];web01/2025/12/31[sda]");
	/* One that is given may be within the date. */
	CHECK_STR(from("web01/2026", "web01"), "2026/11/23[sda sdb];2026/11/21[sda sdb];2026/10/30[sda]");
	CHECK_STR(from("web01/2026/11/", "web01"), "2026/11/23[sda sdb];2026/11/21[sda sdb]");
	CHECK_STR(from("web01/2026/11/21/.", "web01"), "2026/11/21[sda sdb]");
	CHECK_STR(from("web01/2026/11/21/..", "web01"), "2026/11/23[sda sdb];2026/11/21[sda sdb]");
	struct strings path = {0};
	struct catalog c;
	struct error e;
	NEED(strings_add(&path, full("web01/2026/11/21")) == 0);
	NEED(catalog_from_paths(&path, "web01", &c, &e) == 0 && c.count == 1);
	CHECK_INT(c.items[0].named_from, at("2026-11-21T00:00:00Z"));
	CHECK_INT(c.items[0].named_to, at("2026-11-21T23:59:59Z"));
	catalog_free(&c);
	strings_free(&path);
	/* Several a day, by clocks below it or with it. */
	clear();
	put("web01/2026-11/23/0300/sda.img", 3);
	put("web01/2026-11/23/1500/sda.img", 4);
	put("web01/2026-11/22_0300/sda.img", 5);
	put("web01/2026-11/22_1500/sda.img", 1);
	CHECK_STR(from("web01", "web01"),
		  "2026-11/23[sda];2026-11/23[sda];2026-11/22_1500[sda];2026-11/22_0300[sda]");
	/* What can't be read, or is a link to elsewhere, may be the newest of all. */
	clear();
	put("all/2026/11/22/web01.img", at("2026-11-22T03:00:00Z"));
	NEED(mkdir(full("all/2026/11/23"), 0700) == 0 && symlink("nowhere", full("all/2026/11/24")) == 0);
	CHECK(strstr(from("all", "web01"), "2026/11/24 is a link that leads nowhere"));
	NEED(unlink(full("all/2026/11/24")) == 0 && symlink("nowhere", full("all/2026/11/21")) == 0);
	CHECK_STR(from("all", "web01"), "2026/11/22[]");
}

static void test_from_files(void)
{
	struct strings paths = {0};
	struct catalog c;
	struct error e;
	clear();
	put("web01-2026-11-21-sda.img", 10);
	put("web01-2026-11-20-sdb.img", 11);
	put("web01-2026-11-21-sda.img.sha256", 12);
	put("web01.img.part", 13);
	static const char *const names[] = {"web01-2026-11-21-sda.img", "web01-2026-11-20-sdb.img",
					    "web01-2026-11-21-sda.img", "web01-2026-11-21-sda.img.sha256",
					    "web01.img.part"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		NEED(strings_add(&paths, full(names[i])) == 0);
	NEED(catalog_from_paths(&paths, "web01", &c, &e) == 0);
	CHECK_INT(c.count, 1);
	CHECK_INT(c.items[0].count, 2);
	CHECK_INT(c.partial.count, 1);
	/* The oldest name counts. */
	CHECK_INT(c.items[0].named_from, at("2026-11-20T00:00:00Z"));
	catalog_free(&c);
	NEED(strings_add(&paths, root) == 0);
	CHECK(catalog_from_paths(&paths, "web01", &c, &e) < 0);
	CHECK_INT(e.cls, ERROR_AMBIGUOUS);
	strings_free(&paths);
	/* Nothing was ever put there; but a link to a store that is not mounted can't be looked at. */
	CHECK_STR(from("missing", "web01"), "");
	NEED(symlink("/nonexistent/store", full("unmounted")) == 0);
	CHECK(strstr(from("unmounted", "web01"), "error io"));
	NEED(mkdir(full("empty"), 0755) == 0);
	CHECK_STR(from("empty", "web01"), "");
	NEED(mkfifo(full("pipe"), 0644) == 0);
	CHECK(strstr(from("pipe", "web01"), "not a regular file"));
	/* Names are bytes. */
	put("odd/a\nb\xff\x1b[31m-2026-11-21.img", 1);
	CHECK_STR(from("odd", "x"), "a\nb\xff\x1b[31m-2026-11-21.img[]");
}

/* Root reads everything: then this shows nothing, and says so. */
static void test_unreadable(void)
{
	clear();
	put("all/web01/2026-11-21.img", 1);
	put("all/db01/2026-11-21.img", 1);
	put("all/2026-11-21/web03.img", 1);
	NEED(chmod(root, 0755) == 0 && chmod(full("all/web01"), 0) == 0);
	bool dropped = geteuid() == 0;
	if (dropped)
		NEED(seteuid(65534) == 0);
	CHECK(strstr(from("all/web01", "web01"), "error io"));
	CHECK(strstr(from("all", "web01"), "error io"));
	CHECK_STR(from("all", "db01"), "db01/2026-11-21.img[]");
	CHECK(strstr(from("all", "mail"), "error io"));
	char saved[sizeof root];
	memcpy(saved, root, sizeof root);
	strcat(root, "/all");
	CHECK(strstr(find("{host}/*.img", "web01", NULL), "error io"));
	CHECK(strstr(find(NULL, "web01", NULL), "error io"));
	CHECK_STR(find("{host}/*.img", "db01", NULL), "db01/2026-11-21.img[]");
	/* Nobody knows whose backups are in there: only those who find theirs are content. */
	CHECK(strstr(find("*/{host}.img", "web02", NULL), "can't read the directory"));
	CHECK_STR(find("*/{host}.img", "web03", NULL), "2026-11-21[]");
	memcpy(root, saved, sizeof root);
	if (dropped)
		NEED(seteuid(0) == 0);
	NEED(chmod(full("all/web01"), 0755) == 0);
}

/* What can't be the newest is not looked at before somebody asks for it. */
static void test_lazy(void)
{
	struct repository r = {.name = (char *)"r", .path = root, .match = (char *)"{host}/{date}/*.img"};
	struct catalog c;
	struct error e;
	clear();
	for (int d = 1; d <= 28; d++) {
		char name[64];
		snprintf(name, sizeof name, "web01/2026-10-%02d/sda.img", d);
		put_sized(name, d, d);
	}
	put_sized("web01/2026-11-01/sdb.img", 99, 99);
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &e);
	looks = 0;
	NEED(x && catalog_index_find(x, "web01", &c, &e) == 0);
	CHECK_INT(looks, 1);
	CHECK_INT(c.count, 29);
	CHECK_INT(c.items[0].items[0].size, 99);
	CHECK_STR(c.items[28].label, "web01/2026-10-01");
	CHECK_STR(c.items[28].items[0].disk, "sda");
	NEED(catalog_settle(&c, 0, &e) == 0);
	CHECK_INT(looks, 1);
	NEED(catalog_settle(&c, 28, &e) == 0);
	CHECK_INT(looks, 2);
	CHECK_INT(c.items[28].items[0].size, 1);
	CHECK_INT(c.items[28].items[0].mtime, 1);
	/* Retention takes some away meanwhile: another one stands there, or none. */
	NEED(unlink(full("web01/2026-10-27/sda.img")) == 0 && unlink(full("web01/2026-10-26/sda.img")) == 0);
	NEED(catalog_settle(&c, 2, &e) == 0);
	CHECK_INT(c.count, 27);
	CHECK_STR(c.items[2].label, "web01/2026-10-25");
	CHECK_INT(c.items[2].items[0].size, 25);
	catalog_free(&c);
	/* The newest vanishes after its name was read. */
	vanished = "sdb.img";
	NEED(catalog_index_find(x, "web01", &c, &e) == 0);
	CHECK_INT(c.count, 26);
	CHECK_STR(c.items[0].label, "web01/2026-10-28");
	CHECK_INT(c.items[0].items[0].size, 28);
	catalog_free(&c);
	vanished = "sd";
	NEED(catalog_index_find(x, "web01", &c, &e) == 0);
	CHECK_INT(c.count, 0);
	vanished = "";
	/* Without a time in the name, the files' own times decide: all of them. */
	put("db01/a.img", 1);
	put("db01/b.img", 3);
	put("db01/c.img", 2);
	CHECK_STR(find("{host}/*.img", "db01", NULL), "db01/b.img[];db01/c.img[];db01/a.img[]");
	CHECK_STR(from("db01", "db01"), "b.img[];c.img[];a.img[]");
	/* Also where names tell the same time. */
	put("app/2026-10-01/x/a.img", 5);
	put("app/2026-10-02/x/a.img", 1);
	put("app/2026-10-02/y/a.img", 3);
	put("app/2026-10-02/z/a.img", 2);
	looks = 0;
	CHECK_STR(find("{host}/{date}/{part}/*.img", "app", NULL),
		  "app/2026-10-02//a.img[.x .y .z];app/2026-10-01//a.img[.x]");
	CHECK_INT(looks, 3);
	put("two/2026-10-01-a.img", 5);
	put("two/2026-10-02-a.img", 1);
	put("two/2026-10-02-b.img", 3);
	put("two/2026-10-02-c.img", 2);
	looks = 0;
	CHECK_STR(find("{host}/{date}-*.img", "two", NULL), "two/2026-10-02-b.img[];two/2026-10-02-c.img[];"
							     "two/2026-10-02-a.img[];two/2026-10-01-a.img[]");
	CHECK_INT(looks, 3);
}

/* Files that can't be looked at: of the newest that is an error, of others only where they are wanted. */
static void test_unlookable(void)
{
	struct repository r = {.name = (char *)"r", .path = root, .match = (char *)"{host}/{date}/*.img"};
	struct catalog c;
	struct error e;
	clear();
	put("web01/2026-11-19/sda.img", 1);
	put("web01/2026-11-20/sda.img", 2);
	put("web01/2026-11-21/sda.img", 3);
	NEED(chmod(root, 0755) == 0 && chmod(full("web01/2026-11-20"), 0444) == 0);
	bool dropped = geteuid() == 0;
	if (dropped)
		NEED(seteuid(65534) == 0);
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &e);
	NEED(x && catalog_index_find(x, "web01", &c, &e) == 0);
	CHECK_STR(show(&c), "web01/2026-11-21[sda];web01/2026-11-20[sda];web01/2026-11-19[sda]");
	CHECK(catalog_settle(&c, 1, &e) < 0);
	CHECK_INT(e.cls, ERROR_IO);
	CHECK(strstr(e.text, "2026-11-20/sda.img"));
	CHECK_INT(c.count, 3);
	NEED(catalog_settle(&c, 2, &e) == 0);
	CHECK_INT(c.items[2].items[0].mtime, 1);
	catalog_free(&c);
	if (dropped)
		NEED(seteuid(0) == 0);
	NEED(chmod(full("web01/2026-11-20"), 0755) == 0 && chmod(full("web01/2026-11-21"), 0444) == 0);
	if (dropped)
		NEED(seteuid(65534) == 0);
	CHECK(strstr(find("{host}/{date}/*.img", "web01", NULL), "error io"));
	if (dropped)
		NEED(seteuid(0) == 0);
	NEED(chmod(full("web01/2026-11-21"), 0755) == 0 && chmod(full("web01/2026-11-19"), 0) == 0);
	if (dropped)
		NEED(seteuid(65534) == 0);
	/* What is in a directory that can't be read, nobody knows. */
	CHECK(strstr(find("{host}/{date}/*.img", "web01", NULL), "can't read the directory"));
	if (dropped)
		NEED(seteuid(0) == 0);
}

static void test_bad_repository(void)
{
	struct repository r = {.name = (char *)"nas1", .path = (char *)"/nonexistent/x"};
	struct error e;
	CHECK(!catalog_index_open(&r, NULL, &e));
	CHECK_INT(e.cls, ERROR_IO);
	CHECK(strstr(e.text, "nas1"));
	r.path = root;
	r.layout = (char *)"no-such-layout";
	CHECK(!catalog_index_open(&r, NULL, &e));
	CHECK_INT(e.cls, ERROR_UNSUPPORTED);
	r.layout = NULL;
	r.match = (char *)"{x";
	CHECK(!catalog_index_open(&r, NULL, &e));
	CHECK_INT(e.cls, ERROR_CORRUPT);
}

static void *find_many(void *ctx)
{
	struct catalog_index *x = ctx;
	size_t points = 0;
	for (int i = 0; i < 200; i++) {
		char host[32];
		struct catalog c;
		struct error e;
		snprintf(host, sizeof host, "web%02d", i % 20);
		if (catalog_index_find(x, host, &c, &e) == 0) {
			points += c.count;
			catalog_free(&c);
		}
	}
	return (void *)points;
}

static void test_threads(void)
{
	clear();
	for (int i = 0; i < 20; i++)
		for (int d = 10; d < 13; d++) {
			char name[64];
			snprintf(name, sizeof name, "2026-11-%d/web%02d-sda.img", d, i);
			put(name, d);
		}
	struct repository r = {.name = (char *)"r", .path = root, .match = (char *)"{date}/{host}-{disk}.img"};
	struct error e;
	struct catalog_index *x = catalog_index_open(&r, NULL, &e);
	NEED(x);
	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		NEED(pthread_create(&t[i], NULL, find_many, x) == 0);
	for (int i = 0; i < 3; i++) {
		void *points;
		pthread_join(t[i], &points);
		CHECK_INT((size_t)points, 600);
	}
	catalog_index_destroy(x);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%.40s/catalog.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(root));
	setenv("TZ", "UTC", 1);
	RUN(test_patterns);
	RUN(test_bad_patterns);
	RUN(test_dates);
	RUN(test_times);
	RUN(test_partial_names);
	RUN(test_kinds);
	RUN(test_hosts_in_names);
	RUN(test_names_of_machines);
	RUN(test_match_grouping);
	RUN(test_flat_match);
	RUN(test_no_host_in_match);
	RUN(test_order_and_times);
	RUN(test_partial_files);
	RUN(test_links);
	RUN(test_guess_directory);
	RUN(test_guess_hosts);
	RUN(test_date_pieces);
	RUN(test_from_files);
	RUN(test_unreadable);
	RUN(test_lazy);
	RUN(test_unlookable);
	RUN(test_bad_repository);
	RUN(test_threads);
	clear();
	rmdir(root);
	return test_done();
}
