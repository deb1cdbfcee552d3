/* SPDX-License-Identifier: MIT */
/* Each key of the tiers once. */
#pragma once

static const char everything[] =
	"[tiers]\nhot_days = 3\nwarm_days = never\nretention = delete\nretention_days = 400\nhold_tags = legal, on hold\n"
	"hold_tags = tax\nsettle_s = 60\npromote_uses = 2\npromote_gap_ms = 60000\npromote_days = 30\ncapacity_high = 90\n"
	"capacity_low = 70\ncapacity_idle_s = 60\nwindow = 01:00-06:00\nwindow = Sat-Sun 00:00-24:00\n"
	"window_timezone = +02:00\nrun_every_s = 60\nmove_rate = 10M\nscrub_days = never\npack_size = 16M\n"
	"pack_clean_below = 40\npack_merge_below = 10\n"
	"[class films]\npath = /Films/**\npath = My Films/\ntype = video/*, audio/*\nsize = >1G\nhot_days = 1\n"
	"[cold]\nurl = s3://bucket/some/prefix\nendpoint = https://s3.example.com:9000\nregion = eu-central-1\n"
	"addressing = path\nprofile = work\nca_file = /etc/ca.pem\nproxy = http://proxy:3128\nconnections_min = 2\nconnections_max = 32\n"
	"idle_timeout_s = 30\nconnect_timeout_ms = 1000\nrequest_timeout_ms = 2000\ntotal_timeout_ms = 3000\n"
	"upload_rate = 1M\ndownload_rate = 2M\nrequest_rate = 100\ncold_read = fail\ncold_read_timeout_s = 5\n"
	"cache_size = 1G\ngrace_hours = 24\nclean_below = 30\nscrub_days = 30\ndated_keys = yes\n"
	"[class mail]\nsize = 10K..1M\nowner = 1000, 1001\ngroup = 50\ntag = a, b c\ntier = warm\nretention = keep\n"
	"retention_days = never\nwarm_days = 9\n"
	"[limits]\nrequests_per_day = 100000\nbytes_per_day = 10G\n"
	"[prices]\nput = 0.005\nget = 0.0004\nlist = 0.005\ndelete = 0\nout_gb = 0.09\nstored_gb_month = 0.023\n"
	"currency = USD\n";
