#!/bin/sh
# Makes a key store of the double's certificate, and runs the consumer in a JVM that trusts that and nothing else.
# CLASSES is where it is compiled to, CLASS_PATH what it needs.
set -eu
store=$(mktemp -d)/oamp.jks
keytool -importcert -noprompt -alias oamp -file "$OAMP_CERTIFICATE" -keystore "$store" -storetype JKS -storepass changeit 2>/dev/null
exec java -Djavax.net.ssl.trustStore="$store" -Djavax.net.ssl.trustStorePassword=changeit -cp "$CLASSES:$CLASS_PATH" Consumer
