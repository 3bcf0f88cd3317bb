// SPDX-License-Identifier: GPL-3.0-or-later
/* VHD disks against what QEMU and a generator say is in them; then damage, of which none may look fine. */
#include "vhd_help.h"

#define DIR "fixtures/vhd"

static void test_content(void)
{
	check_content("vhd", DIR);
}

static void test_facts(void)
{
	static struct folder d;
	struct error e;
	folder_load(&d, "vhd", DIR);
	struct file *x = file_in(&d, "last.avhd");
	NEED(!file_open(&d, x, &e));
	CHECK_STR(x->o.im.id, "12340000-0000-0000-0000-000000000003");
	CHECK_STR(x->o.im.parent, "child.avhd");
	CHECK_INT(x->o.im.made, 946684800 + 0x2a000000);
	CHECK_INT(count_findings(&x->o.f, "vhd.parent", OUTCOME_HELD), 1);
	CHECK_INT(count_findings(&x->o.f, "vhd.parent-time", OUTCOME_SKIPPED), 1);
	x = file_in(&d, "saved.vhd");
	NEED(!file_open(&d, x, &e));
	CHECK_INT(count_findings(&x->o.f, "vhd.saved-state", OUTCOME_SKIPPED), 1);
	/* What is not stored is known to be zeros without reading. */
	x = file_in(&d, "base.vhd");
	NEED(!file_open(&d, x, &e));
	struct extent run;
	CHECK_INT(source_extent_at(x->o.im.disks.items[0].source, 4u << 19, &run, &e), 0);
	CHECK(run.zero && run.length == 2u << 19);
	folder_shut(&d);
}

static void test_third_party(void)
{
	uint8_t magic[2];
	struct error e;
	struct bytes b = unpacked("fixtures/third-party/ext2.vhd.zst");
	struct opened_image o = image_of("vhd", &b);
	CHECK(fine(&o));
	CHECK_INT(source_size(o.im.disks.items[0].source), 4212736);
	CHECK_INT(source_read_at(o.im.disks.items[0].source, 1080, magic, 2, &e), 0);
	CHECK_INT(get_le16(magic), 0xef53);
	image_shut(&o);
	free(b.p);
	b = unpacked("fixtures/third-party/fat-differential.vhd.zst");
	o = image_of("vhd", &b);
	CHECK_INT(o.rc, -1);
	CHECK_INT(o.e.cls, ERROR_MISSING);
	CHECK(strstr(o.e.text, "fat-parent.vhd") != NULL);
	CHECK_STR(o.im.parent, "fat-parent.vhd");
	image_shut(&o);
	free(b.p);
}

static void test_chains(void)
{
	static struct folder d;
	struct error e;
	/* Another disk under the parent's name. */
	folder_load(&d, "vhd", DIR);
	d.alias = "base.vhd";
	d.alias_of = "holes.vhd";
	struct file *x = file_in(&d, "child.avhd");
	CHECK_INT(file_open(&d, x, &e), -1);
	CHECK_INT(x->o.e.cls, ERROR_CORRUPT);
	CHECK(strstr(x->o.e.text, "12340000-0000-0000-0000-000000000001") != NULL);
	folder_shut(&d);
	/* It is its own parent. */
	folder_load(&d, "vhd", DIR);
	d.alias = "base.vhd";
	d.alias_of = "child.avhd";
	CHECK_INT(file_open(&d, file_in(&d, "child.avhd"), &e), -1);
	CHECK_INT(file_in(&d, "child.avhd")->o.e.cls, ERROR_CORRUPT);
	folder_shut(&d);
	/* A grandparent that is not there. */
	folder_load(&d, "vhd", DIR);
	d.alias = "base.vhd";
	d.alias_of = "nowhere";
	CHECK_INT(file_open(&d, file_in(&d, "last.avhd"), &e), -1);
	CHECK_INT(file_in(&d, "last.avhd")->o.e.cls, ERROR_MISSING);
	CHECK(strstr(file_in(&d, "last.avhd")->o.e.text, "base.vhd") != NULL);
	folder_shut(&d);
}

static void test_every_cut(void)
{
	static const char *const names[] = {"qemu-dynamic", "qemu-fixed", "base", "saved"};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		char path[64];
		snprintf(path, sizeof path, DIR "/%s.vhd.zst", names[k]);
		struct bytes b = unpacked(path);
		CHECK(bytes_fine("vhd", &b));
		const size_t len = b.len;
		for (size_t cut = 1; cut < len; cut += cut < 3000 ? 97 : 60013) {
			b.len = len - cut;
			CHECK(!bytes_fine("vhd", &b));
		}
		for (b.len = 0; b.len < 5000; b.len += 128)
			CHECK(!bytes_fine("vhd", &b));
		free(b.p);
	}
}

static void test_every_bit_under_a_checksum(void)
{
	struct bytes b = unpacked(DIR "/base.vhd.zst"), fixed = unpacked(DIR "/saved.vhd.zst");
	for (size_t i = 0; i < 1536; i++) {
		b.p[i] ^= (uint8_t)(1 << i % 8);
		CHECK(!bytes_fine("vhd", &b));
		b.p[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 512; i++) {
		b.p[b.len - 512 + i] ^= (uint8_t)(1 << i % 8);
		CHECK(!bytes_fine("vhd", &b));
		b.p[b.len - 512 + i] ^= (uint8_t)(1 << i % 8);
		fixed.p[fixed.len - 512 + i] ^= (uint8_t)(1 << i % 8);
		CHECK(!bytes_fine("vhd", &fixed));
		fixed.p[fixed.len - 512 + i] ^= (uint8_t)(1 << i % 8);
	}
	CHECK(bytes_fine("vhd", &b));
	/* One damaged copy of the footer: told, and read by the other. */
	b.p[30] ^= 1;
	struct opened_image o = image_of("vhd", &b);
	CHECK_INT(o.rc, 0);
	CHECK_INT(count_findings(&o.f, "vhd.footer", OUTCOME_BROKEN), 1);
	image_shut(&o);
	free(b.p);
	free(fixed.p);
}

static void put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void test_the_map(void)
{
	static const uint32_t places[] = {0, 1, 2, 3, 0x10000, 0xfffffffe, 6 + 1025, 7};
	struct bytes b = unpacked(DIR "/base.vhd.zst");
	uint8_t *bat = b.p + 1536;
	const uint32_t first = get_be32(bat), second = get_be32(bat + 4);
	CHECK_INT(first, 6);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		put_be32(bat, places[i]);
		CHECK(!bytes_fine("vhd", &b));
	}
	put_be32(bat, second);
	CHECK(!bytes_fine("vhd", &b));
	/* Beyond the end: never zeros. */
	put_be32(bat, 0x10000);
	struct opened_image o = image_of("vhd", &b);
	uint8_t sector[512];
	CHECK_INT(o.rc, 0);
	CHECK_INT(count_findings(&o.f, "vhd.map", OUTCOME_BROKEN), 1);
	CHECK_INT(source_read_at(o.im.disks.items[0].source, 0, sector, 512, &o.e), -1);
	CHECK_INT(o.e.cls, ERROR_CORRUPT);
	image_shut(&o);
	free(b.p);
}

int main(void)
{
	RUN(test_content);
	RUN(test_facts);
	RUN(test_third_party);
	RUN(test_chains);
	RUN(test_every_cut);
	RUN(test_every_bit_under_a_checksum);
	RUN(test_the_map);
	return test_done();
}
