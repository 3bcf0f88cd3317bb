// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whose a found backup is: another guest's is not the host's, though its name begins as the host's does, and a copy of
 * the machine tells the same from inside; nor is a neighbour's newer one in the way of the host's own.
 */
#include "repository_help.h"

/* In a repository of one host, a pattern of which may be without it. */
static const char *find_own(const char *layout, const char *match, const char *host)
{
	struct catalog c = {0};
	struct repository r = {(char *)"r", root, (char *)layout, (char *)match, (char *)host};
	memset(&why, 0, sizeof why);
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	return said(x ? catalog_index_find(x, host, &c, &why) : -1, &c, &why);
}

static const char *const copies[] = {"web01-test", "web01-clone", "web01-2", "web01_1", "old.web01", "prod-web01", "web01.old"};

static void test_dump_of_a_copy(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		clear();
		put_dump(DUMP("101", "22"), copies[i]);
		/* Its backup alone is there: none is the host's, by its name neither. */
		CHECK_STR(find("vzdump", NULL, "web01"), "none");
		CHECK_STR(from("", "web01"), "none");
		CHECK_STR(from(".//", "web01"), "none");
		CHECK_STR(find("vzdump", NULL, copies[i]), "2 of " DUMP("101", "22"));
		put_dump(DUMP("100", "20"), "web01");
		CHECK_STR(find("vzdump", NULL, "web01"), "2 of " DUMP("100", "20"));
		CHECK_STR(from("", "WEB01"), "2 of " DUMP("100", "20"));
		CHECK_STR(from("", "100"), "2 of " DUMP("100", "20"));
		CHECK_STR(from("", "101"), "2 of " DUMP("101", "22"));
		/* Below the root of a storage. */
		clear();
		put_dump("dump/" DUMP("101", "22"), copies[i]);
		CHECK_STR(from("", "web01"), "none");
		put("web01-2026-11-21.img", "x");
		CHECK_STR(from("", "web01"), "1 of web01-2026-11-21.img");
	}
}

static void test_domain_of_a_copy(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		clear();
		put_guest("b", copies[i], "web01-test.qcow2");
		CHECK_STR(find("libvirt", NULL, "web01"), "none");
		CHECK_STR(from("", "web01"), "none");
		/* What its disk is based on is not the host's for want of a name. */
		put("b/base.qcow2", "x");
		CHECK_STR(from("", "web01"), "none");
		put_guest("a-2026-11-20", "web01", "web01.qcow2");
		put_guest("c-2026-11-22", copies[i], "web01.qcow2");
		CHECK_STR(find("libvirt", NULL, "web01"), "2 of a-2026-11-20/domain.xml");
		CHECK_STR(from("", "web01"), "2 of a-2026-11-20/domain.xml");
	}
	/* Beside another's, what is called by the host is its own. */
	clear();
	put_guest("b", "db01", "db01.qcow2");
	put("other/2026-11-21.img.zst", "x");
	put("web01-2026-11-20.img.zst", "x");
	CHECK_STR(from("", "web01"), "1 of web01-2026-11-20.img.zst");
}

/* The name with the host's domain, or without it. */
static void test_short_and_full(void)
{
	clear();
	put_dump(DUMP("100", "20"), "web01");
	put_dump(DUMP("101", "22"), "web01-test");
	put_dump(DUMP("102", "23"), "web01.other.org");
	CHECK_STR(from("", "web01.example.org"), "2 of " DUMP("100", "20"));
	CHECK_STR(find("vzdump", NULL, "web01.example.org"), "none");
	put_dump(DUMP("103", "19"), "web01.example.org");
	CHECK_STR(from("", "web01.example.org"), "2 of " DUMP("103", "19"));
	CHECK_STR(find("vzdump", NULL, "web01.example.org"), "2 of " DUMP("103", "19"));
	CHECK_STR(from("", "web01"), "2 of " DUMP("100", "20"));
	clear();
	put_guest("a", "web01.example.org", "a.qcow2");
	put_guest("b", "web01-test.example.org", "b.qcow2");
	CHECK_STR(from("", "web01"), "2 of a/domain.xml");
	CHECK_STR(find("libvirt", NULL, "web01"), "none");
	CHECK_STR(find_own("libvirt", "*.xml", "web01"), "2 of a/domain.xml");
}

