// SPDX-License-Identifier: GPL-3.0-or-later
/* What a domain's XML (virsh dumpxml) says of its backup: whose it is, and which disks belong to it. */
#include "backproof/text.h"
#include "backproof/xml.h"
#include "peek_rows.h"

#define XML_MAX (4 * MIB)

enum source { SOURCE_FILE, SOURCE_DEVICE, SOURCE_VOLUME, SOURCE_NAME, SOURCE_POOL, SOURCE_KEYS };

struct reading {
	unsigned domain; /* depth of the domain's own element; 0: not yet */
	char *name;
	struct strings disks, seen; /* seen: what all those before it are stored in */
	bool sourced;		    /* of the disk that is read: */
	char *device, *source[SOURCE_KEYS], *target;
};

static void forget_disk(struct reading *r)
{
	for (size_t i = 0; i < SOURCE_KEYS; i++) {
		free(r->source[i]);
		r->source[i] = NULL;
	}
	free(r->device);
	free(r->target);
	r->device = r->target = NULL;
	r->sourced = false;
}

/* Below <devices>, and not in what programs keep in <metadata>. */
static bool is_disk(const struct xml *x, unsigned up)
{
	const struct reading *r = x->ctx;
	return x->depth > up && xml_is(x, up, "disk") &&
	       (x->depth - up == r->domain + 1 || (x->depth - up == r->domain + 2 && xml_is(x, up + 1, "devices")));
}

static int begin(struct xml *x, struct error *e)
{
	struct reading *r = x->ctx;
	(void)e;
	/* libvirtd's own, in /run, are inside a <domstatus>. */
	if (!r->domain && xml_is(x, 0, "domain") && (x->depth == 1 || (x->depth == 2 && xml_is(x, 1, "domstatus"))))
		r->domain = x->depth;
	if (r->domain && is_disk(x, 0))
		forget_disk(r);
	return 0;
}

static int attribute(struct xml *x, struct xml_span key, struct xml_span value, struct error *e)
{
	static const char *const keys[SOURCE_KEYS] = {"file", "dev", "volume", "name", "pool"};
	struct reading *r = x->ctx;
	if (!r->domain)
		return 0;
	if (is_disk(x, 0) && xml_span_is(key, "device"))
		return xml_keep(&r->device, value, e);
	/* Those of <backingStore> and <mirror> are not its own. */
	if (is_disk(x, 1) && xml_is(x, 0, "target") && xml_span_is(key, "dev"))
		return xml_keep(&r->target, value, e);
	for (size_t i = 0; i < SOURCE_KEYS && is_disk(x, 1) && xml_is(x, 0, "source") && !r->sourced; i++)
		if (xml_span_is(key, keys[i]))
			return xml_keep(&r->source[i], value, e);
	return 0;
}

static int text(struct xml *x, struct xml_span s, struct error *e)
{
	struct reading *r = x->ctx;
	bool own = r->domain && x->depth == r->domain + 1 && xml_is(x, 0, "name");
	return own && !r->name ? xml_keep(&r->name, s, e) : 0;
}

/*
 * What a disk is stored in, whole: *whole, NULL where it has no such name. A name on a network is no proof that two
 * disks are one, as there may be two servers: *certain is false.
 */
static int whole_source(const struct reading *r, char **whole, bool *certain)
{
	size_t i = 0;
	while (i < SOURCE_POOL && !r->source[i])
		i++;
	*whole = NULL;
	*certain = i < SOURCE_NAME;
	if (i == SOURCE_POOL)
		return 0;
	*whole = r->source[SOURCE_POOL] ? text_format("%s/%s", r->source[SOURCE_POOL], r->source[i])
					: strdup(r->source[i]);
	return *whole ? 0 : -1;
}

