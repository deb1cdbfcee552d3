/* SPDX-License-Identifier: MIT */
#include "daemon/audit.h"

#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "catalog/journal.h"

static int note(struct catalog *c, const struct buf *line)
{
	struct batch *b;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	r = journal_add(b, JOURNAL_AUDIT, line->data, line->len);
	if (r < 0) {
		(void) batch_abort(b);
		return r;
	}
	return batch_commit(b, NULL);
}

void audit_note(struct catalog *c, const char *what, const char *detail)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	time_t now = time(NULL);
	struct tm tm;
	char when[32] = "";
	int r;

	if (gmtime_r(&now, &tm))
		(void) strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	r = buf_addf(&line, "%s uid %u %s%s%s\n", when, (unsigned)geteuid(), what, detail ? " " : "",
		     detail ? detail : "");
	if (r >= 0)
		r = note(c, &line);
	if (r < 0)
		(void) log_warn(r, "the audit could not note: %s", what);
}

int audit_describe(struct catalog *c, struct buf *ret_text)
{
	uint64_t offset = 0;
	size_t before;
	int r;

	do {
		_cleanup_buf_ struct buf piece = BUF_INIT;

		r = journal_read(c, JOURNAL_AUDIT, offset, &piece);
		before = ret_text->len;
		if (r >= 0)
			r = buf_add(ret_text, piece.data, piece.len);
		offset += piece.len;
	} while (r >= 0 && ret_text->len > before);
	return r;
}
