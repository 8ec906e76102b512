"""How loud does a sound of 48 kHz seem to the ear? The A-weighting of IEC 61672-1 in integers of 32 bits.

All six poles of the curve are real, so it is six sections of first order: two high passes at 20.6 Hz (a, b), one at
107.7 Hz (c), one at 737.9 Hz (d), and two low passes (e, f). A high pass is ``y += x - x0 - k*y`` with k below 1/10:
only k is multiplied, so nine bits of it suffice, and the poles near 1 keep their place. The low passes are not the
bilinear transform of 12194 Hz, which is 2.7 dB wrong at 12.5 kHz, but poles and a zero fitted to the analytic curve:
within 0.05 dB up to 16 kHz. What is shifted out of a product stays in a fraction and is added the next time, so quiet
sounds do not stick and rounding is noise of less than one step.

Word lengths: a slot's 24 bits lose the lowest three, which leaves 2**20 for full scale. With an INMP441 (94 dB at -26
dBFS) 120 dB is full scale, and a step is 0 dB(A). No sound can drive a section over 3.7 times full scale (the sum of
the impulse response's amounts), hence no intermediate over 2**30: ``firmware/tests/test_a_weighting_bounds.py``
proves it and plays the worst sounds.

The square of 22 bits does not fit either: its high, mixed and low parts are summed apart, exactly, for 240 samples.
"""

from array import array

from firmware.noise.viper import const, micropython, ptr32

RATE = 48000
BLOCK = const(240)  # samples, 5 ms: the sums are safe for 500
FULL_SCALE = 1048576
# The mean square of a sine of 1 kHz with that amplitude, after the filter: 2**39 times the square of its gain, 1.66567.
FULL_SCALE_SQUARE = 1525267771754

# 20.598997 Hz: 0.0026928; 107.65265 Hz: 0.0139933; 737.86223 Hz: 0.0922063; fitted: 0.19125 and 0.295
_A = const(353)
_A_BITS = const(17)
_A_REST = const(131071)
_C = const(229)
_C_BITS = const(14)
_C_REST = const(16383)
_D = const(378)
_D_BITS = const(12)
_D_REST = const(4095)
_POLE = const(98)
_ZERO = const(151)
_E_BITS = const(9)
_E_REST = const(511)
_OVERLOAD = const(989923)  # -0.5 dBFS

# What is kept between two blocks: inputs, outputs and fractions of the sections, then the sums of the last block.
_HIGH, _MIXED, _LOW, _OVERLOADS, _SIZE = 13, 14, 15, 16, 17
_BIAS = const(536870912)  # viper reads words without a sign where an int has 64 bits


def silence() -> memoryview:
    """The state of a filter that has heard nothing."""
    return memoryview(array("I", [_BIAS] * _HIGH + [0] * (_SIZE - _HIGH)))


def energy(state: memoryview) -> int:
    """The sum of the squares of the last block."""
    return (state[_HIGH] << 22) + (state[_MIXED] << 12) + state[_LOW]


def overloads(state: memoryview) -> int:
    """How many samples of the last block were within 0.5 dB of full scale."""
    return state[_OVERLOADS]


@micropython.viper
def weigh(slots: ptr32, first: int, state: ptr32):
    """Weigh ``BLOCK`` slots from the first; the block's sums are in the state afterwards."""
    x0: int = state[0] - _BIAS
    ya: int = state[1] - _BIAS
    yb: int = state[2] - _BIAS
    yc: int = state[3] - _BIAS
    yd: int = state[4] - _BIAS
    ye: int = state[5] - _BIAS
    yf: int = state[6] - _BIAS
    fa: int = state[7] - _BIAS
    fb: int = state[8] - _BIAS
    fc: int = state[9] - _BIAS
    fd: int = state[10] - _BIAS
    fe: int = state[11] - _BIAS
    ff: int = state[12] - _BIAS
    high: int = 0
    mixed: int = 0
    low: int = 0
    overloaded: int = 0
    at: int = first
    end: int = first + BLOCK
    while at < end:
        x: int = ((slots[at] >> 11) & 2097151 ^ 1048576) - 1048576
        if x >= _OVERLOAD or x <= -_OVERLOAD:
            overloaded += 1
        t: int = _A * ya + fa
        fa = t & _A_REST
        new: int = ya + x - x0 - (t >> _A_BITS)
        x0 = x
        t = _A * yb + fb
        fb = t & _A_REST
        x = yb + new - ya - (t >> _A_BITS)
        ya = new
        t = _C * yc + fc
        fc = t & _C_REST
        new = yc + x - yb - (t >> _C_BITS)
        yb = x
        t = _D * yd + fd
        fd = t & _D_REST
        x = yd + new - yc - (t >> _D_BITS)
        yc = new
        yd = x
        t = _POLE * ye + fe
        fe = t & _E_REST
        new = x + (t >> _E_BITS)
        t = _ZERO * ye + _POLE * yf + ff
        ff = t & _E_REST
        yf = new + (t >> _E_BITS)
        ye = new
        x = yf if yf >= 0 else -yf
        t = x >> 11
        x = x & 2047
        high += t * t
        mixed += t * x
        low += x * x
        at += 1
    state[0] = x0 + _BIAS
    state[1] = ya + _BIAS
    state[2] = yb + _BIAS
    state[3] = yc + _BIAS
    state[4] = yd + _BIAS
    state[5] = ye + _BIAS
    state[6] = yf + _BIAS
    state[7] = fa + _BIAS
    state[8] = fb + _BIAS
    state[9] = fc + _BIAS
    state[10] = fd + _BIAS
    state[11] = fe + _BIAS
    state[12] = ff + _BIAS
    state[13] = high
    state[14] = mixed
    state[15] = low
    state[16] = overloaded
