/* The clock, and percentiles of the times that a program has measured. */
#pragma once
#include <stdlib.h>
#include <time.h>

/* Returns the time in seconds since an arbitrary moment. */
static inline double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline int by_value(const void *a, const void *b)
{
	float left = *(const float *)a, right = *(const float *)b;
	return (left > right) - (left < right);
}

static inline void sort_times(float *times, long count)
{
	qsort(times, (size_t)count, sizeof *times, by_value);
}

/* Returns a percentile of sorted times. */
static inline double percentile(const float *times, long count, long percent)
{
	return (double)times[count * percent / 100];
}
