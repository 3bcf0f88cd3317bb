// SPDX-License-Identifier: GPL-3.0-or-later
/* Looking into a backup by a reader: what it shows goes over the wire, and is untrusted text to the last letter. */
#include "backproof/text.h"
#include "browse_list.h"
#include "look.h"
#include "reader_life.h"

#define PIECE (32 * KIB)
#define ERROR_MOST 4096

struct showing {
	int fd;
	struct text *out;
	struct look_counts *counts;
	int code;
	struct error error;
};

static int show(struct reader_life *r, bool bytes, const char *data, size_t length, struct error *e)
{
	struct showing *x = r->ctx;
	autofree char *copy = malloc(length + 1);
	if (!copy)
		return error_nomem(e);
	memcpy(copy, data, length);
	if (bytes && r->request.task != READER_CAT)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "it said what no reader says: bytes of a file");
	if (bytes)
		return browse_write(x->fd, (uint8_t *)copy, length, e);
	browse_list_bytes(x->out, copy, length);
	return x->out->failed ? error_nomem(e) : 0;
}

static bool is_code(int64_t code)
{
	static const int codes[] = {0, CODE_DAMAGED, CODE_INCOMPLETE, CODE_CANNOT_TELL, CODE_BUSY, CODE_INTERNAL};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

static int take_result(struct reader_life *r, const void *data, size_t length, struct error *e)
{
	struct showing *x = r->ctx;
	struct wire_in w;
	wire_in_init(&w, data, length);
	int64_t code = wire_get_i64(&w);
	struct look_counts counts = {wire_get_u64(&w), wire_get_u64(&w), wire_get_u64(&w)};
	enum error_class cls = (enum error_class)wire_get_enum(&w, ERROR_INTERNAL + 1);
	autofree char *text = wire_get_string(&w, ERROR_MOST);
	if (!wire_in_done(&w) || !text || (code != -1 && !is_code(code)) || (code == -1) != (cls != ERROR_NONE))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", w.why ? w.why : "an end that is none");
	x->code = (int)code;
	if (x->counts)
		*x->counts = counts;
	if (code == -1)
		error_set(&x->error, cls, ERROR_NO_OFFSET, "%s", text);
	return 0;
}

int look_by_reader(struct look *l, const struct reader_request *what, int fd, struct look_counts *counts,
		   struct text *out, struct error *e)
{
	struct showing x = {.fd = fd, .out = out, .counts = counts, .code = -1};
	struct reader_life r = {.point = l->point,
				.p = &l->p,
				.request = *what,
				.target = what->task == READER_EXTRACT ? fd : -1,
				.take_result = take_result,
				.take_output = show,
				.ctx = &x};
	l->budget->stage = "reading";
	reader_life_run(&r);
	if (r.why.cls != ERROR_NONE) {
		*e = r.why;
		x.code = -1;
	} else if (x.code < 0) {
		*e = x.error;
	}
	reader_life_free(&r);
	return x.code;
}

void look_emit(bool bytes, const char *p, size_t n)
{
	for (size_t at = 0; at < n; at += PIECE) {
		struct wire_out w = {0};
		wire_put_u8(&w, bytes);
		wire_put(&w, p + at, n - at < PIECE ? n - at : PIECE);
		reader_door_say(READER_OUTPUT, &w);
	}
}

int look_inside(struct reader_request *r, struct wire_out *result, struct error *e)
{
	autotext struct text out = {0};
	struct look l = {0};
	struct look_counts counts = {0};
	struct error why = {0};
	int code = -1;
	if (r->task == READER_INSPECT) {
		if (look_adopt(&l, &r->p, &r->point, &why) == 0)
			code = inspect_here(&l, r->json, &out, &why);
		look_close(&l);
	} else {
		code = browse_inside(r, &counts, &out, &why);
	}
	if (out.failed)
		return error_nomem(e);
	look_emit(false, text_str(&out), out.length);
	wire_put_i64(result, code);
	wire_put_u64(result, counts.files);
	wire_put_u64(result, counts.bytes);
	wire_put_u64(result, counts.failed);
	wire_put_u8(result, (uint8_t)(code < 0 ? (why.cls == ERROR_NONE ? ERROR_INTERNAL : why.cls) : ERROR_NONE));
	wire_put_string(result, code < 0 ? why.text : "");
	return 0;
}
