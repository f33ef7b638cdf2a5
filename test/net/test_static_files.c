/* test_static_files.c - files and pages of a folder: what is answered, what is kept, and that nothing outside is read. */
#include "net/static_files.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../base/run_tests.h"

static char top[64], dir[128]; /* of this test; the front end is dir */
static struct static_files *s;
static struct http_reply r;
static char etag[64], extra[512], body_text[1 << 21];
static size_t body_len;
static int opened;

static const char *path_in(const char *base, const char *name)
{
    static char path[2][8192];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[0], "%s/%s", base, name);
    return path[turn];
}

static void write_at(const char *path, const char *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_msg(fd >= 0, "%s", path);
    while (len) {
        ssize_t n = write(fd, data, len);
        ck_assert_int_gt(n, 0);
        data += n;
        len -= (size_t)n;
    }
    close(fd);
}

static void write_file(const char *name, const char *text)
{
    write_at(path_in(dir, name), text, strlen(text));
}

static int descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void start(void)
{
    snprintf(top, sizeof top, "/tmp/test_static.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(top));
    snprintf(dir, sizeof dir, "%s/static", top);
    ck_assert_int_eq(mkdir(dir, 0755), 0);
    ck_assert_int_eq(static_files_open(dir, &s), OK);
    opened = descriptors();
}

static void stop(void)
{
    char command[128];
    ck_assert_int_eq(descriptors(), opened); /* none is left open by an answer */
    static_files_free(s);
    snprintf(command, sizeof command, "rm -r %s", top);
    ck_assert_int_eq(system(command), 0);
}

/* What the answer owns goes into body_text. */
static int taken(void)
{
    const char *at;

    body_len = 0;
    if (r.blob) {
        body_len = (size_t)r.len;
        ck_assert_uint_le(r.off + r.len, r.blob->len);
        memcpy(body_text, r.blob->data + r.off, body_len);
        blob_unref(r.blob);
    } else if (r.fd >= 0) {
        body_len = (size_t)r.len;
        ck_assert_uint_lt(body_len, sizeof body_text);
        ck_assert_int_eq(pread(r.fd, body_text, body_len, (off_t)r.off), (ssize_t)body_len);
        close(r.fd);
    } else if (r.body.len) {
        body_len = r.body.len;
        memcpy(body_text, r.body.data, body_len);
    }
    body_text[body_len] = 0;
    snprintf(extra, sizeof extra, "%.*s", (int)r.extra.len, r.extra.len ? r.extra.data : "");
    if ((at = strstr(extra, "ETag: ")) != NULL)
        sscanf(at, "ETag: %60s", etag);
    return r.status;
}

static struct http_head head;
static char head_text[4096];

static void read_head(const char *method, const char *headers)
{
    struct http_scan scan = { 0 };
    int n = snprintf(head_text, sizeof head_text, "%s / HTTP/1.1\r\nHost: h\r\n%s\r\n", method, headers);
    ck_assert_int_eq(http_head_parse(&head, &scan, bytes_of(head_text, (size_t)n)), n);
}

static int get_bytes(struct bytes path, const char *headers)
{
    read_head("GET", headers);
    static_files_get(s, &head, path, &r);
    return taken();
}

static int get(const char *path, const char *headers)
{
    return get_bytes(bytes_str(path), headers);
}

static int page(const char *name, const char *headers)
{
    read_head("GET", headers);
    static_files_page(s, &head, name, &r);
    return taken();
}

START_TEST(a_folder_that_is_not_there_cannot_be_opened)
{
    struct static_files *none;
    ck_assert_int_eq(static_files_open("/nonexistent/folder", &none), ERR_SYSTEM);
    ck_assert_int_eq(static_files_open("/dev/null", &none), ERR_SYSTEM);
    static_files_free(NULL);
}
END_TEST

START_TEST(a_file_has_its_type_its_tag_and_its_bytes)
{
    static const struct {
        const char *name, *type;
    } cases[] = {
        { "a.html", "text/html; charset=utf-8" }, { "a.css", "text/css; charset=utf-8" }, { "a.js", "text/javascript; charset=utf-8" },
        { "a.min.mjs", "text/javascript; charset=utf-8" }, { "a.JSON", "application/json" }, { "a.svg", "image/svg+xml" },
        { "a.PNG", "image/png" }, { "a.jpg", "image/jpeg" }, { "a.ico", "image/x-icon" }, { "a.woff2", "font/woff2" },
        { "a.txt", "text/plain; charset=utf-8" }, { "a", "application/octet-stream" }, { "a.unknown", "application/octet-stream" },
        { "a.", "application/octet-stream" }, { ".html", "text/html; charset=utf-8" }, { "d.html/plain", "application/octet-stream" },
    };
    start();
    mkdir(path_in(dir, "d.html"), 0755);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(cases[i].name, cases[i].name);
        ck_assert_int_eq(get(cases[i].name, ""), 200);
        ck_assert_str_eq(body_text, cases[i].name);
        ck_assert_msg(bytes_eq(r.content_type, bytes_str(cases[i].type)), "%s", cases[i].name);
        ck_assert_ptr_nonnull(strstr(extra, "ETag: \""));
    }
    stop();
}
END_TEST

