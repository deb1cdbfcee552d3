/* SPDX-License-Identifier: MIT */
/* Graphs as text: read back by libxml2, jansson, and a reader of the little of dot that is written. */
#include <ctype.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/json.h"
#include "base/utf8.h"
#include "graph_whole.h"
#include "index/graph/formats.h"

#define NODES 4u

/* What each is read back as: in JSON, and elsewhere. */
static const struct {
	const char *bytes;
	const char *json;
	const char *plain;
} labels[NODES] = {
	{ "a \"b\" \\N\\ <c> & 'd' &lt; &amp;\n\te/f", "a \"b\" \\N\\ <c> & 'd' &lt; &amp;\n\te/f",
	  "a \"b\" \\N\\ <c> & 'd' &lt; &amp;\n\te/f" },
	{ "\x01\r\x1f\x7f\xef\xbf\xbe]]>", "\x01\r\x1f\x7f\xef\xbf\xbe]]>",
	  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x7f\xef\xbf\xbd]]>" },
	{ "\xff" "caf\xc3\xa9\xc3(\xed\xa0\x80",
	  "\xef\xbf\xbd" "caf\xc3\xa9\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
	  "\xef\xbf\xbd" "caf\xc3\xa9\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "", "", "" },
};

static const uint64_t inos[NODES] = { 2, 3, 77, UINT64_MAX };
static const char *const verbs[] = { "cites", "says \"no\"", "R&D" };

static int add_label(void *context, uint64_t ino, struct buf *label)
{
	for (size_t i = 0; i < NODES; i++)
		if (inos[i] == ino)
			return buf_add(label, labels[i].bytes, strlen(labels[i].bytes));
	return -ENOENT;
}

static int add_verb(void *context, uint32_t verb, struct buf *name)
{
	return buf_add_str(name, verbs[verb]);
}

static const struct graph_edge links[] = { { 2, 3, 0 }, { 2, 3, 1 }, { 3, UINT64_MAX, 2 }, { 77, 2, 0 } };

static int visit_links(void *context, graph_visit_edge visit, void *visitor)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(links); i++)
		r = visit(visitor, links[i].from, links[i].to, links[i].verb);
	return r;
}

static const double pageranks[NODES] = { 0.5, 1e-9, 0.125, 0.25 };
static const uint32_t groups[NODES] = { 0, 0, 7, 4000000000u };

static struct graph_csr build(void)
{
	const struct graph_source source = { .edges = visit_links };
	const struct graph_part part = { .with_verbs = true };
	struct graph_csr g = { 0 };

	CHECK_EQ(graph_csr_build(&source, &part, &g), 0);
	CHECK_EQ(g.n, NODES);
	return g;
}

/* As text, with all that there is to tell. */
static char *draw(enum graph_format format, struct buf *out)
{
	_cleanup_graph_csr_ struct graph_csr g = build();
	_cleanup_free_ struct graph_degree *degrees = NULL;
	struct graph_picture p = { .g = &g,
				   .pageranks = pageranks,
				   .components = groups,
				   .communities = groups,
				   .label = add_label,
				   .verb = add_verb };

	CHECK_EQ(graph_degrees(&g, &degrees), 0);
	p.degrees = degrees;
	CHECK_EQ(graph_write(out, format, &p), 0);
	CHECK(utf8_valid(out->data, out->len));
	return buf_cstr(out);
}

/* ---- JSON */

static const char *string_in(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "nothing";
}

static void check_id(const char *id, uint64_t ino)
{
	char want[32];

	(void) snprintf(want, sizeof(want), "%llu", (unsigned long long)ino);
	CHECK(strcmp(id, want) == 0);
}

static void test_json(void)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *all = json_loads(draw(GRAPH_JSON, &out), 0, NULL);
	json_t *nodes = json_object_get(all, "nodes"), *edges = json_object_get(all, "edges"), *value;
	size_t i;

	CHECK_EQ(json_array_size(nodes), NODES);
	json_array_foreach(nodes, i, value) {
		check_id(string_in(value, "id"), inos[i]);
		CHECK(strcmp(string_in(value, "label"), labels[i].json) == 0);
		CHECK(json_real_value(json_object_get(value, "pagerank")) == pageranks[i]);
		CHECK_EQ(json_integer_value(json_object_get(value, "component")), groups[i]);
		CHECK_EQ(json_integer_value(json_object_get(value, "community")), groups[i]);
	}
	CHECK_EQ(json_integer_value(json_object_get(json_array_get(nodes, 0), "out_degree")), 2);
	CHECK_EQ(json_integer_value(json_object_get(json_array_get(nodes, 0), "in_degree")), 1);
	CHECK_EQ(json_array_size(edges), ARRAY_SIZE(links));
	json_array_foreach(edges, i, value) {
		check_id(string_in(value, "source"), links[i].from);
		check_id(string_in(value, "target"), links[i].to);
		CHECK(strcmp(string_in(value, "verb"), verbs[links[i].verb]) == 0);
	}
}

