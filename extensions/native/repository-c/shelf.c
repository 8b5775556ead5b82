/*
 * shelf: a repository that is a text file and the archives beside it. README.md says what stands in the file.
 *
 * The parts, from the bottom: text that grows, JSON as far as it is needed, the list, the methods, the table.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "greffon.h"

/* ---- text that grows ------------------------------------------------------------------------------------------------- */

typedef struct text {
    char *at;
    size_t len, cap;
    bool lost; /* memory ran out */
} text;

static void put(text *t, const char *bytes, size_t len)
{
    if (t->lost)
        return;
    if (len > t->cap - t->len) {
        size_t cap = (t->cap + len) * 2 + 64;
        char *at = realloc(t->at, cap);
        if (!at) {
            t->lost = true;
            return;
        }
        t->at = at;
        t->cap = cap;
    }
    memcpy(t->at + t->len, bytes, len);
    t->len += len;
}

static void puts_to(text *t, const char *s)
{
    put(t, s, strlen(s));
}

/* A JSON text, with its quotes. */
static void put_json(text *t, const char *s)
{
    puts_to(t, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        char escaped[8];
        if (c == '"' || c == '\\') {
            escaped[0] = '\\';
            escaped[1] = (char)c;
            put(t, escaped, 2);
        } else if (c < 0x20) {
            put(t, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", c));
        } else {
            put(t, s, 1);
        }
    }
    puts_to(t, "\"");
}

static int32_t finish(text *t, int32_t status, greffon_bytes *out)
{
    if (t->lost) {
        free(t->at);
        return GREFFON_PANICKED; /* no bytes: there was no memory for them */
    }
    out->ptr = (uint8_t *)t->at;
    out->len = t->len;
    out->cap = t->cap;
    return status;
}

/* {"kind":…,"message":…,"hints":[…]} */
static int32_t fail(greffon_bytes *out, const char *kind, const char *message, const char *hint)
{
    text t = {0};
    puts_to(&t, "{\"kind\":");
    put_json(&t, kind);
    puts_to(&t, ",\"message\":");
    put_json(&t, message);
    if (hint) {
        puts_to(&t, ",\"hints\":[");
        put_json(&t, hint);
        puts_to(&t, "]");
    }
    puts_to(&t, "}");
    return finish(&t, GREFFON_FAILED, out);
}

/* ---- JSON, as far as it is needed: finding a key, reading a text or a number ------------------------------------------ */

typedef struct json {
    const char *at, *end;
} json;

static void blank(json *j)
{
    while (j->at < j->end && strchr(" \t\r\n", *j->at))
        j->at++;
}

static void skip_text(json *j)
{
    for (j->at++; j->at < j->end && *j->at != '"'; j->at++)
        if (*j->at == '\\')
            j->at++;
    j->at++;
}

static void skip_value(json *j)
{
    int depth = 0;
    do {
        blank(j);
        if (j->at >= j->end)
            return;
        if (*j->at == '"') {
            skip_text(j);
        } else if (strchr("{[", *j->at)) {
            depth++;
            j->at++;
        } else if (strchr("}]", *j->at)) {
            depth--;
            j->at++;
        } else if (strchr(",:", *j->at)) {
            j->at++;
        } else {
            while (j->at < j->end && !strchr(",:]} \t\r\n", *j->at))
                j->at++;
        }
        blank(j);
    } while (depth > 0 && j->at < j->end);
}

/* The value of a key of the object `j`; its keys are plain words. */
static bool find(json j, const char *key, json *value)
{
    size_t len = strlen(key);
    blank(&j);
    if (j.at >= j.end || *j.at != '{')
        return false;
    for (j.at++; j.at < j.end && *j.at != '}';) {
        blank(&j);
        const char *name = j.at + 1;
        if (j.at >= j.end || *j.at != '"')
            return false;
        skip_text(&j);
        bool same = j.at <= j.end && (size_t)(j.at - name) == len + 1 && memcmp(name, key, len) == 0;
        blank(&j);
        if (j.at >= j.end || *j.at != ':')
            return false;
        j.at++;
        blank(&j);
        json start = j;
        skip_value(&j);
        if (same) {
            *value = (json){start.at, j.at <= j.end ? j.at : j.end};
            return true;
        }
        if (j.at < j.end && *j.at == ',')
            j.at++;
    }
    return false;
}

static void put_utf8(text *t, unsigned code)
{
    char bytes[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(n == 1 ? code : (0xf00u >> n & 0xff) | code);
    put(t, bytes, n);
}

/* A JSON text as a C string, to be freed; NULL when it is no text. */
static char *read_text(json j)
{
    text t = {0};
    if (j.at >= j.end || *j.at != '"')
        return NULL;
    for (j.at++; j.at < j.end && *j.at != '"'; j.at++) {
        if (*j.at != '\\' || j.at + 1 >= j.end) {
            put(&t, j.at, 1);
            continue;
        }
        const char *from = "bfnrt", *to = "\b\f\n\r\t", *known = strchr(from, *++j.at);
        unsigned code, low;
        if (*j.at != 'u') {
            put(&t, known && *known ? to + (known - from) : j.at, 1);
        } else if (j.end - j.at > 4 && sscanf(j.at + 1, "%4x", &code) == 1) {
            j.at += 4;
            if (code >= 0xd800 && code < 0xdc00 && j.end - j.at > 6 && sscanf(j.at + 1, "\\u%4x", &low) == 1) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                j.at += 6;
            }
            put_utf8(&t, code);
        }
    }
    put(&t, "", 1);
    return t.lost ? (free(t.at), NULL) : t.at;
}

/* ---- the list --------------------------------------------------------------------------------------------------------- */

typedef struct entry {
    char *id, *version, *path, *sha256, *summary, *yanked; /* `version` NULL: the name alone; the last three may be NULL */
    char **needs;                                          /* "type/name" and requirement, in turn */
    size_t needed;
} entry;

typedef struct shelf {
    const greffon_host *host;
    char *list;   /* the file */
    char *folder; /* where it lies, with a slash at the end */
    char *bytes;  /* its content; the entries point into it */
    entry *entries;
    size_t count;
    bool read;
} shelf;

static void empty(shelf *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->entries[i].needs);
    free(s->entries);
    free(s->bytes);
    s->entries = NULL;
    s->bytes = NULL;
    s->count = 0;
}