START_TEST(what_is_no_file_is_404)
{
    start();
    write_file("file", "x");
    mkdir(path_in(dir, "folder"), 0755);
    mkfifo(path_in(dir, "fifo"), 0644);
    static const char *const none[] = { "", "none", "folder", "folder/", "folder/none", "file/", "file/x", "fifo", ".", "/", "/file" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_msg(get(none[i], "") == 404, "%s", none[i]);
    ck_assert_int_eq(get_bytes(bytes_of("file\0", 5), ""), 404);
    ck_assert_int_eq(get_bytes(bytes_of("file\0.png", 9), ""), 404);
    char name[5000];
    memset(name, 'a', sizeof name);
    for (size_t len = 4094; len < 4098; len++)
        ck_assert_int_eq(get_bytes(bytes_of(name, len), ""), 404);
    stop();
}
END_TEST

START_TEST(nothing_outside_the_folder_is_read)
{
    start();
    write_at(path_in(top, "secret"), "secret", 6);
    write_file("file", "x");
    mkdir(path_in(dir, "folder"), 0755);
    ck_assert_int_eq(symlink("../secret", path_in(dir, "link")), 0);
    ck_assert_int_eq(symlink(path_in(top, "secret"), path_in(dir, "absolute")), 0);
    ck_assert_int_eq(symlink("..", path_in(dir, "up")), 0);
    ck_assert_int_eq(symlink("/proc/self/root", path_in(dir, "magic")), 0);
    ck_assert_int_eq(symlink("../file", path_in(dir, "folder/inside")), 0);
    static const char *const out[] = { "../secret", "folder/../../secret", "link", "absolute", "up/secret", "/etc/passwd",
                                       "magic/etc/passwd", "./../secret", "folder/../../static/../secret" };
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        ck_assert_msg(get(out[i], "") == 404, "%s", out[i]);
        ck_assert_ptr_null(strstr(body_text, "secret"));
    }
    ck_assert_int_eq(get("folder/inside", ""), 200); /* a link that stays inside */
    stop();
}
END_TEST

START_TEST(a_tag_that_is_known_is_304)
{
    char line[256], known[64];
    start();
    write_file("a.js", "content");
    ck_assert_int_eq(get("a.js", ""), 200);
    snprintf(known, sizeof known, "%s", etag);
    static const char *const around[][2] = {
        { "", "" }, { "W/", "" }, { "\"x\", ", "" }, { "", ", \"x\"" }, { "\"x\",W/", ",\"y\"" },
    };
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        snprintf(line, sizeof line, "If-None-Match: %s%s%s\r\n", around[i][0], known, around[i][1]);
        ck_assert_msg(get("a.js", line) == 304, "%s", line);
        ck_assert_uint_eq(body_len, 0);
        ck_assert_str_eq(etag, known);
    }
    ck_assert_int_eq(get("a.js", "If-None-Match: *\r\n"), 304);
    ck_assert_int_eq(get("a.js", "If-None-Match: \"x\"\r\n"), 200);
    ck_assert_int_eq(get("a.js", "If-None-Match: \r\n"), 200);
    ck_assert_int_eq(get("none", "If-None-Match: *\r\n"), 404);
    stop();
}
END_TEST

