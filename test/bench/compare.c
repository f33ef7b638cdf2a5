/* Interleaved repetitions (ours, the floor, another, ours ...), so that what the machine does
 * meanwhile befalls all alike. */
#include "bench.h"
#include <stdlib.h>
#include <string.h>

void contest_add(struct contest *c, const char *name, struct target t,
                 const struct traffic *traffic)
{
    if (c->n == MOST_CONTENDERS)
        die("too many contenders");
    struct contender *x = &c->v[c->n++];
    *x = (struct contender){ .name = name, .target = t, .traffic = *traffic };
    x->traffic.run_ns = c->bench->run_ns;
}

double ratio_of(const double *a, const double *b)
{
    double ratio[REPETITIONS];
    for (int i = 0; i < REPETITIONS; i++)
        ratio[i] = a[i] / b[i];
    return median(ratio, REPETITIONS);
}

static double median_of(const double *v)
{
    double copy[REPETITIONS];
    memcpy(copy, v, sizeof copy);
    return median(copy, REPETITIONS);
}

static void other_row(struct contest *c, const struct contender *x, const char *what, double value)
{
    char text[96];
    snprintf(text, sizeof text, "%s: %s", x->name, what);
    row(c->bench, c->name, text, value);
}

static void print(struct contest *c, const struct contender *floor)
{
    const struct contender *own = &c->v[0];
    char per_second[32], cpu[32];

    snprintf(per_second, sizeof per_second, "%s per second", c->units);
    snprintf(cpu, sizeof cpu, "CPU us per %s", c->unit);
    row(c->bench, c->name, "CPU, multiple of the floor", ratio_of(own->cpu_us, floor->cpu_us));
    row(c->bench, c->name, cpu, median_of(own->cpu_us));
    row(c->bench, c->name, per_second, median_of(own->per_s));
    row(c->bench, c->name, "throughput, share of the floor", ratio_of(own->per_s, floor->per_s));
    for (const struct contender *x = own + 1; x < floor; x++) {
        other_row(c, x, "CPU, multiple of the floor", ratio_of(x->cpu_us, floor->cpu_us));
        other_row(c, x, cpu, median_of(x->cpu_us));
        other_row(c, x, per_second, median_of(x->per_s));
        other_row(c, x, "our throughput is its, times", ratio_of(own->per_s, x->per_s));
    }
}

void contest_run(struct contest *c, enum floor_kind kind)
{
    struct traffic t = c->v[0].traffic;

    contest_add(c, "floor", start_floor((struct floor_job){ kind, t.frame_len, t.answer_len }), &t);
    for (int i = 0; i < c->n; i++)
        load_open(&c->v[i].load, &c->v[i].target, c->n_conns);
    for (int i = 0; i < c->n; i++)
        load_settle(&c->v[i].load);
    for (int r = 0; r < REPETITIONS; r++)
        for (int i = 0; i < c->n; i++) {
            struct contender *x = &c->v[i];
            struct figure f = c->run(&x->target, &x->load, &x->traffic);
            x->cpu_us[r] = f.cpu_us;
            x->per_s[r] = f.per_s;
        }
    print(c, &c->v[c->n - 1]);
    for (int i = 0; i < c->n; i++) {
        load_close(&c->v[i].load);
        if (i > 0)
            stop_target(&c->v[i].target);
        if (i < c->n - 1) /* the floor's traffic is ours */
            free(c->v[i].traffic.out);
    }
}
