import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;

/** What a case says about what it saw. */
class Expect {
    static final long SOON_MS = 20_000;

    static void equal(Object wanted, Object seen, String what) {
        if (!Objects.equals(wanted, seen)) throw new AssertionError(what + ": wanted " + wanted + ", saw " + seen);
    }

    static void that(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    /** The action ends with this error, bare or as the cause of another. */
    static void fails(Class<? extends Throwable> wanted, Callable<?> action) {
        try {
            action.call();
        } catch (Throwable failure) {
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) if (wanted.isInstance(cause)) return;
            throw new AssertionError("wanted " + wanted.getSimpleName(), failure);
        }
        throw new AssertionError("wanted " + wanted.getSimpleName() + ", but nothing failed");
    }

    /** Asks until it holds: a cluster's metadata is true only after a while. */
    static void soon(Callable<Boolean> condition, String what) throws Exception {
        long deadline = System.currentTimeMillis() + SOON_MS;
        Throwable last = null;
        while (System.currentTimeMillis() < deadline) {
            try {
                if (condition.call()) return;
                last = null;
            } catch (ExecutionException notYet) {
                last = notYet;
            }
            Thread.sleep(25);
        }
        throw new AssertionError("not within " + SOON_MS + " ms: " + what, last);
    }
}
