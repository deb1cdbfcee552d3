/* SPDX-License-Identifier: MIT */
/* Tags and links of documents, through brainy-extract and back. The program is named by $BRAINY_EXTRACT,
 * fixtures by $BRAINY_DOCUMENTS. What they should have is written as found_text.h does. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "index/extract/result.h"
#include "tests/unit/found_text.h"

static struct extractor *extractor;

static void run(const char *name, const void *data, size_t len, struct document *d)
{
	extract(extractor, name, data, len, d);
}

static void check_found(int line, const char *name, const void *data, size_t len, const char *want)
{
	_cleanup_(document_done) struct document d;

	run(name, data, len, &d);
	check_document(line, &d, data, len, want);
}

#define CHECK_NOTE(data, want) check_found(__LINE__, "x.md", data, sizeof(data) - 1, want)
#define CHECK_PAGE(data, want) check_found(__LINE__, "x.html", data, sizeof(data) - 1, want)

static void test_wiki(void)
{
	CHECK_NOTE("[[a]] and [[b]] and [[a]]", "w links a; w links b");
	CHECK_NOTE("[[a|one]] [[b#h]] [[c#^1]] [[d^2]] [[e#h|x]] [[ f g ]]",
		   "w links a; w links b; w links c; w links d; w links e; w links f g");
	CHECK_NOTE("[[dir/n.md]] ![[x.png]] ![[y.png|300]] ![[n#h]]",
		   "w links dir/n.md; w embeds x.png; w embeds y.png; w embeds n");
	CHECK_NOTE("[[#own]] [[^own]] [[|x]] [[ ]] [[]] [[https://x.y/z]] [[#^b|x]]", "");
	CHECK_NOTE("\\[[x]] \\![[y]] \\\\[[z]]", "w links y; w links z");
	CHECK_NOTE("[[over\nlines]] [[a [b] c]] [[d]e]] [[f [[g]] h]] [[[i]]]",
		   "w links a [b] c; w links d]e; w links g; w links i");
	CHECK_NOTE("[[a_b_c]] [[*d*]] **[[e]]** _[[f]]_ ~~[[g]]~~ ==[[h]]==",
		   "w links a_b_c; w links *d*; w links e; w links f; w links g; w links h");
	CHECK_NOTE("[[a <b> c]] [[d & e]] [[Stra\xc3\x9f"
		   "e]] [[cafe\xcc\x81]] [[caf\xc3\xa9]]",
		   "w links a <b> c; w links d & e; w links Stra\xc3\x9f"
		   "e; w links cafe\xcc\x81; w links caf\xc3\xa9");
	CHECK_NOTE(
		"[[1]](https://x.y/z) [[2]](two.md) [[3]]\n\n[[4]][r] [[d]]\n\n[r]: four.md\n[d]: five.md\n",
		"p links two.md; w links 3; p links four.md; w links d");
	CHECK_NOTE("# [[a]]\n\n[[b]]\n===\n\n> [!note] [[c]]\n> [[d]]\n\n- [[e]]\n\t- [[f]]\n\n1. [ ] "
		   "[[g]]\n- [x] [[h]]",
		   "w links a; w links b; w links c; w links d; w links e; w links f; w links g; w links h");
	CHECK_NOTE("| a | b |\n|---|---|\n| [[n\\|x]] | ![[p.png\\|30]] |\n| [[m|y]] | [t](u.md) |\n",
		   "w links n; w embeds p.png; w links m; p links u.md");
	CHECK_NOTE("[[a\tb]] [[c]]\r\n[[d]]\r\n\r\n- [[e]]\r\n", "w links c; w links d; w links e");
	CHECK_NOTE("\xef\xbb\xbf[[a]]", "w links a");
	CHECK_NOTE("Text[^1] and[^n].\n\n[^1]: [[a]]\n[^n]: one [[b]]\n\n    two [[c]] #t\n",
		   "#t; w links a; w links b; w links c");
	CHECK_NOTE("[[a [b]]] [see [[c]]] [[d|[e]]] [[f [g]] [[h]]",
		   "w links a [b]; w links c; w links d; w links f [g; w links h");
	CHECK_NOTE("[[unclosed and [[x]] then [[open", "w links x");
}

static void test_hidden(void)
{
	CHECK_NOTE("`[[a]] #b` ``[[c]] ` #d`` [[e]] #f", "#f; w links e");
	CHECK_NOTE("```md\n[[a]] #b\n```\n[[c]]\n~~~\n[[d]]\n```\n#e\n~~~\n[[f]]", "w links c; w links f");
	CHECK_NOTE("```a\n```b\nx #c\n```\nprose #d\n```\ncode #e\n```\n", "#d");
	CHECK_NOTE("[[a]]\n\n```\n[[b]] #c\n", "w links a");
	CHECK_NOTE("x\n\n    [[a]] #b\n\n\t[[c]]\n\ny [[d]]\n    [[e]]\n", "w links d; w links e");
	CHECK_NOTE("- x\n\n      [[a]]\n\n  [[b]]\n\n\t[[c]]\n", "w links b; w links c");
	CHECK_NOTE("1. ```\n   [[a]]\n   ```\n   [[b]]\n\n- x\n  ~~~\n  #c\n  ~~~\n  #d\n", "#d; w links b");
	CHECK_NOTE("- %% [[a]] %% [[b]]\n- c %%[[d]]%% [[e]]\n- %%\n  [[f]]\n  %% [[g]]\n",
		   "w links b; w links e; w links g");
	CHECK_NOTE("````\n```\n[[a]]\n```\n````\n[[b]] `` ` [[c]] `` `unclosed [[d]]",
		   "w links b; w links d");
	CHECK_NOTE(">> [[a]] #b\n\n## [[c]] ##\n\n#d\n---\n\n[[e]][[f]] [[g]]: h\n",
		   "#b; #d; w links a; w links c; w links e; w links f; w links g");
	CHECK_NOTE("> ```\n> [[a]]\n> ```\n> [[b]]\n", "w links b");
	CHECK_NOTE("a <!-- [[b]] #c --> [[d]]\n\n<!--\n[[e]]\n\n[[f]]\n-->\n\n[[g]]", "w links d; w links g");
	CHECK_NOTE("x <!-- [[a]]\n\n[[b]] --> [[c]] <!-- [[d]]", "w links c; w links d");
	CHECK_NOTE("a %%[[b]] #c%% [[d]]\n\n%%\n[[e]]\n\n- [x](f.md)\n%%\n\n[[g]]", "w links d; w links g");
	CHECK_NOTE("<hr>\n\n%%\n\n[[a]]\n\n%%\n\n<p>x</p>\n\n%%\n[[b]]\n\n[[c]]\n%%\n[[d]]", "w links d");
	CHECK_NOTE("100%% of [[a]]\n\n50%% of [[b]]", "w links a; w links b");
	CHECK_NOTE("%% never closed [[a]]", "w links a");
	CHECK_NOTE("$[[a]] #b$ $$[[c]]$$ [[d]]\n\n$$\n[[e]]\n\n #f\n$$\n\n[[g]]", "w links d; w links g");
	CHECK_NOTE("it costs $5, [[a]], and $6; \\$x [[b]] $y", "w links a; w links b");
	CHECK_NOTE("m $a #ra b$ n\n\nx $$ #rb $$ y\n\n$ #c $", "#c");
	CHECK_NOTE("<div>\n[[a]] #b\n</div>\n\n<p>x #c</p>\n\n<details>\n\n[[d]] #e\n\n</details>\n",
		   "#e; w links d");
	CHECK_NOTE("<span style=\"color: #fff\">[[a]] #b</span>", "#b; w links a");
	CHECK_NOTE("<script>\nx = \"[[a]]\"; #b\n</script>\n\n<style>\n #c { }\n</style>\n", "");
}

static void test_tags(void)
{
	CHECK_NOTE("#a b #c/d #e-f #g_h #i/ #j. #k, (#l) #m: #n; \"#o\" #p\n#q",
		   "#a; #c/d; #e-f; #g_h; #i; #j; #k; #m; #n; #p; #q");
	CHECK_NOTE("# a\n## #b\n##c #1 #12/ #1a #2024/01 #a#b x#y \\#z # x #- #/ &#35;w &#x23;v",
		   "#b; #1a; #2024/01; #a");
	CHECK_NOTE("#\xc3\x9c"
		   "bung #\xf0\x9f\x8e\x89 #a\xf0\x9f\x8e\x89 #\xe6\x97\xa5\xe6\x9c\xac\xe3\x80\x82x "
		   "#e\xcc\x81t\xc3\xa9",
		   "#\xc3\x9c"
		   "bung; #\xf0\x9f\x8e\x89; #a\xf0\x9f\x8e\x89; #\xe6\x97\xa5\xe6\x9c\xac; "
		   "#e\xcc\x81t\xc3\xa9");
	CHECK_NOTE("x\xc2\xa0#a \xe3\x80\x80#b x\xe2\x80\x94#c \t#d", "#a; #b; #d");
	CHECK_NOTE("**#a** _#b_ ~~#c~~ ==#d== | #e |\n\n|x|y|\n|-|-|\n|#f|#g|\n",
		   "#a; #b; #c; #d; #e; #f; #g");
	CHECK_NOTE("http://x.y/#a <http://x.y/#b> [c](d.md#e) [f #g](h.md) [[i#j]] [[k|#l]] https://x.y/z?#m",
		   "#g; p links d.md; p links h.md; w links i; w links k");
	CHECK_NOTE("[#a](b.md)\n\n[c #d](e.md) [`f`](g.md) [](h.md)#i [](j.md) [[k]][](l.md)",
		   "#d; p links b.md; p links e.md; p links g.md; p links h.md; p links j.md; w links k; p "
		   "links l.md");
	CHECK_NOTE("> #a\n> - [ ] #b\n\n1. #c\n\n* #d", "#a; #b; #c; #d");
	CHECK_NOTE("#a #A #a", "#a; #A");
	CHECK_NOTE("#a\r\n#b\r\n\r\ntext #c\r\n", "#a; #b; #c");
	CHECK_NOTE("text\n\n#lonely", "#lonely");
	CHECK_NOTE("#\xef\xb8\x8f\xe2\x83\xa3 key", "");
	CHECK_NOTE("# Head { #place }\n\n## Head {#place .x}", "");
}

static void test_markdown_links(void)
{
	CHECK_NOTE(
		"[t](a.md) [t](<b c.md>) [t](d%20e.md \"title\") [t](f.md#g) [t](h.md?i=j#k) [t](%6b%zz.md)",
		"p links a.md; p links b c.md; p links d e.md; p links f.md; p links h.md; p links k%zz.md");
	CHECK_NOTE("[t](#a) [t](http://a/b) [t](//a/b) [t](mailto:a@b) [t](file:///a) [t]() <http://a.b> "
		   "[t](?x) [t](a b.md)",
		   "");
	CHECK_NOTE(
		"[t](/a/b.md) [t](../c.md) [t](./d.md) [t](e&amp;f\\_g.md) [t](Note:.md) [t](<Note: h.md>)",
		"p links /a/b.md; p links ../c.md; p links ./d.md; p links e&f_g.md; p links Note: h.md");
	CHECK_NOTE("![](a.png) ![b](<c d.png> \"t\") [![](e.png)](f.md)",
		   "p embeds a.png; p embeds c d.png; p links f.md; p embeds e.png");
	CHECK_NOTE("[one][r] [two][] [r] [R][]\n\n[r]: a.md 'title'\n[two]: <b c.md>\n[three]: d.md\n",
		   "p links a.md; p links b c.md");
	CHECK_NOTE("[over\nlines](a.md)\n\n\\[x](b.md) `[x](c.md)` [x] (d.md)\n\n    [x](e.md)\n",
		   "p links a.md");
	CHECK_NOTE("<a href='a%20b.md'>x</a> <img\nsrc=\"c.png\"> <a href=http://x>\n\n<div>\n<a "
		   "href=\"d.md\">x</a></div>\n",
		   "p links a b.md; p embeds c.png; p links d.md");
	CHECK_NOTE("[a](%ff.md) [b](c%0ad.md) [e](f%00g.md) [h](i.md)", "p links i.md");
	CHECK_NOTE("[[w]] [a](b.md) [[x]] ![](c.png)", "w links w; p links b.md; w links x; p embeds c.png");
	CHECK_NOTE("%%[a](b.md)%%[c](d.md) <!-- [e](f.md) --> $[g](h.md)$", "p links d.md");
}

static void test_inline_fields(void)
{
	CHECK_NOTE(
		"partOf:: [[a]]\nup::[[b]], [[c|x]]\n[[d]]\n\n- cites:: [x](e.pdf)\n- **see also**:: [[f]]",
		"w partOf a; w up b; w up c; w links d; p cites e.pdf; w see-also f");
	CHECK_NOTE("x (up:: [[a]], [[b]]) [[c]] and [next:: [[d]]] [[e]]",
		   "w up a; w up b; w links c; w next d; w links e");
	CHECK_NOTE("std::vector [[a]] x:: [[b]]\n`up:: ` [[c]]\nimage:: ![[d.png]]\n",
		   "w links a; w links b; w links c; w image d.png");
	CHECK_NOTE("up:: [[a]]\n[x](b.md)\n", "w up a; p links b.md");
}

static void test_front_matter(void)
{
	CHECK_NOTE("---\ntags: [a, \"b c\", '#d', e/f] # why\n---\n", "#a; #b c; #d; #e/f");
	CHECK_NOTE("---\r\ntags:\r\n- a\r\n  - \"#b\"\r\n-   c # no\r\ntitle: x\r\n---\r\n#d\r\n",
		   "#a; #b; #c; #d");
	CHECK_NOTE("---\ntags: a, b c\n---\n", "#a; #b c");
	CHECK_NOTE("---\ntags: a #b c/d\nkeywords: e f; g, h\n---\n", "#a; #b; #c/d; #e f; g; #h");
	CHECK_NOTE("---\nTag: \"one\"\nkeywords: [two, three]\ntags: \n---\n", "#one; #two; #three");
	CHECK_NOTE("---\ntags: [a,\n  b,\n  \"c, d\"\n]\nx: y\ntags: [] \ntag: null\n---\n[[e]]",
		   "#a; #b; #c; #d; w links e");
	CHECK_NOTE("---\ntags: a\n...\n#b\n\n---\n\ntags: c\n---\n", "#a; #b");
	CHECK_NOTE("---\n\nWords #a and\n\n---\n\ntags: b\n", "#a");
	CHECK_NOTE("---\ntags: never\n#a", "#a");
	CHECK_NOTE("\n---\ntags: late\n---\n#a", "#a");
	CHECK_NOTE("---\nup: \"[[a|x]]\"\nrelated:\n  - '[[b#h]]'\n  - \"[[c]]\"\npartOf: [[d]]\nsee: [[e]], "
		   "[[f]]\nx: [\"[[g]]\", [[h]]]\n---\n",
		   "w up a; w related b; w related c; w partOf d; w see e; w see f; w x g; w x h");
	CHECK_NOTE("\xef\xbb\xbf---\ntags: a,b,\n--- \n", "#a; #b");
	CHECK_NOTE("---\ncover: \"![[a.png]]\" # why\ntags:\n\n  # why\n  - b\n  -\n---\n",
		   "#b; w cover a.png");
	CHECK_NOTE("---\ncites: ../a b.pdf\nsee-also: [c.md, /d/e, http://x.y/f.md, plain]\ntitle: "
		   "g.md\ncover: h.png\nnote: see [[i]] there\n---\n",
		   "p cites ../a b.pdf; p see-also c.md; p see-also /d/e; p cover h.png");
	CHECK_NOTE("---\nsource: \"[x](a%20b.md)\"\ntext: |\n  [[no]]\n  tags: no\n\n  up: x.md\nverwandt "
		   "mit: '[[c]]'\n\xc3\xbc"
		   "b: '[[d]]'\n---\n",
		   "p source a b.md; w verwandt-mit c; w links d");
}

static int decode_links(const void *links, size_t len)
{
	_cleanup_(document_done) struct document d = { 0 }, back = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r;

	CHECK_EQ(buf_add(&d.links, links, len), 0);
	CHECK_EQ(result_encode(&d, &out), 0);
	r = result_decode(out.data + 4, out.len - 4, &back);
	CHECK(r < 0 || (back.links.len == len && (len == 0 || memcmp(back.links.data, links, len) == 0)));
	return r;
}

static void test_org(void)
{
	static const char note[] =
		"#+TITLE: A note\n#+filetags: :a:b:\n#+KEYWORDS: c d, e\n"
		"* TODO Head [[file:f g.org::*There][label]] :h:i_j:\n** not: a tag:\n* 12:30:\n"
		"Text [[./k.org]] and [[../l.png]] and [[file:m.png][label]]. [[Head]] [[https://n.o/p]] "
		"[[id:q]]\n"
		"=[[./no]]= ~[[./no]]~ [[~/no]] [[file:/r]] [[unclosed\n"
		"#+BEGIN_SRC c\n[[./no]]\n* no :no:\n#+END_SRC\n# [[./no]]\n: [[./no]]\n  [[./s]]\n"
		"#+begin_quote\n[[./t]]\n#+end_quote\n#tag\n";
	_cleanup_(document_done) struct document d;

	check_found(__LINE__, "x.org", note, sizeof(note) - 1,
		    "#a; #b; #c d; #e; #h; #i_j; p links f g.org; p links ./k.org; p embeds ../l.png; p "
		    "links m.png; "
		    "p links /r; p links ./s; p links ./t");
	run("x.org", note, sizeof(note) - 1, &d);
	CHECK(strcmp(d.title, "A note") == 0 && strcmp(d.mime, "text/org") == 0);
	CHECK_MEM(d.text.data, d.text.len, note, sizeof(note) - 1);
}

static void test_pages(void)
{
	CHECK_PAGE(
		"<html><head><meta name=Keywords content='a, b c;d'><meta property='article:tag' content=e>"
		"<link rel='nofollow next' href=n.html><link rel=stylesheet href=s.css><link rel=icon "
		"href=i.ico>"
		"</head><body><a href='a%20b.html?x#y'>t</a><a href='#z'>t</a><a href=\"http://x/y\">t</a>"
		"<img src=i.png><video poster=v.png><source src=v.mp4></video><object data=o.pdf>"
		"<a href=no.html></a></object><iframe src=f.html></iframe>"
		"<script>document.write('<a href=no.html>')</script><!-- <a href=no.html> -->"
		"<template><a href=no.html>x</a></template><a href=' l.html\n'>x</a><a "
		"href='javascript:x()'>",
		"#a; #b c; #d; #e; p next n.html; p links a b.html; p embeds i.png; p embeds v.png; "
		"p embeds v.mp4; p embeds o.pdf; p embeds f.html; p links l.html");
	CHECK_PAGE("<html><base href='d/e/f.html'><a href=a.html><a href=../b.html><a href=/c.html><a "
		   "href='#x'>",
		   "p links d/e/a.html; p links d/e/../b.html; p links /c.html");
	CHECK_PAGE("<html><base href='http://x.y/'><base href='d/'><a href=a.html><a href=/c.html>", "");
	CHECK_PAGE("<html><base target=_top><base href='f.html'><a href=a&amp;b.html>", "p links a&b.html");
}

/* A file of tests/assets/documents, its text, tags and links. */
static void check_file(int line, const char *name, const char *text, const char *want, struct document *ret_d)
{
	const char *folder = getenv("BRAINY_DOCUMENTS");
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf data = BUF_INIT;

	CHECK(folder && asprintf(&path, "%s/%s", folder, name) > 0);
	CHECK_EQ(io_read_file_at(AT_FDCWD, path, 1u << 20, &data), 0);
	run(name, data.data, data.len, ret_d);
	CHECK_EQ(ret_d->status, EXTRACT_INDEXED);
	check_document(line, ret_d, name, strlen(name), want);
	CHECK_MEM(ret_d->text.data, ret_d->text.len, text, strlen(text));
}

