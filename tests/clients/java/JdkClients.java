import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * The two HTTP clients of the JDK. Prints a line per call: client, what was called, status, errorType.
 *
 * <p>Arguments: the URL of /cvp-config, user name, password, the certificate's PEM file.
 */
public final class JdkClients {
    private static final String BODY = "<synchronize><servers><server>a</server></servers></synchronize>";

    public static void main(String[] arguments) throws Exception {
        SSLContext tls = trusting(Path.of(arguments[3]));
        String[] passwords = {arguments[2], arguments[2] + "!"};
        for (String password : passwords) {
            String credentials = arguments[1] + ":" + password;
            String basic = "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8));
            old("POST", arguments[0] + "/command/synchronize", basic, tls);
            old("GET", arguments[0] + "/version", basic, tls);
            modern("POST", arguments[0] + "/command/synchronize", basic, tls);
            modern("GET", arguments[0] + "/version", basic, tls);
        }
    }

    private static void old(String method, String url, String basic, SSLContext tls) throws Exception {
        HttpsURLConnection connection = (HttpsURLConnection) new URL(url).openConnection();
        connection.setSSLSocketFactory(tls.getSocketFactory());
        connection.setRequestMethod(method);
        connection.setRequestProperty("Authorization", basic);
        connection.setRequestProperty("Accept", "application/xml");
        if (method.equals("POST")) {
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/xml");
            connection.getOutputStream().write(BODY.getBytes(StandardCharsets.UTF_8));
        }
        int status = connection.getResponseCode();
        try (InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            say("HttpURLConnection", method, status, new String(body.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    private static void modern(String method, String url, String basic, SSLContext tls) throws Exception {
        HttpRequest.BodyPublisher body =
                method.equals("POST") ? HttpRequest.BodyPublishers.ofString(BODY) : HttpRequest.BodyPublishers.noBody();
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                .method(method, body)
                .header("Authorization", basic)
                .header("Accept", "application/xml")
                .header("Content-Type", "application/xml")
                .build();
        HttpClient client = HttpClient.newBuilder().sslContext(tls).build();
        HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
        say("HttpClient", method, response.statusCode(), response.body());
    }

    private static void say(String client, String method, int status, String body) {
        String errorType = body.contains("<errorType>") ? body.split("</?errorType>")[1] : "-";
        System.out.println(client + " " + method + " " + status + " " + errorType);
    }

    private static SSLContext trusting(Path certificate) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream pem = Files.newInputStream(certificate)) {
            trusted.setCertificateEntry("oamp", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}
