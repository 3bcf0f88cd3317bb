// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ELF (System V ABI) has no checksum. What can be told: nothing is cut off, string and symbol tables
 * are what they must be, and no block of machine code was lost (reads as zeros).
 */
#include <elf.h>
#include <fcntl.h>

#include "rows.h"

#define MAX_HEADERS 65536
#define BLOCK 4096

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	(void)path;
	return len >= 16 && !memcmp(head, ELFMAG, SELFMAG);
}

struct elf {
	int fd;
	uint64_t size;
	bool wide, big;
	unsigned type, machine;
	uint64_t phoff, shoff;
	unsigned phsize, phnum, shsize;
	uint64_t shnum;
};

struct section {
	uint32_t type, link;
	uint64_t flags, offset, size, entry;
};

static uint64_t get(const struct elf *f, const uint8_t *p, int bytes)
{
	switch (bytes) {
	case 2:
		return f->big ? get_be16(p) : get_le16(p);
	case 4:
		return f->big ? get_be32(p) : get_le32(p);
	default:
		return f->big ? get_be64(p) : get_le64(p);
	}
}

/* 1, 0 when it is nothing this reader knows, -1. */
static int read_header(struct elf *f, struct error *e)
{
	uint8_t b[64];
	if (witness_read(f->fd, f->size, 0, b, 16, e) < 0)
		return -1;
	f->wide = b[EI_CLASS] == ELFCLASS64;
	f->big = b[EI_DATA] == ELFDATA2MSB;
	if ((!f->wide && b[EI_CLASS] != ELFCLASS32) || (!f->big && b[EI_DATA] != ELFDATA2LSB) ||
	    b[EI_VERSION] != EV_CURRENT)
		return 0;
	if (witness_read(f->fd, f->size, 0, b, f->wide ? 64 : 52, e) < 0)
		return -1;
	int w = f->wide ? 8 : 4;
	const uint8_t *p = b + 24 + w, *q = p + 2 * w + 4; /* q: e_ehsize */
	f->type = (unsigned)get(f, b + 16, 2);
	f->machine = (unsigned)get(f, b + 18, 2);
	f->phoff = get(f, p, w);
	f->shoff = get(f, p + w, w);
	f->phsize = (unsigned)get(f, q + 2, 2);
	f->phnum = (unsigned)get(f, q + 4, 2);
	f->shsize = (unsigned)get(f, q + 6, 2);
	f->shnum = get(f, q + 8, 2);
	return 1;
}

static int read_section(const struct elf *f, uint64_t i, struct section *s, struct error *e)
{
	uint8_t b[64];
	/* The first one lies in the file, so this never wraps. */
	if (witness_read(f->fd, f->size, f->shoff + i * f->shsize, b, f->wide ? 64 : 40, e) < 0)
		return -1;
	int w = f->wide ? 8 : 4;
	s->type = (uint32_t)get(f, b + 4, 4);
	s->flags = get(f, b + 8, w);
	s->offset = get(f, b + 8 + 2 * w, w);
	s->size = get(f, b + 8 + 3 * w, w);
	s->link = (uint32_t)get(f, b + 8 + 4 * w, 4);
	s->entry = get(f, b + 16 + 5 * w, w);
	return 0;
}

static int check_segments(const struct elf *f, struct error *e)
{
	for (unsigned i = 0; i < f->phnum; i++) {
		uint8_t b[56];
		uint64_t at = f->phoff + (uint64_t)i * f->phsize, end; /* nor does this */
		if (witness_read(f->fd, f->size, at, b, f->wide ? 56 : 32, e) < 0)
			return -1;
		uint64_t off = f->wide ? get(f, b + 8, 8) : get(f, b + 4, 4);
		uint64_t len = f->wide ? get(f, b + 32, 8) : get(f, b + 16, 4);
		if (get(f, b, 4) == PT_LOAD && (add_overflows(off, len, &end) || end > f->size))
			return error_set(e, ERROR_CORRUPT, (int64_t)f->size,
					 "cut off: segment %u ends beyond the file", i);
	}
	return 0;
}

/*
 * Compilers pad with instructions, so that a block whose share of the code is all zeros was lost. Shares
 * below 512 bytes may be chance.
 */
static int check_code(const struct elf *f, const struct section *s, struct error *e)
{
	uint8_t buf[64 * BLOCK];
	uint64_t end = s->offset + s->size;
	for (uint64_t at = s->offset; at < end;) {
		uint64_t stop = (at / BLOCK + 64) * BLOCK;
		size_t n = (size_t)((stop < end ? stop : end) - at);
		if (witness_read(f->fd, f->size, at, buf, n, e) < 0)
			return -1;
		for (size_t i = 0, len; i < n; i += len) {
			len = BLOCK - (size_t)((at + i) % BLOCK);
			if (len > n - i)
				len = n - i;
			if (len >= 512 && is_zero(buf + i, len))
				return error_set(e, ERROR_CORRUPT, (int64_t)(at + i),
						 "a block of zeros in machine code");
		}
		at += n;
	}
	return 0;
}

