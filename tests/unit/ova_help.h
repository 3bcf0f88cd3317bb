// SPDX-License-Identifier: GPL-3.0-or-later
/* Appliances whose tar is made header by header. */
#ifndef OVA_HELP_H
#define OVA_HELP_H

#include "../../src/image/ova.h"
#include "vmdk_help.h"

#define GOOD                                                                                                           \
	"<Envelope><References><File id='f' href='d.img'/></References><DiskSection>"                                  \
	"<Disk capacity='512' diskId='x' fileRef='f'/></DiskSection><VirtualSystem id='a'/></Envelope>"

static uint8_t tar[9 * MIB];
static size_t len;
static char host[300];
static int64_t made;

struct member {
	const char *name;
	char type;
	const char *size;  /* the field, 12 bytes; NULL: of the data */
	const char *mtime; /* the same */
	const char *data;
	size_t length; /* 0: strlen(data) */
	const char *prefix, *magic;
};

static inline void put(const struct member *m)
{
	size_t n = m->data && !m->length ? strlen(m->data) : m->length;
	uint8_t *h = tar + len;
	NEED(len + n + 4096 < sizeof tar);
	memset(h, 0, 512 + (n + 511) / 512 * 512);
	strncpy((char *)h, m->name, 100);
	snprintf((char *)h + 124, 12, "%011zo", n);
	if (m->size)
		memcpy(h + 124, m->size, 12);
	if (m->mtime)
		memcpy(h + 136, m->mtime, 12);
	h[156] = (uint8_t)m->type;
	memcpy(h + 257, m->magic ? m->magic : "ustar\00000", 8);
	if (m->prefix)
		strncpy((char *)h + 345, m->prefix, 155);
	memset(h + 148, ' ', 8);
	unsigned sum = 0;
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	if (m->data)
		memcpy(h + 512, m->data, n);
	len += 512 + (n + 511) / 512 * 512;
}

static inline void descriptor(const char *text)
{
	len = 0;
	put(&(struct member){"a.ovf", '0', .data = text});
}

static inline void disk(void)
{
	static const char sector[512] = "a disk";
	put(&(struct member){"d.img", '0', .data = sector, .length = sizeof sector});
}

static inline void end(void)
{
	memset(tar + len, 0, 1024);
	len += 1024;
}

/* NULL for words: it opens, and nothing is wrong with it. */
static inline void expect(enum error_class cls, const char *words)
{
	struct files x;
	struct error e = {0};
	files_init(&x, &image_ova);
	uint8_t *copy = malloc(len + 1);
	NEED(copy);
	memcpy(copy, tar, len);
	files_add(&x, "a.ova", copy, len);
	const struct image *im = file_image(&x, "a.ova", false, &e);
	if (!words ? !im || im->disks.count != 1 || !all_held(&x.f) : im || e.cls != cls || !strstr(e.text, words)) {
		fprintf(stderr, "%s: %s; not %s\n", error_class_name(e.cls), e.text, words ? words : "fine");
		test_bad_here++;
	}
	snprintf(host, sizeof host, "%s", im ? im->host : "");
	made = im ? im->made : 0;
	files_free(&x);
}

#endif
