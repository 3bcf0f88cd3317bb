// SPDX-License-Identifier: GPL-3.0-or-later
/* The log of XFS: records, their order, and how operations become transactions. */
#include "xfs_log_mode.h"

static void test_rounds(void)
{
	size_t end;
	log_begin();
	end = log_sectors();
	change_mode(0600);
	record(0);
	change_mode(0640);
	record(0);
	REPLAYED();
	CHECK_INT(mode_of_file(), 0640);
	close_image(&seen);
	/* Over the end of the log, and just up to it. */
	for (size_t before = 1; before < 4; before++) {
		log_from(end - before, ROUND - 1, ROUND - 1);
		change_mode(0600);
		record(end - before);
		change_mode(0604);
		record(end - before);
		REPLAYED();
		CHECK_INT(mode_of_file(), 0604);
		close_image(&seen);
	}
	log_from(end - 2, ROUND, ROUND);
	change_mode(0600);
	NEED(ops_length <= 512);
	record(end - 2);
	REPLAYED();
	CHECK_INT(mode_of_file(), 0600);
	close_image(&seen);
	/* Of the first round ever: what follows was never written. */
	log_from(0, 0, 1);
	change_mode(0600);
	record(0);
	seen = open_xfs(&im, false);
	CHECK(seen.fs && fs_info(seen.fs)->replayed && mode_of_file() == 0644); /* what is on the disk is of later */
	close_image(&seen);
	/* In many sectors, with more than one header. */
	log_begin();
	static uint8_t much[65536];
	trans_begin();
	put_mode(0611);
	for (int k = 0; k < 3; k++)
		op(OP_CONTINUE, much, 1000);
	ops_length -= 3 * 1012; /* (that would be no item) */
	ops_count -= 3;
	trans_commit();
	ops_id++; /* of no transaction: passed over */
	op(0, much, sizeof much);
	record(0);
	REPLAYED();
	CHECK_INT(mode_of_file(), 0611);
	close_image(&seen);
}

static void test_unmounted(void)
{
	uint8_t what[8] = {'n', 'U'};
	for (int how = 0; how < 4; how++) {
		log_begin();
		change_mode(0600);
		record(0);
		op(OP_UNMOUNT, what, sizeof what);
		uint8_t *h = record(log_head);
		if (how == 1)
			put_le(h + 32, 0, 4); /* mkfs leaves it out */
		if (how == 2)
			h[32] ^= 1;
		if (how == 3)
			h[512 + 9] = 0; /* not what it says */
		seen = open_xfs(&im, true);
		NEED(seen.fs);
		const struct fs_info *info = fs_info(seen.fs);
		if (how < 2)
			CHECK(info->clean && !info->stale_view && findings_proof(&seen.f, PROOF_STRUCTURE) == OUTCOME_HELD);
		else
			CHECK(findings_proof(&seen.f, PROOF_STRUCTURE) != OUTCOME_HELD);
		CHECK_INT(info->clean, how < 3);
		CHECK_INT(mode_of_file(), how < 3 ? 0644 : 0600);
		close_image(&seen);
	}
	/* What comes after it is torn. */
	log_begin();
	op(OP_UNMOUNT, what, sizeof what);
	record(0);
	change_mode(0600);
	record(log_head)[32] ^= 1;
	REFUSED();
	/* In a record of a transaction: that one is dropped. */
	log_begin();
	trans_begin();
	put_mode(0600);
	op(OP_UNMOUNT, NULL, 0);
	trans_begin();
	put_mode(0606);
	trans_commit();
	record(0);
	REPLAYED();
	CHECK_INT(mode_of_file(), 0606);
	close_image(&seen);
}

static void test_headers(void)
{
	static const struct {
		unsigned at, bytes;
		uint64_t value;
		enum outcome want;
	} bad[] = {
		{8, 4, 1, OUTCOME_UNSUPPORTED},	    {300, 4, 2, OUTCOME_UNSUPPORTED}, {304, 4, 1, OUTCOME_BROKEN},
		{12, 4, 0, OUTCOME_BROKEN},	    {12, 4, 300000, OUTCOME_BROKEN},  {12, 4, 40000, OUTCOME_BROKEN},
		{320, 4, 300000, OUTCOME_BROKEN},   {16, 8, 7, OUTCOME_BROKEN},	      {24, 8, UINT64_MAX, OUTCOME_BROKEN},
		{24, 8, (uint64_t)ROUND << 32 | 1, OUTCOME_BROKEN},
		{24, 8, (uint64_t)(ROUND + 1) << 32, OUTCOME_BROKEN},
	};
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
		log_begin();
		change_mode(0600);
		uint8_t *h = record(0);
		put_be(h + bad[n].at, bad[n].value, bad[n].bytes);
		if (bad[n].at != 12)
			record_sum(h);
		int before = test_bad_here;
		refused_at(__LINE__, bad[n].want);
		if (test_bad_here != before)
			fprintf(stderr, "header %zu\n", n);
	}
	/* The same of one before the last: what would follow is not played over a gap. */
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
		log_begin();
		change_mode(0600);
		uint8_t *h = record(0);
		change_mode(0601);
		record(0);
		if (bad[n].at == 24) /* only the last one's counts */
			continue;
		put_be(h + bad[n].at, bad[n].value, bad[n].bytes);
		if (bad[n].at != 12)
			record_sum(h);
		seen = open_xfs(&im, true);
		CHECK(seen.fs && fs_info(seen.fs)->stale_view &&
		      findings_proof(&seen.f, PROOF_STRUCTURE) != OUTCOME_HELD && mode_of_file() != 0601);
		close_image(&seen);
	}
}

