# An unchanged image through Overhear: `sh docker.sh IMAGE ARGS…`. Overhear must listen where
# containers reach it, such as `overhear --listen 172.17.0.1:8484`.
bundle=$(overhear ca bundle)
# The CA's folder is closed to others, and a container often runs as somebody else.
shared=$(mktemp -d) && cp "$bundle" "$shared/bundle.pem" && chmod -R a+rX "$shared"
proxy=http://host.docker.internal:${OVERHEAR_PORT:-8484}
set -- --add-host host.docker.internal:host-gateway -v "$shared:/overhear:ro" \
    -e HTTPS_PROXY="$proxy" -e https_proxy="$proxy" -e NO_PROXY=localhost,127.0.0.1,::1 \
    -e NODE_USE_ENV_PROXY=1 -e NODE_EXTRA_CA_CERTS=/overhear/bundle.pem \
    -e SSL_CERT_FILE=/overhear/bundle.pem -e REQUESTS_CA_BUNDLE=/overhear/bundle.pem \
    -e CURL_CA_BUNDLE=/overhear/bundle.pem -e AWS_CA_BUNDLE=/overhear/bundle.pem "$@"
docker run --rm -it "$@"
rm -r "$shared"
