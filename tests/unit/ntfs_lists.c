// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS files of several records: what their lists of attributes name, and what the records have. */
#include "ntfs_help.h"

/* A file whose data lies in two records beside its own. */
struct split {
	struct image i;
	struct rec base, part[2];
	uint8_t list[512];
	size_t length;
};

static void list_add(struct split *s, const uint8_t *attribute_bytes, uint64_t ref)
{
	const uint8_t *a = attribute_bytes;
	uint8_t *p = s->list + s->length;
	size_t units = a[9];
	put(p, get_le32(a), 4);
	put(p + 4, (26 + 2 * units + 7) & ~7ul, 2);
	p[6] = (uint8_t)units;
	p[7] = 26;
	put(p + 8, a[8] ? get_le64(a + 16) : 0, 8);
	put(p + 16, ref, 8);
	put(p + 24, get_le16(a + 14), 2);
	memcpy(p + 26, a + get_le16(a + 10), 2 * units);
	s->length += get_le16(p + 4);
}

/* One of the two pieces of data: length clusters of the run that begins at lcn. */
static void part_fill(struct rec *r, const uint8_t *whole_data, uint64_t vcn, uint64_t lcn, uint64_t length)
{
	uint8_t a[80] = {0};
	memcpy(a, whole_data, 64);
	put(a + 4, sizeof a, 4);
	put(a + 14, 0, 2);
	put(a + 16, vcn, 8);
	put(a + 24, vcn + length - 1, 8);
	put(a + 32, 64, 2);
	if (vcn)
		memset(a + 40, 0, 24);
	a[64] = 0x41;
	a[65] = (uint8_t)length;
	put(a + 66, lcn, 4);
	rec_add(r, a, sizeof a);
}

/* A list of what is in the base already; then the data, taken out of it. */
static void split_new(struct split *s, const char *path)
{
	uint8_t data[256], *p;
	size_t bytes;
	memset(s, 0, sizeof *s);
	s->i = copy_image(&whole);
	unsigned no = number_of(&whole, path);
	uint64_t lcn = (uint64_t)(run_of(&s->i, no, 0x80, &bytes) - s->i.data) / 4096, count = bytes / 4096;
	s->base = rec_read(&s->i, no);
	rec_cut(&s->base, 0x80, data);
	for (p = s->base.b + get_le16(s->base.b + 20); get_le32(p) != 0xffffffff; p += get_le32(p + 4))
		list_add(s, p, rec_ref(&s->base));
	for (unsigned k = 0; k < 2; k++) {
		s->part[k] = rec_new(&s->i, rec_ref(&s->base));
		part_fill(&s->part[k], data, k ? 2 : 0, lcn + (k ? 2 : 0), k ? count - 2 : 2);
		list_add(s, s->part[k].b + get_le16(s->part[k].b + 20), rec_ref(&s->part[k]));
	}
}

static void split_put(struct split *s)
{
	rec_add_resident(&s->base, 0x20, s->list, s->length);
	rec_write(&s->base);
	for (unsigned k = 0; k < 2; k++)
		rec_write(&s->part[k]);
}

/* The entry of the k-th piece of data. */
static uint8_t *piece_entry(struct split *s, unsigned k)
{
	return s->list + s->length - (k ? 32 : 64);
}

static void test_legal(void)
{
	struct split s;
	struct seen a, b;
	char *want = NULL, *got = NULL;
	size_t want_len = 0, len = 0;
	split_new(&s, "random.bin");
	split_put(&s);
	look("ntfs", &whole, whole.size, &a);
	look("ntfs", &s.i, s.i.size, &b);
	if (structure(&b) != OUTCOME_HELD)
		dump(&b);
	CHECK_INT(structure(&b), OUTCOME_HELD);
	NEED(a.fs && b.fs);
	CHECK_INT(fs_read_file(a.fs, "random.bin", MIB, &want, &want_len, &a.e), 1);
	CHECK_INT(fs_read_file(b.fs, "deep/a/hard link", MIB, &got, &len, &b.e), 1);
	CHECK(want && got && len == want_len && !memcmp(want, got, len));
	free(want);
	free(got);
	drop(&a);
	drop(&b);
	free(s.i.data);
}

