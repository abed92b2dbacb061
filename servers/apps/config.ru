# A Rack app. It returns content in answer to HEAD too.
run lambda { |env|
  sleep 2 if env["PATH_INFO"] == "/wait"
  content = env["REQUEST_METHOD"] == "POST" ? "#{env["rack.input"].read.length}\n" : "hello\n"
  [200, { "Content-Type" => "text/plain", "Content-Length" => content.length.to_s }, [content]]
}