static void test_torn(void)
{
	log_begin(); /* the last of three, the first, the one in the middle; then the only one */
	for (int torn = 0; torn < 3; torn++) {
		log_begin();
		uint8_t *h = NULL;
		for (int k = 0; k < 3; k++) {
			change_mode(0601u + (unsigned)k);
			uint8_t *r = record(0);
			if (k == torn)
				h = r;
		}
		h[600] ^= 1;
		seen = open_xfs(&im, true);
		CHECK(seen.fs && fs_info(seen.fs)->stale_view && findings_proof(&seen.f, PROOF_STRUCTURE) != OUTCOME_HELD);
		CHECK_INT(mode_of_file(), torn == 2 ? 0602 : torn ? 0601 : 0644);
		close_image(&seen);
	}
	log_begin();
	change_mode(0600);
	record(0)[600] ^= 1;
	REFUSED();
	/* A magic where no record is. */
	log_begin();
	change_mode(0600);
	put_be(record(0), 0xfeedbabf, 4);
	REFUSED();
	/* Nothing at all; a later round that is not full. */
	log_from(0, 0, 0);
	REFUSED();
	log_from(0, 0, 5);
	change_mode(0600);
	record(0);
	REFUSED();
	log_from(0, ROUND, ROUND);
	REFUSED();
}

static void test_operations(void)
{
	uint8_t core[176], item[56], head[20] = {0};
	core_of(file, core);
	put_le(core + 2, S_IFREG | 0607, 2);
	inode_item(file, 1, 2, item);
	put_le(head, 0x5452414e, 4);
	log_begin(); /* in pieces: the header, and a region, over two records */
	op(OP_START, NULL, 0);
	op(OP_CONTINUE, head, 10);
	op(OP_WAS_CONTINUED | OP_END, head + 10, 6);
	op(0, NULL, 0);
	op(0, item, 56);
	op(OP_CONTINUE, core, 100);
	record(0);
	op(OP_WAS_CONTINUED | OP_CONTINUE, core + 100, 50);
	op(OP_WAS_CONTINUED | OP_END, core + 150, 26);
	trans_commit();
	record(0);
	REPLAYED();
	CHECK_INT(mode_of_file(), 0607);
	close_image(&seen);
	log_begin(); /* two at once; one that does not commit */
	trans_begin();
	put_mode(0600);
	ops_id++;
	trans_begin();
	put_mode(0601);
	ops_id--;
	trans_commit();
	record(0);
	ops_id += 2;
	trans_begin();
	put_mode(0602);
	ops_id--;
	trans_commit();
	record(0);
	REPLAYED();
	CHECK_INT(mode_of_file(), 0601);
	close_image(&seen);
	for (int how = 0; how < 9; how++) {
		log_begin();
		op(OP_START, NULL, 0);
		if (how == 0)
			op(0, head, 20); /* longer than a header */
		if (how == 1)
			head[0] ^= 1;
		if (how)
			op(0, head, 16);
		if (how == 1)
			head[0] ^= 1;
		if (how == 2)
			op(OP_WAS_CONTINUED, core, 176);
		op(how == 3 ? 0x40 : 0, item, 56);
		if (how == 4)
			ops[ops_length - 56 - 4] = 0x11; /* no client */
		op(0, core, 176);
		if (how == 5)
			put_be(ops + ops_length - 176 - 8, 1000000, 4);
		if (how == 6)
			put_le(ops + 12 + 12 + 16 + 12 + 2, 0, 2); /* an item without parts */
		if (how == 7)
			put_le(ops + 12 + 12 + 16 + 12 + 2, 3, 2);
		if (how == 8)
			op(0, item, 3);
		trans_commit();
		record(0);
		int before = test_bad_here;
		REFUSED();
		if (test_bad_here != before)
			fprintf(stderr, "operation %d\n", how);
	}
	log_begin(); /* the head of an operation does not fit */
	change_mode(0600);
	ops_count++;
	ops_length += 8;
	memset(ops + ops_length - 8, 0, 8);
	record(0);
	REFUSED();
	log_begin(); /* too many at once */
	for (int k = 0; k < 4100; k++) {
		ops_id++;
		op(OP_START, NULL, 0);
	}
	record(0);
	refused_at(__LINE__, OUTCOME_UNPROVEN);
}

/* What the superblock says of the log. */
static void test_superblock(void)
{
	static const struct {
		unsigned at, bytes;
		uint64_t value;
	} fields[] = {{220, 4, 2}, {48, 8, 0}, {96, 4, 1}, {48, 8, UINT64_MAX}, {96, 4, 100000}};
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++) {
		log_begin();
		change_mode(0600);
		record(0);
		put_be(im.data + fields[n].at, fields[n].value, fields[n].bytes);
		xfs_mend(im.data, 512, 224);
		seen = open_xfs(&im, true);
		CHECK(findings_proof(&seen.f, PROOF_STRUCTURE) != OUTCOME_HELD);
		CHECK(n < 2 ? seen.fs && fs_info(seen.fs)->stale_view : !seen.fs && seen.e.cls == ERROR_CORRUPT);
		if (!n)
			CHECK(has_finding(&seen.f, "xfs.log", OUTCOME_UNSUPPORTED));
		close_image(&seen);
	}
}

int main(void)
{
	images_open("fixtures/xfs/plain.zst");
	file = number_of("etc/hostname");
	RUN(test_rounds);
	RUN(test_unmounted);
	RUN(test_headers);
	RUN(test_torn);
	RUN(test_operations);
	RUN(test_superblock);
	images_close();
	return test_done();
}