/* ---- GraphML */

static xmlNode *element(xmlNode *at, const char *name)
{
	while (at && (at->type != XML_ELEMENT_NODE || strcmp((const char *)at->name, name) != 0))
		at = at->next;
	return at;
}

static void check_attribute(xmlNode *n, const char *name, uint64_t ino)
{
	xmlChar *value = n ? xmlGetProp(n, (const xmlChar *)name) : NULL;

	check_id(value ? (const char *)value : "nothing", ino);
	xmlFree(value);
}

static void check_data(xmlNode *n, const char *key, const char *want)
{
	xmlNode *data = n ? element(n->children, "data") : NULL;
	bool found = false;

	for (; data; data = element(data->next, "data")) {
		xmlChar *k = xmlGetProp(data, (const xmlChar *)"key"), *text = xmlNodeGetContent(data);

		if (strcmp((const char *)k, key) == 0) {
			found = true;
			CHECK(strcmp((const char *)text, want) == 0);
		}
		xmlFree(k);
		xmlFree(text);
	}
	CHECK(found);
}

/* Each key of data must be declared for its kind. */
static void check_keys(xmlNode *root)
{
	static const char *const want[] = {
		"label", "pagerank", "component", "community", "in_degree", "out_degree", "verb"
	};
	xmlNode *key = element(root->children, "key");

	for (size_t i = 0; i < ARRAY_SIZE(want); i++, key = key ? element(key->next, "key") : NULL) {
		xmlChar *id = key ? xmlGetProp(key, (const xmlChar *)"id") : NULL;

		CHECK(id && strcmp((const char *)id, want[i]) == 0);
		xmlFree(id);
	}
	CHECK(!key);
}

static void test_graphml(void)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	xmlDoc *doc;
	xmlNode *root, *graph, *at;

	(void) draw(GRAPH_GRAPHML, &out);
	doc = xmlReadMemory((const char *)out.data, (int)out.len, NULL, NULL, XML_PARSE_NONET);
	CHECK(doc != NULL);
	if (!doc)
		return;
	root = xmlDocGetRootElement(doc);
	check_keys(root);
	graph = element(root->children, "graph");
	CHECK(graph != NULL);
	at = graph ? element(graph->children, "node") : NULL;
	for (size_t i = 0; i < NODES; i++, at = at ? element(at->next, "node") : NULL) {
		check_attribute(at, "id", inos[i]);
		check_data(at, "label", labels[i].plain);
		check_data(at, "community", i < 2 ? "0" : i == 2 ? "7" : "4000000000");
	}
	CHECK(!at);
	at = graph ? element(graph->children, "edge") : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++, at = at ? element(at->next, "edge") : NULL) {
		check_attribute(at, "source", links[i].from);
		check_attribute(at, "target", links[i].to);
		check_data(at, "verb", verbs[links[i].verb]);
	}
	CHECK(!at);
	xmlFreeDoc(doc);
}

/* ---- dot: words, punctuation, and quoted strings, whose escapes are undone as in Graphviz's labels */

struct dot {
	const char *at;
	char token[256]; /* of a string, what it stands for */
};

static void undo_entity(char *text)
{
	for (char *p = text; (p = strchr(p, '&')); p++)
		if (strncmp(p, "&amp;", 5) == 0)
			memmove(p + 1, p + 5, strlen(p + 5) + 1);
		else if (strncmp(p, "&lt;", 4) == 0)
			CHECK(!"a label that is not what it was");
}

static void read_string(struct dot *d)
{
	size_t n = 0;

	for (d->at++; *d->at && *d->at != '"' && n + 1 < sizeof(d->token); d->at++) {
		if (*d->at != '\\') {
			CHECK(*d->at != '\n');
			d->token[n++] = *d->at;
			continue;
		}
		d->at++;
		CHECK(strchr("\\\"n", *d->at));
		d->token[n++] = *d->at == 'n' ? '\n' : *d->at;
	}
	CHECK(*d->at == '"');
	d->at++;
	d->token[n] = 0;
	undo_entity(d->token);
}

/* False at the end. */
static bool next_token(struct dot *d)
{
	size_t n = 0;

	while (isspace((unsigned char)*d->at))
		d->at++;
	if (*d->at == '"')
		read_string(d);
	else if (*d->at) {
		bool word = isalpha((unsigned char)*d->at);

		do
			d->token[n++] = *d->at++;
		while (word && n + 1 < sizeof(d->token) && (isalpha((unsigned char)*d->at) || *d->at == '_'));
		if (d->token[0] == '-' && *d->at == '>')
			d->token[n++] = *d->at++;
		d->token[n] = 0;
	} else {
		return false;
	}
	return true;
}

static void expect(struct dot *d, const char *want)
{
	CHECK(next_token(d));
	if (strcmp(d->token, want) != 0) {
		fprintf(stderr, "'%s' instead of '%s'\n", d->token, want);
		check_failures++;
	}
}

