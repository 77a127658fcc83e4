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
#                         api-versions, cluster
#
# Environment (default):
#   KLAB_DIR      (required)  one directory is one cluster: its data, its logs, its pids
#   KLAB_PORT     (19090)     the controller's port; broker i listens on KLAB_PORT+i
#   KLAB_SECURE   ()          1: each broker also listens for SASL_SSL (SCRAM-SHA-512; user lab, password lab-secret;
#                             user reader, password reader-secret) on KLAB_PORT+KLAB_BROKERS+i; the authority's certificate is
#                             KLAB_DIR/tls/ca.pem
#   KLAB_KERBEROS ()          1: each broker also listens for SASL_PLAINTEXT with GSSAPI, in that same place; the realm, its
#                             KDC (on KLAB_PORT+3*KLAB_BROKERS+1) and keytabs are in KLAB_DIR/kdc, kdc.sh says how called
#   KLAB_KAFKA    (pom.xml's) Kafka's version, 3.3.2 or later; the tests use none but pom.xml's
#   KLAB_JMX      ()          1: each broker also exports metrics to Prometheus, http://127.0.0.1:PORT/metrics, on
#                             KLAB_PORT+2*KLAB_BROKERS+i
#   KLAB_PROPS    ()          further lines of the nodes' properties
#   KLAB_BROKERS  (6), KLAB_RACKS (3), KLAB_DIRS (2, log dirs a broker), KLAB_HEAP (256m)
#   KLAB_PARENT   ()          a pid: the cluster ends itself soon after that process is gone
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) default_brokers=6
. "$here/common.sh"
. "$here/kdc.sh"

secure=${KLAB_SECURE:-} jmx=${KLAB_JMX:-} kerberos=${KLAB_KERBEROS:-} version=${KLAB_KAFKA:-}
# 16 bytes in base64url, as Kafka wants them; the same for all labs, which never meet.
cluster_id=ZXZlbmtlZWwta2Fma2EtMQ
pom=$here/pom.xml class_path_file=$here/cp${version:+-$version}.txt
java_options+=(-Xshare:auto)

fetch() { fetch_jars ${version:+"-Dkafka.version=$version"}; }

# The archive of loaded classes halves the start of each JVM; its name changes with what it depends on.
use_archive() {
  local key; key=$( { echo "$class_path" "${java_options[@]}"; java -version; } 2>&1 | cksum | cut -d' ' -f1)
  archive=$here/kafka-$key.jsa
  if [ -f "$archive" ]; then java_options+=("-XX:SharedArchiveFile=$archive"); fi
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

write_kerberos_properties() { # of broker $1
  cat >>"$lab/broker-$1.properties" <<P
sasl.enabled.mechanisms=GSSAPI
sasl.kerberos.service.name=kafka
listener.name.sasl_plaintext.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true \
  storeKey=true keyTab="$lab/kdc/kafka.keytab" principal="kafka/127.0.0.1@$realm";
P
}

write_properties() {
  local i listeners common="controller.quorum.voters=1000@127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"
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
    if [ -n "$kerberos" ]; then listeners+=,SASL_PLAINTEXT://127.0.0.1:$((port + brokers + i)); fi
    { cat <<P
process.roles=broker
node.id=$i
$common
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
P
      broker_properties "$i" "$listeners"
    } >"$lab/broker-$i.properties"
    if [ -n "$secure" ]; then write_secure_properties "$i"; fi
    if [ -n "$kerberos" ]; then write_kerberos_properties "$i"; fi
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
  launch_tool kafka.tools.StorageTool format -t "$cluster_id" -c "$lab/controller.properties" "${users[@]}" \
    >"$lab/format.log" 2>&1 || { cat "$lab/format.log" >&2; die "formatting failed"; }
}

start_broker() { # id
  local options=()
  if [ -n "$jmx" ]; then
    options=("-javaagent:$agent=127.0.0.1:$((port + 2 * brokers + $1)):$here/jmx-exporter.yml")
  fi
  if [ -n "$kerberos" ]; then options+=("-Djava.security.krb5.conf=$lab/kdc/krb5.conf"); fi
  launch_node "broker-$1" kafka.Kafka "${options[@]}"
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
  launch_tool kafka.tools.StorageTool format -t "$cluster_id" -c "$lab/archive.properties" >"$scratch/format.log" 2>&1
  launch_node archive kafka.Kafka "-XX:ArchiveClassesAtExit=$archive.$$"
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

start() {
  local i
  is_running controller && die "already running in $lab"
  rm -rf "$lab"/broker-* "$lab"/controller* "$lab"/settings
  fetch; write_logging; use_archive; record_archive; release_lock
  if [ -n "$secure" ]; then write_certificates; fi
  if [ -n "$kerberos" ]; then start_kdc; fi
  write_properties
  keep_settings "KLAB_SECURE=$secure" "KLAB_JMX=$jmx" "KLAB_KERBEROS=$kerberos" "KLAB_KAFKA=$version"
  format_nodes
  launch_node controller kafka.Kafka
  for i in $(seq "$brokers"); do start_broker "$i"; done
  # shellcheck disable=SC2046 # the names hold no blanks
  wait_ready controller $(broker_names) || { stop; die "the cluster did not start"; }
  start_guard "${KLAB_PARENT:-}"
  bootstrap
}

again() { # id
  fetch; use_archive; release_lock
  rm -f "$lab/broker-$1.log"
  start_broker "$1"; wait_ready "broker-$1"
}

stop() {
  end_kdc
  # shellcheck disable=SC2046 # the names hold no blanks
  end_nodes controller $(broker_names)
}

run_tool() { # tool argument…
  local class
  fetch; release_lock; use_archive
  class=$(tool_class "$1"); shift
  # At the end, for the cluster tool wants its subcommand first.
  launch_tool "$class" "$@" --bootstrap-server "$(bootstrap)"
}

case $command in
  start) start ;;
  stop) stop ;;
  guard) guard "$1" ;;
  env)
    echo "BOOTSTRAP=$(bootstrap)"
    if [ -n "$secure$kerberos" ]; then echo "SECURE_BOOTSTRAP=$(addresses $((port + brokers)))"; fi
    if [ -n "$secure" ]; then echo "CA=$lab/tls/ca.pem"; fi
    if [ -n "$kerberos" ]; then echo "KDC=$lab/kdc"; fi
    if [ -n "$jmx" ]; then echo "EXPORTERS=$(addresses $((port + 2 * brokers)))"; fi
    for i in $(seq "$brokers"); do echo "LOG_DIRS_$i=$(log_dirs "$i")"; done ;;
  end) end_node "broker-$1" TERM ;;
  again) again "$1" ;;
  *) run_tool "$command" "$@" ;;
esac
