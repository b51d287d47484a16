# shellcheck shell=bash
# Certificates for the broker's TLS listener: an authority, a server called localhost, a client. Sourced by scripts/stack.

# Makes a key and a certificate signed by the stack's authority. usage: sign NAME EXTENSIONS
sign() {
    openssl req -new -newkey rsa:2048 -nodes -subj "/O=Sentinode stack/CN=$1" \
        -keyout "$tls/$1-key.pem" -out "$tls/$1.csr" 2>/dev/null
    openssl x509 -req -in "$tls/$1.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca-key.pem" -CAcreateserial -days 825 -sha256 \
        -extfile <(printf '%s\n' "$2") -out "$tls/$1.pem" 2>/dev/null
    rm "$tls/$1.csr"
}

# Makes the certificates unless there are some that hold for another day.
make_certificates() {
    local tls=$stack/tls
    if [[ -f $tls/complete ]] && openssl x509 -checkend 86400 -noout -in "$tls/server.pem" >/dev/null; then return; fi
    say "making certificates"
    rm -rf "$tls"
    mkdir -m 700 "$tls"
    (
        umask 077
        openssl req -x509 -newkey rsa:2048 -nodes -days 825 -sha256 -subj "/O=Sentinode stack/CN=authority" \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
            -keyout "$tls/ca-key.pem" -out "$tls/ca.pem" 2>/dev/null
        sign server $'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
        sign client $'subjectAltName=DNS:client\nextendedKeyUsage=clientAuth'
    )
    touch "$tls/complete"
}
