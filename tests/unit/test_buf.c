/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/cleanup.h"
#include "tests/unit/check.h"

static void test_round_trip(void)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct reader r;
	size_t len;
	const void *bytes;

	CHECK_EQ(buf_add_u8(&b, 7), 0);
	CHECK_EQ(buf_add_le32(&b, 0x01020304), 0);
	CHECK_EQ(b.data[1], 4);
	CHECK_EQ(buf_add_be64(&b, 1), 0);
	CHECK_EQ(b.data[b.len - 1], 1);
	CHECK_EQ(buf_add_varint(&b, 0), 0);
	CHECK_EQ(buf_add_varint(&b, UINT64_MAX), 0);
	CHECK_EQ(buf_add_bytes(&b, "heron", 5), 0);
	CHECK_EQ(buf_addf(&b, "%d", 42), 0);

	r = reader_over(b.data, b.len);
	CHECK_EQ(reader_u8(&r), 7);
	CHECK_EQ(reader_le32(&r), 0x01020304);
	CHECK_EQ(reader_be64(&r), 1);
	CHECK_EQ(reader_varint(&r), 0);
	CHECK(reader_varint(&r) == UINT64_MAX);
	bytes = reader_bytes(&r, &len);
	CHECK_MEM(bytes, len, "heron", 5);
	CHECK_EQ(reader_left(&r), 2);
	CHECK(!r.bad);
}

static void test_reading_past_the_end(void)
{
	static const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct reader r = reader_over("abc", 3);
	size_t len;

	CHECK_EQ(reader_le32(&r), 0);
	CHECK(r.bad);
	CHECK_EQ(reader_u8(&r), 0); /* stays bad, though a byte is left */

	r = reader_over(endless, sizeof(endless));
	CHECK_EQ(reader_varint(&r), 0);
	CHECK(r.bad);

	r = reader_over("\x05xy", 3);
	CHECK(!reader_bytes(&r, &len));
	CHECK_EQ(len, 0);
}

int main(void)
{
	test_round_trip();
	test_reading_past_the_end();
	return check_result();
}
