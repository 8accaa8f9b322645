// Runs Kafka's command line tools one after another in one JVM. Standard input: a tool a line, its class and arguments separated by
// tabs. Standard output: for each a line `### code`, then what it printed.
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import org.apache.kafka.common.utils.Exit;

public class RunTools {
    static class Ended extends RuntimeException {}

    /** Of the tool that runs: some take their own end for a failure and end again. */
    static Integer firstCode;

    static void end(int code, String message) {
        if (firstCode == null) {
            firstCode = code;
            if (message != null) System.out.println(message);
        }
        throw new Ended();
    }

    public static void main(String[] none) throws Exception {
        Exit.setExitProcedure(RunTools::end);
        Exit.setHaltProcedure(RunTools::end);
        PrintStream out = System.out;
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split("\t");
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            PrintStream both = new PrintStream(printed, true);
            System.setOut(both);
            System.setErr(both);
            int code = run(words[0], Arrays.copyOfRange(words, 1, words.length), both);
            both.flush();
            out.println("### " + code);
            out.println(printed);
        }
        out.flush();
        Runtime.getRuntime().halt(0);
    }

    static int run(String tool, String[] args, PrintStream out) throws Exception {
        firstCode = null;
        try {
            Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException thrown) {
            if (firstCode == null) {
                thrown.getCause().printStackTrace(out);
                return -1;
            }
        }
        return firstCode == null ? 0 : firstCode;
    }
}
