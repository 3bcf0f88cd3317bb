// SPDX-License-Identifier: GPL-3.0-or-later
/* A compiled pattern: for pattern.c and pattern_match.c alone. */
#ifndef CATALOG_PATTERN_NODES_H
#define CATALOG_PATTERN_NODES_H

#include "pattern.h"

enum node_kind {
	NODE_TEXT,
	NODE_ANY, /* * */
	NODE_ONE, /* ? */
	NODE_SET, /* [...]: text is what stands between */
	NODE_HOST,
	NODE_DATE,
	NODE_TIME,
	NODE_DISK,
	NODE_PART,
};

struct node {
	enum node_kind kind;
	char *text;
	size_t len;
};

struct component {
	struct node nodes[PATTERN_NODES];
	size_t count;
	bool literal;
	/* A glob borders on {host}: the name must not go on there. {disk} does: it must not hold a part of the name. */
	bool guard_before, guard_after, guard_disk;
};

struct pattern {
	struct component components[PATTERN_DEPTH];
	size_t depth;
	int host_level;
	bool has_date, has_time, has_disk;
};

#endif
