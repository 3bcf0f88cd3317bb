// SPDX-License-Identifier: GPL-3.0-or-later
/* Layout libvirt: a domain's XML and the disks that it names. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/catalog.h"
#include "put_file.h"
#include "test.h"

static char root[] = "/tmp/backproof-libvirt-XXXXXX";

static void put(const char *name, const char *text)
{
	put_file(root, name, text);
}

static void domain(const char *file, const char *name)
{
	char xml[2048];
	snprintf(xml, sizeof xml,
		 "<?xml version='1.0'?>\n<domain type='kvm' id='3'>\n  <name>%s</name>\n  <devices>\n"
		 "    <disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2'/>\n"
		 "      <source file='/var/lib/libvirt/images/%s-1&amp;2.qcow2' index='2'/>\n"
		 "      <backingStore type='file'><source file='/var/lib/libvirt/images/base.qcow2'/></backingStore>\n"
		 "      <target dev='vda' bus='virtio'/>\n    </disk>\n"
		 "    <disk type='block' device='disk'><source dev=\"/dev/vg0/%s-data\"/><target dev='vdb'/></disk>\n"
		 "    <disk type='file' device='cdrom'><source file='/iso/debian.iso'/><target dev='sda'/></disk>\n"
		 "    <disk type='file' device='cdrom'><target dev='sdb'/></disk>\n"
		 "  </devices>\n</domain>\n", name, name, name);
	put(file, xml);
}

static void clear(void)
{
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf %s && mkdir %s", root, root);
	NEED(system(cmd) == 0);
}

static struct catalog found;
static struct error why;

static int in_repository(const char *host)
{
	struct repository r = {.name = "kvm", .path = root, .layout = (char *)(uintptr_t)"libvirt"};
	memset(&why, 0, sizeof why);
	memset(&found, 0, sizeof found);
	struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	int rc = x ? catalog_index_find(x, host, &found, &why) : -1;
	catalog_index_destroy(x);
	return rc;
}

static bool holds(const char *base, bool note)
{
	for (size_t i = 0; found.count && i < found.items[0].count; i++) {
		const struct point_file *f = &found.items[0].items[i];
		if (!strcmp(strrchr(f->path, '/') + 1, base) && f->note == note)
			return true;
	}
	return false;
}

static void test_together(void)
{
	clear();
	domain("web01.xml", "web01");
	domain("web02.xml", "web02");
	put("web01-1&2.qcow2", "x");
	put("web02-1&2.qcow2", "x");
	put("web01-data.img.zst", "x");
	put("web01-data", "x");
	put("web02-data.zst", "x");
	CHECK_INT(in_repository("web01"), 0);
	CHECK_INT(found.count, 1);
	CHECK(holds("web01-1&2.qcow2", false));
	CHECK(holds("web01-data", false));
	CHECK(holds("web01.xml", true));
	CHECK(!holds("web02-1&2.qcow2", false));
	catalog_free(&found);
	CHECK_INT(in_repository("web02"), 0);
	CHECK(holds("web02-data.zst", false));
	catalog_free(&found);
	CHECK_INT(in_repository("web"), 0);
	CHECK_INT(found.count, 0);
	catalog_free(&found);
}

static void dated(void)
{
	clear();
	domain("web01/2026-11-20/web01.xml", "web01");
	put("web01/2026-11-20/web01-1&2.qcow2", "x");
	put("web01/2026-11-20/web01-data", "x");
	domain("web01/2026-11-21/web01.xml", "web01");
	put("web01/2026-11-21/web01-1&2.qcow2", "x");
	put("web01/2026-11-21/web01-data", "x");
	put("web01/2026-11-21/base.qcow2", "x");
}

static void test_dated(void)
{
	dated();
	CHECK_INT(in_repository("web01"), 0);
	NEED(found.count == 2);
	CHECK_STR(found.items[0].label, "web01/2026-11-21/web01.xml");
	CHECK(holds("base.qcow2", false)); /* of the chain */
	catalog_free(&found);
	struct strings paths = {0};
	NEED(strings_add(&paths, root) == 0);
	CHECK_INT(catalog_from_paths(&paths, "web01", &found, &why), 0);
	CHECK_INT(found.count, 2);
	CHECK(holds("web01.xml", true));
	catalog_free(&found);
	strings_free(&paths);
}

/* The newest without a disk, or without any, is not passed over for an older one. */
static void test_missing(void)
{
	static const char *const gone[] = {"web01-data", "web01-1&2.qcow2", "base.qcow2"};
	dated();
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		char path[512];
		snprintf(path, sizeof path, "%s/web01/2026-11-21/%s", root, gone[i]);
		NEED(unlink(path) == 0);
		CHECK_INT(in_repository("web01"), -1);
		CHECK_INT(why.cls, ERROR_CORRUPT);
		CHECK_INT(why.sys, ENOENT);
		CHECK(strstr(why.text, "the file web01-") != NULL);
	}
}

static void test_others(void)
{
	clear();
	put("a.xml", "<network><name>web01</name></network>");
	put("b.xml", "<domain");
	put("c.xml", "<domain><name>web01</name></domain>");
	put("d.xml", "<domain ><name>web01<disk ><source file='</domain>");
	CHECK_INT(in_repository("web01"), 0);
	CHECK_INT(found.count, 0);
	catalog_free(&found);
}

int main(void)
{
	NEED(mkdtemp(root));
	RUN(test_together);
	RUN(test_dated);
	RUN(test_missing);
	RUN(test_others);
	char cmd[64];
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	NEED(system(cmd) == 0);
	return test_done();
}
