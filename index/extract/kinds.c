/* SPDX-License-Identifier: MIT */
#include "index/extract/kinds.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

struct ending {
	const char *ending, *mime;
	enum kind kind;
};

/* Sorted, for bsearch(). */
static const struct ending endings[] = {
	{ "adoc", "text/asciidoc", KIND_TEXT },
	{ "asciidoc", "text/asciidoc", KIND_TEXT },
	{ "asm", "text/x-asm", KIND_TEXT },
	{ "awk", "text/x-awk", KIND_TEXT },
	{ "bash", "text/x-shellscript", KIND_TEXT },
	{ "bat", "text/x-msdos-batch", KIND_TEXT },
	{ "bib", "text/x-bibtex", KIND_TEXT },
	{ "c", "text/x-c", KIND_TEXT },
	{ "cc", "text/x-c++", KIND_TEXT },
	{ "cfg", "text/plain", KIND_TEXT },
	{ "clj", "text/x-clojure", KIND_TEXT },
	{ "cmake", "text/x-cmake", KIND_TEXT },
	{ "conf", "text/plain", KIND_TEXT },
	{ "cpp", "text/x-c++", KIND_TEXT },
	{ "cs", "text/x-csharp", KIND_TEXT },
	{ "css", "text/css", KIND_TEXT },
	{ "csv", "text/csv", KIND_TEXT },
	{ "cxx", "text/x-c++", KIND_TEXT },
	{ "dart", "text/x-dart", KIND_TEXT },
	{ "diff", "text/x-diff", KIND_TEXT },
	{ "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", KIND_DOCX },
	{ "el", "text/x-lisp", KIND_TEXT },
	{ "eml", "message/rfc822", KIND_MAIL },
	{ "epub", "application/epub+zip", KIND_EPUB },
	{ "erl", "text/x-erlang", KIND_TEXT },
	{ "ex", "text/x-elixir", KIND_TEXT },
	{ "exs", "text/x-elixir", KIND_TEXT },
	{ "f90", "text/x-fortran", KIND_TEXT },
	{ "go", "text/x-go", KIND_TEXT },
	{ "gradle", "text/x-groovy", KIND_TEXT },
	{ "groovy", "text/x-groovy", KIND_TEXT },
	{ "h", "text/x-c", KIND_TEXT },
	{ "hh", "text/x-c++", KIND_TEXT },
	{ "hpp", "text/x-c++", KIND_TEXT },
	{ "hs", "text/x-haskell", KIND_TEXT },
	{ "htm", "text/html", KIND_HTML },
	{ "html", "text/html", KIND_HTML },
	{ "ini", "text/plain", KIND_TEXT },
	{ "ipynb", "application/json", KIND_TEXT },
	{ "java", "text/x-java", KIND_TEXT },
	{ "js", "text/javascript", KIND_TEXT },
	{ "json", "application/json", KIND_TEXT },
	{ "jsonl", "application/jsonl", KIND_TEXT },
	{ "jsx", "text/javascript", KIND_TEXT },
	{ "kt", "text/x-kotlin", KIND_TEXT },
	{ "less", "text/css", KIND_TEXT },
	{ "lisp", "text/x-lisp", KIND_TEXT },
	{ "log", "text/plain", KIND_TEXT },
	{ "lua", "text/x-lua", KIND_TEXT },
	{ "m", "text/plain", KIND_TEXT },
	{ "m4", "text/x-m4", KIND_TEXT },
	{ "markdown", "text/markdown", KIND_MARKDOWN },
	{ "mbox", "application/mbox", KIND_FOREIGN },
	{ "md", "text/markdown", KIND_MARKDOWN },
	{ "mdown", "text/markdown", KIND_MARKDOWN },
	{ "mjs", "text/javascript", KIND_TEXT },
	{ "mk", "text/x-makefile", KIND_TEXT },
	{ "mkd", "text/markdown", KIND_MARKDOWN },
	{ "ml", "text/x-ocaml", KIND_TEXT },
	{ "mli", "text/x-ocaml", KIND_TEXT },
	{ "ndjson", "application/jsonl", KIND_TEXT },
	{ "nim", "text/x-nim", KIND_TEXT },
	{ "nix", "text/x-nix", KIND_TEXT },
	{ "odp", "application/vnd.oasis.opendocument.presentation", KIND_ODF },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet", KIND_ODF },
	{ "odt", "application/vnd.oasis.opendocument.text", KIND_ODF },
	{ "org", "text/org", KIND_ORG },
	{ "pas", "text/x-pascal", KIND_TEXT },
	{ "patch", "text/x-diff", KIND_TEXT },
	{ "pdf", "application/pdf", KIND_PDF },
	{ "php", "text/x-php", KIND_TEXT },
	{ "pl", "text/x-perl", KIND_TEXT },
	{ "pm", "text/x-perl", KIND_TEXT },
	{ "po", "text/x-gettext-translation", KIND_TEXT },
	{ "properties", "text/plain", KIND_TEXT },
	{ "proto", "text/plain", KIND_TEXT },
	{ "ps1", "text/x-powershell", KIND_TEXT },
	{ "py", "text/x-python", KIND_TEXT },
	{ "pyi", "text/x-python", KIND_TEXT },
	{ "r", "text/x-r", KIND_TEXT },
	{ "rb", "text/x-ruby", KIND_TEXT },
	{ "rs", "text/x-rust", KIND_TEXT },
	{ "rst", "text/x-rst", KIND_TEXT },
	{ "rtf", "text/rtf", KIND_FOREIGN },
	{ "s", "text/x-asm", KIND_TEXT },
	{ "scala", "text/x-scala", KIND_TEXT },
	{ "scm", "text/x-scheme", KIND_TEXT },
	{ "scss", "text/css", KIND_TEXT },
	{ "sh", "text/x-shellscript", KIND_TEXT },
	{ "sql", "application/sql", KIND_TEXT },
	{ "srt", "application/x-subrip", KIND_TEXT },
	{ "svg", "image/svg+xml", KIND_FOREIGN },
	{ "swift", "text/x-swift", KIND_TEXT },
	{ "tcl", "text/x-tcl", KIND_TEXT },
	{ "tex", "text/x-tex", KIND_TEXT },
	{ "text", "text/plain", KIND_TEXT },
	{ "toml", "application/toml", KIND_TEXT },
	{ "ts", "text/x-typescript", KIND_TEXT },
	{ "tsv", "text/tab-separated-values", KIND_TEXT },
	{ "tsx", "text/x-typescript", KIND_TEXT },
	{ "txt", "text/plain", KIND_TEXT },
	{ "v", "text/plain", KIND_TEXT },
	{ "vim", "text/plain", KIND_TEXT },
	{ "vtt", "text/vtt", KIND_TEXT },
	{ "xhtml", "text/html", KIND_HTML },
	{ "xml", "text/xml", KIND_TEXT },
	{ "yaml", "application/yaml", KIND_TEXT },
	{ "yml", "application/yaml", KIND_TEXT },
	{ "zig", "text/x-zig", KIND_TEXT },
	{ "zsh", "text/x-shellscript", KIND_TEXT },
};

