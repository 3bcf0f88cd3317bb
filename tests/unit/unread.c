// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Descriptors that end whoever looks into them: the trouble of the one whose backup they may be of, who is named, and of
 * nobody else. He is never said to have none, or an older one.
 */
#include "repository_help.h"

#define BAD "BAD"
static unsigned bad_asked;

static int ends_and_counts(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	char first[4] = "";
	/* Its head is that of no image. */
	if (kind == PEEK_BACKING)
		return peek_here(kind, fd, out, e);
	bad_asked += pread(fd, first, 3, 0) == 3 && !strcmp(first, BAD);
	return ends_over_bad_ones(kind, fd, out, e);
}

static void put_domain(const char *xml, const char *host, const char *disk)
{
	char text[300], path[200];
	snprintf(text, sizeof text, DOMAIN("%s", DISK("%s")), host, disk);
	put(xml, text);
	snprintf(path, sizeof path, "%.*s%s", (int)(path_base(xml) - xml), xml, disk);
	put(path, "x");
}

static bool is_told(const char *host, const char *file)
{
	const char *answer = find("libvirt", NULL, host);
	bool is = !strncmp(answer, "error io", 8) && strstr(answer, host) && strstr(answer, file) &&
		  strstr(answer, "was ended");
	if (!is)
		fprintf(stderr, "%s: %s\n", host, answer);
	return is;
}

static void test_named(void)
{
	clear();
	put_domain("web01.xml", "web01", "web01.qcow2");
	put_domain("db01.xml", "db01", "db01.qcow2");
	put_domain("web-02.xml", "web-02", "web-02.qcow2");
	CHECK_STR(find("libvirt", NULL, "web01"), "2 of web01.xml");
	put("db01.xml", BAD);
	CHECK(is_told("db01", "db01.xml"));
	/* Its disk is no part of another's, though no XML that can be read says whose it is. */
	CHECK_STR(find("libvirt", NULL, "web01"), "2 of web01.xml");
	CHECK_STR(find("libvirt", NULL, "web-02"), "2 of web-02.xml");
	put_domain("db01.xml", "db01", "db01.qcow2");
	put("web-03.xml", BAD);
	CHECK_STR(find("libvirt", NULL, "web-02"), "2 of web-02.xml");
	CHECK(is_told("web-03", "web-03.xml"));
	CHECK_STR(from("", "web01"), "2 of web01.xml");
	/* Of whom nothing is known it may be the only one. */
	CHECK(is_told("new01", "web-03.xml"));
	/* Alone, whose disk is whose can't be told. */
	NEED(unlink(full("web-02.xml")) == 0 && unlink(full("db01.xml")) == 0);
	CHECK_STR(find("libvirt", NULL, "web01"), "2 of web01.xml");
}

static void test_dated(void)
{
	clear();
	put_domain("2026-11-20/web01.xml", "web01", "web01.qcow2");
	put_domain("2026-11-20/db01.xml", "db01", "db01.qcow2");
	put_domain("2026-11-21/web01.xml", "web01", "web01.qcow2");
	put("2026-11-21/db01.xml", BAD);
	CHECK(is_told("db01", "2026-11-21/db01.xml"));
	CHECK_STR(find("libvirt", NULL, "web01"), "2 of 2026-11-21/web01.xml");
	/* One without a name may be anybody's; a new guest's is his. */
	put("2026-11-22/domain.xml", BAD);
	CHECK(is_told("web01", "2026-11-22/domain.xml"));
	NEED(rename(full("2026-11-22/domain.xml"), full("2026-11-22/mail.xml")) == 0);
	CHECK_STR(find("libvirt", NULL, "web01"), "2 of 2026-11-21/web01.xml");
	NEED(rename(full("2026-11-22/mail.xml"), full("2026-11-22/T0300.xml")) == 0);
	CHECK(is_told("web01", "2026-11-22/"));
	/* What is older leaves the newest as it is. */
	NEED(rename(full("2026-11-22"), full("2026-11-19")) == 0);
	CHECK_STR(find("libvirt", NULL, "web01"), "2 of 2026-11-21/web01.xml");
	put("2026-11-19/web01.xml", BAD);
	put("web01-2026-11-19T0300.xml", BAD);
	CHECK_STR(find("libvirt", NULL, "web01"), "2 of 2026-11-21/web01.xml");
	put("web01-2026-11-21T0300.xml", BAD);
	CHECK(is_told("web01", "web01-2026-11-21T0300.xml"));
}

