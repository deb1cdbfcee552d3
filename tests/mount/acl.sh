# Access control lists are obeyed, inherited in place of the umask, kept in step with the mode, and survive a remount.
# Root only: it becomes other users.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root, to become two users"; exit 77; }
command -v setfacl >/dev/null || { echo "setfacl is missing: install acl"; exit 77; }
chmod 755 "$work" "$mnt"
start -o allow_other,suid
chmod 755 "$mnt"
cd "$mnt" || exit 1
as() { user=$1; shift; setpriv --reuid="$user" --regid="$user" --clear-groups "$@"; }
acl() { getfacl -cpnE "$@" | grep . | tr '\n' ' '; }

echo text >f; chmod 600 f
refuse denied as 1001 cat f
setfacl -m u:1001:r f
expect text as 1001 cat f
refuse denied as 1002 cat f
refuse denied as 1001 sh -c 'echo more >>f'
expect 640 stat -c %a f
chmod 600 f
refuse denied as 1001 cat f
expect "user::rw- user:1001:r-- group::--- mask::--- other::--- " acl f
chmod 660 f
expect text as 1001 cat f
setfacl -m g:1003:rw f
as 1003 sh -c 'echo by group >>f' || fail "a group of the list may not write"
setfacl -b f
refuse denied as 1001 cat f
expect "" sh -c 'getfattr -d -m - f 2>/dev/null | grep posix_acl'

# a default list takes the place of the umask and passes on
mkdir d; setfacl -m d:u:1001:rwx,d:o::r d
umask 077
echo text >d/f; mkdir d/sub; mkfifo d/fifo; echo text >plain
expect 600 stat -c %a plain
expect 664 stat -c %a d/f
expect 664 stat -c %a d/fifo
expect "user::rwx user:1001:rwx group::r-x mask::rwx other::r-- default:user::rwx default:user:1001:rwx default:group::r-x default:mask::rwx default:other::r-- " acl d/sub
! as 1002 test -x d/sub || fail "others pass where the inherited list says r--"
as 1001 touch d/sub/by-user || fail "the inherited list does not let its user in"
chmod 755 d/sub
umask 022
refuse "Only directories" setfacl -m d:u:1001:r f
refuse "not permitted" as 1001 setfacl -m u:1001:rwx f
# taking the list away
setfacl -k d; echo text >d/after
expect 644 stat -c %a d/after

# an owner outside of the file's group cannot keep setgid
echo text >s; chown 1001:1009 s; chmod 2775 s
as 1001 setfacl -m u:1002:r s || fail "the owner may not set a list"
expect 775 stat -c %a s
chmod 2775 s; setfacl -m u:1002:rx s
expect 2775 stat -c %a s

setfacl -m u:1001:r f; chmod 640 f
cd /; again -o allow_other,suid; cd "$mnt" || exit 1
expect text as 1001 head -n 1 f
expect "user::rw- user:1001:r-- group::--- mask::r-- other::--- " acl f
expect "user::rwx user:1001:rwx group::r-x mask::r-x other::r-x default:user::rwx default:user:1001:rwx default:group::r-x default:mask::rwx default:other::r-- " acl d/sub
