/** Command lines whose output on the answers of fixtures/answers.json is compared with that of Docker's command line. */
export const VIEWS: readonly string[] = `
ps
ps -a
ps -a --no-trunc
ps -s
ps -q
ps -q --no-trunc
ps --format json
ps --format '{{json .}}'
ps --format raw
ps --format 'table {{.ID}}\\t{{.Image}}\\t{{.Label "a"}}\\t{{.Names}}'
ps --format 'table {{.Names}}\\t{{.Label "com.example.long_name"}}'
ps --format 'table {{.Names}}\\t{{.CreatedAt}}\\t{{.RunningFor}}\\t{{.Mounts}}\\t{{.Networks}}\\t{{.LocalVolumes}}\\t{{.State}}\\t{{.Size}}'
ps --format '{{.Names}}: {{.Labels}}'
ps --format '{{.Names}}|{{upper .State}}|{{.Status | printf "%-30s"}}|{{pad .ID 1 1}}|{{truncate .ID 4}}|{{.Command | len}}|{{json .Ports}}'
ps --format 'table {{upper .Names}}\\t{{json .ID}}\\t{{.Ports}}'
ps --format '{{range split .Ports ","}}[{{.}}]{{end}}'
ps --format '{{.Foo}}'
ps --format '{{.Names'
ps --format 'table {{.Foo}}'
ps --format '{{.Label}}'
ps --format table
ps --format ''
images
images -a
images -q
images --no-trunc
images --digests
images --digests --format 'table {{.Repository}}\\t{{.Digest}}'
images --format json
images --format raw
images --format '{{.Repository}}:{{.Tag}} {{.ID}} {{.CreatedAt}} {{.Size}} {{.VirtualSize}}'
images --format '{{.CreatedSince}} {{.Digest}}'
search x
search --no-trunc --limit 5 x
search -f is-automated=true x
search --format json x
search --format '{{json .}}' x
search --format '{{.Name}} {{.IsOfficial}} {{.StarCount}} {{.Description}}' x
search --format 'table {{.Name}}\\t{{.IsOfficial}}' x
search --format '{{.IsAutomated}}' x
search
network ls
network ls -q
network ls --no-trunc
network ls --format json
network ls --format raw
network ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.IPv6}} {{.Internal}} {{.Labels}} {{.Label "x"}} {{.CreatedAt}}'
volume ls
volume ls -q
volume ls --format json
volume ls --format raw
volume ls --format 'table {{.Name}}\\t{{.Label "a"}}\\t{{.Mountpoint}}\\t{{.Labels}}'
history bb
history --no-trunc bb
history -q bb
history -H=false bb
history --format json bb
history --format '{{.CreatedSince}} {{.CreatedBy}} {{.Size}}' bb
system df
system df -v
system df --format json
system df --format 'table {{.Type}}\\t{{.Reclaimable}}'
system df -v --format '{{json .}}'
info --format '{{.ServerVersion}} {{.Driver}} {{json .Plugins}}'
info --format '{{.Foo}}'
version --format '{{.Server.Version}} {{.Server.APIVersion}} {{range .Server.Components}}{{.Name}} {{end}}'
version --format '{{.Server.Foo}}'
port web
port web 80
port web 80/tcp
port web 1234
top web
diff web
stats --no-stream
stats --no-stream web
stats --no-stream --format json web
stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.NetIO}} {{.BlockIO}} {{.PIDs}} {{.Container}}' web
inspect web
inspect web mynet lv bb
inspect --type network mynet
inspect --format '{{.Name}} {{.Driver}}' mynet lv
inspect nope
inspect web nope
inspect -f '{{.Name}}' nope web
container inspect web
container inspect -f '{{.Name}}' web
network inspect mynet
network inspect mynet nope
network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}} {{len .Containers}}' mynet
volume inspect lv
volume inspect -f '{{.Mountpoint}} {{.Labels.a}} {{index .Labels "c"}}' lv
image inspect bb
image inspect -f '{{.Id}} {{.Config.Cmd}} {{.RootFS.Layers}} {{.Size}}' bb
context show
context inspect
`
  .trim()
  .split("\n");
