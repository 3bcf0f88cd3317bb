// SPDX-License-Identifier: GPL-3.0-or-later
/* One line a codec; subject/registry.c lists them. A codec that was not built in has a row without decode. */
#ifndef CODEC_ROWS_H
#define CODEC_ROWS_H

#include "backproof/format.h"

extern const struct format codec_zstd, codec_gzip, codec_xz, codec_lz4, codec_bzip2, codec_lzop;

#endif
