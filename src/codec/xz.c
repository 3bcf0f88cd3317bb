// SPDX-License-Identifier: GPL-3.0-or-later
#include "rows.h"

const struct format codec_xz = {.name = "xz", .kind = FORMAT_CODEC};
