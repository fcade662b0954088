import com.amazon.sqs.javamessaging.AmazonSQSExtendedClient;
import com.amazon.sqs.javamessaging.ExtendedClientConfiguration;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;

/**
 * The other side of the table: the Amazon SQS Extended Client, and codecs with nothing but the JDK.
 *
 * write QUEUE_URL BUCKET KEY LEGACY (NAME FILE CODECS)…   sends the files, and says "wrote NAME"
 * read QUEUE_URL BUCKET KEY COUNT   receives so many, and says "read NAME BYTES SHA256" of each
 *
 * KEY is the hexadecimal key "k1"; endpoints come from SQS_ENDPOINT and S3_ENDPOINT.
 */
public class Extended {
    private static final byte[] HEAD = {1, 2, 'k', '1'};

    public static void main(String[] args) throws Exception {
        var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
        var s3 = S3Client.builder().endpointOverride(URI.create(System.getenv("S3_ENDPOINT")))
            .region(Region.US_EAST_1).credentialsProvider(credentials).forcePathStyle(true)
            .httpClient(UrlConnectionHttpClient.create()).build();
        var plain = SqsClient.builder().endpointOverride(URI.create(System.getenv("SQS_ENDPOINT")))
            .region(Region.US_EAST_1).credentialsProvider(credentials)
            .httpClient(UrlConnectionHttpClient.create()).build();
        var configuration = new ExtendedClientConfiguration().withPayloadSupportEnabled(s3, args[2]);
        var key = new SecretKeySpec(HexFormat.of().parseHex(args[3]), "AES");
        if (args[0].equals("write")) {
            if (!Boolean.parseBoolean(args[4])) {
                configuration = configuration.withLegacyReservedAttributeNameDisabled();
            }
            write(new AmazonSQSExtendedClient(plain, configuration), args, key);
        } else {
            read(new AmazonSQSExtendedClient(plain, configuration), args, key);
        }
    }

    private static void write(SqsClient sqs, String[] args, SecretKeySpec key) throws Exception {
        for (int at = 5; at < args.length; at += 3) {
            String name = args[at];
            byte[] body = Files.readAllBytes(Path.of(args[at + 1]));
            List<String> codecs = args[at + 2].equals("-") ? List.of() : List.of(args[at + 2].split(","));
            Map<String, MessageAttributeValue> attributes = new HashMap<>();
            attributes.put("manifest", text("Report"));
            attributes.put("name", text(name));
            if (!codecs.isEmpty()) {
                for (String codec : codecs) {
                    body = codec.equals("gzip") ? zipped(body) : encrypted(body, key);
                }
                body = Base64.getEncoder().encode(body);
                String names = "\"" + String.join("\",\"", codecs) + "\"";
                attributes.put("melange", text("{\"id\":\"" + name
                    + "\",\"on\":\"2026-01-01T00:00:00.000Z\",\"payload\":{\"codecs\":[" + names + "]}}"));
            }
            String message = new String(body, StandardCharsets.UTF_8);
            sqs.sendMessage(request -> request.queueUrl(args[1]).messageBody(message)
                .messageAttributes(attributes));
            System.out.println("wrote " + name);
        }
    }

    private static void read(SqsClient sqs, String[] args, SecretKeySpec key) throws Exception {
        int left = Integer.parseInt(args[4]);
        for (int turn = 0; left > 0 && turn < 200; turn++) {
            var answer = sqs.receiveMessage(request -> request.queueUrl(args[1]).maxNumberOfMessages(1)
                .waitTimeSeconds(1).messageAttributeNames("All"));
            for (Message message : answer.messages()) {
                byte[] body = message.body().getBytes(StandardCharsets.UTF_8);
                var packed = message.messageAttributes().get("melange");
                String facts = packed == null ? "" : packed.stringValue();
                String codecs = facts.replaceAll("(?s).*\"codecs\":\\[([^\\]]*)\\].*|.*", "$1");
                if (!codecs.isEmpty()) body = Base64.getDecoder().decode(body);
                String[] names = codecs.replace("\"", "").split(",");
                for (int at = names.length - 1; at >= 0; at--) {
                    if (names[at].equals("gzip")) body = unzipped(body);
                    if (names[at].equals("aes-gcm")) body = decrypted(body, key);
                }
                String name = message.messageAttributes().get("name").stringValue();
                String hash = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(body));
                System.out.println("read " + name + " " + body.length + " " + hash);
                sqs.deleteMessage(request -> request.queueUrl(args[1])
                    .receiptHandle(message.receiptHandle()));
                left--;
            }
        }
    }

    private static MessageAttributeValue text(String value) {
        return MessageAttributeValue.builder().dataType("String").stringValue(value).build();
    }

    private static byte[] zipped(byte[] bytes) throws Exception {
        var out = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    private static byte[] unzipped(byte[] bytes) throws Exception {
        try (var gzip = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return gzip.readAllBytes();
        }
    }

    private static byte[] encrypted(byte[] bytes, SecretKeySpec key) throws Exception {
        byte[] iv = new byte[12];
        new SecureRandom().nextBytes(iv);
        byte[] secret = cipher(Cipher.ENCRYPT_MODE, key, iv, HEAD).doFinal(bytes);
        return ByteBuffer.allocate(HEAD.length + iv.length + secret.length).put(HEAD).put(iv)
            .put(secret).array();
    }

    private static byte[] decrypted(byte[] bytes, SecretKeySpec key) throws Exception {
        int end = 2 + bytes[1];
        byte[] head = Arrays.copyOfRange(bytes, 0, end);
        byte[] iv = Arrays.copyOfRange(bytes, end, end + 12);
        return cipher(Cipher.DECRYPT_MODE, key, iv, head).doFinal(bytes, end + 12, bytes.length - end - 12);
    }

    private static Cipher cipher(int mode, SecretKeySpec key, byte[] iv, byte[] head) throws Exception {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key, new GCMParameterSpec(128, iv));
        cipher.updateAAD(head);
        return cipher;
    }
}