static int check_strings(const struct elf *f, const struct section *s, struct error *e)
{
	uint8_t first = 1, last = 1;
	if (!s->size)
		return 0;
	if (witness_read(f->fd, f->size, s->offset, &first, 1, e) < 0 ||
	    witness_read(f->fd, f->size, s->offset + s->size - 1, &last, 1, e) < 0)
		return -1;
	if (first || last)
		return error_set(e, ERROR_CORRUPT, (int64_t)s->offset, "a string table is damaged");
	return 0;
}

/* The table that the loader reads first: an empty one of some size was lost. */
static int check_dynamic(const struct elf *f, const struct section *s, struct error *e)
{
	uint8_t first[8];
	size_t w = f->wide ? 8 : 4;
	if (s->size < 4 * w)
		return 0;
	if (witness_read(f->fd, f->size, s->offset, first, w, e) < 0)
		return -1;
	return is_zero(first, w) ? error_set(e, ERROR_CORRUPT, (int64_t)s->offset,
					     "the dynamic section is empty")
				 : 0;
}

/* Every name of a symbol lies in its string table. */
static int check_symbols(const struct elf *f, const struct section *s, uint64_t strings,
			 struct error *e)
{
	size_t each = f->wide ? 24 : 16;
	uint8_t buf[24 * 1024];
	if (s->entry != each || s->size % each)
		return error_set(e, ERROR_CORRUPT, (int64_t)s->offset, "a symbol table is damaged");
	for (uint64_t at = 0; at < s->size;) {
		size_t room = sizeof buf / each * each;
		size_t n = s->size - at < room ? (size_t)(s->size - at) : room;
		if (witness_read(f->fd, f->size, s->offset + at, buf, n, e) < 0)
			return -1;
		for (size_t i = 0; i < n; i += each)
			if (get(f, buf + i, 4) >= (strings ? strings : 1))
				return error_set(e, ERROR_CORRUPT, (int64_t)(s->offset + at + i),
						 "a symbol's name lies outside its table");
		at += n;
	}
	return 0;
}

static int check_section(const struct elf *f, uint64_t i, struct error *e)
{
	struct section s, strings;
	uint64_t end;
	if (read_section(f, i, &s, e) < 0)
		return -1;
	if (s.type == SHT_NULL || s.type == SHT_NOBITS)
		return 0;
	if (add_overflows(s.offset, s.size, &end) || end > f->size)
		return error_set(e, ERROR_CORRUPT, (int64_t)f->size,
				 "cut off: section %llu ends beyond the file", (unsigned long long)i);
	bool x86 = f->machine == EM_X86_64 || f->machine == EM_386;
	if (s.type == SHT_PROGBITS && (s.flags & SHF_EXECINSTR) && !(s.flags & SHF_WRITE) && x86)
		return check_code(f, &s, e);
	if (s.type == SHT_DYNAMIC)
		return check_dynamic(f, &s, e);
	if (s.type == SHT_STRTAB)
		return check_strings(f, &s, e);
	if ((s.type == SHT_SYMTAB || s.type == SHT_DYNSYM) && s.link && s.link < f->shnum) {
		if (read_section(f, s.link, &strings, e) < 0)
			return -1;
		return check_symbols(f, &s, strings.size, e);
	}
	return 0;
}

static int check_sections(struct elf *f, struct error *e)
{
	struct section first;
	if (f->shsize != (f->wide ? 64 : 40))
		return error_set(e, ERROR_CORRUPT, 0, "the section table is damaged");
	if (read_section(f, 0, &first, e) < 0)
		return -1;
	if (!f->shnum)
		f->shnum = first.size; /* 65,280 sections and more */
	if (f->shnum > MAX_HEADERS)
		return error_set(e, ERROR_LIMIT, 0, "too many sections to check");
	for (uint64_t i = 0; i < f->shnum; i++)
		if (check_section(f, i, e) < 0)
			return -1;
	return 0;
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	struct elf f = {.fd = fd, .size = size};
	struct error segments = {.cls = ERROR_NONE};
	int r = read_header(&f, e);
	if (r < 0)
		return witness_failed(path, e);
	/* A core dump may be cut by the limit that was set for it. */
	if (r == 0 || f.type == ET_CORE || f.type == ET_NONE) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "no program or library");
		return OUTCOME_SKIPPED;
	}
	if (f.shoff && check_sections(&f, e) < 0)
		return witness_failed(path, e);
	if (check_segments(&f, &segments) == 0)
		return OUTCOME_HELD;
	*e = segments;
	/* Separate debug files keep the segments of the program they were taken from. */
	if (f.shoff && e->cls == ERROR_CORRUPT)
		return OUTCOME_SKIPPED;
	return witness_failed(path, e);
}

const struct witness witness_elf = {"elf", recognise, check};
