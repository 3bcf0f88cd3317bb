// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a sample tells of the whole, exactly: of `total` chunks `damaged` are bad, and some are drawn without
 * replacement. That none of those drawn is bad then has a hypergeometric probability. Shares are in millionths.
 */
#ifndef BACKPROOF_CHANCES_H
#define BACKPROOF_CHANCES_H

#include "backproof/base.h"

#define SHARE_ONE 1000000u

/* How many of total are `share` of it: rounded up, at least one (0 for a total of 0). */
uint64_t chances_damaged(uint64_t total, uint32_t share);
/*
 * The least number to draw so that at least one of the damaged is among them with this confidence (< SHARE_ONE).
 * total when damaged is 0.
 */
uint64_t chances_needed(uint64_t total, uint64_t damaged, uint32_t confidence);
/* The confidence that so many drawn give, 0..SHARE_ONE: rounded down, and SHARE_ONE only when it is certain. */
uint32_t chances_reached(uint64_t total, uint64_t damaged, uint64_t drawn);

#endif
