// SPDX-License-Identifier: GPL-3.0-or-later
/* The log of XFS: what its items change, and items that make no sense. */
#include "xfs_log_help.h"

enum { EFI = 0x1236, EFD, ICREATE = 0x123f, RUI, RUD, CUI, CUD, BUI, BUD, ATTRI, ATTRD, XMI, XMD, RT_FIRST };
enum { CORE = 1, DDATA = 2, DEXT = 4, DROOT = 8, DEV = 0x10, ADATA = 0x40, AEXT = 0x80, AROOT = 0x100, OWNERS = 0x200 };

static uint64_t file, pieces, link_, device;
static uint8_t core[176];

static const uint8_t *raw_of(uint64_t number)
{
	return im.data + xfs_inode_at(&im, number);
}
static void begin(void)
{
	log_begin();
	trans_begin();
}
static void end(void)
{
	trans_commit();
	record(0);
}
static void refuse(int line, enum outcome want)
{
	end();
	refused_at(line, want);
}

static void test_inodes(void)
{
	struct fs_entry it;
	uint8_t fork[400];
	begin(); /* extents, attributes, a device's number, a link's target: as they are on the disk */
	core_of(file, core);
	log_inode(file, CORE | DEXT, core, raw_of(file) + 176, 16);
	core_of(device, core);
	log_inode(device, CORE | DEV, core, NULL, 0);
	put_be(ops + ops_length - 176 - 12 - 56 + 24, 0, 4); /* (0:0) */
	core_of(link_, core);
	size_t len = get_be64(raw_of(link_) + 56);
	memset(fork, 0, sizeof fork);
	memcpy(fork, "../etc/hostnamX", len);
	log_inode(link_, CORE | DDATA, core, fork, (len + 3) / 4 * 4);
	end();
	REPLAYED();
	NEED(fs_lookup(seen.fs, "small/link", false, &it, &seen.e) == 1);
	autofree char *target = fs_read_link(seen.fs, &it, &seen.e);
	CHECK(target && !strncmp(target, "../etc/hostnamX", len));
	close_image(&seen);
	/* The root of a tree of extents. */
	unsigned split = raw_of(pieces)[82] * 8u, room = split ? split : 512 - 176, to_max = (room - 4) / 16;
	unsigned count = get_be16(raw_of(pieces) + 178);
	NEED(raw_of(pieces)[5] == 3 && count);
	for (int how = 0; how < 5; how++) {
		static const uint16_t wrong[] = {0, 0, 0, 9, 60};
		begin();
		memset(fork, 0, sizeof fork);
		memcpy(fork + 4, raw_of(pieces) + 176, 4);
		memcpy(fork + 72, raw_of(pieces) + 180, count * 8);
		memcpy(fork + 72 + count * 8, raw_of(pieces) + 180 + to_max * 8, count * 8);
		if (how > 1)
			put_be(fork + 6, wrong[how], 2);
		core_of(pieces, core);
		log_inode(pieces, CORE | DROOT, core, fork, how == 1 ? 71 : 72 + 16 * count);
		if (how) {
			refuse(__LINE__, OUTCOME_BROKEN);
			continue;
		}
		end();
		REPLAYED();
		close_image(&seen);
	}
	/* As machines of 32 bits wrote it. */
	begin();
	uint8_t item[56], narrow[52];
	inode_item(file, CORE, 2, item);
	memcpy(narrow, item, 12);
	memcpy(narrow + 12, item + 16, 40);
	core_of(file, core);
	put_le(core + 2, S_IFREG | 0602, 2);
	op(0, narrow, sizeof narrow);
	op(0, core, 176);
	end();
	REPLAYED();
	CHECK(fs_lookup(seen.fs, "etc/hostname", true, &it, &seen.e) == 1 && (it.mode & 07777) == 0602);
	close_image(&seen);
	/* What is newer on the disk stays. */
	begin();
	log_inode(file, CORE, core, NULL, 0);
	end();
	uint8_t *raw = im.data + xfs_inode_at(&im, file);
	put_be(raw + 112, (uint64_t)(ROUND + 1) << 32, 8);
	xfs_mend(raw, 512, 100);
	REPLAYED();
	CHECK(fs_lookup(seen.fs, "etc/hostname", true, &it, &seen.e) == 1 && (it.mode & 07777) == 0644);
	close_image(&seen);
}

