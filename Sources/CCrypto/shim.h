#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

/* Parameters only point at their names and values, so they are made where they are used. */
static inline int hmac_sha256_start(EVP_MAC_CTX *context, const unsigned char *key, size_t length)
{
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", "SHA256", 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_init(context, key, length, parameters);
}
