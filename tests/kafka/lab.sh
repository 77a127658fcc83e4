#!/usr/bin/env bash
# A real, throw-away Apache Kafka (KRaft) on 127.0.0.1, run from Maven Central's jars: one controller and N brokers.
# Needs JDK 17+, bash, coreutils, flock; Maven and the network once, to fetch the jars.
#
#   lab.sh start          fetch, format, start; returns when every broker serves, printing the bootstrap servers
#   lab.sh stop           end what `start` started and delete its data
#   lab.sh env            KEY=VALUE: the bootstrap servers, the authority's certificate, the exporters of metrics, each
#                         broker's log dirs
#   lab.sh end ID         end one broker
#   lab.sh again ID       start an ended broker again, with the data it had
#   lab.sh TOOL ARGS…     a Kafka tool against the cluster: topics, configs, log-dirs, reassign, leader-election, acls,
#                         cluster
#
# Environment (default):
#   KLAB_DIR      (required)  one directory is one cluster: its data, its logs, its pids
#   KLAB_PORT     (19090)     the controller's port; broker i listens on KLAB_PORT+i
#   KLAB_SECURE   ()          1: each broker also listens for SASL_SSL (SCRAM-SHA-512; user lab, password lab-secret;
#                             user reader, password reader-secret) on KLAB_PORT+KLAB_BROKERS+i; the authority's certificate is
#                             KLAB_DIR/tls/ca.pem
#   KLAB_JMX      ()          1: each broker also exports metrics to Prometheus, http://127.0.0.1:PORT/metrics, on
#                             KLAB_PORT+2*KLAB_BROKERS+i
#   KLAB_PROPS    ()          further lines of the nodes' properties
#   KLAB_BROKERS  (6), KLAB_RACKS (3), KLAB_DIRS (2, log dirs a broker), KLAB_HEAP (256m)
#   KLAB_PARENT   ()          a pid: the cluster ends itself soon after that process is gone
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

[ $# -gt 0 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2; }
command=$1; shift
lab=${KLAB_DIR:?set it to the directory of the cluster}
mkdir -p "$lab"
# A running cluster keeps the settings that it was started with.
if [ "$command" != start ] && [ -f "$lab/settings" ]; then . "$lab/settings"; fi
brokers=${KLAB_BROKERS:-6} racks=${KLAB_RACKS:-3} dirs=${KLAB_DIRS:-2} port=${KLAB_PORT:-19090} heap=${KLAB_HEAP:-256m}
secure=${KLAB_SECURE:-} jmx=${KLAB_JMX:-}
# 16 bytes in base64url, as Kafka wants them; the same for all labs, which never meet.
cluster_id=ZXZlbmtlZWwta2Fma2EtMQ
pom=$here/pom.xml class_path_file=$here/cp.txt
# Short-lived JVMs on a shared machine: a light compiler, a light collector, and the shared archive of classes.
java_options=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Djava.awt.headless=true -Djava.net.preferIPv4Stack=true)

# The archive of loaded classes halves the start of each JVM; its name changes with what it depends on.
use_archive() {
  local key; key=$( { echo "$class_path" "${java_options[@]}"; java -version; } 2>&1 | cksum | cut -d' ' -f1)
  archive=$here/kafka-$key.jsa
  if [ -f "$archive" ]; then java_options+=("-XX:SharedArchiveFile=$archive"); fi
}

write_logging() { # of the nodes to stdout; of the tools, warnings to stderr
  local name level target
  for name in node:info:SYSTEM_OUT tool:warn:SYSTEM_ERR; do
    IFS=: read -r name level target <<<"$name"
    cat >"$lab/log4j2-$name.properties" <<P
rootLogger.level=$level
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.target=$target
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c{1})%n
P
  done
}

