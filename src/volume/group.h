// SPDX-License-Identifier: GPL-3.0-or-later
/* What the volume managers share, and the parts of the LVM2 reader. */
#ifndef VOLUME_GROUP_SELF_H
#define VOLUME_GROUP_SELF_H

#include "backproof/volume_group.h"

struct assembly {
	const struct volume_member *members;
	size_t count;
	struct volume_set *out;
	struct findings *f;
};

int lvm_assemble(struct assembly *a, struct error *e) must_check;
int md_assemble(struct assembly *a, struct error *e) must_check;

void group_say(struct assembly *a, const char *check, const char *subject, enum outcome o, const char *fmt, ...)
	printf_like(5, 6);
void group_fail(struct assembly *a, const char *check, const char *subject, enum error_class cls, const char *fmt, ...)
	printf_like(5, 6);
/* A new volume of the set that takes source, or NULL: then source is destroyed. */
struct assembled_volume *group_add(struct assembly *a, struct source *source, struct error *e) must_check;
int group_uses(struct assembled_volume *v, size_t member, struct error *e) must_check;
/* Another half of a mirror. Takes source, also when it fails. */
int group_mirror(struct assembled_volume *v, const char *name, struct source *source, struct error *e) must_check;
void group_release(struct assembled_volume *v); /* all but the source */

/* group_map.c: a volume of parts, each of which lies on one leg or in stripes over several. */
struct map_leg {
	struct source *source; /* borrowed */
	uint64_t offset;
};
struct map_part {
	uint64_t start, length, stripe; /* bytes; stripe: 0 with one leg */
	struct map_leg *legs;		/* owned */
	size_t count;
};
struct volume_map {
	VEC(struct map_part) parts;
	uint64_t size;
};
/* length > 0, and no more than INT64_MAX. */
struct map_part *map_add(struct volume_map *m, uint64_t length, uint64_t stripe, size_t legs,
			 struct error *e) must_check;
void map_free(struct volume_map *m);
/* Takes what is in *m. */
struct source *map_source(struct volume_map *m, const char *name, struct error *e) must_check;

/* lvm_text.c: metadata text as a tree. Node 0 is the root; 0 as a child or next means none. */
struct lvm_node {
	const char *key, *text; /* key: NULL in lists. text: of strings and numbers, else NULL */
	uint32_t child, next;
};
struct lvm_tree {
	char *data; /* owned: what keys and texts point into */
	struct lvm_node *items;
	size_t count, capacity;
};
/* Takes data, which is length bytes and a NUL. CORRUPT. */
int lvm_parse(char *data, size_t length, struct lvm_tree *out, struct error *e) must_check;
void lvm_tree_free(struct lvm_tree *t);
uint32_t lvm_get(const struct lvm_tree *t, uint32_t node, const char *key);
const char *lvm_text(const struct lvm_tree *t, uint32_t node, const char *key); /* never NULL */
bool lvm_number_of(const char *text, uint64_t *out); /* digits only */
bool lvm_number(const struct lvm_tree *t, uint32_t node, const char *key, uint64_t *out);
bool lvm_has_flag(const struct lvm_tree *t, uint32_t node, const char *key, const char *flag);

/* lvm_label.c */
struct lvm_copy {
	struct lvm_tree tree;
	uint32_t group; /* the node of the volume group */
	uint64_t seqno;
	uint32_t crc;
	size_t pv;
	bool chosen;
};
struct lvm_pv {
	size_t member;
	char id[40]; /* as text has it, with hyphens */
	bool unused;  /* an area of its own says that it is in no group */
	bool grouped; /* the metadata of a group names it */
};
struct lvm_scan {
	struct assembly *a;
	VEC(struct lvm_pv) pvs;
	VEC(struct lvm_copy) copies;
};
int lvm_scan_members(struct lvm_scan *s, struct error *e) must_check;

/* lvm_volume.c: the logical volumes of one group. */
int lvm_volumes(struct lvm_scan *s, const struct lvm_copy *c, struct error *e) must_check;

#endif
