// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef SOURCE_SELF_H
#define SOURCE_SELF_H

#include "backproof/source.h"

/* The object behind a source when it is of the kind with these ops, else NULL. */
void *source_self(const struct source *s, const struct source_ops *ops);

#endif
