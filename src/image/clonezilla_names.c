// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Names in a Clonezilla directory. One file or a row of pieces holds each partition: PART.FS-ptcl-img[.CODEC][.aa],
 * PART.dd-img..., PART.dd-ptcl-img..., PART.ntfs-img...
 */
#include <ctype.h>
#include <strings.h>

#include "backproof/piece.h"
#include "clonezilla.h"

bool cz_ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n > m && !strcmp(s + n - m, suffix);
}

/* Behind the name of a partition: ".ext4-ptcl-img.zst.aa", ".dd-img.aa", ".ntfs-img.aa". */
static bool is_image_rest(const char *rest)
{
	const char *s;
	if (*rest != '.')
		return false;
	for (s = rest + 1; isalnum((unsigned char)*s) || *s == '+' || *s == '_'; s++)
		;
	return s > rest + 1 && (!strncmp(s, "-ptcl-img", 9) || !strncmp(s, "-img", 4));
}

static bool is_image_name(const char *name)
{
	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
		if (is_image_rest(dot))
			return true;
	return false;
}

bool cz_encrypted(const struct strings *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->items[i], "ecryptfs.info") ||
		    !strncmp(names->items[i], "ECRYPTFS_FNEK_ENCRYPTED.", 24))
			return true;
	return false;
}

bool clonezilla_is(const struct strings *names)
{
	bool table = false, image = false, listed = strings_has(names, "parts") || strings_has(names, "disk");
	if (strings_has(names, "clonezilla-img") && (listed || cz_encrypted(names)))
		return true;
	for (size_t i = 0; i < names->count; i++) {
		const char *s = names->items[i];
		table = table || cz_ends_with(s, "-pt.sf") || cz_ends_with(s, "-pt.parted");
		image = image || is_image_name(s);
	}
	return strings_has(names, "parts") && (table || image);
}

/* A disk of another program's that was laid beside: "web01-sdb.qcow2", "data.img.zst". */
static bool is_disk_name(const char *name)
{
	static const char *const kinds[] = {"qcow2", "qcow", "vhd", "vhdx", "vmdk", "vdi", "vma", "ova", "img",
					    "raw", "dd", "iso", "e01", "wim", "tar"};
	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (strcspn(dot + 1, ".") == strlen(kinds[i]) &&
			    !strncasecmp(dot + 1, kinds[i], strlen(kinds[i])))
				return true;
	return false;
}

bool clonezilla_is_note(const char *name)
{
	return !is_image_name(name) && !is_disk_name(name);
}

/* Is there the piece before s, which has a suffix of compression as well? */
static bool goes_on(const struct strings *names, const char *s)
{
	for (size_t i = 0; i < names->count; i++)
		if (piece_follows(names->items[i], s))
			return true;
	return false;
}

/* ".aa", ".ab", ... or ".aaa": the number of a piece, -1 for something else. dot: of s. */
static long number_of(const struct strings *names, const char *s, const char *dot)
{
	static const char *const codecs[] = {".gz", ".xz", ".lz", ".zst", ".lzo", ".lrz"};
	const size_t n = strlen(dot + 1);
	const struct piece_row row = {PIECE_LETTERS, n < 4 ? n : 2, false};
	if (n < 2 || strstr(dot, "-img"))
		return -1;
	/* ".gz" and ".xz" are two letters too, and end no row of pieces. */
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (!strcmp(dot, codecs[i]) && !goes_on(names, s))
			return -1;
	return piece_number(&row, dot + 1, n);
}

void cz_missing(const struct image_context *c, const char *what, struct error *told)
{
	error_set(told, ERROR_MISSING, ERROR_NO_OFFSET, "%s", what);
	finding_error(c->f, PROOF_PRESENCE, "clonezilla.parts", c->subject, told);
}

int cz_find_image(const struct strings *names, const struct image_context *c, const char *part, const char **first,
		  bool *gap, struct error *e)
{
	const char *stem = NULL;
	size_t stem_len = 0, len = strlen(part), pieces = 0;
	long highest = -1;
	*first = NULL;
	*gap = false;
	for (size_t i = 0; i < names->count; i++) {
		const char *s = names->items[i], *dot = strrchr(s, '.');
		if (strncmp(s, part, len) || !is_image_rest(s + len))
			continue;
		long number = number_of(names, s, dot);
		size_t n = number < 0 ? strlen(s) : (size_t)(dot - s);
		if (stem && (n != stem_len || strncmp(s, stem, n)))
			return error_set(e, ERROR_AMBIGUOUS, ERROR_NO_OFFSET, "two images of %s: %.*s and %.*s", part,
					 (int)stem_len, stem, (int)n, s);
		if (stem && (number < 0) != (highest < 0))
			return error_set(e, ERROR_AMBIGUOUS, ERROR_NO_OFFSET,
					 "an image of %s both in pieces and in one", part);
		stem = s;
		stem_len = n;
		pieces++;
		highest = number > highest ? number : highest;
		if (number <= 0)
			*first = s;
	}
	if (!stem || (highest < 0 && *first) || (*first && pieces == (size_t)highest + 1))
		return 0;
	struct error told;
	char text[256];
	snprintf(text, sizeof text, "of %.*s, %zu of %ld pieces are there", (int)stem_len, stem, pieces, highest + 1);
	*gap = true;
	cz_missing(c, text, &told);
	return 0;
}
