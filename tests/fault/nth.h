// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The Nth call of a kind fails, in whichever thread. Whoever includes this has an enum kind, which ends with KINDS, and
 * `int errno_of(enum kind)`: what the call says then. wrap.h is included.
 */
#ifndef FAULT_NTH_H
#define FAULT_NTH_H

static _Atomic uint64_t calls[KINDS + 1], fail_at;
static _Atomic enum kind failing = KINDS;
static _Atomic bool fired;

static bool fails(enum kind k)
{
	if (++calls[k] != fail_at || failing != k)
		return false;
	fired = true;
	errno = errno_of(k);
	return true;
}

#include "wrap.h"

static void begin(enum kind k, uint64_t n)
{
	for (int i = 0; i <= KINDS; i++)
		calls[i] = 0;
	failing = k;
	fail_at = n;
	fired = false;
}

static void end(void)
{
	failing = KINDS;
	fail_at = 0;
}

#endif
