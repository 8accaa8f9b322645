// Reads patterns and names from stdin, one JSON string a line, names first up to an empty line; writes for each pattern which of the
// names it matches as a whole, or that Java refuses it.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

public class MatchPatterns {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        List<String> names = new ArrayList<>();
        for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) names.add(text(line));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                Pattern pattern = Pattern.compile(text(line));
                StringBuilder bits = new StringBuilder();
                for (String name : names) bits.append(pattern.matcher(new Patience(name)).matches() ? '1' : '0');
                out.println(bits);
            } catch (IllegalStateException e) {
                out.println("slow");
            } catch (PatternSyntaxException e) {
                out.println("refused");
            }
        }
        out.flush();
    }

    /** A name that is looked at so often only by a pattern that goes through all its ways. */
    private record Patience(String name, int[] looks) implements CharSequence {
        Patience(String name) {
            this(name, new int[1]);
        }

        public char charAt(int index) {
            if (looks[0]++ > 20_000) throw new IllegalStateException();
            return name.charAt(index);
        }

        public int length() {
            return name.length();
        }

        public CharSequence subSequence(int start, int end) {
            return name.substring(start, end);
        }

        public String toString() {
            return name;
        }
    }

    /** Hexadecimal UTF-16, so that no quoting is in the way. */
    private static String text(String hex) {
        StringBuilder text = new StringBuilder();
        for (int i = 1; i + 4 <= hex.length(); i += 4) text.append((char) Integer.parseInt(hex.substring(i, i + 4), 16));
        return text.toString();
    }
}
