#define _GNU_SOURCE
/* A repository of one element, and with -DTWIN=… the same with one fault. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "greffon.h"

#ifdef ELSEWHERE
#define greffon_extension another_name
#endif

enum { GOOD, WRONG_MAGIC, WRONG_ABI, SHORT, NULL_FREE, NOT_JSON, NOT_UTF8, GIB, SLEEPS, NULL_WITH_LENGTH, STATUS, BAD_FAILURE, ABORTS, SEGFAULTS,
       SEGFAULTS_AT_OPEN, OVERFLOWS, EXITS, FREES_TWICE, THREAD, STRANGE_METHOD, OTHER_ROLE, LATER, LACKS, REFUSES, CHATTY, SLOW, TWICE };

static const greffon_host *host;

static int32_t say(greffon_bytes *out, int32_t status, const char *json)
{
    size_t len = strlen(json);
    out->ptr = malloc(len ? len : 1);
    memcpy(out->ptr, json, len);
    out->len = out->cap = len;
    return status;
}

static volatile int sink;
static int deeper(int n)
{
    volatile char room[4096];
    room[0] = (char)n;
    return deeper(n + 1) + room[0];
}

static void *forever(void *unused)
{
    (void)unused;
    for (;;) {
        /* Not a call of greffon's: the host answers nothing here, and nothing breaks. */
        greffon_bytes out = {0};
        host->log(GREFFON_WARNING, (const uint8_t *)"from a thread", 13);
        if (host->call((const uint8_t *)"tree", 4, (const uint8_t *)"{}", 2, &out) == GREFFON_OK)
            abort();
        host->free(out);
        usleep(1000);
    }
    return NULL;
}

static int32_t open_it(const greffon_host *given, const uint8_t *config, size_t len, void **instance, greffon_bytes *out)
{
    (void)config, (void)len;
    host = given;
    if (TWIN == SEGFAULTS_AT_OPEN)
        raise(SIGSEGV);
    if (TWIN == REFUSES)
        return say(out, GREFFON_FAILED, "{\"kind\":\"manifest\",\"message\":\"the option `tea` is missing\",\"hints\":[\"add `tea = true`\"]}");
    if (TWIN == THREAD) {
        pthread_t thread;
        pthread_create(&thread, NULL, forever, NULL);
    }
    *instance = &host;
    return GREFFON_OK;
}

static int32_t chat(greffon_bytes *out)
{
    static const char question[] = "{\"text\":\"Which?\",\"flag\":\"--which\"}", read[] = "{\"method\":\"get\",\"request\":{}}";
    greffon_bytes got = {0};
    host->log(GREFFON_INFO, (const uint8_t *)"a line\x1b[31m", 11);
    host->progress((const uint8_t *)"task", 4, 1, 3);
    if (host->cancelled())
        return say(out, GREFFON_FAILED, "{\"kind\":\"interrupted\",\"message\":\"interrupted\"}");
    if (host->prompt((const uint8_t *)question, sizeof question - 1, &got) != GREFFON_OK) {
        host->free(got);
        return say(out, GREFFON_FAILED, "{\"message\":\"nobody answered\"}");
    }
    char answer[200] = "[", *to = answer + 1;
    memcpy(to, got.ptr, got.len);
    to += got.len;
    host->free(got);
    if (host->call((const uint8_t *)"context", 7, (const uint8_t *)read, sizeof read - 1, &got) != GREFFON_OK)
        return say(out, GREFFON_FAILED, "{\"message\":\"no context\"}");
    host->free(got);
    if (host->call((const uint8_t *)"no such thing", 13, (const uint8_t *)read, sizeof read - 1, &got) == GREFFON_OK)
        return say(out, GREFFON_FAILED, "{\"message\":\"something answered\"}");
    host->free(got);
    memcpy(to, "]", 2);
    return say(out, GREFFON_OK, answer);
}

static int32_t call_it(void *instance, const uint8_t *method, size_t method_len, const uint8_t *request, size_t len, greffon_bytes *out)
{
    (void)instance;
    if (method_len == 8 && memcmp(method, "describe", 8) == 0)
        return say(out, GREFFON_OK,
                   TWIN == STRANGE_METHOD ? "{\"api\":1,\"role\":\"repository\",\"name\":\"t\",\"version\":\"1\",\"methods\":[\"versions\",\"serch\"]}"
                   : TWIN == OTHER_ROLE   ? "{\"api\":1,\"role\":\"installer\",\"name\":\"t\",\"version\":\"1\",\"methods\":[\"place\"]}"
                   : TWIN == LATER        ? "{\"api\":9,\"shape\":\"new\"}"
                   : TWIN == LACKS        ? "{\"api\":1,\"role\":\"repository\",\"name\":\"t\",\"version\":\"1\",\"methods\":[]}"
                   : TWIN == SLOW         ? "{\"api\":1,\"role\":\"repository\",\"name\":\"t\",\"version\":\"1\",\"methods\":[\"versions\"],\"threadsafe\":true}"
                                          : "{\"api\":1,\"role\":\"repository\",\"name\":\"t\",\"version\":\"1\",\"methods\":[\"versions\"]}");
    switch (TWIN) {
    case NOT_JSON:
        return say(out, GREFFON_OK, "{\"version\":");
    case NOT_UTF8:
        return say(out, GREFFON_OK, "[\"\xff\xfe\"]");
    case GIB:
        out->ptr = malloc((size_t)1 << 30);
        out->len = out->cap = (size_t)1 << 30;
        return GREFFON_OK;
    case SLEEPS:
        sleep(300);
        break;
    case SLOW:
        sleep(2);
        break;
    case NULL_WITH_LENGTH:
        out->len = 5;
        return GREFFON_OK;
    case STATUS:
        return say(out, 7, "null");
    case BAD_FAILURE:
        return say(out, GREFFON_FAILED, "it went \"wrong\"");
    case ABORTS:
        abort();
    case SEGFAULTS:
        *(volatile int *)(uintptr_t)len = 1; /* `len` is a small number, never an address */
        break;
    case OVERFLOWS:
        sink = deeper(0);
        break;
    case EXITS:
        exit(0);
    case CHATTY:
        return chat(out);
    case TWICE:
        return say(out, GREFFON_OK, "[\"1.0\",\"1.0\"]");
    default:
        break;
    }
    return say(out, GREFFON_OK, memmem(request, len, "\"plugins/a\"", 11) ? "[\"1.0\"]" : "null");
}

static void free_it(greffon_bytes bytes)
{
    if (TWIN == FREES_TWICE)
        abort(); /* what a C library does when it is told to free twice; said outright, because not every one looks */
    free(bytes.ptr);
}

static void close_it(void *instance)
{
    (void)instance;
}

GREFFON_EXPORT const greffon_table
    greffon_extension
    = {
        TWIN == WRONG_MAGIC ? 1 : GREFFON_MAGIC,
        TWIN == WRONG_ABI ? 99 : GREFFON_ABI,
        TWIN == SHORT ? 24 : sizeof(greffon_table),
        open_it,
        call_it,
        TWIN == NULL_FREE ? NULL : free_it,
        close_it,
};
