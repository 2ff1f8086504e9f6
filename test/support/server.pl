# A small HTTP server for tests; perl comes with every Debian base image.
use strict;
use warnings;
use IO::Socket::INET;
$| = 1;
my $port = $ENV{PORT} // 8080;
my $address = $ENV{LISTEN} // '0.0.0.0';
my $server = IO::Socket::INET->new(LocalAddr => $address, LocalPort => $port, Listen => 16, ReuseAddr => 1)
  or die "cannot listen: $!\n";
$SIG{TERM} = sub { exit 0 };
$SIG{USR1} = sub { print "got USR1\n" };
$SIG{PIPE} = 'IGNORE';
print "listening on $port\n";
while (1) {
  my $client = $server->accept or next;
  my $request = <$client> // next;
  my %headers;
  while (defined(my $line = <$client>)) {
    last if $line =~ /^\r?\n$/;
    $headers{lc $1} = $2 if $line =~ /^([^:]+):\s*(.*?)\r?\n$/;
  }
  my ($method, $path) = split ' ', $request;
  my $body = '';
  read $client, $body, $headers{'content-length'} if $headers{'content-length'};
  my ($status, $extra, $reply) = ('200 OK', '', '{"path":"' . $path . '","method":"' . $method . '"}');
  if ($path eq '/missing') { $status = '404 Not Found' }
  elsif ($path eq '/move') { ($status, $extra) = ('302 Found', "Location: /moved\r\n") }
  elsif ($path eq '/login') { $extra = "Set-Cookie: session=s3; Path=/\r\n" }
  elsif ($path eq '/me') { $reply = '{"cookie":"' . ($headers{cookie} // '') . '"}' }
  elsif ($path eq '/echo') { $reply = $body }
  elsif ($path eq '/slow') { sleep 60 }
  elsif ($path eq '/die') { exit 3 }
  print $client "HTTP/1.1 $status\r\nContent-Type: application/json\r\n${extra}Content-Length: "
    . length($reply) . "\r\nConnection: close\r\n\r\n$reply";
  close $client;
}