START_TEST(an_edit_shows_at_the_next_request)
{
    char before[64];
    start();
    write_file("a.js", "one");
    ck_assert_int_eq(get("a.js", ""), 200);
    ck_assert_str_eq(body_text, "one");
    snprintf(before, sizeof before, "%s", etag);
    write_file("a.js", "other");
    ck_assert_int_eq(get("a.js", ""), 200);
    ck_assert_str_eq(body_text, "other");
    ck_assert_str_ne(etag, before);
    write_file("b.js", "third"); /* another file under the same name, of the same length */
    ck_assert_int_eq(rename(path_in(dir, "b.js"), path_in(dir, "a.js")), 0);
    ck_assert_int_eq(get("a.js", ""), 200);
    ck_assert_str_eq(body_text, "third");
    unlink(path_in(dir, "a.js"));
    ck_assert_int_eq(get("a.js", ""), 404);
    write_file("a.js", "one");
    ck_assert_int_eq(get("a.js", ""), 200);
    ck_assert_str_eq(etag, before); /* the tag is of the content */
    stop();
}
END_TEST

START_TEST(a_kept_file_goes_with_its_name)
{
    start();
    mkdir(path_in(dir, "folder"), 0755);
    mkdir(path_in(top, "outside"), 0755);
    write_at(path_in(top, "secret"), "secret", 6);
    write_at(path_in(top, "outside/f"), "secret", 6);
    write_file("a", "public");
    write_file("b", "public");
    write_file("folder/f", "public");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(get("a", ""), 200);
        ck_assert_int_eq(get("b", ""), 200);
        ck_assert_int_eq(get("folder/f", ""), 200);
    }
    unlink(path_in(dir, "a"));
    ck_assert_int_eq(symlink("../secret", path_in(dir, "a")), 0);
    ck_assert_int_eq(get("a", ""), 404);
    unlink(path_in(dir, "b"));
    ck_assert_int_eq(mkdir(path_in(dir, "b"), 0755), 0);
    ck_assert_int_eq(get("b", ""), 404);
    ck_assert_int_eq(rename(path_in(dir, "folder"), path_in(top, "moved")), 0);
    ck_assert_int_eq(get("folder/f", ""), 404);
    static const char *const out[] = { "../outside", "../moved" }; /* in the latter it is the same file */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(symlink(out[i], path_in(dir, "folder")), 0);
        ck_assert_int_eq(get("folder/f", ""), 404);
        unlink(path_in(dir, "folder"));
    }
    ck_assert_int_eq(rename(path_in(top, "moved"), path_in(dir, "folder")), 0);
    ck_assert_int_eq(get("folder/f", ""), 200);
    ck_assert_str_eq(body_text, "public");
    stop();
}
END_TEST

START_TEST(files_that_share_a_place_in_the_cache_are_not_mixed_up)
{
    char name[32];
    start();
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "f%d", i);
        write_file(name, name);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof name, "f%d", (i * 7) % 1000);
            ck_assert_int_eq(get(name, ""), 200);
            ck_assert_str_eq(body_text, name);
        }
    stop();
}
END_TEST

static const char *content_range(void)
{
    static char value[64];
    const char *at = strstr(extra, "Content-Range: ");
    snprintf(value, sizeof value, "%.*s", at ? (int)strcspn(at + 15, "\r") : 0, at ? at + 15 : "");
    return value;
}

