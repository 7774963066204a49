import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.sql.*;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.jar.JarFile;

/**
 * HikariCP over PostgreSQL's driver, under requests that come whether those before have been answered or not.
 *
 * Reads lines: a JDBC URL, the user, the password, the number of connections, the statement. Opens all connections and
 * says its versions. Then it reads orders: "load N" is followed by N lines, each the microseconds after which a request is
 * due, and is answered at once with the time at which the load began, in microseconds since 1970; "heap" is answered with
 * the bytes in use after a collection. "stop" sends no more requests, and is answered, when all have ended, with the number
 * of those that were sent and a line of JSON for each.
 */
final class Outage {
    private final HikariDataSource pool;
    private final String statement;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Request> requests = new ArrayList<>();
    private Thread sender;
    private volatile boolean stopped;
    private int sent; // the sender's
    private long began; // by System.nanoTime

    public static void main(String[] args) throws Exception {
        DriverManager.setLoginTimeout(0);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(in.readLine());
        config.setUsername(in.readLine());
        config.setPassword(in.readLine());
        config.setMaximumPoolSize(Integer.parseInt(in.readLine()));
        String statement = in.readLine();
        try (HikariDataSource pool = new HikariDataSource(config)) {
            new Outage(pool, statement).serve(in, config.getMaximumPoolSize());
        }
        System.exit(0);
    }

    private Outage(HikariDataSource pool, String statement) {
        this.pool = pool;
        this.statement = statement;
    }

    private void serve(BufferedReader in, int connections) throws Exception {
        openAll(connections);
        System.out.println(versions());
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "load": load(in, Integer.parseInt(words[1])); break;
                case "heap": System.out.println(heap()); break;
                case "stop": stop(); break;
                default: throw new IllegalArgumentException(line);
            }
        }
    }

    private void openAll(int connections) throws SQLException {
        List<Connection> all = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            all.add(pool.getConnection());
        }
        for (Connection connection : all) {
            connection.close();
        }
    }

    private String versions() throws Exception {
        try (JarFile jar = new JarFile(HikariConfig.class.getProtectionDomain().getCodeSource().getLocation().getPath());
                Connection connection = pool.getConnection()) {
            return "HikariCP " + jar.getManifest().getMainAttributes().getValue("Bundle-Version") + ", "
                + connection.getMetaData().getDriverName() + " " + connection.getMetaData().getDriverVersion() + ", "
                + System.getProperty("java.vm.name") + " " + Runtime.version();
        }
    }

    private void load(BufferedReader in, int n) throws Exception {
        for (int i = 0; i < n; i++) {
            requests.add(new Request(Long.parseLong(in.readLine())));
        }
        Instant now = Instant.now();
        began = System.nanoTime();
        System.out.println(TimeUnit.SECONDS.toMicros(now.getEpochSecond()) + now.getNano() / 1000);
        sender = new Thread(this::send);
        sender.start();
    }

    private void send() {
        for (Request request : requests) {
            long at = began + TimeUnit.MICROSECONDS.toNanos(request.due);
            for (long left; (left = at - System.nanoTime()) > 0 && !stopped; ) {
                LockSupport.parkNanos(left);
            }
            if (stopped) {
                return;
            }
            threads.execute(request);
            sent++;
        }
    }

    private static long heap() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private void stop() throws InterruptedException {
        stopped = true;
        LockSupport.unpark(sender);
        sender.join();
        threads.shutdown();
        threads.awaitTermination(1, TimeUnit.HOURS);
        StringBuilder out = new StringBuilder().append(sent).append("\n");
        for (Request request : requests.subList(0, sent)) {
            out.append("{\"due\":").append(request.due).append(",\"began\":").append(request.start).append(",\"end\":").append(request.end);
            if (request.error != null) {
                out.append(",\"state\":").append(quoted(request.error.getSQLState()));
                out.append(",\"error\":").append(quoted(text(request.error)));
            }
            out.append("}\n");
        }
        System.out.print(out);
        System.out.flush();
    }

    /** text is the messages of an error and of what caused it. */
    private static String text(Throwable error) {
        StringBuilder all = new StringBuilder();
        for (Throwable one = error; one != null; one = one.getCause()) {
            all.append(all.length() == 0 ? "" : ": ").append(one.getMessage());
        }
        return all.toString();
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : (text == null ? "" : text).toCharArray()) {
            out.append(c < ' ' || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : c);
        }
        return out.append('"').toString();
    }

    /** Request is one statement on a connection of the pool. */
    private final class Request implements Runnable {
        final long due; // in microseconds, as end
        volatile long start;
        volatile long end;
        volatile SQLException error;

        Request(long due) { this.due = due; }

        @Override public void run() {
            start = micros();
            try (Connection connection = pool.getConnection(); Statement one = connection.createStatement()) {
                one.execute(statement);
            } catch (SQLException e) {
                error = e;
            }
            end = micros();
        }

        private long micros() { return TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - began); }
    }
}
