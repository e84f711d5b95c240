/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cancel NET SPEC LINES -- show what the solver does and stop it after so many lines.
 *
 * The main thread, which could be a window's or a server's, is not blocked: it waits
 * for lines and may cancel at any time.
 *
 *     cc cancel.c -o cancel -pthread $(pkg-config --cflags --libs dualcert)
 */
#include <dualcert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  dualcert_network *net;
  dualcert_spec *spec;
  dualcert_options *options;
  dualcert_result *result;
  int status;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int n_lines, is_done;
} Job;

/* On a thread of the library. */
static void note(void *context, int level, const char *text)
{
  Job *job = context;
  printf("[%d] %s\n", level, text);
  pthread_mutex_lock(&job->lock);
  job->n_lines++;
  pthread_cond_signal(&job->changed);
  pthread_mutex_unlock(&job->lock);
}

static void *verify(void *context)
{
  Job *job = context;
  job->status = dualcert_verify(job->net, job->spec, job->options, job->result);
  pthread_mutex_lock(&job->lock);
  job->is_done = 1;
  pthread_cond_signal(&job->changed);
  pthread_mutex_unlock(&job->lock);
  return NULL;
}

static void run(Job *job, int most)
{
  pthread_t thread;
  if (pthread_create(&thread, NULL, verify, job)) {
    job->status = DUALCERT_SYSTEM;
    return;
  }
  pthread_mutex_lock(&job->lock);
  while (!job->is_done && job->n_lines < most)
    pthread_cond_wait(&job->changed, &job->lock);
  pthread_mutex_unlock(&job->lock);
  dualcert_result_cancel(job->result); /* nothing happens when it is done */
  pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
  if (argc != 4) {
    fputs("usage: cancel NET SPEC LINES\n", stderr);
    return DUALCERT_USAGE;
  }
  Job job = {.net = dualcert_network_new(),
             .spec = dualcert_spec_new(),
             .options = dualcert_options_new(),
             .result = dualcert_result_new(),
             .lock = PTHREAD_MUTEX_INITIALIZER,
             .changed = PTHREAD_COND_INITIALIZER};
  dualcert_options_log(job.options, 2, note, &job);
  if ((job.status = dualcert_network_read_file(job.net, argv[1])))
    fprintf(stderr, "cancel: %s\n", dualcert_network_error(job.net));
  else if ((job.status = dualcert_spec_read_file(job.spec, job.net, argv[2])))
    fprintf(stderr, "cancel: %s\n", dualcert_spec_error(job.spec));
  else
    run(&job, atoi(argv[3]));
  if (!job.status)
    printf("%s (%s)\n", dualcert_verdict_name(dualcert_result_verdict(job.result)),
           dualcert_reason_name(dualcert_result_reason(job.result)));
  dualcert_result_free(job.result);
  dualcert_options_free(job.options);
  dualcert_spec_free(job.spec);
  dualcert_network_free(job.net);
  return job.status;
}