/* The next word of a line; a word or the value after its `=` may stand in double quotes. */
static char *word(char **at)
{
    while (**at == ' ' || **at == '\t')
        ++*at;
    if (!**at || **at == '#')
        return NULL;
    char *start = *at, *to = *at;
    bool quoted = false;
    for (; **at && (quoted || (**at != ' ' && **at != '\t')); ++*at) {
        if (**at == '"')
            quoted = !quoted;
        else
            *to++ = **at;
    }
    if (**at)
        ++*at;
    *to = 0;
    return start;
}

/* Reads one line; gives what is wrong with it. */
static const char *read_line(shelf *s, char *line)
{
    entry e = {0};
    char *w;
    if (!(e.id = word(&line)))
        return NULL;
    char *slash = strchr(e.id, '/');
    if (!slash || slash == e.id || !slash[1])
        return "a line begins with `type/name`";
    if ((e.version = word(&line)) && !(e.path = word(&line)))
        return "after the version stands the archive's path";
    while ((w = word(&line))) {
        char *value = strchr(w, '=');
        if (!value)
            return "after the path stand `key=value` pairs: sha256, summary, yanked, needs";
        *value++ = 0;
        if (strcmp(w, "sha256") == 0) {
            if (strlen(value) != 64 || strspn(value, "0123456789abcdefABCDEF") != 64)
                return "`sha256` is 64 hex digits";
            e.sha256 = value;
        } else if (strcmp(w, "summary") == 0) {
            e.summary = value;
        } else if (strcmp(w, "yanked") == 0) {
            e.yanked = value;
        } else if (strcmp(w, "needs") == 0) {
            char *colon = strchr(value, ':');
            char **needs = realloc(e.needs, (e.needed + 1) * 2 * sizeof *needs);
            if (!needs) {
                free(e.needs);
                return "there is no memory for it";
            }
            if (colon)
                *colon = 0;
            e.needs = needs;
            e.needs[2 * e.needed] = value;
            e.needs[2 * e.needed++ + 1] = colon ? colon + 1 : (char *)"*";
        } else {
            free(e.needs);
            return "the keys are sha256, summary, yanked and needs";
        }
    }
    for (size_t i = 0; i < s->count && e.version; i++)
        if (s->entries[i].version && strcmp(s->entries[i].id, e.id) == 0 && strcmp(s->entries[i].version, e.version) == 0) {
            free(e.needs);
            return "this version stands in the list already";
        }
    entry *entries = realloc(s->entries, (s->count + 1) * sizeof *entries);
    if (!entries) {
        free(e.needs);
        return "there is no memory for it";
    }
    s->entries = entries;
    s->entries[s->count++] = e;
    return NULL;
}

