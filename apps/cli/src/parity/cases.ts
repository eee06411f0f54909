/**
 * Command lines whose requests, output and exit status are compared with those of Docker's command line.
 * Words are parted by spaces; a word may stand in single quotes.
 */
export const CASES: readonly string[] = `
run -d bb
run bb
run bb true
run --rm bb echo 'a b' -x --name=y
run -it bb sh
run -i bb cat
run -a stdout bb
run -a stdin -a STDERR bb
run -a foo bb
run -d -a stdout bb
run --name n -h host --domainname d -u me:grp -w /w -e A=1 -e PASSED -e NOT_THERE -d bb
run -d --env-file env.list -e A=2 bb
run -d --env-file bad.list bb
run -d --env-file noname.list bb
run -d --env-file missing.list bb
run -d -e =x bb
run -d -l a=b -l c --label d=e=f --label-file labels.list bb
run -d -l =x bb
run -d --entrypoint /bin/x bb a b
run -d --entrypoint= bb
run -d --entrypoint '' bb a
run -d -p 8080:80 -p 127.0.0.1:9000-9002:9000-9002 -p 53:53/udp -p 7000 bb
run -d -p 8000-8010:80 bb
run -d -p [::1]:80:80 -p 0.0.0.0::81 -p ::82 bb
run -d -p published=80,target=8080,protocol=udp bb
run -d -p published=80,target bb
run -d -p 80:80:80:80 bb
run -d -p x:80 bb
run -d -p 80:x bb
run -d -p 80-82:90-95 bb
run -d -p 80/foo bb
run -d -p 99999:80 bb
run -d -p 1.2.3.4:80: bb
run -d -p 82-80:80 bb
run -d --expose 80 --expose 90-92/udp -P bb
run -d --expose 80:80 bb
run -d --expose x bb
run -d -v /a:/b -v vol:/c:ro -v /anon bb
run -d -v ./rel:/b bb
run -d -v a:b:c:d bb
run -d -v : bb
run -d -v /a::ro bb
run -d -v '' bb
run -d -v /a:/b:ro,z,rslave bb
run -d --mount type=bind,source=/a,target=/b,readonly,bind-propagation=rslave bb
run -d --mount source=v,dst=/d,volume-nocopy,volume-label=a=b,volume-label=c,volume-driver=local,volume-opt=type=tmpfs,volume-opt=o=size=1m bb
run -d --mount type=tmpfs,destination=/t,tmpfs-size=64m,tmpfs-mode=1777 bb
run -d --mount type=image,src=bb,target=/i,image-subpath=etc bb
run -d --mount type=volume,src=v,target=/v,volume-subpath=a/b,ro=true bb
run -d --mount type=bind,src=/a,target=/b,bind-recursive=disabled bb
run -d --mount type=bind,src=/a,target=/b,bind-recursive=readonly,ro,bind-propagation=rprivate bb
run -d --mount type=bind,src=/a,target=/b,bind-recursive=readonly bb
run -d --mount type=bind,src=/a,target=/b,bind-recursive=writable bb
run -d --mount type=bind,src=/a,target=/b,bind-recursive=foo bb
run -d --mount type=bind,src=/a,target=/b,bind-nonrecursive bb
run -d --mount type=bind,src=/a,target=/b,consistency=cached bb
run -d --mount type=bind,src=./rel,target=/b bb
run -d --mount type=bind,src=/a bb
run -d --mount foo bb
run -d --mount type=bind,foo=bar bb
run -d --mount type=bind,src=/a,target=/b,volume-nocopy bb
run -d --mount type=tmpfs,target=/b,bind-propagation=shared bb
run -d --mount type=volume,target=/b,tmpfs-size=1 bb
run -d --mount type=tmpfs,target=/b,tmpfs-size=x bb
run -d --mount type=tmpfs,target=/b,tmpfs-mode=9 bb
run -d --mount type=bind,src=/a,target=/b,ro=maybe bb
run -d --mount 'type=bind,"src=/a,b",target=/b' bb
run -d --mount 'type=bind,"src=/a' bb
run -d --tmpfs /t --tmpfs /u:size=1m,noexec bb
run -d --volumes-from a --volumes-from b:ro --volume-driver x bb
run -d --network none bb
run -d --network host bb
run -d --network container:other bb
run -d --network mynet --network-alias a --network-alias b --ip 10.0.0.5 --ip6 fe80::1 --link-local-ip 169.254.1.1 --mac-address 92:d0:c6:0a:29:33 bb
run -d --network name=mynet,alias=x,alias=y,ip=10.0.0.9,driver-opt=a=b,gw-priority=5 --network other bb
run -d --network name=mynet,foo=bar bb
run -d --network alias=x,ip=1.2.3.4 bb
run -d --network a --network a bb
run -d --network a --network host bb
run -d --network name=a,alias=x --network-alias y bb
run -d --network name=a,ip=1.1.1.1 --ip 2.2.2.2 bb
run -d --network-alias x bb
run -d --net mynet --net-alias z bb
run -d --network name=a,gw-priority=x bb
run -d --link a:b --link c bb
run -d --network mynet --link a:b bb
run -d --link a:b:c bb
run -d --mac-address zz bb
run -d --dns 8.8.8.8 --dns ::1 --dns-search example.com --dns-search . --dns-option ndots:2 bb
run -d --dns x bb
run -d --dns 127.0.0.1 bb
run -d --dns-search '!' bb
run -d --add-host a:1.2.3.4 --add-host b:host-gateway --add-host c=::1 --add-host d:[::1] bb
run -d --add-host a bb
run -d --add-host a:x bb
run -d -m 512m --memory-reservation 256m --memory-swap 1g --memory-swappiness 10 --kernel-memory 50m bb
run -d -m 1.5g --memory-swap -1 --shm-size 64m bb
run -d -m x bb
run -d -m 1q bb
run -d -m 10kib bb
run -d --memory-swappiness 101 bb
run -d --cpus 1.5 -c 512 --cpu-period 100000 --cpu-quota 50000 --cpuset-cpus 0-1 --cpuset-mems 0 --cpu-rt-period 1000 --cpu-rt-runtime 500 bb
run -d --cpus x bb
run -d --cpus 1.0000000001 bb
run -d --cpus .5 bb
run -d --blkio-weight 300 --blkio-weight-device /dev/sda:500 --device-read-bps /dev/sda:1mb --device-write-bps /dev/sda:100 --device-read-iops /dev/sda:5 --device-write-iops /dev/sda:6 bb
run -d --blkio-weight-device sda:500 bb
run -d --blkio-weight-device /dev/sda:5 bb
run -d --device-read-bps /dev/sda:x bb
run -d --device-read-iops /dev/sda:x bb
run -d --device-write-bps /dev/sda bb
run -d --pids-limit 100 --oom-kill-disable --oom-score-adj 100 bb
run -d --ulimit nofile=100:200 --ulimit nproc=5 --ulimit core=-1 bb
run -d --ulimit nofile bb
run -d --ulimit foo=1 bb
run -d --ulimit nofile=5:3 bb
run -d --ulimit nofile=1:2:3 bb
run -d --ulimit nofile=x bb
run -d --device /dev/null --device /dev/zero:/dev/z --device /dev/full:r --device /dev/a:/dev/b:rw --device-cgroup-rule 'c 1:3 rwm' bb
run -d --device a:b:c:d bb
run -d --device /dev/a:/dev/b:x bb
run -d --device /dev/a:b bb
run -d --device vendor.com/class=name bb
run -d --device-cgroup-rule x bb
run -d --gpus all bb
run -d --gpus 2 bb
run -d --gpus 'device=0,driver=nvidia,"capabilities=utility,compute"' bb
run -d --gpus foo bb
run -d --gpus all,count=2 bb
run -d --cap-add NET_ADMIN --cap-add ALL --cap-drop MKNOD --privileged --group-add 5 --group-add audio bb
run -d --cap-drop ALL --cap-add chown --cap-drop net_admin --cap-add CAP_CHOWN bb
run -d --cap-add X --cap-drop x bb
run -d --security-opt no-new-privileges --security-opt seccomp=unconfined --security-opt label=disable bb
run -d --security-opt seccomp=seccomp.json bb
run -d --security-opt seccomp=missing.json bb
run -d --security-opt seccomp=broken-profile bb
run -d --security-opt foo bb
run -d --security-opt systempaths=unconfined --security-opt apparmor:x bb
run -d --read-only --init --restart always --runtime crun --isolation default bb
run -d --init=false --restart on-failure:5 bb
run -d --restart foo bb
run -d --restart :3 bb
run -d --restart on-failure:x bb
run -d --rm --restart always bb
run -d --stop-signal SIGINT --stop-timeout 0 --userns host --pid host --ipc shareable --uts host --cgroupns private --cgroup-parent /x bb
run -d --pid foo bb
run -d --pid container:x bb
run -d --userns foo bb
run -d --uts foo bb
run -d --cgroupns foo bb
run -d --log-driver json-file --log-opt max-size=1m --log-opt max-file=3 bb
run -d --log-driver none --log-opt a=b bb
run -d --storage-opt size=1G --sysctl net.core.somaxconn=1 --sysctl kernel.msgmax=5 --annotation a=b --annotation c bb
run -d --storage-opt size bb
run -d --sysctl foo=1 bb
run -d --sysctl net.x bb
run -d --health-cmd 'curl x' --health-interval 5s --health-retries 3 --health-timeout 1m30s --health-start-period 500ms --health-start-interval 2s bb
run -d --no-healthcheck bb
run -d --no-healthcheck --health-cmd x bb
run -d --health-retries -1 bb
run -d --health-interval 5 bb
run -d --health-interval x bb
run -d --health-interval 1.5h bb
run -d --platform linux/arm64 --name p bb
run -d --pull never bb
run -d --pull foo bb
run -d --cidfile env.list bb
run -dit bb
run -itd --name=x bb
run -di=false bb
run --detach=maybe bb
run -d --foo bb
run -dz bb
run -d --memory
run -d -p
run -d --name= bb
run --=x bb
run
create --name c -p 80 bb sh
create bb
create --foo
create
exec c ls -l
exec -d -e A -e B=1 -w /x -u me --privileged c a b
exec -it c ls
exec --env-file env.list c env
exec -e =1 c env
exec c
exec
start c
start a b
start -a c
start -a c d
start -i c
attach c
attach --no-stdin c
attach a b
stop a b
stop -t 3 -s INT c
stop --time 3 c
stop -t x c
stop
restart -t -1 c
kill c
kill -s 9 a b
pause c
unpause a b
rename a b
rename a
rm -f -v a b
rm --link a
rm
wait a b
port c
port c 80
port c 80/udp
port
diff c
top c
top c -o pid,args -x
ps
ps -a -s -n 3 -f label=x -f label=y -f status=running
ps -q --no-trunc -l
ps -f foo
ps -n x
ps a
ps --foo
ps -z
update -m 10m --memory-swap 20m --cpus 1.5 --restart always --pids-limit 5 a b
update --cpu-shares 5 --cpuset-cpus 0 --blkio-weight 10 c
update a
update -m x a
logs c
logs -f -t -n 5 --details c
logs --since foo c
logs
commit c
commit -a me -m msg -c 'CMD x' -c 'ENV a=b' -p=false c img:1
commit c reg:5000/a/b
commit c A
export c
inspect
rmi a b
rmi -f --no-prune a
images -a --digests -f dangling=true
images foo
tag a b:c
tag a
image prune -f
image prune -a -f --filter until=24h --filter label=x
container prune -f
container prune -f --filter label!=x
container foo
container ls --foo
network create n
network create -d bridge --subnet 10.1.0.0/16 --gateway 10.1.0.1 --ip-range 10.1.1.0/24 --aux-address a=10.1.0.5 -o k=v --label l=m --internal --attachable --ipv6 n
network create --subnet 10.1.0.0/16 --subnet 10.1.0.0/24 n
network create --gateway 10.1.0.1 n
network create --ipam-driver x --ipam-opt a=b --scope swarm --ingress --config-from y n
network create
network connect --ip 10.0.0.1 --alias a --alias b --link x:y --driver-opt k=v n c
network disconnect -f n c
network rm a b
network rm
network ls -f driver=bridge -q
network prune -f --filter label=x
volume create
volume create -d local -o type=tmpfs -o o=size=1m --label a=b v
volume ls -f dangling=true -q
volume rm a b
volume rm -f a
volume prune -f
volume prune -a -f --filter label=x
foo
--foo
-l foo ps
help nope
`
  .trim()
  .split("\n");

/** The plainest container: other create requests are shown as what differs from its. */
export const BASE = "run -d bb";

/** Cuts a line into words. */
export function words(line: string): string[] {
  const found = line.match(/'[^']*'|[^\s']+(?:'[^']*')?/g) ?? [];
  return found.map((word) => word.replaceAll("'", ""));
}