/* A pattern with a guest's number says whose it is; one that fits any number does not. */
static void test_number_in_match(void)
{
	clear();
	put_dump(DUMP("100", "20"), "web01");
	put_dump(DUMP("101", "22"), "frontend");
	put_dump(DUMP("102", "23"), "web01-test");
	CHECK_STR(find_own("vzdump", "vzdump-qemu-101-*", "web01"), "2 of " DUMP("101", "22"));
	CHECK_STR(find_own("vzdump", "vzdump-qemu-102-*.vma.zst", "web01"), "2 of " DUMP("102", "23"));
	CHECK_STR(find_own("vzdump", "vzdump-qemu-*", "web01"), "2 of " DUMP("100", "20"));
	CHECK_STR(find_own("vzdump", "vzdump-qemu-??2-*", "db01"), "2 of " DUMP("102", "23"));
	CHECK_STR(find_own("vzdump", "*-03_00_00*", "db01"), "none");
	CHECK_STR(find_own("vzdump", "vzdump-qemu-{host}-*", "101"), "2 of " DUMP("101", "22"));
}

static void put_image(const char *directory, const char *part)
{
	static const char *const names[] = {"disk", "parts", "clonezilla-img", "sda1.ext4-ptcl-img.zst.aa"};
	char name[200];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(name, sizeof name, "%s/%s", directory, names[i]);
		put(name, "x");
	}
	snprintf(name, sizeof name, "%s/%s", directory, part);
	put(name, "x");
}

/* Where only labels tell. */
static void test_neighbours(void)
{
	clear();
	put_image("web01-2026-11-21T03-img", "sda2.ext4-ptcl-img.zst.aa");
	put_image("web01-db-2026-11-21T05-img", "sda2.ext4-ptcl-img.zst.aa");
	put_image("web01-db-2026-11-21T06-img", "sda2.ext4-ptcl-img.zst.aa.part");
	CHECK_STR(find("clonezilla", NULL, "web01"), "5 of web01-2026-11-21T03-img");
	CHECK_STR(from("", "web01"), "5 of web01-2026-11-21T03-img");
	CHECK_STR(from("", "web01-db"), "5 of web01-db-2026-11-21T05-img");
	CHECK_STR(from("web01-db-2026-11-21T05-img", "web01"), "5 of web01-db-2026-11-21T05-img");
	/* Which is meant a pattern says. */
	CHECK_STR(find("clonezilla", "{host}-db-*-img", "web01"), "5 of web01-db-2026-11-21T05-img");
	CHECK_STR(find("clonezilla", "{host}-*", "web01"), "5 of web01-2026-11-21T03-img");
	clear();
	put("web01-2026-11-21/web01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("web01-2026-11-21/a.vmdk", "x");
	put("web01-db-2026-11-22/web01-db.ovf", OVF(HREF("f1", "a.vmdk")));
	CHECK_STR(find("ova", NULL, "web01"), "2 of web01-2026-11-21/web01.ovf");
	CHECK(!strncmp(find("ova", NULL, "web01-db"), "error corrupt", 13));
}

/* What others leave in an image's directory is not a sign that it is being written. */
static void test_left_in_image(void)
{
	static const char *const nothing[] = {".DS_Store", ".nfs0000000000a1b2c300000001", "Info-saved-by-cmd.txt~",
					      ".sda2.ext4-ptcl-img.zst.aa.Xy12Zx", "sda2.ext4-ptcl-img.zst.aa~"};
	static const char *const half[] = {".sda2.ext4-ptcl-img.zst.ab.Xy12Zx", "sda3.ext4-ptcl-img.zst.aa.part", ".sdb1.dd-img.aa"};
	for (size_t i = 0; i < ARRAY_SIZE(nothing) + ARRAY_SIZE(half); i++) {
		bool is = i >= ARRAY_SIZE(nothing);
		clear();
		put_image("web01-img", "sda2.ext4-ptcl-img.zst.aa");
		put("web01-img/Info-saved-by-cmd.txt", "x");
		char name[100];
		snprintf(name, sizeof name, "web01-img/%s", is ? half[i - ARRAY_SIZE(nothing)] : nothing[i]);
		put(name, "x");
		if (is)
			CHECK(!strncmp(find("clonezilla", NULL, "web01"), "none, but ", 10));
		else
			CHECK_STR(find("clonezilla", NULL, "web01"), "6 of web01-img");
	}
	clear();
	put_image("web01-img", ".parts.Xy12Zx");
	NEED(unlink(full("web01-img/parts")) == 0);
	CHECK(!strncmp(find("clonezilla", NULL, "web01"), "none, but ", 10));
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	make_root();
	RUN(test_dump_of_a_copy);
	RUN(test_domain_of_a_copy);
	RUN(test_short_and_full);
	RUN(test_number_in_match);
	RUN(test_neighbours);
	RUN(test_left_in_image);
	remove_root();
	return test_done();
}