static void test_office(void)
{
	_cleanup_(document_done) struct document word, odf, book, pdf;

	check_file(__LINE__, "linked.docx", "Moss and fern",
		   "#moss; #green things; #fern; p links wet places.docx; p embeds ../fern.png", &word);
	CHECK(strcmp(word.title, "Damp") == 0 && has_field(&word, "author", "L. Vos"));
	CHECK(has_field(&word, "keywords", "moss, green things; fern") &&
	      has_field(&word, "subject", "Botany"));
	check_file(__LINE__, "linked.odt",
		   "Along the river\nFlint and chert\nreally?\nlie\nhere.\nwet web top far\na b\nc",
		   "#flint; #river bed; p links wet places.odt; p links ../far/a.odt; p embeds flint.png",
		   &odf);
	CHECK(strcmp(odf.title, "Stones") == 0 && strcmp(odf.lang, "en") == 0);
	CHECK(has_field(&odf, "author", "L. Vos") && has_field(&odf, "created", "2024-01-02T03:04:05"));
	CHECK(odf.n_marks == 1 && odf.marks[0].kind == 'h');
	check_file(__LINE__, "linked.pdf", "See the tides\n\n\n",
		   "p links ../tides.pdf; p links b\xc3\xbc"
		   "che.pdf; p links wet places.html",
		   &pdf);
	check_file(__LINE__, "book.epub", "First\n\nClay is dug.\n\nSecond\n\nThe kiln cools.",
		   "#clay; #Fire, slow", &book);
	CHECK(strcmp(book.title, "Pots") == 0 && strcmp(book.lang, "en") == 0);
	CHECK(book.n_marks == 2 && book.marks[1].number == 2 && book.marks[1].offset == 21);
}