START_TEST(ranges_are_206_or_416_or_nothing)
{
    static const struct {
        const char *range;
        int status;
        const char *body, *content_range;
    } cases[] = {
        { "bytes=0-0", 206, "0", "bytes 0-0/10" },
        { "bytes=2-5", 206, "2345", "bytes 2-5/10" },
        { "BYTES=2-5", 206, "2345", "bytes 2-5/10" },
        { "bytes=5-", 206, "56789", "bytes 5-9/10" },
        { "bytes=9-", 206, "9", "bytes 9-9/10" },
        { "bytes=9-9", 206, "9", "bytes 9-9/10" },
        { "bytes=5-99999", 206, "56789", "bytes 5-9/10" },
        { "bytes=0-900000000000000000", 206, "0123456789", "bytes 0-9/10" },
        { "bytes=-3", 206, "789", "bytes 7-9/10" },
        { "bytes=-10", 206, "0123456789", "bytes 0-9/10" },
        { "bytes=-999", 206, "0123456789", "bytes 0-9/10" },
        { "bytes=10-", 416, NULL, "bytes */10" },
        { "bytes=10-20", 416, NULL, "bytes */10" },
        { "bytes=-0", 416, NULL, "bytes */10" },
        { "bytes=18446744073709551615-", 416, NULL, "bytes */10" },
        { "bytes=18446744073709551616-", 416, NULL, "bytes */10" },
        { "bytes=99999999999999999999-99999999999999999999", 416, NULL, "bytes */10" },
        { "bytes=7-18446744073709551616", 206, "789", "bytes 7-9/10" },
        { "bytes=-18446744073709551616", 206, "0123456789", "bytes 0-9/10" },
        { "bytes=5-4", 200, "0123456789", "" },
        { "bytes=", 200, "0123456789", "" },
        { "bytes=-", 200, "0123456789", "" },
        { "bytes=a-b", 200, "0123456789", "" },
        { "bytes=1-2x", 200, "0123456789", "" },
        { "bytes=+1-2", 200, "0123456789", "" },
        { "bytes= 1-2", 200, "0123456789", "" },
        { "bytes=0-1,3-4", 200, "0123456789", "" }, /* several: the whole, as RFC 9110 allows */
        { "lines=0-1", 200, "0123456789", "" },
        { "0-1", 200, "0123456789", "" },
    };
    char line[128];
    start();
    write_file("f", "0123456789");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(line, sizeof line, "Range: %s\r\n", cases[i].range);
        ck_assert_msg(get("f", line) == cases[i].status, "%s: %d", cases[i].range, r.status);
        if (cases[i].body)
            ck_assert_str_eq(body_text, cases[i].body);
        ck_assert_str_eq(content_range(), cases[i].content_range);
    }
    write_file("empty", "");
    ck_assert_int_eq(get("empty", "Range: bytes=0-\r\n"), 416);
    ck_assert_int_eq(get("empty", "Range: bytes=-5\r\n"), 416);
    ck_assert_int_eq(get("empty", ""), 200);
    ck_assert_uint_eq(body_len, 0);
    stop();
}
END_TEST

