/* The table on standard output and the same as JSON. */
#include "bench.h"
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

bool is_wanted(const struct bench *b, const char *name)
{
    for (int i = 0; i < b->n_wanted; i++)
        if (strstr(name, b->wanted[i]))
            return true;
    return b->n_wanted == 0;
}

void row(struct bench *b, const char *name, const char *what, double value)
{
    printf("%-44s %-46s %14.2f\n", name, what, value);
    fflush(stdout);
    if (b->json) {
        fprintf(b->json, "%s\n  {\"case\":\"%s\",\"figure\":\"%s\",\"value\":%.4f}",
                b->has_rows ? "," : "", name, what, value);
        fflush(b->json); /* a child must not inherit half of it */
    }
    b->has_rows = true;
}

void left_out(const char *name, const char *why)
{
    printf("%-44s left out: %s\n", name, why);
    fflush(stdout);
}
