/* SPDX-License-Identifier: MIT */
/* Annotations of subtype Link (ISO 32000-1, section 12.5.6.5) with an action that opens a file (GoToR,
 * Launch) or a URI, which may be relative. */
#include "index/extract/pdf_links.h"

#include <errno.h>
#include <qpdf/qpdf-c.h>
#include <time.h>

#include "base/cleanup.h"
#include "index/extract/found.h"

#define PDF_MAX     (64u << 20)
#define PAGES_MAX   5000
#define LINKS_MAX   20000 /* annotations of a page */
#define SECONDS_MAX 1     /* of CPU time */

struct pdf {
	qpdf_data q; /* owned */
	struct found found;
	clock_t until;
};

/* A file is named by a string, or by a dictionary with one. */
static int add_file(struct pdf *p, qpdf_oh action)
{
	static const char *const keys[] = { "/UF", "/F", "/Unix" };
	qpdf_oh file = qpdf_oh_get_key(p->q, action, "/F"), name = file;

	if (qpdf_oh_is_dictionary(p->q, file)) {
		if (qpdf_oh_is_name_and_equals(p->q, qpdf_oh_get_key(p->q, file, "/FS"), "/URL"))
			return 0;
		for (size_t i = 0; i < ARRAY_SIZE(keys) && !qpdf_oh_is_string(p->q, name); i++)
			name = qpdf_oh_get_key(p->q, file, keys[i]);
	}
	if (!qpdf_oh_is_string(p->q, name))
		return 0;
	return found_link(&p->found, LINK_PATH, span_of("links"),
			  span_of(qpdf_oh_get_utf8_value(p->q, name)));
}

static int add_action(struct pdf *p, qpdf_oh action)
{
	qpdf_oh kind = qpdf_oh_get_key(p->q, action, "/S"), uri;

	if (qpdf_oh_is_name_and_equals(p->q, kind, "/GoToR") ||
	    qpdf_oh_is_name_and_equals(p->q, kind, "/Launch"))
		return add_file(p, action);
	if (!qpdf_oh_is_name_and_equals(p->q, kind, "/URI"))
		return 0;
	uri = qpdf_oh_get_key(p->q, action, "/URI");
	if (!qpdf_oh_is_string(p->q, uri))
		return 0;
	return found_url(&p->found, span_of("links"), span_of(qpdf_oh_get_string_value(p->q, uri)));
}

static int add_page(struct pdf *p, qpdf_oh page)
{
	qpdf_oh all = qpdf_oh_get_key_if_dict(p->q, page, "/Annots");
	int n = qpdf_oh_is_array(p->q, all) ? qpdf_oh_get_array_n_items(p->q, all) : 0, r = 0;

	for (int i = 0; i < n && i < LINKS_MAX && r >= 0 && clock() < p->until; i++) {
		qpdf_oh one = qpdf_oh_get_array_item(p->q, all, i),
			action = qpdf_oh_get_key_if_dict(p->q, one, "/A");

		if (qpdf_oh_is_dictionary(p->q, action) &&
		    qpdf_oh_is_name_and_equals(p->q, qpdf_oh_get_key(p->q, one, "/Subtype"), "/Link"))
			r = add_action(p, action);
	}
	return r;
}

static int add_pages(struct pdf *p)
{
	int n = qpdf_get_num_pages(p->q), r = 0;

	for (int i = 0; i < n && i < PAGES_MAX && r >= 0 && clock() < p->until; i++) {
		r = add_page(p, qpdf_get_page_n(p->q, (size_t)i));
		qpdf_oh_release_all(p->q);
	}
	return r;
}

int pdf_links(const struct input *in, struct document *d)
{
	struct pdf p = { .found = { .d = d }, .until = clock() + SECONDS_MAX * CLOCKS_PER_SEC };
	int r = 0;

	if (in->len > PDF_MAX)
		return 0;
	p.q = qpdf_init();
	qpdf_silence_errors(p.q);
	qpdf_set_suppress_warnings(p.q, QPDF_TRUE);
	qpdf_set_attempt_recovery(p.q, QPDF_FALSE);
	if (!(qpdf_read_memory(p.q, "document", (const char *)in->data, in->len, NULL) & QPDF_ERRORS))
		r = add_pages(&p);
	if (qpdf_has_error(p.q)) /* or it complains that nobody asked */
		(void) qpdf_get_error(p.q);
	qpdf_cleanup(&p.q);
	found_done(&p.found);
	return r;
}
