// SPDX-License-Identifier: GPL-3.0-or-later
/* XFS metadata that contradicts itself or its neighbours, with all checksums right: each is told, and none is fine. */
#include "xfs_log_help.h"

/* Blocks by what they begin with (outside of the log): which of them, and where their checksum is. */
struct kind {
	const char *magic;
	unsigned magic_at, skip, len, sum;
};
#define AGF {"XAGF", 0, 0, 512, 216}
#define AGI {"XAGI", 0, 0, 512, 312}
#define AGFL {"XAFL", 0, 0, 512, 32}
#define BY_BLOCK {"AB3B", 0, 0, 4096, 52}
#define BY_SIZE {"AB3C", 0, 0, 4096, 52}
#define INODES {"IAB3", 0, 0, 4096, 52}
#define FREE_INODES {"FIB3", 0, 0, 4096, 52}
#define SHARED {"R3FC", 0, 0, 4096, 52}
#define MAP {"BMA3", 0, 0, 4096, 64}
#define DIR_ONE {"XDB3", 0, 0, 4096, 4}
#define DIR_DATA {"XDD3", 0, 0, 4096, 4}
#define DIR_LEAF {"\x3d\xf1", 8, 0, 4096, 12}
#define DIR_LEAFN {"\x3d\xff", 8, 0, 4096, 12}
#define NODE {"\x3e\xbe", 8, 0, 4096, 12}
#define ATTRS {"\x3b\xee", 8, 0, 4096, 12}
#define REMOTE {"XARM", 0, 0, 4096, 12}
#define LINK {"XSLM", 0, 0, 4096, 12}
#define LATER ((uint64_t)5000 << 32)

static size_t place_of(const struct kind *k)
{
	size_t n = strlen(k->magic), from = log_start(), to = from + log_sectors() * 512;
	unsigned left = k->skip;
	for (size_t at = 0; at + 4096 <= im.len; at += 512)
		if ((at < from || at >= to) && !memcmp(im.data + at + k->magic_at, k->magic, n) && !left--)
			return at;
	return 0;
}

static void told(int line, size_t n)
{
	seen = open_xfs(&im, true);
	if (findings_proof(&seen.f, PROOF_STRUCTURE) != OUTCOME_BROKEN) {
		show_here(line, "not told as damage");
		fprintf(stderr, "number %zu\n", n);
	}
	/* Whatever is said, walking it ends. */
	if (seen.fs)
		free(list_fs(seen.fs, 65536, &seen.e));
	close_image(&seen);
}

