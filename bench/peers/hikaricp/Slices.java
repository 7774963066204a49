import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.sql.*;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.jar.JarFile;
import java.util.logging.Logger;
import javax.sql.DataSource;

/**
 * HikariCP over a driver that does nothing. Says its versions first; then, for each line "threads times" it takes a
 * connection and gives it back so many times, spread over so many threads, and answers with the nanoseconds
 * that it took and the number of connections it got.
 *
 * It is started from its source: java -cp HikariCP.jar:slf4j-api.jar:slf4j-nop.jar Slices.java CONNECTIONS
 */
final class Slices {
    public static void main(String[] args) throws Exception {
        HikariConfig config = new HikariConfig();
        config.setDataSource(new NullDataSource());
        config.setMaximumPoolSize(Integer.parseInt(args[0]));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        // The threads live on, since HikariCP remembers in each what it gave back last.
        ExecutorService threads = Executors.newCachedThreadPool();
        try (HikariDataSource pool = new HikariDataSource(config)) {
            System.out.println("HikariCP " + version() + " on " + System.getProperty("java.vm.name") + " " + Runtime.version());
            for (String line; (line = in.readLine()) != null; ) {
                String[] words = line.split(" ");
                System.out.println(slice(pool, threads, Integer.parseInt(words[0]), Integer.parseInt(words[1])));
            }
        }
        threads.shutdown();
    }

    static String version() throws Exception {
        try (JarFile jar = new JarFile(HikariConfig.class.getProtectionDomain().getCodeSource().getLocation().getPath())) {
            return jar.getManifest().getMainAttributes().getValue("Bundle-Version");
        }
    }

    static String slice(DataSource pool, ExecutorService threads, int n, int times) throws Exception {
        List<Loop> loops = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            loops.add(new Loop(pool, times / n));
        }
        long got = 0;
        long began = System.nanoTime();
        for (Future<Integer> loop : threads.invokeAll(loops)) {
            got += loop.get();
        }
        return System.nanoTime() - began + " " + got;
    }

    /** Loop keeps the last connection it had, so that the compiler can't do without. */
    static final class Loop implements Callable<Integer> {
        private final DataSource pool;
        private final int times;
        Connection last;

        Loop(DataSource pool, int times) {
            this.pool = pool;
            this.times = times;
        }

        @Override public Integer call() throws SQLException {
            int got = 0;
            for (int i = 0; i < times; i++) {
                Connection connection = pool.getConnection();
                if (connection != last) {
                    got++;
                }
                last = connection;
                connection.close();
            }
            return got;
        }
    }

    static final class NullDataSource implements DataSource {
        @Override public Connection getConnection() { return new NullConnection(); }
        @Override public Connection getConnection(String user, String password) { return new NullConnection(); }
        @Override public PrintWriter getLogWriter() { return null; }
        @Override public void setLogWriter(PrintWriter out) { }
        @Override public void setLoginTimeout(int seconds) { }
        @Override public int getLoginTimeout() { return 0; }
        @Override public Logger getParentLogger() { return null; }
        @Override public <T> T unwrap(Class<T> type) { return null; }
        @Override public boolean isWrapperFor(Class<?> type) { return false; }
    }

    static final class NullConnection implements Connection {
        private boolean autoCommit = true;

        @Override public boolean isValid(int timeout) { return true; }
        @Override public void clearWarnings() { }
        @Override public void close() { }
        @Override public boolean isClosed() { return false; }
        @Override public void rollback() { }
        @Override public void commit() { }
        @Override public void abort(Executor executor) { }
        @Override public boolean getAutoCommit() { return autoCommit; }
        @Override public void setAutoCommit(boolean on) { autoCommit = on; }
        @Override public int getTransactionIsolation() { return TRANSACTION_READ_COMMITTED; }
        @Override public void setTransactionIsolation(int level) { }
        @Override public int getNetworkTimeout() { return 0; }
        @Override public void setNetworkTimeout(Executor executor, int milliseconds) { }
        @Override public boolean isReadOnly() { return false; }
        @Override public void setReadOnly(boolean on) { }
        @Override public String getCatalog() { return ""; }
        @Override public void setCatalog(String catalog) { }
        @Override public String getSchema() { return ""; }
        @Override public void setSchema(String schema) { }
        @Override public SQLWarning getWarnings() { return null; }

        @Override public Statement createStatement() { return null; }
        @Override public Statement createStatement(int type, int concurrency) { return null; }
        @Override public Statement createStatement(int type, int concurrency, int holdability) { return null; }
        @Override public PreparedStatement prepareStatement(String sql) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, int type, int concurrency) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, int type, int concurrency, int holdability) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, int keys) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, int[] columns) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, String[] columns) { return null; }
        @Override public CallableStatement prepareCall(String sql) { return null; }
        @Override public CallableStatement prepareCall(String sql, int type, int concurrency) { return null; }
        @Override public CallableStatement prepareCall(String sql, int type, int concurrency, int holdability) { return null; }
        @Override public String nativeSQL(String sql) { return sql; }
        @Override public DatabaseMetaData getMetaData() { return null; }
        @Override public Map<String, Class<?>> getTypeMap() { return null; }
        @Override public void setTypeMap(Map<String, Class<?>> map) { }
        @Override public int getHoldability() { return 0; }
        @Override public void setHoldability(int holdability) { }
        @Override public Savepoint setSavepoint() { return null; }
        @Override public Savepoint setSavepoint(String name) { return null; }
        @Override public void rollback(Savepoint savepoint) { }
        @Override public void releaseSavepoint(Savepoint savepoint) { }
        @Override public Clob createClob() { return null; }
        @Override public Blob createBlob() { return null; }
        @Override public NClob createNClob() { return null; }
        @Override public SQLXML createSQLXML() { return null; }
        @Override public void setClientInfo(String name, String value) { }
        @Override public void setClientInfo(Properties properties) { }
        @Override public String getClientInfo(String name) { return null; }
        @Override public Properties getClientInfo() { return null; }
        @Override public Array createArrayOf(String type, Object[] elements) { return null; }
        @Override public Struct createStruct(String type, Object[] attributes) { return null; }
        @Override public <T> T unwrap(Class<T> type) { return null; }
        @Override public boolean isWrapperFor(Class<?> type) { return false; }
    }
}
