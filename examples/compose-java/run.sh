#!/bin/sh
# Creates a key store with the mock server's certificate, and runs the consumer in a JVM that trusts only this certificate.
# CLASSES has the compiled classes, CLASS_PATH the libraries.
set -eu
store=$(mktemp -d)/oamp.jks
keytool -importcert -noprompt -alias oamp -file "$OAMP_CERTIFICATE" -keystore "$store" -storetype JKS -storepass changeit 2>/dev/null
exec java -Djavax.net.ssl.trustStore="$store" -Djavax.net.ssl.trustStorePassword=changeit -cp "$CLASSES:$CLASS_PATH" Consumer
