"""Which way did a vehicle pass two beams? A before B is in, B before A is out.

The beams are nearer to each other than two vehicles ever are (half a metre), and a vehicle is longer than that. So a
vehicle breaks both at once, one that follows closely finds both whole again, and one that reverses undoes its own
steps. What breaks only one beam at a time is a person.
"""

IN, OUT, NONE = 1, -1, 0
# The way in, by (A broken, B broken); the way out is the same backwards.
_PLACES = {(False, False): 0, (True, False): 1, (True, True): 2, (False, True): 3}


class Passage:
    """``place``: how far the vehicle between the beams is, 0 to 4 on the way in; negative: it came from inside."""

    def __init__(self, place: int = 0, is_lost: bool = False) -> None:
        self.place = place
        self.is_lost = is_lost  # both beams changed at once: nobody can say what passed until both are whole

    def step(self, a: bool, b: bool) -> int:
        """The beams' new state; IN or OUT when a vehicle has left them on the other side."""
        position = _PLACES[(a, b)]
        if position == 0:
            left = self.place
            was_lost, self.is_lost, self.place = self.is_lost, False, 0
            if was_lost:
                return NONE
            return IN if left == 3 else OUT if left == -3 else NONE
        if self.is_lost:
            return NONE
        if self.place == 0:
            self.place = {1: 1, 3: -1}.get(position, 0)  # the first beam broken says the side it comes from
            self.is_lost = self.place == 0
            return NONE
        reached = position if self.place > 0 else 4 - position
        now = abs(self.place)
        if abs(reached - now) > 1:
            self.is_lost = True
        else:
            self.place = reached if self.place > 0 else -reached
        return NONE
