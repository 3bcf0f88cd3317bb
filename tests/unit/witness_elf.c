// SPDX-License-Identifier: GPL-3.0-or-later
/* ELF files of both sizes and both byte orders, and what is wrong in their tables. */
#include <elf.h>

#include "witness_help.h"

#define SECTIONS 6
#define TEXT_AT 512
#define TEXT_SIZE 6000
#define STRINGS_AT 8000
#define SYMBOLS_AT 8192
#define DYNAMIC_AT 8500
#define TABLE_AT 9000
#define SIZE (TABLE_AT + SECTIONS * 64)

enum { TEXT = 1, STRINGS, SYMBOLS, DYNAMIC, NOBITS };
enum field { NONE, TYPE, FLAGS, OFFSET, LENGTH, LINK, ENTRY, CLASS, ORDER, EDITION, KIND, MACHINE, PHOFF, SHOFF, PHSIZE,
	     PHNUM, SHSIZE, SHNUM, P_TYPE, P_OFFSET, P_LENGTH, BYTE };

static uint8_t file[512 * 1024];
static bool wide, big;

/* BYTE: the section is a place then. */
static void set(int section, enum field f, uint64_t v)
{
	int w = wide ? 8 : 4;
	uint8_t *s = file + TABLE_AT + section * (wide ? 64 : 40), *p = file + 24 + w, *q = p + 2 * w + 4, *ph = file + 64;
	const struct {
		uint8_t *at;
		int bytes;
	} fields[] = {
		[TYPE] = {s + 4, 4}, [FLAGS] = {s + 8, w}, [OFFSET] = {s + 8 + 2 * w, w}, [LENGTH] = {s + 8 + 3 * w, w},
		[LINK] = {s + 8 + 4 * w, 4}, [ENTRY] = {s + 16 + 5 * w, w}, [CLASS] = {file + EI_CLASS, 1},
		[ORDER] = {file + EI_DATA, 1}, [EDITION] = {file + EI_VERSION, 1}, [KIND] = {file + 16, 2},
		[MACHINE] = {file + 18, 2}, [PHOFF] = {p, w}, [SHOFF] = {p + w, w}, [PHSIZE] = {q + 2, 2}, [PHNUM] = {q + 4, 2},
		[SHSIZE] = {q + 6, 2}, [SHNUM] = {q + 8, 2}, [P_TYPE] = {ph, 4}, [P_OFFSET] = {wide ? ph + 8 : ph + 4, w},
		[P_LENGTH] = {wide ? ph + 32 : ph + 16, w}, [BYTE] = {file + section, 1},
	};
	if (f != NONE)
		put_number(fields[f].at, v, fields[f].bytes, big);
}

static void make(bool is_wide, bool is_big)
{
	static const struct {
		uint32_t type;
		uint64_t flags, offset, length;
		uint32_t link;
	} sections[SECTIONS] = {
		{SHT_NULL, 0, 0, 0, 0},
		{SHT_PROGBITS, SHF_EXECINSTR, TEXT_AT, TEXT_SIZE, 0},
		{SHT_STRTAB, 0, STRINGS_AT, 9, 0},
		{SHT_SYMTAB, 0, SYMBOLS_AT, 2, STRINGS},
		{SHT_DYNAMIC, 0, DYNAMIC_AT, 64, STRINGS},
		{SHT_NOBITS, SHF_WRITE, UINT32_MAX, UINT32_MAX, 0},
	};
	wide = is_wide;
	big = is_big;
	memset(file, 0, sizeof file);
	memcpy(file, ELFMAG, SELFMAG);
	memset(file + TEXT_AT, 0xcc, TEXT_SIZE);
	memcpy(file + STRINGS_AT, "\0one\0two", 9);
	set(0, CLASS, wide ? ELFCLASS64 : ELFCLASS32);
	set(0, ORDER, big ? ELFDATA2MSB : ELFDATA2LSB);
	set(0, EDITION, EV_CURRENT);
	set(0, KIND, ET_DYN);
	set(0, MACHINE, wide ? EM_X86_64 : EM_386);
	set(0, PHOFF, 64);
	set(0, SHOFF, TABLE_AT);
	set(0, PHSIZE, wide ? 56 : 32);
	set(0, PHNUM, 1);
	set(0, SHSIZE, wide ? 64 : 40);
	set(0, SHNUM, SECTIONS);
	set(0, P_TYPE, PT_LOAD);
	set(0, P_LENGTH, TEXT_AT + TEXT_SIZE);
	for (int i = 0; i < SECTIONS; i++) {
		set(i, TYPE, sections[i].type);
		set(i, FLAGS, sections[i].flags);
		set(i, OFFSET, sections[i].offset);
		set(i, LENGTH, i == SYMBOLS ? (wide ? 48 : 32) : sections[i].length);
		set(i, LINK, sections[i].link);
		set(i, ENTRY, i == SYMBOLS ? (wide ? 24 : 16) : 0);
	}
	put_number(file + SYMBOLS_AT + (wide ? 24 : 16), 5, 4, big); /* "two" */
	put_number(file + DYNAMIC_AT, 1, wide ? 8 : 4, big);
}

