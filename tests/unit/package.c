// SPDX-License-Identifier: GPL-3.0-or-later
/* What package databases vouch for, read from small trees of the real tools; what a mismatch means. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backproof/text.h"
#include "backproof/witness.h"
#include "test.h"

#define INSTALLED 1767400000
#define BUILT 1767323045 /* what fixtures/package/make.sh says */

/* A tree_reader over a directory; one file can be replaced by other text. */
struct tree {
	const char *root, *instead, *text;
	size_t length;
	const char *failing;
};

static int tree_read(void *ctx, const char *path, size_t max, char **data, size_t *len,
		     int64_t *mtime, struct error *e)
{
	struct tree *t = ctx;
	char full[600];
	if (t->failing && !strcmp(path, t->failing))
		return error_set(e, ERROR_IO, 0, "%s: read error", path);
	if (mtime)
		*mtime = INSTALLED;
	if (t->instead && !strcmp(path, t->instead)) {
		*data = malloc(t->length + 1);
		NEED(*data);
		memcpy(*data, t->text, t->length);
		(*data)[t->length] = 0;
		*len = t->length;
		return 1;
	}
	snprintf(full, sizeof full, "fixtures/package/%s/%s", t->root, path);
	FILE *f = fopen(full, "r");
	struct stat st;
	if (!f || fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode)) {
		if (f)
			fclose(f);
		return 0;
	}
	if ((size_t)st.st_size > max) {
		fclose(f);
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "too large");
	}
	*data = malloc((size_t)st.st_size + 1);
	NEED(*data);
	*len = fread(*data, 1, (size_t)st.st_size, f);
	(*data)[*len] = 0;
	fclose(f);
	return 1;
}

static int tree_list(void *ctx, const char *path, struct strings *names, struct error *e)
{
	struct tree *t = ctx;
	char full[600];
	(void)e;
	snprintf(full, sizeof full, "fixtures/package/%s/%s", t->root, path);
	DIR *d = opendir(full);
	if (!d)
		return 0;
	for (struct dirent *it = readdir(d); it; it = readdir(d))
		if (it->d_name[0] != '.')
			NEED(strings_add(names, it->d_name) == 0);
	closedir(d);
	return 1;
}

static struct vouchers v;
static struct error why;

static int load(const char *database, struct tree *t)
{
	struct tree_reader reader = {t, tree_read, tree_list};
	size_t count;
	const struct package_database *const *db = package_databases(&count);
	vouchers_free(&v);
	memset(&why, 0, sizeof why);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(db[i]->name, database))
			return db[i]->load(&reader, &v, &why);
	return -2;
}

static const struct vouched *find(const char *path)
{
	vec_each(&v, it) if (!strcmp(it->path, path)) return it;
	return NULL;
}

/* The files of the tree are as the database says. */
static size_t count_matches(const char *root)
{
	size_t n = 0;
	vec_each(&v, it)
	{
		struct tree t = {.root = root};
		uint8_t got[DIGEST_MAX];
		char *data = NULL;
		size_t len = 0;
		if (tree_read(&t, it->path, 1 << 20, &data, &len, NULL, &why) <= 0) {
			fprintf(stderr, "no %s\n", it->path);
			continue;
		}
		struct digest *d = digest_new(it->kind, &why);
		NEED(d);
		digest_update(d, data, len);
		NEED(digest_final(d, got, &why) == 0);
		digest_destroy(d);
		free(data);
		n += !memcmp(got, it->digest, digest_size(it->kind));
	}
	return n;
}

static void dpkg_tree(void)
{
	struct tree t = {.root = "dpkg"};
	CHECK_INT(load("dpkg", &t), 1);
	CHECK_STR(v.database, "dpkg");
	/* alpha.real (diverted), data, with space, alpha.conf; beta, shared; gamma's alpha */
	CHECK_INT(v.count, 7);
	CHECK_INT(count_matches("dpkg"), 7);
	CHECK(find("usr/bin/alpha.real") && find("usr/bin/alpha") && find("usr/share/alpha/with space"));
	/* Taken over by beta: alpha's digest of it is no longer asked. */
	CHECK(find("usr/share/alpha/shared") && !find("usr/share/alpha/shared")->conffile);
	CHECK(find("etc/alpha.conf") && find("etc/alpha.conf")->conffile);
	CHECK(!find("etc/alpha.d/old.conf")); /* obsolete */
	CHECK(!find("etc/delta.conf"));	      /* removed package */
	CHECK(find("usr/bin/beta") && find("usr/bin/beta")->installed == INSTALLED &&
	      find("usr/bin/beta")->mtime == INT64_MIN);
	t.root = "distroless";
	CHECK_INT(load("dpkg", &t), 1);
	CHECK_INT(count_matches("distroless"), 1);
	t.root = "apk";
	CHECK_INT(load("dpkg", &t), 0);
	CHECK_INT(v.count, 0);
}

