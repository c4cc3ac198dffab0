/* test-precond.c - preconditions: what is read, what is answered, when all is there */
#include "media/sdp/precond.h"
#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

/* Lines without "a=", parted by "|". */
static void read_lines(const char *lines, cw_precond *ret)
{
    g_auto(GStrv) line = g_strsplit(lines, "|", -1);
    guint n = g_strv_length(line);
    g_autofree cw_sdp_attr *attr = g_new0(cw_sdp_attr, n + 1);

    for (guint i = 0; i < n; i++) {
        char *colon = strchr(line[i], ':');

        attr[i].name = (cw_span){ line[i], colon ? (size_t)(colon - line[i]) : strlen(line[i]) };
        if (colon)
            attr[i].value = (cw_span){ colon + 1, strlen(colon + 1) };
    }
    cw_precond_read(attr, n, ret);
}

static char *print(const cw_precond *precond)
{
    g_autoptr(GString) out = g_string_new(NULL);

    cw_precond_print(out, precond);
    g_string_replace(out, "\r\na=", "|", 0);
    g_string_replace(out, "\r\n", "", 0);
    return g_strdup(out->len ? out->str + 2 : "");
}

/* Offers of others, our answers, and whether we may alert then. */
static const struct {
    const char *name, *offer, *answer;
    bool met, lost;
} cases[] = {
    { "none", "sendrecv", "", true, false },
    { "rfc3312-13.2-first",
      "curr:qos local none|curr:qos remote none|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote sendrecv",
      false, false },
    { "rfc3312-13.2-update",
      "curr:qos local sendrecv|curr:qos remote sendrecv|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv",
      "curr:qos local sendrecv|curr:qos remote sendrecv|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv",
      true, false },
    { "ims-caller",
      "curr:qos local none|curr:qos remote none|des:qos mandatory local sendrecv|"
      "des:qos optional remote sendrecv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos optional local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote sendrecv",
      false, false },
    { "only-to-send",
      "curr:qos local send|des:qos mandatory local sendrecv|des:qos none remote sendrecv",
      "curr:qos local sendrecv|curr:qos remote recv|des:qos none local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote send",
      false, false },
    { "half-is-enough",
      "curr:qos local send|des:qos mandatory local send|des:qos optional local recv",
      "curr:qos local sendrecv|curr:qos remote recv|des:qos none local sendrecv|"
      "des:qos optional remote send|des:qos mandatory remote recv",
      true, false },
    { "end-to-end", "curr:qos e2e none|des:qos mandatory e2e sendrecv",
      "curr:qos e2e send|des:qos mandatory e2e sendrecv|conf:qos e2e recv", false, false },
    { "end-to-end-there", "curr:qos e2e send|des:qos mandatory e2e sendrecv",
      "curr:qos e2e sendrecv|des:qos mandatory e2e sendrecv", true, false },
    { "optional-only", "curr:qos local none|des:qos optional local sendrecv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos none local sendrecv|"
      "des:qos optional remote sendrecv",
      true, false },
    { "another-type", "curr:sec local none|des:sec mandatory local sendrecv|curr:qos local none",
      "curr:qos local sendrecv|curr:qos remote none|des:qos none local sendrecv|"
      "des:qos none remote sendrecv",
      false, true },
    { "failed", "curr:qos local none|des:qos failure local send",
      "curr:qos local sendrecv|curr:qos remote none|des:qos none local sendrecv|"
      "des:qos none remote sendrecv",
      true, true },
    { "malformed", "curr:|curr:qos|curr:qos here none|des:qos must local send|conf:qos local|des",
      "", true, false },
    { "blanks-and-case", "CURR:QoS  Local\tNone |des: qos MANDATORY local  sendrecv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos none local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote sendrecv",
      false, false },
};