START_TEST(a_range_of_another_version_is_the_whole)
{
    char line[256];
    start();
    write_file("f", "0123456789");
    get("f", "");
    snprintf(line, sizeof line, "Range: bytes=1-2\r\nIf-Range: %s\r\n", etag);
    ck_assert_int_eq(get("f", line), 206);
    ck_assert_int_eq(get("f", "Range: bytes=1-2\r\nIf-Range: \"x\"\r\n"), 200);
    ck_assert_int_eq(get("f", "Range: bytes=1-2\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 200);
    snprintf(line, sizeof line, "Range: bytes=1-2\r\nIf-None-Match: %s\r\n", etag);
    ck_assert_int_eq(get("f", line), 304);
    read_head("HEAD", "Range: bytes=1-2\r\n");
    static_files_get(s, &head, BYTES("f"), &r);
    ck_assert_int_eq(taken(), 200); /* RFC 9110: Range is for GET */
    stop();
}
END_TEST

START_TEST(a_large_file_is_sent_from_the_disk_and_a_small_one_from_memory)
{
    start();
    char *data = malloc(1 << 21);
    memset(data, 'x', 1 << 21);
    write_at(path_in(dir, "small"), data, 1 << 16);
    write_at(path_in(dir, "large"), data, (1 << 20) + 1);
    read_head("GET", "");
    static_files_get(s, &head, BYTES("small"), &r);
    ck_assert(r.blob && r.fd < 0);
    ck_assert_int_eq(taken(), 200);
    ck_assert_uint_eq(body_len, 1 << 16);
    static_files_get(s, &head, BYTES("large"), &r);
    ck_assert(!r.blob && r.fd >= 0);
    ck_assert_int_eq(taken(), 200);
    ck_assert_uint_eq(body_len, (1 << 20) + 1);
    char known[64], line[128];
    snprintf(known, sizeof known, "%s", etag);
    snprintf(line, sizeof line, "If-None-Match: %s\r\n", known);
    ck_assert_int_eq(get("large", line), 304);
    ck_assert_int_eq(get("large", "Range: bytes=5-9\r\n"), 206);
    ck_assert_str_eq(body_text, "xxxxx");
    ck_assert_int_eq(get("large", "Range: bytes=9999999-\r\n"), 416);
    data[7] = 'y';
    write_at(path_in(dir, "large"), data, (1 << 20) + 2);
    ck_assert_int_eq(get("large", line), 200);
    ck_assert_str_ne(etag, known);
    free(data);
    stop();
}
END_TEST

START_TEST(a_file_in_between_is_sent_from_the_disk_with_the_etag_of_its_contents)
{
    char first[64], line[128], *data = malloc(1 << 20);
    start();
    memset(data, 'x', 1 << 20);
    write_at(path_in(dir, "a"), data, (1 << 16) + 1);
    write_at(path_in(dir, "b"), data, (1 << 16) + 1);
    read_head("GET", "");
    for (int i = 0; i < 3; i++) { /* the first time it is read for its ETag, then not */
        static_files_get(s, &head, BYTES("a"), &r);
        ck_assert(!r.blob && r.fd >= 0);
        ck_assert_int_eq(taken(), 200);
        ck_assert_uint_eq(body_len, (1 << 16) + 1);
        ck_assert_int_eq(memcmp(body_text, data, body_len), 0);
    }
    snprintf(first, sizeof first, "%s", etag);
    snprintf(line, sizeof line, "If-None-Match: %s\r\n", first);
    ck_assert_int_eq(get("b", line), 304);
    ck_assert_int_eq(get("a", line), 304);
    ck_assert_int_eq(get("a", "Range: bytes=65535-\r\n"), 206);
    ck_assert_str_eq(body_text, "xx");
    data[5] = 'y';
    write_at(path_in(dir, "a"), data, (1 << 16) + 1);
    ck_assert_int_eq(get("a", line), 200);
    ck_assert_str_ne(etag, first);
    write_file("a", "short");
    ck_assert_int_eq(get("a", line), 200);
    ck_assert_str_eq(body_text, "short");
    free(data);
    stop();
}
END_TEST

START_TEST(a_file_with_a_very_long_path_is_served)
{
    char path[600] = "", name[128];
    start();
    memset(name, 'd', 100);
    name[100] = 0;
    for (int i = 0; i < 4; i++) {
        strcat(path, i ? "/" : "");
        strcat(path, name);
        ck_assert_int_eq(mkdir(path_in(dir, path), 0755), 0);
    }
    strcat(path, "/f.txt");
    write_file(path, "deep");
    ck_assert_int_eq(get(path, ""), 200);
    ck_assert_str_eq(body_text, "deep");
    write_file(path, "");
    ck_assert_int_eq(get(path, ""), 200);
    ck_assert_uint_eq(body_len, 0);
    stop();
}
END_TEST

/* --- pages --- */

START_TEST(a_page_stands_in_the_layout)
{
    start();
    write_file("index.html", "<p>page</p>");
    ck_assert_int_eq(page("index.html", ""), 200);
    ck_assert_str_eq(body_text, "<p>page</p>"); /* no layout: alone */
    mkdir(path_in(dir, "layout"), 0755);
    write_file("layout/layout.html", "<html>{{content}}</html>");
    ck_assert_int_eq(page("index.html", ""), 200);
    ck_assert_str_eq(body_text, "<html><p>page</p></html>");
    ck_assert(bytes_eq(r.content_type, BYTES("text/html; charset=utf-8")));
    ck_assert_int_eq(get("index.html", ""), 200);
    ck_assert_str_eq(body_text, "<p>page</p>"); /* as a file it is itself */
    write_file("layout/layout.html", "{{content}}-{{content}}{{content}}");
    ck_assert_int_eq(page("index.html", ""), 200);
    ck_assert_str_eq(body_text, "<p>page</p>-<p>page</p><p>page</p>");
    write_file("index.html", "{{content}}"); /* is not looked at again */
    ck_assert_int_eq(page("index.html", ""), 200);
    ck_assert_str_eq(body_text, "{{content}}-{{content}}{{content}}");
    write_file("index.html", "");
    ck_assert_int_eq(page("index.html", ""), 200);
    ck_assert_str_eq(body_text, "-");
    write_file("layout/layout.html", "no mark, {{ content }}");
    ck_assert_int_eq(page("index.html", ""), 200);
    ck_assert_str_eq(body_text, "no mark, {{ content }}");
    write_file("layout/layout.html", "");
    ck_assert_int_eq(page("index.html", ""), 200);
    ck_assert_str_eq(body_text, "");
    ck_assert_int_eq(page("none.html", ""), 404);
    stop();
}
END_TEST

START_TEST(an_edit_of_the_layout_changes_every_page)
{
    char first[64], line[128];
    start();
    mkdir(path_in(dir, "layout"), 0755);
    write_file("layout/layout.html", "1{{content}}");
    write_file("a.html", "a");
    write_file("b.html", "b");
    page("a.html", "");
    snprintf(first, sizeof first, "%s", etag);
    snprintf(line, sizeof line, "If-None-Match: %s\r\n", first);
    ck_assert_int_eq(page("a.html", line), 304);
    write_file("layout/layout.html", "22{{content}}");
    ck_assert_int_eq(page("a.html", line), 200);
    ck_assert_str_eq(body_text, "22a");
    ck_assert_str_ne(etag, first);
    page("b.html", "");
    ck_assert_str_eq(body_text, "22b");
    unlink(path_in(dir, "layout/layout.html"));
    page("a.html", "");
    ck_assert_str_eq(body_text, "a");
    stop();
}
END_TEST

START_TEST(a_large_layout_or_page_is_rendered_all_the_same)
{
    start();
    char *data = malloc((1 << 20) + 100);
    memset(data, 'x', (1 << 20) + 100);
    mkdir(path_in(dir, "layout"), 0755);
    write_file("a.html", "a");
    memcpy(data + 10, "{{content}}", 11);
    write_at(path_in(dir, "layout/layout.html"), data, (1 << 20) + 100);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(page("a.html", ""), 200);
        ck_assert_uint_eq(body_len, (1 << 20) + 100 - 11 + 1);
        ck_assert_mem_eq(body_text + 9, "xax", 3);
    }
    write_file("layout/layout.html", "[{{content}}]");
    write_at(path_in(dir, "a.html"), data, (1 << 20) + 100);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(page("a.html", ""), 200);
        ck_assert_uint_eq(body_len, (1 << 20) + 102);
    }
    free(data);
    stop();
}
END_TEST

