/* The file format of tests/vm/data/sysctl-*: what was written to sysctls of a real kernel, and what came of
 * it. A block is a line "@" with names, as NAME=VALUE once a kernel was asked, and below it one line for each
 * write, in order:
 *
 *      TEXT OFFSET [RESULT [VALUE]]
 *
 *      ? NAME [VALUE]
 *
 * RESULT is "=" when all bytes were taken, their number, or the name of an errno; VALUE is what the file
 * shows afterwards, if that is not what it showed before; "?" asks for another name's in the same way. Every
 * name of the block has the same writes, beginning with its own value, and all other names have theirs of the
 * start. Words hold no blanks: \s \t \n \r \\ and \xHH stand for bytes, "" for no text, 5000*1 for 5000 times
 * "1". Header only, so that the probe needs no library. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYSCTL_TEXT_MAX = 8192, SYSCTL_WORD_MAX = 4 * SYSCTL_TEXT_MAX };

static inline size_t sysctl_text_byte(const char *word, char *ret)
{
        static const char from[] = "stnr\\", to[] = " \t\n\r\\";
        const char *plain = word[0] == '\\' && word[1] ? strchr(from, word[1]) : NULL;
        unsigned byte;

        if (word[0] != '\\') {
                *ret = word[0];
                return 1;
        }
        if (plain) {
                *ret = to[plain - from];
                return 2;
        }
        if (sscanf(word, "\\x%2x", &byte) != 1)
                abort();
        *ret = (char)byte;
        return 4;
}

/* Word -> bytes; returns how many. */
static inline size_t sysctl_text_decode(const char *word, char bytes[SYSCTL_TEXT_MAX])
{
        const char *star = strchr(word, '*');
        size_t n = 0;

        if (strcmp(word, "\"\"") == 0)
                return 0;
        if (star) {
                size_t times = strtoul(word, NULL, 10);
                char c;
                sysctl_text_byte(star + 1, &c);
                memset(bytes, c, times);
                return times;
        }
        while (*word)
                word += sysctl_text_byte(word, &bytes[n++]);
        return n;
}

/* Bytes -> word. Returns it. */
static inline char *sysctl_text_encode(const char *bytes, size_t len, char word[SYSCTL_WORD_MAX])
{
        static const char from[] = " \t\n\r\\", to[] = "stnr\\";
        char *p = word;

        if (len == 0)
                return strcpy(word, "\"\"");
        if (len > 40 && memcmp(bytes, bytes + 1, len - 1) == 0 && bytes[0] > ' ') {
                sprintf(word, "%zu*%c", len, bytes[0]);
                return word;
        }
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)bytes[i];
                const char *plain = c ? strchr(from, c) : NULL;
                if (plain)
                        p += sprintf(p, "\\%c", to[plain - from]);
                else if (c <= ' ' || c >= 0x7f || c == '*' || c == '"')
                        p += sprintf(p, "\\x%02x", c);
                else
                        *p++ = (char)c;
        }
        *p = '\0';
        return word;
}

/* RESULT of a write of len bytes that returned n, or -1 with this errno; of one without a name, "E524". */
static inline char *sysctl_text_result(ssize_t n, int error, size_t len, char word[32])
{
        const char *name = n < 0 ? strerrorname_np(error) : NULL;

        if (n >= 0 && (size_t)n == len)
                strcpy(word, "=");
        else if (n >= 0)
                snprintf(word, 32, "%zd", n);
        else if (name)
                snprintf(word, 32, "%s", name);
        else
                snprintf(word, 32, "E%d", error);
        return word;
}
