#!/usr/bin/env bash
# Several hosts on one machine: network namespaces on a bridge, each with its own address and nothing in
# common but the network.
#
# What you will see: a cluster that one host makes, and the others join, each in its role; two workers that
# are told nobody's address, a program on a third host that finds both by mDNS and shares 40 tasks out among
# them, encrypted; what `zmqwork ps` says on a fourth one, and then the cable of one worker pulled in the
# middle of its tasks: after 4 s of silence the other one does them, too.
#
#   sudo examples/two_hosts.sh
#
# Needs root and iproute2; without them it says so, and ends. Everything lives in namespaces of its own,
# which the kernel takes away when the script ends, however it ends.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$here/.venv/bin/python}
[ -x "$python" ] || python=$(command -v python3)

skip() { printf 'two_hosts.sh: %s. Nothing was done.\n' "$1" >&2; exit 0; }

if [ "${1:-}" != inside ]; then
  [ "$(id -u)" = 0 ] || skip 'it needs root, to make network namespaces'
  command -v ip >/dev/null || skip 'it needs ip (apt-get install iproute2)'
  command -v unshare >/dev/null || skip 'it needs unshare (apt-get install util-linux)'
  unshare --net --mount true 2>/dev/null || skip 'this system permits no namespaces'
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  unshare --net --mount --pid --fork --kill-child --mount-proc bash "${BASH_SOURCE[0]}" inside "$place"
  exit
fi

place=$2
say() { printf '\n== %s\n' "$*"; }

# -- four hosts on a switch --------------------------------------------------------------------------

mount -t tmpfs tmpfs /run
ip link add switch type bridge mcast_snooping 0 forward_delay 0
ip link set switch up
number=0
for host in anna bert carl dora; do
  number=$((number + 1))
  ip netns add "$host"
  ip link add "$host" type veth peer name eth0 netns "$host"
  ip link set "$host" master switch up
  ip -n "$host" link set lo up
  ip -n "$host" address add "10.77.0.$number/24" dev eth0
  ip -n "$host" link set eth0 up
  ip -n "$host" route add default dev eth0
  mkdir -m 700 "$place/$host"
done

# Run a command on a host: its network, its own directories for sockets, keys and the audit log, its name.
at() {
  ip netns exec "$1" env -u ZMQWORK_PEERS -u ZMQWORK_KEYS XDG_RUNTIME_DIR="$place/$1" \
    XDG_CONFIG_HOME="$place/$1/config" XDG_STATE_HOME="$place/$1/state" HOST="$1" \
    PYTHONPATH="$place:$here" "${@:2}"
}

# -- one program, for all of them ---------------------------------------------------------------------

cat >"$place/lan.py" <<'PROGRAM'
import collections, os, time
import zmqwork

app = zmqwork.App("lan")

@app.task
def work(number: int) -> str:
    time.sleep(0.1)
    return os.environ["HOST"]

if __name__ == "__main__":
    with app.producer() as producer:
        while producer.workers_known() < int(os.environ["WORKERS"]):
            time.sleep(0.05)
        print("workers found:", ", ".join(sorted(w["name"] for w in producer.status()["workers"])), flush=True)
        futures = [work.submit(number) for number in range(40)]
        futures[4].result()
        print("under way", flush=True)
        done = collections.Counter(future.result(timeout=60) for future in futures)
        print("40 tasks done:", ", ".join(f"{count} by {host}" for host, count in sorted(done.items())))
PROGRAM

# A bundle is carried to its host, here by a common directory; who has it is that node.
join() {
  at anna "$python" -m zmqwork keys add "$1" --role "$2" -o "$place/$1.zwk" --format quiet
  at "$1" "$python" -m zmqwork keys join "$place/$1.zwk" --format quiet
  rm "$place/$1.zwk"
}

say 'anna makes a cluster, and lets in bert as a worker, carl as a producer, dora as an observer'
at anna "$python" -m zmqwork keys init --cluster lan --name anna --format quiet
join bert worker
join carl producer
join dora observer
at dora "$python" -m zmqwork keys list

say 'workers start on anna and bert'
for host in anna bert; do
  at "$host" "$python" -m zmqwork worker lan:app -c 2 -n "$host" --log-level error >"$place/$host.log" 2>&1 &
done

say 'bert hears of carl and dora, who were let in after him'
until at anna "$python" -m zmqwork ps --realm lan 2>/dev/null | grep -q '^bert '; do sleep 0.2; done
at anna "$python" -m zmqwork keys push --realm lan

say 'carl submits 40 tasks, and names nobody'
at carl WORKERS=2 "$python" "$place/lan.py"

say 'dora looks who is there'
at dora "$python" -m zmqwork ps --realm lan

say "carl submits 40 more, and anna's cable is pulled meanwhile"
at carl WORKERS=2 "$python" "$place/lan.py" >"$place/carl.log" 2>&1 &
carl=$!
until grep -q 'under way' "$place/carl.log"; do sleep 0.05; done
ip link set anna nomaster
echo '(the cable is out)'
wait "$carl"
cat "$place/carl.log"
