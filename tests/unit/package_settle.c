// SPDX-License-Identifier: GPL-3.0-or-later
/* What is kept of what several packages say of one file. */
#include "../../src/sample/witness/package.h"
#include "test.h"

static struct vouchers v;
static struct error why;

static const struct vouched *find(const char *path)
{
	vec_each(&v, it) if (!strcmp(it->path, path)) return it;
	return NULL;
}

static void put(const char *path, enum digest_kind kind, uint8_t first, int64_t installed, int64_t built)
{
	struct vouched x = {.kind = kind, .digest = {first}, .installed = installed, .built = built, .conffile = built == 3};
	NEED(!vouchers_add(&v, path, &x, &why));
}

/* What several packages say of one file, under the names that it has where /bin is /usr/bin. */
static void settled(void)
{
	vouchers_free(&v);
	put("usr/bin/a", DIGEST_MD5, 1, 10, 0);
	put("bin/a", DIGEST_MD5, 1, 10, 0);
	put("usr/sbin/b", DIGEST_MD5, 1, 10, 0); /* two digests: neither is believed */
	put("sbin/b", DIGEST_MD5, 2, 10, 0);
	put("usr/lib64/c", DIGEST_MD5, 1, 10, 0);
	put("lib64/c", DIGEST_SHA1, 1, 10, 0);
	put("./lib64/c", DIGEST_SHA1, 1, 10, 0);
	put("usr/share/d", DIGEST_MD5, 1, 10, 0);
	put("share/d", DIGEST_MD5, 2, 10, 0); /* another file */
	put("e", DIGEST_MD5, 1, 10, 5);
	put("/e", DIGEST_MD5, 1, 20, 3); /* the same: installed later, built earlier, and to be edited */
	put("f", DIGEST_MD5, 1, 20, 5);
	put(".f", DIGEST_MD5, 1, 20, 5);
	put("f", DIGEST_MD5, 1, 10, 7);
	put("g", DIGEST_MD5, 1, 10, 7);
	put("g", DIGEST_MD5, 1, 10, 0); /* one of them does not say when it was built */
	put("g", DIGEST_MD5, 1, 10, 9);
	put("", DIGEST_MD5, 1, 10, 0);
	put("../h", DIGEST_MD5, 1, 10, 0);
	put("h/../../i", DIGEST_MD5, 1, 10, 0);
	vouchers_settle(&v);
	CHECK_INT(v.count, 8);
	CHECK(find("usr/bin/a") && find("bin/a") && !find("sbin/b") && !find("usr/sbin/b") && !find("lib64/c"));
	CHECK(find("usr/share/d") && find("share/d") && find(".f"));
	const struct vouched *e = find("e"), *f = find("f"), *g = find("g");
	CHECK(e && e->installed == 20 && e->built == 5 && e->conffile);
	CHECK(f && f->installed == 20 && f->built == 7 && !f->conffile);
	CHECK(g && g->built == 0);
	vouchers_free(&v);
	vouchers_settle(&v);
	CHECK_INT(v.count, 0);
	/* A name that no file system has: it is not even asked for. */
	char *data = (char *)1, name[5000];
	size_t len;
	int64_t mtime;
	struct tree_reader reader = {0};
	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = 0;
	CHECK_INT(package_read(&reader, 100, &data, &len, &mtime, &why, "%s", name), 0);
	CHECK(!data);
}

int main(void)
{
	RUN(settled);
	return test_done();
}
