/* SPDX-License-Identifier: MIT */
/* The index as its users meet it: what was written is found, by words, phrases, meaning and filters, at
 * once, after changes, after a clean stop and after a kill. */
#include "index_box.h"
#include "tests/fakes/plain_extractor.h"

static void test_first(void)
{
	struct box *b = box_new();
	uint64_t docs, one;

	box_open_index(b);
	docs = box_folder(b, ROOT_INO, "docs");
	one = box_file(b, docs, "pump.txt", "The pump house was rebuilt after the flood of the river.\n");
	(void) box_file(b, docs, "valve.md", "# Valve\n\nA flood valve. Größe in mm, naïve café, 日本語のテキスト.\n");
	(void) box_file(b, ROOT_INO, "other.txt", "Nothing to see about kestrels here.\n");
	box_wait(b);
	CHECK_EQ(index_pending(b->index), 0);
	CHECK_ASK(b, "q=kestrel&mode=text", "other.txt");
	CHECK_ASK(b, "q=größe&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=gr%C3%B6%C3%9Fe&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=\"日本語\"&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=\"本日\"&mode=text", "");
	CHECK_ASK(b, "q=\"pump house was rebuilt\"", "docs/pump.txt");
	CHECK_ASK(b, "q=\"house pump\"", "");
	CHECK_ASK(b, "q=flood -valve&mode=text", "docs/pump.txt");
	CHECK_ASK(b, "q=flood&mode=text&in=docs/valve.md", "docs/valve.md");
	CHECK_ASK_IN(b, docs, "q=flood&mode=text", "pump.txt valve.md");
	CHECK_ASK(b, "q=qwrtzpsdfg&mode=text", "");
	CHECK_ASK(b, "q=name:zzz -flood \"kestrels&literal=1&mode=text&limit=1", "other.txt");
	CHECK_ATTRIBUTE(b, one, "state", "indexed");
	CHECK_ATTRIBUTE(b, one, "mime", "text/plain");
	CHECK_ATTRIBUTE(b, one, "lang", "en");
	box_free(b);
}

int main(void)
{
	test_first();
	return check_result();
}
