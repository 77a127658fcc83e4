# A Kerberos realm of its own for a lab, with MIT's KDC; sourced by lab.sh. All of it is in KLAB_DIR/kdc: krb5.conf, the
# keytabs kafka.keytab (the brokers'), planner.keytab (a user's) and stale.keytab (the same user's before the key changed).
# Debian's packages krb5-kdc and krb5-admin-server register services, so that they are not installed but unpacked by
# `./dev setup`, into target/tools/kdc.

realm=EVENKEEL.TEST
kdc_tools=$here/../../target/tools/kdc

# Runs a program of the KDC's on this realm.
kdc() { # program argument…
  local program=$1; shift
  program=$(PATH=$PATH:/usr/sbin:$kdc_tools/usr/sbin command -v "$program") || die "there is no $program: run ./dev setup"
  LD_LIBRARY_PATH=$(echo "$kdc_tools"/usr/lib/*-linux-gnu)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
    KRB5_CONFIG=$lab/kdc/krb5.conf KRB5_KDC_PROFILE=$lab/kdc/krb5.conf exec "$program" "$@"
}

write_realm() {
  local modules
  modules=$(compgen -G "$kdc_tools/usr/lib/*-linux-gnu/krb5/plugins/kdb" || true)
  # Nothing is asked of DNS: the brokers are called by their address.
  cat >"$lab/kdc/krb5.conf" <<P
[libdefaults]
  default_realm = $realm
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  permitted_enctypes = aes256-cts-hmac-sha1-96
[realms]
  $realm = {
    kdc = 127.0.0.1:$kdc_port
    kdc_listen = 127.0.0.1:$kdc_port
    kdc_tcp_listen = 127.0.0.1:$kdc_port
    database_name = $lab/kdc/principal
    key_stash_file = $lab/kdc/stash
    acl_file = $lab/kdc/acl
    max_life = 1h
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
  }
[dbmodules]
  ${modules:+db_module_dir = $modules}
[logging]
  kdc = FILE:$lab/kdc/kdc.log
P
}

start_kdc() {
  local kdc_port=$((port + 3 * brokers + 1)) dir=$lab/kdc deadline=$((SECONDS + 60))
  end_kdc
  mkdir -p "$dir"
  write_realm
  { (kdc kdb5_util create -s -W -r "$realm" -P lab-master)
    printf '%s\n' 'addprinc -randkey kafka/127.0.0.1' "ktadd -k $dir/kafka.keytab kafka/127.0.0.1" \
      'addprinc -randkey planner' "ktadd -k $dir/stale.keytab planner" "ktadd -k $dir/planner.keytab planner" |
      (kdc kadmin.local -r "$realm")
  } >"$dir/log" 2>&1 || { cat "$dir/log" >&2; die "no Kerberos realm could be made"; }
  [ -s "$dir/planner.keytab" ] || { cat "$dir/log" >&2; die "no keytabs could be made"; }
  (kdc krb5kdc -n -r "$realm") >>"$dir/log" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/pid"
  until (exec 3<>"/dev/tcp/127.0.0.1/$kdc_port") 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || { cat "$dir/log" >&2; die "the KDC did not start"; }
    sleep 0.1
  done
}

# Ends only a process that this lab started: the pid must still run with this realm's settings.
end_kdc() {
  local pid
  if pid=$(cat "$lab/kdc/pid" 2>/dev/null) \
      && tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "KRB5_CONFIG=$lab/kdc/krb5.conf"
  then kill -KILL "$pid" 2>/dev/null || true
  fi
  rm -rf "$lab/kdc"
}