static void test_bad_inodes(void)
{
	uint8_t fork[512] = {0};
	for (int how = 0; how < 16; how++) {
		enum outcome want = OUTCOME_BROKEN;
		begin();
		size_t at = ops_length;
		core_of(file, core);
		uint8_t *p = ops + at + 12;
		unsigned fields = how == 7 ? CORE | OWNERS : how == 8 ? CORE | DEXT : how == 9 || how == 10 ? CORE | DEXT
				  : how == 11 ? CORE | AEXT : how == 12 ? CORE | AROOT : how == 15 ? CORE | ADATA : CORE;
		if (how == 4)
			core[0] = 0;
		if (how == 5)
			core[4] = 2;
		if (how == 6)
			put_le(core + 152, file + 1, 8);
		if (how == 13)
			core[82] = 60;
		log_inode(file, fields, core, fork, how == 9 ? 512 : how == 10 ? 344 : how == 12 ? 60 : how == 15 ? 400 : 0);
		if (how == 0)
			put_le(p + 16, file + 1, 8);
		if (how == 1)
			put_le(p + 40, UINT64_MAX, 8);
		if (how == 2)
			put_le(p + 52, 512, 4);
		if (how == 3)
			put_le(p + 16, UINT64_MAX, 8);
		if (how == 7)
			want = OUTCOME_UNSUPPORTED;
		if (how == 14) { /* the head alone */
			ops_length = at;
			ops_count--;
			ops_count--;
			uint8_t item[56];
			inode_item(file, CORE, 1, item);
			op(0, item, 56);
		}
		int before = test_bad_here;
		refuse(__LINE__, want);
		if (test_bad_here != before)
			fprintf(stderr, "inode %d\n", how);
	}
	for (int how = 0; how < 3; how++) {
		uint8_t item[60];
		begin();
		inode_item(file, CORE, 2, item);
		core_of(file, core);
		op(0, item, how == 0 ? 48 : how == 1 ? 60 : 56);
		op(0, core, how == 2 ? 100 : 176);
		refuse(__LINE__, OUTCOME_BROKEN);
	}
	/* On the disk there is no inode. */
	begin();
	core_of(file, core);
	log_inode(file, CORE, core, NULL, 0);
	im.data[xfs_inode_at(&im, file)] = 0;
	refuse(__LINE__, OUTCOME_BROKEN);
}

/* Each kind of block, logged as it is: its checksum is made, and it stays what it was. */
static void test_kinds(void)
{
	static const struct {
		const char *magic;
		unsigned at, type;
		size_t len;
	} kinds[] = {{"XAGF", 0, 5, 512},     {"XAFL", 0, 6, 512},     {"XAGI", 0, 7, 512},	 {"XSLM", 0, 9, 4096},
		     {"XDB3", 0, 10, 4096},   {"XDD3", 0, 11, 4096},   {"\x3d\xf1", 8, 13, 4096}, {"\x3d\xff", 8, 14, 4096},
		     {"\x3b\xee", 8, 16, 4096}, {"\x3e\xbe", 8, 15, 4096}, {"XARM", 0, 17, 4096}, {"XFSB", 0, 18, 512},
		     {"BMA3", 0, 4, 4096},    {"AB3B", 0, 4, 4096},    {"IAB3", 0, 4, 4096},	 {"XDF3", 0, 12, 4096},
		     {"XAGF", 0, 7, 512},     {"XAGI", 0, 6, 512},     {"XAFL", 0, 5, 512},	 {"XDD3", 0, 4, 4096},
		     {"AB3B", 0, 9, 4096},    {"XARM", 0, 18, 4096},   {"XSLM", 0, 17, 4096},	 {"XFSB", 0, 13, 512},
		     {"BMA3", 0, 10, 4096},   {"IAB3", 0, 30, 4096}};
	unsigned found = 0;
	log_begin();
	uint64_t from = log_start(), to = from + log_sectors() * 512;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (uint64_t at = 0; at + 4096 <= im.len; at += 512) {
			if ((at >= from && at < to) ||
			    memcmp(im.data + at + kinds[k].at, kinds[k].magic, strlen(kinds[k].magic)))
				continue;
			ops_id++;
			trans_begin();
			/* A change and what undoes it, in one buffer. */
			log_buffer(at, kinds[k].len, 0, kinds[k].type, 128, im.data + at + 128, 256);
			trans_commit();
			found++;
			break;
		}
	record(0);
	CHECK(found >= 20);
	REPLAYED();
	close_image(&seen);
}

