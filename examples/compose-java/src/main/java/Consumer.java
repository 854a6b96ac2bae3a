import com.sun.jersey.api.client.Client;
import com.sun.jersey.api.client.ClientResponse;
import com.sun.jersey.api.client.filter.HTTPBasicAuthFilter;

/** Starts a full sync-up of a server, in XML, as Cisco's guide does it with Jersey. */
public class Consumer {
  public static void main(String[] arguments) {
    String body =
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><synchronize><servers><server>"
            + "<refURL>media-1</refURL><sincetime>0</sincetime></server></servers></synchronize>";
    Client client = Client.create();
    client.addFilter(new HTTPBasicAuthFilter(System.getenv("OAMP_USER"), System.getenv("OAMP_PASSWORD")));
    ClientResponse response =
        client.resource(System.getenv("OAMP_URL") + "/command/synchronize")
            .type("application/xml").accept("application/xml").post(ClientResponse.class, body);
    System.out.println("start of a sync-up: " + response.getStatus());
    System.exit(response.getStatus() == 202 ? 0 : 1);
  }
}
