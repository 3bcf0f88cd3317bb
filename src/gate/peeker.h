// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Files that are looked into before there is a restore point to give to a reader (peek.h) are looked into by a process
 * of its own, too: it is started when the first is met, and gets one open file after another, and nothing else.
 */
#ifndef GATE_PEEKER_H
#define GATE_PEEKER_H

#include <stdbool.h>

/* Whether peek asks such a process from now on. Before threads are there. */
void peeker_use(bool yes);
/* No more files are looked into for now. Any thread. */
void peeker_end(void);

#endif
