/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "base/cleanup.h"
#include "tests/unit/check.h"

static void test_every_code_point(void)
{
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		const uint8_t *at;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		CHECK_EQ(utf8_add(&b, c), 0);
		at = b.data;
		CHECK_EQ(utf8_next(&at, b.data + b.len), c);
		CHECK(at == b.data + b.len);
	}
}

static void test_what_is_not_utf8(void)
{
	static const char *const bad[] = { "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff" };
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!utf8_valid(bad[i], strlen(bad[i])));
	CHECK(utf8_valid("gr\xc3\xb6\xc3\x9f" "e", 7));
	CHECK_EQ(utf8_add_valid(&b, "a\xff" "b", 3), 0);
	CHECK_MEM(b.data, b.len, "a\xef\xbf\xbd" "b", 5);
}

int main(void)
{
	test_every_code_point();
	test_what_is_not_utf8();
	return check_result();
}