# An authority and one certificate for all brokers, which share the address.
write_certificates() {
  local tls=$lab/tls
  mkdir -p "$tls"
  { openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=lab-authority -keyout "$tls/ca.key" -out "$tls/ca.pem"
    openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout "$tls/broker.key" -out "$tls/broker.csr"
    openssl x509 -req -days 30 -in "$tls/broker.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial \
      -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost) -out "$tls/broker.crt"
  } >"$tls/log" 2>&1 || { cat "$tls/log" >&2; die "no certificates could be made"; }
  cat "$tls/broker.key" "$tls/broker.crt" >"$tls/broker.pem"
}

write_secure_properties() { # of broker $1
  cat >>"$lab/broker-$1.properties" <<P
ssl.keystore.type=PEM
ssl.keystore.location=$lab/tls/broker.pem
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
P
}

write_properties() {
  local i listeners common="controller.quorum.voters=1000@127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL"
  cat >"$lab/controller.properties" <<P
process.roles=controller
node.id=1000
listeners=CONTROLLER://127.0.0.1:$port
log.dirs=$lab/controller/meta
$common
${KLAB_PROPS:-}
P
  for i in $(seq "$brokers"); do
    listeners=PLAINTEXT://127.0.0.1:$((port + i))
    if [ -n "$secure" ]; then listeners+=,SASL_SSL://127.0.0.1:$((port + brokers + i)); fi
    # No leader may change by itself while a test compares it. Small indexes, few threads: many brokers, one machine.
    cat >"$lab/broker-$i.properties" <<P
process.roles=broker
node.id=$i
broker.rack=rack-$(((i - 1) % racks + 1))
listeners=$listeners
log.dirs=$(log_dirs "$i")
$common
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
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
${KLAB_PROPS:-}
P
    if [ -n "$secure" ]; then write_secure_properties "$i"; fi
  done
}

# Kafka's formatter writes the controller's first metadata; a broker needs no more than who it is in each log dir,
# and writing that here saves a JVM per broker.
format_nodes() {
  local i dir
  for i in $(seq "$brokers"); do
    for dir in $(log_dirs "$i" | tr ',' ' '); do
      mkdir -p "$dir"
      printf 'version=1\ncluster.id=%s\nnode.id=%s\ndirectory.id=%s\n' "$cluster_id" "$i" \
        "$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d '=')" >"$dir/meta.properties"
    done
  done
  local users=()
  if [ -n "$secure" ]; then users=(--add-scram 'SCRAM-SHA-512=[name=lab,password=lab-secret]'
    --add-scram 'SCRAM-SHA-512=[name=reader,password=reader-secret]'); fi
  tool kafka.tools.StorageTool format -t "$cluster_id" -c "$lab/controller.properties" "${users[@]}" \
    >"$lab/format.log" 2>&1 || { cat "$lab/format.log" >&2; die "formatting failed"; }
}

tool() { java -Xmx256m "${java_options[@]}" "-Dlog4j2.configurationFile=$lab/log4j2-tool.properties" -cp "$class_path" "$@"; }

start_node() { # name [java option…]
  local name=$1; shift
  ( cd "$lab"; exec setsid java "-Xmx$heap" -Xms64m "${java_options[@]}" "$@" \
      "-Dlog4j2.configurationFile=$lab/log4j2-node.properties" -cp "$class_path" kafka.Kafka "$lab/$name.properties" \
      >>"$lab/$name.log" 2>&1 </dev/null ) &
  echo $! >"$lab/$name.pid"
}

start_broker() { # id
  local options=()
  if [ -n "$jmx" ]; then
    options=("-javaagent:$agent=127.0.0.1:$((port + 2 * brokers + $1)):$here/jmx-exporter.yml")
  fi
  start_node "broker-$1" "${options[@]}"
}

# A broker says so after the controller has unfenced it, so the cluster can be used at once.
wait_ready() { wait_for 'Kafka Server started' "$@"; }

