#!/usr/bin/env bash
# A real, throw-away Apache Kafka of the ZooKeeper era on 127.0.0.1, run from Maven Central's jars: one ZooKeeper and N
# brokers, plaintext. Needs what the lab of today's Kafka beside it needs.
#
#   lab.sh start          fetch, start; returns when every broker serves, printing the bootstrap servers
#   lab.sh stop           end what `start` started and delete its data
#   lab.sh env            KEY=VALUE: the bootstrap servers and ZooKeeper's address
#   lab.sh end ID         end one broker
#   lab.sh TOOL ARGS…     a Kafka tool against the cluster: topics, configs, log-dirs, reassign, leader-election, acls,
#                         api-versions, cluster; it is told the brokers' addresses, unless ARGS have --zookeeper ADDRESS
#   lab.sh zookeeper ARGS…  ZooKeeper's shell: zookeeper get /brokers/ids/1
#
# Environment (default):
#   KLAB_DIR      (required)  one directory is one cluster: its data, its logs, its pids
#   KLAB_KAFKA    (2.8.2)     Kafka's version, 1.0.2 to 3.9.1
#   KLAB_PORT     (19090)     ZooKeeper's port; broker i listens on KLAB_PORT+i
#   KLAB_BROKERS  (3), KLAB_RACKS (3), KLAB_DIRS (2, log dirs a broker), KLAB_HEAP (256m)
#   KLAB_PROPS    ()          further lines of the brokers' properties
#   KLAB_PARENT   ()          a pid: the cluster ends itself soon after that process is gone
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) default_brokers=3
. "$here/../common.sh"

version=${KLAB_KAFKA:-2.8.2}
pom=$here/pom.xml class_path_file=$here/cp-$version.txt
# Old ZooKeepers end when they cannot show log4j in JMX, as they cannot in Java 17.
java_options+=(-Dzookeeper.jmx.log4j.disable=true)

zookeeper_connect() { echo "127.0.0.1:$port"; }

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
    { broker_properties "$i" "PLAINTEXT://127.0.0.1:$((port + i))"
      echo "broker.id=$i"
      echo "zookeeper.connect=$(zookeeper_connect)"
    } >"$lab/broker-$i.properties"
  done
}

start() {
  local name
  is_running zookeeper && die "already running in $lab"
  rm -rf "$lab"/broker-* "$lab"/zookeeper* "$lab"/settings
  fetch_jars "-Dkafka.version=$version"; release_lock; write_logging; write_properties
  keep_settings "KLAB_KAFKA=$version"
  launch_node zookeeper org.apache.zookeeper.server.quorum.QuorumPeerMain
  wait_for 'binding to port' zookeeper || { stop; die "ZooKeeper did not start"; }
  for name in $(broker_names); do launch_node "$name" kafka.Kafka; done
  # shellcheck disable=SC2046 # the names hold no blanks
  wait_for '\[KafkaServer id=[0-9]*\] started' $(broker_names) || { stop; die "the cluster did not start"; }
  start_guard "${KLAB_PARENT:-}"
  bootstrap
}

stop() {
  # shellcheck disable=SC2046 # the names hold no blanks
  end_nodes zookeeper $(broker_names)
}

run_tool() { # tool argument…
  local class place=() name=$1; shift
  case " $* " in
    *' --zookeeper '*) ;;
    *) place=(--bootstrap-server "$(bootstrap)") ;;
  esac
  fetch_jars "-Dkafka.version=$version"; release_lock
  class=$(tool_class "$name")
  launch_tool "$class" "$@" "${place[@]}"
}

case $command in
  start) start ;;
  stop) stop ;;
  guard) guard "$1" ;;
  env) echo "BOOTSTRAP=$(bootstrap)"; echo "ZOOKEEPER=$(zookeeper_connect)" ;;
  end) end_node "broker-$1" TERM ;;
  zookeeper)
    fetch_jars "-Dkafka.version=$version"; release_lock
    launch_tool org.apache.zookeeper.ZooKeeperMain -server "$(zookeeper_connect)" "$@" ;;
  *) run_tool "$command" "$@" ;;
esac
