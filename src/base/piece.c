// SPDX-License-Identifier: GPL-3.0-or-later
/* The numbers in the names of pieces. */
#include "backproof/piece.h"

#include "piece_mark.h"

static const char *const alphabets[] = {
	[PIECE_LETTERS] = "abcdefghijklmnopqrstuvwxyz",
	[PIECE_DECIMAL] = "0123456789",
	[PIECE_HEX] = "0123456789abcdef",
};

static long base_of(enum piece_digits d)
{
	return (long)strlen(alphabets[d]);
}

bool mark_is_of(const char *mark, size_t len, enum piece_digits d)
{
	for (size_t i = 0; i < len; i++)
		if (!mark[i] || !strchr(alphabets[d], mark[i]))
			return false;
	return len >= PIECE_MARK_MIN && len <= PIECE_MARK_MAX;
}

size_t piece_mark(const char *name, size_t len)
{
	size_t at = len;
	while (at && name[at - 1] != '.' && name[at - 1] != '/')
		at--;
	if (at < 2 || name[at - 1] != '.' || name[at - 2] == '/')
		return 0;
	if (len - at > 4 && !strncmp(name + at, "part", 4))
		at += 4 + (name[at + 4] == '-' || name[at + 4] == '_');
	const char *mark = name + at;
	size_t n = len - at;
	return mark_is_of(mark, n, PIECE_LETTERS) || mark_is_of(mark, n, PIECE_HEX) ? at : 0;
}

bool mark_is_suffix(const char *mark, size_t len)
{
	/* What may lie beside the pieces. A piece that is called so is told by its neighbours. */
	static const char *const suffixes[] = {
		"aes",	"age",	"arc",	"asc",	"b2",	"b3",	"back",	"backup", "bad",	"bak",	"bck",	"bin",
		"bk",	"bkp",	"bmap",	"br",	"cat",	"cert",	"cf",	"cfg",	"conf",	"copy",	"cpio",	"crc",	"csv",
		"dat",	"db",	"dd",	"diff",	"disk",	"doc",	"done",	"dump",	"eml",	"enc",	"err",	"esd",	"fsa",
		"gho",	"good",	"gpg",	"gz",	"hash",	"hdd",	"html",	"idx",	"ima",	"img",	"info",	"ini",	"iso",
		"js",	"json",	"key",	"list",	"lock",	"log",	"lst",	"lz",	"lzma",	"lzo",	"map",	"md",	"meta",
		"mf",	"new",	"nfo",	"ok",	"old",	"orig",	"out",	"ova",	"ovf",	"pcl",	"pdf",	"pem",	"pgp",
		"pid",	"pigz",	"pl",	"ps",	"pub",	"py",	"qcow",	"qed",	"raw",	"rc",	"rev",	"save",	"seal",
		"sfv",	"sh",	"sha",	"sig",	"sign",	"size",	"so",	"sqfs",	"sql",	"srt",	"stat",	"sub",	"sum",
		"sums",	"swm",	"swp",	"tar",	"tbz",	"temp",	"test",	"tgz",	"tib",	"time",	"tlz",	"tmp",	"txt",
		"txz",	"vbk",	"vbox",	"vdi",	"vhd",	"vhdx",	"vib",	"vma",	"vmdk",	"vmx",	"wim",	"xml",	"xva",
		"xz",	"yaml",	"yml",	"zip",	"zst",	"zstd",
	};
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (strlen(suffixes[i]) == len && !memcmp(suffixes[i], mark, len))
			return true;
	return false;
}

/* All but the last are the alphabet's first. */
static bool is_early(const char *mark, size_t len, enum piece_digits d)
{
	return len <= PIECE_WIDTH_MAX && mark_is_of(mark, len, d) &&
	       strspn(mark, d == PIECE_LETTERS ? "a" : "0") >= len - 1;
}

