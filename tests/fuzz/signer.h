// SPDX-License-Identifier: GPL-3.0-or-later
/* A key that signs, made for this run; its files are gone at once. */
#ifndef FUZZ_SIGNER_H
#define FUZZ_SIGNER_H

#include "backproof/signature.h"
#include "test.h"

/* keys: NULL, or it is one of them from now on. */
static inline struct signer *signer_of_this_run(struct trusted_keys *keys)
{
	struct error e = {0};
	char path[] = "/tmp/backproof-fuzz-XXXXXX", name[64];
	struct signer *own = NULL;
	NEED(mkdtemp(path));
	snprintf(name, sizeof name, "%s/key", path);
	NEED(signer_create(name, &e) == 0 && (own = signer_load(name, &e)));
	NEED(!keys || trusted_keys_add(keys, name, &e) == 0);
	unlink(name);
	snprintf(name, sizeof name, "%s/key.pub", path);
	unlink(name);
	rmdir(path);
	return own;
}

#endif