static int add_disk(struct reading *r, struct error *e)
{
	autofree char *whole = NULL;
	bool certain = false;
	if (r->device && strcmp(r->device, "disk") && strcmp(r->device, "lun"))
		return 0;
	if (whole_source(r, &whole, &certain) < 0)
		return error_nomem(e);
	if (whole && *path_base(whole)) {
		if (certain && strings_has(&r->seen, whole))
			return 0;
		if (strings_add(&r->seen, whole) < 0 || strings_add(&r->disks, path_base(whole)) < 0)
			return error_nomem(e);
	} else {
		/* One that is stored under no name, an NVMe device's say, goes by its place in the guest (vdb). */
		const char *target = r->target && peek_plain(r->target) ? r->target : "disk";
		if (strings_add(&r->disks, target) < 0)
			return error_nomem(e);
	}
	return r->disks.count <= PEEK_DISKS_MOST
		       ? 0
		       : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "it has more disks than a machine");
}

static int end(struct xml *x, struct error *e)
{
	struct reading *r = x->ctx;
	if (!r->domain)
		return 0;
	r->sourced = r->sourced || (is_disk(x, 1) && xml_is(x, 0, "source"));
	return is_disk(x, 0) ? add_disk(r, e) : 0;
}

/* The first element, behind what may stand before it; "" where there is none. */
static const char *root_of(const char *xml)
{
	for (; (xml = strchr(xml, '<')); xml++) {
		const char *last = xml;
		if (!strncmp(xml, "<!--", 4))
			last = strstr(xml, "-->");
		else if (!strncmp(xml, "<?", 2))
			last = strstr(xml, "?>");
		else if (xml[1] != '!')
			return xml + 1;
		if (!last)
			break;
		xml = last;
	}
	return "";
}

/* Perhaps with a prefix. */
static bool is_called(const char *element, const char *name)
{
	size_t n = strcspn(element, " >\n\t\r/"), m = strlen(name);
	return n >= m && !memcmp(element + n - m, name, m) && (n == m || element[n - m - 1] == ':');
}

/* What was written in UTF-16, by PowerShell say, becomes UTF-8. NULL: no memory. */
static char *as_utf8(const char *data, size_t *n)
{
	bool little = *n >= 2 && !memcmp(data, "\xff\xfe", 2), big = *n >= 2 && !memcmp(data, "\xfe\xff", 2);
	size_t mark = *n >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : little || big ? 2 : 0, left = *n - mark;
	size_t room = little || big ? left * 2 + 5 : left + 1;
	char *out = malloc(room), *swapped = big ? malloc(left + 1) : NULL;
	if (!out || (big && !swapped)) {
		free(out);
		free(swapped);
		return NULL;
	}
	for (size_t i = 0; big && i + 1 < left; i += 2) {
		swapped[i] = data[mark + i + 1];
		swapped[i + 1] = data[mark + i];
	}
	if (little || big) {
		utf16le_text(big ? swapped : data + mark, left / 2, out, room);
		*n = strlen(out);
	} else {
		memcpy(out, data + mark, left);
		out[left] = 0;
		*n = left;
	}
	free(swapped);
	return out;
}

static int read_domain(const char *data, size_t n, struct reading *r, struct strings *out, struct error *e)
{
	struct xml x = {"the XML", r, begin, attribute, text, end, .depth = 0};
	if (xml_read(&x, data, n, e) < 0)
		return -1;
	if (!r->domain)
		return 0;
	/* A disk may be called as the guest is. */
	return strings_add(out, r->name ? r->name : "") < 0 || strings_add_all(out, &r->disks) < 0 ? error_nomem(e) : 0;
}

int peek_domain(int fd, struct strings *out, struct error *e)
{
	size_t n;
	struct reading r = {.domain = 0};
	autofree char *stored = peek_text(fd, XML_MAX, &n, e);
	if (!stored)
		return -1;
	autofree char *data = as_utf8(stored, &n);
	if (!data)
		return error_nomem(e);
	/* So a file is left where a machine lost its power. */
	if (n && is_zero(data, n))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "it is nothing but zeros");
	const char *root = root_of(data);
	if (!is_called(root, "domain") && !is_called(root, "domstatus"))
		return 0;
	int rc = read_domain(data, n, &r, out, e);
	forget_disk(&r);
	free(r.name);
	strings_free(&r.disks);
	strings_free(&r.seen);
	return rc;
}