static uint64_t group_header(void) /* the AGF of the first group */
{
	return 512;
}

static void test_buffers(void)
{
	uint8_t junk[512];
	memset(junk, 0x5a, sizeof junk);
	begin(); /* freed afterwards: what was logged of it before is not played; others are */
	log_buffer(group_header(), 512, 0, 5, 0, junk, 512);
	trans_commit();
	ops_id++;
	trans_begin();
	log_buffer(group_header(), 512, 2, 0, 0, NULL, 0);
	for (uint64_t k = 0; k < 300; k++) /* and many more */
		log_buffer(4096 * (1000 + k), 4096, 2, 0, 0, NULL, 0);
	end();
	REPLAYED();
	close_image(&seen);
	begin(); /* quotas, which are not read */
	log_buffer(group_header(), 512, 4, 0, 0, junk, 512);
	log_buffer(group_header(), 512, 0, 2, 0, junk, 512);
	end();
	REPLAYED();
	close_image(&seen);
	begin(); /* of inodes: only the lists of unlinked ones */
	uint64_t place = xfs_inode_at(&im, file) / 8192 * 8192;
	memset(junk + 96, 0xff, 4);
	for (size_t k = 0; k < 512; k += 512)
		log_buffer(place, 8192, 1, 0, xfs_inode_at(&im, file) - place, junk, 128);
	end();
	REPLAYED();
	close_image(&seen);
	begin(); /* newer on the disk than all of the log: it is not played, and it is told */
	log_buffer(group_header(), 512, 0, 5, 0, junk, 512);
	end();
	put_be(im.data + group_header() + 208, (uint64_t)(ROUND + 1) << 32, 8);
	xfs_mend(im.data + group_header(), 512, 216);
	seen = open_xfs(&im, true);
	CHECK(seen.fs && has_finding(&seen.f, "xfs.groups", OUTCOME_BROKEN));
	close_image(&seen);
	begin(); /* the superblock itself is no more */
	log_buffer(0, 512, 0, 18, 0, junk, 512);
	end();
	seen = open_xfs(&im, false);
	CHECK(!seen.fs && seen.e.cls == ERROR_CORRUPT);
	close_image(&seen);
}

static void test_bad_buffers(void)
{
	uint8_t data[1024] = {0};
	for (int how = 0; how < 9; how++) {
		begin();
		size_t at = ops_length + 12;
		log_buffer(group_header(), 512, how == 8 ? 2 : 0, 5, 0, data, how == 4 ? 0 : 256);
		uint8_t *p = ops + at;
		if (how == 0)
			put_le(p + 6, 0, 2); /* empty */
		if (how == 1)
			put_le(p + 8, UINT64_MAX, 8);
		if (how == 2)
			put_le(p + 8, im.len / 512, 8);
		if (how == 3)
			put_le(p + 6, 600, 2); /* longer than any */
		if (how == 4)
			p[20] = 3; /* no data */
		if (how == 5)
			put_le(p + 16, 100, 4); /* a map that does not fit */
		if (how == 6)
			p[20] = 0x60; /* beyond its end */
		if (how == 7)
			put_be(p - 12 + 4, 10, 4); /* cut: what follows is no operation any more */
		if (how == 8)
			put_le(p + 6, 0, 2); /* freed, and empty */
		int before = test_bad_here;
		refuse(__LINE__, OUTCOME_BROKEN);
		if (test_bad_here != before)
			fprintf(stderr, "buffer %d\n", how);
	}
	begin(); /* too short to be one, and less data than a bit stands for */
	uint8_t item[24] = {0x3c, 0x12, 1};
	op(0, item, 18);
	refuse(__LINE__, OUTCOME_BROKEN);
	begin();
	log_buffer(group_header(), 512, 0, 5, 0, data, 128);
	put_be(ops + ops_length - 128 - 8, 64, 4);
	ops_length -= 64;
	refuse(__LINE__, OUTCOME_BROKEN);
	begin(); /* fewer bytes than its map says in one piece: the next piece has the rest */
	item[2] = 3;
	put_le(item + 6, 1, 2);
	put_le(item + 8, 3, 8); /* the AGFL */
	put_le(item + 16, 1, 4);
	item[5] = 6 << 3;
	item[20] = 15;
	op(0, item, 24);
	op(0, im.data + 1536, 256);
	op(0, im.data + 1536 + 256, 256);
	end();
	REPLAYED();
	close_image(&seen);
}

