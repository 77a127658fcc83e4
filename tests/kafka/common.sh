# What the labs of both ages share; sourced by them with their own arguments. It sets `command`, `lab`, the cluster's
# directory, `port`, its first port, and its shape. A lab sets `pom`, where its jars are named, and `class_path_file`, where
# their paths are kept.

die() { echo "lab: $*" >&2; exit 1; }

[ $# -gt 0 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
command=$1; shift
lab=${KLAB_DIR:?set it to the directory of the cluster}
mkdir -p "$lab"
# A running cluster keeps the settings that it was started with.
if [ "$command" != start ] && [ -f "$lab/settings" ]; then . "$lab/settings"; fi
brokers=${KLAB_BROKERS:-$default_brokers} racks=${KLAB_RACKS:-3} dirs=${KLAB_DIRS:-2} port=${KLAB_PORT:-19090}
heap=${KLAB_HEAP:-256m}
# Short-lived JVMs on a shared machine: a light compiler, a light collector.
java_options=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.awt.headless=true -Djava.net.preferIPv4Stack=true)

keep_settings() { # further KEY=VALUE…
  printf '%s\n' "KLAB_BROKERS=$brokers" "KLAB_RACKS=$racks" "KLAB_DIRS=$dirs" "KLAB_PORT=$port" "KLAB_HEAP=$heap" "$@" \
    >"$lab/settings"
}

# What brokers of all ages are told. No leader may change by itself while a test compares it. Small indexes, few threads:
# many brokers, one machine.
broker_properties() { # id listeners
  cat <<P
broker.rack=rack-$((($1 - 1) % racks + 1))
listeners=$2
log.dirs=$(log_dirs "$1")
auto.create.topics.enable=false
auto.leader.rebalance.enable=false
log.cleaner.enable=false
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
${KLAB_PROPS:-}
P
}

# The class of a tool; tools moved between packages, so that the first name is taken that this version has. A jar lists its
# entries uncompressed: grep finds them.
tool_class() { # tool
  local name class jars new=org.apache.kafka.tools
  case $1 in
    topics) name=TopicCommand ;;
    configs) name=ConfigCommand ;;
    log-dirs) name=LogDirsCommand ;;
    reassign) name=ReassignPartitionsCommand ;;
    leader-election) name=LeaderElectionCommand ;;
    acls) name=AclCommand ;;
    api-versions) name=BrokerApiVersionsCommand ;;
    cluster) name=ClusterTool ;;
    *) die "unknown command $1" ;;
  esac
  mapfile -t jars < <(tr ':' '\n' <<<"$class_path" | grep '/kafka[_-][^/]*\.jar$')
  for class in $new.$name $new.reassign.$name kafka.admin.$name kafka.tools.$name; do
    if grep -qF "${class//.//}.class" "${jars[@]}"; then echo "$class"; return; fi
  done
  die "this version has no $name"
}

write_logging() { # of the nodes to stdout; of the tools, warnings to stderr; each for the loggers of both ages
  local line name level out layout='[%d] %p %m (%c{1})%n'
  for line in node:info:out tool:warn:err; do
    IFS=: read -r name level out <<<"$line"
    cat >"$lab/log4j-$name.properties" <<P
log4j.rootLogger=$level, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.Target=System.$out
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=$layout
P
    cat >"$lab/log4j2-$name.properties" <<P
rootLogger.level=$level
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.target=SYSTEM_${out^^}
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=$layout
P
  done
}

logging() { # node or tool
  echo "-Dlog4j.configuration=file:$lab/log4j-$1.properties" "-Dlog4j2.configurationFile=$lab/log4j2-$1.properties"
}

launch_node() { # name class java option…
  local name=$1 class=$2; shift 2
  # shellcheck disable=SC2046 # the paths hold no blanks
  ( cd "$lab"; exec setsid java "-Xmx$heap" -Xms64m "${java_options[@]}" "$@" $(logging node) -cp "$class_path" \
      "$class" "$lab/$name.properties" >>"$lab/$name.log" 2>&1 </dev/null ) &
  echo $! >"$lab/$name.pid"
}

launch_tool() { # class argument…
  # shellcheck disable=SC2046 # the paths hold no blanks
  java -Xmx256m "${java_options[@]}" $(logging tool) -cp "$class_path" "$@"
}

end_nodes() { # name…; their data goes too, so nobody waits for a clean end
  local name
  for name in "$@"; do end_node "$name" KILL & done
  wait
  for name in "$@"; do rm -rf "$lab/$name" "$lab/$name".*; done
  rm -rf "$lab"/settings "$lab"/*.log "$lab"/*.properties
}

broker_names() { local i; for i in $(seq "$brokers"); do echo "broker-$i"; done; }

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
  local said=$1 name deadline=$((SECONDS + 300)); shift
  for name in "$@"; do
    until grep -q "$said" "$lab/$name.log" 2>/dev/null; do
      is_running "$name" || { tail -n 20 "$lab/$name.log" >&2; return 1; }
      [ $SECONDS -lt $deadline ] || { echo "lab: $name was not ready after 300 s; its log is $lab/$name.log" >&2; return 1; }
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
