// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/crc32c.h"
#include "test.h"

static void test_known_values(void)
{
	uint8_t buf[32];
	CHECK_INT(crc32c("123456789", 9), 0xe3069283);
	CHECK_INT(crc32c("", 0), 0);
	/* RFC 3720, B.4 */
	memset(buf, 0, 32);
	CHECK_INT(crc32c(buf, 32), 0x8a9136aa);
	memset(buf, 0xff, 32);
	CHECK_INT(crc32c(buf, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		buf[i] = (uint8_t)i;
	CHECK_INT(crc32c(buf, 32), 0x46dd794e);
}

static void test_both_ways_agree(void)
{
	uint8_t buf[300];
	struct rng r = {7};
	for (size_t i = 0; i < sizeof buf; i++)
		buf[i] = (uint8_t)rng_next(&r);
	for (size_t at = 0; at < 16; at++)
		for (size_t len = 0; len + at <= sizeof buf; len++) {
			uint32_t seed = (uint32_t)rng_next(&r), whole = crc32c_update(seed, buf + at, len);
			NEED(whole == crc32c_by_table(seed, buf + at, len));
			NEED(whole == crc32c_update(crc32c_update(seed, buf + at, len / 3), buf + at + len / 3,
						    len - len / 3));
		}
}

int main(void)
{
	RUN(test_known_values);
	RUN(test_both_ways_agree);
	return test_done();
}
