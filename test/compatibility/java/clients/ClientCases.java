// Kafka's own Java clients as named cases. A line of standard input names a case; cases run side by side, and each is answered with a
// line of JSON: {"case": NAME, "ok": true} or {"case": NAME, "ok": false, "why": TEXT}. The first line names all cases there are.
//   ClientCases SURROUNDINGS      (JSON, see client-program.ts)
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.Map;

public class ClientCases {
    interface Case {
        void run() throws Exception;
    }

    static final ObjectMapper json = new ObjectMapper();
    static final Map<String, Case> cases = new LinkedHashMap<>();

    public static void main(String[] args) throws Exception {
        Clients.surroundings = json.readTree(args[0]);
        RecordCases.addTo(cases);
        GroupCases.addTo(cases);
        TransactionCases.addTo(cases);
        AdminCases.addTo(cases);
        SecurityCases.addTo(cases);
        say(Map.of("cases", cases.keySet()));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String name = line;
            new Thread(() -> run(name), name).start();
        }
        System.exit(0);
    }

    static void run(String name) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("case", name);
        try {
            cases.get(name).run();
            answer.put("ok", true);
        } catch (Throwable failure) {
            StringWriter why = new StringWriter();
            failure.printStackTrace(new PrintWriter(why));
            answer.put("ok", false);
            answer.put("why", why.toString());
        }
        say(answer);
    }

    static synchronized void say(Map<String, ?> answer) {
        try {
            System.out.println(json.writeValueAsString(answer));
            System.out.flush();
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
