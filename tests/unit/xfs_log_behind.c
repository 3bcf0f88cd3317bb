// SPDX-License-Identifier: GPL-3.0-or-later
/* Where the log of XFS seems to end: a write that was stopped, or damage. */
#include "xfs_log_mode.h"

/* As if it had never been written. */
static void lose(size_t sector)
{
	memset(log_at(sector), 0, 512);
	put_be(log_at(sector), ROUND - 1, 4);
}
/* Whole sectors, as a kernel writes them. */
static uint8_t *whole_record(size_t tail)
{
	size_t n = -ops_length % 512;
	memset(ops + ops_length, 0, n);
	ops_length += n;
	return record(tail);
}
/* Records that change a mode: 0600, 0601... Each has two sectors. */
static void some_records(unsigned count)
{
	log_begin();
	for (unsigned k = 0; k < count; k++) {
		change_mode(0600 + k);
		whole_record(0);
	}
	NEED(log_head == 2 * count);
}
static void ends_with(uint32_t mode)
{
	REPLAYED();
	CHECK_INT(mode_of_file(), mode);
	close_image(&seen);
}

/* Sectors that are missing because the power failed. */
static void test_missing(void)
{
	/* One of a record before up to seven others. */
	for (unsigned records = 2; records < 11; records++)
		for (size_t s = 2; s < 4; s++) {
			some_records(records);
			lose(s);
			if (records < 10)
				ends_with(0600);
			else
				REFUSED();
		}
	/* Two, of one each; the second of which begins where the log seems to end. */
	some_records(5);
	lose(7);
	lose(4);
	ends_with(0601);
}

/* What else looks like that to a kernel. */
static void test_damaged(void)
{
	static uint8_t much[1988];
	/* Records that nothing is missing of but the number of a round, a magic, or a length. */
	for (size_t s = 2; s < 10; s++) {
		some_records(5);
		put_be(log_at(s) + (s % 2 ? 0 : 4), ROUND - 1, 4);
		REFUSED();
	}
	static const struct {
		unsigned at;
		uint32_t value;
	} fields[] = {{0, 0xfeedbabf}, {12, 1024}, {12, 8192}, {320, 40000}, {320, 65536}};
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++) {
		some_records(5);
		put_be(log_at(8) + fields[n].at, fields[n].value, 4);
		REFUSED();
	}
	/* One sector more than there are records. */
	some_records(5);
	put_be(log_at(10), ROUND, 4);
	REFUSED();
	/* Of a record of three sectors, a length that is too small; zeros at its end, or before what is there. */
	for (int how = 0; how < 4; how++) {
		some_records(1);
		change_mode(0611);
		ops_id++;
		op(0, much, sizeof much);
		uint8_t *h = whole_record(0);
		NEED(log_head == 2 + 1 + 5);
		if (how == 0)
			put_be(h + 12, 512, 4);
		if (how == 1)
			lose(7);
		if (how == 2)
			lose(6), lose(7);
		if (how == 3) {
			put_be(log_at(6), ROUND - 1, 4);
			put_be(h + 512, ROUND - 1, 4);
		}
		if (how == 1 || how == 2)
			ends_with(0600);
		else
			REFUSED();
	}
}

static void test_places(void)
{
	/* What is in the place of the missing: a header of that round, of another place, of no known round. */
	for (int how = 0; how < 3; how++) {
		some_records(4);
		uint8_t *h = log_at(3);
		memcpy(h, log_at(2), 512);
		put_be(h + 4, ROUND - 1, 4);
		put_be(h + 16, (uint64_t)(ROUND - 1) << 32 | (how == 1 ? 5 : 3), 8);
		lose(2);
		if (how == 2)
			put_be(log_at(4) + 4, ROUND + 7, 4);
		if (how)
			REFUSED();
		else
			ends_with(0600);
	}
	/* In the first round there was nothing. What is on the disk is of later, so that it does not hold anyhow. */
	for (int how = 0; how < 2; how++) {
		log_from(0, 0, 1);
		change_mode(0600);
		record(0);
		change_mode(0601);
		memset(record(0) + 512, 0, 512);
		log_at(3)[100] = (uint8_t)how;
		seen = open_xfs(&im, true);
		CHECK(seen.fs && fs_info(seen.fs)->replayed == !how);
		CHECK_INT(has_finding(&seen.f, "xfs.log", OUTCOME_BROKEN), how);
		close_image(&seen);
	}
}

static void test_order(void)
{
	static uint8_t much[32244];
	/* A record that says that the log is needed only from behind the missing one on. */
	for (size_t tail = 2; tail < 6; tail += 2) {
		some_records(3);
		change_mode(0607);
		record(tail);
		lose(3);
		if (tail == 2)
			ends_with(0600);
		else
			REFUSED();
	}
	/* Of records as large as can be only the last is there: seven buffers away, and eight. */
	for (unsigned away = 7; away < 9; away++) {
		some_records(1);
		for (unsigned k = 0; k <= away; k++) {
			ops_id++;
			op(0, much, sizeof much);
			record(0);
		}
		NEED(log_head == 2 + 64 * (away + 1));
		for (size_t s = 2; s < 2 + 64 * away; s++)
			lose(s);
		if (away == 7)
			ends_with(0600);
		else
			REFUSED();
	}
	/* Over the end of the log. */
	for (int how = 0; how < 2; how++) {
		size_t end = log_sectors();
		log_from(end - 3, ROUND - 1, ROUND - 1);
		change_mode(0600);
		record(end - 3);
		change_mode(0601);
		record(end - 3);
		NEED(log_head == 1);
		change_mode(0602);
		record(end - 3);
		if (how)
			put_be(log_at(0), ROUND - 1, 4);
		else
			lose(0);
		if (how)
			REFUSED();
		else
			ends_with(0600);
	}
}

int main(void)
{
	images_open("fixtures/xfs/plain.zst");
	file = number_of("etc/hostname");
	RUN(test_missing);
	RUN(test_damaged);
	RUN(test_places);
	RUN(test_order);
	images_close();
	return test_done();
}
