// SPDX-License-Identifier: GPL-3.0-or-later
/* What a layout is asked for. */
#ifndef CATALOG_ASKED_H
#define CATALOG_ASKED_H

#include "pattern.h"

struct asked {
	const char *host;
	bool own;		     /* all that is there is the host's, but for what is said to be another's */
	const struct pattern *match; /* of one name: what is called so is meant; NULL: all of it */
	bool walked;		     /* directories that can't be read, and links to some, are known of */
	bool kin;		     /* guests of the host's name, with a domain or without one, are the host */
	bool strangers;		     /* guests of several domains have the host's name: only that without any fits */
	bool here;		     /* the directory is called by the host: what says nothing is its own */
	const char *list;	     /* of lists of disks only the one that is called so is meant; NULL: any */
	int *rank;		     /* gets how well what is found fits the host: see name_host_rank; or NULL */
	struct strings *domains;     /* gets the guests of the host's short name that have a domain; or NULL */
	struct strings *unread;	     /* gets label and reason of what may be the host's; NULL: that is an error */
	struct strings *others;	     /* gets the files that are said to be another's; or NULL */
};

#endif
