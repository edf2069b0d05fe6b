// Recognize the emotion of one utterance: java Recognize.java URL FILE. API_KEY may hold the key.
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;

public class Recognize {
    static final Set<Integer> RETRIED = Set.of(429, 502, 503);
    static final int TRIES = 5;

    /** Return the answer as JSON, for the parser of your choice. */
    static String recognize(String url, Path recording, String key) throws IOException, InterruptedException {
        var client = HttpClient.newHttpClient();
        var request = HttpRequest.newBuilder(URI.create(url + "/v1/audio/emotions"))
            .timeout(Duration.ofSeconds(60))
            .header("Content-Type", "audio/wav")
            .POST(HttpRequest.BodyPublishers.ofFile(recording));
        if (key != null) request.header("Authorization", "Bearer " + key);
        for (int attempt = 0; attempt < TRIES; attempt++) {
            long pause = 1L << attempt;
            try {
                var response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
                if (response.statusCode() == 200) return response.body();
                if (!RETRIED.contains(response.statusCode())) throw new IllegalStateException(response.body());
                pause = Math.max(pause, response.headers().firstValueAsLong("Retry-After").orElse(0));
            } catch (IOException error) {
                // The connection failed or broke: it is safe to send the same recording again.
            }
            Thread.sleep(Duration.ofSeconds(pause).toMillis());
        }
        throw new IOException("no answer after " + TRIES + " attempts");
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        System.out.println(recognize(arguments[0], Path.of(arguments[1]), System.getenv("API_KEY")));
    }
}
