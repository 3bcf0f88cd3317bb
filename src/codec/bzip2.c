// SPDX-License-Identifier: GPL-3.0-or-later
#include "rows.h"

const struct format codec_bzip2 = {.name = "bzip2", .kind = FORMAT_CODEC};
