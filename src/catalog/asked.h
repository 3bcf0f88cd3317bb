// SPDX-License-Identifier: GPL-3.0-or-later
/* What a layout is asked for. */
#ifndef CATALOG_ASKED_H
#define CATALOG_ASKED_H

#include "pattern.h"

struct asked {
	const char *host;
	bool own;		     /* all that is there is the host's, but for what is said to be another's */
	const struct pattern *match; /* of one name: what is called so is meant; NULL: all of it */
	bool walked;		     /* directories that can't be read are known of */
	int *rank;		     /* gets how well what is found fits the host: see name_host_rank; or NULL */
	struct strings *others;	     /* gets the files that are said to be another's, where nothing is found; or NULL */
};

#endif
