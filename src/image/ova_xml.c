// SPDX-License-Identifier: GPL-3.0-or-later
/* What is needed of an OVF descriptor (DSP0243): the files, the disks in them, and whose they are. */
#include <strings.h>

#include "backproof/xml.h"
#include "ova.h"

struct reading {
	struct ova_descriptor *d;
	unsigned system_depth; /* 0: outside */
	bool envelope;
};

static int decimal(struct xml_span s, uint64_t *out, struct error *e)
{
	*out = 0;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || mul_overflows(*out, UINT64_C(10), out) ||
		    add_overflows(*out, (uint64_t)(s.p[i] - '0'), out))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the OVF descriptor: a size is no number");
	return 0;
}

/* "byte * 2^30", and what older writers put. 0: unknown. */
static uint64_t unit_of(struct xml_span s)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {{"byte", 1}, {"KiloBytes", KIB}, {"MegaBytes", MIB}, {"GigaBytes", GIB}};
	char text[32], *to = text;
	unsigned power;
	int used = 0;
	for (size_t i = 0; i < s.len && to < text + sizeof text - 1; i++)
		if (!strchr(" \t\r\n", s.p[i]))
			*to++ = s.p[i];
	*to = '\0';
	if (sscanf(text, "byte*2^%u%n", &power, &used) == 1 && !text[used] && power < 50)
		return UINT64_C(1) << power;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcasecmp(text, units[i].name))
			return units[i].bytes;
	return 0;
}

static int file_attribute(struct ova_file *f, struct xml_span key, struct xml_span value, struct error *e)
{
	if (xml_span_is(key, "id"))
		return xml_keep(&f->id, value, e);
	if (xml_span_is(key, "href"))
		return xml_keep(&f->href, value, e);
	if (xml_span_is(key, "compression"))
		return xml_keep(&f->compression, value, e);
	if (xml_span_is(key, "size"))
		return decimal(value, &f->size, e);
	f->chunked |= xml_span_is(key, "chunkSize");
	return 0;
}

static int disk_attribute(struct ova_disk *d, struct xml_span key, struct xml_span value, struct error *e)
{
	if (xml_span_is(key, "diskId"))
		return xml_keep(&d->id, value, e);
	if (xml_span_is(key, "fileRef"))
		return xml_keep(&d->file, value, e);
	if (xml_span_is(key, "parentRef"))
		return xml_keep(&d->parent, value, e);
	if (xml_span_is(key, "capacityAllocationUnits"))
		d->unit = unit_of(value);
	/* "${...}" is chosen by whoever deploys it. */
	else if (xml_span_is(key, "capacity") && value.len && *value.p != '$')
		return decimal(value, &d->capacity, e);
	return 0;
}

static bool is_file(const struct xml *x)
{
	return xml_is(x, 0, "File") && xml_is(x, 1, "References");
}

static bool is_disk(const struct xml *x)
{
	return xml_is(x, 0, "Disk") && xml_is(x, 1, "DiskSection");
}

static int attribute(struct xml *x, struct xml_span key, struct xml_span value, struct error *e)
{
	struct ova_descriptor *d = ((struct reading *)x->ctx)->d;
	if (is_file(x))
		return file_attribute(&d->files.items[d->files.count - 1], key, value, e);
	if (is_disk(x))
		return disk_attribute(&d->disks.items[d->disks.count - 1], key, value, e);
	if (xml_is(x, 0, "VirtualSystem") && xml_span_is(key, "id"))
		return xml_keep(&d->system, value, e);
	return 0;
}

/* What an element describes gets its place. */
static int begin(struct xml *x, struct error *e)
{
	struct reading *r = x->ctx;
	if (x->depth == 1) {
		if (!xml_is(x, 0, "Envelope") || r->envelope)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the OVF descriptor: it is no envelope");
		r->envelope = true;
	}
	if (xml_is(x, 0, "VirtualSystem")) {
		r->d->systems++;
		r->system_depth = x->depth;
	}
	if (is_file(x) && !vec_push(&r->d->files))
		return error_nomem(e);
	if (is_disk(x)) {
		struct ova_disk *d = vec_push(&r->d->disks);
		if (!d)
			return error_nomem(e);
		d->unit = 1;
	}
	return 0;
}

/* <Name> right below a virtual system. */
static int text(struct xml *x, struct xml_span s, struct error *e)
{
	struct reading *r = x->ctx;
	return r->system_depth && x->depth == r->system_depth + 1 && xml_is(x, 0, "Name")
		       ? xml_keep(&r->d->system, s, e)
		       : 0;
}

static int end(struct xml *x, struct error *e)
{
	struct reading *r = x->ctx;
	(void)e;
	if (x->depth == r->system_depth)
		r->system_depth = 0;
	return 0;
}

int ova_descriptor_parse(const char *xml, size_t length, struct ova_descriptor *d, struct error *e)
{
	struct reading r = {.d = d};
	struct xml x = {"the OVF descriptor", &r, begin, attribute, text, end, .depth = 0};
	memset(d, 0, sizeof *d);
	if (xml_read(&x, xml, length, e) < 0)
		return -1;
	return r.envelope ? 0
			  : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				      "the OVF descriptor: its envelope is not closed: it is cut");
}

void ova_descriptor_free(struct ova_descriptor *d)
{
	vec_each(&d->files, f)
	{
		free(f->id);
		free(f->href);
		free(f->compression);
	}
	vec_each(&d->disks, k)
	{
		free(k->id);
		free(k->file);
		free(k->parent);
	}
	vec_free(&d->files);
	vec_free(&d->disks);
	free(d->system);
	d->system = NULL;
}