static const struct change {
	struct kind kind;
	unsigned at, bytes;
	uint64_t value;
} changes[] = {
	{AGF, 8, 4, 1},	       {AGF, 12, 4, 5},		{AGF, 16, 4, 0},	  {AGF, 16, 4, UINT32_MAX},
	{AGF, 28, 4, 0},       {AGF, 28, 4, 11},	{AGF, 28, 4, 2},	  {AGF, 32, 4, 0},
	{AGF, 20, 4, 1},       {AGF, 52, 4, 1},		{AGF, 56, 4, 1},	  {AGF, 40, 4, 200},
	{AGF, 44, 4, 200},     {AGF, 48, 4, 999},	{AGF, 64, 1, 0},	  {AGF, 208, 8, LATER},
	{AGF, 88, 4, 1},       {AGF, 92, 4, 3},		{AGI, 8, 4, 1},		  {AGI, 12, 4, 5},
	{AGI, 16, 4, 1},       {AGI, 20, 4, 0},		{AGI, 20, 4, 1},	  {AGI, 24, 4, 9},
	{AGI, 28, 4, 65},      {AGI, 296, 1, 0},	{AGI, 320, 8, LATER},	  {AGI, 328, 4, 1},
	{AGI, 332, 4, 0},      {AGFL, 4, 4, 1},		{AGFL, 8, 1, 0},	  {AGFL, 24, 8, LATER},
	{AGFL, 36 + 4, 4, 0},  {AGFL, 36 + 4, 4, 1 << 24}, {BY_BLOCK, 4, 2, 1},	  {BY_BLOCK, 6, 2, 600},
	{BY_BLOCK, 8, 4, 5},   {BY_BLOCK, 12, 4, 5},	{BY_BLOCK, 16, 8, 88},	  {BY_BLOCK, 24, 8, LATER},
	{BY_BLOCK, 32, 1, 0},  {BY_BLOCK, 48, 4, 3},	{BY_BLOCK, 56, 4, 1 << 24}, {BY_BLOCK, 60, 4, 0},
	{BY_BLOCK, 60, 4, 1 << 24}, {BY_BLOCK, 56, 4, 1}, {BY_SIZE, 60, 4, 1 << 24}, {BY_SIZE, 60, 4, 0},
	{INODES, 56, 4, 65},   {INODES, 56, 4, 1 << 30}, {INODES, 60, 2, 1},	  {INODES, 62, 1, 63},
	{INODES, 63, 1, 65},   {INODES, 64, 8, UINT64_MAX}, {INODES, 6, 2, 0},	  {INODES, 56, 4, 0},
	{FREE_INODES, 64, 8, 1}, {FREE_INODES, 56, 4, 6400}, {SHARED, 56, 4, 1 << 24}, {SHARED, 60, 4, 0},
	{SHARED, 64, 4, 1},    {SHARED, 56, 4, 0x80000000}, {SHARED, 60, 4, 1 << 24}, {MAP, 4, 2, 1},
	{MAP, 6, 2, 0},	       {MAP, 6, 2, 300},	{MAP, 6, 2, 1},		  {MAP, 8, 8, 5},
	{MAP, 16, 8, 5},       {MAP, 24, 8, 8},		{MAP, 32, 8, LATER},	  {MAP, 40, 1, 0},
	{MAP, 56, 8, 99},      {MAP, 72, 8, 5 << 9},	{MAP, 80, 8, 0},	  {MAP, 80, 8, UINT64_MAX},
	{MAP, 88, 8, 0},       {DIR_ONE, 8, 8, 8},	{DIR_ONE, 16, 8, LATER},  {DIR_ONE, 24, 1, 0},
	{DIR_ONE, 40, 8, 99},  {DIR_ONE, 64, 8, 99},	{DIR_ONE, 72, 1, 0},	  {DIR_ONE, 72, 1, 250},
	{DIR_ONE, 73, 1, '/'}, {DIR_ONE, 74, 1, 9},	{DIR_ONE, 78, 2, 9},	  {DIR_ONE, 4088, 4, 5000},
	{DIR_ONE, 4088, 4, 1}, {DIR_ONE, 4088, 4, 0},	{DIR_ONE, 4092, 4, 7},	  {DIR_ONE, 4080, 4, 0},
	{DIR_ONE, 4084, 4, 3}, {DIR_ONE, 64, 2, 0xffff}, {DIR_ONE, 80, 8, 1},	  {DIR_DATA, 40, 8, 99},
	{DIR_DATA, 64, 8, 99}, {DIR_DATA, 72, 1, 0},	{DIR_DATA, 72, 1, 255},	  {DIR_DATA, 78, 2, 9},
	{DIR_DATA, 0, 4, 0x58444233}, {DIR_LEAF, 56, 2, 3}, {DIR_LEAF, 56, 2, 5000}, {DIR_LEAF, 58, 2, 9},
	{DIR_LEAF, 0, 4, 9},   {DIR_LEAF, 4, 4, 9},	{DIR_LEAF, 64, 4, UINT32_MAX}, {DIR_LEAF, 68, 4, 1},
	{DIR_LEAF, 76, 4, 8},  {DIR_LEAFN, 56, 2, 3},	{DIR_LEAFN, 4, 4, 9},	  {DIR_LEAFN, 0, 4, 9},
	{DIR_LEAFN, 48, 8, 9}, {NODE, 56, 2, 0},	{NODE, 56, 2, 600},	  {NODE, 58, 2, 0},
	{NODE, 58, 2, 6},      {NODE, 58, 2, 2},	{NODE, 64, 4, 0},	  {NODE, 68, 4, 0},
	{NODE, 68, 4, UINT32_MAX}, {ATTRS, 48, 8, 99},	{ATTRS, 80, 4, UINT32_MAX}, {ATTRS, 80, 4, 0},
	{ATTRS, 84, 2, 10},    {ATTRS, 84, 2, 4095},	{ATTRS, 56, 2, 600},	  {ATTRS, 86, 1, 0},
	{ATTRS, 24, 8, LATER}, {REMOTE, 4, 4, 9},	{REMOTE, 8, 4, 9},	  {REMOTE, 16, 1, 0},
	{REMOTE, 32, 8, 99},   {REMOTE, 40, 8, 8},	{LINK, 4, 4, 9},	  {LINK, 8, 4, 0},
	{LINK, 8, 4, 5000},    {LINK, 8, 4, 5},		{LINK, 16, 1, 0},	  {LINK, 32, 8, 99},
	{LINK, 40, 8, 8},      {LINK, 48, 8, LATER},	{LINK, 60, 1, 0},
};

