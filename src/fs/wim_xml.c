// SPDX-License-Identifier: GPL-3.0-or-later
/* The description of a WIM, UTF-16 XML: of each image, its name, and when it was made and changed. No checksum. */
#include "wim.h"

#define MAX_XML (16 * MIB)

int wim_xml_read(struct wim *w, struct error *e)
{
	autofree uint8_t *raw = wim_read_plain(w, &w->header.xml, MAX_XML, e);
	size_t units = (size_t)w->header.xml.size / 2;
	if (!raw)
		return -1;
	w->description = malloc(units * 3 + 2);
	if (!w->description)
		return error_nomem(e);
	utf16le_text(raw, units, w->description, units * 3 + 2);
	for (uint32_t i = 1; i <= w->header.images; i++) {
		char want[40];
		snprintf(want, sizeof want, "<IMAGE INDEX=\"%u\"", i);
		if (!strstr(w->description, want))
			return error_set(e, ERROR_CORRUPT, (int64_t)w->header.xml.offset,
					 "WIM: its description (XML) does not know image %u", i);
	}
	return 0;
}

/* What an element of the image holds, or NULL. */
static const char *element(const struct wim *w, uint32_t image, const char *name, size_t *len)
{
	char want[64];
	snprintf(want, sizeof want, "<IMAGE INDEX=\"%u\"", image);
	const char *from = strstr(w->description, want), *end = from ? strstr(from, "</IMAGE>") : NULL;
	snprintf(want, sizeof want, "<%s>", name);
	const char *p = end ? strstr(from, want) : NULL;
	if (!p || p >= end)
		return NULL;
	p += strlen(want);
	snprintf(want, sizeof want, "</%s>", name);
	const char *close = strstr(p, want);
	if (!close || close > end)
		return NULL;
	*len = (size_t)(close - p);
	return p;
}

static uint32_t part(const char *p, size_t len, const char *name)
{
	const char *at = memmem(p, len, name, strlen(name));
	return at ? (uint32_t)strtoul(at + strlen(name), NULL, 16) : 0;
}

static int64_t time_of(const struct wim *w, uint32_t image, const char *name)
{
	size_t len = 0;
	const char *p = element(w, image, name, &len);
	return p ? wim_time((uint64_t)part(p, len, "<HIGHPART>") << 32 | part(p, len, "<LOWPART>")) : 0;
}

void wim_xml_times(const struct wim *w, uint32_t image, int64_t *made, int64_t *changed)
{
	*made = time_of(w, image, "CREATIONTIME");
	*changed = time_of(w, image, "LASTMODIFICATIONTIME");
}

void wim_xml_name(const struct wim *w, uint32_t image, char *out, size_t room)
{
	size_t len = 0;
	const char *p = element(w, image, "NAME", &len);
	len = len < room ? len : room - 1;
	memcpy(out, p ? p : "", p ? len : 0);
	out[p ? len : 0] = 0;
}