/* Whole names, without an ending. */
static const struct ending names[] = {
	{ "AUTHORS", "text/plain", KIND_TEXT }, { "CHANGELOG", "text/plain", KIND_TEXT },
	{ "CHANGES", "text/plain", KIND_TEXT }, { "CONTRIBUTING", "text/plain", KIND_TEXT },
	{ "COPYING", "text/plain", KIND_TEXT }, { "Dockerfile", "text/x-dockerfile", KIND_TEXT },
	{ "LICENSE", "text/plain", KIND_TEXT }, { "Makefile", "text/x-makefile", KIND_TEXT },
	{ "NEWS", "text/plain", KIND_TEXT },    { "README", "text/plain", KIND_TEXT },
	{ "TODO", "text/plain", KIND_TEXT },
};

static int compare_endings(const void *ending, const void *entry)
{
	return strcasecmp(ending, ((const struct ending *)entry)->ending);
}

enum kind kind_of_name(const char *name, const char **ret_mime)
{
	const char *dot = strrchr(name, '.');
	const struct ending *found = NULL;

	if (dot && dot > name)
		found = bsearch(dot + 1, endings, ARRAY_SIZE(endings), sizeof(*endings), compare_endings);
	for (size_t i = 0; !found && i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i].ending) == 0)
			found = &names[i];
	if (!found)
		return KIND_UNKNOWN;
	*ret_mime = found->mime;
	return found->kind;
}

bool kind_is_open(const char *name)
{
	const char *mime;
	enum kind kind = kind_of_name(name, &mime);

	return kind == KIND_UNKNOWN || kind == KIND_FOREIGN;
}

/* Beginnings of what is no plain text, whatever its name. */
static bool has_signature(const char *data, size_t len)
{
	static const char *const signatures[] = { "%PDF-",      "%!PS",         "{\\rtf",
						  "PK\003\004", "\x1f\x8b",     "\177ELF",
						  "\x89PNG",    "<!DOCTYPE h",  "<!doctype h",
						  "<html",      "<HTML",        "\xd0\xcf\x11\xe0",
						  "GIF8",       "\xff\xd8\xff", "Return-Path:" };

	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
		if (len >= strlen(signatures[i]) && memcmp(data, signatures[i], strlen(signatures[i])) == 0)
			return true;
	return false;
}

bool kind_is_plain(const char *name, const void *data, size_t len)
{
	const char *mime;
	enum kind kind = kind_of_name(name, &mime);

	return (kind == KIND_TEXT || kind == KIND_MARKDOWN || kind == KIND_ORG) && !has_signature(data, len);
}
