/* SPDX-License-Identifier: MIT */
/* A volume.json that another program made, and the secrets that open it. */
#pragma once

static const char known_key_file[] = "0123456789abcdef\n";
static const char known_passphrase[] = "correct horse";

/* Computed with hashlib and PyNaCl from docs/format.md: two epochs, all three kinds of slot. */
static const char known_recovery[] = "G20R50W4-GP38F249-HA5RS3CE-HY8934MK-JJASD5WR-K6D9Q74X-KTFVP3H4";
static const char known_volume[] =
	"{\n"
	" \"format\": 1,\n"
	" \"id\": \"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf\",\n"
	" \"cipher\": \"xchacha20-poly1305\",\n"
	" \"created\": \"2026-11-21\",\n"
	" \"features\": {\n"
	"  \"compat\": [\n"
	"   \"a later one\"\n"
	"  ],\n"
	"  \"ro_compat\": [],\n"
	"  \"incompat\": []\n"
	" },\n"
	" \"keyslots\": [\n"
	"  {\n"
	"   \"kind\": \"passphrase\",\n"
	"   \"id\": \"01010101010101010101010101010101\",\n"
	"   \"kdf\": \"argon2id\",\n"
	"   \"opslimit\": 3,\n"
	"   \"memlimit\": 268435456,\n"
	"   \"salt\": \"11111111111111111111111111111111\",\n"
	"   \"wrapped\": \"2121212121212121212121212121212101000200ead7ba86504489223302df8ffc793ff2"
	"fde52de630ef651213523c30edd705417e34d1e3cb5355c0cf8531721e830a70a7d4ee29fe9ca0e190484876db"
	"a794cd4331d1d9b1539380097f85b39813d1f2\"\n"
	"  },\n"
	"  {\n"
	"   \"kind\": \"key-file\",\n"
	"   \"id\": \"02020202020202020202020202020202\",\n"
	"   \"kdf\": \"blake2b\",\n"
	"   \"salt\": \"12121212121212121212121212121212\",\n"
	"   \"wrapped\": \"22222222222222222222222222222222010002007d6f0a89ba226fbf0ec80eadb7e3416a"
	"a1eab62cdb157153a6e6808707063cbeb9eb3450cd6d958410eb80882006791abc5cdde05c16ec08658d7e9d29"
	"93ee110a026b26eb37a1217fc695c987614d59\"\n"
	"  },\n"
	"  {\n"
	"   \"kind\": \"recovery\",\n"
	"   \"id\": \"03030303030303030303030303030303\",\n"
	"   \"kdf\": \"blake2b\",\n"
	"   \"salt\": \"13131313131313131313131313131313\",\n"
	"   \"wrapped\": \"23232323232323232323232323232323010002006bbb9acaeb20c9417ae94ffbfd334c53"
	"fe19fb93b1df406aa54e99406637a62dbd48210de8274223772483e6bd5cca59f9eafe33299d657266e7f35f58"
	"39046c75b9a8407bf2f3c94bc1177f49cf0422\"\n"
	"  }\n"
	" ],\n"
	" \"mac\": \"eadaa8ff05face430b1d743e9965913711a67310da73128692dcd7a27cd18581\"\n"
	"}\n";
