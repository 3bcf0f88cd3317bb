// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/ledger.h"

void waiver_free(struct waiver *w)
{
	if (!w)
		return;
	free(w->host);
	free(w->reason);
	free(w->ticket);
	free(w->user);
	free(w->login);
	free(w->terminal);
	free(w->origin);
	free(w->ended_by);
	free(w->envelope);
	memset(w, 0, sizeof *w);
}
