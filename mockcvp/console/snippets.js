/** Code that starts a sync-up of every server, with the values of this mock server. */
import { curlStart, quoted } from "./copy.js";

/** @typedef {{name: string, note: string, code: string}} Snippet */

const PATH = "/command/synchronize";

/**
 * Return the code for each language.
 * @param {Api.Connect} connect
 * @returns {Snippet[]}
 */
export function snippets(connect) {
  const { url, adminUrl, username, password, certificate } = connect;
  const text = JSON.stringify;
  const secret = password ?? "PASSWORD";
  const file = certificate?.path ?? "certs/mockcvp.pem";
  return [
    {
      name: "pytest",
      note: "The fixture starts a separate mock server for the test. For this one, see curl or the language of your client.",
      code: `def test_a_full_sync_up_starts(mock_cvp):
    with mock_cvp.client(headers={"Accept": "application/json"}) as http:
        response = http.post("command/synchronize")  # your program's call
    assert response.status_code == 202
    mock_cvp.assert_synchronized(sincetime=0)
`,
    },
    {
      name: "curl",
      note: "The second command lists the calls.",
      code: `${curlStart(connect)} -X POST -H 'Accept: application/json' ${quoted(url + PATH)}
${curlStart(connect)} ${quoted(`${adminUrl}/cvp/calls`)}
`,
    },
    {
      name: "Java",
      note: `keytool -importcert -noprompt -alias oamp -file ${file} -keystore oamp.p12 -storepass changeit; then
java -Djavax.net.ssl.trustStore=oamp.p12 -Djavax.net.ssl.trustStorePassword=changeit StartSyncUp.java`,
      code: `import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;

public class StartSyncUp {
  public static void main(String[] arguments) throws Exception {
    String credentials = ${text(username)} + ":" + ${text(secret)};
    HttpRequest request = HttpRequest.newBuilder(URI.create(${text(url + PATH)}))
        .header("Authorization", "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes()))
        .header("Accept", "application/xml")
        .POST(HttpRequest.BodyPublishers.noBody())
        .build();
    HttpResponse<String> response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    System.out.println(response.statusCode() + " " + response.body());
  }
}
`,
    },
    {
      name: "Node",
      note: `Start it with NODE_EXTRA_CA_CERTS=${file} node sync-up.mjs`,
      code: `const response = await fetch(${text(url + PATH)}, {
  method: "POST",
  headers: {
    Accept: "application/json",
    Authorization: \`Basic \${btoa(${text(`${username}:${secret}`)})}\`,
  },
});
console.log(response.status, await response.text());
`,
    },
    {
      name: "Go",
      note: "OAMP requires the header Accept.",
      code: `package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	pem, err := os.ReadFile(${text(file)})
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	request, err := http.NewRequest("POST", ${text(url + PATH)}, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.SetBasicAuth(${text(username)}, ${text(secret)})
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
}
`,
    },
    {
      name: "C#",
      note: "OAMP requires the header Accept.",
      code: `using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;

var policy = new X509ChainPolicy
{
    TrustMode = X509ChainTrustMode.CustomRootTrust,
    RevocationMode = X509RevocationMode.NoCheck,
};
policy.CustomTrustStore.ImportFromPemFile(${text(file)});
var handler = new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } };
using var client = new HttpClient(handler) { BaseAddress = new Uri(${text(`${url}/`)}) };
var credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes(${text(`${username}:${secret}`)}));
client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", credentials);
client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/xml"));
var response = await client.PostAsync("command/synchronize", null);
Console.WriteLine((int)response.StatusCode);
`,
    },
  ];
}
