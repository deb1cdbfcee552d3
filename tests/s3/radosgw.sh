# Sourced by server.sh: Ceph's S3 server, with a monitor and one store of 6 GiB (a sparse file) of its own, in $dir/ceph.
# No login between them; all on the loopback. The addresses are part of the cluster: it starts again on the same port.
ceph_dir=$dir/ceph

radosgw_packages() {
    command -v radosgw >/dev/null && command -v ceph-mon >/dev/null && command -v ceph-osd >/dev/null && command -v ceph >/dev/null && return 0
    [ "$(id -u)" = 0 ] || skip "radosgw wants root, to install and run it"
    echo "server.sh: installing ceph-mon, ceph-osd, ceph-common and radosgw" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
        ceph-mon ceph-osd ceph-common radosgw; } >"$dir/install.log" 2>&1 || { tail -n 3 "$dir/install.log" >&2; skip "radosgw's packages cannot be had"; }
}

radosgw_configure() {
    cat >"$ceph_dir/ceph.conf" <<EOF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:127.0.0.1:$(($1 + 1)),v1:127.0.0.1:$(($1 + 2))]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_supported = none
ms_mon_client_mode = crc
ms_mon_service_mode = crc
ms_client_mode = crc
run_dir = $ceph_dir
admin_socket = $ceph_dir/\$name.sock
log_file = $ceph_dir/\$name.log
pid_file = $ceph_dir/\$name.pid
crash_dir = $ceph_dir
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_data = $ceph_dir/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 1
mon_osd_full_ratio = 0.99
ms_bind_port_min = $(($1 + 3))
ms_bind_port_max = $(($1 + 40))
osd_data = $ceph_dir/osd
osd_objectstore = bluestore
osd_memory_target = 939524096
bluestore_block_size = 6442450944
bluestore_fsck_on_mount = false
rgw_frontends = beast endpoint=127.0.0.1:$1
rgw_data = $ceph_dir/rgw
rgw_enable_usage_log = false
rgw_thread_pool_size = 64
EOF
}

in_ceph() { timeout 60 ceph -c "$ceph_dir/ceph.conf" "$@" >>"$ceph_dir/setup.log" 2>&1; }

radosgw_make() {
    mkdir -p "$ceph_dir/mon" "$ceph_dir/osd" "$ceph_dir/rgw"
    radosgw_configure "$1"
    monmaptool --create --clobber --fsid "$(sed -n 's/^fsid = //p' "$ceph_dir/ceph.conf")" \
        --addv a "[v2:127.0.0.1:$(($1 + 1)),v1:127.0.0.1:$(($1 + 2))]" "$ceph_dir/monmap" >>"$ceph_dir/setup.log" 2>&1 &&
        ceph-mon -c "$ceph_dir/ceph.conf" --mkfs -i a --monmap "$ceph_dir/monmap" >>"$ceph_dir/setup.log" 2>&1
}

# run_ceph NAME COMMAND.. - a daemon in the foreground of a session of its own; its pid goes to DIR/others
run_ceph() {
    run_ceph_name=$1; shift
    setsid "$@" -c "$ceph_dir/ceph.conf" -f >>"$ceph_dir/$run_ceph_name.out" 2>&1 </dev/null &
    echo $! >>"$dir/others"
}

radosgw_start() {
    radosgw_packages
    new=
    : >"$dir/others"
    if [ -s "$ceph_dir/made" ]; then
        set -- "$(cat "$ceph_dir/made")"
        port=$1
    else
        rm -rf "$ceph_dir" && radosgw_make "$1" || { tail -n 3 "$ceph_dir/setup.log" >&2; return 1; }
        new=1
    fi
    run_ceph mon ceph-mon -i a
    for _ in $(seq 30); do in_ceph --connect-timeout 5 mon stat && break; sleep 0.5; done
    if [ -n "$new" ]; then
        osd_id=$(cat /proc/sys/kernel/random/uuid)
        in_ceph config set mon mon_warn_on_insecure_global_id_reclaim false || true
        in_ceph osd new "$osd_id" || return 1
        ceph-osd -c "$ceph_dir/ceph.conf" -i 0 --mkfs --osd-uuid "$osd_id" >>"$ceph_dir/setup.log" 2>&1 || return 1
    fi
    run_ceph osd ceph-osd -i 0
    for _ in $(seq 60); do in_ceph osd stat && grep -q '1 up' "$ceph_dir/setup.log" && break; sleep 0.5; done
    if [ -n "$new" ]; then
        timeout 120 radosgw-admin -c "$ceph_dir/ceph.conf" user create --uid=test --display-name=test --access-key="$key" --secret="$secret" \
            >>"$ceph_dir/setup.log" 2>&1 || return 1
        echo "$1" >"$ceph_dir/made"
    fi
    setsid radosgw -c "$ceph_dir/ceph.conf" -n client.rgw -f >>"$ceph_dir/rgw.out" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    for _ in $(seq 80); do
        running || { tail -n 3 "$ceph_dir/rgw.out" >&2; return 1; }
        case $(fetch "http://127.0.0.1:$1/") in 200 | 403) return 0 ;; esac
        sleep 0.5
    done
    return 1
}
