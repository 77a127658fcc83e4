# What the labs of both ages share; sourced by them. `lab` is the cluster's directory, `port` its first port, `brokers` and
# `dirs` its shape, `pom` where its jars are named and `class_path_file` where their paths are kept.

die() { echo "lab: $*" >&2; exit 1; }

addresses() { local i list=; for i in $(seq "$brokers"); do list+=,127.0.0.1:$(($1 + i)); done; echo "${list#,}"; }
bootstrap() { addresses "$port"; }
log_dirs() { local k list=; for k in $(seq "$dirs"); do list+=,$lab/broker-$1/disk$k; done; echo "${list#,}"; }

# Two test runs at once must not both fetch jars or write the archive, hence the lock.
fetch_jars() { # [Maven option…]
  command -v java >/dev/null || die "Java is missing: run ./dev setup"
  exec 9>"$here/.lock"; flock 9
  if ! [ -s "$class_path_file" ] || ! tr ':' '\n' <"$class_path_file" | xargs -d '\n' ls >/dev/null 2>&1 \
      || [ "$pom" -nt "$class_path_file" ]; then
    command -v mvn >/dev/null || die "Maven is missing: run ./dev setup"
    # Central answers slowly now and then; a second try costs little.
    local goal=(mvn -q -B -f "$pom" dependency:build-classpath "-Dmdep.outputFile=$class_path_file" "$@")
    "${goal[@]}" >&2 || "${goal[@]}" >&2 || die "Maven could not fetch Kafka's jars"
  fi
  # The exporter of metrics is an agent of its own, never one of the brokers' classes.
  agent=$(tr ':' '\n' <"$class_path_file" | grep jmx_prometheus_javaagent || true)
  class_path=$(tr ':' '\n' <"$class_path_file" | grep -v jmx_prometheus_javaagent | paste -sd:)
}
release_lock() { exec 9>&-; }

is_running() { [ -f "$lab/$1.pid" ] && kill -0 "$(<"$lab/$1.pid")" 2>/dev/null; }

wait_for() { # what a node's log says once it serves, node…
  local said=$1 name deadline=$((SECONDS + 120)); shift
  for name in "$@"; do
    until grep -q "$said" "$lab/$name.log" 2>/dev/null; do
      is_running "$name" || { tail -n 20 "$lab/$name.log" >&2; return 1; }
      [ $SECONDS -lt $deadline ] || { echo "lab: $name was not ready after 120 s; its log is $lab/$name.log" >&2; return 1; }
      sleep 0.1
    done
  done
}

# Ends only a process that this lab started: the pid must still run with this node's own properties file.
end_node() { # name signal
  local pid tries
  pid=$(cat "$lab/$1.pid" 2>/dev/null) || return 0
  if tr "\0" " " 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$lab/$1.properties"; then
    kill "-$2" "$pid" 2>/dev/null || true
    for tries in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
  fi
  rm -f "$lab/$1.pid"
}

# A process of its own that ends the cluster soon after `$1` is gone.
start_guard() {
  if [ -n "$1" ]; then setsid "$0" guard "$1" >/dev/null 2>&1 </dev/null & fi
}

guard() { # Data of a test that was killed is of no use to anybody.
  while kill -0 "$1" 2>/dev/null; do
    sleep 1
    [ -f "$lab/settings" ] || return 0
  done
  stop
}