struct change {
	int section;
	enum field field;
	uint64_t value;
};

static void test_tables(void)
{
	static const struct {
		struct change a, b;
		enum outcome outcome;
		const char *words;
	} rows[] = {
		{{0}, {0}, OUTCOME_HELD, ""},
		{{0, CLASS, 3}, {0}, OUTCOME_SKIPPED, "no program"},
		{{0, ORDER, 3}, {0}, OUTCOME_SKIPPED, "no program"},
		{{0, EDITION, 2}, {0}, OUTCOME_SKIPPED, "no program"},
		{{0, KIND, ET_CORE}, {0}, OUTCOME_SKIPPED, "no program"},
		{{0, KIND, ET_NONE}, {0}, OUTCOME_SKIPPED, "no program"},
		{{0, SHSIZE, 41}, {0}, OUTCOME_BROKEN, "the section table is damaged"},
		{{0, SHOFF, SIZE - 10}, {0}, OUTCOME_BROKEN, "cut off"},
		{{0, SHOFF, UINT64_MAX - 8}, {0}, OUTCOME_BROKEN, "cut off"},
		{{0, SHNUM, SECTIONS + 100}, {0}, OUTCOME_BROKEN, "cut off"},
		{{0, SHNUM, 0}, {0, LENGTH, SECTIONS}, OUTCOME_HELD, ""}, /* too many for the header: in the first section */
		{{0, SHNUM, 0}, {0, LENGTH, 65537}, OUTCOME_SKIPPED, "too many sections"},
		{{TEXT, OFFSET, SIZE}, {0}, OUTCOME_BROKEN, "section 1 ends beyond"},
		{{TEXT, OFFSET, UINT64_MAX}, {0}, OUTCOME_BROKEN, "section 1 ends beyond"},
		{{TEXT, TYPE, SHT_NOTE}, {0}, OUTCOME_HELD, ""},
		{{STRINGS_AT, BYTE, 1}, {0}, OUTCOME_BROKEN, "a string table is damaged"},
		{{STRINGS_AT + 8, BYTE, 1}, {0}, OUTCOME_BROKEN, "a string table is damaged"},
		{{STRINGS, LENGTH, 0}, {0}, OUTCOME_BROKEN, "a symbol's name"},
		{{STRINGS, LENGTH, 0}, {SYMBOLS, LENGTH, 0}, OUTCOME_HELD, ""},
		{{STRINGS, LENGTH, 5}, {0}, OUTCOME_BROKEN, "a symbol's name"},
		{{SYMBOLS, LINK, 0}, {STRINGS, LENGTH, 5}, OUTCOME_HELD, ""}, /* names of its own */
		{{SYMBOLS, LINK, SECTIONS}, {STRINGS, LENGTH, 5}, OUTCOME_HELD, ""},
		{{SYMBOLS, TYPE, SHT_DYNSYM}, {STRINGS, LENGTH, 5}, OUTCOME_BROKEN, "a symbol's name"},
		{{SYMBOLS, ENTRY, 23}, {0}, OUTCOME_BROKEN, "a symbol table is damaged"},
		{{SYMBOLS, LENGTH, 47}, {0}, OUTCOME_BROKEN, "a symbol table is damaged"},
		{{DYNAMIC_AT, BYTE, 0}, {DYNAMIC, LENGTH, 8}, OUTCOME_HELD, ""}, /* nothing is in it */
		{{DYNAMIC, OFFSET, SYMBOLS_AT}, {0}, OUTCOME_BROKEN, "the dynamic section is empty"},
		/* Segments speak where there are no sections: debug files keep those of their program. */
		{{0, PHOFF, SIZE}, {0}, OUTCOME_SKIPPED, "cut off"},
		{{0, PHOFF, SIZE}, {0, SHOFF, 0}, OUTCOME_BROKEN, "cut off"},
		{{0, PHOFF, UINT64_MAX}, {0, SHOFF, 0}, OUTCOME_BROKEN, "cut off"},
		{{0, P_OFFSET, SIZE}, {0}, OUTCOME_SKIPPED, "segment 0 ends beyond"},
		{{0, P_OFFSET, SIZE}, {0, SHOFF, 0}, OUTCOME_BROKEN, "segment 0 ends beyond"},
		{{0, P_OFFSET, UINT64_MAX}, {0, SHOFF, 0}, OUTCOME_BROKEN, "segment 0 ends beyond"},
		{{0, P_OFFSET, UINT64_MAX}, {0, P_TYPE, PT_NOTE}, OUTCOME_HELD, ""},
		{{0, PHNUM, 0}, {0}, OUTCOME_HELD, ""},
		{{0, PHNUM, 65535}, {0, PHSIZE, 65535}, OUTCOME_SKIPPED, "cut off"},
	};
	for (int kind = 0; kind < 4; kind++)
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			make(kind & 1, kind & 2);
			set(rows[i].a.section, rows[i].a.field, rows[i].a.value);
			set(rows[i].b.section, rows[i].b.field, rows[i].b.value);
			enum outcome o = ask("usr/bin/tool", file, SIZE);
			if (o != rows[i].outcome || !strstr(why.text, rows[i].words)) {
				fprintf(stderr, "row %zu, kind %d: %s: %s\n", i, kind, outcome_name(o), why.text);
				test_bad_here++;
			}
		}
}

