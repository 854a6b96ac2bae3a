import com.sun.jersey.api.client.Client;
import com.sun.jersey.api.client.ClientResponse;
import com.sun.jersey.api.client.WebResource;
import com.sun.jersey.api.client.config.ClientConfig;
import com.sun.jersey.api.client.config.DefaultClientConfig;
import com.sun.jersey.api.client.filter.HTTPBasicAuthFilter;
import com.sun.jersey.client.urlconnection.HTTPSProperties;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.ws.rs.core.MediaType;

/**
 * The complete Java sample of the guide: a Jersey 1 client that trusts one certificate and checks the host's name.
 * It prints a line for each request: format, status, Server header.
 *
 * <p>Arguments: the URL of /cvp-config, user name, password, the certificate's PEM file.
 */
public final class StartSyncUp {
    private final String url;
    private final Path certificate;

    private StartSyncUp(String url, Path certificate) {
        this.url = url;
        this.certificate = certificate;
    }

    public static void main(String[] arguments) throws Exception {
        StartSyncUp sample = new StartSyncUp(arguments[0], Path.of(arguments[3]));
        List<String> servers = List.of(
                arguments[0] + "/server/c351883d-b266-4f6d-8c47-c88bf80f9a1d",
                arguments[0] + "/server/0a6fdf0c-2c33-4b0c-9a5e-3f0c5c2e7a11");
        String user = arguments[1];
        String password = arguments[2];
        sample.startSyncUp("xml", user, password, MediaType.APPLICATION_XML_TYPE, convertToXml(servers));
        sample.startSyncUp("json", user, password, MediaType.APPLICATION_JSON_TYPE, convertToJson(servers));
        sample.startSyncUp("wrong-password", user, password + "!", MediaType.APPLICATION_XML_TYPE, convertToXml(servers));
    }

    private void startSyncUp(String name, String user, String password, MediaType type, String requestString)
            throws Exception {
        Client client = getSSLClient();
        client.addFilter(new HTTPBasicAuthFilter(user, password));
        WebResource webResource = client.resource(url);
        ClientResponse clientResponse =
                webResource.path("/command/synchronize").accept(type).type(type).post(ClientResponse.class, requestString);
        String body = clientResponse.hasEntity() ? clientResponse.getEntity(String.class) : "";
        String errorType = body.contains("<errorType>") ? body.split("</?errorType>")[1] : "-";
        System.out.println(name + " " + clientResponse.getStatus() + " " + errorType);
    }

    private Client getSSLClient() throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream pem = Files.newInputStream(certificate)) {
            trusted.setCertificateEntry("oamp", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        ClientConfig config = new DefaultClientConfig();
        config.getProperties()
                .put(
                        HTTPSProperties.PROPERTY_HTTPS_PROPERTIES,
                        new HTTPSProperties(HttpsURLConnection.getDefaultHostnameVerifier(), context));
        return Client.create(config);
    }

    private static String convertToXml(List<String> servers) {
        StringBuilder xml = new StringBuilder("<synchronize><servers>");
        for (String server : servers) {
            xml.append("<server><refURL>").append(server).append("</refURL><sincetime>0</sincetime></server>");
        }
        return xml.append("</servers></synchronize>").toString();
    }

    private static String convertToJson(List<String> servers) {
        StringBuilder json = new StringBuilder("{\"synchronize\": {\"servers\": {\"server\": [");
        String separator = "";
        for (String server : servers) {
            json.append(separator).append("{\"refURL\": \"").append(server).append("\", \"sincetime\": \"0\"}");
            separator = ", ";
        }
        return json.append("]}}}").toString();
    }
}
