# A PSGI app. It returns content in answer to HEAD too.
use strict;
use warnings;

sub {
    my $env = shift;
    sleep 2 if $env->{PATH_INFO} eq '/wait';
    my $content = "hello\n";
    if ($env->{REQUEST_METHOD} eq 'POST') {
        my $length = 0;
        while (my $n = $env->{'psgi.input'}->read(my $piece, 65536)) { $length += $n }
        $content = "$length\n";
    }
    return [200, ['Content-Type' => 'text/plain', 'Content-Length' => length $content], [$content]];
};
