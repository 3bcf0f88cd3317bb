// SPDX-License-Identifier: GPL-3.0-or-later
/* The two halves of the HTML report: the page (html.c) and one host on it (html_host.c). */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "common.h"

/* The class of a code in the style sheet: "good", "bad", "doubt" or "waived". */
const char *html_class(enum code c);
/* <p class=...> and the like around escaped untrusted text. */
void html_put(struct text *out, const char *element, const char *untrusted);
/* The details of one host. */
void html_host(struct text *out, const struct host_result *r, size_t index, bool open);

#endif
