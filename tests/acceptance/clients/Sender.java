import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends lives of calls that stand on its standard input, by Kafka's own client. */
public class Sender {
    public static void main(String[] arguments) throws Exception {
        for (JsonNode life : new ObjectMapper().readTree(System.in)) {
            send(arguments[0], arguments[1], arguments[2], life);
        }
        // No hook is run: what is open stays open.
        Runtime.getRuntime().halt(0);
    }

    static void send(String kafka, String topic, String leftOpenMs, JsonNode life) throws Exception {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", kafka);
        settings.put("acks", "all");
        settings.put("compression.type", life.get("codec").asText());
        switch (life.get("partitioner").asText()) {
            case "murmur2" -> { }
            case "round_robin" -> settings.put(
                "partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner");
            case "ignoring_keys" -> settings.put("partitioner.ignore.keys", "true");
            default -> throw new IllegalArgumentException(life.get("partitioner").asText());
        }
        String transaction = life.get("transaction").asText();
        boolean transacts = !life.get("transaction").isNull();
        if (transacts) {
            settings.put("transactional.id", UUID.randomUUID().toString());
            settings.put("transaction.timeout.ms", leftOpenMs);
        }
        StringSerializer text = new StringSerializer();
        KafkaProducer<String, String> producer = new KafkaProducer<>(settings, text, text);
        if (transacts) {
            producer.initTransactions();
            producer.beginTransaction();
        }
        for (JsonNode event : life.get("events")) {
            producer.send(message(topic, life.get("key").asText(), event)).get();
        }
        if (transaction.equals("committed")) {
            producer.commitTransaction();
        } else if (transaction.equals("aborted")) {
            producer.abortTransaction();
        }
        if (!transaction.equals("open")) {
            producer.close();
        }
    }

    static ProducerRecord<String, String> message(String topic, String key, JsonNode event) {
        ProducerRecord<String, String> made =
            new ProducerRecord<>(topic, key, event.get("data").toString());
        event.get("attributes").properties().forEach(each -> made.headers().add(
            each.getKey().equals("datacontenttype") ? "content-type" : "ce_" + each.getKey(),
            each.getValue().asText().getBytes(StandardCharsets.UTF_8)));
        return made;
    }
}
