/*
 * A GRU's gates in one pass over memory; what inference.mix computes, as exactly.
 *
 * exp(x) = 2^n exp(r) with n the whole number nearest to x / ln 2, so that |r| <= ln 2 / 2, where the Taylor
 * polynomial of degree 7 is off by a part in 10^8. New gate and update share one division: with E = exp(2 a), 2 a being
 * what is given, and F = exp(-b), tanh(a) = (E - 1) / (E + 1) and sigmoid(b) = 1 / (1 + F).
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline float within(float x, float limit)
{
    x = x < limit ? x : limit;
    return x > -limit ? x : -limit;
}

static inline float exponential(float x)
{
    float n = __builtin_nearbyintf(x * 1.44269504f);
    float r = x - n * 0.693147181f;
    float sum = 1.0f / 5040;
    sum = sum * r + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1.0f;
    sum = sum * r + 1.0f;
    int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* Rows of entering and kept are so many floats apart, those of state and next lie next to each other. */
void gates(const float *entering, ptrdiff_t entering_stride, const float *kept, ptrdiff_t kept_stride,
           const float *state, float *next, ptrdiff_t rows, ptrdiff_t size, int threads)
{
#pragma omp parallel for num_threads(threads) if (rows * size > 4096)
    for (ptrdiff_t row = 0; row < rows; row++) {
        const float *in = entering + row * entering_stride, *own = kept + row * kept_stride;
        const float *now = state + row * size;
        float *out = next + row * size;
#pragma omp simd
        for (ptrdiff_t i = 0; i < size; i++) {
            float reset = 1.0f / (1.0f + exponential(within(-in[i] - own[i], 30.0f)));
            float e = exponential(within(in[2 * size + i] + reset * own[2 * size + i], 30.0f));
            float f = exponential(within(-in[size + i] - own[size + i], 30.0f));
            out[i] = ((e - 1.0f) * f + (e + 1.0f) * now[i]) / ((e + 1.0f) * (1.0f + f));
        }
    }
}
