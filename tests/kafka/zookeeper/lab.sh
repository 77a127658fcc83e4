#!/usr/bin/env bash
# A real, throw-away Apache Kafka of the ZooKeeper era on 127.0.0.1, run from Maven Central's jars: one ZooKeeper and N
# brokers, plaintext. Needs what the lab of today's Kafka beside it needs.
#
#   lab.sh start          fetch, start; returns when every broker serves, printing the bootstrap servers
#   lab.sh stop           end what `start` started and delete its data
#   lab.sh env            KEY=VALUE: the bootstrap servers and ZooKeeper's address
#   lab.sh end ID         end one broker
#   lab.sh TOOL ARGS…     a Kafka tool against the cluster: topics, configs, log-dirs, reassign, leader-election,
#                         api-versions, cluster; it is told the brokers' addresses, unless ARGS have --zookeeper ADDRESS
#   lab.sh zookeeper ARGS…  ZooKeeper's shell: zookeeper get /brokers/ids/1
#
# Environment (default):
#   KLAB_DIR      (required)  one directory is one cluster: its data, its logs, its pids
#   KLAB_KAFKA    (2.8.2)     Kafka's version, 1.1.1 to 2.8.2
#   KLAB_PORT     (19090)     ZooKeeper's port; broker i listens on KLAB_PORT+i
#   KLAB_BROKERS  (3), KLAB_RACKS (3), KLAB_DIRS (2, log dirs a broker), KLAB_HEAP (256m)
#   KLAB_PROPS    ()          further lines of the brokers' properties
#   KLAB_PARENT   ()          a pid: the cluster ends itself soon after that process is gone
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../common.sh"

[ $# -gt 0 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2; }
command=$1; shift
lab=${KLAB_DIR:?set it to the directory of the cluster}
mkdir -p "$lab"
# A running cluster keeps the settings that it was started with.
if [ "$command" != start ] && [ -f "$lab/settings" ]; then . "$lab/settings"; fi
brokers=${KLAB_BROKERS:-3} racks=${KLAB_RACKS:-3} dirs=${KLAB_DIRS:-2} port=${KLAB_PORT:-19090} heap=${KLAB_HEAP:-256m}
version=${KLAB_KAFKA:-2.8.2}
pom=$here/pom.xml class_path_file=$here/cp-$version.txt
# Short-lived JVMs on a shared machine: a light compiler, a light collector.
java_options=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.awt.headless=true -Djava.net.preferIPv4Stack=true
  # Old ZooKeepers end when they cannot show log4j in JMX, as they cannot in Java 17.
  -Dzookeeper.jmx.log4j.disable=true)

zookeeper_connect() { echo "127.0.0.1:$port"; }

write_logging() { # of the nodes to stdout; of the tools, warnings to stderr
  local name level target
  for name in node:INFO:System.out tool:WARN:System.err; do
    IFS=: read -r name level target <<<"$name"
    cat >"$lab/log4j-$name.properties" <<P
log4j.rootLogger=$level, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.Target=$target
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=[%d] %p %m (%c)%n
P
  done
}

write_properties() {
  local i
  cat >"$lab/zookeeper.properties" <<P
dataDir=$lab/zookeeper
clientPort=$port
clientPortAddress=127.0.0.1
admin.enableServer=false
maxClientCnxns=0
P
  for i in $(seq "$brokers"); do
    # No leader may change by itself while a test compares it. Small indexes, few threads: many brokers, one machine.
    cat >"$lab/broker-$i.properties" <<P
broker.id=$i
broker.rack=rack-$(((i - 1) % racks + 1))
listeners=PLAINTEXT://127.0.0.1:$((port + i))
log.dirs=$(log_dirs "$i")
zookeeper.connect=$(zookeeper_connect)
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
  done
}

start_node() { # name class
  ( cd "$lab"; exec setsid java "-Xmx$heap" -Xms64m "${java_options[@]}" \
      "-Dlog4j.configuration=file:$lab/log4j-node.properties" -cp "$class_path" "$2" "$lab/$1.properties" \
      >>"$lab/$1.log" 2>&1 </dev/null ) &
  echo $! >"$lab/$1.pid"
}

broker_names() { local i; for i in $(seq "$brokers"); do echo "broker-$i"; done; }

start() {
  local name
  is_running zookeeper && die "already running in $lab"
  rm -rf "$lab"/broker-* "$lab"/zookeeper* "$lab"/settings
  fetch_jars "-Dkafka.version=$version"; release_lock; write_logging; write_properties
  printf '%s\n' "KLAB_BROKERS=$brokers" "KLAB_RACKS=$racks" "KLAB_DIRS=$dirs" "KLAB_PORT=$port" "KLAB_HEAP=$heap" \
    "KLAB_KAFKA=$version" >"$lab/settings"
  start_node zookeeper org.apache.zookeeper.server.quorum.QuorumPeerMain
  wait_for 'binding to port' zookeeper || { stop; die "ZooKeeper did not start"; }
  for name in $(broker_names); do start_node "$name" kafka.Kafka; done
  # shellcheck disable=SC2046 # the names hold no blanks
  wait_for '\[KafkaServer id=[0-9]*\] started' $(broker_names) || { stop; die "the cluster did not start"; }
  start_guard "${KLAB_PARENT:-}"
  bootstrap
}

stop() { # The data goes too, so nobody waits for a clean end.
  local name
  for name in zookeeper $(broker_names); do end_node "$name" KILL & done
  wait
  rm -rf "$lab"/broker-* "$lab"/zookeeper* "$lab"/settings "$lab"/*.log "$lab"/*.properties
}

tool() { # class args…
  local place=() class=$1; shift
  case " $* " in
    *' --zookeeper '*) ;;
    *) if [ "${class#kafka.}" != "$class" ]; then place=(--bootstrap-server "$(bootstrap)"); fi ;;
  esac
  fetch_jars "-Dkafka.version=$version"; release_lock
  java -Xmx256m "${java_options[@]}" "-Dlog4j.configuration=file:$lab/log4j-tool.properties" -cp "$class_path" "$class" "$@" "${place[@]}"
}

case $command in
  start) start ;;
  stop) stop ;;
  guard) guard "$1" ;;
  env) echo "BOOTSTRAP=$(bootstrap)"; echo "ZOOKEEPER=$(zookeeper_connect)" ;;
  end) end_node "broker-$1" TERM ;;
  topics) tool kafka.admin.TopicCommand "$@" ;;
  configs) tool kafka.admin.ConfigCommand "$@" ;;
  log-dirs) tool kafka.admin.LogDirsCommand "$@" ;;
  reassign) tool kafka.admin.ReassignPartitionsCommand "$@" ;;
  leader-election) tool kafka.admin.LeaderElectionCommand "$@" ;;
  api-versions) tool kafka.admin.BrokerApiVersionsCommand "$@" ;;
  cluster) tool kafka.tools.ClusterTool "$@" ;;
  zookeeper) tool org.apache.zookeeper.ZooKeeperMain -server "$(zookeeper_connect)" "$@" ;;
  *) die "unknown command $command" ;;
esac
