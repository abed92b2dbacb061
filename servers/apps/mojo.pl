use Mojolicious::Lite -signatures;

app->log->level('fatal');
app->config(hypnotoad => { listen => ["http://127.0.0.1:$ENV{PORT}"], workers => 2, pid_file => "hypnotoad-$ENV{PORT}.pid" });
get '/wait' => sub ($c) {
    $c->render_later;
    Mojo::IOLoop->timer(2 => sub { $c->render(text => "hello\n") });
};
get '/*rest'  => { rest => '' } => sub ($c) { $c->render(text => "hello\n") };
post '/*rest' => { rest => '' } => sub ($c) { $c->render(text => length($c->req->body) . "\n") };
app->start;