/* Reads the list at the first question, so that every question of a run gets the same answer. */
static int32_t read_list(shelf *s, greffon_bytes *out)
{
    char message[600];
    if (s->read)
        return GREFFON_OK;
    FILE *file = fopen(s->list, "rb");
    if (!file) {
        snprintf(message, sizeof message, "could not read `%s`: %s", s->list, strerror(errno));
        return fail(out, errno == ENOENT ? "not-found" : "io", message, "`list` is relative to the manifest");
    }
    text t = {0};
    char part[4096];
    size_t got;
    while ((got = fread(part, 1, sizeof part, file)) > 0)
        put(&t, part, got);
    bool broken = ferror(file) || t.lost;
    fclose(file);
    put(&t, "", 1);
    if (broken || t.lost) {
        free(t.at);
        snprintf(message, sizeof message, "could not read `%s` whole", s->list);
        return fail(out, "io", message, NULL);
    }
    s->bytes = t.at;
    unsigned number = 1;
    for (char *line = s->bytes, *next; line; line = next, number++) {
        if ((next = strchr(line, '\n')))
            *next++ = 0;
        line[strcspn(line, "\r")] = 0;
        const char *wrong = read_line(s, line);
        if (wrong) {
            snprintf(message, sizeof message, "`%s`, line %u: %s", s->list, number, wrong);
            empty(s);
            return fail(out, "invalid", message, "TYPE/NAME VERSION PATH [sha256=…] [needs=TYPE/NAME:REQUIREMENT]… [yanked=WHY] [summary=\"…\"]");
        }
    }
    s->read = true;
    if (s->host) {
        int n = snprintf(message, sizeof message, "`%s` lists %zu versions", s->list, s->count);
        s->host->log(GREFFON_DEBUG, (const uint8_t *)message, (size_t)(n < 0 ? 0 : n));
    }
    return GREFFON_OK;
}

/* ---- the methods ------------------------------------------------------------------------------------------------------ */

static void put_info(text *t, const shelf *s, const entry *e)
{
    text path = {0};
    puts_to(t, "{\"version\":");
    put_json(t, e->version);
    if (e->summary) {
        puts_to(t, ",\"summary\":");
        put_json(t, e->summary);
    }
    if (e->yanked) {
        puts_to(t, ",\"yanked\":");
        put_json(t, e->yanked);
    }
    for (size_t i = 0; i < e->needed; i++) {
        puts_to(t, i ? "," : ",\"dependencies\":{");
        put_json(t, e->needs[2 * i]);
        puts_to(t, ":");
        put_json(t, e->needs[2 * i + 1]);
    }
    puts_to(t, e->needed ? "},\"download\":{\"path\":" : ",\"download\":{\"path\":");
    if (e->path[0] != '/')
        puts_to(&path, s->folder);
    put(&path, e->path, strlen(e->path) + 1);
    put_json(t, path.lost ? "" : path.at);
    free(path.at);
    if (e->sha256) {
        puts_to(t, ",\"sha256\":");
        put_json(t, e->sha256);
    }
    puts_to(t, "}}");
}

static int32_t versions(shelf *s, json request, greffon_bytes *out)
{
    json value;
    char *id = find(request, "id", &value) ? read_text(value) : NULL;
    if (!id)
        return fail(out, "invalid", "`versions` is asked about an `id`", NULL);
    text t = {0};
    bool known = false, first = true;
    for (size_t i = 0; i < s->count; i++) {
        const entry *e = &s->entries[i];
        if (strcmp(e->id, id) != 0)
            continue;
        if (!known)
            puts_to(&t, "[");
        known = true;
        if (!e->version)
            continue;
        if (!first)
            puts_to(&t, ",");
        first = false;
        put_info(&t, s, e);
    }
    puts_to(&t, known ? "]" : "null");
    free(id);
    return finish(&t, GREFFON_OK, out);
}

