import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

class Server {
    public static void main(String[] args) throws Exception {
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 128);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            if (exchange.getRequestURI().getPath().equals("/wait")) {
                try {
                    Thread.sleep(2000);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            var received = exchange.getRequestBody().readAllBytes();
            var method = exchange.getRequestMethod();
            var content = (method.equals("POST") ? received.length + "\n" : "hello\n").getBytes();
            exchange.sendResponseHeaders(200, method.equals("HEAD") ? -1 : content.length);
            if (!method.equals("HEAD")) exchange.getResponseBody().write(content);
            exchange.close();
        });
        server.start();
    }
}