/* Directories say whose they are; or nothing does. */
static void test_by_directory(void)
{
	clear();
	put_domain("web01/2026-11-21/domain.xml", "web01", "a.qcow2");
	put_domain("db01/2026-11-20/domain.xml", "db01", "a.qcow2");
	put("db01/2026-11-21/domain.xml", BAD);
	CHECK_STR(find("libvirt", NULL, "web01"), "2 of web01/2026-11-21/domain.xml");
	CHECK(is_told("db01", "db01/2026-11-21/domain.xml"));
	clear();
	put_domain("a/1.xml", "web01", "a.qcow2");
	put_domain("b/1.xml", "db01", "a.qcow2");
	put("b/2.xml", BAD);
	CHECK(is_told("db01", "b/2.xml"));
	CHECK(is_told("web01", "b/2.xml"));
	NEED(rename(full("b/2.xml"), full("b/web01.xml")) == 0);
	CHECK(is_told("web01", "b/web01.xml"));
	CHECK_STR(find("libvirt", NULL, "db01"), "2 of b/1.xml");
	/* A directory of one host's. */
	clear();
	put_domain("web01/2026-11-20.xml", "web01", "a.qcow2");
	put("web01/2026-11-21.xml", BAD);
	CHECK(!strncmp(from("web01", "web01"), "error io", 8));
	NEED(rename(full("web01/2026-11-21.xml"), full("web01/2026-11-19.xml")) == 0);
	CHECK_STR(from("web01", "web01"), "2 of 2026-11-20.xml");
}

/* Where nothing else is there, it is not taken for something that needs no XML. */
static void test_only(void)
{
	clear();
	put("web01.xml", BAD);
	put("web01.img", "x");
	CHECK(strstr(from("", "web01"), "was ended"));
	CHECK(is_told("web01", "web01.xml"));
}

/* Cut off, or empty: it is the newest still. */
static void test_cut(void)
{
	static const char *const left[] = {"<domain type='kvm'><name>web01</name>", ""};
	clear();
	put_domain("2026-11-20/web01.xml", "web01", "web01.qcow2");
	put_domain("2026-11-20/db01.xml", "db01", "db01.qcow2");
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		put("2026-11-21/web01.xml", left[i]);
		CHECK(strstr(find("libvirt", NULL, "web01"), "2026-11-21/web01.xml: "));
		CHECK(strstr(from("", "web01"), "2026-11-21/web01.xml: "));
		CHECK_STR(find("libvirt", NULL, "db01"), "2 of 2026-11-20/db01.xml");
	}
	/* An empty one alone may be anything's. */
	clear();
	put("web01.img", "x");
	put("notes.xml", "");
	CHECK_STR(from("", "web01"), "1 of web01.img");
}

/* A fleet does not ask for it again for each host. */
static void test_once(void)
{
	struct repository r = {(char *)"r", root, (char *)"libvirt", NULL, NULL};
	clear();
	put_domain("web01.xml", "web01", "a.qcow2");
	put("db01.xml", BAD);
	bad_asked = 0;
	memset(&why, 0, sizeof why);
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	NEED(x);
	for (int i = 0; i < 100; i++) {
		struct catalog c = {0};
		CHECK_STR(said(catalog_index_find(x, "web01", &c, &why), &c, &why), "2 of web01.xml");
	}
	CHECK_INT(bad_asked, 1);
}

/* Descriptors of exports: only their names say whose they are. */
static void test_exports(void)
{
	clear();
	put("web01-2026-11-20/web01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("web01-2026-11-20/a.vmdk", "x");
	put("db01-2026-11-20/db01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("db01-2026-11-20/a.vmdk", "x");
	put("db01-2026-11-21/db01.ovf", BAD);
	put("db01-2026-11-21/a.vmdk", "x");
	CHECK_STR(find("ova", NULL, "web01"), "2 of web01-2026-11-20/web01.ovf");
	CHECK(strstr(find("ova", NULL, "db01"), "was ended") && strstr(why.text, "db01-2026-11-21/db01.ovf"));
	put("db01-2026-11-21/db01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("db01-2026-11-20/db01.ovf", BAD);
	CHECK_STR(find("ova", NULL, "db01"), "2 of db01-2026-11-21/db01.ovf");
}

int main(void)
{
	make_root();
	peek_by(ends_and_counts);
	RUN(test_named);
	RUN(test_dated);
	RUN(test_by_directory);
	RUN(test_only);
	RUN(test_cut);
	RUN(test_once);
	RUN(test_exports);
	remove_root();
	return test_done();
}
