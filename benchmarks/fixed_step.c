/* Euler steps of the clipped two-minima flow, x' = -sign(g) min(1/|g|, M) L, for n starts.

   Written for the vector units: 64 lanes are taken through all the steps at once, so the lanes
   stay in the first-level cache and the inner loop is one straight line without a branch. */
#include <math.h>
#include <stddef.h>

#define LANES 64

void clipped_euler(double *x, size_t n, long steps, double h, double M)
{
    for (size_t first = 0; first < n; first += LANES) {
        double *restrict lane = x + first;
        size_t lanes = n - first < LANES ? n - first : LANES;
        for (long k = 0; k < steps; k++)
            for (size_t l = 0; l < lanes; l++) {
                double v = lane[l];
                double L = v * (v - 1) * (v - 3) * (v - 3) + 1.62276;
                double g = ((4 * v - 21) * v + 30) * v - 9;
                double rate = 1 / fabs(g);
                rate = rate < M ? rate : M;
                rate = g == 0 ? 0 : copysign(rate, g); /* sign(0) is 0 */
                lane[l] = v - h * rate * L;
            }
    }
}
