/* test_list.c - the intrusive list. */
#include "base/list.h"

#include "run_tests.h"

struct item {
    int value;
    struct link link;
};

/* The values on the list as one decimal number. */
static int digits(const struct link *head)
{
    int number = 0;

    for (const struct link *l = head->next; l != head; l = l->next) {
        ck_assert_ptr_eq(l->next->prev, l);
        number = number * 10 + container_of(l, struct item, link)->value;
    }
    return number;
}

START_TEST(items_stand_in_the_order_of_appending)
{
    struct link head;
    struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };

    list_init(&head);
    ck_assert(list_empty(&head));
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    ck_assert(!list_empty(&head));
    ck_assert_int_eq(digits(&head), 123);
}
END_TEST

START_TEST(removing_twice_is_removing_once)
{
    struct link head;
    struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };

    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    list_remove(&b.link);
    list_remove(&b.link);
    ck_assert_int_eq(digits(&head), 13);
    list_remove(&a.link);
    list_remove(&c.link);
    ck_assert(list_empty(&head));
    ck_assert(list_empty(&c.link));
}
END_TEST

START_TEST(a_removed_item_can_be_appended_again)
{
    struct link head;
    struct item a = { .value = 1 }, b = { .value = 2 };

    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_remove(&a.link);
    list_append(&head, &a.link);
    ck_assert_int_eq(digits(&head), 21);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        items_stand_in_the_order_of_appending,
        removing_twice_is_removing_once,
        a_removed_item_can_be_appended_again,
    };
    return RUN_TESTS("list", tests);
}
