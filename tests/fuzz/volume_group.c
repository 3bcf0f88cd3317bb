// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile bytes for the volume managers. What must hold of any input: what is assembled can be read to its end, or
 * a read fails; what fails was no volume that is HELD.
 */
#include "backproof/volume_group.h"
#include "mutate.h"

static uint32_t crc(const uint8_t *p, size_t len)
{
	uint32_t c = 0xf597a6cf;
	for (; len--; p++) {
		c ^= *p;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return c;
}

/* Makes the checksums of a physical volume right, where it still looks like one: past them is where things go wrong. */
static void mend(uint8_t *p, size_t size)
{
	if (size < 8192 || memcmp(p + 512, "LABELONE", 8))
		return;
	uint32_t c = crc(p + 512 + 20, 492);
	memcpy(p + 528, &c, 4);
	uint64_t at = get_le64(p + 4096 + 40), len = get_le64(p + 4096 + 48), area = get_le64(p + 4096 + 32);
	if (area > size - 4096 || at >= area || at < 512 || len > area - 512)
		return;
	autofree uint8_t *text = malloc(len + 1);
	NEED(text);
	for (uint64_t i = 0; i < len; i++)
		text[i] = p[4096 + (at + i < area ? at + i : at + i - area + 512)];
	c = crc(text, len);
	memcpy(p + 4096 + 56, &c, 4);
	c = crc(p + 4100, 508);
	memcpy(p + 4096, &c, 4);
}

static void look(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	NEED(copy);
	memcpy(copy, data, size);
	look(copy, size);
	mend(copy, size);
	look(copy, size);
	free(copy);
	return 0;
}

static void look(const uint8_t *data, size_t size)
{
	struct volume_set set;
	struct findings f;
	struct error e;
	static uint8_t buf[64 * 1024];
	if (findings_init(&f) < 0)
		abort();
	/* Two members: the halves, and the whole. */
	struct source *s[2] = {source_memory(data, size, "one", &e),
			       source_memory(data + size / 2, size / 2, "two", &e)};
	if (!s[0] || !s[1])
		abort();
	struct volume_member m[2] = {{s[0], "one"}, {s[1], "two"}};
	if (volume_groups_assemble(m, 2, &set, &f, &e) < 0)
		abort(); /* memory can always be read */
	for (size_t i = 0; i < set.count; i++) {
		struct source *v = set.items[i].source;
		uint64_t total = source_size(v);
		for (uint64_t at = 0, n; at < total && at < 4 * MIB; at += n) {
			n = total - at < sizeof buf ? total - at : sizeof buf;
			if (source_read_at(v, at, buf, (size_t)n, &e) < 0)
				abort(); /* its extents were found to be there */
		}
		volume_answers_to(&set.items[i], "/dev/mapper/vg--0-a--b");
		volume_answers_to(&set.items[i], "/dev/md0");
	}
	volume_set_free(&set);
	source_destroy(s[0]);
	source_destroy(s[1]);
	findings_free(&f);
}

MUTATE_MAIN(1500, "fixtures/lvm/corpus/*", "fixtures/md/corpus/*")
