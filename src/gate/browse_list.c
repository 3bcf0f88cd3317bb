// SPDX-License-Identifier: GPL-3.0-or-later
/* A line of a list of files: for people, or as JSON. */
#include "browse_list.h"

void browse_list_entry(struct text *out, bool json, bool first, const struct fs_entry *x, const char *link)
{
	static const char kinds[] = {[ENTRY_FILE] = '-', [ENTRY_DIR] = 'd', [ENTRY_LINK] = 'l', [ENTRY_OTHER] = '?'};
	static const char *const words[] = {[ENTRY_FILE] = "file", [ENTRY_DIR] = "directory", [ENTRY_LINK] = "link",
					    [ENTRY_OTHER] = "other"};
	char when[32];
	if (json) {
		text_put(out, first ? "" : ",\n");
		text_put(out, "{\"path\":");
		text_put_json(out, x->path);
		text_printf(out,
			    ",\"type\":\"%s\",\"mode\":\"%04o\",\"uid\":%u,\"gid\":%u,\"bytes\":%llu,"
			    "\"written\":\"%s\"",
			    words[x->type], x->mode & 07777, x->uid, x->gid, (unsigned long long)x->size,
			    format_rfc3339(x->mtime, when));
		if (link) {
			text_put(out, ",\"target\":");
			text_put_json(out, link);
		}
		text_put(out, "}");
	} else {
		text_printf(out, "%c%04o %5u %5u %12llu %s ", kinds[x->type], x->mode & 07777, x->uid, x->gid,
			    (unsigned long long)x->size, format_rfc3339(x->mtime, when));
		text_put_safe(out, x->path);
		if (link) {
			text_put(out, " -> ");
			text_put_safe(out, link);
		}
		text_put(out, "\n");
	}
}

void browse_list_bytes(struct text *out, char *p, size_t n)
{
	for (char *end = p + n; p < end; p++) {
		char *from = p;
		while (p < end && *p && *p != '\n' && *p != '\t')
			p++;
		/* How lines end elsewhere; alone it would go back and write over what was there. */
		bool windows = p < end && *p == '\n' && p > from && p[-1] == '\r';
		char *stop = windows ? p - 1 : p, kept = *stop;
		*stop = '\0';
		text_put_safe(out, from);
		*stop = kept;
		if (p < end)
			text_put(out, *p == '\n' ? "\n" : *p == '\t' ? "\t" : "\\x00");
	}
}
