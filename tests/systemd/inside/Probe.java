import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;

/** What tsm is: Java that writes below its user's home and connects to a port, from more than one thread. */
public final class Probe {
    public static void main(String[] arguments) throws Exception {
        Path home = Files.createDirectories(Path.of(System.getProperty("user.home"), ".tableau", "tsm"));
        Files.writeString(home.resolve("tsm.log"), "a line\n");
        System.out.println("home " + home);

        // long enough that code is compiled
        long sum = 0;
        for (long number = 0; number < 50_000_000L; number++) {
            sum += number % 7;
        }
        System.out.println("compiled " + (sum > 0));

        Thread connecting = new Thread(() -> {
            for (String address : arguments) {
                String[] parts = address.split(":");
                try (Socket socket = new Socket()) {
                    socket.connect(new InetSocketAddress(parts[0], Integer.parseInt(parts[1])), 2000);
                    System.out.println("connected " + address);
                } catch (java.io.IOException error) {
                    System.out.println("not connected " + address);
                }
            }
        });
        connecting.start();
        connecting.join();
        System.out.println("memory " + (Runtime.getRuntime().maxMemory() > 0));
    }
}