static void test_blocks(void)
{
	unsigned found = 0;
	for (size_t n = 0; n < ARRAY_SIZE(changes); n++) {
		const struct change *c = &changes[n];
		size_t at = place_of(&c->kind);
		if (!at)
			continue;
		found++;
		uint8_t *p = im.data + at;
		if (c->bytes == 1 && p[c->at] == c->value)
			p[c->at] = (uint8_t)~c->value;
		else
			put_be(p + c->at, c->value, c->bytes);
		xfs_mend(p, c->kind.len, c->kind.sum);
		told(__LINE__, n);
		memcpy(p, whole.data + at, 4096);
	}
	if (found < ARRAY_SIZE(changes) - 15)
		fprintf(stderr, "%u of %zu\n", found, ARRAY_SIZE(changes));
	CHECK(found >= ARRAY_SIZE(changes) - 15);
}

/* ------------------------------------------------------------------------------------------ inodes */

static void test_inodes(void)
{
	static const struct {
		const char *path;
		unsigned at, bytes;
		uint64_t value;
	} fields[] = {
		{"etc/hostname", 2, 2, 0xf1a4}, {"etc/hostname", 2, 2, 0x11a4}, {"etc/hostname", 56, 8, 1ull << 63},
		{"etc/hostname", 5, 1, 1},	{"etc/hostname", 5, 1, 9},	{"etc/hostname", 76, 4, 100},
		{"etc/hostname", 76, 4, 0},	{"etc/hostname", 76, 4, UINT32_MAX}, {"etc/hostname", 82, 1, 60},
		{"etc/hostname", 83, 1, 9},	{"etc/hostname", 80, 2, 60},	{"etc/hostname", 90, 2, 1},
		{"etc/hostname", 120, 8, 0x18}, {"etc/hostname", 4, 1, 2},	{"etc/hostname", 160, 1, 0},
		{"etc/hostname", 16, 4, 0},	{"etc/hostname", 176, 8, 0x1ff},	{"etc/hostname", 184, 8, 0},
		{"null", 5, 1, 2},		{"small/link", 56, 8, 400},	{"small/link", 56, 8, 0},
		{"small/link", 177, 1, 0},	{"small/link", 5, 1, 0},	{"small/longlink", 56, 8, 2000},
		{"small/longlink", 56, 8, 899}, {"small/longlink", 56, 8, 950},
		/* A directory in its inode: count, parent, entries. */
		{"etc", 176, 1, 9},		{"etc", 176, 1, 0},		{"etc", 177, 1, 1},
		{"etc", 178, 4, 99},		{"etc", 182, 1, 200},		{"etc", 182, 1, 0},
		{"etc", 185, 1, '/'},		{"etc", 185, 1, 0},		{"etc", 56, 8, 3},
		{"etc", 56, 8, 5},		{"etc", 56, 8, 300},		{"etc", 193, 1, 9},
		/* Larger ones. */
		{"big", 56, 8, 4096},		{"big", 5, 1, 1},		{"big", 76, 4, 1},
		{"small", 56, 8, 8192},		{"pieces", 176, 2, 0},		{"pieces", 176, 2, 12},
		{"pieces", 176, 2, 2},		{"pieces", 178, 2, 0},		{"pieces", 178, 2, 60},
		{"pieces", 180, 8, 7},		{"pieces", 76, 4, 3},		{"pieces", 64, 8, 9},
	};
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++) {
		uint64_t at = xfs_inode_at(&im, number_of(fields[n].path));
		uint8_t *p = im.data + at;
		put_be(p + fields[n].at, fields[n].value, fields[n].bytes);
		xfs_mend(p, 512, 100);
		told(__LINE__, n);
		memcpy(p, whole.data + at, 512);
	}
	/* Attributes in the inode: their size, their count, one that is too long. */
	static const struct {
		unsigned at, bytes, value;
	} attrs[] = {{0, 2, 3}, {0, 2, 500}, {0, 2, 20}, {2, 1, 9}, {2, 1, 0}, {4, 1, 200}, {5, 1, 200}};
	for (size_t n = 0; n < ARRAY_SIZE(attrs); n++) {
		uint64_t at = xfs_inode_at(&im, number_of("etc/hostname"));
		uint8_t *p = im.data + at;
		NEED(p[82] && p[83] == 1);
		put_be(p + 176 + p[82] * 8 + attrs[n].at, attrs[n].value, attrs[n].bytes);
		xfs_mend(p, 512, 100);
		told(__LINE__, n);
		memcpy(p, whole.data + at, 512);
	}
}