enum change { OTHER_OWNER, OWNER_BEFORE, NO_OWNER, ENTRY_GONE, ENTRY_TWICE, ENTRY_ANEW, ENTRY_FREE, ENTRY_FAR,
	      ENTRY_PLACE, LIST_CUT, LIST_LENGTH, LIST_ODD, LIST_NAME, NO_LIST, MORE, CHANGES };

static void change(struct split *s, enum change c)
{
	struct rec more;
	uint8_t *second = piece_entry(s, 1);
	switch (c) {
	case OTHER_OWNER:
		put(s->part[1].b + 32, number_of(&whole, "sparse"), 6);
		break;
	case OWNER_BEFORE: /* one that had the number before */
		put(s->part[1].b + 38, get_le16(s->part[1].b + 38) + 1, 2);
		break;
	case NO_OWNER: /* a free record is said to have it */
		put(s->part[1].b + 32, 60, 8);
		break;
	case ENTRY_GONE:
		s->length -= 32;
		break;
	case ENTRY_TWICE:
		memcpy(second + 32, second, 32);
		s->length += 32;
		break;
	case ENTRY_ANEW:
		put(second + 22, 10, 2);
		break;
	case ENTRY_FREE:
		put(second + 16, 60, 6);
		break;
	case ENTRY_FAR:
		put(second + 16, 1 << 30, 6);
		break;
	case ENTRY_PLACE:
		put(second + 8, 3, 8);
		break;
	case LIST_CUT:
		s->length -= 8;
		break;
	case LIST_LENGTH:
		put(second + 4, 0, 2);
		break;
	case LIST_ODD:
		put(second + 4, 28, 2);
		break;
	case LIST_NAME:
		second[6] = 4;
		break;
	case NO_LIST: /* a part of a file that has no list */
		more = rec_new(&s->i, number_of(&whole, "sparse"));
		put(more.b + 38, 1, 2);
		rec_add_resident(&more, 0x80, (const uint8_t *)"lost", 4);
		rec_write(&more);
		break;
	case MORE: /* a part that the list does not name */
		more = rec_new(&s->i, rec_ref(&s->base));
		rec_add_resident(&more, 0x100, (const uint8_t *)"lost", 4);
		rec_write(&more);
		break;
	case CHANGES:
		break;
	}
}

/* Marks the volume dirty. */
static void make_dirty(const struct image *i)
{
	struct rec r = rec_read(i, 3);
	uint8_t *v = attribute(r.b, 0x70);
	v[get_le16(v + 20) + 10] |= 1;
	rec_write(&r);
}

static void test_damage(void)
{
	for (unsigned c = 0; c < CHANGES; c++) {
		struct split s;
		int before = test_bad_here;
		split_new(&s, "random.bin");
		change(&s, c);
		split_put(&s);
		EXPECT(&s.i, OUTCOME_BROKEN, "ntfs.records");
		/* Where the log's last changes may be missing it is not known to be damage. */
		if (c == MORE || c == NO_LIST) {
			make_dirty(&s.i);
			EXPECT(&s.i, OUTCOME_UNPROVEN, "ntfs.records");
		}
		if (test_bad_here != before)
			fprintf(stderr, "change %u\n", c);
		free(s.i.data);
	}
}

/* The MFT of a volume that was full once: in pieces, and some of its own attributes in another record. */
static void test_mft_of_two_records(void)
{
	struct split s = {.i = copy_image(&whole)};
	uint8_t map[256], *p;
	s.base = rec_read(&s.i, 0);
	s.part[0] = rec_new(&s.i, rec_ref(&s.base));
	size_t n = rec_cut(&s.base, 0xb0, map);
	for (p = s.base.b + get_le16(s.base.b + 20); get_le32(p) != 0xffffffff; p += get_le32(p + 4))
		list_add(&s, p, rec_ref(&s.base));
	rec_add(&s.part[0], map, n);
	list_add(&s, map, rec_ref(&s.part[0]));
	rec_add_resident(&s.base, 0x20, s.list, s.length);
	rec_write(&s.base);
	rec_write(&s.part[0]);
	EXPECT(&s.i, OUTCOME_HELD, "ntfs.records");
	put(s.part[0].b + 38, 2, 2);
	rec_write(&s.part[0]);
	EXPECT(&s.i, OUTCOME_BROKEN, "ntfs.records");
	free(s.i.data);
}

int main(void)
{
	whole = load_image(FIXTURE);
	RUN(test_legal);
	RUN(test_damage);
	RUN(test_mft_of_two_records);
	free(whole.data);
	return test_done();
}
