/** What `matrix init` writes: one small stack, and two environments that differ. Path → content. */

const server = `# A web server of a few lines; perl comes with every Debian base image.
use strict;
use warnings;
use IO::Socket::INET;
$| = 1;
my $port   = $ENV{PORT} // 8080;
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 16, ReuseAddr => 1) or die "cannot listen: $!\\n";
$SIG{TERM} = sub { exit 0 };
print "listening on $port\\n";
while (1) {
  my $client = $server->accept or next;
  while (defined(my $line = <$client>)) { last if $line =~ /^\\r?\\n$/ }
  my $reply = '{"greeting":"hello"}';
  print $client "HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: "
    . length($reply) . "\\r\\nConnection: close\\r\\n\\r\\n$reply";
  close $client;
}
`

/** What runs write, and what `matrix schema --write` makes again. */
export const ignored = ['reports/', '.matrix/']

export const initFiles: Readonly<Record<string, string>> = {
  '.gitignore': `${ignored.join('\n')}\n`,
  'matrix.yaml': `# yaml-language-server: $schema=.matrix/schema/matrix.json
version: 1
images:
  # Where no registry answers, this base is made from the distribution's own packages, once.
  debian:bookworm-slim: { bootstrap: { distribution: debian, suite: bookworm } }
`,
  'stacks/hello/stack.yaml': `# yaml-language-server: $schema=../../.matrix/schema/stack.json
title: Hello
build: { context: . }
ports: { http: { port: 8080, env: PORT } }
service:
  mem_limit: 64m
readiness: { http: { port: http }, deadline: 30s }
checks:
  - name: it greets
    http: { port: http, path: / }
    expect: { status: 200, json: { $.greeting: hello } }
`,
  'stacks/hello/Dockerfile': `FROM debian:bookworm-slim
COPY --chmod=644 server.pl /srv/server.pl
USER nobody
CMD ["perl", "/srv/server.pl"]
`,
  'stacks/hello/server.pl': server,
  'environments/laptop.yaml': `# yaml-language-server: $schema=../.matrix/schema/environment.json
title: Laptop
description: "A developer's own machine: nothing is locked down."
contract: { ready_within: 30s, stays_up: 1s, stops_within: 10s }
`,
  'environments/locked-down.yaml': `# yaml-language-server: $schema=../.matrix/schema/environment.json
title: Locked-down server
description: "An arbitrary user, a read-only root, no capabilities, no way out."
extends: [openshift-restricted-v2, air-gapped]
constraints:
  read_only: true
  pids_limit: 64
contract: { ready_within: 30s, stays_up: 2s, stops_within: 10s }
`,
}
