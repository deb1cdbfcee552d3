# A volume that first gets mail, then logs: the dictionary of small files is trained anew, each kind is smaller with its own;
# packs of both times are read by the mount, alone, and make a new volume; what no pack needs is forgotten.
. "$(dirname "$0")/lib.sh"
"$brainy" init "$vol" >/dev/null || fail "init"
"$brainy" mount "$vol" "$mnt" || fail "mount"
run() { "$brainy" tier run "$mnt" "$@" >"$work/said" 2>&1 || fail "tier run $*: $(cat "$work/said")"; }
same() { diff -r "$work/src" "$1" >"$work/diff" || fail "$2: $(head -c 300 "$work/diff")"; }
# made FOLDER SEED - 1200 small files: "mail.." or "logs.."
made() {
    python3 - "$work/src/$1" "$2" <<'END' || fail "files"
import json, os, random, sys
folder, rnd = sys.argv[1], random.Random(int(sys.argv[2]))
os.makedirs(folder)
words = ("the meeting of the committee will be held on monday please send me your comments before we sign this contract with "
         "their lawyers who asked about delivery prices and further details regards best many thanks for letter yesterday "
         "could you kindly confirm that our order has been shipped invoice attached payment customer project schedule").split()
names = ["Anna Keller", "Peter Novak", "Maria Rossi", "John Smith", "Ines Duarte"]
def mail():
    who = rnd.choice(names)
    head = f"From: {who} <{who.lower().replace(' ', '.')}@example.org>\nSubject: {' '.join(rnd.sample(words, 4))}\n\n"
    return head + "\n".join(" ".join(rnd.choices(words, k=11)) for _ in range(15)) + f"\n\nKind regards\n{who}\n"
def log():
    return "".join(json.dumps({"timestamp": f"2026-11-{rnd.randrange(1, 29):02}T{rnd.randrange(24):02}:{rnd.randrange(60):02}:07Z",
        "level": rnd.choice(["INFO", "WARN", "ERROR"]), "component": rnd.choice(["auth.session", "billing.invoice", "queue.worker"]),
        "request_id": f"{rnd.getrandbits(32):08x}", "duration_us": rnd.randrange(90000), "status_code": rnd.choice([200, 404, 503])})
        + "\n" for _ in range(7))
for n in range(1200):
    with open(f"{folder}/{n}", "w") as f:
        f.write(mail() if "mail" in folder else log())
END
    mkdir "$mnt/$1" && cp "$work/src/$1"/* "$mnt/$1" || fail "cp $1"
}
# dictionaries - of all packs in warm/, each once
dictionaries() {
    for pack in "$vol/warm"/*; do "$brainy" pack ls "$pack" --json || fail "pack ls"; done | grep -o '"dictionary[a-z_]*": *"\?[0-9a-fx]*' | sort -u
}
stored() { sed -n 's/^brainy_tier_stored_bytes{tier="warm"} //p' "$mnt/.brainy/metrics"; }

mkdir "$work/src"
made mail 1; run --now +10d; mail=$(stored)
made mail2 2; run --now +10d
before=$(dictionaries)
all=$(stored)
made logs 3; run --now +10d
logs=$(($(stored) - all))
[ "$(dictionaries | wc -l)" -gt "$(echo "$before" | wc -l)" ] || fail "one dictionary for all: $(dictionaries)"
# The same logs where there was never anything else.
"$brainy" init "$work/vol2" >/dev/null; mkdir "$work/mnt2"
"$brainy" mount "$work/vol2" "$work/mnt2" || fail "mount of a second volume"
cp -r "$work/src/logs" "$work/mnt2"
"$brainy" tier run "$work/mnt2" --now +10d >/dev/null || fail "second volume"
alone=$(sed -n 's/^brainy_tier_stored_bytes{tier="warm"} //p' "$work/mnt2/.brainy/metrics")
"$brainy" umount "$work/mnt2" || fail "umount of the second"
[ "$logs" -le $((alone * 110 / 100)) ] || fail "logs after mail take $logs bytes, alone $alone"
same "$mnt" "both kinds"
again; same "$mnt" "after a mount"
echo "mail: $mail bytes; logs after mail: $logs, alone: $alone"

# without the catalog
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
mkdir "$work/packs"; cp "$vol/warm"/* "$work/packs"
found=0
for pack in "$work/packs"/*; do
    for path in mail/7 mail2/7 logs/7; do
        "$brainy" pack cat "$pack" "$path" --volume "$vol" >"$work/one" 2>/dev/null || continue
        cmp -s "$work/one" "$work/src/$path" || fail "pack cat $path"
        found=$((found + 1))
    done
done
[ $found = 3 ] || fail "pack cat found $found of 3 files"
"$brainy" rebuild "$vol" "$work/new" >"$work/said" 2>&1 || fail "rebuild: $(cat "$work/said")"
"$brainy" mount "$work/new" "$mnt" || fail "mount of the new volume"
same "$mnt" "rebuilt"
stop

# what no pack has is forgotten
"$brainy" mount "$vol" "$mnt" || fail "mount"
rm -r "$mnt/mail" "$mnt/mail2"
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; run; done
[ "$(dictionaries | wc -l)" = 1 ] || fail "dictionaries: $(dictionaries)"
rm -r "$work/src/mail" "$work/src/mail2"
same "$mnt" "logs alone"
stop
"$brainy" fsck "$vol" >"$work/said" 2>&1 || fail "fsck: $(cat "$work/said")"