static void test_cases(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        cw_precond theirs, ours, again;
        g_autofree char *text = NULL, *twice = NULL;

        g_test_message("%s", cases[i].name);
        read_lines(cases[i].offer, &theirs);
        cw_precond_answer(&theirs, &ours);
        text = print(&ours);
        g_assert_cmpstr(text, ==, cases[i].answer);
        g_assert_true(cw_precond_met(&ours) == cases[i].met);
        g_assert_true(cw_precond_lost(&theirs) == cases[i].lost);
        read_lines(text, &again);
        twice = print(&again);
        g_assert_cmpstr(twice, ==, text);
    }
}

/* What a 580 says of an offer, and what we say when we demand it. */
static const struct {
    const char *name, *offer, *refusal, *demand;
} refusals[] = {
    { "another-type", "curr:sec e2e none|des:sec mandatory local send",
      "des:sec unknown remote recv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote sendrecv" },
    { "theirs-failed", "curr:qos local none|des:qos failure local send",
      "curr:qos local sendrecv|curr:qos remote none|des:qos none local sendrecv|"
      "des:qos none remote send|des:qos failure remote recv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote sendrecv" },
    { "never-there", "curr:qos local none|des:qos mandatory local sendrecv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos none local sendrecv|"
      "des:qos failure remote sendrecv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote sendrecv" },
    { "optional-is-not-enough", "curr:qos local sendrecv|des:qos optional local sendrecv",
      "curr:qos local sendrecv|curr:qos remote sendrecv|des:qos none local sendrecv|"
      "des:qos optional remote sendrecv",
      "curr:qos local sendrecv|curr:qos remote sendrecv|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv" },
    { "nothing-said", "sendrecv", "",
      "curr:qos local sendrecv|curr:qos remote none|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote sendrecv" },
    { "long-type", "des:a-type-longer-than-any=other mandatory e2e sendrecv",
      "des:a-type-longer-t unknown e2e sendrecv",
      "curr:qos local sendrecv|curr:qos remote none|des:qos mandatory local sendrecv|"
      "des:qos mandatory remote sendrecv|conf:qos remote sendrecv" },
};

static void test_refusals(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        cw_precond theirs, ours;
        g_autofree char *refusal = NULL, *demand = NULL;

        g_test_message("%s", refusals[i].name);
        read_lines(refusals[i].offer, &theirs);
        cw_precond_refuse(&theirs, false, &ours);
        refusal = print(&ours);
        g_assert_cmpstr(refusal, ==, refusals[i].refusal);
        cw_precond_answer(&theirs, &ours);
        cw_precond_demand(&ours);
        demand = print(&ours);
        g_assert_cmpstr(demand, ==, refusals[i].demand);
    }
}

/* Our offer, their answer: the caller's way. */
static void test_offer(void)
{
    cw_precond ours, theirs;
    g_autofree char *text = NULL;

    cw_precond_offer(&ours);
    text = print(&ours);
    g_assert_cmpstr(text, ==,
                    "curr:qos local sendrecv|curr:qos remote none|des:qos optional local sendrecv|"
                    "des:qos optional remote sendrecv");
    g_assert_true(cw_precond_met(&ours)); /* nothing is mandatory */
    read_lines("curr:qos local none|curr:qos remote sendrecv|des:qos mandatory local sendrecv",
               &theirs);
    cw_precond_take(&ours, &theirs);
    g_assert_false(cw_precond_met(&ours));
    read_lines("curr:qos local sendrecv|curr:qos remote sendrecv|des:qos mandatory local sendrecv",
               &theirs);
    cw_precond_take(&ours, &theirs);
    g_assert_true(cw_precond_met(&ours));
    read_lines("sendrecv", &theirs); /* one that knows nothing of it */
    cw_precond_offer(&ours);
    cw_precond_take(&ours, &theirs);
    g_assert_true(cw_precond_met(&ours));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/precond/cases", test_cases);
    g_test_add_func("/precond/refusals", test_refusals);
    g_test_add_func("/precond/offer", test_offer);
    return g_test_run();
}
