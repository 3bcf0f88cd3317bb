// SPDX-License-Identifier: GPL-3.0-or-later
/* Whose child a differencing VHD is: up to eight locators and a name, of which the last parts count. */
#include "vhd.h"

#include "backproof/text.h"

#define LOCATORS 8
#define LOCATOR_MOST 8192u
#define NAME_UNITS 256

/* Adds the last part of a name once. */
static int add_name(struct strings *names, const char *name, struct error *e)
{
	const char *base = companion_base(name);
	if (!*base || strings_has(names, base))
		return 0;
	return strings_add(names, base) < 0 ? error_nomem(e) : 0;
}

/* "%20" and its like, in place. */
static void unescape(char *s)
{
	char *to = s;
	for (unsigned v; *s; s++)
		if (*s == '%' && sscanf(s + 1, "%2x", &v) == 1 && s[1] && s[2] && v) {
			*to++ = (char)v;
			s += 2;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

/* The names of all locators with this code. */
static int add_locators(struct source *src, const struct image_context *c, const uint8_t *header, const char *code,
			struct strings *names, struct error *e)
{
	for (const uint8_t *l = header + 576; l < header + 576 + LOCATORS * 24; l += 24) {
		uint32_t length = get_be32(l + 8);
		uint64_t at = get_be64(l + 16), end;
		if (memcmp(l, code, 4) || !length)
			continue;
		if (length > LOCATOR_MOST || add_overflows(at, length, &end) || end > source_size(src)) {
			finding_add(c->f, PROOF_STRUCTURE, "vhd.locator", c->subject, OUTCOME_BROKEN,
				    &(struct finding_text){.offset = (int64_t)at, .has_offset = at <= INT64_MAX,
							   .error = ERROR_CORRUPT},
				    "the parent's name of kind %s lies beyond the end of the file", code);
			continue;
		}
		uint8_t raw[LOCATOR_MOST];
		char text[LOCATOR_MOST * 3 / 2 + 3];
		if (source_read_at(src, at, raw, length, e) < 0)
			return -1;
		if (!strcmp(code, "MacX")) {
			memcpy(text, raw, length);
			text[length] = '\0';
			unescape(text);
		} else {
			utf16le_text(raw, length / 2, text, sizeof text);
		}
		if (add_name(names, text, e) < 0)
			return -1;
	}
	return 0;
}

/* The header's own name is big-endian, what the locators point at little-endian. */
static int add_header_name(const uint8_t *header, struct strings *names, struct error *e)
{
	uint8_t le[NAME_UNITS * 2];
	char text[NAME_UNITS * 3 + 3];
	for (size_t i = 0; i < NAME_UNITS; i++) {
		le[2 * i] = header[64 + 2 * i + 1];
		le[2 * i + 1] = header[64 + 2 * i];
	}
	utf16le_text(le, NAME_UNITS, text, sizeof text);
	return add_name(names, text, e);
}

static int find_parent(const struct image_context *c, const struct strings *names, const char *wanted,
		       struct source **parent, struct error *e)
{
	struct error missing = {0}, wrong = {0};
	for (size_t i = 0; i < names->count; i++) {
		struct error why = {0};
		const struct image *p = companion_image(c, names->items[i], false, &why);
		if (!p && why.cls != ERROR_MISSING) {
			*e = why;
			return error_prefix(e, "VHD: its parent %s", names->items[i]);
		}
		if (!p) {
			if (!missing.cls)
				missing = why;
		} else if (strcmp(p->id, wanted)) {
			error_set(&wrong, ERROR_CORRUPT, ERROR_NO_OFFSET,
				  "VHD: %s is not its parent: it has the identifier %s, not %s", names->items[i],
				  *p->id ? p->id : "of no VHD", wanted);
		} else if (!p->disks.count) {
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "VHD: its parent %s holds no disk",
					 names->items[i]);
		} else {
			*parent = p->disks.items[0].source;
			return 0;
		}
	}
	*e = wrong.cls ? wrong : missing;
	return wrong.cls ? -1 : error_prefix(e, "VHD with a parent");
}

int vhd_open_parent(struct source *src, const struct image_context *c, const uint8_t header[VHD_HEADER],
		    struct image *out, struct source **parent, struct error *e)
{
	autodestroy(strings_free) struct strings names = {0};
	char wanted[64], when[32];
	static const char *const codes[] = {"W2ru", "W2ku", NULL, "MacX"};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if ((codes[i] ? add_locators(src, c, header, codes[i], &names, e)
			      : add_header_name(header, &names, e)) < 0)
			return -1;
	if (!names.count)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "VHD: it is the child of another disk, but does not name it");
	snprintf(out->parent, sizeof out->parent, "%s", names.items[0]);
	vhd_id_text(header + 40, wanted);
	if (find_parent(c, &names, wanted, parent, e) < 0)
		return -1;
	/* The parent file's time of change is lost by any copy: it can only be told. */
	uint32_t stamp = get_be32(header + 56);
	if (stamp)
		finding_add(c->f, PROOF_STRUCTURE, "vhd.parent-time", c->subject, OUTCOME_SKIPPED, NULL,
			    "its parent was last changed at %s when this disk was made",
			    format_rfc3339(VHD_EPOCH + stamp, when));
	finding_add(c->f, PROOF_STRUCTURE, "vhd.parent", c->subject, OUTCOME_HELD, NULL,
		    "its parent %s has the identifier that it names", out->parent);
	return 0;
}