static bool holds(const char *hay, const char *needle)
{
    size_t len = strlen(needle);
    for (; hay && *hay; hay++) {
        size_t i = 0;
        while (i < len && tolower((unsigned char)hay[i]) == tolower((unsigned char)needle[i]))
            i++;
        if (i == len)
            return true;
    }
    return len == 0;
}

/* Hits in names first, then those in summaries; each element once. */
static int32_t search(shelf *s, json request, greffon_bytes *out)
{
    json value;
    char *words = find(request, "text", &value) ? read_text(value) : NULL;
    unsigned long long limit = find(request, "limit", &value) ? strtoull(value.at, NULL, 10) : 20, found = 0;
    if (!words)
        return fail(out, "invalid", "`search` is asked for a `text`", NULL);
    text t = {0};
    puts_to(&t, "[");
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < s->count && found < limit; i++) {
            const entry *e = &s->entries[i];
            bool named = holds(e->id, words), before = false;
            for (size_t j = 0; j < i && !before; j++)
                before = strcmp(s->entries[j].id, e->id) == 0;
            if (before || (round == 0 ? !named : named || !e->summary || !holds(e->summary, words)))
                continue;
            puts_to(&t, found++ ? ",{\"id\":" : "{\"id\":");
            put_json(&t, e->id);
            if (e->summary) {
                puts_to(&t, ",\"summary\":");
                put_json(&t, e->summary);
            }
            puts_to(&t, "}");
        }
    puts_to(&t, "]");
    free(words);
    return finish(&t, GREFFON_OK, out);
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

static void shelf_close(void *instance)
{
    shelf *s = instance;
    empty(s);
    free(s->list);
    free(s->folder);
    free(s);
}

static int32_t shelf_open(const greffon_host *host, const uint8_t *config, size_t len, void **instance, greffon_bytes *out)
{
    json whole = {(const char *)config, (const char *)config + len}, options, value;
    char *base = find(whole, "base", &value) ? read_text(value) : NULL;
    char *list = find(whole, "options", &options) && find(options, "list", &value) ? read_text(value) : NULL;
    shelf *s = calloc(1, sizeof *s);
    text path = {0};
    if (!base || !list || !*list || !s) {
        free(base);
        free(list);
        free(s);
        return fail(out, "manifest", "the shelf needs the option `list`", "for instance `list = \"packages/packages.list\"`");
    }
    if (list[0] != '/') {
        puts_to(&path, base);
        if (!*base || base[strlen(base) - 1] != '/')
            puts_to(&path, "/");
    }
    put(&path, list, strlen(list) + 1);
    free(base);
    free(list);
    s->host = host;
    s->list = path.lost ? NULL : path.at;
    s->folder = s->list ? malloc(strlen(s->list) + 1) : NULL;
    if (!s->folder) {
        shelf_close(s);
        return fail(out, "io", "there is no memory left", NULL);
    }
    strcpy(s->folder, s->list);
    *(strrchr(s->folder, '/') + 1) = 0;
    *instance = s;
    return GREFFON_OK;
}

static bool is(const uint8_t *method, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(method, name, len) == 0;
}

static int32_t shelf_call(void *instance, const uint8_t *method, size_t method_len, const uint8_t *request, size_t request_len, greffon_bytes *out)
{
    shelf *s = instance;
    json asked = {(const char *)request, (const char *)request + request_len};
    if (is(method, method_len, "describe")) {
        text t = {0};
        puts_to(&t, "{\"api\":1,\"role\":\"repository\",\"name\":\"shelf\",\"version\":\"1.0.0\",\"methods\":[\"versions\",\"search\"],\"threadsafe\":false}");
        return finish(&t, GREFFON_OK, out);
    }
    int32_t status = read_list(s, out);
    if (status != GREFFON_OK)
        return status;
    if (is(method, method_len, "versions"))
        return versions(s, asked, out);
    if (is(method, method_len, "search"))
        return search(s, asked, out);
    return fail(out, "unsupported", "the shelf has no such method", NULL);
}

static void shelf_free(greffon_bytes bytes)
{
    free(bytes.ptr);
}

GREFFON_EXPORT const greffon_table greffon_extension = {
    GREFFON_MAGIC, GREFFON_ABI, sizeof(greffon_table), shelf_open, shelf_call, shelf_free, shelf_close,
};
