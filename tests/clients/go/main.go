// A Go client that trusts one certificate and checks the host's name.
// Arguments: the URL of /cvp-config, user name, password, the certificate's PEM file.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	pem, err := os.ReadFile(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	startSyncUp(client, "json", os.Args[3], "application/json", `{"synchronize": {"servers": {"server": ["a"]}}}`)
	startSyncUp(client, "xml", os.Args[3], "application/xml", "<synchronize><servers><server>a</server></servers></synchronize>")
	startSyncUp(client, "wrong-password", os.Args[3]+"!", "application/json", "")
}

func startSyncUp(client http.Client, name, password, form, body string) {
	request, err := http.NewRequest("POST", os.Args[1]+"/command/synchronize", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.SetBasicAuth(os.Args[2], password)
	request.Header.Set("Accept", form)
	request.Header.Set("Content-Type", form)
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(name, response.StatusCode)
}