/* The root of a map and its blocks: what a parent says of the block below. */
static void test_keys(void)
{
	uint64_t at = xfs_inode_at(&im, number_of("pieces"));
	uint8_t *p = im.data + at;
	unsigned room = (p[82] ? p[82] * 8u : 512u - 176) - 4, max = room / 16;
	put_be(p + 180, get_be64(p + 180) + 1, 8);
	xfs_mend(p, 512, 100);
	told(__LINE__, 0);
	memcpy(p, whole.data + at, 512);
	put_be(p + 180 + max * 8, 5ull << 40, 8);
	xfs_mend(p, 512, 100);
	told(__LINE__, 1);
	memcpy(p, whole.data + at, 512);
}

/* -------------------------------------------------------------------------------------- superblock */

static void test_superblock(void)
{
	static const struct {
		unsigned at, bytes;
		uint64_t value;
	} fields[] = {
		{4, 4, 4097},	{4, 4, 256},	 {8, 8, 1},	  {8, 8, 1ull << 60}, {56, 8, 0},     {56, 8, UINT64_MAX},
		{56, 8, 40000}, {84, 4, 10},	 {84, 4, 0},	  {84, 4, UINT32_MAX}, {88, 4, 0},    {88, 4, 9},
		{102, 2, 100},	{102, 2, 0},	 {104, 2, 256},	  {104, 2, 4096},    {106, 2, 9},    {120, 1, 11},
		{121, 1, 10},	{122, 1, 10},	 {123, 1, 4},	  {124, 1, 4},	     {126, 1, 1},    {192, 1, 9},
		{192, 1, 5},	{32, 1, 0},	 {8, 8, 100000},
	};
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++) {
		put_be(im.data + fields[n].at, fields[n].value, fields[n].bytes);
		xfs_mend(im.data, 512, 224);
		told(__LINE__, n);
		memcpy(im.data, whole.data, 512);
	}
	/* What keeps it from being called held without being damage. */
	static const struct {
		unsigned at, bytes;
		uint64_t bits;
		const char *check;
		enum outcome want;
	} marks[] = {{212, 4, 0x80, "xfs.features", OUTCOME_UNPROVEN},
		     {216, 4, 0x10, "xfs.state", OUTCOME_UNPROVEN},
		     {16, 8, 5000, "xfs.realtime", OUTCOME_UNSUPPORTED}};
	for (size_t n = 0; n < ARRAY_SIZE(marks); n++) {
		uint8_t *p = im.data + marks[n].at;
		put_be(p, (marks[n].bytes == 4 ? get_be32(p) : get_be64(p)) | marks[n].bits, marks[n].bytes);
		xfs_mend(im.data, 512, 224);
		seen = open_xfs(&im, true);
		CHECK(seen.fs && has_finding(&seen.f, marks[n].check, marks[n].want) &&
		      findings_proof(&seen.f, PROOF_STRUCTURE) == OUTCOME_UNPROVEN);
		close_image(&seen);
		memcpy(im.data, whole.data, 512);
	}
	/* The copies in other groups. */
	static const unsigned agreed[] = {0, 5, 32, 51, 86, 98, 102, 104, 192};
	size_t copy = (size_t)get_be32(im.data + 84) * 4096;
	for (size_t n = 0; n < ARRAY_SIZE(agreed); n++) {
		im.data[copy + agreed[n]] ^= 1;
		xfs_mend(im.data + copy, 512, 224);
		seen = open_xfs(&im, true);
		CHECK(seen.fs && has_finding(&seen.f, "xfs.backup", OUTCOME_BROKEN));
		close_image(&seen);
		memcpy(im.data + copy, whole.data + copy, 512);
	}
	/* Cut within the first sector, and before the last group ends. */
	static const size_t lengths[] = {100, 4095, 4096, 600000};
	for (size_t n = 0; n < ARRAY_SIZE(lengths); n++) {
		struct image cut = {im.data, lengths[n]};
		CHECK(judged_xfs(&cut) != OUTCOME_HELD);
	}
}

