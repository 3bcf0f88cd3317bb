// SPDX-License-Identifier: GPL-3.0-or-later
/* Layout ova: exports in one file, and descriptors with their disks. */
#include <errno.h>
#include <sys/stat.h>

#include "backproof/catalog.h"
#include "put_file.h"
#include "test.h"

static char root[] = "/tmp/backproof-ova-XXXXXX";

static void put(const char *name, const char *text)
{
	put_file(root, name, text);
}

static struct catalog found;
static struct error why;

static int ask(const char *host)
{
	struct repository r = {.name = "esx", .path = root, .layout = (char *)(uintptr_t)"ova"};
	memset(&why, 0, sizeof why);
	memset(&found, 0, sizeof found);
	struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	int rc = x ? catalog_index_find(x, host, &found, &why) : -1;
	catalog_index_destroy(x);
	return rc;
}

static void test_files(void)
{
	put("web01.ova", "x");
	put("web010.ova", "x");
	put("web02/web02-2026-11-20.ova", "x");
	put("web02/web02-2026-11-21.ova", "x");
	CHECK_INT(ask("web01"), 0);
	CHECK_INT(found.count, 1);
	catalog_free(&found);
	CHECK_INT(ask("web02"), 0);
	NEED(found.count == 2);
	CHECK(strstr(found.items[0].items[0].path, "2026-11-21") != NULL);
	catalog_free(&found);
	CHECK_INT(ask("web"), 0);
	CHECK_INT(found.count, 0);
	catalog_free(&found);
}

#define OVF "<Envelope><References><File ovf:id=\"f1\" ovf:href=\"db01-disk1.vmdk\" ovf:size=\"1\"/>" \
	    "<File ovf:href=\"db01-disk2.vmdk\"/></References></Envelope>"

static void test_descriptor(void)
{
	char path[128];
	put("db01/2026-11-20/db01.ovf", OVF);
	put("db01/2026-11-20/db01-disk1.vmdk", "x");
	put("db01/2026-11-20/db01-disk2.vmdk", "x");
	put("db01/2026-11-21/db01.ovf", OVF);
	put("db01/2026-11-21/db01-disk1.vmdk", "x");
	CHECK_INT(ask("db01"), -1);
	CHECK_INT(why.sys, ENOENT);
	CHECK(strstr(why.text, "db01-disk2.vmdk") != NULL);
	snprintf(path, sizeof path, "%s/db01/2026-11-21/db01-disk1.vmdk", root);
	NEED(unlink(path) == 0);
	CHECK_INT(ask("db01"), -1);
	put("db01/2026-11-21/db01-disk1.vmdk", "x");
	put("db01/2026-11-21/db01-disk2.vmdk", "x");
	CHECK_INT(ask("db01"), 0);
	NEED(found.count == 2);
	CHECK_INT(found.items[0].count, 3);
	CHECK(strstr(found.items[0].label, "2026-11-21") != NULL);
	size_t notes = 0;
	for (size_t i = 0; i < found.items[0].count; i++)
		notes += found.items[0].items[i].note;
	CHECK_INT(notes, 1);
	catalog_free(&found);
}

/* References as XML and URIs have them, and two files of one name. */
static void test_references(void)
{
	put("ref/2026-11-21/ref.ovf", "<ovf:Envelope xmlns:ovf='x'><!-- <File href='c.vmdk'/> --><ovf:References>"
	    "<ovf:File ovf:href = 'a%20%26.vmdk' ovf:id='f1'/><ovf:File href=\"b&amp;.vmdk\" id='f2'/>"
	    "</ovf:References><ovf:DiskSection><ovf:Disk ovf:fileRef='f1'/></ovf:DiskSection></ovf:Envelope>");
	put("ref/2026-11-21/a &.vmdk", "x");
	CHECK_INT(ask("ref"), -1);
	CHECK(strstr(why.text, "names the file b&.vmdk, which") != NULL);
	put("ref/2026-11-21/b&.vmdk", "x");
	CHECK_INT(ask("ref"), 0);
	NEED(found.count == 1 && found.items[0].count == 3);
	CHECK(strstr(found.items[0].items[0].path, "/a &.vmdk") && !found.items[0].items[0].note);
	CHECK(found.items[0].items[1].note && found.items[0].items[2].note);
	catalog_free(&found);
	put("ref/2026-11-21/ref.ovf", "<Envelope><References><File href='x/d.vmdk'/><File href='y/d.vmdk'/>"
				      "<File href='x/d.vmdk'/></References></Envelope>");
	put("ref/2026-11-21/d.vmdk", "x");
	CHECK_INT(ask("ref"), -1);
	CHECK(strstr(why.text, "d.vmdk") != NULL);
	put("ref/2026-11-21/ref.ovf", "<Envelope><References><File id='f1'/></References></Envelope>");
	CHECK_INT(ask("ref"), -1);
	CHECK(strstr(why.text, "without a name") != NULL);
}

/* The date may be that of a directory further up. */
static void test_date_above(void)
{
	put("2026-11-20/app01/app01.ova", "x");
	put("2026-11-19/app01/app01.ovf", OVF);
	put("2026-11-19/app01/db01-disk1.vmdk", "x");
	put("2026-11-19/app01/db01-disk2.vmdk", "x");
	CHECK_INT(ask("app01"), 0);
	NEED(found.count == 2);
	CHECK_STR(found.items[0].label, "2026-11-20/app01/app01.ova");
	CHECK_INT(found.items[0].named_from - found.items[1].named_from, 86400);
	catalog_free(&found);
}

/* What it has lost may have named more disks. Its end may be written in several ways. */
static void test_end(void)
{
	static const char *const ends[] = {"</Envelope>", "</Envelope >", "</Envelope\r\n>\n<!-- x -->\n"},
				 *const none[] = {"", "<", "</", "</Envelope", "</Envelope ", "</Envelope/>", "</xEnvelope>", "</Envelopes>",
						  "<Envelope>", "Envelope>", "</ovf:Envelope>", "</Envelope></x>", "</Envelope><"};
	char text[200];
	put("db02/db02-disk1.vmdk", "x");
	for (size_t i = 0; i < ARRAY_SIZE(ends) + ARRAY_SIZE(none); i++) {
		const char *end = i < ARRAY_SIZE(ends) ? ends[i] : none[i - ARRAY_SIZE(ends)];
		snprintf(text, sizeof text, "<Envelope><References><File ovf:href=\"db02-disk1.vmdk\"/></References>%s", end);
		put("db02/db02.ovf", text);
		int rc = ask("db02");
		if (rc != (i < ARRAY_SIZE(ends) ? 0 : -1) || (rc < 0 && !strstr(why.text, "the OVF descriptor: "))) {
			fprintf(stderr, "%s: %d %s\n", end, rc, why.text);
			CHECK(false);
		}
		catalog_free(&found);
		/* It is not another's. */
		CHECK_INT(ask("web01"), 0);
		CHECK_INT(found.count, 1);
		catalog_free(&found);
	}
	put("db02/db02.ovf", "");
	CHECK_INT(ask("db02"), -1);
	catalog_free(&found);
}

int main(void)
{
	NEED(mkdtemp(root));
	RUN(test_files);
	RUN(test_descriptor);
	RUN(test_references);
	RUN(test_date_above);
	RUN(test_end);
	char cmd[64];
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	NEED(system(cmd) == 0);
	return test_done();
}