static void expect_id(struct dot *d, uint64_t ino)
{
	CHECK(next_token(d));
	check_id(d->token, ino);
}

static void expect_value(struct dot *d, const char *name, const char *value)
{
	expect(d, name);
	expect(d, "=");
	expect(d, value);
}

static void expect_node(struct dot *d, size_t i)
{
	static const char *const ranks[] = { "0.5", "1e-09", "0.125", "0.25" };
	static const char *const names[] = { "0", "0", "7", "4000000000" };
	static const char *const in[] = { "1", "2", "0", "1" }, *const out[] = { "2", "1", "1", "0" };

	expect_id(d, inos[i]);
	expect(d, "[");
	expect_value(d, "label", labels[i].plain);
	expect(d, ",");
	expect_value(d, "pagerank", ranks[i]);
	expect(d, ",");
	expect_value(d, "component", names[i]);
	expect(d, ",");
	expect_value(d, "community", names[i]);
	expect(d, ",");
	expect_value(d, "in_degree", in[i]);
	expect(d, ",");
	expect_value(d, "out_degree", out[i]);
	expect(d, "]");
	expect(d, ";");
}

static void test_dot(void)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct dot d = { .at = draw(GRAPH_DOT, &out) };

	expect(&d, "digraph");
	expect(&d, "links");
	expect(&d, "{");
	for (size_t i = 0; i < NODES; i++)
		expect_node(&d, i);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		expect_id(&d, links[i].from);
		expect(&d, "->");
		expect_id(&d, links[i].to);
		expect(&d, "[");
		expect_value(&d, "label", verbs[links[i].verb]);
		expect(&d, "]");
		expect(&d, ";");
	}
	expect(&d, "}");
	CHECK(!next_token(&d));
	CHECK(strstr((const char *)out.data, "\"R&D\""));
}

/* ---- what is left out, and limits */

static void test_bare(void)
{
	static const char *const want[] = {
		[GRAPH_DOT] = "digraph links {\n\t\"2\" [];\n\t\"3\" [];\n\t\"2\" -> \"3\" [];\n}\n",
		[GRAPH_JSON] =
			("{\"directed\":true,\"multigraph\":true,\"graph\":{},\"nodes\":[\n{\"id\":\"2\"},\n"
			"{\"id\":\"3\"}\n],\"edges\":[\n{\"source\":\"2\",\"target\":\"3\"}\n]}\n"),
		[GRAPH_GRAPHML] =
			("<graph id=\"links\" edgedefault=\"directed\">\n<node id=\"2\"></node>\n"
			"<node id=\"3\"></node>\n<edge source=\"2\" target=\"3\"></edge>\n</graph>\n"
			"</graphml>\n"),
	};

	for (enum graph_format f = GRAPH_DOT; f <= GRAPH_JSON; f++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct graph_node a = { .ino = 2 }, b = { .ino = 3 };
		struct graph_edge e = { 2, 3, 9 };
		struct graph_writer w;

		CHECK_EQ(graph_write_begin(&w, &out, f, 0), 0);
		CHECK_EQ(graph_write_node(&w, &a), 0);
		CHECK_EQ(graph_write_node(&w, &b), 0);
		CHECK_EQ(graph_write_edge(&w, &e, NULL, 0), 0);
		CHECK_EQ(graph_write_end(&w), 0);
		CHECK(strstr(buf_cstr(&out), want[f]));
	}
}

static void test_empty(void)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct graph_writer w;
	json_t *all;

	CHECK_EQ(graph_write_begin(&w, &out, GRAPH_JSON, 0), 0);
	CHECK_EQ(graph_write_end(&w), 0);
	all = json_loads(buf_cstr(&out), 0, NULL);
	CHECK(json_is_array(json_object_get(all, "edges")));
	CHECK_EQ(json_array_size(json_object_get(all, "nodes")), 0);
	json_decref(all);
}

static int no_label(void *context, uint64_t ino, struct buf *label)
{
	return -EIO;
}

static void test_limits(void)
{
	_cleanup_graph_csr_ struct graph_csr g = build();
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct graph_picture p = { .g = &g, .label = add_label };

	CHECK_EQ(graph_write(&out, GRAPH_DOT, &p), 0);
	p.bytes_max = out.len - 1;
	CHECK_EQ(buf_add_str(&out, "before"), 0);
	CHECK_EQ(graph_write(&out, GRAPH_DOT, &p), -EFBIG);
	p.bytes_max++;
	CHECK_EQ(graph_write(&out, GRAPH_DOT, &p), 0);
	p.bytes_max = 60;
	CHECK_EQ(graph_write(&out, GRAPH_DOT, &p), -EFBIG);
	p.label = no_label;
	CHECK_EQ(graph_write(&out, GRAPH_DOT, &p), -EIO);
}

int main(int argc, char **argv)
{
	test_json();
	test_graphml();
	test_dot();
	test_bare();
	test_empty();
	test_limits();
	xmlCleanupParser();
	return check_result();
}