/* Half a header is none, whichever it is. */
static void test_cut(void)
{
	for (int kind = 0; kind < 4; kind++) {
		make(kind & 1, kind & 2);
		for (size_t n = 16; n < (wide ? 64 : 52); n += 4)
			CHECK_INT(ask("usr/bin/tool", file, n), OUTCOME_BROKEN);
		CHECK_INT(ask_row(row_of("elf"), "usr/bin/tool", file, 8, 8), OUTCOME_BROKEN);
	}
}

static void test_code(void)
{
	for (int kind = 0; kind < 4; kind++) {
		make(kind & 1, kind & 2);
		/* A whole block of the file, then what is too little to be sure. */
		memset(file + 4096, 0, TEXT_AT + TEXT_SIZE - 4096);
		CHECK_INT(ask("usr/bin/tool", file, SIZE), OUTCOME_BROKEN);
		CHECK_INT(why.offset, 4096);
		set(TEXT, FLAGS, SHF_EXECINSTR | SHF_WRITE);
		CHECK_INT(ask("usr/bin/tool", file, SIZE), OUTCOME_HELD);
		set(TEXT, FLAGS, 0);
		CHECK_INT(ask("usr/bin/tool", file, SIZE), OUTCOME_HELD);
		set(TEXT, FLAGS, SHF_EXECINSTR);
		set(0, MACHINE, EM_AARCH64);
		CHECK_INT(ask("usr/bin/tool", file, SIZE), OUTCOME_HELD);
		make(kind & 1, kind & 2);
		set(TEXT, LENGTH, 4096 - TEXT_AT + 400);
		memset(file + 4096, 0, 400);
		CHECK_INT(ask("usr/bin/tool", file, SIZE), OUTCOME_HELD);
		/* More code than is read at once. */
		make(kind & 1, kind & 2);
		set(TEXT, OFFSET, 16384 + 100);
		set(TEXT, LENGTH, 400000);
		memset(file + 16384, 0xcc, 410000);
		CHECK_INT(ask("usr/bin/tool", file, 16384 + 410000), OUTCOME_HELD);
		memset(file + 385024, 0, 4096);
		CHECK_INT(ask("usr/bin/tool", file, 16384 + 410000), OUTCOME_BROKEN);
		CHECK_INT(why.offset, 385024);
		/* More symbols, too: the last has no name in the table. */
		make(kind & 1, kind & 2);
		uint64_t each = wide ? 24 : 16, count = 5000;
		set(SYMBOLS, OFFSET, 16384);
		set(SYMBOLS, LENGTH, count * each);
		CHECK_INT(ask("usr/bin/tool", file, 16384 + count * each), OUTCOME_HELD);
		put_number(file + 16384 + (count - 1) * each, 9, 4, big);
		CHECK_INT(ask("usr/bin/tool", file, 16384 + count * each), OUTCOME_BROKEN);
	}
}

int main(void)
{
	RUN(test_tables);
	RUN(test_cut);
	RUN(test_code);
	return test_done();
}
