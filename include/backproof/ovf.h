// SPDX-License-Identifier: GPL-3.0-or-later
/* OVF descriptors (DSP0243): the files of an appliance, the disks in them, and whose they are. */
#ifndef BACKPROOF_OVF_H
#define BACKPROOF_OVF_H

#include "backproof/base.h"
#include "backproof/error.h"

/* What a descriptor says. Strings are decoded. */
struct ova_file {
	char *id, *href, *compression;
	uint64_t size; /* 0: not said */
	bool chunked;
};
struct ova_disk {
	char *id, *file, *parent;
	uint64_t capacity, unit; /* unit 0: one that is not known */
};
struct ova_descriptor {
	VEC(struct ova_file) files;
	VEC(struct ova_disk) disks;
	unsigned systems;
	char *system; /* the name of the last, or its id */
};
/* -1: CORRUPT, UNSUPPORTED or LIMIT, see xml_read; *d is to be freed in any case. */
int ova_descriptor_parse(const char *xml, size_t length, struct ova_descriptor *d, struct error *e) must_check;
void ova_descriptor_free(struct ova_descriptor *d);

#endif
