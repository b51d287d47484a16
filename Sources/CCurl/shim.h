#ifndef SENTINODE_CCURL_SHIM_H
#define SENTINODE_CCURL_SHIM_H

#include <curl/curl.h>

/* Swift cannot call variadic functions: each kind of option and answer spelled out. */
static inline CURLcode curl_set_number(CURL *curl, CURLoption option, long value) {
    return curl_easy_setopt(curl, option, value);
}

static inline CURLcode curl_set_text(CURL *curl, CURLoption option, const char *value) {
    return curl_easy_setopt(curl, option, value);
}

static inline CURLcode curl_set_pointer(CURL *curl, CURLoption option, const void *value) {
    return curl_easy_setopt(curl, option, value);
}

static inline CURLcode curl_set_callback(CURL *curl, CURLoption option, curl_write_callback value) {
    return curl_easy_setopt(curl, option, value);
}

/* 0 where it is not known. */
static inline long curl_number(CURL *curl, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(curl, info, &value) == CURLE_OK ? value : 0;
}

/* What a line of an answer's head ends in that is longer than libcurl takes. */
#if LIBCURL_VERSION_NUM >= 0x080600
static const CURLcode curl_line_too_long = CURLE_TOO_LARGE;
#else
static const CURLcode curl_line_too_long = CURLE_OUT_OF_MEMORY;
#endif

#endif
