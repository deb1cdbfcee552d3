/* SPDX-License-Identifier: MIT */
/* The order of belief: byte order mark, the document's own word, zeros where UTF-16 and UTF-32 have
 * them, valid UTF-8, uchardet's guess, windows-1252. */
#include "index/extract/decode.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>
#include <uchardet.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define SAMPLE 65536

void decode_warm(void)
{
	static const char *const likely[] = { "UTF-16LE",     "UTF-16BE",     "UTF-32LE",   "WINDOWS-1252",
					      "WINDOWS-1251", "WINDOWS-1250", "ISO-8859-2", "ISO-8859-15",
					      "KOI8-R",       "SHIFT_JIS",    "EUC-JP",     "ISO-2022-JP",
					      "GB18030",      "BIG5",         "EUC-KR" };
	uchardet_t detector = uchardet_new();

	(void) uchardet_handle_data(detector, "warm", 4);
	uchardet_data_end(detector);
	uchardet_delete(detector);
	for (size_t i = 0; i < ARRAY_SIZE(likely); i++)
		(void) iconv_open("UTF-8", likely[i]); /* kept open: the library stays loaded */
}

/* UTF-16 or UTF-32 without a mark: text of mostly Latin letters has zeros in fixed places. */
static const char *guess_wide(const uint8_t *data, size_t len)
{
	size_t zeros[4] = { 0 }, n = MIN(len, (size_t)SAMPLE) & ~(size_t)3, quarter = n / 4;

	for (size_t i = 0; i < n; i++)
		zeros[i % 4] += data[i] == 0;
	if (n < 8 || zeros[0] + zeros[1] + zeros[2] + zeros[3] == 0)
		return NULL;
	if (zeros[2] == quarter && zeros[3] == quarter && zeros[0] < quarter / 8 + 1)
		return "UTF-32LE";
	if (zeros[0] == quarter && zeros[1] == quarter && zeros[3] < quarter / 8 + 1)
		return "UTF-32BE";
	if (zeros[1] + zeros[3] > quarter && zeros[0] + zeros[2] < quarter / 8 + 1)
		return "UTF-16LE";
	if (zeros[0] + zeros[2] > quarter && zeros[1] + zeros[3] < quarter / 8 + 1)
		return "UTF-16BE";
	return NULL;
}

static const char *read_mark(const uint8_t *data, size_t len, size_t *ret_skip)
{
	static const struct {
		const char *bytes, *name;
		size_t len;
	} marks[] = {
		{ "\xef\xbb\xbf", "UTF-8", 3 },    { "\xff\xfe\0\0", "UTF-32LE", 4 },
		{ "\0\0\xfe\xff", "UTF-32BE", 4 }, { "\xff\xfe", "UTF-16LE", 2 },
		{ "\xfe\xff", "UTF-16BE", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (len >= marks[i].len && memcmp(data, marks[i].bytes, marks[i].len) == 0) {
			*ret_skip = marks[i].len;
			return marks[i].name;
		}
	}
	return NULL;
}

bool decode_is_binary(const uint8_t *data, size_t len)
{
	size_t n = MIN(len, (size_t)SAMPLE), odd = 0, skip, zeros = 0;

	if (read_mark(data, len, &skip) || guess_wide(data, len))
		return false;
	for (size_t i = 0; i < n; i++) {
		zeros += data[i] == 0;
		odd += (data[i] < 0x20 && !(data[i] >= '\t' && data[i] <= '\r') && data[i] != 0x1b) ||
		       data[i] == 0x7f;
	}
	return zeros > n / 256 || odd > n / 16 + 4;
}

static bool starts_as_utf8(const uint8_t *data, size_t len)
{
	for (unsigned cut = 0; cut < 4 && cut <= len; cut++) /* the sample may end inside a character */
		if (utf8_valid(data, len - cut))
			return true;
	return false;
}

static const char *guess(const uint8_t *data, size_t len, char *ret, size_t size)
{
	uchardet_t detector = uchardet_new();

	ret[0] = '\0';
	if (!detector)
		return NULL;
	if (uchardet_handle_data(detector, (const char *)data, MIN(len, (size_t)SAMPLE)) == 0) {
		uchardet_data_end(detector);
		strncpy(ret, uchardet_get_charset(detector), size - 1);
		ret[size - 1] = '\0';
	}
	uchardet_delete(detector);
	return ret[0] ? ret : NULL;
}

/* Names that mean something else in practice (WHATWG Encoding Standard, section 4.2). */
static const char *real_name(const char *label)
{
	static const char *const others[][2] = {
		{ "ISO-8859-1", "WINDOWS-1252" },
		{ "LATIN1", "WINDOWS-1252" },
		{ "US-ASCII", "WINDOWS-1252" },
		{ "ASCII", "WINDOWS-1252" },
		{ "ISO-8859-9", "WINDOWS-1254" },
		{ "GB2312", "GB18030" },
		{ "GBK", "GB18030" },
		{ "SHIFT_JIS", "CP932" },
		{ "X-SJIS", "CP932" },
		{ "KS_C_5601-1987", "CP949" },
		{ "EUC-KR", "CP949" },
		{ "UNICODE", "UTF-16LE" },
		{ "UTF-16", "UTF-16LE" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcasecmp(label, others[i][0]) == 0)
			return others[i][1];
	return label;
}

/* One round of iconv(): as much as fits. Bytes that are no character become U+FFFD, one at a time. */
static int convert_some(iconv_t how, char **at, size_t *left, struct buf *out)
{
	char *place;
	size_t room = 256 + MIN(*left * 2, 65536ul), before = room;
	int r = buf_extend(out, room, &place);

	if (r < 0)
		return r;
	if (iconv(how, at, left, &place, &room) == (size_t)-1 && errno == EILSEQ) {
		(*at)++;
		(*left)--;
		out->len -= room;
		return utf8_add(out, UTF8_REPLACEMENT);
	}
	out->len -= room;
	if (room == before)
		*left = 0; /* cut off inside a character */
	return 0;
}

static int convert(const uint8_t *data, size_t len, const char *from, size_t max, struct buf *out)
{
	iconv_t how = iconv_open("UTF-8", from);
	size_t start = out->len;
	char *at = (char *)data;
	int r = 0;

	if (how == (iconv_t)-1)
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	while (len > 0 && r >= 0 && out->len - start < max)
		r = convert_some(how, &at, &len, out);
	(void) iconv_close(how);
	return r;
}

static const char *choose(const uint8_t *data, size_t len, const char *label, char *guessed, size_t size)
{
	const char *name = guess_wide(data, len);

	if (name)
		return name;
	if (label && strncasecmp(label, "UTF-16", 6) != 0 && strncasecmp(label, "UTF-32", 6) != 0 &&
	    strcasecmp(label, "UTF-8") != 0)
		return label;
	if (starts_as_utf8(data, MIN(len, (size_t)SAMPLE)) && utf8_valid(data, len))
		return "UTF-8";
	return guess(data, len, guessed, size);
}

int decode_text(const uint8_t *data, size_t len, const char *label, size_t max, struct buf *out)
{
	char guessed[64];
	size_t skip = 0;
	const char *name = read_mark(data, len, &skip);
	int r;

	data += skip;
	len -= skip;
	if (!name)
		name = choose(data, len, label, guessed, sizeof(guessed));
	if (name && strcasecmp(name, "UTF-8") == 0)
		return buf_add(out, data, MIN(len, max));
	r = name ? convert(data, len, real_name(name), max, out) : -EINVAL;
	return r == -EINVAL ? convert(data, len, "WINDOWS-1252", max, out) : r;
}