static void new_inodes(uint8_t item[28], uint64_t block)
{
	memset(item, 0, 28);
	put_le(item, ICREATE, 2);
	put_le(item + 2, 1, 2);
	put_be(item + 8, block, 4);
	put_be(item + 12, 64, 4);
	put_be(item + 16, 512, 4);
	put_be(item + 20, 8, 4);
	put_be(item + 24, 99, 4);
}

static void test_new_inodes(void)
{
	uint8_t item[28];
	uint64_t last = get_be32(im.data + 84) - 8; /* blocks that are free */
	begin();
	new_inodes(item, last);
	op(0, item, 28);
	end();
	REPLAYED();
	close_image(&seen);
	begin(); /* freed again */
	log_buffer(last * 4096, 8192, 2, 0, 0, NULL, 0);
	op(0, item, 28);
	end();
	REPLAYED();
	close_image(&seen);
	begin(); /* over those that are in use */
	new_inodes(item, xfs_inode_at(&im, get_be64(im.data + 56)) / 4096);
	op(0, item, 28);
	end();
	seen = open_xfs(&im, true);
	CHECK(seen.fs && findings_proof(&seen.f, PROOF_STRUCTURE) == OUTCOME_BROKEN);
	close_image(&seen);
	static const struct {
		unsigned at;
		uint32_t value;
	} bad[] = {{4, 99}, {8, UINT32_MAX}, {12, 0}, {12, 9000}, {12, 32}, {16, 256}, {20, 4}, {20, UINT32_MAX}};
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
		begin();
		new_inodes(item, last);
		put_be(item + bad[n].at, bad[n].value, 4);
		op(0, item, 28);
		refuse(__LINE__, OUTCOME_BROKEN);
	}
	begin();
	new_inodes(item, last);
	op(0, item, 24);
	refuse(__LINE__, OUTCOME_BROKEN);
}

/* What was begun and not finished: where only space is concerned, all is seen all the same. */
static void test_intents(void)
{
	static const struct {
		unsigned type;
		bool seen;
	} kinds[] = {{EFI, true}, {RUI, true}, {CUI, true}, {BUI, false}, {ATTRI, false}, {XMI, false}, {RT_FIRST, false},
		     {RT_FIRST + 4, false}};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (int finished = 0; finished < 2; finished++) {
			begin();
			log_intent(kinds[k].type, 5);
			log_intent(kinds[k].type, 6);
			if (finished) {
				log_intent(kinds[k].type + 1, 5);
				log_intent(kinds[k].type + 1, 6);
			}
			log_intent(kinds[k].type + 1, 7); /* of what was before the log's tail */
			end();
			seen = open_xfs(&im, true);
			NEED(seen.fs);
			bool whole_view = finished || kinds[k].seen;
			CHECK_INT(fs_info(seen.fs)->stale_view, !whole_view);
			CHECK((findings_proof(&seen.f, PROOF_STRUCTURE) == OUTCOME_HELD) == whole_view);
			CHECK(fs_info(seen.fs)->replayed);
			close_image(&seen);
		}
	static const unsigned unknown[] = {0x1235, 0x1238, 0x1239, 0x1250, 0x1300, 0};
	for (size_t k = 0; k < ARRAY_SIZE(unknown); k++) {
		begin();
		log_intent(unknown[k], 5);
		refuse(__LINE__, OUTCOME_UNSUPPORTED);
	}
	begin(); /* quotas come and go */
	log_intent(0x123d, 1);
	log_intent(0x123e, 1);
	end();
	REPLAYED();
	close_image(&seen);
	begin();
	uint8_t item[12] = {0x36, 0x12, 1};
	op(0, item, 12);
	refuse(__LINE__, OUTCOME_BROKEN);
}

int main(void)
{
	images_open("fixtures/xfs/plain.zst");
	file = number_of("etc/hostname");
	pieces = number_of("pieces");
	link_ = number_of("small/link");
	device = number_of("null");
	RUN(test_inodes);
	RUN(test_bad_inodes);
	RUN(test_kinds);
	RUN(test_buffers);
	RUN(test_bad_buffers);
	RUN(test_new_inodes);
	RUN(test_intents);
	images_close();
	return test_done();
}
