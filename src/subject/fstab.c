// SPDX-License-Identifier: GPL-3.0-or-later
/* fstab(5): six fields, white space between them, \ooo escapes inside. */
#include "facts.h"

static char *unescape(const char *p, size_t len)
{
	char *out = malloc(len + 1), *to = out;
	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\\' && len - i > 3 && p[i + 1] >= '0' && p[i + 1] <= '3' &&
		    p[i + 2] >= '0' && p[i + 2] <= '7' && p[i + 3] >= '0' && p[i + 3] <= '7') {
			*to++ = (char)((p[i + 1] - '0') << 6 | (p[i + 2] - '0') << 3 | (p[i + 3] - '0'));
			i += 3;
		} else {
			*to++ = p[i];
		}
	}
	*to = 0;
	return out;
}

/* UUID="..." is allowed: the quotes go. */
static void strip_quotes(char *s)
{
	char *q = strchr(s, '=');
	if (!q || (q[1] != '"' && q[1] != '\''))
		return;
	size_t n = strlen(q + 1);
	if (n >= 2 && q[n] == q[1]) {
		memmove(q + 1, q + 2, n - 2);
		q[n - 1] = 0;
	}
}

int fstab_parse(const char *data, struct facts *x)
{
	unsigned number = 0;
	while (*data) {
		size_t line = strcspn(data, "\n"), at = 0, fields = 0;
		char *field[4] = {NULL};
		number++;
		while (at < line && fields < 4) {
			at += strspn(data + at, " \t\r");
			size_t n = strcspn(data + at, " \t\r\n");
			if (at >= line || !n || (fields == 0 && data[at] == '#'))
				break;
			field[fields] = unescape(data + at, n);
			if (!field[fields++])
				break;
			at += n;
		}
		struct fstab_line *l = fields >= 3 && field[fields - 1] ? vec_push(&x->fstab) : NULL;
		if (l) {
			*l = (struct fstab_line){field[0], field[1], field[2], field[3], number};
			strip_quotes(l->spec);
		} else {
			bool memory = fields && (!field[fields - 1] || fields >= 3);
			for (size_t i = 0; i < 4; i++)
				free(field[i]);
			if (memory)
				return -1;
		}
		data += line + (data[line] == '\n');
	}
	return 0;
}
