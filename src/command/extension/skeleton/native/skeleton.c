/*
 * {{name}}: a repository in C that knows one element. greffon.h beside it is the reference.
 *
 *     cc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -o {{name}}.so {{name}}.c
 */
#include <stdlib.h>
#include <string.h>

#include "greffon.h"

/* Gives a copy of a text as the answer. */
static int32_t say(greffon_bytes *out, const char *json, int32_t status) {
    out->len = out->cap = strlen(json);
    out->ptr = malloc(out->len);
    if (!out->ptr)
        return GREFFON_PANICKED;
    memcpy(out->ptr, json, out->len);
    return status;
}

static int is(const uint8_t *text, size_t len, const char *word) {
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static int32_t own_open(const greffon_host *host, const uint8_t *config, size_t len, void **instance, greffon_bytes *out) {
    (void)config, (void)len, (void)out;
    *instance = (void *)host;
    return GREFFON_OK;
}

static int32_t own_call(void *instance, const uint8_t *method, size_t method_len, const uint8_t *request, size_t len, greffon_bytes *out) {
    (void)instance;
    if (is(method, method_len, "describe"))
        return say(out, "{\"api\":1,\"role\":\"repository\",\"name\":\"{{name}}\",\"version\":\"0.1.0\",\"methods\":[\"versions\"]}", GREFFON_OK);
    if (is(method, method_len, "versions")) {
        /* null: never heard of it. */
        if (!is(request, len, "{\"id\":\"plugins/quiz\"}"))
            return say(out, "null", GREFFON_OK);
        return say(out, "[{\"version\":\"1.0\",\"download\":{\"git\":\"https://git.example.org/quiz.git\",\"rev\":\"v1.0\"}}]", GREFFON_OK);
    }
    return say(out, "{\"kind\":\"unsupported\",\"message\":\"there is no such method\"}", GREFFON_FAILED);
}

static void own_free(greffon_bytes bytes) { free(bytes.ptr); }
static void own_close(void *instance) { (void)instance; }

GREFFON_EXPORT const greffon_table greffon_extension = {
    GREFFON_MAGIC, GREFFON_ABI, sizeof(greffon_table), own_open, own_call, own_free, own_close,
};
