// A login socket with nothing of ours in it: Debian's libthrift and the Java code which the Thrift
// compiler makes. TSM's controller is Java too, so this is the nearest relative that can be had.
//
// It asks the kernel who connected (SO_PEERCRED), logs peer=<user>, and answers PLL_SUCCESS with a
// username that holds that user, or with "refuse" as third argument PLL_NOT_AUTHORIZED. It reads
// strict TBinaryProtocol, unframed, any number of calls on a connection, and no long strings.

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import jdk.net.ExtendedSocketOptions;
import org.apache.thrift.TConfiguration;
import org.apache.thrift.TException;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.transport.TEndpointTransport;
import org.apache.thrift.transport.TTransportException;

public final class LoginServer {
    private static final int STRING_LIMIT = 4096;

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2 || arguments.length > 3) {
            System.err.println("usage: LoginServer SOCKET COOKIE [refuse]");
            System.exit(64);
        }
        Path socket = Path.of(arguments[0]);
        boolean refuse = arguments.length == 3 && arguments[2].equals("refuse");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw-rw-"));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> socket.toFile().delete()));
            System.out.println("ready");
            while (true) {
                SocketChannel channel = server.accept();
                Thread thread = new Thread(() -> serve(channel, arguments[1], refuse));
                thread.setDaemon(true);
                thread.start();
            }
        }
    }

    private static void serve(SocketChannel accepted, String cookie, boolean refuse) {
        try (SocketChannel channel = accepted) {
            String peer = channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user().getName();
            System.out.println("peer=" + peer);
            var processor =
                    new PasswordLessLogin.Processor<>(() -> refuse ? refused() : granted(peer, cookie));
            var protocol =
                    new TBinaryProtocol(new Channel(channel), STRING_LIMIT, STRING_LIMIT, true, true);
            while (true) {
                processor.process(protocol, protocol);
            }
        } catch (TTransportException end) {
            if (end.getType() != TTransportException.END_OF_FILE) {
                System.out.println("ended=" + end);
            }
        } catch (Exception error) {
            System.out.println("ended=" + error);
        }
    }

    private static PasswordLessLoginResult granted(String peer, String cookie) {
        return new PasswordLessLoginResult(
                PasswordLessLoginReturnCode.PLL_SUCCESS, "java-" + peer, "AUTH_COOKIE", cookie, 7200);
    }

    private static PasswordLessLoginResult refused() {
        return new PasswordLessLoginResult()
                .setReturnCode(PasswordLessLoginReturnCode.PLL_NOT_AUTHORIZED);
    }

    /** A Thrift transport over a Unix channel, without a buffer: every write goes out as it is. */
    private static final class Channel extends TEndpointTransport {
        private final SocketChannel channel;

        Channel(SocketChannel channel) throws TTransportException {
            super(new TConfiguration());
            this.channel = channel;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws TTransportException {
            try {
                int count = channel.read(ByteBuffer.wrap(bytes, offset, length));
                if (count < 0) {
                    throw new TTransportException(TTransportException.END_OF_FILE);
                }
                return count;
            } catch (java.io.IOException error) {
                throw new TTransportException(TTransportException.UNKNOWN, error);
            }
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws TTransportException {
            try {
                ByteBuffer left = ByteBuffer.wrap(bytes, offset, length);
                while (left.hasRemaining()) {
                    channel.write(left);
                }
            } catch (java.io.IOException error) {
                throw new TTransportException(TTransportException.UNKNOWN, error);
            }
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void open() {}

        @Override
        public void close() {}
    }

    private LoginServer() {}
}
