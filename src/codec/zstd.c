// SPDX-License-Identifier: GPL-3.0-or-later
#include "rows.h"

const struct format codec_zstd = {.name = "zstd", .kind = FORMAT_CODEC};