# The archive is recorded by the life of one small server that is both controller and broker.
record_archive() {
  if [ -f "$archive" ]; then return 0; fi
  local scratch=$lab/archive pid
  mkdir -p "$scratch/data"
  cat >"$lab/archive.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$port
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$((port + 1)),CONTROLLER://127.0.0.1:$port
log.dirs=$scratch/data
P
  tool kafka.tools.StorageTool format -t "$cluster_id" -c "$lab/archive.properties" >"$scratch/format.log" 2>&1
  start_node archive "-XX:ArchiveClassesAtExit=$archive.$$"
  if wait_ready archive; then
    end_node archive TERM
    if [ -f "$archive.$$" ]; then mv "$archive.$$" "$archive"; fi
  else
    end_node archive KILL
    echo "lab: no class archive could be recorded; going on without" >&2
  fi
  rm -rf "$scratch" "$lab/archive.properties" "$lab/archive.log" "$archive.$$"
  use_archive
}

nodes() { local i; echo controller; for i in $(seq "$brokers"); do echo "broker-$i"; done; }

start() {
  local name i
  is_running controller && die "already running in $lab"
  rm -rf "$lab"/broker-* "$lab"/controller* "$lab"/settings
  fetch_jars; write_logging; use_archive; record_archive; release_lock
  if [ -n "$secure" ]; then write_certificates; fi
  write_properties
  printf '%s\n' "KLAB_BROKERS=$brokers" "KLAB_RACKS=$racks" "KLAB_DIRS=$dirs" "KLAB_PORT=$port" "KLAB_HEAP=$heap" \
    "KLAB_SECURE=$secure" "KLAB_JMX=$jmx" >"$lab/settings"
  format_nodes
  start_node controller
  for i in $(seq "$brokers"); do start_broker "$i"; done
  # shellcheck disable=SC2046 # the names hold no blanks
  wait_ready $(nodes) || { stop; die "the cluster did not start"; }
  start_guard "${KLAB_PARENT:-}"
  bootstrap
}

again() { # id
  fetch_jars; use_archive; release_lock
  rm -f "$lab/broker-$1.log"
  start_broker "$1"; wait_ready "broker-$1"
}

stop() { # The data goes too, so nobody waits for a clean end.
  local name
  for name in $(nodes); do end_node "$name" KILL & done
  wait
  rm -rf "$lab"/broker-* "$lab"/controller* "$lab"/settings "$lab"/*.log "$lab"/*.properties
}

run_tool() { # class args…
  local class=$1; shift
  fetch_jars; release_lock; use_archive
  # At the end, for the cluster tool wants its subcommand first.
  tool "$class" "$@" --bootstrap-server "$(bootstrap)"
}

tools=org.apache.kafka.tools
case $command in
  start) start ;;
  stop) stop ;;
  guard) guard "$1" ;;
  env)
    echo "BOOTSTRAP=$(bootstrap)"
    if [ -n "$secure" ]; then echo "SECURE_BOOTSTRAP=$(addresses $((port + brokers)))"; echo "CA=$lab/tls/ca.pem"; fi
    if [ -n "$jmx" ]; then echo "EXPORTERS=$(addresses $((port + 2 * brokers)))"; fi
    for i in $(seq "$brokers"); do echo "LOG_DIRS_$i=$(log_dirs "$i")"; done ;;
  end) end_node "broker-$1" TERM ;;
  again) again "$1" ;;
  topics) run_tool $tools.TopicCommand "$@" ;;
  configs) run_tool kafka.admin.ConfigCommand "$@" ;;
  log-dirs) run_tool $tools.LogDirsCommand "$@" ;;
  reassign) run_tool $tools.reassign.ReassignPartitionsCommand "$@" ;;
  leader-election) run_tool $tools.LeaderElectionCommand "$@" ;;
  acls) run_tool $tools.AclCommand "$@" ;;
  cluster) run_tool $tools.ClusterTool "$@" ;;
  *) die "unknown command $command" ;;
esac