START_TEST(an_answer_outlives_what_takes_its_place_in_the_cache)
{
    char name[32];
    start();
    write_file("first", "first");
    read_head("GET", "");
    static_files_get(s, &head, BYTES("first"), &r);
    struct http_reply held = r;
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "f%d", i);
        write_file(name, name);
        get(name, "");
    }
    ck_assert_mem_eq(held.blob->data, "first", 5);
    blob_unref(held.blob);
    stop();
}
END_TEST

START_TEST(without_descriptors_it_is_503)
{
    struct rlimit limit = { 64, 64 };
    int fds[64], n = 0;
    start();
    write_file("f", "x");
    write_file("kept", "k");
    ck_assert_int_eq(get("kept", ""), 200);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((fds[n] = dup(0)) >= 0)
        n++;
    ck_assert_int_eq(get("f", ""), 503);
    ck_assert_int_eq(page("f", ""), 503);
    ck_assert_int_eq(get("kept", ""), 200); /* it takes none */
    ck_assert_str_eq(body_text, "k");
    while (n > 0)
        close(fds[--n]);
    ck_assert_int_eq(get("f", ""), 200);
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_folder_that_is_not_there_cannot_be_opened,
        a_file_has_its_type_its_tag_and_its_bytes,
        what_is_no_file_is_404,
        nothing_outside_the_folder_is_read,
        a_tag_that_is_known_is_304,
        an_edit_shows_at_the_next_request,
        a_kept_file_goes_with_its_name,
        files_that_share_a_place_in_the_cache_are_not_mixed_up,
        ranges_are_206_or_416_or_nothing,
        a_range_of_another_version_is_the_whole,
        a_large_file_is_sent_from_the_disk_and_a_small_one_from_memory,
        a_file_in_between_is_sent_from_the_disk_with_the_etag_of_its_contents,
        a_file_with_a_very_long_path_is_served,
        a_page_stands_in_the_layout,
        an_edit_of_the_layout_changes_every_page,
        a_large_layout_or_page_is_rendered_all_the_same,
        an_answer_outlives_what_takes_its_place_in_the_cache,
        without_descriptors_it_is_503,
    };
    return sodium_init() < 0 ? EXIT_FAILURE : RUN_TESTS("static_files", tests);
}
