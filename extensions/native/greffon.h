/*
 * greffon.h: how a native library serves greffon.
 *
 * A library exports one table, `greffon_extension`. Through it greffon opens an instance for a role (client, stock, repository,
 * downloader, installer), calls the role's methods with JSON, and gets JSON back. What each method is asked and answers stands
 * in README.md beside this file.
 *
 *     const greffon_table greffon_extension = {
 *         GREFFON_MAGIC, GREFFON_ABI, sizeof(greffon_table), my_open, my_call, my_free, my_close
 *     };
 *
 * The rules:
 *   - All text is UTF-8 with a length, never ended by a zero byte that counts.
 *   - Whoever makes bytes frees them: greffon gives the bytes of an answer back to `free` of the table, and the library gives
 *     the bytes of `prompt` and `call` back to `free` of the host. Allocators are never mixed.
 *   - A library is never unloaded. An instance may be opened, called and closed from any thread; calls to one instance come one
 *     after the other, unless `describe` says `"threadsafe": true`.
 *   - Nothing may unwind out of the library: no C++ exception, no Rust panic. Catch it and answer GREFFON_PANICKED.
 *   - The host's functions serve the call that is under way on the same thread. On other threads they do nothing.
 *   - Standard output belongs to greffon: say what there is to say through `log`.
 */
#ifndef GREFFON_H
#define GREFFON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The letters GREFFON and a zero byte, as a little-endian number. */
#define GREFFON_MAGIC UINT64_C(0x004e4f4646455247)
/* The version of the table. It changes where the table changes other than at its tail. */
#define GREFFON_ABI 1u

/* What a call gives back. */
#define GREFFON_OK 0        /* `out` is the answer, as JSON */
#define GREFFON_FAILED 1    /* `out` is why: {"kind":"not-found","message":"…","hints":["…"]}; `message` is enough */
#define GREFFON_PANICKED 2  /* `out` is plain text: the library caught a panic or an exception */

/* The levels of `log`. */
#define GREFFON_WARNING 0
#define GREFFON_INFO 1
#define GREFFON_DETAIL 2    /* shown with -v */
#define GREFFON_DEBUG 3     /* shown with -vv */

/* A total that is not known. */
#define GREFFON_UNKNOWN UINT64_MAX

/* Some bytes. `cap` is for the one who made them; greffon hands it back as it was. No bytes: a null `ptr` and a `len` of 0. */
typedef struct greffon_bytes {
    uint8_t *ptr;
    size_t len;
    size_t cap;
} greffon_bytes;

/* What greffon offers a library. `size` says how far it reaches: look before using what a later version added. */
typedef struct greffon_host {
    uint32_t abi;
    uint32_t size;

    /* Says a line. */
    void (*log)(int32_t level, const uint8_t *text, size_t len);

    /* Shows how far a task is. It appears when it is first named and goes when `done` reaches `total`. */
    void (*progress)(const uint8_t *task, size_t len, uint64_t done, uint64_t total);

    /* Not 0 when the user asked to stop or the time is over: come back soon, with a failure of the kind "interrupted". */
    int32_t (*cancelled)(void);

    /*
     * Asks a person. `question`: {"text":"Which?","choices":["a","b"],"default":"a","secret":false,"flag":"--which"}; only
     * `text` must be there. GREFFON_OK: `out` is a JSON text. GREFFON_FAILED: `out` is why (nobody is there).
     */
    int32_t (*prompt)(const uint8_t *question, size_t len, greffon_bytes *out);

    /*
     * Asks greffon: `request` is {"method":"…","request":{…}}, `name` is one of
     *   tree      read {"tree":ID,"path":P} -> {"text":…} or {"hex":…} or null · list {"tree":ID,"path":P} -> [{"name","kind","id"}] or null
     *   secret    get {"name":N} -> a text or null
     *   context   get -> {"offline":…,"refresh":…}
     *   inner     any method of the role that this library is laid over (`over = "builtin:…"`)
     *   stock, downloader, installer, repository:NAME     any method of theirs; for a client only
     */
    int32_t (*call)(const uint8_t *name, size_t name_len, const uint8_t *request, size_t request_len, greffon_bytes *out);

    /* Frees the bytes that `prompt` and `call` gave. */
    void (*free)(greffon_bytes bytes);
} greffon_host;

/* What a library exports, as `greffon_extension`. No function may be null. */
typedef struct greffon_table {
    uint64_t magic;     /* GREFFON_MAGIC */
    uint32_t abi;       /* GREFFON_ABI */
    uint32_t size;      /* sizeof(greffon_table) */

    /*
     * Makes an instance. `config`: {"api":1,"greffon":"0.1.0","role":"repository","name":"ours","base":"/folder/of/the/manifest",
     * "options":{…}}; relative paths in the options start from `base`. `host` stays valid as long as the process lives.
     * Fills `*instance` and gives GREFFON_OK, or fills `*out` and gives another status.
     */
    int32_t (*open)(const greffon_host *host, const uint8_t *config, size_t config_len, void **instance, greffon_bytes *out);

    /*
     * Answers a method. The first is always `describe`, which answers
     * {"api":1,"role":"repository","name":"shelf","version":"1.0","methods":["versions","search"],"threadsafe":false}.
     */
    int32_t (*call)(void *instance, const uint8_t *method, size_t method_len, const uint8_t *request, size_t request_len, greffon_bytes *out);

    /* Frees what `open` or `call` put into `out`. */
    void (*free)(greffon_bytes bytes);

    /* Ends an instance; no call is under way, none will follow. */
    void (*close)(void *instance);
} greffon_table;

#if defined(_WIN32)
#define GREFFON_EXPORT __declspec(dllexport)
#else
#define GREFFON_EXPORT __attribute__((visibility("default")))
#endif

extern GREFFON_EXPORT const greffon_table greffon_extension;

#ifdef __cplusplus
}
#endif

#endif /* GREFFON_H */
