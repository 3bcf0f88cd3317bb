// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_BROWSE_LIST_H
#define GATE_BROWSE_LIST_H

#include "backproof/fs.h"
#include "backproof/text.h"

/* Adds one entry; link: where it leads, or NULL. first: no comma before it in JSON. */
void browse_list_entry(struct text *out, bool json, bool first, const struct fs_entry *x, const char *link);

#endif
