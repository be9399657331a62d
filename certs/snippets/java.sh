# Java's roots and ours in a store of your own: `sh java.sh`, then use the line it prints.
store=${1:-overhear.p12}
home=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/ *java\.home = //p')
keytool -importkeystore -noprompt -srckeystore "$home/lib/security/cacerts" \
    -srcstorepass changeit -destkeystore "$store" -deststoretype PKCS12 -deststorepass changeit \
    2>/dev/null
keytool -importcert -noprompt -alias overhear -file "$(overhear ca path)" \
    -keystore "$store" -storepass changeit 2>/dev/null
echo "export JAVA_TOOL_OPTIONS='-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8484" \
    "-Djavax.net.ssl.trustStore=$(realpath "$store")" \
    "-Djavax.net.ssl.trustStorePassword=changeit'"
