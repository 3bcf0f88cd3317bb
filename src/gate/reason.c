// SPDX-License-Identifier: GPL-3.0-or-later
#include "reason.h"

#include "backproof/text.h"

#define REASONS_SHOWN 20

void reason_line(struct reasons *r, const char *line)
{
	if (strings_has(r->lines, line))
		return;
	if (r->lines->count >= REASONS_SHOWN || strings_add(r->lines, line) < 0)
		r->hidden++;
}

/* Which kind of "cannot tell"; NULL when the code says it all. */
static const char *kind_of_doubt(const struct finding *it, enum code code)
{
	if (it->outcome == OUTCOME_BROKEN && code != CODE_CANNOT_TELL)
		return NULL;
	switch (it->error) {
	case ERROR_IO:
		return "unreadable";
	case ERROR_UNSUPPORTED:
	case ERROR_ENCRYPTED:
	case ERROR_LIMIT:
	case ERROR_AMBIGUOUS:
	case ERROR_INTERNAL:
		return error_class_name(it->error);
	default: /* none, or one that the outcome tells better */
		break;
	}
	switch (it->outcome) {
	case OUTCOME_BROKEN:
		return NULL;
	case OUTCOME_UNREADABLE:
		return "unreadable";
	case OUTCOME_UNSUPPORTED:
		return "unsupported";
	default:
		return "unproven";
	}
}

void reason_finding(struct reasons *r, const struct finding *it, enum code code)
{
	struct text t autotext = {0};
	const char *kind = kind_of_doubt(it, code);
	text_printf(&t, "%s: ", code_name(code));
	if (kind)
		text_printf(&t, "%s: ", kind);
	if (it->subject && *it->subject)
		text_printf(&t, "%s: ", it->subject);
	if (it->detail && *it->detail) {
		text_put(&t, it->detail);
	} else {
		text_put(&t, it->check);
		if (it->expected)
			text_printf(&t, ", expected %s", it->expected);
		if (it->measured)
			text_printf(&t, ", measured %s", it->measured);
	}
	/* Many messages name their offset already. */
	if (it->offset >= 0 && !(it->detail && strstr(it->detail, "offset ")))
		text_printf(&t, " (at offset %lld)", (long long)it->offset);
	reason_line(r, text_str(&t));
}

void reason_more(struct reasons *r, size_t also)
{
	size_t n;
	if (add_overflows(r->hidden, also, &n))
		n = SIZE_MAX;
	if (!n)
		return;
	autofree char *line = text_format("and %zu more", n);
	if (!line || strings_add(r->lines, line) < 0)
		return; /* the code stands without it */
}

void reason_refuse(struct host_result *r, enum code code, const char *why)
{
	autofree char *line = text_format("%s: %s", code_name(code), why);
	(void)!strings_add_first(&r->verdict.reasons, line ? line : code_name(code));
	r->verdict.code = code;
	if (r->waiver && !r->standing)
		r->standing = take(r->waiver);
}
