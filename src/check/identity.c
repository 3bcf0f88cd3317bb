// SPDX-License-Identifier: GPL-3.0-or-later
/* The machine inside is the machine that is to be patched. */
#include <strings.h>

#include "rows.h"
#include "sealed.h"

static size_t short_length(const char *name)
{
	return strcspn(name, ".");
}

bool same_host(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	/* A trailing dot only says that the name is complete. */
	la -= la && a[la - 1] == '.';
	lb -= lb && b[lb - 1] == '.';
	if (!la || !lb)
		return false;
	size_t n = la < lb ? la : lb;
	if (strncasecmp(a, b, n))
		return false;
	if (la == lb)
		return true;
	const char *longer = la > lb ? a : b, *shorter = la > lb ? b : a;
	return longer[n] == '.' && short_length(shorter) >= n;
}

static void broken(struct findings *f, const char *check, const char *subject, const char *expected,
		   const char *measured, const char *what)
{
	struct finding_text more = {.expected = expected, .measured = measured};
	finding_add(f, PROOF_IDENTITY, check, subject, OUTCOME_BROKEN, &more, "%s inside is \"%s\", expected \"%s\"",
		    what, measured, expected);
}

/* A name or id that many machines share tells nothing. */
static bool is_nameless(const char *hostname)
{
	return !strcasecmp(hostname, "localhost") || !strncasecmp(hostname, "localhost.", 10) ||
	       !strcmp(hostname, "(none)");
}

static bool is_machine_id(const char *id)
{
	return strlen(id) == 32 && strspn(id, "0123456789abcdefABCDEF") == 32 && strspn(id, "0") != 32;
}

/* "web01" is in every domain: where a path says another one than is expected, that name shows nothing. */
static char *other_domain(const struct subject *s, const char *name, const char *expected)
{
	return strchr(name, '.') ? NULL : point_elsewhere(s->point, expected);
}

static void run(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	const struct facts *x = &s->facts;
	const char *root = x->root ? x->root : s->point->label;
	const char *expected = p->hostname ? p->hostname : p->host;
	const char *name = x->hostname && !is_nameless(x->hostname) ? x->hostname : NULL;
	const char *id = x->machine_id && is_machine_id(x->machine_id) ? x->machine_id : NULL;
	bool id_held = false;
	if (p->machine_id && id) {
		id_held = !strcasecmp(id, p->machine_id);
		if (id_held)
			finding_add(f, PROOF_IDENTITY, "identity.machine-id", root, OUTCOME_HELD, NULL,
				    "machine id %s (%s)", id, x->machine_id_from);
		else
			broken(f, "identity.machine-id", root, p->machine_id, id, "the machine id");
	} else if (p->machine_id) {
		finding_add(f, PROOF_IDENTITY, "identity.machine-id", root, OUTCOME_UNPROVEN, NULL,
			    "there is no machine id inside to compare with %s", p->machine_id);
	}
	bool same = name && same_host(name, expected);
	autofree char *elsewhere = same && !id_held ? other_domain(s, name, expected) : NULL;
	if (elsewhere) {
		struct finding_text more = {.expected = expected, .measured = elsewhere};
		finding_add(f, PROOF_IDENTITY, "identity.hostname", root, OUTCOME_UNPROVEN, &more,
			    "the host name inside is only \"%s\", and the backup is called \"%s\": machine_id or "
			    "hostname tells whose it is",
			    name, elsewhere);
	} else if (same)
		finding_add(f, PROOF_IDENTITY, "identity.hostname", root, OUTCOME_HELD, NULL,
			    "host name %s (%s)", name, x->hostname_from ? x->hostname_from : "/etc/hostname");
	else if (name && id_held && !p->hostname_given)
		finding_add(f, PROOF_IDENTITY, "identity.hostname", root, OUTCOME_SKIPPED, NULL,
			    "host name %s, but its machine id is the right one", name);
	else if (name)
		broken(f, "identity.hostname", root, expected, name, "the host name");
	else if (!id_held)
		finding_add(f, PROOF_IDENTITY, "identity.hostname", root, OUTCOME_UNPROVEN, NULL,
			    x->hostname	    ? "the host name inside (%s) is nobody's"
			    : x->root_found ? "no host name inside%s"
					    : "no system was found inside%s",
			    x->hostname ? x->hostname : "");
	for (size_t i = 0; i < x->other_hosts.count; i++)
		if (!same_host(x->other_hosts.items[i], expected) && !is_nameless(x->other_hosts.items[i]))
			broken(f, "identity.hostname", s->point->label, expected, x->other_hosts.items[i],
			       "another archive's host name");
	for (size_t i = 0; i < x->ssh_keys.count; i++)
		finding_add(f, PROOF_IDENTITY, "identity.ssh-key", root, OUTCOME_SKIPPED, NULL, "%s",
			    x->ssh_keys.items[i]);
	if (id && !p->machine_id)
		finding_add(f, PROOF_IDENTITY, "identity.machine-id", root, OUTCOME_SKIPPED, NULL,
			    "machine id %s, not compared", id);
	sealed_identity(s, p, f);
}

const struct check check_identity = {"identity", PROOF_IDENTITY,
				     "The host name or machine id found inside is the host's.", run};
