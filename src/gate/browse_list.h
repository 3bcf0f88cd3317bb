// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_BROWSE_LIST_H
#define GATE_BROWSE_LIST_H

#include "backproof/fs.h"
#include "backproof/text.h"

/* Adds one entry; link: where it leads, or NULL. first: no comma before it in JSON. */
void browse_list_entry(struct text *out, bool json, bool first, const struct fs_entry *x, const char *link);

/* Bytes of a file for a terminal: as untrusted text, of which lines and tabs stay. p[n] is lent, too. */
void browse_list_bytes(struct text *out, char *p, size_t n);

#endif
