# Sends what is started from this shell through Overhear: `. env.sh`. Variables, not files: a
# new shell knows nothing of it.
overhear_root=$(overhear ca path) overhear_bundle=$(overhear ca bundle)
export HTTPS_PROXY=${OVERHEAR_PROXY:-http://127.0.0.1:8484}
export HTTP_PROXY=$HTTPS_PROXY https_proxy=$HTTPS_PROXY http_proxy=$HTTPS_PROXY
export NO_PROXY=${NO_PROXY:+$NO_PROXY,}localhost,127.0.0.1,::1
export no_proxy=$NO_PROXY
export NODE_USE_ENV_PROXY=1
# These add to a runtime's own roots.
export NODE_EXTRA_CA_CERTS=$overhear_root DENO_CERT=$overhear_root
# These replace them: never the root alone.
export SSL_CERT_FILE=$overhear_bundle REQUESTS_CA_BUNDLE=$overhear_bundle
export CURL_CA_BUNDLE=$overhear_bundle AWS_CA_BUNDLE=$overhear_bundle
export GIT_SSL_CAINFO=$overhear_bundle CODEX_CA_CERTIFICATE=$overhear_bundle
export GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=$overhear_bundle
unset overhear_root overhear_bundle