static void test_mail(void)
{
	static const char mail[] =
		"From: =?utf-8?q?J=C3=BCrgen?= <j@x.example>\r\nTo: A <a@x.example>, b@x.example\r\n"
		"Subject: =?utf-8?b?R3LDvG4=?=\r\nDate: Mon, 18 Mar 2024 09:15:00 +0100\r\n"
		"Message-ID: <one@x.example>\r\nIn-Reply-To: <zero@x.example>\r\n"
		"References: <minus@x.example>\r\n\t<zero@x.example>\r\n"
		"Keywords: alpha, beta gamma\r\nX-Label: delta\r\n"
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
		"--c\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FCn\r\n"
		"--c\r\nContent-Type: text/html\r\n\r\n<p>not <a href=x.html>this</a>\r\n--c--\r\n"
		"--b\r\nContent-Type: message/rfc822\r\n\r\n"
		"Subject: within\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<h1>Head</h1>words\r\n"
		"--b\r\nContent-Type: application/octet-stream\r\n\r\nAAAA\r\n--b--\r\n";
	static const char *const names[] = { "x.eml", "x" };
	_cleanup_(document_done) struct document d;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		check_found(__LINE__, names[i], mail, sizeof(mail) - 1,
			    "#alpha; #beta gamma; #delta; m replies zero@x.example; "
			    "m references minus@x.example; m references zero@x.example");
	run("x.eml", mail, sizeof(mail) - 1, &d);
	CHECK(strcmp(d.mime, "message/rfc822") == 0 && strcmp(d.title, "Gr\xc3\xbcn") == 0);
	CHECK(has_field(&d, "from", "J\xc3\xbcrgen <j@x.example>") && has_field(&d, "to", "b@x.example"));
	CHECK(has_field(&d, "subject", "Gr\xc3\xbcn"));
	CHECK(has_field(&d, "date", "2024-03-18T09:15:00+01:00") &&
	      has_field(&d, "message-id", "one@x.example"));
	CHECK_MEM(d.text.data, d.text.len, "Gr\xc3\xbcn\n\nwithin\n\nHead\n\nwords", 26);
}

