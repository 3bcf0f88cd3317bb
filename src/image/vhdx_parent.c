// SPDX-License-Identifier: GPL-3.0-or-later
/* [MS-VHDX] 2.6.2.6: whose child a differencing disk is. The parent's DataWriteGuid has to be one that is named. */
#include "backproof/text.h"
#include "vhdx.h"

#include <strings.h>

#define VALUE_MOST 8192u

static const uint8_t guid_vhdx_locator[VHDX_GUID] = {0xb7, 0xef, 0x4a, 0xb0, 0x9e, 0xd1, 0x81, 0x4a,
						     0xb7, 0x89, 0x25, 0xb8, 0xe9, 0x44, 0x59, 0x13};

/* In the order in which they are to be tried. */
enum key { KEY_RELATIVE, KEY_VOLUME, KEY_ABSOLUTE, KEY_LINKAGE, KEY_LINKAGE2, KEY_COUNT };
static const char *const keys[KEY_COUNT] = {"relative_path", "volume_path", "absolute_win32_path", "parent_linkage",
					    "parent_linkage2"};

static int parse_locator(const uint8_t *raw, uint64_t length, uint64_t at, char *values[KEY_COUNT], struct error *e)
{
	char key[64];
	if (length < 20 || memcmp(raw, guid_vhdx_locator, VHDX_GUID))
		return error_set(e, ERROR_UNSUPPORTED, (int64_t)at, "VHDX: its parent is named in an unknown way");
	const uint32_t count = get_le16(raw + 18);
	if (20 + UINT64_C(12) * count > length)
		return error_set(e, ERROR_CORRUPT, (int64_t)at, "VHDX: the parent locator is cut");
	for (const uint8_t *p = raw + 20; p < raw + 20 + 12 * count; p += 12) {
		uint64_t key_at = get_le32(p), value_at = get_le32(p + 4), key_len = get_le16(p + 8),
			 value_len = get_le16(p + 10);
		if (key_at + key_len > length || value_at + value_len > length)
			return error_set(e, ERROR_CORRUPT, (int64_t)at,
					 "VHDX: the parent locator points outside of itself");
		utf16le_text(raw + key_at, key_len / 2, key, sizeof key);
		for (int k = 0; k < KEY_COUNT; k++) {
			if (strcmp(key, keys[k]))
				continue;
			if (values[k] || value_len > VALUE_MOST)
				return error_set(e, ERROR_CORRUPT, (int64_t)at, "VHDX: the parent's %s can't be used",
						 key);
			values[k] = malloc(value_len * 3 / 2 + 5);
			if (!values[k])
				return error_nomem(e);
			utf16le_text(raw + value_at, value_len / 2, values[k], value_len * 3 / 2 + 5);
		}
	}
	if (!values[KEY_LINKAGE])
		return error_set(e, ERROR_CORRUPT, (int64_t)at,
				 "VHDX: it does not say which state of its parent it needs");
	return 0;
}

/* "{GUID}" in any case is the id, which is lower case and has no braces. */
static bool names_id(const char *linkage, const char *id)
{
	return linkage && *id && *linkage == '{' && strlen(linkage) == strlen(id) + 2 &&
	       !strncasecmp(linkage + 1, id, strlen(id));
}

static int find_parent(struct vhdx *v, const struct image_context *c, char *const values[KEY_COUNT],
		       struct image *out, struct error *e)
{
	struct error missing = {0}, wrong = {0};
	for (int k = KEY_RELATIVE; k <= KEY_ABSOLUTE; k++) {
		struct error why = {0};
		const char *base = values[k] ? companion_base(values[k]) : "";
		if (!*base)
			continue;
		if (!*out->parent)
			snprintf(out->parent, sizeof out->parent, "%s", base);
		const struct image *p = companion_image(c, base, false, &why);
		if (!p && why.cls != ERROR_MISSING) {
			*e = why;
			return error_prefix(e, "VHDX: its parent %s", base);
		}
		if (!p) {
			if (!missing.cls)
				missing = why;
		} else if (!names_id(values[KEY_LINKAGE], p->id) && !names_id(values[KEY_LINKAGE2], p->id)) {
			error_set(&wrong, ERROR_CORRUPT, ERROR_NO_OFFSET,
				  "VHDX: %s is not its parent, or was written to since: its state is %s, %s is needed",
				  base, *p->id ? p->id : "none of a VHDX", values[KEY_LINKAGE]);
		} else if (!p->disks.count) {
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "VHDX: its parent %s holds no disk", base);
		} else {
			v->parent = p->disks.items[0].source;
			finding_add(c->f, PROOF_STRUCTURE, "vhdx.parent", c->subject, OUTCOME_HELD, NULL,
				    "its parent %s is in the state that it names", base);
			if (source_size(v->parent) != v->size)
				finding_add(c->f, PROOF_STRUCTURE, "vhdx.parent", c->subject, OUTCOME_SKIPPED, NULL,
					    "the parent is a disk of %llu bytes, this one of %llu",
					    (unsigned long long)source_size(v->parent), (unsigned long long)v->size);
			return 0;
		}
	}
	if (!wrong.cls && !missing.cls)
		return error_set(e, ERROR_CORRUPT, (int64_t)v->locator.at,
				 "VHDX: it is the child of another disk, but does not name it");
	*e = wrong.cls ? wrong : missing;
	return wrong.cls ? -1 : error_prefix(e, "VHDX with a parent");
}

int vhdx_open_parent(struct vhdx *v, const struct image_context *c, struct image *out, struct error *e)
{
	char *values[KEY_COUNT] = {0};
	autofree uint8_t *raw = malloc((size_t)v->locator.length); /* at most 1 MiB */
	if (!raw)
		return error_nomem(e);
	if (source_read_at(v->view, v->locator.at, raw, (size_t)v->locator.length, e) < 0)
		return -1;
	int rc = parse_locator(raw, v->locator.length, v->locator.at, values, e);
	if (!rc)
		rc = find_parent(v, c, values, out, e);
	for (int k = 0; k < KEY_COUNT; k++)
		free(values[k]);
	return rc;
}
