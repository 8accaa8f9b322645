import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** A member of a group that polls in a thread of its own. */
class Member {
    /** Partitions as of the last poll. */
    volatile Set<Integer> owned = Set.of();
    final ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
    /** Partitions that were taken away, over the whole life. */
    final AtomicInteger revoked = new AtomicInteger();
    final AtomicInteger rebalances = new AtomicInteger();
    private final KafkaConsumer<String, String> consumer;
    private final Thread thread;
    private volatile CloseOptions.GroupMembershipOperation end;
    private volatile Throwable failure;

    Member(String group, String topic, Object... settings) {
        Object[] all = new Object[settings.length + 4];
        System.arraycopy(new Object[] {"group.id", group, "metadata.max.age.ms", "2000"}, 0, all, 0, 4);
        System.arraycopy(settings, 0, all, 4, settings.length);
        consumer = Clients.consumer(all);
        thread = new Thread(() -> poll(topic), group + " member");
        thread.setDaemon(true);
        thread.start();
    }

    private void poll(String topic) {
        try {
            consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    rebalances.incrementAndGet();
                }

                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                    revoked.addAndGet(partitions.size());
                }
            });
            while (end == null) {
                consumer.poll(Duration.ofMillis(50)).forEach(record -> seen.add(record.value()));
                Set<Integer> now = new TreeSet<>();
                for (TopicPartition partition : consumer.assignment()) now.add(partition.partition());
                owned = now;
            }
            consumer.close(CloseOptions.groupMembershipOperation(end).withTimeout(Duration.ofSeconds(5)));
        } catch (Throwable thrown) {
            failure = thrown;
        }
    }

    void leave() throws Exception {
        end(CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
    }

    /** Falls silent without a word to the group, as a process does that is killed. */
    void crash() throws Exception {
        end(CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP);
    }

    private void end(CloseOptions.GroupMembershipOperation how) throws Exception {
        end = how;
        thread.join();
        if (failure != null) throw new AssertionError("a member failed", failure);
    }

    /** Waits until these members, and they alone, share the partitions evenly. */
    static void share(int partitions, List<Member> members) throws Exception {
        Expect.soon(() -> {
            Set<Integer> all = new TreeSet<>();
            int sum = 0;
            for (Member member : members) {
                if (member.failure != null) throw new AssertionError("a member failed", member.failure);
                if (member.owned.size() != partitions / members.size()) return false;
                all.addAll(member.owned);
                sum += member.owned.size();
            }
            return all.size() == partitions && sum == partitions;
        }, partitions + " partitions among " + members.size() + " members; " + members.stream().map(member -> member.owned).toList());
    }
}