bool mark_told(const struct piece_row *r, const char *mark, size_t len)
{
	if (len != r->width || !mark_is_of(mark, len, r->digits) || mark_is_suffix(mark, len))
		return false;
	if (is_early(mark, len, r->digits))
		return true;
	/* "e01" and "b2" mean something else. */
	return r->digits == PIECE_LETTERS ? len == 2 : len <= 3 && *mark <= '9';
}

bool piece_told(const char *mark, size_t len)
{
	const struct piece_row letters = {PIECE_LETTERS, len, false}, decimal = {PIECE_DECIMAL, len, false};
	return mark_told(&letters, mark, len) || mark_told(&decimal, mark, len) || is_early(mark, len, PIECE_HEX);
}

bool piece_first(const char *mark, size_t len, struct piece_row *row)
{
	*row = (struct piece_row){PIECE_LETTERS, len, false};
	if (is_early(mark, len, PIECE_LETTERS))
		return mark[len - 1] == 'a';
	row->digits = PIECE_DECIMAL;
	return is_early(mark, len, PIECE_DECIMAL) && mark[len - 1] <= '1';
}

static long value_of(const char *mark, size_t len, enum piece_digits d)
{
	long n = 0;
	for (size_t i = 0; i < len; i++)
		n = n * base_of(d) + (strchr(alphabets[d], mark[i]) - alphabets[d]);
	return n;
}

/* How many marks have `same` of the alphabet's last in front and then so many that begin with another one. */
static long count_of(enum piece_digits d, size_t same)
{
	long n = base_of(d) - 1;
	for (size_t i = 0; i <= same; i++)
		n *= base_of(d);
	return n;
}

long piece_number(const struct piece_row *r, const char *mark, size_t len)
{
	if (!mark_is_of(mark, len, r->digits))
		return -1;
	if (len == r->width)
		return value_of(mark, len, r->digits);
	/* Who counts by printf has .100 behind .99. */
	if (r->digits == PIECE_DECIMAL && len == r->width + 1)
		return *mark == '0' ? -1 : value_of(mark, len, r->digits);
	if (r->width != 2 || len < 4 || len % 2)
		return -1;
	const char last = alphabets[r->digits][base_of(r->digits) - 1];
	size_t grown = (len - 2) / 2;
	long before = 0;
	for (size_t i = 0; i < grown; i++) {
		if (mark[i] != last)
			return -1;
		before += count_of(r->digits, i);
	}
	return mark[grown] == last ? -1 : before + value_of(mark + grown, len - grown, r->digits);
}

bool piece_text(const struct piece_row *r, long number, char out[PIECE_MARK_MAX + 1])
{
	size_t grown = 0, width = r->width;
	const char *alphabet = alphabets[r->digits];
	while (r->longer && width == 2 && number >= count_of(r->digits, grown) && grown < PIECE_MARK_MAX / 2)
		number -= count_of(r->digits, grown++);
	long limit = 1;
	for (size_t i = 0; i < width; i++)
		limit *= base_of(r->digits);
	width += r->digits == PIECE_DECIMAL && !grown && number >= limit;
	width += grown;
	if (number < 0 || width + grown > PIECE_MARK_MAX)
		return false;
	memset(out, alphabet[base_of(r->digits) - 1], grown);
	out[grown + width] = '\0';
	for (size_t i = width; i-- > 0; number /= base_of(r->digits))
		out[grown + i] = alphabet[number % base_of(r->digits)];
	return !number;
}

bool piece_follows(const char *before, const char *name)
{
	size_t a = strlen(before), b = strlen(name), at = piece_mark(name, b);
	if (!at || piece_mark(before, a) != at || memcmp(before, name, at))
		return false;
	for (enum piece_digits d = PIECE_LETTERS; d <= PIECE_HEX; d++)
		for (int two = 0; two <= 1; two++) {
			const struct piece_row row = {d, two ? 2 : b - at, true};
			long n = piece_number(&row, before + at, a - at);
			if (n >= 0 && piece_number(&row, name + at, b - at) == n + 1)
				return true;
		}
	return false;
}
