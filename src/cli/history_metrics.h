// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef CLI_HISTORY_METRICS_H
#define CLI_HISTORY_METRICS_H

#include "backproof/history_report.h"

/* The last verdict of one host, or of all (NULL), as metrics. *hosts: of how many. */
int history_metrics_write(struct text *out, struct history *from, const char *host, int64_t now, size_t *hosts,
			  struct error *e) must_check;

#endif
