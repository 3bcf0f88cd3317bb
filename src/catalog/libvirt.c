// SPDX-License-Identifier: GPL-3.0-or-later
/* What a domain's XML (virsh dumpxml) says of its backup: whose it is, and which disks belong to it. */
#include "peek_rows.h"

#define XML_MAX (4 * MIB)

/* The value of an attribute of the tag that begins at `tag`, copied with its five entities undone; NULL: none. */
static char *attribute(const char *tag, const char *name)
{
	static const struct {
		const char *entity;
		char c;
	} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}, {"&quot;", '"'}};
	const char *end = strchr(tag, '>');
	size_t n = strlen(name);
	for (const char *s = tag; end && (s = strstr(s, name)) && s < end; s += n) {
		char quote = s[n] == '=' ? s[n + 1] : 0;
		if (!strchr(" \t\r\n", s[-1]) || (quote != '\'' && quote != '"'))
			continue;
		const char *from = s + n + 2, *to = strchr(from, quote);
		char *value = to ? strndup(from, (size_t)(to - from)) : NULL, *out = value;
		for (const char *in = value; in && *in; out++) {
			size_t step = 1;
			*out = *in;
			for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
				if (!strncmp(in, entities[i].entity, strlen(entities[i].entity))) {
					*out = entities[i].c;
					step = strlen(entities[i].entity);
				}
			in += step;
		}
		if (value)
			*out = 0;
		return value;
	}
	return NULL;
}

/* The base names of the disks that a domain has, removable ones left out. */
static int read_disks(const char *xml, struct strings *out)
{
	for (const char *s = xml; (s = strstr(s, "<disk")); s += 5) {
		const char *end = strstr(s, "</disk>"), *source = strstr(s, "<source");
		autofree char *device = strchr(" \t\r\n", s[5]) ? attribute(s, "device") : NULL;
		if (!strchr(" \t\r\n", s[5]) || !end || (device && strcmp(device, "disk") && strcmp(device, "lun")))
			continue;
		/* The first is the disk's own; those of <backingStore> come after it. */
		autofree char *file = source && source < end ? attribute(source, "file") : NULL;
		if (!file && source && source < end)
			file = attribute(source, "dev");
		if (!file && source && source < end)
			file = attribute(source, "name");
		const char *slash = file ? strrchr(file, '/') : NULL;
		const char *base = slash ? slash + 1 : file;
		if (base && *base && !strings_has(out, base) && strings_add(out, base) < 0)
			return -1;
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
		xml += strspn(xml, " \t\r\n");
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
	bool read = name && strings_add(out, name) == 0 && read_disks(text, &disks) == 0;
	int rc = read ? strings_add_all(out, &disks) : -1;
	strings_free(&disks);
	return rc < 0 ? error_nomem(e) : 0;
}
