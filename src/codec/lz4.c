// SPDX-License-Identifier: GPL-3.0-or-later
#include "rows.h"

const struct format codec_lz4 = {.name = "lz4", .kind = FORMAT_CODEC};
