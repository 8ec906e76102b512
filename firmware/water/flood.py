"""Is it flooded? A float switch and a measured depth become one answer that is early, and not wrong for one echo.

An echo over the threshold counts when the float is up as well or the next echo agrees; a float that is up counts by
itself, at the second look. Where the two contradict each other the answer is the worse one, and marked.
"""

DRY, WET, RISING, FLOODED, UNKNOWN = "dry", "wet", "rising", "flooded", "unknown"
_AGREE_MM = 100  # between an echo and the next one, and between the threshold and the height of the float
_RISE_MM = 20  # more than waves and the sensor's own noise
_HISTORY = 4  # echoes over which a rise is seen


class Flood:
    """``wet_mm`` < ``flood_mm`` above the floor; after ``silent`` looks without a sensor it is no longer believed."""

    def __init__(self, wet_mm: int, flood_mm: int, silent: int) -> None:
        self.state = UNKNOWN
        self.is_suspect = False  # float and depth contradict each other
        self.is_doubted = False  # this depth waits for the next one to confirm it
        self.is_alert = False  # something may be happening: look again soon
        self._wet_mm = wet_mm
        self._flood_mm = flood_mm
        self._silent = silent
        self._ups = 0  # looks in a row with the float up
        self._unheard = 0  # looks in a row without anything
        self._echoless = silent  # looks in a row without an echo: none was ever needed until the first came
        self._doubted = None  # a depth that nothing has confirmed
        self._levels = []  # the last depths that were believed, oldest first

    def judge(self, level_mm: int | None, is_up: bool | None) -> bool:
        """One look: depth in mm and the float, None for what gives nothing. Whether the state changed."""
        before = self.state
        self._ups = self._ups + 1 if is_up else 0
        self._echoless = self._echoless + 1 if level_mm is None else 0
        self._unheard = self._unheard + 1 if level_mm is None and is_up is None else 0
        level = None if level_mm is None else self._confirmed(level_mm, is_up)
        self.is_doubted = level_mm is not None and level is None
        near = level_mm is not None and self._is_over(level_mm)
        if self._unheard:
            self.state = UNKNOWN if self._unheard >= self._silent else self.state
        elif (is_up and (near or self._ups >= 2)) or (level is not None and self._is_over(level)):
            self.state = FLOODED
        elif level is not None:
            self.state = DRY if level < self._wet_mm else RISING if self._rises() else WET
        elif is_up is False and self._echoless >= self._silent:
            self.state = DRY  # nothing but the float speaks
        self.is_suspect = level is not None and is_up is not None and self._contradicts(level, is_up)
        self.is_alert = self.state != before or self.is_doubted or self._ups == 1 or self._rises()
        return self.state != before

    def _confirmed(self, level_mm: int, is_up: bool | None) -> int | None:
        """The depth, or None while nothing confirms that it jumped or crossed the threshold."""
        over = self._is_over(level_mm)
        last = self._levels[-1] if self._levels else None
        follows = last is not None and abs(level_mm - last) <= _AGREE_MM and over == self._is_over(last)
        agrees = self._doubted is not None and abs(level_mm - self._doubted) <= _AGREE_MM
        if not (follows or agrees or (over and is_up)):
            self._doubted = level_mm
            return None
        self._doubted = None
        self._levels = self._levels[1 - _HISTORY :] + [level_mm]
        return level_mm

    def _is_over(self, level_mm: int) -> bool:
        """Once flooded, it takes a little less to be no longer: waves don't make a change each."""
        return level_mm >= (self._flood_mm - _RISE_MM if self.state == FLOODED else self._flood_mm)

    def _contradicts(self, level_mm: int, is_up: bool) -> bool:
        if is_up:
            return level_mm < self._flood_mm - _AGREE_MM
        return level_mm > self._flood_mm + _AGREE_MM

    def _rises(self) -> bool:
        return len(self._levels) > 1 and self._levels[-1] - min(self._levels) >= _RISE_MM

    # ---- what a sleeping board keeps

    def remember(self) -> list:
        """Numbers that ``recall`` takes."""
        state = (DRY, WET, RISING, FLOODED, UNKNOWN).index(self.state)
        doubted = [] if self._doubted is None else [self._doubted]
        return [state, min(self._ups, 2), self._unheard, self._echoless, len(doubted)] + doubted + self._levels

    def recall(self, numbers: list) -> None:
        state, self._ups, self._unheard, self._echoless, doubted = numbers[:5]
        self.state = (DRY, WET, RISING, FLOODED, UNKNOWN)[state]
        self._doubted = numbers[5] if doubted else None
        self._levels = list(numbers[5 + doubted :])