/* What a worker may not say. */
static void test_decoder(void)
{
	static const struct {
		const char *links;
		size_t len;
	} refused[] = {
		{ "xlinks\0a", 9 },     { "wlinks\0", 8 },        { "w\0a", 4 }, { "wli nks\0a", 10 },
		{ "wlinks\0a\0w", 10 }, { "wlinks\0a\0p\0", 12 }, { "w", 2 },    { "wlinks\0a\tb", 11 },
		{ "wlinks\0\xff", 9 },  { "wlinks\0ab", 9 },
	};
	_cleanup_buf_ struct buf links = BUF_INIT;

	CHECK_EQ(decode_links("wlinks\0a\0mreferences\0x@y", 25), 0);
	CHECK_EQ(decode_links("", 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		CHECK_EQ(decode_links(refused[i].links, refused[i].len), -EBADMSG);
	for (unsigned i = 0; i < RESULT_LINKS_MAX / 8; i++)
		CHECK_EQ(buf_add(&links, "wlink\0a", 8), 0);
	CHECK_EQ(links.len, RESULT_LINKS_MAX);
	CHECK_EQ(decode_links(links.data, links.len), 0);
	CHECK_EQ(buf_add(&links, "wlink\0a", 8), 0);
	CHECK_EQ(decode_links(links.data, links.len), -EBADMSG);
}

/* All of them, as long as there is room; then the document says so. */
static void test_limits(void)
{
	_cleanup_(document_done) struct document d, longest;
	_cleanup_buf_ struct buf text = BUF_INIT;

	/* md4c looks at each line of a paragraph for each bracket in it. */
	for (unsigned i = 0; i < 60000; i++)
		CHECK_EQ(buf_addf(&text, "[[note %u]] [[twice]] #twice\n%s", i, i % 20 ? "" : "\n"), 0);
	run("x.md", text.data, text.len, &d);
	CHECK_EQ(d.status, EXTRACT_PARTIAL);
	CHECK(strcmp(d.why, "links") == 0);
	CHECK(d.links.len > (512u << 10) - 32 && d.links.len <= 512u << 10);
	CHECK_EQ(d.text.len > 60000 * 20, 1);
	buf_reset(&text);
	CHECK_EQ(buf_addf(&text, "[[%01024d]] [[%01025d]] #%0300da #x", 1, 2, 3), 0);
	run("x.md", text.data, text.len, &longest);
	CHECK_EQ(longest.status, EXTRACT_INDEXED);
	CHECK_EQ(longest.links.len, 1 + 6 + 1024 + 1);
	CHECK(has_field(&longest, "tags", "x"));
	CHECK_EQ(longest.fields.len, 7);
}

int main(void)
{
	const char *program = getenv("BRAINY_EXTRACT");

	if (!program || extractor_start(program, &extractor) < 0)
		return 1;
	test_wiki();
	test_hidden();
	test_tags();
	test_markdown_links();
	test_inline_fields();
	test_front_matter();
	test_org();
	test_pages();
	test_office();
	test_mail();
	test_decoder();
	test_limits();
	extractor = extractor_stop(extractor);
	return check_result();
}
