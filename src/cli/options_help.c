// SPDX-License-Identifier: GPL-3.0-or-later
/* Options that mean something else with one command than with most. */
#include "options.h"

static const struct {
	const char *name;
	unsigned commands;
	const char *help;
} words[] = {
	{"policy", FOR_HISTORY, "the history of this policy"},
	{"policy", FOR_WAIVE | FOR_ROLLBACK, "use the history, and the rules for waivers, of this policy"},
	{"policy", FOR_PASS, "the policy that it must be by"},
	{"policy-digest", FOR_PASS, "and the digest of that policy"},
	{"machine-id", FOR_PASS, "the machine id that it must be for; otherwise this machine's"},
	{"host", FOR_PASS, "the host that it must be for; otherwise this machine"},
	{"host", FOR_SEAL, "the host that it is of: another one inside is not sealed"},
	{"key", FOR_PASS, "a public key that is trusted (may be repeated)"},
	{"key", FOR_SEAL, "the private key that signs"},
	{"key", FOR_WAIVE, "the private key of who asks, or of who approves"},
	{"key", FOR_VERDICT, "the private key that signs the pass"},
	{"format", FOR_HISTORY, "text, json, jsonl or prometheus"},
	{"format", FOR_INSPECT | FOR_SEAL | FOR_WAIVE | FOR_ROLLBACK, "text or json"},
	{"format", FOR_PASS, "show: text or json"},
	{"format", FOR_VERDICT, "text, json, jsonl, nagios, prometheus, junit or html"},
	{"output", FOR_SEAL, "the seal itself, in place of PATH.seal"},
	{"output", FOR_VERDICT | FOR_HISTORY, "write the report there, at once when it is whole"},
	{"quiet", FOR_SEAL, "print nothing when it is sealed"},
	{"quiet", FOR_PASS, "print nothing when it is good"},
	{"verbose", FOR_HISTORY, "with files, digests, proofs and reasons"},
};

const char *option_words(const char *name, enum command_bit command)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if ((words[i].commands & command) && !strcmp(words[i].name, name))
			return words[i].help;
	return NULL;
}