static void instead(struct tree *t, const char *path, const char *text)
{
	t->instead = path;
	t->text = text;
	t->length = strlen(text);
}

static void dpkg_odd(void)
{
	struct tree t = {.root = "dpkg"};
	/* Half-installed: what is on the disk is anybody's guess. */
	instead(&t, "var/lib/dpkg/status", "Package: beta\nStatus: install ok half-installed\n"
					   "Architecture: all\n\nPackage: gamma\n"
					   "Status: install ok triggers-pending\nArchitecture: all");
	CHECK_INT(load("dpkg", &t), 1);
	CHECK(v.count == 1 && find("usr/bin/alpha"));
	/* Two packages that both list a file and give different digests: neither is believed. */
	instead(&t, "var/lib/dpkg/info/beta.list", "/usr/bin/beta\n/usr/share/alpha/data\n");
	CHECK_INT(load("dpkg", &t), 1);
	CHECK(find("usr/share/alpha/data"));
	instead(&t, "var/lib/dpkg/info/beta.md5sums",
		"00000000000000000000000000000001  usr/share/alpha/shared\njunk\n\n"
		"zz000000000000000000000000000001  usr/bin/beta\n");
	CHECK_INT(load("dpkg", &t), 1);
	CHECK(!find("usr/bin/beta") && find("usr/share/alpha/shared"));
	instead(&t, "var/lib/dpkg/info/alpha.list", "/usr/share/alpha/shared\n/usr/bin/alpha\n");
	CHECK_INT(load("dpkg", &t), 1);
	CHECK(!find("usr/share/alpha/shared") && find("usr/bin/alpha.real"));
	/* The database itself is damaged. */
	instead(&t, "var/lib/dpkg/status", "Package: beta\nStat");
	t.text = "Package: beta\0\0\0\0\n";
	t.length = 18;
	CHECK_INT(load("dpkg", &t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	instead(&t, "var/lib/dpkg/status", "\x01\x02 not a status file\n");
	CHECK_INT(load("dpkg", &t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	t = (struct tree){.root = "dpkg", .failing = "var/lib/dpkg/info/beta.list"};
	CHECK_INT(load("dpkg", &t), -1);
	CHECK_INT(why.cls, ERROR_IO);
	/* Paths that leave the tree are not asked for. */
	instead(&t, "var/lib/dpkg/info/beta.md5sums",
		"00000000000000000000000000000001  ../../etc/shadow\n");
	t.failing = NULL;
	CHECK_INT(load("dpkg", &t), 1);
	CHECK(!find("../../etc/shadow"));
}

static void pacman_tree(void)
{
	struct tree t = {.root = "pacman"};
	CHECK_INT(load("pacman", &t), 1);
	CHECK_STR(v.database, "pacman");
	CHECK_INT(v.count, 3);
	CHECK_INT(count_matches("pacman"), 3);
	const struct vouched *x = find("usr/bin/zeta"), *c = find("etc/zeta.conf");
	CHECK(x && x->kind == DIGEST_SHA256 && x->mtime == BUILT && x->size == 13 && !x->conffile);
	CHECK(c && c->conffile);
	CHECK(find("usr/share/zeta/a b#c") && !find("usr/bin/z") && !find(".PKGINFO"));
	/* Not compressed; types and digests in other places */
	instead(&t, "var/lib/pacman/local/zeta-1.0-1/mtree",
		"#mtree\n/set type=dir\n./usr time=1.0\n./usr/x type=file time=12.9 size=3 "
		"md5digest=00000000000000000000000000000000\n./usr/y type=link link=x\n"
		"/set type=file\n./usr/z time=1.0 sha256digest=bad\n");
	CHECK_INT(load("pacman", &t), 1);
	CHECK(v.count == 1 && find("usr/x") && find("usr/x")->mtime == 12);
	/* A damaged one */
	struct tree whole = {.root = "pacman"};
	char *data = NULL;
	size_t len = 0;
	NEED(tree_read(&whole, t.instead, 1 << 20, &data, &len, NULL, &why) > 0);
	t.text = data;
	t.length = len - 3;
	CHECK_INT(load("pacman", &t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	t.length = len;
	data[len / 2] ^= 8;
	CHECK_INT(load("pacman", &t), -1);
	free(data);
	t = (struct tree){.root = "dpkg"};
	CHECK_INT(load("pacman", &t), 0);
}

#define SHA(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define MD5(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

/* Names with escapes and without, digests of two kinds, and entries that name nothing of the system. */
static void pacman_words(void)
{
	struct tree t = {.root = "pacman"};
	instead(&t, "var/lib/pacman/local/zeta-1.0-1/mtree",
		"#mtree\n\n/unset type\n./a\\040b sha256=" SHA("1") "\n./c\\4 md5=" MD5("2") "\n./d\\08 md5=" MD5("2")
		"\n./e\\008 md5=" MD5("2") "\n./f sha256=" SHA("3") " md5=" MD5("4") "\n./g md5=" MD5("4") " sha256digest=" SHA("3")
		"\n./h md5=" MD5("5") " sha256=short\n./../etc/passwd md5=" MD5("6") "\n./i/../../etc/passwd md5=" MD5("6")
		"\n./ md5=" MD5("6") "\nj md5=" MD5("6") "\n.//../k md5=" MD5("6") "\n");
	CHECK_INT(load("pacman", &t), 1);
	CHECK(find("a b") && find("c\\4") && find("d\\08") && find("e\\008"));
	CHECK(find("f") && find("f")->kind == DIGEST_SHA256 && find("g") && find("g")->kind == DIGEST_SHA256);
	CHECK_INT(v.count, 6);
	/* Compressed in another way; nothing in it; a list of files that is not there. */
	t.length = 0;
	CHECK_INT(load("pacman", &t), 0);
	t = (struct tree){.root = "pacman", .failing = "var/lib/pacman/local/zeta-1.0-1/files"};
	CHECK_INT(load("pacman", &t), -1);
	CHECK_INT(why.cls, ERROR_IO);
	t.failing = "var/lib/pacman/local/zeta-1.0-1/mtree";
	CHECK_INT(load("pacman", &t), -1);
	t = (struct tree){.root = "pacman", .instead = t.failing, .text = "\x28\xb5\x2f\xfd nothing more", .length = 17};
	CHECK_INT(load("pacman", &t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
}

static void apk_tree(void)
{
	struct tree t = {.root = "apk"};
	CHECK_INT(load("apk", &t), 1);
	CHECK_STR(v.database, "apk");
	CHECK_INT(v.count, 3);
	CHECK_INT(count_matches("apk"), 3);
	const struct vouched *x = find("bin/eta");
	CHECK(x && x->kind == DIGEST_SHA1 && x->installed == BUILT && !x->conffile);
	CHECK(find("etc/eta.conf") && find("etc/eta.conf")->conffile);
	CHECK(!find("bin/e")); /* a link: its digest is of the target's name */
	instead(&t, "lib/apk/db/installed", "P:x\nF:\nR:rooted\nZ:Q1////////////////////////////\n"
					    "R:short\nZ:Q1AAAA\nR:odd\nZ:Q1***\nR:none\n");
	CHECK_INT(load("apk", &t), 1);
	CHECK(v.count == 0 || (v.count == 1 && find("rooted")));
	t.text = "P:x\0\0\n";
	t.length = 6;
	CHECK_INT(load("apk", &t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	instead(&t, "lib/apk/db/installed", "nothing of the kind\n");
	CHECK_INT(load("apk", &t), -1);
	t = (struct tree){.root = "dpkg"};
	CHECK_INT(load("apk", &t), 0);
}

static enum outcome judge(const char *path, int64_t installed, int64_t package_mtime, bool conffile,
			  int64_t mtime, int64_t ctime, bool use_ctime)
{
	char copy[200];
	snprintf(copy, sizeof copy, "%s", path);
	struct vouched x = {.path = copy, .installed = installed, .mtime = package_mtime,
			    .conffile = conffile, .size = -1};
	return vouched_mismatch(&x, mtime, ctime, use_ctime);
}

static void mismatches(void)
{
	const int64_t t = INSTALLED, none = INT64_MIN;
	/* Nobody wrote it since: it is damage. */
	CHECK_INT(judge("usr/bin/ls", t, none, false, t - 5000, t, true), OUTCOME_BROKEN);
	CHECK_INT(judge("usr/bin/ls", t, none, false, t, t + 3600, true), OUTCOME_BROKEN);
	CHECK_INT(judge("boot/vmlinuz-6.1", t, none, false, t - 1, t, true), OUTCOME_BROKEN);
	/* Written later, or unpacked over it with an old date */
	CHECK_INT(judge("usr/bin/ls", t, none, false, t + 1, t + 1, true), OUTCOME_SKIPPED);
	CHECK_INT(judge("usr/bin/ls", t, none, false, t - 5000, t + 3601, true), OUTCOME_SKIPPED);
	CHECK_INT(judge("usr/bin/ls", t, none, false, t - 5000, t + 3601, false), OUTCOME_BROKEN);
	/* Edited, and dpkg wrote its list anew after that: younger than the package itself */
	struct vouched x = {.path = (char[]){"usr/bin/ls"}, .installed = t, .built = t - 6000, .mtime = none};
	CHECK_INT(vouched_mismatch(&x, t - 5000, t - 5000, true), OUTCOME_SKIPPED);
	CHECK_INT(vouched_mismatch(&x, t - 5999, 0, false), OUTCOME_SKIPPED);
	CHECK_INT(vouched_mismatch(&x, t - 6000, t, true), OUTCOME_BROKEN);
	/* Installed at the end of time, as a database may say */
	CHECK_INT(judge("usr/bin/ls", INT64_MAX, none, false, t, INT64_MAX, true), OUTCOME_BROKEN);
	CHECK_INT(judge("usr/bin/ls", INT64_MAX - 3600, none, false, t, INT64_MAX, true), OUTCOME_BROKEN);
	CHECK_INT(judge("usr/bin/ls", INT64_MAX - 3601, none, false, t, INT64_MAX, true), OUTCOME_SKIPPED);
	/* Nothing known of times */
	CHECK_INT(judge("usr/bin/ls", 0, none, false, 5, 5, true), OUTCOME_SKIPPED);
	/* pacman: the mtime is the package's own */
	CHECK_INT(judge("usr/bin/ls", 0, 1234, false, 1234, t, true), OUTCOME_BROKEN);
	CHECK_INT(judge("usr/bin/ls", 0, 1234, false, 1235, t, true), OUTCOME_SKIPPED);
	/* What people and systems change */
	CHECK_INT(judge("etc/fstab", t, none, true, t - 1, t, true), OUTCOME_SKIPPED);
	static const char *const kept[] = {
		"etc/ld.so.cache", "usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache",
		"usr/share/mime/mime.cache", "usr/lib/python3/dist-packages/x.pyc",
		"usr/share/icons/hicolor/icon-theme.cache", "usr/lib/udev/hwdb.bin",
		"usr/share/glib-2.0/schemas/gschemas.compiled", "usr/share/info/dir", "var/lib/x/y",
		"usr/lib/modules/6.1.0/modules.dep",
	};
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		CHECK_INT(judge(kept[i], t, none, false, t - 1, t, true), OUTCOME_SKIPPED);
	CHECK_INT(judge("usr/lib/modules/6.1.0/kernel/a.ko", t, none, false, t - 1, t, true), OUTCOME_BROKEN);
}

/* All that a reader which sees a tree once must keep. */
static void wanted(void)
{
	static const char *const paths[] = {
		"var/lib/dpkg/status",	      "var/lib/dpkg/info/alpha.list",
		"var/lib/dpkg/diversions",    "var/lib/dpkg/status.d/epsilon.md5sums",
		"lib/apk/db/installed",	      "usr/lib/apk/db/installed",
		"var/lib/pacman/local/zeta-1.0-1/mtree",
	};
	size_t count;
	const struct package_database *const *db = package_databases(&count);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		bool found = false;
		for (size_t k = 0; k < count; k++)
			for (const char *const *w = db[k]->wants; *w; w++)
				found |= !strncmp(paths[i], *w, strlen(*w));
		if (!found)
			fprintf(stderr, "%s is not wanted\n", paths[i]);
		CHECK(found);
	}
}

int main(void)
{
	RUN(dpkg_tree);
	RUN(dpkg_odd);
	RUN(pacman_tree);
	RUN(pacman_words);
	RUN(apk_tree);
	RUN(mismatches);
	RUN(wanted);
	vouchers_free(&v);
	return test_done();
}
