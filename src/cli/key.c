// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof key new FILE, backproof key show FILE... */
#include "backproof/signature.h"
#include "commands.h"
#include "output.h"

static int failed(const struct error *e)
{
	return complain(e->cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e->text);
}

/* What is printed can be used as it is where a public key in PEM is asked for: readers skip what stands before it. */
static int put_key(struct text *t, const struct trusted_key *k, struct error *e)
{
	autofree char *pem = trusted_key_pem(k, e);
	if (!pem)
		return -1;
	text_put(t, "file: ");
	text_put_safe(t, k->path);
	text_printf(t, "\nkind: %s (Ed25519)\nid:   %s\n%s", k->kind, k->id, pem);
	return t->failed ? error_nomem(e) : 0;
}

static int show(const struct strings *files)
{
	struct error e = {0};
	struct trusted_keys keys = {0};
	autotext struct text t = {0};
	int status = 0;
	for (size_t i = 0; i < files->count; i++)
		if (trusted_keys_add(&keys, files->items[i], &e) < 0)
			status = failed(&e);
	vec_each(&keys.items, k)
	{
		text_put(&t, k == keys.items.items ? "" : "\n");
		if (put_key(&t, k, &e) < 0)
			status = failed(&e);
	}
	int shown = output_show(&t);
	trusted_keys_free(&keys);
	return status ? status : shown;
}

static int make(const char *path)
{
	struct error e = {0};
	struct strings files = {0};
	autofree char *public_path = text_format("%s.pub", path);
	if (!public_path || signer_create(path, &e) < 0)
		return public_path ? failed(&e) : complain(CODE_INTERNAL, "out of memory");
	int rc = strings_add(&files, public_path) < 0 ? complain(CODE_INTERNAL, "out of memory") : show(&files);
	strings_free(&files);
	return rc;
}

int command_key(struct options *o)
{
	const char *what = o->arguments.count ? o->arguments.items[0] : "";
	struct strings files = {o->arguments.items + 1, o->arguments.count - 1, o->arguments.count - 1};
	bool new = !strcmp(what, "new");
	if (!new && strcmp(what, "show"))
		return complain(CODE_USAGE, "key takes a word first: new FILE, or show FILE...");
	if (!files.count)
		return complain(CODE_USAGE, new ? "key new needs a FILE for the key" : "key show needs a FILE");
	if (new && files.count > 1)
		return complain(CODE_USAGE, "key new takes one FILE; there is a stray argument");
	for (size_t i = 0; i < files.count; i++)
		if (!*files.items[i])
			return complain(CODE_USAGE, "the name of a key is empty");
	return new ? make(files.items[0]) : show(&files);
}
