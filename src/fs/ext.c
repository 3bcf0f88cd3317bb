// SPDX-License-Identifier: GPL-3.0-or-later
#include "rows.h"

static const char *const types[] = {NULL};
const struct fs_ops fs_ext = {.name = "ext", .types = types};
