"""How much of the dust is water? Particles swell in humid air, and an optical sensor sees the swollen ones.

Growth by the kappa-Koehler theory, as Crilley et al. (2018), Atmos. Meas. Tech. 11, 709-720, equation 6, apply it to
low-cost sensors: dry = wet / (1 + (kappa / 1.65) / (1 / RH - 1)), 1.65 g/cm3 being the density of dry particles. 0.4 is
their kappa for a European city. Towards 100 % the formula has no bound, so the humidity is capped; over the cap the
correction is a lower bound of its size and the value is suspect.
"""

CAP = 9500  # hundredths of a percent


def dry(wet: int, humidity: int, kappa: int) -> int:
    """The same unit as ``wet``; humidity in hundredths of a percent, kappa in hundredths."""
    wetness = min(max(humidity, 0), CAP)
    dryness = 165 * (10000 - wetness)
    whole = dryness + kappa * wetness
    return (wet * dryness + whole // 2) // whole


def correct(values: dict, suspect: set, kappa: int) -> bool:
    """Add pm1, pm2_5 and pm10 without their water to the means of a period; whether it was over the cap."""
    if "relative_humidity" not in values or "pm2_5" not in values:
        return False
    humidity = values["relative_humidity"][0] // 10
    for quantity in ("pm1", "pm2_5", "pm10"):
        if quantity in values:
            wet, exponent = values[quantity]
            values[quantity + "_corrected"] = dry(wet, humidity, kappa), exponent
            if humidity > CAP or quantity in suspect or "relative_humidity" in suspect:
                suspect.add(quantity + "_corrected")
    return humidity > CAP