static int stop_xattr(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)name, (void)value, (void)len, (void)e;
	return ++*(int *)ctx;
}
static int see(void *ctx, const struct fs_entry *it, struct error *e)
{
	(void)it, (void)e;
	++*(int *)ctx;
	return 0;
}

static void test_calls(void)
{
	struct opened o = open_xfs(&whole, false);
	struct fs_entry it, dir, file;
	int n = 0;
	NEED(o.fs && fs_lookup(o.fs, "etc", true, &dir, &o.e) == 1 && fs_lookup(o.fs, "small/f3", true, &file, &o.e) == 1);
	CHECK(!fs_open_file(o.fs, &dir, &o.e) && o.e.cls == ERROR_CORRUPT);
	CHECK(!fs_read_link(o.fs, &file, &o.e) && o.e.cls == ERROR_CORRUPT);
	static const uint64_t ids[] = {0, 7, 1ull << 60, UINT64_MAX};
	for (size_t k = 0; k < ARRAY_SIZE(ids); k++) {
		it = file;
		it.id = ids[k];
		CHECK(!fs_open_file(o.fs, &it, &o.e) && o.e.cls == ERROR_CORRUPT);
		CHECK(!fs_read_link(o.fs, &it, &o.e) && o.e.cls == ERROR_CORRUPT);
		CHECK(fs_xattrs(o.fs, &it, stop_xattr, &n, &o.e) < 0 && o.e.cls == ERROR_CORRUPT);
	}
	CHECK(fs_xattrs(o.fs, &file, stop_xattr, &n, &o.e) >= 0 && n == 1);
	n = 0;
	CHECK(fs_walk(o.fs, "nothing", NULL, see, &n, &o.e) < 0 && fs_walk(o.fs, "small/f3", NULL, see, &n, &o.e) < 0 && !n);
	CHECK(fs_walk(o.fs, "/etc/", NULL, see, &n, &o.e) == 0 && n == 1);
	close_image(&o);
}

int main(void)
{
	images_open("fixtures/xfs/plain.zst");
	RUN(test_blocks);
	RUN(test_inodes);
	RUN(test_keys);
	RUN(test_superblock);
	RUN(test_calls);
	images_close();
	return test_done();
}
