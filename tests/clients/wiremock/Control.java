// WireMock's client for Java against the mock server. Each line of output is one fact that the client found.

import static com.github.tomakehurst.wiremock.client.WireMock.*;

import com.github.tomakehurst.wiremock.client.VerificationException;
import com.github.tomakehurst.wiremock.client.WireMock;
import com.github.tomakehurst.wiremock.global.GlobalSettings;
import com.github.tomakehurst.wiremock.http.Fault;
import com.github.tomakehurst.wiremock.matching.StringValuePattern;
import com.github.tomakehurst.wiremock.stubbing.Scenario;
import com.github.tomakehurst.wiremock.stubbing.ServeEvent;
import com.github.tomakehurst.wiremock.stubbing.StubMapping;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Control {
  static final String SYNCHRONIZE = "/cvp-config/command/synchronize";
  static final String JSON = "{\"synchronize\": {\"servers\": {\"server\": {\"refURL\": \"media-1\", \"sincetime\": \"0\"}}}}";
  static final String XML =
      "<synchronize xmlns:x='urn:x'><servers><server><refURL>media-1</refURL><x:note>n</x:note></server></servers></synchronize>";
  static HttpClient client;
  static String url, authorization;

  public static void main(String[] arguments) throws Exception {
    url = arguments[0].replace("/cvp-config", "");
    authorization = "Basic " + Base64.getEncoder().encodeToString((arguments[1] + ":" + arguments[2]).getBytes());
    client = HttpClient.newBuilder().sslContext(trusting(Path.of(arguments[3]))).build();
    WireMock.configureFor("https", "localhost", URI.create(url).getPort());
    reset();
    counts(arguments[1], arguments[2]);
    matchers();
    failedVerification();
    stubs();
    scenarios();
    delays();
    faults();
    settings();
    removal();
    refusals();
    reset();
  }

  static SSLContext trusting(Path certificate) throws Exception {
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

  static void say(String what, Object... found) {
    StringBuilder line = new StringBuilder(what).append(":");
    for (Object one : found) line.append(' ').append(one);
    System.out.println(line);
  }

  static HttpResponse<String> send(String method, String path, String type, String body, String... headers) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path)).version(HttpClient.Version.HTTP_1_1)
        .header("Authorization", authorization).header("Accept", "application/json");
    if (type != null) request.header("Content-Type", type);
    for (int index = 0; index < headers.length; index += 2) request.header(headers[index], headers[index + 1]);
    HttpRequest.BodyPublisher sent = body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body);
    return client.send(request.method(method, sent).build(), HttpResponse.BodyHandlers.ofString());
  }

  static int get(String path, String... headers) throws Exception {
    return send("GET", path, null, null, headers).statusCode();
  }

  static int synchronize(String body) throws Exception {
    return send("POST", SYNCHRONIZE, body.startsWith("<") ? "application/xml" : "application/json", body).statusCode();
  }

  static void counts(String user, String password) throws Exception {
    say("synchronize", synchronize(JSON), synchronize(XML), get("/cvp-config/server?q=type:VXML"), get("/nowhere"));
    verify(postRequestedFor(urlEqualTo(SYNCHRONIZE)));
    verify(2, postRequestedFor(urlEqualTo(SYNCHRONIZE)));
    verify(exactly(0), deleteRequestedFor(anyUrl()));
    verify(moreThanOrExactly(4), anyRequestedFor(anyUrl()).withBasicAuth(
        new com.github.tomakehurst.wiremock.client.BasicCredentials(user, password)));
    verify(1, anyRequestedFor(anyUrl()).andMatching("mockcvp",
        com.github.tomakehurst.wiremock.extension.Parameters.from(Map.of("status", 404))));
    verify(2, anyRequestedFor(anyUrl()).andMatching("mockcvp",
        com.github.tomakehurst.wiremock.extension.Parameters.from(Map.of("refURL", "media-1", "sincetime", 0))));
    say("findAll", findAll(postRequestedFor(urlPathEqualTo(SYNCHRONIZE))).get(0).getBodyAsString().equals(JSON));
    List<ServeEvent> events = getAllServeEvents();
    say("events", events.size(), events.get(0).getRequest().getUrl(), events.get(0).getWasMatched(),
        events.get(3).getWasMatched(), events.get(3).getResponse().getStatus());
    say("unmatched", WireMock.findUnmatchedRequests().size());
  }

  static void matchers() throws Exception {
    Map<String, StringValuePattern> json = new LinkedHashMap<>(), xml = new LinkedHashMap<>(), header = new LinkedHashMap<>();
    header.put("equalTo", equalTo("application/json"));
    header.put("equalToIgnoreCase", equalToIgnoreCase("APPLICATION/JSON"));
    header.put("contains", containing("json"));
    header.put("doesNotContain", notContaining("xml"));
    header.put("matches", matching("application/.*"));
    header.put("doesNotMatch", notMatching("text/.*"));
    header.put("and", and(containing("app"), containing("json")));
    header.put("or", or(containing("xml"), containing("json")));
    header.put("not", not(containing("xml")));
    json.put("equalToJson", equalToJson(JSON));
    json.put("equalToJson loosely", equalToJson("{\"synchronize\": {}}", true, true));
    json.put("matchesJsonPath", matchingJsonPath("$.synchronize.servers.server[?(@.refURL == 'media-1')]"));
    json.put("matchesJsonPath inner", matchingJsonPath("$..refURL", equalTo("media-1")));
    xml.put("equalToXml", equalToXml(XML.replace("><", "> <")));
    xml.put("matchesXPath", matchingXPath("/synchronize/servers/server[refURL='media-1']"));
    xml.put("matchesXPath inner", matchingXPath("//refURL/text()", containing("media")));
    xml.put("matchesXPath namespace", matchingXPath("//y:note", Map.of("y", "urn:x")));
    for (Map.Entry<String, StringValuePattern> one : header.entrySet())
      say(one.getKey(), find(postRequestedFor(anyUrl()).withHeader("content-type", one.getValue())));
    say("absent", find(postRequestedFor(anyUrl()).withoutHeader("x-nothing")), find(postRequestedFor(anyUrl()).withHeader("Accept", absent())));
    for (Map.Entry<String, StringValuePattern> one : json.entrySet())
      say(one.getKey(), find(postRequestedFor(anyUrl()).withRequestBody(one.getValue())));
    for (Map.Entry<String, StringValuePattern> one : xml.entrySet())
      say(one.getKey(), find(postRequestedFor(anyUrl()).withRequestBody(one.getValue())));
    say("urls", find(anyRequestedFor(urlMatching("/cvp-config/server.*"))), find(anyRequestedFor(urlPathMatching("/cvp-config/[a-z]+"))),
        find(anyRequestedFor(urlPathTemplate("/cvp-config/command/{what}"))), find(getRequestedFor(urlPathEqualTo("/cvp-config/server"))));
    say("query", find(anyRequestedFor(anyUrl()).withQueryParam("q", equalTo("type:VXML"))));
  }

  static int find(com.github.tomakehurst.wiremock.matching.RequestPatternBuilder pattern) {
    return WireMock.findAll(pattern).size();
  }

  static void failedVerification() {
    try {
      verify(postRequestedFor(urlEqualTo(SYNCHRONIZE)).withHeader("Content-Type", equalTo("text/plain")));
      say("not failed");
    } catch (VerificationException failure) {
      say("failed verification", failure.getMessage().contains("text/plain"), failure.getMessage().contains("application/"),
          failure.getMessage().contains("<<<<<"));
    }
  }

  static void stubs() throws Exception {
    stubFor(WireMock.get(urlEqualTo("/cvp-config/version")).willReturn(aResponse().withStatus(502).withBody("by url")));
    say("by url", send("GET", "/cvp-config/version", null, null).body());
    stubFor(WireMock.get(anyUrl()).withHeader("X-Stub", equalTo("1")).willReturn(aResponse().withStatus(250).withStatusMessage("Odd").withHeader("X-Out", "a", "b")));
    say("by header", get("/cvp-config/server", "X-Stub", "1"), get("/cvp-config/server", "X-Stub", "2"));
    stubFor(post(SYNCHRONIZE).withRequestBody(matchingJsonPath("$..refURL", equalTo("broken"))).willReturn(okJson("{\"a\": 1}").withStatus(251)));
    say("by JSONPath", synchronize(JSON.replace("media-1", "broken")), synchronize(JSON));
    stubFor(post(SYNCHRONIZE).withRequestBody(matchingXPath("//refURL[. = 'broken']")).willReturn(aResponse().withStatus(252).withBody(new byte[] {1, 2})));
    say("by XPath", synchronize(XML.replace("media-1", "broken")), synchronize(XML));
    stubFor(any(anyUrl()).atPriority(1).withName("refused once").withMetadata(
            com.github.tomakehurst.wiremock.common.Metadata.metadata().attr("a", 1))
        .willReturn(aResponse().withStatus(503).withTransformers("mockcvp").withTransformerParameter("errorType", "processing.throttled").withTransformerParameter("times", 1)));
    say("rejected by the OAMP", send("GET", "/cvp-config/server", null, null).body().contains("processing.throttled"), get("/cvp-config/server"));
    say("listed", listAllStubMappings().getMappings().size(), getAllServeEvents().get(1).getStubMapping().getName());
    WireMock.removeAllMappings();
  }

  static void scenarios() throws Exception {
    stubFor(WireMock.get("/cvp-config/version").inScenario("restart").whenScenarioStateIs(Scenario.STARTED).willSetStateTo("down").willReturn(aResponse().withStatus(503)));
    stubFor(WireMock.get("/cvp-config/version").inScenario("restart").whenScenarioStateIs("down").willSetStateTo("up").willReturn(aResponse().withStatus(504)));
    say("scenario", get("/cvp-config/version"), get("/cvp-config/version"), get("/cvp-config/version"), getAllScenarios().get(0).getState());
    WireMock.setScenarioState("restart", "down");
    say("set", get("/cvp-config/version"));
    WireMock.resetScenario("restart");
    say("one reset", get("/cvp-config/version"));
    WireMock.resetAllScenarios();
    say("all reset", getAllScenarios().get(0).getState());
    WireMock.removeAllMappings();
  }

  static boolean takes(int milliseconds, String path) throws Exception {
    long began = System.nanoTime();
    get(path);
    return System.nanoTime() - began >= milliseconds * 1_000_000L;
  }

  static void delays() throws Exception {
    stubFor(WireMock.get("/fixed").willReturn(ok().withFixedDelay(200)));
    stubFor(WireMock.get("/uniform").willReturn(ok().withUniformRandomDelay(150, 160)));
    stubFor(WireMock.get("/lognormal").willReturn(ok().withLogNormalRandomDelay(100, 0)));
    stubFor(WireMock.get("/dribble").willReturn(ok("abcdefgh").withChunkedDribbleDelay(4, 200)));
    say("delays", takes(200, "/fixed"), takes(150, "/uniform"), takes(99, "/lognormal"), takes(200, "/dribble"),
        send("GET", "/dribble", null, null).body(), takes(90, "/cvp-config/version"));
    WireMock.removeAllMappings();
  }

  static void faults() throws Exception {
    for (Fault fault : Fault.values()) {
      stubFor(WireMock.get("/cvp-config/version").willReturn(aResponse().withFault(fault)));
      try {
        say(fault.name(), get("/cvp-config/version"));
      } catch (IOException broken) {
        say(fault.name(), "broken");
      }
    }
    WireMock.removeAllMappings();
    say("after the faults", get("/cvp-config/version"), getAllServeEvents().get(1).getWasMatched());
  }

  static void settings() throws Exception {
    setGlobalFixedDelay(200);
    say("global delay", takes(200, "/cvp-config/version"), getSettings().getFixedDelay());
    WireMock.updateSettings(GlobalSettings.builder().delayDistribution(new com.github.tomakehurst.wiremock.http.UniformDistribution(150, 151)).build());
    say("global distribution", takes(150, "/cvp-config/version"), getSettings().getFixedDelay());
    WireMock.updateSettings(GlobalSettings.defaults());
    say("no delay", getSettings().getFixedDelay());
  }

  static void removal() throws Exception {
    StubMapping one = stubFor(WireMock.get("/cvp-config/version").willReturn(aResponse().withStatus(299)));
    StubMapping other = stubFor(WireMock.get("/cvp-config/version").willReturn(aResponse().withStatus(298)));
    say("two", get("/cvp-config/version"));
    removeStub(other);
    say("one", get("/cvp-config/version"));
    editStub(WireMock.get("/cvp-config/version").withId(one.getId()).willReturn(aResponse().withStatus(297)));
    say("edited", get("/cvp-config/version"), getSingleStubMapping(one.getId()).getResponse().getStatus());
    removeStub(one.getId());
    say("none", get("/cvp-config/version"));
    UUID last = getAllServeEvents().get(0).getId();
    removeServeEvent(last);
    int before = getAllServeEvents().size();
    int removed = removeServeEvents(getRequestedFor(urlEqualTo("/cvp-config/version"))).size();
    say("requests removed", removed > 0, before - removed == getAllServeEvents().size());
    resetToDefault();
  }

  static void refusals() {
    try {
      stubFor(WireMock.get("/x").willReturn(aResponse().proxiedFrom("http://localhost:1")));
      say("proxying accepted");
    } catch (RuntimeException refused) {
      say("refused", refused.getMessage().contains("proxyBaseUrl"));
    }
    try {
      verify(getRequestedFor(anyUrl()).withCookie("a", equalTo("b")));
      say("cookies accepted");
    } catch (RuntimeException refused) {
      say("refused", refused.getMessage().contains("cookies"));
    }
  }

  static void reset() {
    WireMock.reset();
    say("reset", getAllServeEvents().size(), listAllStubMappings().getMappings().size(), getAllScenarios().size());
  }
}
