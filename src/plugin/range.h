// SPDX-License-Identifier: GPL-3.0-or-later
/* Threshold ranges as the Monitoring Plugins Development Guidelines have them. */
#ifndef PLUGIN_RANGE_H
#define PLUGIN_RANGE_H

#include "backproof/text.h"

/* Thousandths of seconds. All zeros: there is none, and it never alerts. */
struct range {
	bool given, inside; /* inside: "@": alerts in it and at its ends, else outside */
	bool no_low, no_high; /* no end on that side */
	int64_t low, high;
};
/*
 * [@][START:][END], START a number or "~", END a number or nothing behind a colon; numbers may have three decimals, and
 * a unit (s, m, h, d, w). -1: it is none; an end that lies before the start is none either.
 */
int range_parse(const char *s, struct range *out) must_check;
bool range_alerts(const struct range *r, int64_t seconds);
/* As performance data has it: in seconds, without units; nothing where there is none. */
void range_put(struct text *out, const struct range *r);

#endif
