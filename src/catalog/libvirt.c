// SPDX-License-Identifier: GPL-3.0-or-later
/* What a domain's XML (virsh dumpxml) says of its backup: whose it is, and which disks belong to it. */
#include "backproof/text.h"
#include "peek_rows.h"

#define XML_MAX (4 * MIB)
#define BLANKS " \t\r\n"

/*
 * *out: the value of an attribute of the tag that begins at `tag`, copied with its five entities undone; NULL: none.
 * What it belongs to ends at `end`. -1: no memory.
 */
static int attribute(const char *tag, const char *end, const char *name, char **out)
{
	static const struct {
		const char *entity;
		char c;
	} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}, {"&quot;", '"'}};
	const char *close = memchr(tag, '>', (size_t)(end - tag)), *s = tag;
	size_t n = strlen(name);
	*out = NULL;
	for (; close && (s = memmem(s, (size_t)(close - s), name, n)); s += n) {
		char quote = s[n] == '=' ? s[n + 1] : 0;
		if (!strchr(BLANKS, s[-1]) || (quote != '\'' && quote != '"'))
			continue;
		const char *from = s + n + 2, *to = memchr(from, quote, (size_t)(end - from));
		if (!to)
			return 0;
		char *value = *out = strndup(from, (size_t)(to - from));
		for (const char *in = value; in && *in; value++) {
			size_t step = 1;
			*value = strchr(BLANKS, *in) ? ' ' : *in; /* as XML has it */
			for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
				if (!strncmp(in, entities[i].entity, strlen(entities[i].entity))) {
					*value = entities[i].c;
					step = strlen(entities[i].entity);
				}
			in += step;
		}
		if (value)
			*value = 0;
		return *out ? 0 : -1;
	}
	return 0;
}

/*
 * What a disk is stored in, whole: *whole, NULL where it has no such name. A name on a network is no proof that two
 * disks are one, as there may be two servers: *certain is false.
 */
static int read_source(const char *disk, const char *end, char **whole, bool *certain)
{
	static const char *const names[] = {"file", "dev", "volume", "name"};
	/* The first is the disk's own; those of <backingStore> come after it. */
	const char *source = memmem(disk, (size_t)(end - disk), "<source", 7);
	autofree char *name = NULL, *pool = NULL;
	size_t i = 0;
	for (; source && !name && i < ARRAY_SIZE(names); i++)
		if (attribute(source, end, names[i], &name) < 0)
			return -1;
	*certain = i < ARRAY_SIZE(names);
	if (name && attribute(source, end, "pool", &pool) < 0)
		return -1;
	*whole = !pool ? take(name) : text_format("%s/%s", pool, name);
	return pool && !*whole ? -1 : 0;
}

/* A disk that is stored under no name, an NVMe device's say, goes by its place in the guest (vdb). */
static int read_target(const char *disk, const char *end, char **out)
{
	const char *target = memmem(disk, (size_t)(end - disk), "<target", 7);
	if (target && attribute(target, end, "dev", out) < 0)
		return -1;
	if (*out && peek_plain(*out))
		return 0;
	free(*out);
	*out = strdup("disk");
	return *out ? 0 : -1;
}

/* What stands between s and end is one disk. seen: what all those before it are stored in. */
static int read_disk(const char *s, const char *end, struct strings *seen, struct strings *out)
{
	autofree char *device = NULL, *whole = NULL, *target = NULL;
	bool certain = false;
	if (attribute(s, end, "device", &device) < 0)
		return -1;
	if (device && strcmp(device, "disk") && strcmp(device, "lun"))
		return 0;
	if (read_source(s, end, &whole, &certain) < 0)
		return -1;
	if (whole && *path_base(whole)) {
		if (certain && strings_has(seen, whole))
			return 0;
		return strings_add(seen, whole) < 0 ? -1 : strings_add(out, path_base(whole));
	}
	return read_target(s, end, &target) < 0 ? -1 : strings_add(out, target);
}

/* The next tag that a disk begins or ends with. */
static const char *next_tag(const char *s)
{
	for (; (s = strchr(s, '<')); s++)
		if (!strncmp(s, "</disk", 6) || (!strncmp(s, "<disk", 5) && s[5] && strchr(BLANKS ">/", s[5])))
			return s;
	return NULL;
}

/* The base names of the disks that a domain has, removable ones left out. */
static int read_disks(const char *xml, struct strings *out, struct error *e)
{
	autodestroy(strings_free) struct strings seen = {0};
	for (const char *s = next_tag(xml), *end; s; s = end) {
		end = next_tag(s + 1);
		if (s[1] == '/')
			continue;
		if (read_disk(s, end ? end : s + strlen(s), &seen, out) < 0)
			return error_nomem(e);
		if (out->count > PEEK_DISKS_MOST)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "it has more disks than a machine");
	}
	return 0;
}

/* "<name>web01</name>" of the domain itself, which comes before all others; "": none. */
static char *read_name(const char *xml)
{
	const char *from = strstr(xml, "<name>"), *to = from ? strstr(from, "</name>") : NULL;
	return to ? strndup(from + 6, (size_t)(to - from - 6)) : strdup("");
}

/* Behind what may stand before the first element. */
static const char *root_of(const char *xml)
{
	for (;;) {
		xml += strspn(xml, BLANKS);
		const char *end = NULL;
		if (!strncmp(xml, "<?", 2))
			end = strstr(xml, "?>");
		else if (!strncmp(xml, "<!--", 4))
			end = strstr(xml, "-->");
		if (!end)
			return xml;
		xml = strchr(end, '>') + 1;
	}
}

static bool is_domain(const char *tag)
{
	return tag && !strncmp(tag, "<domain", 7) && tag[7] && strchr(" >\n\t\r", tag[7]);
}

int peek_domain(int fd, struct strings *out, struct error *e)
{
	size_t n;
	autofree char *text = peek_text(fd, XML_MAX, &n, e);
	if (!text)
		return -1;
	const char *domain = strlen(text) == n ? strstr(text, "<domain") : NULL;
	if (!is_domain(domain) || !strstr(domain, "</domain>"))
		return !is_domain(root_of(text))
			       ? 0
			       : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "a domain's, without its end");
	/* A disk may be called as the guest is. */
	struct strings disks = {0};
	autofree char *name = read_name(text);
	int rc = name && strings_add(out, name) == 0 ? read_disks(text, &disks, e) : error_nomem(e);
	if (rc == 0 && strings_add_all(out, &disks) < 0)
		rc = error_nomem(e);
	strings_free(&disks);
	return rc;
}
